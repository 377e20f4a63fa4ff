"""How often the service may be called, over all jobs and threads of this process.

All clients with the same service and credentials share three rate limiters: for submissions, for checks
whether a job is done, and for other calls. Each grants permits in the order in which they are requested.
When the service reports all the same that a quota is used up, its limiter pauses, and is slower for a while.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from ...errors import ConfigError, Exhausted, show_value
from ..clock import INFINITY, time_left
from .base import make_closed_error

HOUR, SECOND = 3610.0, 1.01
"""A little longer than they are, since no two clocks run equally fast."""
NOTICEABLE = 1.0
"""Seconds by which an expected wait has to change before `on_wait` is called again."""

MIN_PAUSE = 1.0
"""Seconds to pause, at least, after a refusal that names no time."""
LEAST_WAIT = 0.2
"""Seconds to pause, at least, after a refusal that names a time."""
MAX_SLOWDOWN = 16.0
RECOVERY = 60.0
"""Seconds after which half of a slowdown is over."""

Kind = Literal["submission", "check", "other"]
"""Kinds of calls, each with a limit of its own; a check finds out whether a job is done."""
PERIODS: dict[Kind, float] = {"submission": HOUR, "check": SECOND, "other": SECOND}
OnWait = Callable[[float], object]


@dataclass(frozen=True)
class Quota:
    """What the service allows; default: the figures of the cloud. None is no limit.

    Attributes:
        submissions_per_hour: recordings sent to be recognized.
        checks_per_second: checks whether a job is done; as many other calls, such as for results, are allowed
            in addition.
        hours_per_day: billed hours of audio. `sk.experiment` sends nothing that would exceed them.

    Raises:
        ConfigError: if a figure is no positive whole number.
    """

    submissions_per_hour: int | None = 500
    checks_per_second: int | None = 5
    hours_per_day: int | None = 10_000

    def __post_init__(self) -> None:
        for name in ("submissions_per_hour", "checks_per_second", "hours_per_day"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 1):
                raise ConfigError(
                    f"{name} must be a whole number from 1 up, or None for no limit, not {show_value(value)}"
                )

    @property
    def limits(self) -> dict[Kind, int | None]:
        """The limit of each kind of calls."""
        n = self.checks_per_second
        return {"submission": self.submissions_per_hour, "check": n, "other": n}


UNLIMITED = Quota(None, None, None)


class SlidingWindow:
    """At most `limit` calls in any `period` seconds. It is given the time, and does not wait.

    A call counts until one period after its response has come, not after its request was sent: the service
    saw the request some time in between, and so never sees more calls than the limit in any period, however
    long they travel.

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
        # no quota is for longer than an hour, and a wait of 0 s would send the same call all the time
        pause = 0.0 if retry_after is None else min(max(retry_after, LEAST_WAIT), HOUR)
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


class RateLimiter:
    """Grants permits to threads, in the order in which they request them.

    Args:
        limit: number of calls in any `period` seconds; None is no limit.
        period: seconds.
        ages: ages in seconds of the calls of an earlier process.
        clock: monotonic seconds.
        wait: waits for a condition, for some seconds or (None) until it is notified.
    """

    def __init__(
        self,
        limit: int | None,
        period: float,
        ages: Iterable[float] = (),
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Condition, float | None], object] = threading.Condition.wait,
    ) -> None:
        self._clock, self._wait = clock, wait
        self._window = SlidingWindow(limit, period, [clock() - max(age, 0.0) for age in ages])
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    def acquire(
        self, on_wait: OnWait, check_open: Callable[[], object], patience: float = INFINITY
    ) -> Permit:
        """Wait for a permit; see `CallLimiter`. Any exception of `check_open` or `on_wait` ends the wait."""
        caller, expected = object(), -INFINITY
        with self._changed:
            self._waiting.append(caller)
            try:
                while True:
                    check_open()
                    now, is_first = self._clock(), self._waiting[0] is caller
                    if (pause := self._window.pause_left(now)) > patience or time_left() <= 0:
                        wish = f"; it asks to wait {pause:.0f} s" if pause else ", or its answers are slow"
                        raise Exhausted(
                            f"a quota of the service is used up{wish}",
                            code="RESOURCE_EXHAUSTED",
                            retry_after=pause,
                        )
                    opens_at = self._window.opens_at(now)
                    if is_first and opens_at <= now:
                        return Permit(self, self._window.begin(now))
                    if now < opens_at < INFINITY and abs(opens_at - expected) > NOTICEABLE:
                        expected = opens_at
                        on_wait(opens_at - now)
                    # Only the first in the queue wakes by the clock; the others wake when it leaves.
                    longest = time_left(opens_at - now if is_first else INFINITY)
                    self._wait(self._changed, longest if longest < INFINITY else None)
            finally:
                self._waiting.remove(caller)
                self._changed.notify_all()

    def release(self, number: int, refusal: Exhausted | None) -> None:
        """Record the response to the call of a permit."""
        with self._changed:
            self._window.end(number, self._clock())
            if refusal is not None:
                self._window.refuse(self._clock(), refusal.retry_after)
            self._changed.notify_all()

    def set_limit(self, limit: int | None) -> None:
        """Change the limit, from now on."""
        with self._changed:
            self._window.limit = limit
            self._changed.notify_all()

    def recheck(self) -> None:
        """Wake all waiting callers, so that each calls its `check_open`."""
        with self._changed:
            self._changed.notify_all()


class Permit:
    """A permit for one request; use as a context manager."""

    def __init__(self, limiter: RateLimiter, number: int) -> None:
        self._limiter, self._number = limiter, number

    def __enter__(self) -> Permit:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        self._limiter.release(self._number, error if isinstance(error, Exhausted) else None)


RateLimiters = dict[Kind, RateLimiter]
"""The rate limiters for one service and one set of credentials."""


def make_limiters(quota: Quota, ages: Iterable[float] = ()) -> RateLimiters:
    """Empty queues for a quota; `ages` in seconds are those of the submissions of earlier processes."""
    ages_of: dict[Kind, Iterable[float]] = {"submission": ages}
    return {
        kind: RateLimiter(limit, PERIODS[kind], ages_of.get(kind, ())) for kind, limit in quota.limits.items()
    }


class CallLimiter:
    """The rate limiters that a client shares with others, and whether this client is still open.

    Args:
        service: name of the service, for messages.
        limiters: default: without limits, so that only refusals of the service cause a wait.
    """

    def __init__(self, service: str = "", limiters: RateLimiters | None = None) -> None:
        self._service = service
        self._limiters = limiters or make_limiters(UNLIMITED)
        self._closed = False

    def acquire(
        self, kind: Kind, patience: float = INFINITY, on_wait: OnWait = lambda seconds: None
    ) -> Permit:
        """Wait for the permit of a call.

        Args:
            kind: what is called.
            patience: longest pause, in seconds after a refusal of the service, that is waited for. The whole
                wait ends with the `time_limit` of the caller.
            on_wait: called with the seconds to wait, if there is a wait, and again when they change.

        Raises:
            Exhausted: if the service asks to wait longer than `patience`, or the time is up.
            Rejected: if the client is closed meanwhile.
        """
        return self._limiters[kind].acquire(on_wait, self._check_open, patience)

    def share(self) -> CallLimiter:
        """A second one over the same rate limiters, which is closed separately."""
        return CallLimiter(self._service, self._limiters)

    def close(self) -> None:
        """Cancel all waiting callers."""
        self._closed = True
        for limiter in self._limiters.values():
            limiter.recheck()

    def _check_open(self) -> None:
        if self._closed:
            raise make_closed_error(self._service)


_shared: dict[tuple[str, str], RateLimiters] = {}
_lock = threading.Lock()


def share_limiters(
    service: str, caller: str, quota: Quota, ages: Callable[[], Iterable[float]] = tuple
) -> CallLimiter:
    """A limiter over the rate limiters that this process has for a service and a caller.

    Args:
        caller: a text that differs between credentials; only a hash of it is stored.
        quota: applies from now on to everybody who shares the rate limiters.
        ages: returns the ages in seconds of the submissions of earlier processes; called only once.
    """
    key = service, hashlib.sha256(caller.encode()).hexdigest()
    with _lock:
        if key not in _shared:
            _shared[key] = make_limiters(quota, [age for age in ages() if age < HOUR])
    for kind, limit in quota.limits.items():
        _shared[key][kind].set_limit(limit)
    return CallLimiter(service, _shared[key])


Quota.__module__ = "speechkit_nb"  # it prints under the name that users import
