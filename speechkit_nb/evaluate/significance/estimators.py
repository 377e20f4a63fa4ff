"""Two methods for intervals: the ratio estimator and the bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from math import copysign, inf, nan, sqrt
from typing import Literal, NamedTuple

import numpy as np

from ...errors import ConfigError
from ..arrays import Floats
from .evidence import Evidence, GroupCounts
from .hypothesis_tests import small_sample_p
from .ratio import Moments, difference_interval, rate_interval
from .resampling import percentile_interval, resample_rates, share_below, two_sided_p

Method = Literal["auto", "bootstrap", "ratio"]

MOST_DRAWN = 100_000
"""With more groups, no bootstrap samples are drawn."""


class Difference(NamedTuple):
    """Difference of two rates. `poi` is the share of samples in which the first system is better."""

    delta: float
    low: float
    high: float
    poi: float = nan
    bootstrap_p: float = nan
    ratio_p: float = nan


@dataclass(frozen=True)
class Ratio:
    """The ratio estimator: intervals by Student's t, from sums."""

    moments: Moments
    level: float
    method: str = "ratio"

    def interval(self, system: int) -> tuple[float, float]:
        """The interval of the rate of a system, symmetric on a logarithmic scale."""
        error, df = self._error(system), self.moments.degrees_of_freedom(system)
        return rate_interval(self.moments.rate(system), error, self.level, df)

    def difference(self, a: int, b: int) -> Difference:
        """The difference of the rates of two systems, with the p-value of Student's t."""
        moments = self.moments
        delta, error = moments.rate(a) - moments.rate(b), self._error(a, b)
        df = moments.degrees_of_freedom(a, b)
        t = delta / error if error else copysign(inf, delta) if delta else 0.0
        low, high = difference_interval(delta, error, self.level, df)
        return Difference(delta, low, high, ratio_p=small_sample_p(t, moments.n, df))

    def _error(self, a: int, b: int | None = None) -> float:
        """The standard error of a rate or a difference, at least that of independent words.

        In place of the number of groups it has their effective number, since a few groups with most of the
        words vary less around the rate, which is mostly theirs.
        """
        n, df = self.moments.n, self.moments.degrees_of_freedom(a, b)
        if n < 2 or not df > 0:
            return nan
        error = self.moments.error(a, b) * sqrt((df + 1) / df * (n - 1) / n)
        return max(error, self.moments.independent_error(a, b))


@dataclass(frozen=True)
class Bootstrap:
    """The bootstrap: intervals from percentiles of samples."""

    moments: Moments
    rates: Floats
    level: float
    method: str = "bootstrap"

    def interval(self, system: int) -> tuple[float, float]:
        """Percentiles of the rate of a system in the samples, which are never below 0."""
        return (nan, nan) if self.moments.n < 2 else percentile_interval(self.rates[:, system], self.level)

    def difference(self, a: int, b: int) -> Difference:
        """The difference of the rates of two systems, computed on the same samples of both."""
        delta = self.moments.rate(a) - self.moments.rate(b)
        if self.moments.n < 2:
            return Difference(delta, nan, nan)
        samples = self.rates[:, a] - self.rates[:, b]
        low, high = percentile_interval(samples, self.level)
        return Difference(delta, low, high, share_below(samples), two_sided_p(samples))


Estimate = Ratio | Bootstrap


def choose_estimate(evidence: Evidence, level: float, method: str, n_replicates: int, seed: int) -> Estimate:
    """The requested method; `"auto"` is the ratio estimator.

    Raises:
        ConfigError: if an option has an invalid value, or the bootstrap is requested without groups.
    """
    if not 0 < level < 1:
        raise ConfigError(f"level={level}, but it must be between 0 and 1, such as 0.95")
    if method not in ("auto", "bootstrap", "ratio"):
        raise ConfigError(f"no method {method!r}; there are 'auto', 'bootstrap', 'ratio'")
    if n_replicates < 1:
        raise ConfigError(f"n_replicates={n_replicates}, but it must be 1 or more")
    if method != "bootstrap":
        return Ratio(evidence.moments, level)
    if evidence.groups is None:
        raise ConfigError(
            "the bootstrap needs groups, which this evidence was told not to keep; use method='ratio'"
        )
    return Bootstrap(evidence.moments, _drawn(evidence.groups, n_replicates, seed), level)


def _drawn(groups: GroupCounts, n_replicates: int, seed: int) -> Floats:
    """Rates of the samples; none for a single group, because all samples would be equal."""
    if len(groups.errors) < 2:
        return np.full((0, groups.errors.shape[1]), nan)
    return resample_rates(groups.errors, groups.words, n_replicates, seed)
