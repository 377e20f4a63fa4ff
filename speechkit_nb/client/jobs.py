"""A submitted recognition: ask after it, wait for it, fetch what came out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import pandas as pd

from ..errors import (
    JobCancelled,
    JobError,
    JobFailed,
    JobUnknown,
    NotFound,
    NotReady,
    WaitTimeout,
)
from ..transcript import Transcript
from .journal import Entry
from .service import OperationStatus
from .waiting import Pace, Progress, shown

KEPT_FOR = 3 * 24 * 3600.0
"""Seconds for which the service keeps a result."""
TICK = 0.25
NEVER_ANSWERED = "the process that submitted it ended before the answer came"
READY_WITHIN = 60.0
"""Seconds for which "not ready" is believed of an operation that is done."""


class Job:
    """One recognition on its way. It knows the service only as functions it is given.

    Args:
        entry: its row in the journal.
        refresh: operation id -> where it stands.
        fetch: operation id -> its messages and when each arrived.
        cancel, delete: operation id -> None.
        pace: when to ask.
        clock, sleep: seconds since the epoch; wait that long.
        source: the recording, for the pictures of its transcript.
    """

    def __init__(
        self,
        entry: Entry,
        *,
        refresh: Callable[[str], OperationStatus],
        fetch: Callable[[str], list[tuple[bytes, float]]],
        cancel: Callable[[str], None],
        delete: Callable[[str], None],
        pace: Pace | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Any] = time.sleep,
        source: Any = None,
    ) -> None:
        self._entry = entry
        self._refresh, self._fetch, self._cancel, self._delete = refresh, fetch, cancel, delete
        self._pace = pace or Pace()
        self._clock, self._sleep = clock, sleep
        self._source = source

    @property
    def operation_id(self) -> str | None:
        """The service's id; None while it is not known."""
        return self._entry.facts["operation_id"]  # type: ignore[no-any-return]

    @property
    def recording(self) -> str:
        """Id of the recording."""
        return str(self._entry.facts["recording"])

    @property
    def status(self) -> str:
        """Where the job stands; asks the service while it is running. States: see `client.journal`."""
        return self._ask()["state"]  # type: ignore[no-any-return]

    @property
    def done(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.status not in ("submitting", "running")

    def result(self, timeout: float | None = None, progress: Progress = True) -> Transcript:
        """Wait until the job is done and return its transcript.

        Interrupting it (Ctrl-C, or the stop button of a notebook) stops the wait, not the job.

        Args:
            timeout: seconds to wait at most; None waits as long as it takes.
            progress: True shows a bar, or a function of (fraction, status).

        Raises:
            WaitTimeout: if it is not done by then; the job goes on.
            JobFailed, JobCancelled, JobUnknown: if it has no result.
        """
        self._wait(timeout, progress)
        return self._transcript()

    def _wait(self, timeout: float | None, progress: Progress) -> None:
        try:
            for pause in self._waiting(timeout, progress):
                self._sleep(pause)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped waiting, the job goes on. {self._attach()}") from None

    def __await__(self) -> Generator[Any, None, Transcript]:
        return self._result_async().__await__()

    async def _result_async(self) -> Transcript:
        waiting = self._waiting(None, False)
        while (pause := await asyncio.to_thread(next, waiting, None)) is not None:
            await asyncio.sleep(pause)
        return await asyncio.to_thread(self._transcript)

    def cancel(self) -> None:
        """Ask the service to stop; a finished job stays as it is."""
        if self._entry.facts["state"] == "running":
            self._cancel(self._id())
            self._ask()

    def delete(self) -> None:
        """Ask the service to forget the result. What the journal holds stays there."""
        self._delete(self._id())

    def _waiting(self, timeout: float | None, progress: Progress) -> Iterator[float]:
        """Seconds to sleep, until the answer is in the journal. Each driver sleeps in its own way."""
        facts = self._entry.facts
        duration = facts["duration"] or 0.0
        submitted, began = facts["submitted_at"] or facts["created_at"], self._clock()
        expected = max(duration * self._pace.estimate, 1.0)
        with shown(progress, facts["recording"], expected) as show:
            for pause in self._pace.pauses(duration, self._clock() - submitted):
                wake = self._clock() + pause
                while (left := wake - self._clock()) > 0:
                    show(self._clock() - submitted, facts["state"])
                    yield min(left, TICK, *self._left(timeout, began))
                facts = self._ask()
                show(self._clock() - submitted, facts["state"])
                if facts["state"] not in ("submitting", "running"):
                    return

    def _left(self, timeout: float | None, began: float) -> list[float]:
        if timeout is None:
            return []
        left = began + timeout - self._clock()
        if left <= 0:
            raise WaitTimeout(f"not done after {timeout:g} s; the job goes on. {self._attach()}")
        return [left]

    def _ask(self) -> dict[str, Any]:
        """The facts of the job after one question to the service, if one is due."""
        facts = self._entry.facts
        if facts["state"] == "submitting" and self._entry.orphaned:
            self._entry.note(state="unknown", error=NEVER_ANSWERED)
        elif facts["state"] == "running":
            self._settle(facts)
        return self._entry.facts

    def _settle(self, facts: dict[str, Any]) -> None:
        """Write what the service says about a running job into the journal."""
        try:
            status = self._refresh(self._id())
            if status.cancelled:
                self._entry.note(state="cancelled", finished_at=self._clock())
            elif status.error:
                self._entry.note(state="failed", finished_at=self._clock(), error=str(status.error))
            elif status.done:
                self._collect(facts)
        except NotFound as error:
            if self._clock() - (facts["submitted_at"] or 0.0) > KEPT_FOR:
                self._entry.note(state="expired", finished_at=self._clock(), error=str(error))
                return
            raise NotFound(
                f"{facts['recording']}: {error}. Results are kept for 3 days, so another server or other "
                f"credentials may know it; the job stays in the journal. {self._attach()}",
                code=error.code,
                details=error.details,
            ) from None

    def _collect(self, facts: dict[str, Any]) -> None:
        """Fetch the messages of a finished operation; they may be ready a little later than it is."""
        try:
            answer = self._fetch(self._id())
        except NotReady:
            finished = facts["finished_at"]
            if finished is None:
                self._entry.note(finished_at=self._clock())
            elif self._clock() - finished > READY_WITHIN:
                raise JobError(
                    f"operation {facts['operation_id']} is done, but its result has not been ready for "
                    f"{READY_WITHIN:.0f} s; the job stays in the journal. {self._attach()}"
                ) from None
            return
        responses = [message for message, _ in answer]
        now = self._clock()
        self._entry.keep(
            responses,
            [received_at for _, received_at in answer],
            state="done",
            finished_at=facts["finished_at"] or now,
            fetched_at=now,
        )

    def _check(self) -> None:
        """Raise what a job without a result raises."""
        facts = self._entry.facts
        state, error = facts["state"], facts["error"]
        if state == "cancelled":
            raise JobCancelled(f"{facts['recording']}: the job {facts['operation_id']} was cancelled")
        if state == "unknown":
            raise JobUnknown(
                f"{facts['recording']}: it is not known whether the service got this job ({error}). "
                "Sending it again may be billed twice, so that is left to you: submit it once more, or not"
            )
        if state != "done":
            raise JobFailed(f"{facts['recording']}: the job is {state}: {error}")

    def _transcript(self) -> Transcript:
        self._check()
        facts = self._entry.facts
        responses, received_at = self._entry.answer()
        self._entry.note(delivered_at=facts["delivered_at"] or self._clock())
        info = {"operation_id": facts["operation_id"], "service": facts["service"], **facts["options"]}
        source = facts["source"] if self._source is None else self._source
        return Transcript(responses, facts["recording"], source, received_at, info)

    def _id(self) -> str:
        found = self.operation_id
        if found is None:
            raise JobUnknown(f"{self.recording}: the service never told an operation id for this job")
        return found

    def _attach(self) -> str:
        return f"Attach again by client.job({self.operation_id!r}).result()"

    def __repr__(self) -> str:
        facts = self._entry.facts
        return f"Job({facts['recording']!r}, {facts['operation_id']}, {facts['state']})"


class JobSet(Sequence[Job]):
    """Several jobs in the order of their submission."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = list(jobs)

    def __getitem__(self, index: Any) -> Any:
        found = self._jobs[index]
        return JobSet(found) if isinstance(index, slice) else found

    def __len__(self) -> int:
        return len(self._jobs)

    def results(self, timeout: float | None = None, progress: Progress = True) -> list[Transcript]:
        """The transcripts of all jobs, when every one is done.

        Raises what `Job.result` raises for the first job that has none; then no job counts as handed out,
        and `Client.resume` brings the others again.

        Args:
            timeout: seconds to wait for each at most.
            progress: as of `Job.result`.
        """
        for job in self._jobs:
            job._wait(timeout, progress)
        for job in self._jobs:
            job._check()
        return [job._transcript() for job in self._jobs]

    @property
    def frame(self) -> pd.DataFrame:
        """A row a job, as the journal has it; see `frame_of`."""
        return frame_of([job._entry.facts for job in self._jobs])

    def __repr__(self) -> str:
        return f"JobSet({self._jobs!r})"


def frame_of(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Journal rows as a frame: times are UTC timestamps, `expires` is when the service forgets a result."""
    names = ["recording", "operation_id", "status", "model", "service", "duration"]
    moments = ["created", "submitted", "finished", "fetched", "expires"]
    records = [
        {
            **row,
            "status": row["state"],
            "model": row["options"].get("model"),
            **{name: row[f"{name}_at"] for name in moments[:-1]},
            "expires": row["finished_at"] + KEPT_FOR if row["state"] in ("done", "expired") else None,
        }
        for row in rows
    ]
    frame = pd.DataFrame(records, columns=[*names, *moments, "error"])
    text = ["recording", "operation_id", "status", "model", "service", "error"]
    frame = frame.astype(dict.fromkeys(text, "str") | {"duration": "float64"})
    for name in moments:
        frame[name] = pd.to_datetime(frame[name].astype("float64"), unit="s", utc=True).dt.floor("s")
    return frame
