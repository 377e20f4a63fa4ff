"""Asking after many jobs, in the order in which they are due; a result is fetched as soon as it is there."""

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
HOPELESS = (
    "UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "INVALID_ARGUMENT", "NOT_FOUND",
    "FAILED_PRECONDITION",
)  # fmt: skip
"""Codes after which asking again with this client does not help; `Job.result` says the error then."""
Hear = Callable[[Job | None], object]


class Due(NamedTuple):
    """A job, when to ask after it (by its own clock), and the pauses after that; `number` orders equals."""

    moment: float
    number: int
    job: Job
    pauses: Iterator[float]


class Schedule:
    """Which job is to be asked after next, and when. A job in it is open."""

    def __init__(self) -> None:
        self._due: list[Due] = []
        self._rows: set[int] = set()
        self._number = itertools.count()

    def add(self, job: Job) -> bool:
        """Take in a job that is open and not in it yet; whether it did."""
        if job.number in self._rows or not job.record.is_open:
            return False
        self._rows.add(job.number)
        self._push(job, job._pauses())
        return True

    def has(self, job: Job) -> bool:
        """Whether the job is still asked after."""
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
        """The job that is due next; to be given back to `asked`."""
        return heapq.heappop(self._due)

    def asked(self, due: Due, is_open: bool) -> None:
        """Ask after it again later if it is open."""
        if is_open:
            self._push(due.job, due.pauses)
        else:
            self._rows.discard(due.job.number)

    def _push(self, job: Job, pauses: Iterator[float]) -> None:
        moment = job._clock.monotonic() + next(pauses)
        heapq.heappush(self._due, Due(moment, next(self._number), job, pauses))


class Watch:
    """A thread that asks after all open jobs of a client; the limiter below decides how fast that goes.

    A question that fails is asked again later: the network may be away for a night. The thread ends when
    nothing is open, and begins again with the next job.
    """

    def __init__(self) -> None:
        self._changed, self._settled = threading.Condition(), threading.Condition()
        self._schedule = Schedule()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._heard: list[Hear] = []
        self.n_changes = 0

    def add(self, job: Job) -> None:
        """Ask after this job until it is settled."""
        with self._changed:
            if self._closed or not self._schedule.add(job):
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="speechkit_nb watch", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def has(self, job: Job) -> bool:
        """Whether the job is still asked after, or was when the watch was closed."""
        return self._schedule.has(job)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to ask after."""
        return self._schedule.left is None

    def wait(self, seconds: float, since: int) -> None:
        """Sleep until a job was settled or added, or that long.

        Args:
            seconds: at most.
            since: `n_changes` as it was when the caller looked.

        Raises:
            JobError: if the watch was closed, so that nothing will change.
        """
        with self._settled:
            if self._closed:
                raise JobError(
                    "this client was closed, so nobody asks after its jobs any more; they go on, and "
                    "client.resume() of another client brings them"
                )
            self._settled.wait_for(lambda: self._closed or self.n_changes != since, seconds)

    def wake(self, settled: Job | None = None) -> None:
        """Say that something has changed to everybody who waits and who listens.

        Args:
            settled: a job that is no longer asked after.
        """
        for hear in list(self._heard):
            try:
                hear(settled)
            except Exception:  # of the user's own progress function, say
                log.exception("a listener failed, and is not called any more")
                self.forget(hear)
        with self._settled:
            self.n_changes += 1
            self._settled.notify_all()

    def listen(self, hear: Hear) -> None:
        """Call this whenever something has changed."""
        self._heard.append(hear)

    def forget(self, hear: Hear) -> None:
        """Call this no longer."""
        if hear in self._heard:
            self._heard.remove(hear)

    def close(self) -> None:
        """Ask nothing more; the jobs go on."""
        with self._changed:
            self._closed = True
            self._heard.clear()
            self._changed.notify_all()
        with self._settled:
            self._settled.notify_all()

    def join(self, seconds: float) -> None:
        """Wait until the thread of a closed watch has ended."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)

    def _run(self) -> None:
        while (due := self._next()) is not None:
            is_open = still_open(due.job)
            with self._changed:
                if self._closed:
                    return
                self._schedule.asked(due, is_open)
            if not is_open:
                self.wake(due.job)

    def _next(self) -> Due | None:
        """The job that is due, as soon as one is; None when there is nothing left to do."""
        with self._changed:
            while (left := self._schedule.left) is not None and not self._closed:
                if left <= 0:
                    return self._schedule.pop()
                self._changed.wait(left)
            self._thread = None
            return None


class Driver:
    """Asks after jobs like a watch, in the thread of whoever waits."""

    def __init__(self) -> None:
        self._schedule = Schedule()
        self.add, self.has = self._schedule.add, self._schedule.has
        self.n_changes = 0

    def wait(self, seconds: float, since: int) -> None:
        """Ask after the job that is due within these seconds; else let them pass."""
        left, first = self._schedule.left, self._schedule.first
        if left is None or first is None:
            return
        if left > 0:
            first._clock.sleep(min(left, seconds))
        if left <= seconds:
            due = self._schedule.pop()
            self._schedule.asked(due, still_open(first))


def still_open(job: Job) -> bool:
    """Whether the job is open after a question. What cannot be asked now is asked later."""
    try:
        return job.refresh().is_open
    except JobError:
        return False
    except ServiceError as error:
        return error.code not in HOPELESS
    except JournalError:  # it cannot be written just now
        return True
    except Exception:  # whatever it is, it must not stop the others; job.result() runs into it again
        return False
