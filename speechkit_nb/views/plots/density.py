"""How much of each stretch of time is speech, as shapes to draw where words are too thin for boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST = 0.12  # height of the density where there is any speech at all


def density_shapes(
    edges: Floats, share: Floats, low: float, high: float, *, one_per_bin: bool
) -> list[Floats]:
    """Corners (seconds, y) of the density: one outline, or one bar per bin with speech.

    Args:
        edges: of the bins, seconds.
        share: share of each bin that is speech, 0 to 1.
        low, high: y of no speech and of nothing but speech.
    """
    top = low + (high - low) * np.where(share > 0, LEAST + (1 - LEAST) * share, 0.0)
    if not one_per_bin:
        return [np.stack([np.repeat(edges, 2), np.r_[low, np.repeat(top, 2), low]], axis=1)]
    left, right, base = edges[:-1], edges[1:], np.full_like(top, low)
    corners = [np.stack(xy, axis=1) for xy in ((left, base), (left, top), (right, top), (right, base))]
    return list(np.stack(corners, axis=1)[share > 0])


def speech_share(edges: Floats, starts: Floats, ends: Floats) -> Floats:
    """Share of each bin between `edges` that is covered by words; overlapping words add up, to 1 at most.

    >>> speech_share(np.array([0.0, 1, 2, 3]), np.array([0.5]), np.array([2.0])).tolist()
    [0.5, 1.0, 0.0]
    """
    return np.clip(_sum_weights(edges, starts, ends, np.ones(len(starts))), 0.0, 1.0)


def mean_values(edges: Floats, starts: Floats, ends: Floats, values: Floats) -> Floats:
    """Mean of the values in each bin between `edges`, weighted by time; NaN in a bin without a value.

    >>> mean_values(np.arange(4.0), np.array([0, 0.5]), np.array([1, 1.5]), np.array([1.0, 4])).tolist()
    [2.0, 4.0, nan]
    """
    known = np.isfinite(values)
    starts, ends, values = starts[known], ends[known], values[known]
    total = _sum_weights(edges, starts, ends, np.ones(len(values)))
    lowest = values.min(initial=0.0)  # sums of numbers from 0 lose the fewest digits
    weighted = _sum_weights(edges, starts, ends, values - lowest)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(total > 1e-9, lowest + weighted / total, np.nan))


def _sum_weights(edges: Floats, starts: Floats, ends: Floats, weights: Floats) -> Floats:
    """Weight times covered share of each bin, summed over all words."""

    # A word covers of the time before an edge: (edge - start) clipped at 0, minus (edge - end) clipped at 0.
    # With sorted times and running sums this takes one search per edge, however many words there are.
    def time_since(times: Floats) -> Floats:
        """At each edge the seconds since each of `times`, weighted and summed."""
        order = np.argsort(times, kind="stable")
        times, weight = times[order], weights[order]
        n_before = np.searchsorted(times, edges)
        sum_weights = np.r_[0.0, np.cumsum(weight)][n_before]
        sum_times = np.r_[0.0, np.cumsum(weight * times)][n_before]
        return np.asarray(sum_weights * edges - sum_times)

    return np.asarray(np.diff(time_since(starts) - time_since(ends)) / np.diff(edges))
