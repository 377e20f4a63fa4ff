"""Timing errors: their values, the words they are measured on, and merging of counts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechkit_nb.errors import ConfigError, LeftOut, SchemaError
from speechkit_nb.evaluate import (
    align,
    compute_boundary_errors,
    compute_timing,
    count_timing,
    summarize_timing,
)
from speechkit_nb.evaluate.metrics.timing_sums import theil_sen

TIMES = ["ref_start", "ref_end", "hyp_start", "hyp_end"]
COLUMNS = ["recording", "system", "position", "op", "ref_word", "hyp_word", *TIMES]
TEXTS = dict.fromkeys(["recording", "system", "ref_word", "hyp_word"], "str")


def frame_of(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS).astype(TEXTS)
    return frame.astype({"position": "int64", **dict.fromkeys(TIMES, "float64")})


def words(texts: str, start: float = 0.0, late: float = 0.0) -> pd.DataFrame:
    """Words of 0.4 s with 0.1 s between them."""
    said = texts.split()
    begin = start + 0.5 * np.arange(len(said)) + late
    return pd.DataFrame({"word": pd.Series(said, dtype="str"), "start": begin, "end": begin + 0.4})


def test_bias_and_jitter_are_told_apart() -> None:
    """A system that is late by the same amount everywhere has a bias and an AAS, but no corrected AAS."""
    ref = words("a b c d")
    found = compute_timing(align(ref, {"late": words("a b c d", late=0.1)})).loc["late"]
    assert found["start_bias"] == found["end_bias"] == pytest.approx(0.1)
    assert found["aas"] == pytest.approx(0.1)
    assert found["corrected_aas"] == 0
    assert found["coverage"] == 1


def test_figures_of_known_errors() -> None:
    """Every column, for four errors whose figures are computed by hand or by numpy."""
    ref = words("a b c d")
    hyp = ref.assign(start=ref["start"] + [0.01, -0.03, 0.05, 0.2], end=ref["end"] + [0.0, 0.04, 0.05, 0.0])
    found = compute_timing(align(ref, {"one": hyp})).loc["one"]
    sizes = np.array([0.01, 0.03, 0.05, 0.2])
    assert found["start_bias"] == pytest.approx(0.03)
    assert found["start_mae"] == pytest.approx(sizes.mean())
    assert found["start_median"] == pytest.approx(0.04)
    assert found["start_rmse"] == pytest.approx(np.sqrt((sizes**2).mean()))
    for level in (90, 95, 99):
        assert found[f"start_p{level}"] == pytest.approx(np.percentile(sizes, level))
    assert found["aas"] == pytest.approx((sizes.mean() + 0.09 / 4) / 2)
    within = [
        found[f"{side}_within_{ms}_ms"] for side in ("start", "end", "both") for ms in (20, 50, 100, 200)
    ]
    assert within == [0.25, 0.75, 0.75, 1.0, 0.5, 1.0, 1.0, 1.0, 0.25, 0.75, 0.75, 1.0]
    iou = [0.39 / 0.4, 0.4 / 0.47, 0.35 / 0.45, 0.2 / 0.4]
    assert found["iou"] == pytest.approx(np.mean(iou), abs=1e-6)
    assert found["precision"] == found["recall"] == found["f1"] == 0.75


def test_an_error_as_wide_as_the_collar_is_within_it() -> None:
    """1.45 - 1.4 s is 50 ms, although the difference of the floats is slightly larger."""
    ref = pd.DataFrame({"word": ["a"], "start": [1.4], "end": [1.8]})
    assert 1.45 - 1.4 > 0.05
    found = compute_timing(align(ref, {"one": ref.assign(start=1.45)})).loc["one"]
    assert found["start_within_50_ms"] == found["f1"] == 1


def test_precision_counts_the_systems_words_and_recall_the_references() -> None:
    """Insertions reduce precision, and deletions reduce recall."""
    ref, hyp = words("a b c d"), pd.concat([words("a b"), words("x y z", start=5.0)], ignore_index=True)
    found = compute_timing(align(ref, {"one": hyp}, collar=0.2)).loc["one"]
    assert (found["precision"], found["recall"]) == (2 / 5, 2 / 4)
    assert found["f1"] == pytest.approx(4 / 9)
    assert found["coverage"] == 0.5


def test_systems_are_compared_on_words_that_all_got_right() -> None:
    """A word that only one system has is not compared, unless `common` is False."""
    ref = words("a b c")
    one, two = ref.assign(start=ref["start"] + [0.0, 0.0, 0.3]), words("a b x", late=0.02)
    alignment = align(ref, {"one": one, "two": two})
    found = compute_timing(alignment)
    assert found["n_compared"].to_dict() == {"one": 2, "two": 2}
    assert found["n_right"].to_dict() == {"one": 3, "two": 2}
    assert found.loc["one", "start_mae"] == 0
    assert compute_timing(alignment, common=False).loc["one", "start_mae"] == pytest.approx(0.1)


def test_the_same_word_said_twice_is_two_words() -> None:
    """Equal reference words are distinguished by their times."""
    ref = words("no x no")
    first, last = (
        align(ref, {"one": words("no")}, collar=0.1),
        align(ref, {"two": words("no", 1.0)}, collar=0.1),
    )
    found = compute_timing(pd.concat([first, last], ignore_index=True))
    assert found["n_right"].tolist() == [1, 1]
    assert found["n_compared"].tolist() == [0, 0]
    assert found["start_mae"].isna().all()


def test_missing_times_are_said() -> None:
    """A correct word without times is counted as untimed, and not as an error of 0."""
    ref = words("a b c")
    alignment = align(ref, {"one": words("a b c", late=0.1)})
    alignment.loc[1, ["hyp_start", "hyp_end"]] = np.nan
    found = compute_timing(alignment).loc["one"]
    assert (found["n_right"], found["n_untimed"], found["n_compared"]) == (3, 1, 2)
    assert found["start_mae"] == pytest.approx(0.1)
    assert found["coverage"] == pytest.approx(2 / 3)


def test_a_system_without_times_does_not_hide_the_others() -> None:
    """Its figures are NaN, and the others are compared with each other."""
    ref = words("a b")
    timeless = align("a b", {"text": "a b"})
    timeless[["ref_start", "ref_end"]] = ref[["start", "end"]].to_numpy()
    alignment = pd.concat([align(ref, {"one": words("a b", late=0.1)}), timeless], ignore_index=True)
    found = compute_timing(alignment)
    assert found["n_compared"].to_dict() == {"one": 2, "text": 0}
    assert found["n_untimed"].to_dict() == {"one": 0, "text": 2}
    assert np.isnan(found.loc["text", "start_bias"])


def test_nothing_right_is_not_a_number() -> None:
    """Without common words every error is NaN, and the coverage is 0."""
    found = compute_timing(align(words("a b"), {"one": words("x y")})).loc["one"]
    assert found["coverage"] == found["f1"] == 0
    assert found[["start_bias", "aas", "iou", "end_p99", "drift_ms_per_hour"]].isna().all()


def test_an_empty_alignment_has_all_columns() -> None:
    """The result has no rows, and the same columns."""
    full = align(words("a"), {"one": words("a")})
    found = compute_timing(full.iloc[:0])
    assert found.empty
    assert list(found) == list(compute_timing(full))
    assert found.index.name == "system"


def test_words_of_no_length() -> None:
    """A word without duration has an IoU of 1 with itself, otherwise of 0."""
    ref = pd.DataFrame({"word": ["a", "b"], "start": [1.0, 2.0], "end": [1.0, 2.0]})
    hyp = ref.assign(start=[1.0, 2.1], end=[1.0, 2.1])
    assert compute_boundary_errors(align(ref, {"one": hyp}))["iou"].tolist() == [1.0, 0.0]


def test_split_by_a_column() -> None:
    """One row per recording and system."""
    both = {
        name: pd.concat([words("a b", late=late).assign(recording=f"r{i}") for i, late in enumerate(lates)])
        for name, lates in {"ref": (0, 0), "one": (0.1, 0.2)}.items()
    }
    found = compute_timing(align(both["ref"], {"one": both["one"]}), by=["recording"])
    assert found.index.tolist() == [("one", "r0"), ("one", "r1")]
    assert found["start_bias"].tolist() == pytest.approx([0.1, 0.2])


def test_drift_is_the_slope_of_the_start_error() -> None:
    """36 ms per hour are found despite a constant shift and outliers; short recordings have no drift."""
    ref = words("w " * 800)
    hyp = ref.assign(start=ref["start"] * (1 + 1e-5) + 0.2)
    hyp.loc[::10, "start"] += 0.25
    hyp = hyp.assign(end=hyp["start"] + 0.4)
    found = compute_timing(align(ref, {"one": hyp})).loc["one"]
    assert found["drift_ms_per_hour"] == pytest.approx(36, abs=2)
    short = compute_timing(align(ref[:500], {"one": hyp[:500]})).loc["one"]
    assert np.isnan(short["drift_ms_per_hour"])


def test_theil_sen_of_many_points() -> None:
    """The slope is found even if there are too many points for all pairs."""
    time = np.sort(np.random.default_rng(1).uniform(0, 3600, 5000))
    error = 2e-5 * time + np.random.default_rng(2).normal(0, 0.02, 5000)
    assert theil_sen(time, error) == pytest.approx(2e-5, rel=0.1)
    assert np.isnan(theil_sen(np.zeros(3), np.arange(3.0)))


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["r1", "r2", "r3"]),
        st.sampled_from(["one", "two"]),
        st.sampled_from(["ok", "ok", "ok", "sub", "ins", "del"]),
        st.sampled_from("ab"),
        st.integers(0, 5),
        st.integers(-400, 400),
        st.integers(-400, 400),
        st.booleans(),
    ),
    max_size=40,
)


def made(rows: list[tuple[str, str, str, str, int, int, int, bool]]) -> pd.DataFrame:
    """An alignment with times in whole milliseconds."""
    full = []
    for position, (recording, system, op, word, place, d_start, d_end, untimed) in enumerate(rows):
        start, end = place * 1000, place * 1000 + 500
        hyp = (np.nan, np.nan) if untimed else ((start + d_start) / 1000, (end + d_end) / 1000)
        full.append((recording, system, position, op, word, word, start / 1000, end / 1000, *hyp))
    return frame_of(full)


def correct_segments(ref: list[float], hyp: list[float]) -> tuple[float, float]:
    """As in mir_eval, with loops: the shared time of the segments between starts, and their total time."""
    spans = zip(pairwise(ref), pairwise(hyp), strict=True)
    shared = [max(0.0, min(r[1], h[1]) - max(r[0], h[0])) for r, h in spans]
    return sum(shared), ref[-1] - ref[0]


def test_the_mean_over_utterances_is_not_the_mean_over_words() -> None:
    """Three errors of 10 ms, one of 90 ms in another recording: 30 ms over words, 50 ms over recordings."""
    ref = pd.concat([words("a b c").assign(recording="r1"), words("a").assign(recording="r2")])
    off = np.array([0.01, 0.01, 0.01, 0.09])
    found = compute_timing(
        align(ref, {"one": ref.assign(start=ref["start"] + off, end=ref["end"] + off)})
    ).loc["one"]
    assert (found["aas"], found["wbe"]) == (pytest.approx(0.03), pytest.approx(0.05))


def test_correct_segments_are_those_between_the_same_two_words() -> None:
    """Of 2 s between the first and the last of five words, 0.2 s are lost if one of them starts late."""
    ref = words("a b c d e")
    found = compute_timing(align(ref, {"one": ref.assign(start=ref["start"] + [0, 0, 0.2, 0, 0])})).loc["one"]
    assert found["pcs"] == pytest.approx(1.8 / 2)
    assert np.isnan(compute_timing(align(words("a"), {"one": words("a")})).loc["one", "pcs"])


def test_times_that_cannot_be_true_are_counted() -> None:
    """No duration, an end before the start, an overlap with the next word, before 0 and after the end."""
    heard = pd.DataFrame(
        {
            "word": ["a", "b", "c", "d", "e", "x"],
            "start": [-0.1, 0.5, 0.9, 1.5, 2.1, 2.6],
            "end": [0.3, 0.5, 1.6, 1.4, 2.5, 3.0005],
        }
    )
    with pytest.warns(LeftOut, match=r"system 'one': 1 word has a time before 0 \(row 0, counted from 0\)"):
        alignment = align(words("a b c d e"), {"one": heard, "none": heard.drop(columns=["start", "end"])})
    found = compute_timing(alignment, durations={"talk.wav": 3.0})
    row = found.loc["one", ["n_timed", "no_length", "overlapping", "outside"]]
    assert row.tolist() == [6, 2 / 6, 1 / 6, 1 / 6]
    assert compute_timing(alignment, durations={"talk.wav": 2.9}).loc["one", "outside"] == 2 / 6
    assert found.loc["none", "n_timed"] == 0
    assert np.isnan(found.loc["none", "outside"])


def test_durations_are_those_of_the_recordings() -> None:
    """The end of each recording is taken from `durations`."""
    ref = pd.concat([words("a b").assign(recording="short"), words("a b").assign(recording="long")])
    alignment = align(ref, {"one": ref})
    found = compute_timing(alignment, ["recording"], durations={"short": 0.5, "long": 5.0})
    assert found["outside"].to_dict() == {("one", "short"): 0.5, ("one", "long"): 0.0}


@settings(max_examples=settings.default.max_examples // 4)
@given(ROWS)
def test_parts_merge_to_the_whole(rows: list[tuple[str, str, str, str, int, int, int, bool]]) -> None:
    """The joined counts of the recordings give the same figures as all recordings at once."""
    alignment = made(rows)
    whole = summarize_timing(count_timing(alignment, systems=["one", "two"]))
    parts = [count_timing(part, systems=["one", "two"]) for _, part in alignment.groupby("recording")]
    merged = summarize_timing(pd.concat([count_timing(alignment.iloc[:0]), *parts], ignore_index=True))
    pd.testing.assert_frame_equal(merged.sort_index(), whole.sort_index(), check_exact=True)


@settings(max_examples=settings.default.max_examples // 4)
@given(ROWS)
def test_figures_are_those_of_the_words(rows: list[tuple[str, str, str, str, int, int, int, bool]]) -> None:
    """Compared with numpy on the errors of the words."""
    alignment = made(rows)
    found = compute_timing(alignment, common=False)
    for system, words_of in alignment.groupby("system"):
        pairs = words_of[(words_of["op"] == "ok") & words_of["hyp_start"].notna()]
        error = (pairs["hyp_start"] - pairs["ref_start"]).round(6).to_numpy()
        row = found.loc[system]
        assert row["n_compared"] == len(error)
        assert row["n_ref"] == (words_of["op"] != "ins").sum()
        if len(error):
            assert row["start_bias"] == pytest.approx(np.median(error))
            assert row["start_p95"] == pytest.approx(np.percentile(np.abs(error), 95))
            assert row["start_within_100_ms"] == pytest.approx(np.mean(np.abs(error) <= 0.1))
            sizes = pairs[["hyp_start", "hyp_end"]].to_numpy() - pairs[["ref_start", "ref_end"]].to_numpy()
            means = pd.Series(np.abs(sizes).mean(axis=1), pairs.index).groupby(pairs["recording"]).mean()
            assert row["wbe"] == pytest.approx(means.mean(), abs=1e-6)
            starts = pairs.sort_values("ref_start", kind="stable").groupby("recording")
            each = [correct_segments(w["ref_start"].tolist(), w["hyp_start"].tolist()) for _, w in starts]
            shared, span = map(sum, zip(*each, strict=True))
            assert (row["pcs"] == pytest.approx(shared / span)) if span else np.isnan(row["pcs"])


def test_errors_say_what_is_wrong() -> None:
    """A missing column, a wrong dtype, a collar below zero."""
    alignment = align(words("a"), {"one": words("a")})
    with pytest.raises(SchemaError, match="alignment: column 'op' is missing; there are system, position"):
        compute_timing(alignment.drop(columns="op"))
    with pytest.raises(SchemaError, match="alignment: column 'hyp_end' is object, not float64"):
        compute_timing(alignment.astype({"hyp_end": "object"}))
    with pytest.raises(SchemaError, match="alignment: column 'speaker' is missing"):
        compute_timing(alignment, by=["speaker"])
    with pytest.raises(SchemaError, match="alignment: column 'call' is missing"):
        compute_timing(alignment, units=["call"])
    with pytest.raises(ConfigError, match=r"collar must be a number from 0 to 1,000,000, not -0.1"):
        compute_timing(alignment, collar=-0.1)
