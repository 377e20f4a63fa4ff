"""A submitted recognition: check its status, wait for it, fetch its result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import (
    Exhausted,
    JobCancelled,
    JobError,
    JobFailed,
    JobUnknown,
    NoAnswer,
    NotFound,
    NotReady,
    Unreachable,
    WaitTimeout,
    make_printable,
)
from ...transcript import Transcript
from ..clock import INFINITY, Clock, time_limit
from ..journal.entry import Entry
from ..journal.record import JobRecord
from ..journal.states import DAMAGED
from ..transport.base import Transport, replace_message
from .polling import Pace, check_timeout
from .progress import Progress, ProgressBar
from .request import SubmissionRequest

RESULT_LIFETIME = 3 * 24 * 3600.0
"""Seconds for which the service stores a result."""
TICK = 0.25
"""Seconds between two updates of the bar."""
READY_TIMEOUT = 60.0
"""Seconds after which "not ready" is an error, if the operation is done."""


class Job:
    """One recognition, in progress or finished.

    Args:
        entry: the job in the journal.
        transport: the connection to the service.
        clock: the clock that is used for waiting.
        pace: when to check the status.
        resubmit: sends the recording again and returns the new job.
        source: the recording, for the pictures of its transcript.
        reused_for: the request for which this earlier job is used again; its recording and metadata replace
            those of the job. None if the job is not used again.
    """

    def __init__(
        self,
        entry: Entry,
        transport: Transport,
        *,
        clock: Clock | None = None,
        pace: Pace | None = None,
        resubmit: Callable[[], Job] | None = None,
        source: Any = None,
        reused_for: SubmissionRequest | None = None,
    ) -> None:
        self._entry, self._transport = entry, transport
        self._clock, self._pace = clock or Clock(), pace or Pace()
        self._resubmit, self._source, self._reused_for = resubmit, source, reused_for

    @property
    def record(self) -> JobRecord:
        """The job as stored in the journal; makes no request to the service."""
        record = self._entry.record
        request = self._reused_for
        if request is None:
            return record
        return replace(record, recording=request.name, metadata=dict(request.metadata), is_reused=True)

    @property
    def number(self) -> int:
        """Number of the job in the journal; a job has one before the service gives it an id."""
        return self._entry.number

    @property
    def operation_id(self) -> str | None:
        """The service's id; None while it is not known."""
        return self.record.operation_id

    @property
    def recording(self) -> str:
        """Id of the recording."""
        return self.record.recording

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The values that the user stored with the job."""
        return self.record.metadata

    @property
    def reused(self) -> bool:
        """Whether this is an earlier job with the same sound and the same options; nothing was sent then."""
        return self._reused_for is not None

    @property
    def status(self) -> str:
        """The state of the job, such as `running` or `done`; checks with the service while it is open."""
        return self.refresh().state

    @property
    def done(self) -> bool:
        """Whether there is nothing left to wait for."""
        return not self.refresh().is_open

    def refresh(self) -> JobRecord:
        """Check the status with the service, if the job is open, and fetch the result if it is ready.

        Returns:
            the job as stored in the journal after that.
        """
        record = self._entry.reconcile(self._clock.now())
        if record.state_info.is_polled:
            self._check_status(record)
        return self.record

    def result(self, timeout: float | None = None, progress: Progress = True) -> Transcript:
        """Wait until the job is done and return its transcript.

        Interrupting it (Ctrl-C, or the stop button of a notebook) stops the wait, not the job.

        Args:
            timeout: seconds to wait at most, though the service does not answer; default: no limit.
            progress: True shows a bar, or a function of (fraction, status).

        Raises:
            WaitTimeout: if it is not done by then; the job continues.
            Unreachable, NoAnswer: if the service cannot be reached, or does not answer, for about a minute;
                the job continues.
            JobFailed, JobCancelled, JobUnknown: if it has no result.
        """
        try:
            for pause in self._wait(timeout, progress):
                self._clock.sleep(pause)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped waiting, the job goes on. {self._how_to_attach()}") from None
        return self._transcript()

    def __await__(self) -> Generator[Any, None, Transcript]:
        return self._result_async().__await__()

    async def _result_async(self) -> Transcript:
        waiting = self._wait(None, False)
        while (pause := await asyncio.to_thread(next, waiting, None)) is not None:
            await asyncio.sleep(pause)
        return await asyncio.to_thread(self._transcript)

    def cancel(self) -> None:
        """Ask the service to stop; a finished job stays as it is."""
        if "cancel" in self.record.state_info.actions:
            self._transport.cancel(self._known_operation_id())
            self.refresh()

    def delete(self) -> None:
        """Ask the service to delete the result. What is in the journal stays there.

        Raises:
            NotReady: if the job is not done yet, so that there is no result.
        """
        try:
            self._transport.delete(self._known_operation_id())
        except NotReady as error:
            raise replace_message(
                error,
                f"{self.recording}: the job is not done yet, so there is no result to delete; wait for it "
                f"with job.result(), or stop it with job.cancel() ({error.details})",
            ) from None

    def resubmit(self) -> Job:
        """Send the recording again. It may be billed a second time, so this is never done automatically.

        For a job that is unknown (it becomes cancelled), failed, cancelled or expired.

        Returns:
            the new job.

        Raises:
            JobError: if the job has a result or still may have one, or the sound has changed.
            ServiceError: if the service refuses it.
        """
        record = self.refresh()
        if self._resubmit is None or "resubmit" not in record.state_info.actions:
            raise JobError(f"{self.recording}: the job is {record.state}, there is nothing to send again")
        return self._resubmit()

    def abandon(self) -> None:
        """Give up a job whose submission status is unknown; it becomes cancelled.

        Raises:
            JobError: if it is not unknown.
        """
        record = self.refresh()
        now = self._clock.now()
        if not self._entry.transition("cancelled", only_from="unknown", error="given up", finished_at=now):
            raise JobError(
                f"{self.recording}: the job is {record.state}, and only an unknown job can be abandoned"
                + ("; cancel() stops it" if record.is_open else "")
            )

    def _pauses(self) -> Iterator[float]:
        """Seconds before each status check, from now on."""
        record = self._entry.record
        return self._pace.pauses(record.duration or 0.0, record.waited(self._clock.now()))

    def _wait(self, timeout: float | None, progress: Progress) -> Iterator[float]:
        """Wait until the job is settled. Yields seconds to sleep, so that `result` and `await` share it."""
        record, monotonic = self._entry.record, self._clock.monotonic
        timeout = check_timeout(timeout)
        began = monotonic()
        submitted = began - record.waited(self._clock.now())
        expected = max((record.duration or 0.0) * self._pace.estimate, 1.0)
        with ProgressBar(progress if record.is_open else False, self.recording) as bar:

            def show() -> None:
                share = min((monotonic() - submitted) / expected, 0.95)  # less than 1 until it is done
                fraction = 1.0 if record.state == "done" else share
                bar.show(fraction, record.state, f", estimated {expected:.0f} s in all")

            for pause in self._pauses() if record.is_open else ():  # otherwise the poller has settled it
                wake = monotonic() + pause
                while (left := wake - monotonic()) > 0:
                    show()
                    yield min(left, TICK, self._time_left(timeout, began))
                record = self._refresh_within(timeout, began)
                show()
                if not record.is_open:
                    return

    def _refresh_within(self, timeout: float | None, began: float) -> JobRecord:
        """`refresh`, which ends with the user's timeout though the service is slow."""
        try:
            with time_limit(self._time_left(timeout, began)):
                return self.refresh()
        except (Unreachable, NoAnswer, Exhausted) as error:
            try:
                self._time_left(timeout, began)
            except WaitTimeout as over:
                raise WaitTimeout(f"{over}. The last check failed: {error}") from error
            raise

    def _time_left(self, timeout: float | None, began: float) -> float:
        if timeout is None:
            return INFINITY
        left = began + timeout - self._clock.monotonic()
        if left <= 0:
            raise WaitTimeout(f"not done after {timeout:g} s; the job goes on. {self._how_to_attach()}")
        return left

    def _check_status(self, record: JobRecord) -> None:
        """Ask the service for the status and write it into the journal."""
        try:
            status = self._transport.status(str(record.operation_id))
            if status.cancelled:
                self._entry.transition("cancelled", finished_at=self._clock.now())
            elif status.error:
                self._entry.transition("failed", finished_at=self._clock.now(), error=str(status.error))
            elif status.done:
                self._fetch_result(record)
            elif record.state == "submitted":
                self._entry.transition("running")
        except NotFound as error:
            if self._clock.now() - (record.submitted_at or 0.0) > RESULT_LIFETIME:
                self._entry.transition("expired", finished_at=self._clock.now(), error=str(error))
                return
            raise replace_message(
                error,
                f"{record.recording}: {error}. Results are stored for 3 days, so the job may belong to "
                f"another server or to other credentials; it stays in the journal. {self._how_to_attach()}",
            ) from None

    def _fetch_result(self, record: JobRecord) -> None:
        """Fetch the messages of a finished operation; they may be ready a little later than it is."""
        try:
            answer = self._transport.fetch(str(record.operation_id))
        except NotReady:
            now, finished = self._clock.now(), record.finished_at
            if finished is None or finished > now:  # the clock was set back: restart the timeout
                self._entry.update(finished_at=now)
            elif now - finished > READY_TIMEOUT:
                raise JobError(
                    f"operation {record.operation_id} is done, but its result has not been ready for "
                    f"{READY_TIMEOUT:.0f} s; the job stays in the journal. {self._how_to_attach()}"
                ) from None
            return
        now, messages = self._clock.now(), [message for message, _ in answer]
        self._entry.store_responses(
            messages,
            [received_at for _, received_at in answer],
            finished_at=record.finished_at or now,
            fetched_at=now,
            **({} if record.duration else measure_audio(messages)),
        )

    def _transcript(self) -> Transcript:
        record = self.record
        self._check_result(record)
        if record.delivered_at is None and record.state != DAMAGED:
            self._entry.update(delivered_at=self._clock.now())
        return self._entry.load_transcript(record.recording, self._source)

    def _check_result(self, record: JobRecord) -> None:
        """
        Raises:
            JobError: if the job has no result; the class depends on the state.
        """
        error = record.error
        if record.state == "cancelled":
            why = f" ({error})" if error else ""
            raise JobCancelled(f"{record.recording}: the job {record.operation_id} was cancelled{why}")
        if record.state == "unknown":
            raise JobUnknown(
                f"{record.recording}: it is not known whether the service got this job ({error}). Sending it "
                "again may be billed twice, so you have to decide: job.resubmit() sends it again, "
                "job.abandon() gives it up",
                job=self,
            )
        if record.state == DAMAGED and not self._entry.load_responses()[0]:
            raise JobError(f"{error}. It has no messages, so there is no result")
        if record.state not in ("done", DAMAGED):
            raise JobFailed(f"{record.recording}: the job is {record.state}: {error}")

    def _known_operation_id(self) -> str:
        found = self.operation_id
        if found is None:
            raise JobUnknown(f"{self.recording}: the service never returned an operation id for this job")
        return found

    def _how_to_attach(self) -> str:
        return f"Attach again with client.job({self.operation_id!r}).result()"

    def __repr__(self) -> str:
        record = self.record
        reused = f"; {describe_reuse(record)}" if record.is_reused else ""
        text = f"Job({record.number}, {record.recording!r}, {record.operation_id}, {record.state}{reused})"
        return make_printable(text)


def describe_reuse(record: JobRecord) -> str:
    """Text about an earlier job that is used again, for its repr.

    >>> record = JobRecord(service="cloud", recording="a.wav", created_at=0.0, state="done")
    >>> describe_reuse(record).partition(" of ")[0], describe_reuse(record).partition(", ")[2]
    ('result', 'nothing was sent')
    """
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.created_at))
    return f"{'job' if record.is_open else 'result'} of {when} used again, nothing was sent"


def measure_audio(messages: Sequence[bytes]) -> dict[str, Any]:
    """Seconds and channels of the audio of a link, as far as the result has them; columns of the journal."""
    events = Transcript(messages).events
    duration, n_channels = events["received_data"].max(), events["channel_tag"].replace("", None).nunique()
    return {"duration": duration, "n_channels": n_channels} if duration > 0 and n_channels else {}


Job.__module__ = "speechkit_nb"  # it prints under the name that users import
