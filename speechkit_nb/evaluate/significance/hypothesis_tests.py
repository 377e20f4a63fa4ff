"""Significance tests of the difference of two systems, from counts."""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, inf, isnan, nan, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr

from .power import smallest_p
from .ratio import student_p

MOST_EXACT = 50
"""With at least this many utterances that only one system has right, chi-squared is accurate enough."""


class MatchedPairs(NamedTuple):
    """Result of the matched-pairs test. `mean` and `sd` are those of the difference of errors per segment."""

    n_segments: int
    mean: float
    sd: float
    z: float
    p: float


def mapsswe(n_segments: int, total: float, squares: float) -> MatchedPairs:
    """Matched pairs of segments, word errors (Gillick and Cox 1989), two-tailed.

    Like NIST's program, it uses the normal distribution, so `p` is too small for few segments: with 5 or
    fewer, a difference by chance is found up to three times as often as `p`. See `small_sample_p`.

    Args:
        n_segments: number of segments with an error of either system.
        total: sum of the differences of errors, first system minus second.
        squares: sum of the squares of the differences.

    Returns:
        NaN for one segment. Without segments there is no difference, and `p` is 1. If all differences are
        equal, their standard deviation is 0; then `z` is infinite (0 if they are 0) and `p` is that of the
        sign test.

    >>> found = mapsswe(3, 1 + 1 + 0, 1 + 1 + 0)  # the case that NIST publishes with its program
    >>> round(found.mean, 3), round(found.sd, 3), round(found.z, 3), round(found.p, 3)
    (0.667, 0.577, 2.0, 0.046)
    """
    if n_segments < 2:
        return MatchedPairs(1, total, nan, nan, nan) if n_segments else MatchedPairs(0, 0.0, 0.0, 0.0, 1.0)
    mean = total / n_segments
    sd = sqrt(max(squares - n_segments * mean * mean, 0.0) / (n_segments - 1))
    # compared as integers: a standard deviation of 0 may be computed as a tiny number
    if n_segments * squares == total * total:
        equal = (0.0, 1.0) if total == 0 else (inf if total > 0 else -inf, 2.0 ** (1 - n_segments))
        return MatchedPairs(n_segments, mean, 0.0, *equal)
    z = mean / (sd / sqrt(n_segments))
    return MatchedPairs(n_segments, mean, sd, z, normal_p(z))


def small_sample_p(statistic: float, n: int, df: float | None = None) -> float:
    """Two-tailed p-value of the mean of `n` paired differences, divided by its standard error.

    It is that of Student's t, but not below the smallest p-value of a sign test (`smallest_p`): a few
    integers may be equal by chance, and then their standard deviation is too small.

    Args:
        df: degrees of freedom; default: `n` - 1.

    >>> round(small_sample_p(2.0, 3), 3), small_sample_p(50.0, 3)
    (0.25, 0.25)
    """
    p = student_p(statistic, n - 1 if df is None else df) if n > 1 else nan
    return nan if isnan(p) else max(p, smallest_p(n))


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p-value of McNemar's test of whether two systems have equally many utterances right.

    It is exact if fewer than 50 utterances are right in only one of the systems; otherwise it is chi-squared
    with a continuity correction.

    Args:
        only_a, only_b: numbers of utterances that only the first or only the second system has right.

    >>> round(mcnemar(19, 23), 3)
    0.644
    """
    n = only_a + only_b
    if n < MOST_EXACT:
        # twice the smaller tail of the binomial distribution, as `scipy.stats.binomtest`, which loads slowly
        return min(1.0, 2 * float(bdtr(min(only_a, only_b), n, 0.5)))
    distance = max(abs(only_a - only_b) - 1, 0)
    return erfc(sqrt(distance**2 / n / 2))


def normal_p(z: float) -> float:
    """Two-tailed p-value of the normal distribution.

    >>> round(normal_p(1.959964), 4)
    0.05
    """
    return erfc(abs(z) / sqrt(2))


def holm(p: Sequence[float]) -> list[float]:
    """Corrects p-values for multiple tests (Holm 1979). NaN is not counted as a test, and stays NaN.

    >>> holm([0.01, 0.04, float("nan"), 0.03])
    [0.03, 0.06, nan, 0.06]
    """
    values = np.asarray(p, float)
    tests = np.flatnonzero(~np.isnan(values))
    order = tests[np.argsort(values[tests], kind="stable")]
    weighed = values[order] * np.arange(len(order), 0, -1)
    # a larger p-value must not become smaller than the one before it
    values[order] = np.minimum(np.maximum.accumulate(weighed), 1.0)
    return [float(value) for value in values]
