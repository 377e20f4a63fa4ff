"""When the next call is allowed, if there may be so many calls in any period.

A call counts until one period after its response has come, not after its request was sent: the service saw
the request some time in between, and so never sees more calls than the limit in any period, however long they
travel.
"""

from __future__ import annotations

from collections.abc import Iterable

MIN_PAUSE = 1.0
"""Seconds to pause, at least, after a refusal that names no time."""
MAX_SLOWDOWN = 16.0
RECOVERY = 60.0
"""Seconds after which half of a slowdown is over."""
INFINITY = float("inf")


class SlidingWindow:
    """At most `limit` calls in any `period` seconds. It is given the time, and does not wait.

    Args:
        limit: number of calls; None is no limit.
        period: seconds.
        earlier: ends of calls that were made before, by a process that has ended.

    >>> window = SlidingWindow(2, 1.0)
    >>> first, second = window.begin(0.0), window.begin(0.1)
    >>> window.opens_at(0.2)  # unknown while both calls are running
    inf
    >>> window.end(first, 0.5)
    >>> window.opens_at(0.6)
    1.5
    """

    def __init__(self, limit: int | None, period: float, earlier: Iterable[float] = ()) -> None:
        self.limit, self.period = limit, period
        self._ends = {-number: end for number, end in enumerate(earlier, 1)}  # infinite while a call runs
        self._number = 0
        self._last_begin = self._resumes_at = self._slowed_at = -INFINITY
        self._slowdown = 1.0

    def opens_at(self, now: float) -> float:
        """The earliest time for the next call; infinity while that depends on a response."""
        earliest = max(now, self._resumes_at)
        if self.limit is None:
            return earliest
        slowdown = self._slowdown_at(now)
        if slowdown > 1.0:  # calls at even distances, instead of as many at once as the limit allows
            earliest = max(earliest, self._last_begin + slowdown * self.period / self.limit)
        # The call that ended `limit` calls ago has to leave the period first.
        ends = sorted(self._current_ends(now).values())
        return max(earliest, ends[-self.limit] + self.period) if len(ends) >= self.limit else earliest

    def begin(self, now: float) -> int:
        """Record that a call begins; returns its number."""
        self._number += 1
        self._last_begin = now
        if self.limit is not None:
            self._ends = self._current_ends(now) | {self._number: INFINITY}
        return self._number

    def end(self, number: int, now: float) -> None:
        """Record that the response to a call has come."""
        if self._ends.get(number) == INFINITY:
            self._ends[number] = now

    def refuse(self, now: float, retry_after: float | None) -> None:
        """Record that the service refused a call for its quota, with the seconds that it asks to wait."""
        pause = retry_after or 0.0
        if now >= self._resumes_at:  # several calls that were refused together count once
            slowdown = self._slowdown_at(now)
            self._slowdown, self._slowed_at = min(2 * slowdown, MAX_SLOWDOWN), now
            if retry_after is None:
                pause = max(self.period / self.limit if self.limit else 0.0, MIN_PAUSE) * slowdown
        self._resumes_at = max(self._resumes_at, now + pause)

    def pause_left(self, now: float) -> float:
        """Seconds until the end of the pause after a refusal."""
        return max(self._resumes_at - now, 0.0)

    def _current_ends(self, now: float) -> dict[int, float]:
        return {number: end for number, end in self._ends.items() if end + self.period > now}

    def _slowdown_at(self, now: float) -> float:
        return max(self._slowdown * float(0.5 ** ((now - self._slowed_at) / RECOVERY)), 1.0)
