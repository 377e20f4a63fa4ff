"""Statistics from random draws: the bootstrap for intervals, and random swaps of two systems for a p-value.

The bootstrap (Bisani and Ney 2004, ICASSP) draws groups with replacement, the same ones for all systems.

The swap test computes how often a difference as large as the observed one occurs by chance. If two systems
are equally good, their results can be swapped in each group, and all combinations of swaps are equally
likely. The p-value is the share of combinations in which the difference is at least as large (Fisher 1935;
approximate randomization: Noreen 1989, Yeh 2000). It makes no assumption about the distribution of errors,
and is valid for few groups, too: for n groups it is at least 2 ** (1 - n).
"""

from __future__ import annotations

from math import nan

import numpy as np

from ..arrays import Bools, Floats, Ints

MOST_EXACT = 12
"""With at most this many groups all combinations of swaps are computed; with more, random ones are drawn."""

_AT_ONCE = 1 << 21
_SAME = 1e-9


def resample_rates(errors: Ints, words: Ints, n_replicates: int, seed: int) -> Floats:
    """Error rates of samples of the groups.

    Args:
        errors, words: shape (n_groups, n_systems).
        seed: the same seed draws the same groups, independently of the systems.

    Returns:
        Shape (n_replicates, n_systems); NaN for samples without words.

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
        # The numbers of each sample are shifted, so that one `bincount` counts the draws of all samples.
        drawn = rng.integers(0, n_groups, (n_rows, n_groups)) + n_groups * np.arange(n_rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=n_rows * n_groups).reshape(n_rows, n_groups)
        parts.append(times.astype(float) @ both)
    sums = np.concatenate(parts)
    drawn_words = np.where(sums[:, n_systems:] > 0, sums[:, n_systems:], np.nan)
    return np.asarray(sums[:, :n_systems] / drawn_words)


def percentile_interval(values: Floats, level: float) -> tuple[float, float]:
    """The interval between two percentiles, with equal shares of the values below and above it."""
    known = values[~np.isnan(values)]
    if not len(known):
        return nan, nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def share_below(differences: Floats) -> float:
    """Share of samples in which the first system is better; NaN if there are no samples."""
    known = differences[~np.isnan(differences)]
    return float((known < 0).mean()) if len(known) else nan


def two_sided_p(differences: Floats) -> float:
    """Twice the share of samples on the rarer side of 0, at least 2 / (n + 1); NaN if there are none."""
    n = int((~np.isnan(differences)).sum())
    if not n:
        return nan
    rarer = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2 * (rarer + 1) / (n + 1))


def swap_p(differences: Floats, n_draws: int, seed: int) -> float:
    """Two-sided p-value of the hypothesis that the sum of the differences is 0, by changing signs.

    Args:
        differences: first system minus second, one number per group; zeros are ignored.
        n_draws: number of random swaps if more than 12 groups have a difference; the p-value is then at
            least 1 / (n_draws + 1).

    >>> swap_p(np.array([1.0, 1.0, 2.0, 1.0, 1.0]), 1000, seed=0)
    0.0625
    """
    some = differences[differences != 0]
    if not len(some):
        return 1.0
    # with a tolerance, so that rounding does not hide a sum that is equal to the observed one
    least = abs(some.sum()) * (1 - _SAME) - _SAME * np.abs(some).max()
    if len(some) <= MOST_EXACT:
        numbers = np.arange(2 ** (len(some) - 1))[:, None]  # the other half has the opposite signs
        every = (numbers >> np.arange(len(some))) & 1 > 0
        return float((np.abs(_sums(every, some)) >= least).mean())
    rng = np.random.default_rng(seed)
    step, n_bytes = max(1, _AT_ONCE // len(some)), -(-len(some) // 8)
    n_larger = 0
    for first in range(0, n_draws, step):
        drawn = rng.integers(0, 256, (min(step, n_draws - first), n_bytes), dtype=np.uint8)
        swapped = np.unpackbits(drawn, axis=1, count=len(some)) > 0
        n_larger += int((np.abs(_sums(swapped, some)) >= least).sum())
    return (n_larger + 1) / (n_draws + 1)


def _sums(swapped: Bools, differences: Floats) -> Floats:
    return np.asarray(differences.sum() - 2 * (swapped.astype(float) @ differences))
