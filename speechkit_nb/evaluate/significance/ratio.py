"""Intervals by the ratio estimator, from sums that can be added over parts of a corpus of any size.

An error rate W is the ratio of errors to words. To first order, its variance is that of e - W n over groups
with e errors and n words (the delta method; Cochran, Sampling Techniques, 1977, chapter 6). The width of an
interval is given by Student's t, with one degree of freedom less than the effective number of groups, which
is smaller than their number if they have unequal numbers of words. It is wide for few groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isnan, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from ..arrays import Floats

_MOST_EXPONENT = 500.0  # a larger exponent would overflow


@dataclass(frozen=True)
class Moments:
    """Sums over groups of (errors of each system, words of each system) and of their products.

    Groups are independent: utterances, or all utterances of a speaker or call. All of a group must be in one
    part of a corpus.

    Attributes:
        systems: names.
        n: number of groups.
        total: shape (2 k,) for k systems: errors of each, then reference words of each.
        cross: shape (2 k, 2 k): sums of the products over groups.

    >>> parts = [Moments.from_groups(("a",), np.array([[1], [0]]), np.array([[9], [11]])) for _ in range(2)]
    >>> whole = parts[0] + parts[1]
    >>> whole.n, whole.rate(0)
    (4, 0.05)
    """

    systems: tuple[str, ...]
    n: int
    total: Floats
    cross: Floats

    @staticmethod
    def from_groups(systems: tuple[str, ...], errors: NDArray[np.int64], words: NDArray[np.int64]) -> Moments:
        """Sums over groups; `errors` and `words` have shape (n_groups, n_systems)."""
        both = np.concatenate([errors, words], axis=1).astype(float)
        return Moments(systems, len(both), both.sum(axis=0), both.T @ both)

    def __add__(self, other: Moments) -> Moments:
        if self.systems != other.systems:
            raise ValueError(f"moments of {self.systems} and of {other.systems} cannot be added")
        return Moments(self.systems, self.n + other.n, self.total + other.total, self.cross + other.cross)

    def words(self, system: int) -> int:
        """Number of reference words."""
        return int(self.total[len(self.systems) + system])

    def rate(self, system: int) -> float:
        """Errors divided by words; NaN if there are no words."""
        errors, words = self.total[system], self.total[len(self.systems) + system]
        return float(errors / words) if words else nan

    def error(self, a: int, b: int | None = None) -> float:
        """Standard error of a rate, or of the difference of two rates; NaN for fewer than two groups."""
        weights = self._weights(a) - (0 if b is None else self._weights(b))
        if self.n < 2 or np.isnan(weights).any():
            return nan
        # A group's part in the rate is `weights` times its errors and words. These parts add up to 0, so the
        # sum of their squares, without subtracting a mean, is their variance.
        return sqrt(max(self.n / (self.n - 1) * float(weights @ self.cross @ weights), 0.0))

    def independent_error(self, a: int, b: int | None = None) -> float:
        """Standard error that the rate, or the difference of two rates, has if words are independent.

        A few groups may be equal by chance, and then their standard error is 0. So the design effect is taken
        to be at least 1, as for proportions in surveys (Parker et al. 2017, NCHS Vital and Health Statistics
        2(175)), and a standard error is never less than this one.
        """
        value = abs(self.rate(a) - (0 if b is None else self.rate(b)))
        words = min(self.words(system) for system in (a, a if b is None else b))
        return sqrt(max(value * (1 - value), 0.0) / words) if words else nan

    def degrees_of_freedom(self, a: int, b: int | None = None) -> float:
        """The effective number of groups minus 1, as if all had equally many words.

        It is the square of the sum of words, divided by the sum of their squares (Kish, Survey Sampling,
        1965, chapter 8); for two systems that of the one with the more unequal groups.
        """
        k = len(self.systems)
        sides = [k + system for system in {a, a if b is None else b}]
        return min(self.total[i] ** 2 / self.cross[i, i] if self.cross[i, i] else nan for i in sides) - 1

    def _weights(self, system: int) -> Floats:
        """Derivatives of the rate with respect to the errors and words of each system."""
        n_systems, words = len(self.systems), self.total[len(self.systems) + system]
        weights = np.zeros(2 * n_systems)
        weights[system] = 1 / words if words else nan
        weights[n_systems + system] = -self.rate(system) / words if words else nan
        return weights


def student_p(t: float, df: float) -> float:
    """Two-sided p-value of Student's t with `df` degrees of freedom; NaN if `t` is NaN or `df` is 0.

    >>> round(student_p(2.571, 5), 4), round(student_p(12.706, 1), 4)
    (0.05, 0.05)
    """
    return float(2 * stdtr(df, -abs(t)))


def student_quantile(level: float, df: float) -> float:
    """Half the width of an interval in standard errors.

    >>> [round(student_quantile(0.95, df), 2) for df in (1, 4, 33, 1_000_000)]
    [12.71, 2.78, 2.03, 1.96]
    """
    return float(stdtrit(df, (1 + level) / 2))


def rate_interval(rate: float, error: float, level: float, df: float) -> tuple[float, float]:
    """Interval of a rate, symmetric on a logarithmic scale, so that no end is below 0.

    A rate varies more where it is higher, so an interval that is symmetric in the rate itself ends too low.

    >>> [round(end, 3) for end in rate_interval(0.1, 0.02, 0.95, 9)]
    [0.064, 0.157]
    """
    reach = nan if isnan(error) else student_quantile(level, df) * error
    if isnan(reach) or rate <= 0:
        return nan, nan
    factor = exp(min(reach / rate, _MOST_EXPONENT))
    return rate / factor, rate * factor


def difference_interval(value: float, error: float, level: float, df: float) -> tuple[float, float]:
    """Interval of a difference; NaN if the standard error is NaN.

    >>> [round(end, 2) for end in difference_interval(0.0, 1.0, 0.95, 4)]
    [-2.78, 2.78]
    """
    reach = nan if isnan(error) else student_quantile(level, df) * error
    return value - reach, value + reach


def most_unseen(n: int, level: float) -> float:
    """The largest rate at which no event in `n` cases has at least the probability 1 - level.

    It is about 3 / n at 95 %, the rule of three (Hanley and Lippman-Hand 1983, JAMA 249: 1743).

    >>> round(most_unseen(40, 0.95), 3), round(most_unseen(3, 0.95), 2)
    (0.072, 0.63)
    """
    return float(1 - (1 - level) ** (1 / n)) if n else nan
