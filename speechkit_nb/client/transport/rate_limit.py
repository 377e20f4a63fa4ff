"""How often the service may be asked, over all jobs and threads of this process.

One line of turns stands before every submission, another before every question whether a job is done, for
all clients that go to the same service with the same credentials. Turns are given in the order in which they
are asked for. When the service says all the same that a quota is used up, the line stands still, and then
goes on more slowly for a while.

A turn counts until one period after its answer has come, not after it went out: so that the service, which
saw it some time in between, never sees more than the quota in any period, however long calls travel.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple

from ...errors import ConfigError, Exhausted
from .base import closed

HOUR, SECOND = 3610.0, 1.01
"""A little longer than they are: no two clocks go alike."""
LEAST_PAUSE = 1.0
"""Seconds to stand still, at least, after a refusal that names no time."""
SLOWEST = 16.0
RECOVERY = 60.0
"""Seconds in which half of a slowing down is forgotten."""
MOVED = 1.0
"""Seconds by which a turn has to come sooner or later for it to be told again."""

Told = Callable[[float], object]


@dataclass(frozen=True)
class Quota:
    """What the service allows, by default the cloud's figures. None is no limit.

    Attributes:
        submissions_per_hour: recordings sent to be recognized.
        checks_per_second: questions whether a job is done; also, apart from these, of calls for results.

    Raises:
        ConfigError: if a figure is none.
    """

    submissions_per_hour: int | None = 500
    checks_per_second: int | None = 5

    def __post_init__(self) -> None:
        for name in ("submissions_per_hour", "checks_per_second"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 1):
                raise ConfigError(
                    f"{name}={value!r}, but it is a whole number from 1 up, or None for no limit"
                )


UNLIMITED = Quota(None, None)


class Window:
    """How many turns there may be in any `period` seconds. It is told the time, and does not wait.

    Args:
        limit: of turns; None is no limit.
        period: seconds.

    >>> window = Window(2, 1.0)
    >>> first, second = window.begin(0.0), window.begin(0.1)
    >>> window.opens(0.2)  # both are out, nobody knows
    inf
    >>> window.end(first, 0.5)
    >>> window.opens(0.6)
    1.5
    """

    def __init__(self, limit: int | None, period: float) -> None:
        self.limit, self.period = limit, period
        self._ends: dict[int, float] = {}
        self._number = 0
        self._begun = self._resumes = self._slowed_at = -float("inf")
        self._slowness = 1.0

    def opens(self, now: float) -> float:
        """The earliest moment for one more turn; infinity while that depends on an answer."""
        earliest = max(now, self._resumes)
        slowness = self._slowness_at(now)
        if self.limit is None:
            return earliest
        if slowness > 1.0:
            earliest = max(earliest, self._begun + slowness * self.period / self.limit)
        ends = sorted(end for end in self._ends.values() if end + self.period > now)
        return max(earliest, ends[-self.limit] + self.period) if len(ends) >= self.limit else earliest

    def begin(self, now: float) -> int:
        """Take a turn; its number."""
        self._number += 1
        self._begun = now
        if self.limit is not None:
            self._ends = {turn: end for turn, end in self._ends.items() if end + self.period > now}
            self._ends[self._number] = float("inf")
        return self._number

    def end(self, turn: int, now: float) -> None:
        """The answer has come."""
        if self._ends.get(turn) == float("inf"):
            self._ends[turn] = now

    def refuse(self, now: float, retry_after: float | None) -> None:
        """The service has said that the quota is used up; answers to calls that were out together count once.

        Args:
            retry_after: seconds that it asks to wait.
        """
        pause = retry_after or 0.0
        if now >= self._resumes:
            slowness = self._slowness_at(now)
            self._slowness, self._slowed_at = min(2 * slowness, SLOWEST), now
            if retry_after is None:
                worth = self.period / self.limit if self.limit else 0.0
                pause = max(worth, LEAST_PAUSE) * slowness
        self._resumes = max(self._resumes, now + pause)

    def fill(self, ends: Iterable[float]) -> None:
        """Turns that were taken before, by a process that is gone; nothing if there have been others."""
        if self.limit is not None and not self._number:
            for end in ends:
                self.end(self.begin(end), end)

    def paused(self, now: float) -> float:
        """Seconds for which the service has asked for silence."""
        return max(self._resumes - now, 0.0)

    def _slowness_at(self, now: float) -> float:
        left = float(0.5 ** ((now - self._slowed_at) / RECOVERY))
        return max(self._slowness * left, 1.0)


class Line:
    """Threads that wait for turns, first come, first served.

    Args:
        window: says when.
        clock: seconds that only go on.
        wait: waits for a condition, for some seconds or (None) as long as it takes.
    """

    def __init__(
        self,
        window: Window,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Condition, float | None], object] = threading.Condition.wait,
    ) -> None:
        self.window = window
        self._clock, self._wait = clock, wait
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    def turn(self, told: Told, check_open: Callable[[], object], patience: float = float("inf")) -> Turn:
        """Wait for a turn; see `Limiter`."""
        me, expected = object(), -float("inf")
        with self._changed:
            self._waiting.append(me)
            try:
                while True:
                    check_open()
                    self._check_patience(patience)
                    now, is_first = self._clock(), self._waiting[0] is me
                    opens = self.window.opens(now)
                    if is_first and opens <= now:
                        return Turn(self, self.window.begin(now))
                    if now < opens < float("inf") and abs(opens - expected) > MOVED:
                        expected = opens
                        told(opens - now)
                    # Only the first in the line looks at the clock; the others are called.
                    self._wait(self._changed, opens - now if is_first and opens < float("inf") else None)
            finally:
                self._waiting.remove(me)
                self._changed.notify_all()

    def over(self, turn: int, refusal: Exhausted | None) -> None:
        """A turn has had its answer."""
        with self._changed:
            self.window.end(turn, self._clock())
            if refusal is not None:
                self.window.refuse(self._clock(), refusal.retry_after)
            self._changed.notify_all()

    def set(self, limit: int | None) -> None:
        """Go by this limit from now on."""
        with self._changed:
            self.window.limit = limit
            self._changed.notify_all()

    def fill(self, ages: Iterable[float]) -> None:
        """Count turns of an earlier process, each by its age in seconds."""
        with self._changed:
            now = self._clock()
            self.window.fill(sorted(now - max(age, 0.0) for age in ages))

    @property
    def n_waiting(self) -> int:
        """How many threads wait for a turn."""
        return len(self._waiting)

    def wake(self) -> None:
        """Let everybody look whether they are still wanted."""
        with self._changed:
            self._changed.notify_all()

    def _check_patience(self, patience: float) -> None:
        paused = self.window.paused(self._clock())
        if paused > patience:
            raise Exhausted(
                f"a quota of the service is used up; it asks to wait {paused:.0f} s",
                code="RESOURCE_EXHAUSTED",
                retry_after=paused,
            )


class Turn:
    """Leave for one call, which is made within its `with` block."""

    def __init__(self, line: Line, number: int) -> None:
        self._line, self._number = line, number

    def __enter__(self) -> Turn:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        self._line.over(self._number, error if isinstance(error, Exhausted) else None)


class Lines(NamedTuple):
    """The lines of one service and one caller: submissions, questions whether a job is done, and the rest."""

    submissions: Line
    checks: Line
    others: Line

    @classmethod
    def of(cls, quota: Quota) -> Lines:
        """New lines, in which nobody stands."""
        n = quota.checks_per_second
        return cls(
            Line(Window(quota.submissions_per_hour, HOUR)), Line(Window(n, SECOND)), Line(Window(n, SECOND))
        )


class Limiter:
    """What one client sees of the lines it shares with others.

    Args:
        service: what it is for, for messages.
        lines: without them nothing is limited, and only refusals are heeded.
    """

    def __init__(self, service: str = "", lines: Lines | None = None) -> None:
        self._service = service
        self._lines = lines or Lines.of(UNLIMITED)
        self._closed = False

    def submission(self, told: Told = lambda seconds: None) -> Turn:
        """Wait for the turn of a submission, to be made within the turn's `with` block.

        Args:
            told: called with the seconds to wait, if it is more than nothing, and again when that changes.

        Raises:
            Rejected: if the client is closed meanwhile.
        """
        return self._lines.submissions.turn(told, self._check_open)

    def check(self, patience: float) -> Turn:
        """Wait for the turn of a question whether a job is done, asked within the turn's `with` block.

        Args:
            patience: seconds for which to heed a refusal of the service in silence.

        Raises:
            Exhausted: if the service has asked to wait longer than that.
            Rejected: if the client is closed meanwhile.
        """
        return self._lines.checks.turn(lambda seconds: None, self._check_open, patience)

    def other(self, patience: float) -> Turn:
        """The same for a call that is neither, such as for a result; there are as many as of questions."""
        return self._lines.others.turn(lambda seconds: None, self._check_open, patience)

    def another(self) -> Limiter:
        """One over the same lines, to be closed for itself."""
        return Limiter(self._service, self._lines)

    def close(self) -> None:
        """Who waits is sent away."""
        self._closed = True
        for line in self._lines:
            line.wake()

    def _check_open(self) -> None:
        if self._closed:
            raise closed(self._service)


_lines: dict[tuple[str, str], Lines] = {}
_sharing = threading.Lock()


def limiter_of(
    service: str, caller: str, quota: Quota, earlier: Callable[[], Iterable[float]] = tuple
) -> Limiter:
    """A limiter over the lines that this process has for a service and a caller.

    Args:
        caller: what tells one caller from another; only a hash of it is kept.
        quota: holds from now on for everybody who shares the lines.
        earlier: ages in seconds of the submissions of an earlier process, asked for once.
    """
    key = service, hashlib.sha256(caller.encode()).hexdigest()
    with _sharing:
        if key not in _lines:
            _lines[key] = Lines.of(quota)
            _lines[key].submissions.fill(age for age in earlier() if age < HOUR)
        lines = _lines[key]
    lines.submissions.set(quota.submissions_per_hour)
    lines.checks.set(quota.checks_per_second)
    lines.others.set(quota.checks_per_second)
    return Limiter(service, lines)
