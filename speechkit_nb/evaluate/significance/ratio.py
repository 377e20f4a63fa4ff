"""Intervals by the ratio estimator: from sums that can be added, for corpora of any size.

An error rate is a ratio of two sums, and its variance to first order is that of e - W n over the groups
(the delta method; Cochran, Sampling Techniques, 1977, chapter 6). Intervals reach as far as Student's t of
one degree less than there are groups, which is far if these are few. Nothing is drawn at random, and parts
of a corpus are added.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from ..arrays import Floats


@dataclass(frozen=True)
class Moments:
    """Sums over groups of (errors of each system, words of each system) and of their products.

    Groups are what is independent: utterances, or the speakers or calls they belong to; each must lie in
    one part as a whole.

    Attributes:
        systems: names.
        n: groups.
        total: shape (2 k,) for k systems: errors of each, then reference words of each.
        cross: shape (2 k, 2 k): sums of the products.

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
        """Of groups; `errors` and `words` have shape (n_groups, n_systems)."""
        both = np.concatenate([errors, words], axis=1).astype(float)
        return Moments(systems, len(both), both.sum(axis=0), both.T @ both)

    def __add__(self, other: Moments) -> Moments:
        if self.systems != other.systems:
            raise ValueError(f"moments of {self.systems} and of {other.systems} cannot be added")
        return Moments(self.systems, self.n + other.n, self.total + other.total, self.cross + other.cross)

    def words(self, system: int) -> int:
        """Reference words."""
        return int(self.total[len(self.systems) + system])

    def rate(self, system: int) -> float:
        """Errors by words; NaN without words."""
        errors, words = self.total[system], self.total[len(self.systems) + system]
        return float(errors / words) if words else nan

    def error(self, a: int, b: int | None = None) -> float:
        """Standard error of a rate, or of the difference of two; NaN for less than two groups."""
        weights = self._weights(a) - (0 if b is None else self._weights(b))
        if self.n < 2 or np.isnan(weights).any():
            return nan
        return sqrt(max(self.n / (self.n - 1) * float(weights @ self.cross @ weights), 0.0))

    def safe_error(self, a: int, b: int | None = None) -> float:
        """As `error`, but no less than if every word were right or wrong by itself.

        A few groups may be alike by chance, and would tell of no error at all. So the design effect is taken
        as 1 or more, as of proportions in surveys (Parker et al. 2017, NCHS Vital and Health Statistics
        2(175)).
        """
        value = abs(self.rate(a) - (0 if b is None else self.rate(b)))
        words = min(self.words(system) for system in (a, a if b is None else b))
        alone = sqrt(max(value * (1 - value), 0.0) / words) if words else nan
        return max(self.error(a, b), alone)

    def _weights(self, system: int) -> Floats:
        """What errors and words of a group add to the linearized rate."""
        n_systems, words = len(self.systems), self.total[len(self.systems) + system]
        weights = np.zeros(2 * n_systems)
        weights[system] = 1 / words if words else nan
        weights[n_systems + system] = -self.rate(system) / words if words else nan
        return weights


def student_p(t: float, df: int) -> float:
    """Two-sided p of Student's t with `df` degrees of freedom (1 or more); NaN of NaN.

    >>> round(student_p(2.571, 5), 4), round(student_p(12.706, 1), 4)
    (0.05, 0.05)
    """
    return float(2 * stdtr(df, -abs(t)))


def student_quantile(level: float, df: int) -> float:
    """How many standard errors an interval extends to each side.

    >>> [round(student_quantile(0.95, df), 2) for df in (1, 4, 33, 1_000_000)]
    [12.71, 2.78, 2.03, 1.96]
    """
    return float(stdtrit(df, (1 + level) / 2))


def student_interval(value: float, error: float, level: float, n: int) -> tuple[float, float]:
    """Of an estimate from `n` groups; NaN if its standard error is.

    >>> [round(end, 2) for end in student_interval(0.0, 1.0, 0.95, 5)]
    [-2.78, 2.78]
    """
    reach = nan if isnan(error) else student_quantile(level, n - 1) * error
    return value - reach, value + reach


def most_unseen(n: int, level: float) -> float:
    """The largest rate at which nothing at all is seen in `n` cases, unless that is rarer than 1 - level.

    Near 3 / n at 95 %: the rule of three (Hanley and Lippman-Hand 1983, JAMA 249: 1743).

    >>> round(most_unseen(40, 0.95), 3), round(most_unseen(3, 0.95), 2)
    (0.072, 0.63)
    """
    return float(1 - (1 - level) ** (1 / n)) if n else nan
