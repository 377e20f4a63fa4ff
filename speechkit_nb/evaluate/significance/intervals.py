"""Intervals of error rates, and tests of each pair of systems.

Groups are assumed to be independent. A group is an utterance, or all utterances of a speaker or call. The
methods are valid for few groups, too: intervals by Student's t, and p-values that are at least 2 ** (1 - n)
for n groups, so that 5 % needs 6 groups.
"""

from __future__ import annotations

from itertools import combinations
from math import nan, sqrt

import pandas as pd

from .estimators import Difference, Estimate, Method, choose_estimate
from .evidence import Evidence
from .hypothesis_tests import MatchedPairs, holm, mapsswe, mcnemar, small_sample_p
from .power import minimum_sample
from .ratio import most_unseen, student_interval
from .resampling import swap_p

INTERVALS = ("n_words", "errors", "wer", "wer_low", "wer_high", "n_groups", "method")
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
        method: `"bootstrap"` (Bisani and Ney 2004), `"ratio"` (the ratio estimator with Student's t, never
            narrower than if words were independent), or `"auto"`: the ratio estimator for fewer than
            30 groups, for which bootstrap intervals are too narrow, for more than 100,000, and if the groups
            were not kept; otherwise the bootstrap.
        n_replicates, seed: number of samples and random seed of the bootstrap.

    Returns:
        Frame with the index `system` and the columns `n_words`, `errors`, `wer`, `wer_low`, `wer_high`,
        `n_groups`, `method`. No end is below 0. For a system without errors the interval is from 0 to
        the rate at which so many words without an error have the probability 1 - `level` (near 3 / n at 95 %,
        the rule of three); if groups were given, groups are counted in place of words. The interval of one
        group is NaN, and the rate without words is NaN.

    Raises:
        ConfigError: if an option has no such value.

    >>> from speechkit_nb.evaluate import count_errors
    >>> from speechkit_nb.evaluate import align
    >>> ref = pd.DataFrame({"recording": ["r1", "r2", "r3"], "text": ["a b c d", "a b", "c d e f"]})
    >>> one, two = ref.assign(text=["a b c x", "a b", "c d e f"]), ref
    >>> evidence = Evidence.from_counts(count_errors(align(ref, {"one": one, "two": two})))
    >>> estimate_intervals(evidence)[["wer", "wer_low", "wer_high"]].round(3)
            wer  wer_low  wer_high
    system
    one     0.1      0.0     0.508
    two     0.0      0.0     0.259
    """
    estimate = choose_estimate(evidence, level, method, n_replicates, seed)
    moments = evidence.moments
    rows = [
        (moments.words(i), int(moments.total[i]), moments.rate(i), *_interval(evidence, estimate, i, level))
        for i in range(len(evidence.systems))
    ]
    index = pd.Index(evidence.systems, name="system", dtype="str")
    return pd.DataFrame(rows, index=index, columns=list(INTERVALS[:5])).assign(
        n_groups=moments.n, method=estimate.method
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
          `delta_high`, `n_groups`. If there are too few utterances, and no groups were given, the interval is
          computed from segments.
        - `poi` (share of samples in which a is better), `bootstrap_p`: from the bootstrap; NaN if the
          interval is from the ratio estimator. `ratio_p`: from the ratio estimator by Student's t; NaN
          if the interval is from the bootstrap.
        - `swap_p`: from random swaps of the two systems in each group (`swap_p`); NaN if groups were not
          kept, or `method` is `"ratio"`.
        - `n_segments`, `mapsswe_z`, `mapsswe_p`: the matched-pairs test as in NIST's program. `segments_p`:
          the same with Student's t, for few segments (`small_sample_p`).
        - `mcnemar_p`: McNemar's test of utterances without errors.
        - `p_holm`: the p-value for decisions: `swap_p`, `ratio_p` or `segments_p`, as named in `holm_of`,
          corrected for the number of pairs. It is `segments_p`, unless there are no segments, or groups were
          given, because segments do not take groups into account.

        All p-values are two-sided, and NaN if there are too few data for a test.

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
    rows = []
    for i, j in combinations(range(len(evidence.systems)), 2):
        sums = (evidence.n_segments, evidence.differences, evidence.squares)
        matched = mapsswe(*(int(each[i, j]) for each in sums))
        found = _difference(evidence, estimate, i, j, level)
        swapped = nan if method == "ratio" else _swap_p(evidence, i, j, n_replicates, seed)
        only = int(evidence.only[i, j]), int(evidence.only[j, i])
        tests = matched.n_segments, *_segment_tests(evidence, matched), mcnemar(*only)
        names = evidence.systems[i], evidence.systems[j]
        rows.append((*names, *found[:3], evidence.moments.n, *found[3:], swapped, *tests))
    frame = pd.DataFrame(rows, columns=list(PAIRS[:-2])).astype({"a": "str", "b": "str"})
    by_groups = "ratio" if method == "ratio" or evidence.groups is None else "swap"
    of = "segments" if evidence.is_segmented and not evidence.is_grouped else by_groups
    return frame.assign(p_holm=holm(frame[f"{of}_p"].to_list()), holm_of=of)


def _interval(evidence: Evidence, estimate: Estimate, system: int, level: float) -> tuple[float, float]:
    moments = evidence.moments
    if moments.total[system] or moments.n < 2 or not moments.words(system):
        return estimate.interval(system)
    return 0.0, most_unseen(_count_cases(evidence, system), level)


def _count_cases(evidence: Evidence, system: int) -> int:
    """Number of independent cases for the rule of three: groups if they were given, otherwise words."""
    return evidence.moments.n if evidence.is_grouped else evidence.moments.words(system)


def _difference(evidence: Evidence, estimate: Estimate, a: int, b: int, level: float) -> Difference:
    found = estimate.difference(a, b)
    if evidence.is_segmented and found.low == found.high == 0:  # equally many errors in each group
        most = most_unseen(_count_cases(evidence, a), level)
        return found._replace(low=-most, high=most)
    if evidence.is_segmented and not evidence.is_grouped and evidence.moments.n < minimum_sample(level):
        low, high = _interval_from_segments(evidence, a, b, found.delta, level)
        return found._replace(low=low, high=high)
    return found


def _interval_from_segments(
    evidence: Evidence, a: int, b: int, delta: float, level: float
) -> tuple[float, float]:
    """Interval from segments. Their number is random, too, so the variance uses the sum of squares."""
    n, words = int(evidence.n_segments[a, b]), evidence.moments.words(a)
    if n < 2 or not words:
        return nan, nan
    error = sqrt(n / (n - 1) * int(evidence.squares[a, b])) / words
    return student_interval(delta, error, level, n)


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
