"""How much of each stretch of time is speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def covered(edges: Floats, starts: Floats, ends: Floats) -> Floats:
    """Share of each bin between `edges` that lies in spans; overlapping spans add up, to 1 at most.

    >>> covered(np.array([0.0, 1, 2, 3]), np.array([0.5]), np.array([2.0])).tolist()
    [0.5, 1.0, 0.0]
    """
    return np.clip(_weight(edges, starts, ends, np.ones(len(starts))), 0.0, 1.0)


def mean_in(edges: Floats, starts: Floats, ends: Floats, values: Floats) -> Floats:
    """Mean of the values in each bin between `edges`, each as long as its span; NaN where there is none.

    >>> mean_in(np.array([0.0, 1, 2, 3]), np.array([0, 0.5]), np.array([1, 1.5]), np.array([1.0, 4])).tolist()
    [2.0, 4.0, nan]
    """
    known = np.isfinite(values)
    starts, ends, values = starts[known], ends[known], values[known]
    whole = _weight(edges, starts, ends, np.ones(len(values)))
    lowest = values.min(initial=0.0)
    summed = _weight(edges, starts, ends, values - lowest)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 1e-9, lowest + summed / whole, np.nan))


def _weight(edges: Floats, starts: Floats, ends: Floats, weights: Floats) -> Floats:
    """Weight times share of each bin, summed over all spans."""

    def passed(times: Floats) -> Floats:
        """Seconds since each of `times`, weighted and summed, at every edge."""
        order = np.argsort(times, kind="stable")
        times, weight = times[order], weights[order]
        at = np.searchsorted(times, edges)
        sums = np.r_[0.0, np.cumsum(weight)], np.r_[0.0, np.cumsum(weight * times)]
        return np.asarray(sums[0][at] * edges - sums[1][at])

    return np.asarray(np.diff(passed(starts) - passed(ends)) / np.diff(edges))
