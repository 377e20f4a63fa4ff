"""`sk.wer`: the rate, counts and alignment of texts in one call."""

import math
import random

import jiwer
import numpy as np
import pandas as pd
import pytest

import speechkit_nb as sk
from speechkit_nb.errors import ConfigError, EvaluationError
from speechkit_nb.evaluate import ALIGNMENT, ErrorRate

PAIRS = [
    ("a b c", "a b c"),
    ("a b c", "a x c d"),
    ("a b c", ""),
    ("a", "a b c d"),
    ("the cat sat on the mat", "the cat sat mat"),
]


@pytest.mark.parametrize(("reference", "hypothesis"), PAIRS)
def test_rate_and_counts_of_a_text_are_those_of_jiwer(reference, hypothesis):
    """If there is only one best alignment, all counts are equal."""
    ours, theirs = sk.wer(reference, hypothesis), jiwer.process_words(reference, hypothesis)
    for name in ("hits", "substitutions", "deletions", "insertions"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.rate == float(ours) == pytest.approx(theirs.wer)
    assert ours.n_words == len(reference.split())


def test_the_rate_of_many_texts_is_that_of_jiwer():
    """Errors and words of all texts are added, then divided; there are at least as many hits."""
    rng = random.Random(7)
    refs, hyps = ([" ".join(rng.choices("abcd", k=rng.randint(1, 9))) for _ in range(200)] for _ in "rh")
    ours, theirs = sk.wer(refs, hyps), jiwer.process_words(refs, hyps)
    assert ours.rate == pytest.approx(theirs.wer)
    assert ours.errors == theirs.substitutions + theirs.deletions + theirs.insertions
    assert ours.hits >= theirs.hits
    assert ours.alignment["utterance"].drop_duplicates().tolist() == list(range(200))


def test_an_empty_reference_has_no_rate():
    """The rate is NaN, where jiwer returns 0 or the number of insertions; the counts are the same."""
    for hypothesis, theirs in (("", 0), ("a b", 2)):
        ours = sk.wer("", hypothesis)
        assert math.isnan(ours.rate)
        assert math.isnan(float(ours))
        assert jiwer.wer("", hypothesis) == theirs == ours.insertions == ours.errors
    assert repr(sk.wer("", "a b")) == (
        "WER nan (2 errors in 0 words: 0 hits, 0 substitutions, 0 deletions, 2 insertions)"
    )
    assert sk.wer(["", "a"], ["x", "a"]).rate == 1.0
    assert math.isnan(sk.wer([], []).rate)


def test_the_result_is_a_value():
    """It is immutable, results with the same counts are equal, and counts can be added."""
    result = sk.wer("a b c d", "a x c d")
    assert (
        repr(result) == "WER 25.00% (1 error in 4 words: 3 hits, 1 substitution, 0 deletions, 0 insertions)"
    )
    assert result == sk.wer("a b c d", "a b c x")
    assert result.counts + result.counts == ErrorRate(hits=6, substitutions=2)
    with pytest.raises(AttributeError, match="cannot assign to field 'hits'"):
        result.hits = 4
    assert list(result.alignment) == list(ALIGNMENT)
    assert result.alignment["op"].tolist() == ["ok", "sub", "ok", "ok"]


def test_words_are_compared_after_normalization():
    """The normalizer is given by name, as a function, or as a `Normalizer`."""
    reference, hypothesis = "I'm here, OK?", "i'm here ok"
    assert sk.wer(reference, hypothesis).errors == 3
    assert sk.wer(reference, hypothesis, normalizer="en").errors == 0
    assert sk.wer("A", "a", str.lower).errors == 0
    assert sk.wer("five", "5", sk.normalizer("en", numbers="digits")).errors == 0
    with pytest.raises(EvaluationError, match="'en' left none of the 1 words of system 'hypothesis'"):
        sk.wer("a", "!", normalizer="en")


def test_frames_and_transcripts_have_a_rate():
    """Words are compared within their recording and channel; arrays and series are lists of texts."""
    said = pd.DataFrame({"recording": ["r", "s"], "text": ["a b", "c"]})
    heard = pd.DataFrame({"recording": ["s", "r", "r"], "word": ["c", " a", "x"]})
    assert sk.wer(said, heard).errors == 1
    assert sk.wer("a x", heard[heard["recording"] == "r"]).errors == 0
    assert sk.wer(said["text"], np.array(["a b", "x"])).errors == 1
    assert math.isnan(sk.wer(sk.Transcript([]), "").rate)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "message"),
    [
        (None, "a", "the reference is of type NoneType; it can be a text, a frame"),
        ({"a": 1}, "a", "the reference is of type dict"),
        ("a", b"a", "system 'hypothesis' is of type bytes"),
        (
            ["a", "b"],
            ["a"],
            "reference is a list of 2 texts, hypothesis is a list of 1 text: give two texts, or two",
        ),
        ("a", ["a"], "reference is one text, hypothesis is a list of 1 text: give two texts"),
        (["a", None], ["a", "b"], r"reference\[1\] is None; it must be a string"),
        (["a"], [3], r"hypothesis\[0\] is 3; it must be a string"),
    ],
)
def test_texts_that_do_not_fit_are_refused(reference, hypothesis, message):
    """The error names both sides, or the text."""
    with pytest.raises(ConfigError, match=message):
        sk.wer(reference, hypothesis)


def test_align_is_a_public_name():
    """`sk.align` pairs the words of several systems."""
    assert sk.align("a b", {"one": "a", "two": "a b"})["op"].tolist() == ["ok", "del", "ok", "ok"]
