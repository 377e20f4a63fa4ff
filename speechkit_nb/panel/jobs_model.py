"""The jobs as the panel shows them: the newest ones, and messages about what has changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..client import Action, Client, Job, JobRecord, JobSet, attach_job
from ..errors import count_noun

REUSED = {
    "done": "was recognized before with the same options, and is not sent again: turn reuse off to send it",
    "unknown": "may have been sent before with the same options: decide about that job first",
}
IN_PROGRESS = "is already being recognized with the same options"


@dataclass(frozen=True)
class JobRow:
    """One job of the table.

    Attributes:
        record: the job in the journal.
        is_own: whether the client of the panel is connected to its service.
    """

    record: JobRecord
    is_own: bool = True

    @property
    def actions(self) -> tuple[Action, ...]:
        """What the user can do with it. With a job of another service: open its stored result."""
        return tuple(
            action
            for action in self.record.state_info.actions
            if action != "wait" and (self.is_own or action == "open")
        )


class Snapshot(NamedTuple):
    """The newest jobs, how many there are in all, and messages about what changed since the last snapshot."""

    rows: list[JobRow]
    n_jobs: int
    messages: list[str]


class JobsModel:
    """The jobs of the journal of a client. Its methods may take long and may raise, so threads call them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._batches: list[tuple[JobSet, int]] = []
        self._reused: list[int] = []
        self._states: dict[int, str] = {}

    def snapshot(self, limit: int) -> Snapshot:
        """The newest jobs of all services, after those that were reused last."""
        messages = list(self._batch_messages())
        journal = self.client.journal
        records = journal.newest(limit, first=self._reused)
        rows = [JobRow(record, record.service == self.client.service) for record in records]
        for row in rows:
            if row.is_own and row.record.state_info.is_polled:
                self.job(row.record.number)  # checks its status in the background from now on
        messages += describe_changes(self._states, records)
        self._states = {record.number: record.state for record in records}
        return Snapshot(rows, journal.n_jobs, messages)

    def job(self, number: int) -> Job:
        """The job with that number in the journal, of any service."""
        return attach_job(self.client, number)

    def submit(self, sources: Sequence[str | Path], options: Mapping[str, Any]) -> None:
        """Send recordings in a thread of the client; each becomes a job of the journal."""
        jobs = self.client.submit_many(sources, progress=False, **options)
        self._batches.append((jobs, len(sources)))

    def _batch_messages(self) -> Iterator[str]:
        """Messages about the batches that were sent since the last snapshot."""
        for batch in list(self._batches):
            jobs, n_sources = batch
            if jobs.complete:
                self._batches.remove(batch)
                yield from self._describe_batch(jobs, n_sources)

    def _describe_batch(self, jobs: JobSet, n_sources: int) -> Iterator[str]:
        submitted = [jobs[index] for index in range(len(jobs))]  # `for job in jobs` would wait for each
        reused = [job for job in submitted if job.reused]
        self._reused += [job.number for job in reused]
        for job in reused:
            yield f"{job.recording} {REUSED.get(job.record.state, IN_PROGRESS)}"
        sent = [job for job in submitted if not job.reused and job.operation_id is not None]
        refused = [job for job in submitted if not job.reused and job.operation_id is None]
        for part, text in ((sent, "sent"), (refused, "not sent; the table shows the reason")):
            if part:
                name = part[0].recording if len(part) == 1 else count_noun(len(part), "recording")
                yield f"{name} {text}"
        if len(submitted) < n_sources:
            yield f"stopped after {len(submitted)} of {n_sources} recordings; the newest jobs show why"


def describe_changes(before: Mapping[int, str], records: Sequence[JobRecord]) -> list[str]:
    """Messages about jobs that have ended, for users who do not look at the table.

    Args:
        before: the earlier state of each job, by its number.
        records: the jobs now.

    >>> done = JobRecord(number=2, service="local", recording="b.wav", created_at=0, state="done")
    >>> describe_changes({2: "running"}, [done]), describe_changes({}, [done])
    (['b.wav: done'], [])
    """
    ended = [
        record
        for record in records
        if before.get(record.number, record.state) != record.state and not record.state_info.is_polled
    ]
    if len(ended) == 1:
        return [f"{ended[0].recording}: {ended[0].state_info.label}"]
    counts = Counter(record.state_info.label for record in ended)
    return [f"{count_noun(count, 'job')} {label}" for label, count in counts.items()]
