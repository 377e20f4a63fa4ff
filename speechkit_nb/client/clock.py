"""Clocks that waiting code reads. Tests pass their own, so that nothing in them has to wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


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
