"""Error rates: counts are added before rates are computed."""

import math
import random

import jiwer
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechkit_nb.errors import ConfigError, SchemaError
from speechkit_nb.evaluate import (
    ErrorRate,
    add_rates,
    align,
    compute_character_rates,
    compute_utterance_rates,
    compute_word_rates,
    count_confusions,
    count_total,
    count_words,
)

rates = st.builds(ErrorRate, *[st.integers(0, 1000)] * 4)


def texts_frame(*texts):
    keys = [str(number) for number in range(len(texts))]
    return pd.DataFrame({"recording": keys, "text": list(texts)}, dtype="str")


@given(rates, rates)
def test_rates_of_a_sum_are_those_of_all_words(one, other):
    """The sum has the counts of both parts; its rate is between theirs."""
    both = sum([one, other], ErrorRate())
    assert (both.n_ref, both.n_hyp, both.errors) == (
        one.n_ref + other.n_ref,
        one.n_hyp + other.n_hyp,
        one.errors + other.errors,
    )
    if one.n_ref and other.n_ref:
        assert min(one.wer, other.wer) - 1e-12 <= both.wer <= max(one.wer, other.wer) + 1e-12
        assert 0 <= both.mer <= 1


def test_an_empty_reference_has_no_rate():
    """Insertions are counted, but there is no rate, which the repr states."""
    made_up = ErrorRate(insertions=3)
    assert (made_up.wer, made_up.mer, made_up.wil, made_up.rate) == (None, None, None, None)
    assert "no rate, the reference is empty" in repr(made_up)
    assert (made_up + ErrorRate(hits=3)).wer == 1


def test_rates_are_never_averaged():
    """Division, negative counts and other types raise errors; that of division shows the right way."""
    with pytest.raises(
        TypeError, match=r"error rates are added, not averaged: sum\(rates, ErrorRate\(\)\)\.rate"
    ):
        np.mean([ErrorRate(hits=1), ErrorRate(deletions=1)])
    with pytest.raises(ValueError, match="counts are 0 or more, not"):
        ErrorRate(hits=-1)
    with pytest.raises(TypeError, match="unsupported operand"):
        ErrorRate() + 1


def test_rates_are_those_of_jiwer():
    """WER, CER and SER of 300 texts are jiwer's; MER and WIL follow its formulas for the same counts."""
    rng = random.Random(3)
    refs = [" ".join(rng.choices(["ab", "b", "cc", "da"], k=rng.randint(1, 9))) for _ in range(300)]
    hyps = [" ".join(rng.choices(["ab", "b", "cc", "da"], k=rng.randint(1, 9))) for _ in range(300)]
    hyps[:100] = refs[:100]
    alignment = align(texts_frame(*refs), {"x": texts_frame(*hyps)})
    row = compute_word_rates(alignment).iloc[0]
    assert row["wer"] == pytest.approx(jiwer.wer(refs, hyps))
    assert compute_character_rates(alignment).loc[0, "cer"] == pytest.approx(jiwer.cer(refs, hyps))
    wrong = sum(ref != hyp for ref, hyp in zip(refs, hyps, strict=True))
    assert compute_utterance_rates(alignment).loc[0, ["n_utterances", "n_wrong", "ser"]].tolist() == [
        300,
        wrong,
        wrong / 300,
    ]


@pytest.mark.parametrize("hyp", ["a b c", "a x c d", "", "x y z"])
def test_match_error_rate_and_information_lost_are_those_of_jiwer(hyp):
    """If there is only one best alignment, all rates are equal."""
    theirs = jiwer.process_words("a b c", hyp)
    ours = count_total(align("a b c", {"x": hyp}))
    assert (ours.wer, ours.mer, ours.wil) == pytest.approx((theirs.wer, theirs.mer, theirs.wil))
    row = compute_word_rates(align("a b c", {"x": hyp})).iloc[0]
    assert (row["wer"], row["mer"], row["wil"]) == pytest.approx((ours.wer, ours.mer, ours.wil))


def test_rates_are_by_any_column():
    """Counts can be grouped by a column merged into the alignment; insertions belong to their utterance."""
    alignment = align(
        texts_frame("a b", "c", ""), {"x": texts_frame("a", "c d", "e"), "y": texts_frame("a b", "", "")}
    )
    speakers = pd.DataFrame({"recording": ["0", "1", "2"], "speaker": ["s", "s", "t"]}, dtype="str")
    found = compute_word_rates(alignment.merge(speakers), ["system", "speaker"])
    assert found[["system", "speaker", "errors", "n_words"]].to_numpy().tolist() == [
        ["x", "s", 2, 3],
        ["x", "t", 1, 0],
        ["y", "s", 1, 3],
    ]
    assert math.isnan(found.loc[1, "wer"])
    assert found.loc[0, "wer"] == pytest.approx(2 / 3)
    by_file = count_words(alignment, ["system", "recording"])
    summed = add_rates(by_file.groupby("system")[["hits", "substitutions", "insertions", "deletions"]].sum())
    assert summed["wer"].tolist() == compute_word_rates(alignment)["wer"].tolist() == [1.0, 1 / 3]


def test_a_column_may_hold_missing_values():
    """Rows without metadata are a separate group, and are not lost."""
    alignment = align(texts_frame("a", "b"), {"x": texts_frame("a", "c")})
    alignment["snr"] = [10.0, np.nan]
    assert compute_word_rates(alignment, ["snr"])["n_words"].tolist() == [1, 1]


def test_characters_are_counted_with_or_without_spaces():
    """A space between words is a character, unless `spaces` is False."""
    alignment = align("ab c", {"x": "abc"})
    assert compute_character_rates(alignment)[["n_characters", "errors"]].to_numpy().tolist() == [[4, 1]]
    assert compute_character_rates(alignment, spaces=False)[
        ["n_characters", "errors"]
    ].to_numpy().tolist() == [[3, 0]]


def test_characters_of_an_empty_side_are_all_errors():
    """If the system recognized nothing, all characters of the utterance are counted."""
    alignment = align(texts_frame("ab", ""), {"x": texts_frame("", "cde")})
    row = compute_character_rates(alignment).iloc[0]
    assert row[["hits", "substitutions", "insertions", "deletions"]].tolist() == [0, 0, 3, 2]


def test_confusions_count_what_is_taken_for_what():
    """Sorted by frequency; words without a partner have a missing value."""
    alignment = align(texts_frame("a b", "a", "c"), {"x": texts_frame("x b", "x", "c y")})
    found = count_confusions(alignment)
    assert found.astype(object).where(found.notna(), None).to_numpy().tolist() == [
        ["x", "sub", "a", "x", 2],
        ["x", "ins", None, "y", 1],
    ]


def test_an_alignment_without_rows_has_no_groups():
    """Without words on both sides there are no rows, but all columns."""
    nothing = align("", {"x": ""})
    assert count_total(nothing) == ErrorRate()
    assert compute_word_rates(nothing).empty
    assert list(compute_word_rates(nothing)) == list(compute_word_rates(align("a", {"x": "a"})))
    assert compute_utterance_rates(nothing).empty
    assert compute_character_rates(nothing).empty
    assert count_confusions(nothing).empty


def test_columns_that_are_not_there_are_named():
    """The error names the column and lists the existing ones."""
    alignment = align("a", {"x": "a"})
    with pytest.raises(
        SchemaError, match="alignment: no column 'speaker' to group by; there are system, position"
    ):
        compute_word_rates(alignment, ["speaker"])
    with pytest.raises(SchemaError, match="alignment: column 'system' is missing"):
        count_total(alignment.drop(columns="system"))
    with pytest.raises(
        ConfigError, match=r"by is empty; name the columns to group by, or take count_total\(\)"
    ):
        compute_word_rates(alignment, [])
