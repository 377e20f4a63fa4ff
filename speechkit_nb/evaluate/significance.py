"""How sure a difference is: intervals of error rates, and tests of every pair of systems."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import nan
from typing import Literal, Protocol

import numpy as np
import pandas as pd

from ..errors import ConfigError
from .significance_bootstrap import Floats, interval, replicates, share_below, two_sided_p
from .significance_evidence import Evidence, Groups
from .significance_ratio import Moments, normal_interval
from .significance_tests import holm, mapsswe, mcnemar, normal_p

Method = Literal["auto", "bootstrap", "ratio"]

MANY_GROUPS = 100_000
"""More groups than these have their intervals from the ratio estimator, unless told otherwise."""

INTERVALS = ("n_words", "errors", "wer", "wer_low", "wer_high", "n_groups", "method")
PAIRS = (
    *("a", "b", "wer_delta", "delta_low", "delta_high", "poi", "bootstrap_p", "ratio_p"),
    *("n_segments", "mapsswe_z", "mapsswe_p", "mcnemar_p", "p_holm", "holm_of"),
)


def intervals(
    evidence: Evidence,
    *,
    level: float = 0.95,
    method: Method = "auto",
    n_replicates: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """A row a system: its word error rate, and how far it may be off.

    Args:
        evidence: of `Evidence.of`.
        level: share of the interval.
        method: `"bootstrap"`, `"ratio"` (the ratio estimator), or `"auto"`: ratio for more than 100,000
            groups, or if the groups were not kept.
        n_replicates, seed: of the bootstrap.

    Returns:
        Frame with the index `system` and the columns `n_words`, `errors`, `wer`, `wer_low`, `wer_high`,
        `n_groups`, `method`. One group has no interval: NaN. No words have no rate: NaN.

    Raises:
        ConfigError: if an option has no such value.

    >>> from speechkit_nb.evaluate.significance_segments import utterance_counts
    >>> from speechkit_nb.evaluate.align import align
    >>> ref = pd.DataFrame({"recording": ["r1", "r2"], "text": ["a b c d", "a b"]})
    >>> hyp = ref.assign(text=["a b c x", "a b"])
    >>> evidence = Evidence.of(utterance_counts(align(ref, {"one": hyp})))
    >>> intervals(evidence)[["wer", "wer_low", "wer_high"]].round(3)
              wer  wer_low  wer_high
    system
    one     0.167      0.0      0.25
    """
    estimate = _estimate(evidence, level, method, n_replicates, seed)
    moments, k = evidence.moments, len(evidence.systems)
    rows = [
        (int(moments.total[k + i]), int(moments.total[i]), moments.rate(i), *estimate.interval(i))
        for i in range(k)
    ]
    index = pd.Index(evidence.systems, name="system", dtype="str")
    return pd.DataFrame(rows, index=index, columns=list(INTERVALS[:5])).assign(
        n_groups=moments.n, method=estimate.method
    )


def pairs(
    evidence: Evidence,
    *,
    level: float = 0.95,
    method: Method = "auto",
    n_replicates: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """A row a pair of systems: which has fewer errors, by how much, and how sure that is.

    Args:
        evidence, level, method, n_replicates, seed: as of `intervals`. The bootstrap draws the same groups
            for both systems.

    Returns:
        Frame with the columns `a`, `b`; `wer_delta` (the rate of a less that of b: below 0 a is better),
        `delta_low`, `delta_high`; `poi` (share of samples in which a is better), `bootstrap_p`, `ratio_p`
        (two-sided; one of both is NaN); `n_segments`, `mapsswe_z`, `mapsswe_p`; `mcnemar_p` (of utterances
        right or wrong); `p_holm`, corrected for the number of pairs, and `holm_of`, the test that it is
        of: the matched pairs, or if groups were given the test of the interval, because only that knows
        of groups. NaN where a test has too little to say anything.

    Raises:
        ConfigError: if an option has no such value.

    >>> from speechkit_nb.evaluate.significance_segments import segments, utterance_counts
    >>> from speechkit_nb.evaluate.align import align
    >>> both = align("a b c d", {"one": "a x c d", "two": "a b c d"})
    >>> pairs(Evidence.of(utterance_counts(both), segments(both)))[["a", "b", "wer_delta", "delta_low"]]
         a    b  wer_delta  delta_low
    0  one  two       0.25        NaN
    """
    estimate = _estimate(evidence, level, method, n_replicates, seed)
    rows = []
    for i, j in combinations(range(len(evidence.systems)), 2):
        sums = (evidence.n_segments, evidence.differences, evidence.squares)
        matched = mapsswe(*(int(each[i, j]) for each in sums))
        z, p = (matched.z, matched.p) if evidence.is_segmented else (nan, nan)
        sentences = mcnemar(int(evidence.only[i, j]), int(evidence.only[j, i]))
        names = evidence.systems[i], evidence.systems[j]
        tests = matched.n_segments, z, p, sentences
        rows.append((*names, *estimate.difference(i, j), *tests))
    frame = pd.DataFrame(rows, columns=list(PAIRS[:-2])).astype({"a": "str", "b": "str"})
    of = "mapsswe" if evidence.is_segmented and not evidence.is_grouped else estimate.method
    return frame.assign(p_holm=holm(frame[f"{of}_p"].to_list()), holm_of=of)


class _Estimate(Protocol):
    """Where intervals come from."""

    @property
    def method(self) -> str:
        """What it is called."""
        ...

    def interval(self, system: int) -> tuple[float, float]:
        """Of a rate."""
        ...

    def difference(self, a: int, b: int) -> tuple[float, float, float, float, float, float]:
        """Of two rates: the difference, its interval, poi, and the p of the bootstrap and of the ratio."""
        ...


@dataclass(frozen=True)
class _Ratio:
    moments: Moments
    level: float
    method: str = "ratio"

    def interval(self, system: int) -> tuple[float, float]:
        return normal_interval(self.moments.rate(system), self.moments.error(system), self.level)

    def difference(self, a: int, b: int) -> tuple[float, float, float, float, float, float]:
        delta, error = self.moments.rate(a) - self.moments.rate(b), self.moments.error(a, b)
        p = nan if np.isnan(error) else normal_p(delta / error) if error else 1.0 if delta == 0 else nan
        return delta, *normal_interval(delta, error, self.level), nan, nan, p


@dataclass(frozen=True)
class _Bootstrap:
    moments: Moments
    rates: Floats
    level: float
    method: str = "bootstrap"

    def interval(self, system: int) -> tuple[float, float]:
        return (nan, nan) if self.moments.n < 2 else interval(self.rates[:, system], self.level)

    def difference(self, a: int, b: int) -> tuple[float, float, float, float, float, float]:
        delta = self.moments.rate(a) - self.moments.rate(b)
        if self.moments.n < 2:
            return delta, nan, nan, nan, nan, nan
        samples = self.rates[:, a] - self.rates[:, b]
        low, high = interval(samples, self.level)
        return delta, low, high, share_below(samples), two_sided_p(samples), nan


def _estimate(evidence: Evidence, level: float, method: str, n_replicates: int, seed: int) -> _Estimate:
    if not 0 < level < 1:
        raise ConfigError(f"level={level}; it is between 0 and 1, such as 0.95")
    if method not in ("auto", "bootstrap", "ratio"):
        raise ConfigError(f"no method {method!r}; there are 'auto', 'bootstrap', 'ratio'")
    if n_replicates < 1:
        raise ConfigError(f"n_replicates={n_replicates}; it is 1 or more")
    if method == "bootstrap" and evidence.groups is None:
        raise ConfigError("this evidence has kept no groups to draw from; use method='ratio'")
    is_few = evidence.groups is not None and evidence.moments.n <= MANY_GROUPS
    if method == "ratio" or evidence.groups is None or (method == "auto" and not is_few):
        return _Ratio(evidence.moments, level)
    return _Bootstrap(evidence.moments, _drawn(evidence.groups, n_replicates, seed), level)


def _drawn(groups: Groups, n_replicates: int, seed: int) -> Floats:
    """No samples of one group: they would all be the same."""
    if len(groups.errors) < 2:
        return np.full((0, groups.errors.shape[1]), nan)
    return replicates(groups.errors, groups.words, n_replicates, seed)
