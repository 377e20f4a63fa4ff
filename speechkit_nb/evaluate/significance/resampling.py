"""Intervals by the bootstrap (Bisani and Ney 2004): groups drawn anew, the same for all systems."""

from __future__ import annotations

from math import nan

import numpy as np

from ..arrays import Floats, Ints

_AT_ONCE = 1 << 21


def resample_rates(errors: Ints, words: Ints, n_replicates: int, seed: int) -> Floats:
    """Error rates of samples of the groups.

    Args:
        errors, words: shape (n_groups, n_systems).
        seed: the same seed draws the same samples, whatever the systems are.

    Returns:
        Shape (n_replicates, n_systems); NaN where no word was drawn.

    >>> resample_rates(np.array([[1], [1]]), np.array([[4], [4]]), 3, seed=0).tolist()
    [[0.25], [0.25], [0.25]]
    """
    n_groups, n_systems = errors.shape
    both = np.concatenate([errors, words], axis=1).astype(float)
    rng = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // n_groups)
    parts = []
    for first in range(0, n_replicates, step):
        n_rows = min(step, n_replicates - first)
        drawn = rng.integers(0, n_groups, (n_rows, n_groups)) + n_groups * np.arange(n_rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=n_rows * n_groups).reshape(n_rows, n_groups)
        parts.append(times.astype(float) @ both)
    sums = np.concatenate(parts)
    drawn_words = np.where(sums[:, n_systems:] > 0, sums[:, n_systems:], np.nan)
    return np.asarray(sums[:, :n_systems] / drawn_words)


def percentile_interval(values: Floats, level: float) -> tuple[float, float]:
    """The percentiles that leave out equally much on both sides."""
    known = values[~np.isnan(values)]
    if not len(known):
        return nan, nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def share_below(differences: Floats) -> float:
    """Share of samples in which the first system is better; NaN of none."""
    known = differences[~np.isnan(differences)]
    return float((known < 0).mean()) if len(known) else nan


def two_sided_p(differences: Floats) -> float:
    """How rarely samples say the opposite of most; at least 2 / (n + 1), NaN of none."""
    n = int((~np.isnan(differences)).sum())
    if not n:
        return nan
    rarer = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2 * (rarer + 1) / (n + 1))
