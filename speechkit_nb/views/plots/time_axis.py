"""Time axes: `12.5` up to a minute, then `mm:ss`, then `h:mm:ss`."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.ticker import Formatter, Locator

STEPS = (
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 600, 1440)),
)
MOST_TICKS = 12


def time_unit(longest: float) -> str:
    """The unit of times up to `longest` seconds.

    >>> time_unit(60), time_unit(61), time_unit(3600)
    ('s', 'mm:ss', 'h:mm:ss')
    """
    if longest <= 60:
        return "s"
    return "mm:ss" if longest < 3600 else "h:mm:ss"


def format_time(seconds: float, longest: float, decimals: int = 0) -> str:
    """`seconds` in the unit of times up to `longest`.

    >>> format_time(7.25, 30, 2), format_time(65, 600)
    ('7.25', '01:05')
    >>> format_time(3599.96, 7200, 1), format_time(59.99, 600)
    ('1:00:00.0', '01:00')
    """
    if time_unit(longest) == "s":
        return f"{seconds:.{decimals}f}"
    parts = round(abs(seconds) * 10**decimals)  # whole numbers, so that 59.99 is never written as 00:60
    whole, rest = divmod(parts, 10**decimals)
    text = f"{whole // 60 % 60:02}:{whole % 60:02}" + (f".{rest:0{decimals}}" if decimals else "")
    if time_unit(longest) == "h:mm:ss":
        text = f"{whole // 3600}:{text}"
    return f"-{text}" if seconds < 0 and parts else text


def count_decimals(times: Sequence[float]) -> int:
    """Number of decimals, at most three, that these times need.

    >>> count_decimals([0, 5, 10]), count_decimals([0, 0.5, 1]), count_decimals([0.25])
    (0, 1, 2)
    """
    return next((d for d in range(3) if all(abs(t - round(t, d)) < 1e-6 for t in times)), 3)


class TimeLocator(Locator):
    """Ticks at steps of a clock (5, 15, 30 s, 1, 5, 15 min) instead of powers of ten."""

    def __call__(self) -> list[float]:
        return self.tick_values(*self.axis.get_view_interval())  # type: ignore[union-attr]

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Multiples of one step between `vmin` and `vmax` seconds."""
        room = self.axis.get_tick_space() // 2  # type: ignore[union-attr]
        span, most = abs(vmax - vmin), min(max(room, 2), MOST_TICKS)
        step = next((s for s in STEPS if span / s <= most), STEPS[-1])
        low, high = sorted((vmin, vmax))
        first, last = int(-(-(low - 1e-9) // step)), int((high + 1e-9) // step)
        return [k * step for k in range(first, last + 1)]


class TimeFormatter(Formatter):
    """Writes seconds in the unit of times up to `longest`, with as many decimals as the ticks need."""

    def __init__(self, longest: float) -> None:
        self.longest = longest

    def __call__(self, x: float, pos: int | None = None) -> str:
        return format_time(x, self.longest, 3)  # beside the mouse pointer

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """The texts of all ticks."""
        decimals = count_decimals(values)
        return [format_time(value, self.longest, decimals) for value in values]
