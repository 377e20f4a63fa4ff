"""Where the texts of a row of words go: in their boxes if they can, otherwise over them into free space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EPSILON = 1e-6


def placed(left: Floats, right: Floats, widths: Floats, edges: tuple[float, float], padding: float) -> Floats:
    """The middle of each text on one line; NaN for those without room.

    A text that fits into its box stays there. A wider one covers its box, and reaches neither the middle
    of another box nor another text; where these two cannot be had together it is the one to give way.

    Args:
        left, right: sides of the boxes, from left to right, which do not overlap.
        widths: of the texts, as many.
        edges: left and right end of the line.
        padding: what is left free on either side of a text.

    >>> boxes = np.array([0.0, 10, 13]), np.array([10.0, 13, 30])
    >>> placed(*boxes, np.array([6.0, 5, 6]), (0, 30), 1).tolist()  # the second is wider than its box
    [4.5, 12.0, 21.5]
    >>> placed(*boxes, np.array([6.0, 9, 14]), (0, 30), 1).tolist()
    [5.0, nan, 21.5]
    """
    middles = (left + right) / 2
    inner, outer = left + widths / 2 + padding, right - widths / 2 - padding
    least = np.maximum(np.minimum(inner, outer), np.r_[edges[0], middles[:-1]] + widths / 2)
    most = np.minimum(np.maximum(inner, outer), np.r_[middles[1:], edges[1]] - widths / 2)
    kept = _kept(least, most, widths + 2 * padding, narrow=inner > outer)
    at = np.full(len(left), np.nan)
    at[kept] = _between(middles[kept], least[kept], most[kept], widths[kept] + 2 * padding)
    return at


def _kept(least: Floats, most: Floats, widths: Floats, *, narrow: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Which texts find a place between their bounds; those with `narrow` boxes give way."""
    kept: list[int] = []
    ends: list[float] = []  # of the kept texts, each as far to the left as it can be
    bounds = zip(least.tolist(), most.tolist(), (widths / 2).tolist(), narrow.tolist(), strict=True)
    for number, (low, high, half, gives_way) in enumerate(bounds):
        while kept and max(low, ends[-1] + half) > high + EPSILON and not gives_way:
            kept.pop(), ends.pop()
        at = max(low, ends[-1] + half) if kept else low
        if at <= high + EPSILON:
            kept.append(number)
            ends.append(at + half)
    return np.array(kept, np.intp)


def _between(wanted: Floats, least: Floats, most: Floats, widths: Floats) -> Floats:
    """Places near those `wanted`: half way between shifting texts to the right and to the left."""
    pushed = _shifted(wanted, least, most, widths)
    pulled = -_shifted(-wanted[::-1], -most[::-1], -least[::-1], widths[::-1])[::-1]
    return (pushed + pulled) / 2


def _shifted(wanted: Floats, least: Floats, most: Floats, widths: Floats) -> Floats:
    """Places from left to right, each as wanted or as far to the right as the one before asks for."""
    steps = (widths[1:] + widths[:-1]) / 2
    latest = most.copy()
    for k in range(len(latest) - 2, -1, -1):
        latest[k] = min(latest[k], latest[k + 1] - steps[k])
    at = np.clip(wanted, least, latest)
    for k in range(1, len(at)):
        at[k] = min(max(at[k], at[k - 1] + steps[k - 1]), latest[k])
    return at
