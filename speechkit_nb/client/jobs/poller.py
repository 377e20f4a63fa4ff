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


class JobPoller:
    """A thread that checks all open jobs of a client; the rate limiter of the transport sets its speed.

    A check that fails is repeated later, since the network may be down for hours. The thread ends when no
    job is open, and a new one starts with the next job.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[Due] = []
        self._open: set[int] = set()
        self._order = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._listeners: list[Listener] = []
        self.n_changes = 0

    def add(self, job: Job) -> None:
        """Check this job until it is settled, if it is open and not checked already."""
        with self._changed:
            if self._closed or job.number in self._open or not job.record.is_open:
                return
            self._open.add(job.number)
            self._push(job, job._pauses())
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="speechkit_nb poller", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def has(self, job: Job) -> bool:
        """Whether the job is still checked, or was when the poller was closed."""
        return job.number in self._open

    @property
    def is_idle(self) -> bool:
        """Whether no job is open."""
        return not self._open

    def wait(self, seconds: float, since: int) -> None:
        """Sleep until a job is settled or added, at most for `seconds`.

        Args:
            seconds: the longest time to sleep.
            since: value of `n_changes` that the caller has read; if it has changed, this returns at once.

        Raises:
            JobError: if the poller was closed.
        """
        with self._changed:
            if self._closed:
                raise JobError(
                    "this client was closed, so its jobs are not checked any more. They go on: "
                    "client.resume() of a new client returns them"
                )
            self._changed.wait_for(lambda: self._closed or self.n_changes != since, seconds)

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
        with self._changed:
            self.n_changes += 1
            self._changed.notify_all()

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

    def join(self, seconds: float) -> None:
        """Wait until the thread of a closed poller has ended."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)

    def _push(self, job: Job, pauses: Iterator[float]) -> None:
        moment = job._clock.monotonic() + next(pauses)
        heapq.heappush(self._due, Due(moment, next(self._order), job, pauses))

    def _run(self) -> None:
        while (due := self._next()) is not None:
            is_open = _check_job(due.job)
            with self._changed:
                if self._closed:
                    return
                if is_open:
                    self._push(due.job, due.pauses)
                else:
                    self._open.discard(due.job.number)
            if not is_open:
                self.notify(due.job)

    def _next(self) -> Due | None:
        """Wait for the next job that is due; None if no job is open, or the poller was closed."""
        with self._changed:
            while self._due and not self._closed:
                left = self._due[0].moment - self._due[0].job._clock.monotonic()
                if left <= 0:
                    return heapq.heappop(self._due)
                self._changed.wait(left)
            self._thread = None
            return None


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
