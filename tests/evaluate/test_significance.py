"""Intervals and tests, compared with NIST's program, kaldialign and simple implementations."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import comb

import kaldialign
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from null_runs import find_base
from scipy.special import expit

import speechkit_nb as sk
from speechkit_nb.comparison.verdict import word_verdict
from speechkit_nb.errors import ConfigError, SchemaError
from speechkit_nb.evaluate import (
    Evidence,
    GroupCounts,
    Moments,
    align,
    compare_pairs,
    count_errors,
    cut_segments,
    estimate_intervals,
)
from speechkit_nb.evaluate.significance.hypothesis_tests import holm, mapsswe, mcnemar, small_sample_p
from speechkit_nb.evaluate.significance.ratio import student_p, student_quantile
from speechkit_nb.evaluate.significance.resampling import swap_p

OPS = {"C": "ok", "S": "sub", "I": "ins", "D": "del"}
ONE = [
    "SCCCCC",
    "CCCC",
    "ISC",
    "DSCDCCCDCCCC",
    "DCCSCCCCSCI",
    "C",
    "CS",
    "CCC",
    "S",
    "CCCCC",
    "SCSCSCCDCC",
    "SSCSCSCSCCC",
]
TWO = [
    "DDCCCC",
    "CCICC",
    "CC",
    "CCDCCCCCCCSC",
    "SCCCCCCDCC",
    "D",
    "CC",
    "CCC",
    "C",
    "DCCCIC",
    "CCCCCCDCCC",
    "CCCCCCCCCCS",
]


def aligned(*systems: list[str]) -> pd.DataFrame:
    """An alignment from NIST's letters, one text per utterance; systems are called one, two, three."""
    rows = [
        (f"u{number}", name, position, OPS[letter])
        for name, utterances in zip(("one", "two", "three"), systems, strict=False)
        for number, letters in enumerate(utterances)
        for position, letter in enumerate(letters)
    ]
    frame = pd.DataFrame(rows, columns=["utterance", "system", "position", "op"])
    return frame.astype({"utterance": "str", "system": "str", "op": "str"})


def evidence_of(*systems: list[str]) -> Evidence:
    alignment = aligned(*systems)
    return Evidence.from_counts(count_errors(alignment), cut_segments(alignment))


def counts_of(
    errors: dict[str, list[int]], n_words: list[int], speakers: list[str] | None = None
) -> pd.DataFrame:
    """One row per utterance and system."""
    n = len(n_words)
    parts = [
        pd.DataFrame({"utterance": range(n), "system": name, "errors": each, "n_words": n_words})
        for name, each in errors.items()
    ]
    if speakers:
        parts = [part.assign(speaker=speakers) for part in parts]
    return pd.concat(parts, ignore_index=True)


def drawn(n: int, seed: int = 5) -> tuple[dict[str, list[int]], list[int]]:
    """Errors of two systems in n utterances; the second is a little better."""
    rng = np.random.default_rng(seed)
    n_words = rng.integers(5, 30, n)
    errors = {"one": rng.binomial(n_words, 0.2), "two": rng.binomial(n_words, 0.17)}
    return {name: each.tolist() for name, each in errors.items()}, n_words.tolist()


def test_the_case_that_nist_publishes() -> None:
    """test1a of SCTK: three segments with 9 and 7 errors; in one, only the first system has errors."""
    errors = [(1, 0), (4, 3), (4, 4)]
    found = mapsswe(3, sum(a - b for a, b in errors), sum((a - b) ** 2 for a, b in errors))
    assert (found.n_segments, round(found.mean, 3), round(found.sd, 3)) == (3, 0.667, 0.577)
    assert found.z == pytest.approx(2.0)
    assert found.p == pytest.approx(0.0455, abs=1e-4)


def test_segments_are_those_of_sc_stats() -> None:
    """The result of sc_stats 2.4.10 for these alignments: 17 segments, 22 and 12 errors, Z 1.399."""
    alignment = aligned(ONE, TWO)
    found = cut_segments(alignment)
    assert (len(found), found["errors_a"].sum(), found["errors_b"].sum()) == (17, 22, 12)
    row = compare_pairs(evidence_of(ONE, TWO)).loc[0]
    assert (row["a"], row["b"], row["n_segments"]) == ("one", "two", 17)
    assert row["mapsswe_z"] == pytest.approx(1.399, abs=5e-4)
    assert (found["errors_a"] - found["errors_b"]).std() == pytest.approx(1.734, abs=5e-4)


def walked(one: str, two: str, min_good: int) -> list[tuple[int, int]]:
    """A simple implementation: a state machine over the reference words, as in NIST's diagram."""
    steps = [[*letters.replace("I", "")] for letters in (one, two)]
    inserted = []
    for letters in (one, two):
        before = [0]
        for letter in letters:
            if letter == "I":
                before[-1] += 1
            else:
                before.append(0)
        inserted.append(before)
    found, open_errors, n_good = [], [0, 0], 0
    for word in range(len(steps[0]) + 1):
        for side in (0, 1):
            open_errors[side] += inserted[side][word]
            n_good = 0 if inserted[side][word] else n_good
        if word == len(steps[0]):
            break
        wrong = [steps[side][word] != "C" for side in (0, 1)]
        open_errors = [errors + is_wrong for errors, is_wrong in zip(open_errors, wrong, strict=True)]
        n_good = 0 if any(wrong) else n_good + 1
        if n_good == min_good and any(open_errors):
            found.append((open_errors[0], open_errors[1]))
            open_errors = [0, 0]
        n_good = min(n_good, min_good - 1) if not any(open_errors) else n_good
    return [*found, (open_errors[0], open_errors[1])] if any(open_errors) else found


@st.composite
def pair_of_utterances(draw: st.DrawFn) -> tuple[str, str]:
    """Letters of two systems for the same words."""
    n_words = draw(st.integers(1, 12))
    word = st.sampled_from(["C", "C", "C", "S", "D", "IC", "IIS"])
    one, two = (
        "".join(draw(st.lists(word, min_size=n_words, max_size=n_words)))
        + draw(st.sampled_from(["", "", "I"]))
        for _ in range(2)
    )
    return one, two


@given(st.lists(pair_of_utterances(), min_size=1, max_size=4), st.integers(1, 3))
def test_segments_are_those_of_the_textbook(utterances: list[tuple[str, str]], min_good: int) -> None:
    """The same errors in the same segments of each utterance."""
    found = cut_segments(aligned([u[0] for u in utterances], [u[1] for u in utterances]), min_good=min_good)
    for number, (one, two) in enumerate(utterances):
        own = found[found["utterance"] == f"u{number}"]
        assert list(zip(own["errors_a"], own["errors_b"], strict=True)) == walked(one, two, min_good)


def test_the_order_of_rows_does_not_matter() -> None:
    """The order is that of positions, not of rows."""
    alignment = aligned(ONE, TWO)
    pd.testing.assert_frame_equal(
        cut_segments(alignment.sample(frac=1, random_state=1)).sort_values(
            ["utterance", "errors_a", "errors_b"], ignore_index=True
        ),
        cut_segments(alignment).sort_values(["utterance", "errors_a", "errors_b"], ignore_index=True),
    )


def test_references_of_different_length_are_one_segment() -> None:
    """With different alternatives, words cannot be matched, and the utterance is one segment."""
    found = cut_segments(aligned(["SCCCCS"], ["SCCCCCS"]))
    assert found[["errors_a", "errors_b"]].to_numpy().tolist() == [[2, 2]]


def test_segments_of_all_pairs_and_of_none() -> None:
    """Three systems have three pairs; one system has none, and the empty frame has all columns."""
    found = cut_segments(aligned(["SC"], ["CC"], ["CS"]))
    assert found[["a", "b"]].to_numpy().tolist() == [["one", "two"], ["one", "three"], ["two", "three"]]
    assert list(cut_segments(aligned(["SC"]))) == ["utterance", "a", "b", "errors_a", "errors_b"]
    assert cut_segments(aligned(["CC"], ["CC"])).empty


def test_matched_pairs_without_deviation() -> None:
    """Equal systems have no difference; equal differences give a sign test; one segment gives NaN."""
    assert mapsswe(5, 0, 0)[3:] == (0.0, 1.0)
    assert mapsswe(8, -8, 8)[3:] == (float("-inf"), 2**-7)
    assert np.isnan(mapsswe(1, 1, 1).p)
    assert mapsswe(0, 0, 0)[3:] == (0.0, 1.0)


@given(st.integers(0, 24), st.integers(0, 24))
def test_mcnemar_is_the_binomial_test(only_a: int, only_b: int) -> None:
    """Two-sided p-value of a fair coin, summed over all outcomes that are at most as likely."""
    n = only_a + only_b
    rare = [k for k in range(n + 1) if abs(2 * k - n) >= abs(only_a - only_b)]
    assert mcnemar(only_a, only_b) == pytest.approx(float(Fraction(sum(comb(n, k) for k in rare), 2**n)))


def test_mcnemar_of_many_is_near_the_exact_test() -> None:
    """The p-value does not jump at 50, where chi-squared begins."""
    tail = sum(comb(60, k) for k in range(23)) / 2**60
    assert mcnemar(22, 38) == pytest.approx(2 * tail, abs=0.005)
    assert mcnemar(30, 30) == 1.0


def test_sentences_show_less_than_segments() -> None:
    """McNemar's test counts utterances that only one system has right."""
    evidence = evidence_of(ONE, TWO)
    assert evidence.only.tolist() == [[0, 3], [3, 0]]
    assert compare_pairs(evidence).loc[0, "mcnemar_p"] == pytest.approx(mcnemar(3, 3))


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_is_stepwise_bonferroni(p: list[float]) -> None:
    """A pair is significant if all smaller p-values are, each corrected for the number of remaining tests."""
    corrected = holm(p)
    for level in (0.01, 0.05, 0.5):
        rejected, order = set(), sorted(range(len(p)), key=lambda k: p[k])
        for step, k in enumerate(order):
            if p[k] * (len(p) - step) > level:
                break
            rejected.add(k)
        assert {k for k in range(len(p)) if corrected[k] <= level} == rejected


def texts(n: int) -> tuple[list[str], list[str], list[str]]:
    """A reference and two systems, the second with fewer errors."""
    rng = random.Random(3)
    ref = [[rng.choice("abcdefgh") for _ in range(rng.randint(4, 20))] for _ in range(n)]
    said = [[[w if rng.random() > p else "x" for w in words] for words in ref] for p in (0.25, 0.18)]
    return (*([" ".join(words) for words in side] for side in (ref, *said)),)  # type: ignore[return-value]


def test_bootstrap_agrees_with_kaldialign() -> None:
    """Half-widths differ by at most 3 %, the probability of improvement by 0.02; its mean is the WER."""
    ref, one, two = texts(300)
    frames = {
        name: pd.DataFrame({"utterance": range(300), "text": pd.Series(side, dtype="str")})
        for name, side in {"ref": ref, "one": one, "two": two}.items()
    }
    systems = {name: frames[name] for name in ("one", "two")}
    evidence = Evidence.from_counts(count_errors(align(frames["ref"], systems, by=["utterance"])))
    found = estimate_intervals(evidence)
    split = [[text.split() for text in side] for side in (ref, one, two)]
    theirs = kaldialign.bootstrap_wer_ci(*split)
    for name, key in (("one", "system1"), ("two", "system2")):
        half = (found.loc[name, "wer_high"] - found.loc[name, "wer_low"]) / 2
        assert half == pytest.approx(theirs[key]["ci95"], rel=0.03)
        assert found.loc[name, "wer"] == pytest.approx(theirs[key]["wer"], abs=0.002)
    better = 1 - compare_pairs(evidence).loc[0, "poi"]
    assert better == pytest.approx(theirs["p_s2_improv_over_s1"], abs=0.02)


def test_ratio_and_bootstrap_agree() -> None:
    """The ends of both intervals differ by at most a tenth of the width."""
    errors, n_words = drawn(2000)
    evidence = Evidence.from_counts(counts_of(errors, n_words))
    boot, ratio = (estimate_intervals(evidence, method=method) for method in ("bootstrap", "ratio"))
    width = boot["wer_high"] - boot["wer_low"]
    for end in ("wer_low", "wer_high"):
        assert ((boot[end] - ratio[end]).abs() < width / 10).all()
    first, second = (compare_pairs(evidence, method=method).loc[0] for method in ("bootstrap", "ratio"))
    assert first["delta_low"] == pytest.approx(second["delta_low"], abs=0.001)
    assert (first["holm_of"], second["holm_of"]) == ("swap", "ratio")
    assert second["ratio_p"] < 0.001
    assert first["ratio_p"] == second["ratio_p"]
    assert np.isnan(second["bootstrap_p"])


def test_the_ratio_estimator_by_hand() -> None:
    """Standard error of W = 3/20 from three utterances, as the formula says."""
    evidence = Evidence.from_counts(counts_of({"one": [1, 0, 2]}, [5, 5, 10]))
    residuals = np.array([1, 0, 2]) - 3 / 20 * np.array([5, 5, 10])
    assert evidence.moments.error(0) == pytest.approx(np.sqrt(3 / 2 * (residuals**2).sum()) / 20)


def test_groups_widen_the_interval() -> None:
    """Similar utterances of one speaker give wider intervals than equally many independent ones."""
    errors, n_words = drawn(20)
    alike = {name: each * 20 for name, each in errors.items()}
    counts = counts_of(alike, n_words * 20, [f"s{k}" for k in range(20)] * 20)
    for method in ("bootstrap", "ratio"):
        apart, together = (
            estimate_intervals(Evidence.from_counts(counts, group=group), method=method)
            for group in (None, "speaker")
        )
        widths = [found.loc["one", "wer_high"] - found.loc["one", "wer_low"] for found in (apart, together)]
        assert widths[1] > 3 * widths[0]
        assert together.loc["one", "n_groups"] == 20
        assert together.loc["one", "wer"] == apart.loc["one", "wer"]


def test_the_same_seed_gives_the_same_numbers() -> None:
    """Another seed gives different numbers, which are close."""
    errors, n_words = drawn(100)
    evidence = Evidence.from_counts(counts_of(errors, n_words))
    pd.testing.assert_frame_equal(
        compare_pairs(evidence, seed=1), compare_pairs(evidence, seed=1), check_exact=True
    )
    one, other = (compare_pairs(evidence, seed=seed).loc[0, "poi"] for seed in (1, 2))
    assert one != other
    assert one == pytest.approx(other, abs=0.005)


def test_identical_systems() -> None:
    """No difference, every p-value is 1; the interval has a width, as for systems without errors."""
    row = compare_pairs(evidence_of(ONE, ONE)).loc[0]
    most = 1 - 0.05 ** (1 / sum(len(letters.replace("I", "")) for letters in ONE))
    assert row[["wer_delta", "delta_low", "delta_high"]].tolist() == pytest.approx([0, -most, most])
    assert row[["mapsswe_p", "segments_p", "mcnemar_p", "swap_p", "ratio_p", "p_holm"]].tolist() == [1] * 6
    assert compare_pairs(evidence_of(ONE, ONE), method="bootstrap").loc[0, "bootstrap_p"] == 1


def test_student_is_the_published_table() -> None:
    """Critical values at 95 % as in textbooks, and those of the normal distribution for many groups."""
    table = {1: 12.706, 2: 4.303, 5: 2.571, 11: 2.201, 30: 2.042, 120: 1.980, 10**6: 1.960}
    for df, value in table.items():
        assert student_quantile(0.95, df) == pytest.approx(value, abs=5e-4)
    assert student_p(1.0, 1) == pytest.approx(0.5)
    assert (student_p(0.0, 3), student_p(float("inf"), 3)) == (1, 0)
    assert np.isnan(student_p(float("nan"), 3))


@given(st.floats(0, 50), st.integers(1, 200))
def test_student_says_less_than_the_normal_distribution(t: float, df: int) -> None:
    """Its tails are heavier, and more so with fewer degrees of freedom."""
    few, more = student_p(t, df), student_p(t, df + 1)
    assert 1 >= few >= more * (1 - 1e-9)
    assert more >= student_p(t, 10**6) * (1 - 1e-9)
    if 0.01 < few < 0.99:
        assert student_quantile(1 - few, df) == pytest.approx(t, rel=1e-6)


@given(st.lists(st.integers(-4, 4), max_size=9))
def test_swaps_are_those_of_the_textbook(differences: list[int]) -> None:
    """Compared with a loop over all combinations of signs."""
    sums = [abs(sum(signed)) for signed in product(*((d, -d) for d in differences))]
    share = sum(each >= abs(sum(differences)) for each in sums) / len(sums)
    assert swap_p(np.array(differences) / 7, 10, seed=0) == pytest.approx(share)


def test_swaps_drawn_are_near_all_swaps() -> None:
    """Above 12 groups random swaps are drawn: the p-value is close to that of all 16,384, and never 0."""
    differences = np.array([3, 1, -2, 1, 1, 4, -1, 2, 0, -1, 1, 2, -3, 1, 2])
    some = differences[differences != 0]
    signs = 1 - 2 * ((np.arange(2**14)[:, None] >> np.arange(14)) & 1)
    share = (np.abs(signs @ some) >= some.sum()).mean()
    assert swap_p(differences.astype(float), 20_000, seed=1) == pytest.approx(share, abs=0.01)
    assert swap_p(np.ones(40), 999, seed=1) == 1 / 1000


def two_ways(counts: pd.DataFrame, cut: pd.DataFrame) -> list[Evidence]:
    """Evidence of two kinds: with groups, and with only their sums."""
    by_groups = Evidence.from_counts(counts, cut)
    return [by_groups, replace(by_groups, groups=None)]


group_counts = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 20))
few_counts = st.lists(group_counts, min_size=2, max_size=5)


@settings(max_examples=settings.default.max_examples // 2)
@given(few_counts)
def test_five_groups_are_never_enough(groups: list[tuple[int, int, int]]) -> None:
    """There is no p-value for decisions, and no interval; the other p-values are at least 1 / 16."""
    counts = counts_of({"a": [g[0] for g in groups], "b": [g[1] for g in groups]}, [g[2] for g in groups])
    cut = pd.DataFrame([(a, b) for a, b, _ in groups], columns=["errors_a", "errors_b"])
    cut = cut.assign(a=pd.Series("a", cut.index, dtype="str"), b=pd.Series("b", cut.index, dtype="str"))
    for evidence in two_ways(counts, cut[cut[["errors_a", "errors_b"]].any(axis=1)]):
        row = compare_pairs(evidence).loc[0]
        assert row[["p_holm", "delta_low", "delta_high"]].isna().all()
        assert not (row[["swap_p", "ratio_p", "segments_p"]] < 1 / 16).any()
        assert estimate_intervals(evidence)[["wer_low", "wer_high"]].isna().all(axis=None)


@settings(max_examples=settings.default.max_examples // 2)
@given(st.lists(group_counts, min_size=6, max_size=9))
def test_an_interval_has_its_rate_inside_and_no_end_below_zero(
    groups: list[tuple[int, int, int]],
) -> None:
    """It has a width even if all groups are equal, or if there are no errors."""
    counts = counts_of({"a": [g[0] for g in groups]}, [g[2] for g in groups])
    row = estimate_intervals(Evidence.from_counts(counts)).loc["a"]
    assert 0 <= row["wer_low"] <= row["wer"] <= row["wer_high"]
    assert row["wer_high"] > row["wer_low"] or row["wer"] >= 1
    assert row["wer_high"] > 0


def test_no_errors_are_not_no_doubt() -> None:
    """The upper end is the rate at which so many correct words have a probability of 5 % (the rule of three).

    If groups were given, so many groups.
    """
    counts = counts_of({"one": [0] * 12}, [10] * 12, list("ssttuuvvwwxx"))
    for method in ("auto", "bootstrap", "ratio"):
        row = estimate_intervals(Evidence.from_counts(counts), method=method).loc["one"]
        assert (row["wer"], row["wer_low"]) == (0, 0)
        assert (1 - row["wer_high"]) ** 120 == pytest.approx(0.05)
        named = estimate_intervals(Evidence.from_counts(counts, group="speaker"), method=method).loc["one"]
        assert (1 - named["wer_high"]) ** 6 == pytest.approx(0.05)
    assert estimate_intervals(Evidence.from_counts(counts), level=0.8).loc[
        "one", "wer_high"
    ] == pytest.approx(1 - 0.2 ** (1 / 120))


def simulated(n: int, rng: np.random.Generator, less: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts and segments of two systems; the second has fewer errors by the share `less`.

    Groups differ in length and difficulty, and their difficulty differs between the systems.
    """
    n_words = np.maximum(rng.lognormal(4, 0.7, n).astype(int), 5)
    rates = np.clip(rng.beta(3, 17, n)[:, None] * np.exp(rng.normal(0, 0.25, (n, 2))), 0, 0.9)
    errors = rng.binomial(n_words[:, None], rates * [1, 1 - less])
    counts = counts_of({"x": errors[:, 0].tolist(), "y": errors[:, 1].tolist()}, n_words.tolist())
    cut = pd.DataFrame(errors, columns=["errors_a", "errors_b"])
    cut = cut.assign(a=pd.Series("x", cut.index, dtype="str"), b=pd.Series("y", cut.index, dtype="str"))
    return counts, cut[cut[["errors_a", "errors_b"]].any(axis=1)]


def share_told(n: int, n_runs: int, less: float = 0.0) -> list[float]:
    """How often one system is significantly better: by groups, by sums only."""
    rng, told = np.random.default_rng(7), np.zeros(2)
    for _ in range(n_runs):
        counts, cut = simulated(n, rng, less)
        rates = counts.groupby("system")[["errors", "n_words"]].sum().eval("wer = errors / n_words")
        for place, evidence in enumerate(two_ways(counts, cut)):
            verdict = word_verdict(rates, compare_pairs(evidence, n_replicates=400), 0.95, False)
            told[place] += " is better in words than " in verdict
    return (told / n_runs).tolist()


def draw_evidence(
    n: int, rng: np.random.Generator, n_words: list[int], spread: float, interaction: float
) -> Evidence:
    """Two systems with the expected error rate 0.12 in `n` groups, which differ on the logistic scale."""
    words = rng.choice(n_words, n)
    base = find_base(0.12, float(np.hypot(spread, interaction)))
    rates = expit(base + rng.normal(0, spread, (n, 1)) + rng.normal(0, interaction, (n, 2)))
    errors, both = rng.binomial(words[:, None], rates), np.repeat(words[:, None], 2, axis=1)
    moments, zeros = Moments.from_groups(("a", "b"), errors, both), np.zeros((2, 2), np.int64)
    return Evidence(("a", "b"), moments, zeros, zeros, zeros, zeros, GroupCounts(errors, both))


@pytest.mark.parametrize(
    ("n", "n_words", "spread", "interaction"),
    [
        (20, [20], 0.5, 0.0),
        (10, [200], 0.6, 0.4),
        (8, [600], 0.6, 0.3),
        (40, [600], 0.6, 0.3),
        (20, [10, 30, 80, 200, 600], 0.6, 0.3),
    ],
)
def test_intervals_have_the_truth_inside(
    n: int, n_words: list[int], spread: float, interaction: float
) -> None:
    """In about 95 % of simulations, also of few and of unequal groups; equal systems stay equal in 95 %."""
    rng, inside, n_runs = np.random.default_rng(3), np.zeros(3), 250
    for _ in range(n_runs):
        evidence = draw_evidence(n, rng, n_words, spread, interaction)
        rates = estimate_intervals(evidence)
        pair = compare_pairs(evidence, n_replicates=300).loc[0]
        inside += (
            rates["wer_low"].le(0.12).mul(rates["wer_high"] >= 0.12).mean(),
            pair["delta_low"] <= 0 <= pair["delta_high"],
            pair["p_holm"] >= 0.05,
        )
    assert inside[0] / n_runs == pytest.approx(0.95, abs=0.03)
    assert (inside[1:] / n_runs >= 0.92).all()


def test_percentiles_of_few_groups_are_too_narrow() -> None:
    """So that the check above can fail: the bootstrap misses the truth of ten groups far too often."""
    rng, inside = np.random.default_rng(3), 0.0
    for _ in range(100):
        evidence = draw_evidence(10, rng, [200], 0.6, 0.4)
        rates = estimate_intervals(evidence, method="bootstrap", n_replicates=300)
        inside += rates["wer_low"].le(0.12).mul(rates["wer_high"] >= 0.12).mean()
    assert inside / 100 < 0.92


@pytest.mark.parametrize("n", [3, 5, 12])
def test_equal_systems_are_rarely_called_different(n: int) -> None:
    """In 5 % of simulations, also with few groups of different size; 60 simulations are run."""
    assert max(share_told(n, 60)) <= 0.08


def test_a_difference_is_found_with_enough_groups() -> None:
    """A third fewer errors in 60 groups is found nearly always."""
    assert min(share_told(60, 25, less=1 / 3)) >= 0.8


def test_the_p_of_few_segments() -> None:
    """NIST's z with Student's t, at least that of a sign test; equal to NIST's for many segments."""
    assert small_sample_p(2.0, 3) == 0.25
    assert small_sample_p(2.0, 20) == pytest.approx(0.0600, abs=1e-4)
    assert small_sample_p(2.0, 100_000) == pytest.approx(0.0455, abs=1e-4)
    row = compare_pairs(evidence_of(ONE, TWO)).loc[0]
    assert (row["mapsswe_p"], row["segments_p"]) == pytest.approx((0.1619, 0.1810), abs=1e-3)


def test_one_utterance_has_no_interval() -> None:
    """Both methods give NaN, and no test decides; NIST's test of the segments is a column of its own."""
    one, two = "SCC" * 30, "CCC" * 29 + "SCC"
    for method in ("bootstrap", "ratio"):
        found = estimate_intervals(evidence_of([one], [two]), method=method)
        assert found["wer"].tolist() == pytest.approx([1 / 3, 1 / 90])
        assert found[["wer_low", "wer_high"]].isna().all(axis=None)
        row = compare_pairs(evidence_of([one], [two]), method=method).loc[0]
        assert row[["bootstrap_p", "ratio_p", "swap_p"]].isna().all()
        assert row[["p_holm", "delta_low", "delta_high"]].isna().all()
        assert row["n_segments"] == 30
        assert row["segments_p"] < 1e-6


def test_utterances_without_words() -> None:
    """Words recognized in silence are errors without reference words; silence alone has no rate."""
    counts = counts_of({"one": [1, 2, 0]}, [5, 0, 10])
    assert estimate_intervals(Evidence.from_counts(counts)).loc["one", "wer"] == 3 / 15
    silent = counts_of({"one": [1, 2], "two": [0, 0]}, [0, 0])
    assert (
        estimate_intervals(Evidence.from_counts(silent))[["wer", "wer_low", "wer_high"]].isna().all(axis=None)
    )
    assert np.isnan(compare_pairs(Evidence.from_counts(silent), method="ratio").loc[0, "wer_delta"])


def test_many_groups_have_no_bootstrap() -> None:
    """Above 100,000 groups its columns are NaN, and it cannot be asked for if groups were not kept."""
    errors, n_words = drawn(100_001)
    evidence = Evidence.from_counts(counts_of(errors, n_words))
    assert set(estimate_intervals(evidence)["method"]) == {"ratio"}
    assert compare_pairs(evidence, n_replicates=100)[["poi", "bootstrap_p"]].isna().all(axis=None)
    few = counts_of(*drawn(50))
    assert compare_pairs(Evidence.from_counts(few))[["poi", "bootstrap_p"]].notna().all(axis=None)
    with pytest.raises(
        ConfigError,
        match="the bootstrap needs groups, which this evidence was told not to keep; use method='ratio'",
    ):
        estimate_intervals(Evidence.from_counts(few, keep_groups=False), method="bootstrap")


@settings(max_examples=settings.default.max_examples // 4)
@given(st.lists(pair_of_utterances(), min_size=2, max_size=8), st.data())
def test_parts_add_to_the_whole(utterances: list[tuple[str, str]], data: st.DataObject) -> None:
    """The sum of the evidence of two parts of a corpus gives the same numbers as the whole."""
    cut = data.draw(st.integers(1, len(utterances) - 1))
    whole, left, right = (
        evidence_of([u[0] for u in part], [u[1] for u in part])
        for part in (utterances, utterances[:cut], utterances[cut:])
    )
    for method, table in product(("ratio", "bootstrap"), (estimate_intervals, compare_pairs)):
        pd.testing.assert_frame_equal(
            table(left + right, method=method, n_replicates=50), table(whole, method=method, n_replicates=50)
        )


def test_holm_over_all_pairs() -> None:
    """Three systems have three pairs, corrected together."""
    rng = np.random.default_rng(2)
    n_words = [20] * 200
    errors = {
        name: rng.binomial(20, rate, 200).tolist() for name, rate in (("a", 0.3), ("b", 0.27), ("c", 0.1))
    }
    found = compare_pairs(Evidence.from_counts(counts_of(errors, n_words)))
    assert found[["a", "b"]].to_numpy().tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert found["p_holm"].tolist() == holm(found["swap_p"].tolist())
    assert (found["wer_delta"] > 0).all()


def test_which_test_is_corrected() -> None:
    """It is that of swaps, or the ratio estimator's if groups were not kept; never that of segments."""
    alignment = aligned(ONE, TWO)
    counts, cut = count_errors(alignment), cut_segments(alignment)
    counts["speaker"] = counts["utterance"].isin(["u0", "u1", "u2"])
    assert counts["utterance"].nunique() >= 6
    for evidence, of in (
        (Evidence.from_counts(counts, cut), "swap"),
        (Evidence.from_counts(counts), "swap"),
        (Evidence.from_counts(counts, cut, "speaker"), "swap"),
        (Evidence.from_counts(counts, cut, "speaker", keep_groups=False), "ratio"),
    ):
        row = compare_pairs(evidence).loc[0]
        assert row["holm_of"] == of
        assert row["p_holm"] == row[f"{of}_p"] or (evidence.is_grouped and np.isnan(row["p_holm"]))
    assert np.isnan(compare_pairs(Evidence.from_counts(counts)).loc[0, "mapsswe_p"])


def test_different_utterances_are_never_compared() -> None:
    """The error names the system and some of the missing utterances."""
    counts = counts_of({"one": [1, 0, 2], "two": [0, 0, 1]}, [5, 5, 10])
    lacking = counts[~((counts["system"] == "two") & (counts["utterance"] == 1))]
    with pytest.raises(SchemaError, match=r"system 'two' lacks 1 of 3 utterances that others have \(1\)"):
        Evidence.from_counts(lacking)


def test_who_chose_the_empty_alternative_was_scored() -> None:
    """A row with no reference words is valid, even if another system has words there."""
    counts = counts_of({"one": [0, 1], "two": [0, 0]}, [1, 5])
    counts.loc[(counts["system"] == "two") & (counts["utterance"] == 0), "n_words"] = 0
    assert Evidence.from_counts(counts).moments.total.tolist() == [1, 0, 6, 5]


def test_empty_alternatives_compare_and_score() -> None:
    """`{uh / @}`, recognized by one system and not by the other, with and without times."""
    texts = pd.DataFrame(
        {"recording": ["r", "s"], "reference": ["{uh / @}", "a b"], "x": ["uh", "a b"], "y": ["", "a c"]},
        dtype="str",
    )
    named = {
        name: dict(zip(texts["recording"], texts[name], strict=True)) for name in ("reference", "x", "y")
    }
    c = sk.compare({"x": named["x"], "y": named["y"]}, named["reference"])
    scores = sk.score(texts, systems=["x", "y"])
    for summary in (c.summary, scores.summary):
        assert summary[["n_words", "errors"]].to_numpy().tolist() == [[3, 0], [2, 1]]
    assert len(scores.pairs) == len(c.pairs) == 1

    starts = [0.0, 2.0, 4.0]
    truth = pd.DataFrame({"word": ["a", "{uh|@}", "b"], "start": starts, "end": [s + 0.4 for s in starts]})
    heard = truth.assign(word=["a", "uh", "b"])
    timed = sk.compare({"x": heard, "y": heard.drop(index=1)}, truth)
    assert timed.summary["errors"].tolist() == [0, 0]
    assert timed.stretches[["text", "start"]].to_numpy().tolist() == [["a", 0.0], ["uh", 2.0], ["b", 4.0]]
    assert set(timed.alignment.query("ref_word == 'b'")["stretch"]) == {2}
    assert timed.timing_pairs["n_words"].tolist() == [2]


def test_errors_say_what_is_wrong() -> None:
    """Duplicate keys, unknown groups, invalid values of options, different systems."""
    counts = counts_of({"one": [1, 0]}, [5, 5])
    with pytest.raises(SchemaError, match="2 duplicate rows, such as utterance 0, system one"):
        Evidence.from_counts(pd.concat([counts, counts]))
    with pytest.raises(SchemaError, match="counts: no column 'speaker' to group by; there are utterance"):
        Evidence.from_counts(counts, group="speaker")
    with pytest.raises(SchemaError, match="counts: column 'errors' is missing"):
        Evidence.from_counts(counts.drop(columns="errors"))
    with pytest.raises(SchemaError, match="segments are of systems that counts do not have; these are one"):
        Evidence.from_counts(counts, cut_segments(aligned(["SC"], ["CC"])))
    with pytest.raises(SchemaError, match="evidence of the systems one and of one, two cannot be added"):
        evidence_of(["CS"]) + evidence_of(["CS"], ["CC"])
    for options, message in (
        ({"level": 95}, "level=95, but it must be between 0 and 1"),
        ({"method": "magic"}, "no method 'magic'; there are 'auto', 'bootstrap', 'ratio'"),
        ({"n_replicates": 0}, "n_replicates=0, but it must be 1 or more"),
    ):
        with pytest.raises(ConfigError, match=message):
            compare_pairs(Evidence.from_counts(counts), **options)
    with pytest.raises(ConfigError, match="min_good=0, but it must be 1 or more"):
        cut_segments(aligned(["SC"]), min_good=0)
    with pytest.raises(SchemaError, match="alignment: column 'op' is missing; there are utterance, system"):
        count_errors(aligned(["SC"]).drop(columns="op"))
    with pytest.raises(SchemaError, match="alignment: column 'call' is missing"):
        cut_segments(aligned(["SC"]), units=["call"])
