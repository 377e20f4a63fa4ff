"""Two methods for intervals: the ratio estimator and the bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from math import copysign, inf, isnan, nan
from typing import Literal, NamedTuple

import numpy as np

from ...errors import ConfigError
from ..arrays import Floats
from .evidence import Evidence, Groups
from .hypothesis_tests import small_sample_p
from .ratio import Moments, student_interval
from .resampling import percentile_interval, resample_rates, share_below, two_sided_p

Method = Literal["auto", "bootstrap", "ratio"]

FEW_GROUPS = 30
"""With fewer groups, intervals are computed by the ratio estimator with Student's t. Bootstrap samples of few
groups are too similar, so their percentiles would be too close together."""

MANY_GROUPS = 100_000
"""With more groups, the ratio estimator is used, too, because it is fast."""


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
    """The ratio estimator: intervals from sums, by Student's t."""

    moments: Moments
    level: float
    method: str = "ratio"

    def interval(self, system: int) -> tuple[float, float]:
        """A symmetric interval of the rate of a system, cut off at 0."""
        rate, error = self.moments.rate(system), self.moments.safe_error(system)
        low, high = student_interval(rate, error, self.level, self.moments.n)
        return max(low, 0.0) if not isnan(low) else nan, high

    def difference(self, a: int, b: int) -> Difference:
        """The difference of the rates of two systems, with the p-value of Student's t."""
        delta, error = self.moments.rate(a) - self.moments.rate(b), self.moments.safe_error(a, b)
        t = delta / error if error else copysign(inf, delta) if delta else 0.0
        low, high = student_interval(delta, error, self.level, self.moments.n)
        return Difference(delta, low, high, ratio_p=small_sample_p(t, self.moments.n))


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
    """The requested method; for `"auto"`, the one that suits the number of groups.

    Raises:
        ConfigError: if an option has an invalid value, or the bootstrap is requested without groups.
    """
    if not 0 < level < 1:
        raise ConfigError(f"level={level}, but it must be between 0 and 1, such as 0.95")
    if method not in ("auto", "bootstrap", "ratio"):
        raise ConfigError(f"no method {method!r}; there are 'auto', 'bootstrap', 'ratio'")
    if n_replicates < 1:
        raise ConfigError(f"n_replicates={n_replicates}, but it must be 1 or more")
    groups, n = evidence.groups, evidence.moments.n
    if method == "bootstrap" and groups is None:
        raise ConfigError(
            "the bootstrap needs groups, which this evidence was told not to keep; use method='ratio'"
        )
    is_fit = method == "bootstrap" or (method == "auto" and FEW_GROUPS <= n <= MANY_GROUPS)
    if groups is None or not is_fit:
        return Ratio(evidence.moments, level)
    return Bootstrap(evidence.moments, _drawn(groups, n_replicates, seed), level)


def _drawn(groups: Groups, n_replicates: int, seed: int) -> Floats:
    """Rates of the samples; none for a single group, because all samples would be equal."""
    if len(groups.errors) < 2:
        return np.full((0, groups.errors.shape[1]), nan)
    return resample_rates(groups.errors, groups.words, n_replicates, seed)
