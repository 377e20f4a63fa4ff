"""JobPanel: choose recordings, submit them, watch the jobs, open the results.

Threads do everything that touches the disk or the network, so that no cell waits for it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from types import NoneType

import ipywidgets as widgets

from ..client import Action, Client, connect
from ..errors import SpeechkitError, check_type, count_noun
from ..transcript import Transcript
from .controls import SignIn, StatusLine, heading_html, help_html, make_button, make_control
from .file_browser import FileBrowser
from .job_table import JobTable
from .jobs_model import JobRow, JobsModel
from .option_form import OptionForm
from .options import list_options
from .result_view import ResultView
from .threads import Worker

READ_EVERY = 1.0
"""Seconds between two reads of the journal."""
FILES, LINK = "Files of this machine", "Link to Object Storage"
MESSAGES = {
    "cancel": "The service was asked to cancel {}",
    "resubmit": "{} was sent again, as a new job",
    "abandon": "{} counts as not sent",
    "delete": "The service has deleted the result of {}; it stays in the journal",
}
"""What to show after each action."""


class JobPanel(widgets.VBox):  # type: ignore[misc]
    """A panel for running recognitions, in JupyterLab and Notebook 7.

    It shows the jobs of the journal. So after a restart of the kernel a new panel shows all of them, and
    continues with those that are not done yet.

    Args:
        client: the connection to the service. None uses the credentials of the environment, and offers the
            local recognizer if there are none.
        folder: the first folder for choosing files; default: the working folder, in which the notebook is.

    Raises:
        ConfigError: if an argument has another type.
    """

    _workers: Sequence[Worker] = ()

    def __init__(self, client: Client | None = None, folder: str | os.PathLike[str] | None = None) -> None:
        check_type("client", client, (Client, NoneType), "a client, as `sk.connect` returns it, or None")
        check_type("folder", folder, (str, os.PathLike, NoneType), "the path of a folder, or None")
        self._model: JobsModel | None = None
        self._own_client = client is None
        self._opened: dict[int, Transcript] = {}
        self._transcript: Transcript | None = None
        self._was_shown = False
        self.status = StatusLine()
        self._workers = [
            Worker(f"speechkit-panel-{name}", self.status.show_error)
            for name in ("disk", "network", "reader")
        ]
        self._disk, self._network, self._reader = self._workers
        self._journal = Worker("speechkit-panel-journal", self.status.show_error, self._update, READ_EVERY)
        self._make_controls(Path(folder or os.getcwd()))
        self._connect_controls()
        super().__init__(self._arrange())
        self.add_class("sk-jobs")
        self.browser.read()
        if client is None:
            self._connect_later(None)
        else:
            self._use(client)

    # --- for the user

    @property
    def transcript(self) -> Transcript | None:
        """The transcript that was opened last; None before that."""
        return self._transcript

    @property
    def transcripts(self) -> list[Transcript]:
        """The transcripts that were opened, in the order of their jobs."""
        return [self._opened[number] for number in sorted(self._opened)]

    @property
    def client(self) -> Client | None:
        """The connection to the service; None while there is none."""
        return self._model.client if self._model else None

    def finish(self) -> None:
        """Wait until all requests so far were sent; it does not wait for recognition."""
        for worker in self._workers:
            worker.wait()

    def close(self) -> None:
        """Remove the panel; a client that it made is closed. The jobs continue."""
        if self._workers:  # ipywidgets also closes a panel whose arguments were refused
            self._journal.close()
            if self._own_client and self.client is not None:
                self._network.run(self.client.close)
        for worker in self._workers:
            worker.close()
        super().close()

    # --- layout

    def _make_controls(self, folder: Path) -> None:
        self.head = widgets.HTML()
        self.browser = FileBrowser(
            folder, self._disk.run, self.status.show_message, self.status.show_error, self._update_submit
        )
        self.link = make_control(
            widgets.Text,
            "Link",
            "Address of a recording in Object Storage; separate several by spaces",
            {"display": "none"},
            placeholder="https://storage.yandexcloud.net/bucket/talk.ogg or s3://bucket/talk.ogg",
        )
        self.source = make_control(
            widgets.Dropdown,
            "Source",
            "Where the recordings are",
            {"max_width": "30em"},
            options=[FILES, LINK],
        )
        self.form = OptionForm(list_options())
        self.submit = make_button("Submit", "Send the chosen recordings to the service")
        self.submit.button_style, self.submit.disabled = "primary", True
        self.sign_in = SignIn(partial(self._connect_later, "local"), partial(self._connect_later, None))
        self.table = JobTable(self._run_action, self._update_soon)
        self.result = ResultView()

    def _arrange(self) -> list[widgets.Widget]:
        return [
            self.head,
            self.sign_in,
            widgets.HTML(heading_html("New job")),
            self.source,
            self.browser,
            self.link,
            self.form,
            widgets.HBox([self.submit]).add_class("sk-indent"),
            widgets.HTML(heading_html("Jobs")),
            self.status,
            self.table,
            self.result,
        ]

    def _connect_controls(self) -> None:
        self.source.observe(lambda _: self._show_source(), "value")
        self.link.observe(lambda _: self._update_submit(), "value")
        self.submit.on_click(lambda _: self._submit())

    # --- the service

    def _connect_later(self, target: str | None) -> None:
        self._network.run(lambda: self._connect(target))

    def _connect(self, target: str | None) -> None:
        if self._model is not None:  # the button was pressed twice
            return
        self.status.show_message(
            "Starting the local recognizer ..." if target else "Looking for credentials ..."
        )
        try:
            client = connect(target)
        except SpeechkitError as error:
            self.head.value = help_html("Not connected")
            self.sign_in.show(error)
            self.status.show_message("Not connected; the top of the panel says why")
        else:
            self._use(client)

    def _use(self, client: Client) -> None:
        self._model = JobsModel(client)
        self.sign_in.hide()
        self.head.value = f"Service: <b>{escape(client.service)}</b>"
        self.status.show_message("")
        self._update_submit()
        self._network.run(client.resume)
        self._update_soon()

    # --- a new job

    def _show_source(self) -> None:
        """Show the controls of the chosen source."""
        is_file = self.source.value == FILES
        self.browser.layout.display = None if is_file else "none"
        self.link.layout.display = "none" if is_file else None
        self._update_submit()

    @property
    def _sources(self) -> list[str | Path]:
        return [*self.browser.chosen] if self.source.value == FILES else [*self.link.value.split()]

    def _update_submit(self) -> None:
        n = len(self._sources)
        self.submit.description = f"Submit {n} recordings" if n > 1 else "Submit"
        self.submit.disabled = n == 0 or self._model is None

    def _submit(self) -> None:
        model, sources = self._model, self._sources
        if model is None or not sources:
            return

        def task() -> None:
            options = self.form.values()
            first = str(sources[0])
            if "://" in first:
                first = first.partition("?")[0]  # the rest may be a secret signature
            name = Path(first).name if len(sources) == 1 else count_noun(len(sources), "recording")
            self.status.show_message(f"Sending {name} ...")
            model.submit(sources, options)
            self._update_soon()

        self._network.run(task)

    # --- the jobs

    def _update(self) -> None:
        """Read the journal and show what has changed."""
        if self._model is None or self._is_hidden:
            return
        snapshot = self._model.snapshot(self.table.limit)
        self.table.show(snapshot.rows, snapshot.n_jobs, time.time())
        if snapshot.messages and not self.status.is_error:
            self.status.show_message("\n".join(snapshot.messages))

    @property
    def _is_hidden(self) -> bool:
        """Whether it was on a page before, and is on none now."""
        self._was_shown = self._was_shown or self.status.n_views > 0
        return self._was_shown and self.status.n_views <= 0

    def _update_soon(self) -> None:
        self._journal.run(self._update)

    def _run_action(self, action: Action, row: JobRow) -> None:
        worker = self._reader if action == "open" else self._network
        worker.run(lambda: self._open(row) if action == "open" else self._change(action, row))

    def _change(self, action: Action, row: JobRow) -> None:
        assert self._model is not None
        job = self._model.job(row.record.number)
        {"cancel": job.cancel, "resubmit": job.resubmit, "abandon": job.abandon, "delete": job.delete}[
            action
        ]()
        self.status.show_message(MESSAGES[action].format(row.record.recording))
        self._update_soon()

    def _open(self, row: JobRow) -> None:
        assert self._model is not None
        name, number = row.record.recording, row.record.number
        self.status.show_message(f"Opening {name} ...")
        transcript = self._model.job(number).result(progress=False)
        self._transcript = self._opened[number] = transcript
        self.status.show_message(f"The result of {name} is shown below")
        self.result.show(transcript, self._code_html(row))

    def _code_html(self, row: JobRow) -> str:
        """The code that gets the transcript into a variable, now and in a later kernel."""
        panel = find_variable(self) or "panel"
        code = {"In a cell": f"t = {panel}.transcript"}
        if row.record.operation_id and row.is_own:
            client = find_variable(self.client) or f"{panel}.client"
            code["At any time later"] = f't = {client}.job("{row.record.operation_id}").result()'
        cells = [f"<span>{when}</span><code>{escape(line)}</code>" for when, line in code.items()]
        return f'<div class="sk-code">{"".join(cells)}</div>'


def find_variable(value: object, variables: Mapping[str, object] | None = None) -> str:
    """The name of the notebook's variable with this value; `_3` if only the output of cell 3 has it.

    >>> panel = object()
    >>> find_variable(panel, {"_": panel, "mine": panel}), find_variable(panel, {"_7": panel, "_": panel})
    ('mine', '_7')
    """
    if variables is None:
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
        variables = shell.user_ns if shell is not None else {}
    names = [name for name, other in list(variables.items()) if other is value and name.strip("_")]
    return min(names, key=lambda name: name.startswith("_"), default="")


JobPanel.__module__ = "speechkit_nb"  # it prints under the name that users import
