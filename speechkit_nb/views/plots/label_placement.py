"""Where the texts of a row of words are written: in their boxes, or reaching over them into free space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EPSILON = 1e-6


def place_labels(
    left: Floats, right: Floats, widths: Floats, edges: tuple[float, float], padding: float
) -> Floats:
    """The middle of each text on one line; NaN for a text without room.

    A text that fits into its box stays in it. A wider text covers its box, but reaches neither the middle
    of another box nor another text; if that is impossible, the wider text is left out.

    Args:
        left, right: sides of the boxes, from left to right. Boxes do not overlap.
        widths: one width per text.
        edges: left and right end of the line.
        padding: free space on either side of a text.

    >>> boxes = np.array([0.0, 10, 13]), np.array([10.0, 13, 30])
    >>> place_labels(*boxes, np.array([6.0, 5, 6]), (0, 30), 1).tolist()  # the second is wider than its box
    [4.5, 12.0, 21.5]
    >>> place_labels(*boxes, np.array([6.0, 9, 14]), (0, 30), 1).tolist()
    [5.0, nan, 21.5]
    """
    # Each text gets an interval for its middle. In a wide box, `inner` to `outer` keeps the text inside the
    # box. In a narrow box `outer` is less than `inner`, and between them the text covers the box; so the
    # smaller of both is the lower bound in either case.
    middles = (left + right) / 2
    inner, outer = left + widths / 2 + padding, right - widths / 2 - padding
    least = np.maximum(np.minimum(inner, outer), np.r_[edges[0], middles[:-1]] + widths / 2)
    most = np.minimum(np.maximum(inner, outer), np.r_[middles[1:], edges[1]] - widths / 2)
    padded = widths + 2 * padding
    chosen = _choose_texts(least, most, padded, narrow=inner > outer)
    bounds = middles[chosen], least[chosen], most[chosen], padded[chosen]
    # shifting to the right and shifting to the left are both possible; half way between, texts stay closest
    # to the middles of their boxes
    placed = np.full(len(left), np.nan)
    placed[chosen] = (_shift_right(*bounds) + _shift_left(*bounds)) / 2
    return placed


def _choose_texts(
    least: Floats, most: Floats, widths: Floats, *, narrow: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Numbers of the texts that have room; texts with `narrow` boxes are left out first."""
    # Greedy from left to right: each text stands as far to the left as it can, which leaves the most room for
    # the next. A text that fits into its box removes earlier wide texts that are in its way.
    chosen: list[int] = []
    ends: list[float] = []  # right sides of the chosen texts
    bounds = zip(least.tolist(), most.tolist(), (widths / 2).tolist(), narrow.tolist(), strict=True)
    for number, (low, high, half, is_narrow) in enumerate(bounds):
        while chosen and max(low, ends[-1] + half) > high + EPSILON and not is_narrow:
            chosen.pop()
            ends.pop()
        middle = max(low, ends[-1] + half) if chosen else low
        if middle <= high + EPSILON:
            chosen.append(number)
            ends.append(middle + half)
    return np.array(chosen, np.intp)


def _shift_right(wanted: Floats, least: Floats, most: Floats, widths: Floats) -> Floats:
    """Middles near those `wanted`; a text without room is shifted to the right, as little as possible."""
    # Without the widths of the texts before it, text k has to stand anywhere to the right of text k - 1. That
    # turns "texts do not touch" into "middles do not decrease", which is a running maximum.
    offsets = np.cumsum(np.r_[0.0, (widths[1:] + widths[:-1]) / 2])[: len(widths)]
    latest = np.minimum.accumulate((most - offsets)[::-1])[::-1]
    return np.asarray(np.maximum.accumulate(np.clip(wanted - offsets, least - offsets, latest)) + offsets)


def _shift_left(wanted: Floats, least: Floats, most: Floats, widths: Floats) -> Floats:
    """The same to the left: the mirror image."""
    return -_shift_right(-wanted[::-1], -most[::-1], -least[::-1], widths[::-1])[::-1]
