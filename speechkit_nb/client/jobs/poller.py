"""Checks the status of many jobs, each when it is due, and fetches a result as soon as it is ready."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ...errors import JobError, JournalError, ServiceError
from .job import Job

log = logging.getLogger(__name__)
PERMANENT_CODES = (
    "UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "INVALID_ARGUMENT", "NOT_FOUND",
    "FAILED_PRECONDITION",
)  # fmt: skip
"""Codes of errors that stay the same when the same client retries; `Job.result` raises the error."""
Listener = Callable[[Job | None], object]


class Due(NamedTuple):
    """A job, when to check it (by its own clock), and the pauses after that; `number` orders equal times."""

    moment: float
    number: int
    job: Job
    pauses: Iterator[float]


class Schedule:
    """The open jobs, in the order in which they are to be checked."""

    def __init__(self) -> None:
        self._due: list[Due] = []
        self._rows: set[int] = set()
        self._number = itertools.count()

    def add(self, job: Job) -> bool:
        """Add a job if it is open and not added yet; returns whether it was added."""
        if job.number in self._rows or not job.record.is_open:
            return False
        self._rows.add(job.number)
        self._push(job, job._pauses())
        return True

    def has(self, job: Job) -> bool:
        """Whether the job is still checked."""
        return job.number in self._rows

    @property
    def left(self) -> float | None:
        """Seconds until a job is due; None if there is none."""
        if not self._due:
            return None
        due = self._due[0]
        return max(due.moment - due.job._clock.monotonic(), 0.0)

    @property
    def first(self) -> Job | None:
        """The job that is due next."""
        return self._due[0].job if self._due else None

    def pop(self) -> Due:
        """Remove and return the job that is due next; pass it to `reschedule` after the check."""
        return heapq.heappop(self._due)

    def reschedule(self, due: Due, is_open: bool) -> None:
        """Check it again later, if it is open."""
        if is_open:
            self._push(due.job, due.pauses)
        else:
            self._rows.discard(due.job.number)

    def _push(self, job: Job, pauses: Iterator[float]) -> None:
        moment = job._clock.monotonic() + next(pauses)
        heapq.heappush(self._due, Due(moment, next(self._number), job, pauses))


class JobPoller:
    """A thread that checks all open jobs of a client; the rate limiter of the transport sets its speed.

    A check that fails is repeated later, since the network may be down for hours. The thread ends when no
    job is open, and a new one starts with the next job.
    """

    def __init__(self) -> None:
        self._changed, self._settled = threading.Condition(), threading.Condition()
        self._schedule = Schedule()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._listeners: list[Listener] = []
        self.n_changes = 0

    def add(self, job: Job) -> None:
        """Check this job until it is settled."""
        with self._changed:
            if self._closed or not self._schedule.add(job):
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="speechkit_nb poller", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def has(self, job: Job) -> bool:
        """Whether the job is still checked, or was when the poller was closed."""
        return self._schedule.has(job)

    @property
    def is_idle(self) -> bool:
        """Whether no job is open."""
        return self._schedule.left is None

    def wait(self, seconds: float, since: int) -> None:
        """Sleep until a job is settled or added, at most for `seconds`.

        Args:
            seconds: the longest time to sleep.
            since: value of `n_changes` that the caller has read; if it has changed, this returns at once.

        Raises:
            JobError: if the poller was closed.
        """
        with self._settled:
            if self._closed:
                raise JobError(
                    "this client was closed, so its jobs are not checked any more. They go on: "
                    "client.resume() of a new client returns them"
                )
            self._settled.wait_for(lambda: self._closed or self.n_changes != since, seconds)

    def notify(self, settled: Job | None = None) -> None:
        """Call the listeners and wake the waiting threads after a change.

        Args:
            settled: a job that is no longer checked.
        """
        for listener in list(self._listeners):
            try:
                listener(settled)
            except Exception:  # for example from the user's progress function
                log.exception("a listener failed, and is not called any more")
                self.remove_listener(listener)
        with self._settled:
            self.n_changes += 1
            self._settled.notify_all()

    def add_listener(self, listener: Listener) -> None:
        """Call this function after each change."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Listener) -> None:
        """Stop calling this function."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def close(self) -> None:
        """Stop checking; the jobs continue at the service."""
        with self._changed:
            self._closed = True
            self._listeners.clear()
            self._changed.notify_all()
        with self._settled:
            self._settled.notify_all()

    def join(self, seconds: float) -> None:
        """Wait until the thread of a closed poller has ended."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)

    def _run(self) -> None:
        while (due := self._next()) is not None:
            is_open = _check_job(due.job)
            with self._changed:
                if self._closed:
                    return
                self._schedule.reschedule(due, is_open)
            if not is_open:
                self.notify(due.job)

    def _next(self) -> Due | None:
        """Wait for the next job that is due; None if no job is open, or the poller was closed."""
        with self._changed:
            while (left := self._schedule.left) is not None and not self._closed:
                if left <= 0:
                    return self._schedule.pop()
                self._changed.wait(left)
            self._thread = None
            return None


class InlinePoller:
    """Checks jobs like a `JobPoller`, but in the thread that waits."""

    def __init__(self) -> None:
        self._schedule = Schedule()
        self.add, self.has = self._schedule.add, self._schedule.has
        self.n_changes = 0

    def wait(self, seconds: float, since: int) -> None:
        """Check the next job if it is due within `seconds`; sleep until then, or for `seconds`."""
        left, first = self._schedule.left, self._schedule.first
        if left is None or first is None:
            return
        if left > 0:
            first._clock.sleep(min(left, seconds))
        if left <= seconds:
            due = self._schedule.pop()
            self._schedule.reschedule(due, _check_job(first))


def _check_job(job: Job) -> bool:
    """Check a job; returns whether it is still open. It is after a temporary error."""
    try:
        return job.refresh().is_open
    except JobError:
        return False
    except ServiceError as error:
        return error.code not in PERMANENT_CODES
    except JournalError:  # it may be writable again later
        return True
    except Exception:  # the other jobs have to be checked too; job.result() raises it again
        return False
