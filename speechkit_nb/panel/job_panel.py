"""The panel that recognitions are run from: choose, submit, watch, open.

It knows no client: it is handed a `Desk`, or a way to get one. Whatever touches the disk or the network is
done by threads of its own, so a cell never waits for it; what they find is written into the widgets.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from ..errors import SpeechkitError
from .controls import button, control, heading, label_of
from .file_browser import FileBrowser
from .job_row import ON_ITS_WAY, Row
from .job_table import JobTable
from .jobs_model import Connect, Desk
from .option_form import Option, OptionForm
from .page_widgets import Page
from .result_view import ResultView
from .sign_in import Offer
from .threads import Ticker, Worker

LOOK_EVERY = 1.0
"""Seconds between two looks into the journal."""
FILES, LINK = "Files of this machine", "Link to Object Storage"


class Panel(widgets.VBox):  # type: ignore[misc]
    """Choose recordings, submit them, see how they go, open what came out.

    Args:
        desk: the client; None tries `connect(None)`, and offers `connect("local")` where that fails.
        connect: a target -> a desk. What it raises for want of credentials is shown in words.
        options: what can be asked for.
        folder: where the file browser begins; by default the folder of the kernel.
    """

    def __init__(
        self,
        desk: Desk | None,
        connect: Connect,
        options: Sequence[Option],
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self._desk, self._connect = desk, connect
        self._own_desk = desk is None
        self._opened: dict[int, Any] = {}
        self._transcript: Any = None
        self._was_shown = False
        self._states: dict[int, str] = {}
        self._ticker: Ticker | None = None
        self._disk = Worker("speechkit-panel-disk", self._wrong)
        self._net = Worker("speechkit-panel-net", self._wrong)
        self._reader = Worker("speechkit-panel-open", self._wrong)
        self._make_controls(Path(folder or os.getcwd()), options)
        super().__init__(self._arranged())
        self._listen_to_controls()
        self.add_class("sk-jobs")
        self.browser.look()
        if desk is None:
            self._reach_soon(None)
        else:
            self._use(desk)

    # --- for the user

    @property
    def transcript(self) -> Any:
        """The transcript that was opened last; None before that."""
        return self._transcript

    @property
    def transcripts(self) -> list[Any]:
        """The transcripts that were opened, in the order of their jobs."""
        return [self._opened[id] for id in sorted(self._opened)]

    @property
    def client(self) -> Any:
        """The client it works with; None while there is none."""
        return self._desk.client if self._desk else None

    def finish(self) -> None:
        """Wait until what was asked for so far is done: handed over, not recognized."""
        self._disk.finish()
        self._net.finish()
        self._reader.finish()

    def close(self) -> None:
        """Take the panel away; a client it made itself is closed, the jobs go on."""
        if self._ticker is not None:
            self._ticker.close()
        if self._own_desk and self._desk is not None:
            self._net.do(self._desk.close)
        self.browser.upload.close()
        self._disk.close()
        self._net.close()
        self._reader.close()
        super().close()

    # --- how it is built

    def _make_controls(self, folder: Path, options: Sequence[Option]) -> None:
        self.head = widgets.HTML()
        self.page = Page()
        self.browser = FileBrowser(folder, self._disk.do, self._say, self._wrong, self._count)
        self.link = control(
            widgets.Text,
            "Link",
            "Address of a recording in Object Storage; several: between spaces",
            {"display": "none"},
            placeholder="https://storage.yandexcloud.net/bucket/talk.ogg or s3://bucket/talk.ogg",
        )
        self.origin = control(
            widgets.Dropdown,
            "Source",
            "Where the recordings are",
            {"max_width": "30em"},
            options=[FILES, LINK],
        )
        self.form = OptionForm(options)
        self.send = button("Submit", "Send what is chosen to be recognized")
        self.send.button_style, self.send.disabled = "primary", True
        self.offer = Offer(lambda: self._reach_soon("local"), lambda: self._reach_soon(None))
        self.table = JobTable(self._act, self._soon)
        self.result = ResultView()

    def _arranged(self) -> list[widgets.Widget]:
        return [
            self.head,
            self.offer,
            widgets.HTML(heading("New job")),
            self.origin,
            self.browser,
            self.link,
            self.form,
            widgets.HBox([self.send]).add_class("sk-indent"),
            widgets.HTML(heading("Jobs")),
            self.page,
            self.table,
            self.result,
        ]

    def _listen_to_controls(self) -> None:
        self.origin.observe(lambda _: self._turn(), "value")
        self.link.observe(lambda _: self._count(), "value")
        self.send.on_click(lambda _: self._submit())

    # --- the service

    def _reach_soon(self, target: str | None) -> None:
        self._net.do(lambda: self._reach(target))

    def _reach(self, target: str | None) -> None:
        if self._desk is not None:  # the button was pressed twice
            return
        self._say("Starting the local recognizer ..." if target else "Looking for credentials ...")
        try:
            desk = self._connect(target)
        except SpeechkitError as error:
            self.head.value = label_of("Not connected")
            self.offer.show(error)
            raise
        self._use(desk)

    def _use(self, desk: Desk) -> None:
        self._desk = desk
        self.offer.hide()
        self.head.value = f"Service: <b>{escape(desk.name)}</b>"
        self._say("")
        self._count()
        self._net.do(desk.go_on)
        self._ticker = self._ticker or Ticker("speechkit-panel-look", self._look, self._wrong, LOOK_EVERY)
        self._soon()

    # --- a new job

    def _turn(self) -> None:
        """Show the controls of the source that was chosen."""
        files = self.origin.value == FILES
        self.browser.layout.display = None if files else "none"
        self.link.layout.display = "none" if files else None
        self._count()

    @property
    def _sources(self) -> list[str | Path]:
        return list(self.browser.chosen) if self.origin.value == FILES else list(self.link.value.split())

    def _count(self) -> None:
        n = len(self._sources)
        self.send.description = f"Submit {n} recordings" if n > 1 else "Submit"
        self.send.disabled = n == 0 or self._desk is None

    def _submit(self) -> None:
        desk, sources = self._desk, self._sources
        if desk is None or not sources:
            return

        def task() -> None:
            options = self.form.values()
            self._say(f"Sending {_named(sources)} ...")
            desk.submit(sources, options)
            self._soon()

        self._net.do(task)

    # --- the jobs

    def _look(self) -> None:
        if self._desk is None or self._hidden:
            return
        shown = self._desk.look(self.table.limit)
        self.table.show(shown.rows, shown.total, time.time())
        news = [*shown.news, *changes(self._states, shown.rows)]
        self._states = {row.id: row.state for row in shown.rows}
        if news and not self.page.wrong:
            self._say("\n".join(news))

    @property
    def _hidden(self) -> bool:
        """Whether it was on a page and is on none any more."""
        self._was_shown = self._was_shown or self.page.views > 0
        return self._was_shown and self.page.views <= 0

    def _soon(self) -> None:
        if self._ticker is not None:
            self._ticker.soon()

    def _act(self, name: str, row: Row) -> None:
        desk = self._desk
        if desk is None:
            return
        if name == "open":
            self._reader.do(lambda: self._open(row, desk))
        else:
            self._net.do(lambda: self._do(name, row, desk))

    def _do(self, name: str, row: Row, desk: Desk) -> None:
        do, words = {
            "cancel": (desk.cancel, "Asked the service to cancel {}"),
            "retry": (desk.send_again, "{} was sent again, as a new job"),
            "resend": (desk.send_again, "{} was sent again, as a new job"),
            "abandon": (desk.abandon, "{} counts as not sent"),
            "delete": (desk.delete, "The service has forgotten the result of {}; the journal keeps it"),
        }[name]
        do(row.id)
        self._say(words.format(row.recording))
        self._soon()

    def _open(self, row: Row, desk: Desk) -> None:
        self._say(f"Opening {row.recording} ...")
        transcript = self._transcript = self._opened[row.id] = desk.open(row.id)
        self._say(f"{row.recording} is open below")
        self.result.show(transcript, self._lines(row))

    def _lines(self, row: Row) -> str:
        """The lines to copy for those who want the transcript in a variable."""
        panel = name_of(self) or "panel"
        lines = {"In a cell": f"t = {panel}.transcript"}
        if row.operation_id and row.here:
            client = name_of(self.client) or f"{panel}.client"
            lines["Any time later"] = f't = {client}.job("{row.operation_id}").result()'
        cells = [f"<span>{name}</span><code>{escape(line)}</code>" for name, line in lines.items()]
        return f'<div class="sk-lines">{"".join(cells)}</div>'

    # --- what it says

    def _say(self, words: str) -> None:
        self.page.say(words)

    def _wrong(self, words: str) -> None:
        self.page.say(words, wrong=True)


def changes(before: Mapping[int, str], rows: Sequence[Row]) -> list[str]:
    """What became of jobs that were on their way, in words for those who do not look at the table.

    >>> changes({1: "running", 2: "done"}, [Row(2, "b.wav", "done"), Row(1, "a.wav", "failed")])
    ['a.wav: failed']
    """
    news = [row for row in rows if before.get(row.id, row.state) != row.state and row.state not in ON_ITS_WAY]
    if len(news) == 1:
        return [f"{news[0].recording}: {news[0].state}"]
    counts = Counter(row.state for row in news)
    return [f"{count} jobs {state}" for state, count in counts.items()]


def _named(sources: Sequence[str | Path]) -> str:
    return Path(sources[0]).name if len(sources) == 1 else f"{len(sources)} recordings"


def name_of(thing: Any, names: Mapping[str, Any] | None = None) -> str:
    """The variable of the notebook that holds it; `_3` if only the output of cell 3 does, or nothing.

    >>> panel = object()
    >>> name_of(panel, {"_": panel, "mine": panel}), name_of(panel, {"_7": panel, "_": panel})
    ('mine', '_7')
    """
    if names is None:
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
        names = shell.user_ns if shell is not None else {}
    holding = [name for name, value in list(names.items()) if value is thing and name.strip("_")]
    return min(holding, key=lambda name: name.startswith("_"), default="")
