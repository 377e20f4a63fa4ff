"""Student's t: what stands for the normal distribution where a spread is known from a few groups only."""

from __future__ import annotations

from functools import lru_cache
from math import erfc, exp, isnan, lgamma, log, sqrt

MANY = 100_000
"""Degrees of freedom from which on the normal distribution is the same."""


def student_p(t: float, df: int) -> float:
    """Two-tailed, for `df` degrees of freedom (1 or more); NaN of NaN.

    >>> round(student_p(2.571, 5), 4), round(student_p(12.706, 1), 4)
    (0.05, 0.05)
    """
    if isnan(t):
        return t
    if df >= MANY:
        return erfc(abs(t) / sqrt(2))
    square = min(t * t, 1e300)
    return _beta(df / (df + square), square / (df + square), df / 2, 0.5) if square else 1.0


@lru_cache(maxsize=1024)
def student_reach(level: float, df: int) -> float:
    """How many standard errors an interval reaches to either side.

    >>> [round(student_reach(0.95, df), 2) for df in (1, 4, 33, 1_000_000)]
    [12.71, 2.78, 2.03, 1.96]
    """
    low, high = 0.0, 1.0
    while student_p(high, df) > 1 - level:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if student_p(middle, df) > 1 - level else (low, middle)
    return high


def _beta(x: float, rest: float, a: float, b: float) -> float:
    """The regularized incomplete beta function at `x`, of which `rest` is 1 less."""
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(rest))
    if x > (a + 1) / (a + b + 2):  # the fraction converges faster on the other side
        return 1 - front / b * _fraction(rest, b, a)
    return front / a * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """Its continued fraction (DLMF 8.17.22), by Lentz's method."""
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            c, d = 1 + part / c, 1 / (1 + part * d)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value
