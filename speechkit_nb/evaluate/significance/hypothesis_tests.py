"""Tests of a difference, from counts."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, erfc, inf, isnan, nan, sqrt
from typing import NamedTuple

import numpy as np

from .power import smallest_p
from .ratio import student_p

MOST_EXACT = 50
"""Utterances that one system alone has right from which on chi-squared is near enough."""


class MatchedPairs(NamedTuple):
    """The matched-pairs test. `mean` and `sd` are of the difference of errors in a segment."""

    n_segments: int
    mean: float
    sd: float
    z: float
    p: float


def mapsswe(n_segments: int, total: float, squares: float) -> MatchedPairs:
    """Matched pairs of segments, word errors (Gillick and Cox 1989), two-tailed.

    As NIST's program has it, with the normal distribution, which says too much of few segments: of 5 or
    fewer a difference by chance is found up to three times as often as p says. See `small_sample_p`.

    Args:
        n_segments: with an error of either system.
        total: sum of the differences of errors, first system less second.
        squares: sum of their squares.

    Returns:
        NaN for one segment; without one there is no difference, and `p` is 1. If all differences are equal,
        so that they have no deviation, `z` is infinite (0 if they are 0) and `p` that of the sign test.

    >>> found = mapsswe(3, 1 + 1 + 0, 1 + 1 + 0)  # the case that NIST publishes with its program
    >>> round(found.mean, 3), round(found.sd, 3), round(found.z, 3), round(found.p, 3)
    (0.667, 0.577, 2.0, 0.046)
    """
    if n_segments < 2:
        return MatchedPairs(1, total, nan, nan, nan) if n_segments else MatchedPairs(0, 0.0, 0.0, 0.0, 1.0)
    mean = total / n_segments
    sd = sqrt(max(squares - n_segments * mean * mean, 0.0) / (n_segments - 1))
    if n_segments * squares == total * total:
        equal = (0.0, 1.0) if total == 0 else (inf if total > 0 else -inf, 2.0 ** (1 - n_segments))
        return MatchedPairs(n_segments, mean, 0.0, *equal)
    z = mean / (sd / sqrt(n_segments))
    return MatchedPairs(n_segments, mean, sd, z, normal_p(z))


def small_sample_p(statistic: float, n: int) -> float:
    """Two-tailed p of a mean by its standard error, from `n` paired differences.

    Student's t, but no less than the rarest outcome of a sign test of as many (`least_p`): where a few
    integers are alike by chance, their spread says too little.

    >>> round(small_sample_p(2.0, 3), 3), small_sample_p(50.0, 3)
    (0.25, 0.25)
    """
    return max(student_p(statistic, n - 1), smallest_p(n)) if n > 1 and not isnan(statistic) else nan


def mcnemar(only_a: int, only_b: int) -> float:
    """Whether two systems have equally many utterances right; the two-sided p.

    Exact below 50 utterances that only one of the two has right, chi-squared with a continuity correction
    from there on.

    Args:
        only_a, only_b: utterances that only the first, only the second system has right.

    >>> round(mcnemar(19, 23), 3)
    0.644
    """
    n = only_a + only_b
    if n < MOST_EXACT:
        tail = sum(comb(n, k) for k in range(min(only_a, only_b) + 1))
        return min(1.0, float(2 * tail / 2**n))
    distance = max(abs(only_a - only_b) - 1, 0)
    return erfc(sqrt(distance**2 / n / 2))


def normal_p(z: float) -> float:
    """Two-tailed.

    >>> round(normal_p(1.959964), 4)
    0.05
    """
    return erfc(abs(z) / sqrt(2))


def holm(p: Sequence[float]) -> list[float]:
    """Corrects p-values for there being several (Holm 1979); NaN is no test, and stays NaN.

    >>> holm([0.01, 0.04, float("nan"), 0.03])
    [0.03, 0.06, nan, 0.06]
    """
    values = np.asarray(p, float)
    tests = np.flatnonzero(~np.isnan(values))
    order = tests[np.argsort(values[tests], kind="stable")]
    weighed = values[order] * np.arange(len(order), 0, -1)
    values[order] = np.minimum(np.maximum.accumulate(weighed), 1.0)
    return [float(value) for value in values]
