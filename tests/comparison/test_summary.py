"""`summary` and `pairs` have the same columns and values in `compare` and `score`."""

import numpy as np
import pandas as pd
import pytest

import speechkit_nb as sk
from speechkit_nb.evaluate import PAIR_COLUMNS, SUMMARY

SYSTEMS = ["one", "two", "three"]
DRAWN = ["poi", "bootstrap_p", "swap_p", "p_holm", "holm_of"]
"""Resampling tests, which cannot be computed from sums: in `score` the ratio estimator decides."""

TEXTS = ["words", "recordings"]
"""Contributions to a difference, which cannot be computed from sums."""


def make_table(n_utterances: int) -> pd.DataFrame:
    """Texts of a reference and of three systems with some wrong words."""
    rng = np.random.default_rng(1)
    rows = []
    for number in range(n_utterances):
        words = rng.choice(["a", "b", "c", "dd", "eee"], rng.integers(1, 7)).tolist()
        heard = [[w for w in words if rng.random() > 0.2] + ["x"] * (rng.random() < 0.3) for _ in SYSTEMS]
        rows.append((f"r{number:02}", f"s{number % 7}", *map(" ".join, [words, *heard])))
    return pd.DataFrame(rows, columns=["recording", "speaker", "reference", *SYSTEMS]).astype("str")


def compare_texts(table: pd.DataFrame, **options: object) -> sk.Comparison:
    frames = {name: table[["recording", "speaker"]].assign(text=table[name]) for name in SYSTEMS}
    reference = table[["recording", "speaker"]].assign(text=table["reference"])
    return sk.compare(frames, reference, **options)


def assert_same(one: pd.DataFrame, other: pd.DataFrame, but: list[str]) -> None:
    """Assert equal columns, order, dtypes and, except in the columns `but`, values."""
    assert list(one.columns) == list(other.columns)
    assert one.dtypes.to_dict() == other.dtypes.to_dict()
    pd.testing.assert_frame_equal(one.drop(columns=but), other.drop(columns=but), rtol=1e-12)


def test_texts_have_the_same_summary_and_pairs():
    """All values are equal that can be computed from sums."""
    table = make_table(20)
    scores, comparison = sk.score(table, systems=SYSTEMS), compare_texts(table)
    assert list(comparison.summary) == list(SUMMARY)
    assert list(comparison.pairs) == list(PAIR_COLUMNS)
    assert_same(comparison.summary, scores.summary, but=[])
    assert_same(comparison.pairs, scores.pairs, but=[*DRAWN, *TEXTS])
    pd.testing.assert_frame_equal(comparison.timing, scores.timing, check_index_type=False)
    assert scores.pairs[["poi", "bootstrap_p", "swap_p", *TEXTS]].isna().all(axis=None)
    assert comparison.pairs[[*DRAWN, *TEXTS]].notna().all(axis=None)


def test_groups_have_the_same_summary():
    """Intervals are over speakers; `compare` uses the swap test, and `score` the ratio estimator."""
    table = make_table(20)
    scores = sk.score(table, systems=SYSTEMS, group="speaker")
    comparison = compare_texts(table, groups="speaker")
    assert comparison.summary["n_groups"].tolist() == [7, 7, 7]
    assert_same(comparison.summary, scores.summary, but=[])
    assert_same(comparison.pairs, scores.pairs, but=[*DRAWN, *TEXTS])
    assert scores.pairs["holm_of"].unique().tolist() == ["ratio"]


@pytest.mark.parametrize("untimed", [[], ["two"]], ids=["all have times", "one has none"])
def test_words_with_times_have_the_same_summary(tmp_path, untimed):
    """Also timing, if utterances are not divided at pauses; a system without times has none."""
    table, frames = make_table(20), {}
    for place, name in enumerate(["reference", *SYSTEMS]):
        words = table.assign(word=table[name].str.split())[["recording", "word"]].explode("word")
        words = words.dropna().reset_index(drop=True).astype("str")
        start = words.groupby("recording").cumcount() * 0.5 + 0.01 * place
        frames[name] = words if name in untimed else words.assign(start=start, end=start + 0.4)
        sk.write_part(tmp_path, name, frames[name], part="all", recordings=table["recording"].tolist())
    scores = sk.score(tmp_path, systems=SYSTEMS)
    given = {name: frames[name] for name in SYSTEMS}
    comparison = sk.compare(given, frames["reference"], pause=None, missing="empty")
    assert_same(comparison.summary, scores.summary, but=[])
    assert_same(comparison.pairs, scores.pairs, but=[*DRAWN, *TEXTS])
    assert scores.summary["aas"].isna().to_dict() == {name: name in untimed for name in SYSTEMS}
    pd.testing.assert_frame_equal(comparison.timing, scores.timing)


def test_what_is_nowhere_has_the_same_columns():
    """Without any words, or for one system alone, `summary` has the same columns; unknown rates are NaN."""
    silence = sk.compare({"a": "", "b": ""}, "").summary
    assert silence["n_utterances"].tolist() == [0, 0]
    assert silence[["wer", "cer", "ser", "mer", "wil", "aas"]].isna().all(axis=None)
    alone = sk.compare({"a": "x"}, "x y").summary
    assert list(silence) == list(alone) == list(SUMMARY)
    assert alone.loc["a", ["deletions", "n_utterances", "ser"]].tolist() == [1, 1, 1]
    assert alone.dtypes.to_dict() == sk.compare({"a": "x"}, "x").summary.dtypes.to_dict()
