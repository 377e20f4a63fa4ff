"""Intervals of error rates, and tests of each pair of systems.

Groups are assumed to be independent. A group is an utterance, or all utterances of a recording or speaker.
p-values of n groups are at least 2 ** (1 - n), so that 5 % needs 6 groups. Fewer cannot show a difference,
and have no interval.
"""

from __future__ import annotations

from itertools import combinations
from math import nan

import pandas as pd

from .estimators import MOST_DRAWN, Difference, Estimate, Method, Ratio, choose_estimate
from .evidence import Evidence
from .hypothesis_tests import MatchedPairs, holm, mapsswe, mcnemar, small_sample_p
from .power import minimum_sample
from .ratio import most_unseen
from .resampling import swap_p

INTERVALS = ("n_words", "errors", "wer", "wer_low", "wer_high", "n_groups", "design_effect", "method")
PAIRS = (
    *("a", "b", "wer_delta", "delta_low", "delta_high", "n_groups", "poi", "bootstrap_p", "ratio_p"),
    *("swap_p", "n_segments", "mapsswe_z", "mapsswe_p", "segments_p", "mcnemar_p", "p_holm", "holm_of"),
)


def estimate_intervals(
    evidence: Evidence,
    *,
    level: float = 0.95,
    method: Method = "auto",
    n_replicates: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Word error rates with their intervals, one row per system.

    Args:
        evidence: result of `Evidence.from_counts`.
        level: confidence level of the intervals.
        method: `"ratio"` or `"auto"`: the ratio estimator with Student's t on a logarithmic scale, for the
            effective number of groups, never narrower than if words were independent; or `"bootstrap"`
            (Bisani and Ney 2004): percentiles, which are too narrow for fewer than about 100 groups.
        n_replicates, seed: number of samples and random seed of the bootstrap.

    Returns:
        Frame with the index `system` and the columns `n_words`, `errors`, `wer`, `wer_low`, `wer_high`,
        `n_groups`, `design_effect`, `method`. The design effect is how many times larger the variance is
        than if the utterances of a group were independent (Kish 1965); 1 if no groups were given. For a
        system without errors the interval is from 0 to the rate at which so many words without an error have
        the probability 1 - `level` (near 3 / n at 95 %, the rule of three); if groups were given, groups are
        counted in place of words. The interval is NaN for fewer groups than `minimum_sample(level)`, and the
        rate without words is NaN.

    Raises:
        ConfigError: if an option has no such value.

    >>> from speechkit_nb.evaluate import align, count_errors
    >>> ref = pd.DataFrame({"recording": list("pqrstu"), "text": ["a b c d", "a b", "c d e f"] * 2})
    >>> one, two = ref.assign(text=["a b c x", "a b", "c d e f"] * 2), ref
    >>> evidence = Evidence.from_counts(count_errors(align(ref, {"one": one, "two": two})))
    >>> estimate_intervals(evidence)[["wer", "wer_low", "wer_high"]].round(3)
            wer  wer_low  wer_high
    system
    one     0.1    0.017     0.591
    two     0.0    0.000     0.139
    """
    estimate = choose_estimate(evidence, level, method, n_replicates, seed)
    moments = evidence.moments
    rows = [
        (moments.words(i), int(moments.total[i]), moments.rate(i), *_interval(evidence, estimate, i, level))
        for i in range(len(evidence.systems))
    ]
    index = pd.Index(evidence.systems, name="system", dtype="str")
    effects = [evidence.design_effect(i) for i in range(len(evidence.systems))]
    return pd.DataFrame(rows, index=index, columns=list(INTERVALS[:5])).assign(
        n_groups=moments.n, design_effect=effects, method=estimate.method
    )


def compare_pairs(
    evidence: Evidence,
    *,
    level: float = 0.95,
    method: Method = "auto",
    n_replicates: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Differences of error rates with intervals and tests, one row per pair of systems.

    Args:
        evidence, level, method, seed: as in `estimate_intervals`. The bootstrap draws the same groups for
            both systems.
        n_replicates: number of samples of the bootstrap, and of random swaps.

    Returns:
        Frame with the columns

        - `a`, `b`; `wer_delta` (rate of a minus rate of b; a is better if negative), `delta_low`,
          `delta_high`, `n_groups`.
        - `poi` (share of samples in which a is better), `bootstrap_p`: from the bootstrap; NaN if groups were
          not kept, or `method` is `"ratio"`. `ratio_p`: from the ratio estimator by Student's t.
        - `swap_p`: from random swaps of the two systems in each group (`swap_p`); NaN where `poi` is.
        - `n_segments`, `mapsswe_z`, `mapsswe_p`: the matched-pairs test as in NIST's program, which takes
          segments as independent. `segments_p`: the same with Student's t, for few segments
          (`small_sample_p`).
        - `mcnemar_p`: McNemar's test of utterances without errors.
        - `p_holm`: the p-value for decisions: `swap_p`, or `ratio_p` where it is NaN, as named in `holm_of`,
          corrected for the number of pairs.

        All p-values are two-sided, and NaN if there are too few data for a test. The interval and `p_holm`
        are NaN for fewer groups than `minimum_sample(level)`.

    Raises:
        ConfigError: if an option has no such value.

    >>> from speechkit_nb.evaluate import cut_segments, count_errors
    >>> from speechkit_nb.evaluate import align
    >>> both = align("a b c d", {"one": "a x c d", "two": "a b c d"})
    >>> evidence = Evidence.from_counts(count_errors(both), cut_segments(both))
    >>> compare_pairs(evidence)[["a", "b", "wer_delta", "delta_low"]]
         a    b  wer_delta  delta_low
    0  one  two       0.25        NaN
    """
    estimate = choose_estimate(evidence, level, method, n_replicates, seed)
    ratio, drawn = Ratio(evidence.moments, level), estimate
    if method == "auto" and evidence.groups is not None and evidence.moments.n <= MOST_DRAWN:
        drawn = choose_estimate(evidence, level, "bootstrap", n_replicates, seed)
    rows = []
    for i, j in combinations(range(len(evidence.systems)), 2):
        sums = (evidence.n_segments, evidence.differences, evidence.squares)
        matched = mapsswe(*(int(each[i, j]) for each in sums))
        found = _difference(evidence, estimate, i, j, level)
        samples = drawn.difference(i, j)  # without samples its two figures are NaN
        ratio_p = ratio.difference(i, j).ratio_p
        swapped = nan if method == "ratio" else _swap_p(evidence, i, j, n_replicates, seed)
        only = int(evidence.only[i, j]), int(evidence.only[j, i])
        tests = matched.n_segments, *_segment_tests(evidence, matched), mcnemar(*only)
        names = evidence.systems[i], evidence.systems[j]
        shares = samples.poi, samples.bootstrap_p, ratio_p, swapped
        rows.append((*names, *found[:3], evidence.moments.n, *shares, *tests))
    frame = pd.DataFrame(rows, columns=list(PAIRS[:-2])).astype({"a": "str", "b": "str"})
    of = "ratio" if method == "ratio" or evidence.groups is None else "swap"
    decisive = frame[f"{of}_p"] if _has_enough(evidence, level) else pd.Series(nan, frame.index)
    return frame.assign(p_holm=holm(decisive.to_list()), holm_of=of)


def _has_enough(evidence: Evidence, level: float) -> bool:
    """Whether there are so many groups that a difference could be significant."""
    return evidence.moments.n >= minimum_sample(level)


def _interval(evidence: Evidence, estimate: Estimate, system: int, level: float) -> tuple[float, float]:
    moments = evidence.moments
    if not _has_enough(evidence, level):
        return nan, nan
    if moments.total[system] or not moments.words(system):
        return estimate.interval(system)
    return 0.0, most_unseen(_count_cases(evidence, system), level)


def _count_cases(evidence: Evidence, system: int) -> int:
    """Number of independent cases for the rule of three: groups if they were given, otherwise words."""
    return evidence.moments.n if evidence.is_grouped else evidence.moments.words(system)


def _difference(evidence: Evidence, estimate: Estimate, a: int, b: int, level: float) -> Difference:
    found = estimate.difference(a, b)
    if not _has_enough(evidence, level):
        return found._replace(low=nan, high=nan)
    if evidence.is_segmented and found.low == found.high == 0:  # equally many errors in each group
        most = most_unseen(_count_cases(evidence, a), level)
        return found._replace(low=-most, high=most)
    return found


def _swap_p(evidence: Evidence, a: int, b: int, n_draws: int, seed: int) -> float:
    """p-value of the swap test on the contributions of each group to the difference of the rates."""
    groups, moments = evidence.groups, evidence.moments
    if groups is None or moments.n < 2 or not (moments.words(a) and moments.words(b)):
        return nan
    # Both systems have the same rate under the null hypothesis; `errors - rate * words` is a group's
    # contribution to the difference, corrected for the words in it.
    rate = (moments.total[a] + moments.total[b]) / (moments.words(a) + moments.words(b))
    errors, words = (
        side[:, a] / moments.words(a) - side[:, b] / moments.words(b)
        for side in (groups.errors, groups.words)
    )
    return swap_p(errors - rate * words, n_draws, seed)


def _segment_tests(evidence: Evidence, matched: MatchedPairs) -> tuple[float, float, float]:
    """`mapsswe_z`, `mapsswe_p`, `segments_p`."""
    if not evidence.is_segmented:
        return nan, nan, nan
    few = small_sample_p(matched.z, matched.n_segments) if matched.n_segments else 1.0
    return matched.z, matched.p, few
