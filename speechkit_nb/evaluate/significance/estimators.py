"""Where intervals come from: the ratio estimator, or the bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from math import copysign, inf, isnan, nan
from typing import Literal, NamedTuple, Protocol

import numpy as np

from ...errors import ConfigError
from ..arrays import Floats
from .evidence import Evidence, Groups
from .hypothesis_tests import small_sample_p
from .ratio import Moments, student_interval
from .resampling import percentile_interval, resample_rates, share_below, two_sided_p

Method = Literal["auto", "bootstrap", "ratio"]

FEW_GROUPS = 30
"""Fewer groups than these have their intervals from the ratio estimator with Student's t: samples of a few
groups repeat each other, so that the percentiles of the bootstrap lie too close together."""

MANY_GROUPS = 100_000
"""More groups than these have them from it, too, because it takes no time."""


class Difference(NamedTuple):
    """Of two rates. `poi` is the share of samples in which the first is better."""

    delta: float
    low: float
    high: float
    poi: float = nan
    bootstrap_p: float = nan
    ratio_p: float = nan


class Estimate(Protocol):
    """Intervals of one method."""

    @property
    def method(self) -> str:
        """What it is called."""
        ...

    def interval(self, system: int) -> tuple[float, float]:
        """Of a rate."""
        ...

    def difference(self, a: int, b: int) -> Difference:
        """Of two."""
        ...


@dataclass(frozen=True)
class Ratio:
    """From sums, by Student's t."""

    moments: Moments
    level: float
    method: str = "ratio"

    def interval(self, system: int) -> tuple[float, float]:
        """Symmetrical, cut off at 0."""
        rate, error = self.moments.rate(system), self.moments.safe_error(system)
        low, high = student_interval(rate, error, self.level, self.moments.n)
        return max(low, 0.0) if not isnan(low) else nan, high

    def difference(self, a: int, b: int) -> Difference:
        """With the p of t."""
        delta, error = self.moments.rate(a) - self.moments.rate(b), self.moments.safe_error(a, b)
        t = delta / error if error else copysign(inf, delta) if delta else 0.0
        low, high = student_interval(delta, error, self.level, self.moments.n)
        return Difference(delta, low, high, ratio_p=small_sample_p(t, self.moments.n))


@dataclass(frozen=True)
class Bootstrap:
    """From samples, by percentiles."""

    moments: Moments
    rates: Floats
    level: float
    method: str = "bootstrap"

    def interval(self, system: int) -> tuple[float, float]:
        """Never below 0, as no sample is."""
        return (nan, nan) if self.moments.n < 2 else percentile_interval(self.rates[:, system], self.level)

    def difference(self, a: int, b: int) -> Difference:
        """Of the same samples of both."""
        delta = self.moments.rate(a) - self.moments.rate(b)
        if self.moments.n < 2:
            return Difference(delta, nan, nan)
        samples = self.rates[:, a] - self.rates[:, b]
        low, high = percentile_interval(samples, self.level)
        return Difference(delta, low, high, share_below(samples), two_sided_p(samples))


def choose_estimate(evidence: Evidence, level: float, method: str, n_replicates: int, seed: int) -> Estimate:
    """The one that was asked for, or that fits the number of groups.

    Raises:
        ConfigError: if an option has no such value, or there are no groups to draw from.
    """
    if not 0 < level < 1:
        raise ConfigError(f"level={level}; it is between 0 and 1, such as 0.95")
    if method not in ("auto", "bootstrap", "ratio"):
        raise ConfigError(f"no method {method!r}; there are 'auto', 'bootstrap', 'ratio'")
    if n_replicates < 1:
        raise ConfigError(f"n_replicates={n_replicates}; it is 1 or more")
    groups, n = evidence.groups, evidence.moments.n
    if method == "bootstrap" and groups is None:
        raise ConfigError("this evidence has kept no groups to draw from; use method='ratio'")
    is_fit = method == "bootstrap" or (method == "auto" and FEW_GROUPS <= n <= MANY_GROUPS)
    if groups is None or not is_fit:
        return Ratio(evidence.moments, level)
    return Bootstrap(evidence.moments, _drawn(groups, n_replicates, seed), level)


def _drawn(groups: Groups, n_replicates: int, seed: int) -> Floats:
    """No samples of one group: they would all be the same."""
    if len(groups.errors) < 2:
        return np.full((0, groups.errors.shape[1]), nan)
    return resample_rates(groups.errors, groups.words, n_replicates, seed)
