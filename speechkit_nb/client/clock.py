"""Clocks that waiting code reads, and the time that is left to a call.

Tests pass their own clocks, so that nothing in them has to wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

INFINITY = float("inf")
_end = ContextVar("end of the time limit", default=INFINITY)


@dataclass(frozen=True)
class Clock:
    """The functions by which code reads the time and waits.

    Attributes:
        now: seconds since the epoch; they jump when the clock of the machine is set.
        monotonic: seconds that only go forward; they may stand still while the machine sleeps.
        sleep: waits for so many seconds.

    >>> Clock(now=lambda: 5.0).now()
    5.0
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep


def steady_clock() -> Callable[[], float]:
    """A function that returns seconds since the epoch, without jumps when the machine's clock is set."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Every call to a service in this block ends after so many seconds, with all its retries.

    A limit of an outer block holds, too.
    """
    token = _end.set(min(_end.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _end.reset(token)


def time_left(most: float = INFINITY) -> float:
    """Seconds that a call may take: `most`, or less if a `time_limit` ends before that.

    >>> with time_limit(3.0):
    ...     time_left(1.0), 2.9 < time_left(30.0) <= 3.0
    (1.0, True)
    """
    return max(min(most, _end.get() - time.monotonic()), 0.0)
