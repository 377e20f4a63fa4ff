"""Shows how far jobs are: a bar, or a function of the user."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors import ConfigError, make_printable, show_value

Progress = bool | Callable[[float, str], Any]


class ProgressBar:
    """The progress of one job or of several; a context manager that closes the bar at its end.

    Args:
        progress: True for a bar, False for nothing, or a function of (fraction, status).
        name: the text before the bar.
        leave: whether the bar stays visible at the end.

    Raises:
        ConfigError: if `progress` is none of these.
    """

    def __init__(self, progress: Progress, name: str, leave: bool = False) -> None:
        if not (isinstance(progress, bool) or callable(progress)):
            raise ConfigError(f"progress must be True, False or a function, not {show_value(progress)}")
        self._report = progress if callable(progress) else None
        self._bar: Any = None
        if progress is True:
            from tqdm.auto import tqdm

            layout = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
            text = make_printable(name)
            self._bar = tqdm(total=100, desc=text, bar_format=layout, disable=None, leave=leave)

    @property
    def is_shown(self) -> bool:
        """Whether there is a bar or a function to update."""
        return self._bar is not None or self._report is not None

    def show(self, fraction: float, status: str, details: str = "") -> None:
        """Show a fraction between 0 and 1, and a text; the bar shows `details` after it."""
        if self._report is not None:
            self._report(fraction, status)
        elif self._bar is not None:
            self._bar.n = round(100 * fraction)
            self._bar.set_postfix_str(status + details)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


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

    def estimate_end(self, began: float, now: float) -> str:
        """Text with the end estimated from the average speed so far; empty if there is no estimate.

        Args:
            began, now: seconds since the epoch.
        """
        if self.total is None or not 0 < self.fraction < 1:
            return ""
        end = now + (now - began) * (1 / self.fraction - 1)
        day = "%d.%m. " if end - now > 12 * 3600 else ""
        return f", end about {time.strftime(day + '%H:%M', time.localtime(end))}"
