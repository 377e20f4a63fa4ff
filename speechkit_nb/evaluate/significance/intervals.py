"""How sure a difference is: intervals of error rates, and tests of every pair of systems.

What is independent is a group: an utterance, or the speaker or call that it belongs to. Little can be known
from few groups, and the methods are chosen so that they say so: intervals by Student's t, p-values that
n groups cannot make less than 2 ** (1 - n), which takes 6 groups for 5 %.
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
    """One row per system: its word error rate, and how far it may be off.

    Args:
        evidence: of `Evidence.from_counts`.
        level: share of the interval.
        method: `"bootstrap"` (Bisani and Ney 2004), `"ratio"` (the ratio estimator with Student's t, never
            narrower than if words were independent), or `"auto"`: ratio for less than 30 groups, for which
            the bootstrap is too narrow, for more than 100,000, and if the groups were not kept.
        n_replicates, seed: of the bootstrap.

    Returns:
        Frame with the index `system` and the columns `n_words`, `errors`, `wer`, `wer_low`, `wer_high`,
        `n_groups`, `method`. No end is below 0. A system without errors has an interval from 0 to the rate
        at which none would be seen in as many words once in 20 times (the rule of three, 3 / n); over
        groups in place of words if groups were given. One group has no interval: NaN. No words have no
        rate: NaN.

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
    """One row per pair of systems: which has fewer errors, by how much, and how sure that is.

    Args:
        evidence, level, method, seed: as of `intervals`. The bootstrap draws the same groups for both
            systems.
        n_replicates: of the bootstrap, and swaps that are drawn.

    Returns:
        Frame with the columns

        - `a`, `b`; `wer_delta` (the rate of a less that of b: below 0 a is better), `delta_low`,
          `delta_high`, `n_groups`. If there are so few utterances that they cannot tell, and no groups were
          given, the interval is of the segments within them.
        - `poi` (share of samples in which a is better), `bootstrap_p`: of the bootstrap, NaN if the interval
          is not of it. `ratio_p`: of the ratio estimator by Student's t, NaN if it is.
        - `swap_p`: of the answers of both swapped at random, group by group (`swap_p`); NaN if
          groups were not kept, or `method` is `"ratio"`.
        - `n_segments`, `mapsswe_z`, `mapsswe_p`: matched pairs as NIST's program computes them.
          `segments_p`: the same by Student's t, for few segments (`small_sample_p`).
        - `mcnemar_p`: of utterances right or wrong.
        - `p_holm`: what a verdict rests on: `swap_p`, `ratio_p` or `segments_p`, whichever `holm_of` says,
          corrected for the number of pairs. It is of segments, unless there are none, or groups were given,
          of which segments know nothing.

        All p are two-sided, and NaN where a test has too little to say anything.

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
        tests = matched.n_segments, *_segment_tests(evidence, matched), _sentences(evidence, i, j)
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
    return 0.0, most_unseen(_cases(evidence, system), level)


def _cases(evidence: Evidence, system: int) -> int:
    """In how many cases nothing was seen, if nothing was."""
    return evidence.moments.n if evidence.is_grouped else evidence.moments.words(system)


def _difference(evidence: Evidence, estimate: Estimate, a: int, b: int, level: float) -> Difference:
    found = estimate.difference(a, b)
    if evidence.is_segmented and found.low == found.high == 0:  # the same number of errors in each group
        most = most_unseen(_cases(evidence, a), level)
        return found._replace(low=-most, high=most)
    if evidence.is_segmented and not evidence.is_grouped and evidence.moments.n < minimum_sample(level):
        low, high = _of_segments(evidence, a, b, found.delta, level)
        return found._replace(low=low, high=high)
    return found


def _of_segments(evidence: Evidence, a: int, b: int, delta: float, level: float) -> tuple[float, float]:
    """The number of segments is a matter of chance, too, so the variance of a sum is that of its squares."""
    n, words = int(evidence.n_segments[a, b]), evidence.moments.words(a)
    if n < 2 or not words:
        return nan, nan
    error = sqrt(n / (n - 1) * int(evidence.squares[a, b])) / words
    return student_interval(delta, error, level, n)


def _swap_p(evidence: Evidence, a: int, b: int, n_draws: int, seed: int) -> float:
    """Of what each group adds to the difference of the rates."""
    groups, moments = evidence.groups, evidence.moments
    if groups is None or moments.n < 2 or not (moments.words(a) and moments.words(b)):
        return nan
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


def _sentences(evidence: Evidence, a: int, b: int) -> float:
    return mcnemar(int(evidence.only[a, b]), int(evidence.only[b, a]))
