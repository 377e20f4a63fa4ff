"""A submitted recognition: ask after it, wait for it, fetch what came out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from ...errors import JobCancelled, JobError, JobFailed, JobUnknown, NotFound, NotReady, WaitTimeout
from ...transcript import Transcript
from ..journal.journal import Entry
from ..journal.states import OPEN
from ..transport.base import OperationStatus, replace_message
from .polling import Pace, Progress, shown

KEPT_FOR = 3 * 24 * 3600.0
"""Seconds for which the service keeps a result."""
TICK = 0.25
READY_WITHIN = 60.0
"""Seconds for which "not ready" is believed of an operation that is done."""


class Job:
    """One recognition on its way. It knows the service only as functions it is given.

    Args:
        entry: its row in the journal.
        refresh: operation id -> where it stands.
        fetch: operation id -> its messages and when each arrived.
        cancel, delete: operation id -> None.
        resubmit: sends the recording again; the new job.
        pace: when to ask.
        clock, sleep: seconds since the epoch; wait that long.
        steady: seconds that go on evenly, though somebody may set the clock.
        source: the recording, for the pictures of its transcript.
        known_as: columns of the row that are another's here, such as `recording` and `metadata`: those of a
            recording with the same sound. None if this is no earlier job.
    """

    def __init__(
        self,
        entry: Entry,
        *,
        refresh: Callable[[str], OperationStatus],
        fetch: Callable[[str], list[tuple[bytes, float]]],
        cancel: Callable[[str], None],
        delete: Callable[[str], None],
        resubmit: Callable[[], Job] | None = None,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Any] = time.sleep,
        steady: Callable[[], float] = time.monotonic,
        source: Any = None,
        known_as: Mapping[str, Any] | None = None,
    ) -> None:
        self._entry = entry
        self._refresh, self._fetch, self._cancel, self._delete = refresh, fetch, cancel, delete
        self._pace = pace or Pace()
        self._clock, self._sleep, self._steady = clock, sleep, steady
        self._resubmit, self._source, self._known_as = resubmit, source, known_as

    @property
    def operation_id(self) -> str | None:
        """The service's id; None while it is not known."""
        return self.facts["operation_id"]  # type: ignore[no-any-return]

    @property
    def recording(self) -> str:
        """Id of the recording."""
        return str(self.facts["recording"])

    @property
    def row(self) -> int:
        """Number of the job in the journal; a job has one before the service gives it an id."""
        return self._entry.id

    @property
    def facts(self) -> dict[str, Any]:
        """Its row in the journal as it stands now; nobody is asked."""
        return {**self._entry.facts, **(self._known_as or {})}

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The user's own facts."""
        return self.facts["metadata"]  # type: ignore[no-any-return]

    @property
    def reused(self) -> bool:
        """Whether this is an earlier job with the same sound and the same options."""
        return self._known_as is not None

    @property
    def status(self) -> str:
        """Where the job stands, in a word of `client.states`; asks the service while it is open."""
        return self.ask()["state"]  # type: ignore[no-any-return]

    @property
    def done(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.status not in OPEN

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
        if self._entry.facts["state"] in ("submitted", "running"):
            self._cancel(self._id())
            self.ask()

    def delete(self) -> None:
        """Ask the service to forget the result. What the journal holds stays there.

        Raises:
            NotReady: if the job is not done yet, and there is nothing to forget.
        """
        try:
            self._delete(self._id())
        except NotReady as error:
            raise replace_message(
                error,
                f"{self.recording}: the job is not done yet, so there is no result to delete; wait for it "
                f"with job.result(), or stop it with job.cancel() ({error.details})",
            ) from None

    def resubmit(self) -> Job:
        """Send the recording again; the new job. It may be billed a second time, so that only you do this.

        For a job that is unknown, which is settled by it, or that failed, was cancelled or has expired.

        Raises:
            JobError: if the job has a result or still may have one, or the sound is no longer what it was.
            ServiceError: if the service refuses it.
        """
        facts = self.ask()
        if self._resubmit is None or facts["state"] in (*OPEN, "done"):
            raise JobError(f"{self.recording}: the job is {facts['state']}, there is nothing to send again")
        return self._resubmit()

    def abandon(self) -> None:
        """Give up a job of which nobody knows whether the service has it; it counts as cancelled then.

        Raises:
            JobError: if it is not unknown.
        """
        state = self.ask()["state"]
        now = self._clock()
        if not self._entry.move("cancelled", only_from="unknown", error="given up", finished_at=now):
            raise JobError(
                f"{self.recording}: the job is {state}, and only an unknown one is given up"
                + ("; cancel() stops it" if state in OPEN else "")
            )

    def steady(self) -> float:
        """Seconds that go on evenly, by the clock of this job."""
        return self._steady()

    def rest(self, seconds: float) -> None:
        """Let that time pass on it."""
        self._sleep(seconds)

    def pauses(self) -> Iterator[float]:
        """Seconds before each question that the service is asked after this job, from now on."""
        facts = self._entry.facts
        waited = self._clock() - (facts["submitted_at"] or facts["created_at"])
        return self._pace.pauses(facts["duration"] or 0.0, max(waited, 0.0))

    def _waiting(self, timeout: float | None, progress: Progress) -> Iterator[float]:
        """Seconds to sleep, until the answer is in the journal. Each driver sleeps in its own way."""
        facts = self._entry.facts
        if facts["state"] not in OPEN:  # a watch or another kernel has seen its end
            return
        duration = facts["duration"] or 0.0
        began, waited = self._steady(), self._clock() - (facts["submitted_at"] or facts["created_at"])
        submitted = began - max(waited, 0.0)
        expected = max(duration * self._pace.estimate, 1.0)
        with shown(progress, self.recording, expected) as show:
            for pause in self._pace.pauses(duration, began - submitted):
                wake = self._steady() + pause
                while (left := wake - self._steady()) > 0:
                    show(self._steady() - submitted, facts["state"])
                    yield min(left, TICK, *self._left(timeout, began))
                facts = self.ask()
                show(self._steady() - submitted, facts["state"])
                if facts["state"] not in OPEN:
                    return

    def _left(self, timeout: float | None, began: float) -> list[float]:
        if timeout is None:
            return []
        left = began + timeout - self._steady()
        if left <= 0:
            raise WaitTimeout(f"not done after {timeout:g} s; the job goes on. {self._attach()}")
        return [left]

    def ask(self) -> dict[str, Any]:
        """The job's row in the journal after one question to the service, if one is due."""
        facts = self._entry.looked_after(self._clock())
        if facts["state"] not in ("submitted", "running"):
            return facts
        self._settle(facts)
        return self._entry.facts

    def _settle(self, facts: dict[str, Any]) -> None:
        """Write what the service says about a job into the journal."""
        try:
            status = self._refresh(facts["operation_id"])
            if status.cancelled:
                self._entry.move("cancelled", finished_at=self._clock())
            elif status.error:
                self._entry.move("failed", finished_at=self._clock(), error=str(status.error))
            elif status.done:
                self._collect(facts)
            elif facts["state"] == "submitted":
                self._entry.move("running")
        except NotFound as error:
            if self._clock() - (facts["submitted_at"] or 0.0) > KEPT_FOR:
                self._entry.move("expired", finished_at=self._clock(), error=str(error))
                return
            raise replace_message(
                error,
                f"{facts['recording']}: {error}. Results are kept for 3 days, so another server or other "
                f"credentials may know it; the job stays in the journal. {self._attach()}",
            ) from None

    def _collect(self, facts: dict[str, Any]) -> None:
        """Fetch the messages of a finished operation; they may be ready a little later than it is."""
        try:
            answer = self._fetch(facts["operation_id"])
        except NotReady:
            now, finished = self._clock(), facts["finished_at"]
            if finished is None or finished > now:  # the clock was set back: begin to wait anew
                self._entry.note(finished_at=now)
            elif now - finished > READY_WITHIN:
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
            finished_at=facts["finished_at"] or now,
            fetched_at=now,
        )

    def _check(self) -> None:
        """Raise what a job without a result raises."""
        facts = self._entry.facts
        state, error = facts["state"], facts["error"]
        if state == "cancelled":
            why = f" ({error})" if error else ""
            raise JobCancelled(f"{self.recording}: the job {facts['operation_id']} was cancelled{why}")
        if state == "unknown":
            raise JobUnknown(
                f"{self.recording}: it is not known whether the service got this job ({error}). Sending it "
                "again may be billed twice, so that is left to you: job.resubmit() sends it once more, "
                "job.abandon() gives it up",
                job=self,
            )
        if state != "done":
            raise JobFailed(f"{self.recording}: the job is {state}: {error}")

    def _transcript(self) -> Transcript:
        self._check()
        facts = self._entry.facts
        responses, received_at = self._entry.answer()
        if facts["delivered_at"] is None:
            self._entry.note(delivered_at=self._clock())
        info = {"operation_id": facts["operation_id"], "service": facts["service"], **facts["options"]}
        source = facts["source"] if self._source is None else self._source
        return Transcript(responses, self.recording, source, received_at, info)

    def _id(self) -> str:
        found = self.operation_id
        if found is None:
            raise JobUnknown(f"{self.recording}: the service never told an operation id for this job")
        return found

    def _attach(self) -> str:
        return f"Attach again by client.job({self.operation_id!r}).result()"

    def __repr__(self) -> str:
        facts = self._entry.facts
        reused = ", reused" if self.reused else ""
        return f"Job({self.recording!r}, {facts['operation_id']}, {facts['state']}{reused})"
