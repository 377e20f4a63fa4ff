"""When to check the status of a job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any

from ...errors import ConfigError, show_value


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


def check_timeout(timeout: Any) -> float | None:
    """The seconds to wait at most; None for no limit.

    Raises:
        ConfigError: if it is neither.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, Real) or not float(timeout) >= 0:
        raise ConfigError(
            f"timeout must be a number of seconds, 0 or more, or None, not {show_value(timeout)}"
        )
    return float(timeout)
