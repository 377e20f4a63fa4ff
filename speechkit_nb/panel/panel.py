"""JobPanel: the panel of `views` with the clients of `client` behind it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..client import attach_job
from ..config import LANGUAGES, STREAM_ONLY, RecognitionConfig
from .job_panel import Panel
from .job_row import ON_ITS_WAY, Row
from .jobs_model import Shown
from .option_form import Option

if TYPE_CHECKING:
    from ..client import Client, JobRecord, JobSet
    from ..transcript import Transcript

MODELS = ("general", "general:rc", "general:deprecated", "deferred-general")
KINDS = {
    "language": "list",
    "excluded_language": "list",
    "classifiers": "list",
    "quantiles": "numbers",
    "summarization": "lines",
}
CHOICES = {"model": MODELS, "language": LANGUAGES, "excluded_language": LANGUAGES, "classifiers": ("gender",)}
HELPS = {
    "classifiers": "names, such as gender",
    "conversation_analysis": "statistics of who talks when, and over whom",
    "speaker_analysis": "statistics of each speaker",
    "simultaneous_silence_threshold": "shortest pause of the dialogue that counts as one",
    "simultaneous_speech_threshold": "shortest stretch of talking at once that counts as one",
    "summarization": "up to 16 instructions to that model",
}
"""Where the words of `RecognitionConfig` say more than a form takes, or speak of several options at once."""
FIRST = ("model", "language", "normalize")
OURS = (
    Option(
        "reuse", "flag", True, "take the earlier result of the same audio and options instead of paying again"
    ),
    Option("bucket", "text", None, "upload to this bucket of Object Storage; needed above 60 MB"),
)
COLUMNS = [field.name for field in fields(Row) if field.name not in ("id", "here")]
SAME = {
    "done": "was recognized before with the same options, and is not sent: without reuse it would be",
    "unknown": "may have been sent before with the same options: settle that job first",
}
UNDER_WAY = "is under way already, with the same options"


class JobPanel(Panel):
    """A panel to run recognitions from, in JupyterLab and Notebook 7.

    It shows the jobs of the journal, so after a restart of the kernel a new panel shows everything and goes
    on with what is open.

    Args:
        client: what it works with. None takes the credentials of the environment, and offers the local
            recognizer if there are none.
        folder: where choosing files begins; by default the folder of the notebook.

    Attributes:
        transcript, transcripts: what was opened last; everything that was opened.
        client: what it works with.
    """

    def __init__(self, client: Client | None = None, folder: str | os.PathLike[str] | None = None) -> None:
        desk = None if client is None else ClientDesk(client)
        super().__init__(desk, _connected, options(), folder)


class ClientDesk:
    """A client as the panel uses it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.name = client.service
        self._batches: list[tuple[JobSet, int]] = []
        self._reused: list[int] = []

    def look(self, most: int) -> Shown:
        """The newest jobs of the journal, those of other services, too, and before them what was reused."""
        news, journal = self._news(), self.client.journal
        rows = [self._row(record) for record in journal.newest(most, first=self._reused)]
        for row in rows:
            if row.here and row.state in ON_ITS_WAY:
                attach_job(self.client, row.id)
        return Shown(rows, journal.n_jobs, news)

    def submit(self, sources: Sequence[str | Path], options: Mapping[str, Any]) -> None:
        """Send recordings to be recognized, in a thread of the client."""
        jobs = self.client.submit_many(sources, progress=False, **options)
        self._batches.append((jobs, len(sources)))

    def open(self, id: int) -> Transcript:
        """The result of a job."""
        return attach_job(self.client, id).result(progress=False)

    def cancel(self, id: int) -> None:
        """Ask the service to stop it."""
        attach_job(self.client, id).cancel()

    def send_again(self, id: int) -> None:
        """Send its recording as a new job."""
        attach_job(self.client, id).resubmit()

    def abandon(self, id: int) -> None:
        """Take it for not sent."""
        attach_job(self.client, id).abandon()

    def delete(self, id: int) -> None:
        """Let the service forget its result."""
        attach_job(self.client, id).delete()

    def go_on(self) -> None:
        """Ask after the jobs that an earlier kernel left open."""
        self.client.resume()

    def close(self) -> None:
        """Hang up."""
        self.client.close()

    def _row(self, record: JobRecord) -> Row:
        here = record.service == self.name
        return Row(record.number, **{column: getattr(record, column) for column in COLUMNS}, here=here)

    def _news(self) -> list[str]:
        """What there is to say of batches that were sent since the last look."""
        sent = [batch for batch in self._batches if batch[0].complete]
        for batch in sent:
            self._batches.remove(batch)
        return [words for jobs, wanted in sent for words in self._told(jobs, wanted)]

    def _told(self, jobs: JobSet, wanted: int) -> Iterator[str]:
        found = [jobs[index] for index in range(len(jobs))]  # to iterate would be to wait
        reused = [job for job in found if job.reused]
        self._reused += [job.number for job in reused]
        for job in reused:
            yield f"{job.recording} {SAME.get(job.record.state, UNDER_WAY)}"
        sent = [job for job in found if not job.reused and job.operation_id is not None]
        refused = [job for job in found if not job.reused and job.operation_id is None]
        for jobs_, words in ((sent, "sent"), (refused, "not sent, the reason is in the table")):
            if jobs_:
                yield f"{jobs_[0].recording if len(jobs_) == 1 else len(jobs_)} {words}"
        if len(found) < wanted:
            yield f"stopped after {len(found)} of {wanted} recordings; the newest rows say why"


def _connected(target: str | None) -> ClientDesk:
    from ..client import connect

    return ClientDesk(connect(target))


def options() -> list[Option]:
    """What can be asked for: the fields of `RecognitionConfig` that mean something for a file, and ours.

    >>> [option.name for option in options()][:3], options()[0].default
    (['model', 'language', 'normalize'], 'general')
    """
    helps = help_of(RecognitionConfig.__doc__ or "") | HELPS
    known = [field for field in fields(RecognitionConfig) if field.name not in STREAM_ONLY]
    made = [_option(field.name, field.default, helps.get(field.name, "")) for field in known]
    return sorted([*made, *OURS], key=lambda option: not option.first)


def _option(name: str, default: Any, help: str) -> Option:
    kind = KINDS.get(name) or (
        "flag" if isinstance(default, bool) else "number" if default is None else "text"
    )
    default = [] if default == () else default
    return Option(name, kind, default, help, CHOICES.get(name, ()), name in FIRST)


def help_of(docstring: str) -> dict[str, str]:
    """The lines of a docstring's section `Attributes`, by name.

    >>> help_of('''What it is.
    ...
    ...     Attributes:
    ...         model: `"general"`, or
    ...             another.
    ...         low, high: bounds.
    ...
    ...     Raises:
    ...         ConfigError: never.
    ... ''')
    {'model': 'general, or another', 'low': 'bounds', 'high': 'bounds'}
    """
    section = re.search(r"Attributes:\n(.*?)(?:\n\s*\n|\Z)", docstring, re.DOTALL)
    found: dict[str, str] = {}
    for names, text in re.findall(r"(?m)^ {8}(\w[\w, ]*): (.*(?:\n {12}.*)*)", section[1] if section else ""):
        plain = re.sub(r"[`\"]", "", " ".join(text.split())).rstrip(".")
        found |= dict.fromkeys(names.split(", "), plain)
    return found
