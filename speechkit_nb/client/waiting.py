"""Waiting for a job: when to ask next, and the bar that is shown meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Progress = bool | Callable[[float, str], Any]


@dataclass(frozen=True)
class Pace:
    """When to ask after a job, in seconds.

    Attributes:
        estimate: expected recognition time for a second of audio; SpeechKit takes about 10 s a minute.
        patience: share of that estimate to wait before the first question.
        least: shortest pause between two questions.
        most: longest pause; pauses grow by half from `least` on.
    """

    estimate: float = 1 / 6
    patience: float = 1.0
    least: float = 2.0
    most: float = 60.0

    def pauses(self, duration: float, waited: float) -> Iterator[float]:
        """Pauses before each question, the first after the time the recording should take.

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
def shown(progress: Progress, name: str, expected: float) -> Iterator[Callable[[float, str], None]]:
    """A function to call with the seconds waited and the job's state.

    Args:
        progress: True for a bar, False for nothing, or a function of (fraction, status).
        name: what is waited for.
        expected: estimate of the whole time in seconds; the bar says that it is an estimate.
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
    """Share of the estimate; it stops short of the end until the job is done."""
    if status == "done":
        return 1.0
    return min(waited / max(expected, 1e-3), 0.95)
