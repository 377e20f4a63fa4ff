"""Waiting for jobs: when to check their status, and the progress bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

Progress = bool | Callable[[float, str], Any]


@dataclass(frozen=True)
class Pace:
    """When to check the status of a job, in seconds.

    Attributes:
        estimate: expected recognition time per second of audio; SpeechKit needs about 10 s per minute.
        patience: share of that estimate to wait before the first check.
        least: shortest pause between two checks.
        most: longest pause; pauses grow by half from `least` on.
    """

    estimate: float = 1 / 6
    patience: float = 1.0
    least: float = 2.0
    most: float = 60.0

    def pauses(self, duration: float, waited: float) -> Iterator[float]:
        """Pauses before each check, the first after the time that the recognition should take.

        >>> pauses = Pace().pauses(60, waited=4)
        >>> [next(pauses) for _ in range(4)]
        [6.0, 2.0, 3.0, 4.5]
        """
        yield max(duration * self.estimate * self.patience - waited, 0.0)
        pause = self.least
        while True:
            yield min(pause, self.most)
            pause *= 1.5


LOOPBACK = Pace(patience=0.0, least=0.05, most=0.2)


@contextmanager
def show_progress(progress: Progress, name: str, expected: float) -> Iterator[Callable[[float, str], None]]:
    """A function to call with the seconds waited and the job's state.

    Args:
        progress: True for a bar, False for nothing, or a function of (fraction, status).
        name: the text before the bar.
        expected: estimate of the whole time in seconds.
    """
    if callable(progress):
        yield lambda waited, status: progress(_fraction(waited, expected, status), status)
    elif not progress:
        yield lambda waited, status: None
    else:
        from tqdm.auto import tqdm

        layout = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
        with tqdm(total=100, desc=name, bar_format=layout, disable=None, leave=False) as bar:

            def update(waited: float, status: str) -> None:
                bar.n = round(100 * _fraction(waited, expected, status))
                bar.set_postfix_str(f"{status}, estimated {expected:.0f} s in all")

            yield update


def _fraction(waited: float, expected: float, status: str) -> float:
    """Share of the estimate; at most 0.95 until the job is done."""
    if status == "done":
        return 1.0
    return min(waited / max(expected, 1e-3), 0.95)


class Tally(NamedTuple):
    """Progress of a batch.

    Attributes:
        done: jobs that are settled.
        n: jobs that were sent so far.
        total: final number of jobs; None if it is not known.
        seconds_done, seconds: duration of the audio of the settled jobs, and of all jobs so far.
        note: why it waits, such as for the quota.

    >>> Tally(3, 4, 8, 90.0, 120.0).status
    '3 of 8 recordings, 1.5 of 2.0 min of audio'
    """

    done: int
    n: int
    total: int | None
    seconds_done: float
    seconds: float
    note: str = ""

    @property
    def fraction(self) -> float:
        """Share of the audio that is done, or of the recordings while not all of them are known.

        At most 0.95 until the total is known.
        """
        if self.total == self.n and self.seconds:
            return self.seconds_done / self.seconds
        if self.total is None:
            return min(self.done / max(self.n, 1), 0.95)
        return self.done / (self.total or 1)

    @property
    def status(self) -> str:
        """The progress as text."""
        total = "?" if self.total is None else self.total
        minutes = f"{self.seconds_done / 60:.1f} of {self.seconds / 60:.1f} min of audio"
        return ", ".join(filter(None, (f"{self.done} of {total} recordings", minutes, self.note)))


class BatchBar:
    """The progress bar of a set of jobs.

    Args:
        progress: True for a bar, False for nothing, or a function of (fraction, status).
        clock: seconds since the epoch, for the estimated end.
    """

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.time) -> None:
        self._tell = progress if callable(progress) else None
        self._clock, self._began = clock, clock()
        self._bar: Any = None
        if progress is True:
            from tqdm.auto import tqdm

            layout = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
            self._bar = tqdm(total=100, desc="recognition", bar_format=layout, disable=None)

    def show(self, look: Callable[[], Tally]) -> None:
        """Update the bar; `look` is not called if there is no bar."""
        if self._tell is None and self._bar is None:
            return
        tally = look()
        status = tally.status + self._end(tally)
        if self._tell is not None:
            self._tell(tally.fraction, status)
        else:
            self._bar.n = round(100 * tally.fraction)
            self._bar.set_postfix_str(status)

    def close(self) -> None:
        """Close the bar, leaving it visible."""
        if self._bar is not None:
            self._bar.close()

    def _end(self, tally: Tally) -> str:
        """Text with the end estimated from the average speed so far; empty if there is no estimate."""
        if tally.total is None or not 0 < tally.fraction < 1:
            return ""
        now = self._clock()
        end = now + (now - self._began) * (1 / tally.fraction - 1)
        day = "%d.%m. " if end - now > 12 * 3600 else ""
        return f", end about {time.strftime(day + '%H:%M', time.localtime(end))}"
