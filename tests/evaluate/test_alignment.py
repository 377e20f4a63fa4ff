"""Alignments are optimal and the same from every kernel; invalid and unusual input."""

import random
import sys
from itertools import product

import jiwer
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from meeteval.wer.matching.cy_levenshtein import time_constrained_levenshtein_distance

from speechkit_nb import tables
from speechkit_nb.errors import ConfigError, EvaluationError, MissingExtra, SchemaError, Untimed
from speechkit_nb.evaluate import ALIGNMENT, align, normalizer, number_words
from speechkit_nb.evaluate.alignment import timed, timed_numba, timed_numpy
from speechkit_nb.evaluate.alignment.pairs import Edits, TokenColumns
from speechkit_nb.evaluate.alignment.timed import Kernel, align_table, align_timed
from speechkit_nb.evaluate.alignment.timed_table import build_table, limit_by_errors, limit_by_time
from speechkit_nb.evaluate.alignment.untimed import align_text, count_fewest_errors
from speechkit_nb.evaluate.arrays import make_offsets

KERNELS = {
    "numpy": timed_numpy.fill,
    "numba": timed_numba.fill,
}
word = st.tuples(st.sampled_from("abcd"), st.integers(0, 3000), st.integers(0, 600))
timed_words = st.lists(word, max_size=8)
several_pairs = st.lists(st.tuples(timed_words, timed_words), min_size=1, max_size=4)
collars_us = st.sampled_from([None, 0, 100_000, 500_000])


def textbook(ref, hyp, collar=None, timed=True):
    """The lowest cost (errors, substitutions, sum of distances in ms), by the whole table in plain Python.

    Words are (text, start, duration) in milliseconds.
    """
    best = {(0, 0): (0, 0, 0)}
    for i, j in product(range(len(ref) + 1), range(len(hyp) + 1)):
        ways = [(e + 1, s, t) for e, s, t in filter(None, (best.get((i - 1, j)), best.get((i, j - 1))))]
        if i and j and (collar is None or overlap(ref[i - 1], hyp[j - 1], collar)):
            e, s, t = best[i - 1, j - 1]
            wrong = ref[i - 1][0] != hyp[j - 1][0]
            ways.append((e + wrong, s + wrong, t + timed * distance(ref[i - 1], hyp[j - 1])))
        if ways:
            best[i, j] = min(ways)
    return best[len(ref), len(hyp)]


def overlap(ref, hyp, collar):
    return ref[1] < hyp[1] + hyp[2] + collar and ref[1] + ref[2] > hyp[1] - collar


def distance(ref, hyp):
    """Distance between the middles of two words, each in whole milliseconds."""
    return abs((2 * ref[1] + ref[2]) // 2 - (2 * hyp[1] + hyp[2]) // 2)


def cost(alignment, timed=True):
    """The cost of an `alignment` frame as in `textbook`; also checks that its rows agree with their `op`."""
    equal = alignment.ref_word == alignment.hyp_word
    paired = alignment.op.isin(["ok", "sub"])
    assert (equal == (alignment.op == "ok")).all()
    assert (alignment.ref_word.isna() == (alignment.op == "ins")).all()
    assert (alignment.hyp_word.isna() == (alignment.op == "del")).all()
    middles = [
        np.floor((alignment[f"{side}_start"] + alignment[f"{side}_end"])[paired] * 500 + 1e-6)
        for side in ("ref", "hyp")
    ]
    apart = int((middles[0] - middles[1]).abs().sum()) if timed else 0
    return int((alignment.op != "ok").sum()), int((alignment.op == "sub").sum()), apart


def words_frame(utterances):
    """A frame of words with times in seconds; each utterance is a recording."""
    rows = [
        (str(n), text, s / 1000, (s + d) / 1000) for n, words in enumerate(utterances) for text, s, d in words
    ]
    frame = pd.DataFrame(rows, columns=["recording", "word", "start", "end"])
    return frame.astype({"recording": "str", "word": "str", "start": "float64", "end": "float64"})


def texts_frame(texts, **columns):
    frame = pd.DataFrame({"recording": [str(n) for n in range(len(texts))], "text": texts}, dtype="str")
    return frame.assign(**columns)


def side_of(utterances, timed=True):
    """The same words in columns, the input of the kernels."""
    flat = [word for words in utterances for word in words]
    ids = np.array([ord(text) for text, _, _ in flat], np.int64)
    offsets = make_offsets(np.array([len(words) for words in utterances], np.int64))
    if not timed:
        return TokenColumns(ids, offsets)
    start = np.array([start for _, start, _ in flat], np.int64) * 1000
    return TokenColumns(
        ids, offsets, start, start + np.array([length for _, _, length in flat], np.int64) * 1000
    )


def random_words(rng, n_words, letters="abcdef"):
    """Words sorted by start, some of them overlapping, some without duration."""
    starts = np.cumsum([rng.randint(0, 500) for _ in range(n_words)]).tolist()
    return [(rng.choice(letters), start, rng.choice([0, 200, 600])) for start in starts]


@given(
    st.lists(st.tuples(timed_words, timed_words), min_size=1, max_size=4),
    st.sampled_from([None, 0, 0.1, 0.5]),
)
def test_the_alignment_is_the_best_there_is(pairs, collar):
    """Fewest errors, then most matches, then closest in time, as in the whole table in plain Python."""
    sides = [words_frame(side) for side in zip(*pairs, strict=True)]
    alignment = align(sides[0], {"x": sides[1]}, collar=collar, missing="empty")
    for number, (ref, hyp) in enumerate(pairs):
        found = alignment[alignment.recording == str(number)]
        assert cost(found) == textbook(ref, hyp, None if collar is None else collar * 1000)


@pytest.mark.parametrize("collar", [0, 200, 1000])
def test_errors_are_those_of_meeteval(collar):
    """With a collar, errors are equal to MeetEval's time-constrained distance in 1,000 random pairs each."""
    rng = random.Random(collar)
    pairs = [[random_words(rng, rng.randint(0, 25)) for _ in "rh"] for _ in range(1000)]
    sides = [side_of(side) for side in zip(*pairs, strict=True)]
    edits = align_timed(*sides, errors=None, collar_us=collar * 1000)
    ends = make_offsets(edits.counts)
    for number, (ref, hyp) in enumerate(pairs):
        errors = np.count_nonzero(edits.ops[ends[number] : ends[number + 1]])
        assert errors == meeteval_distance(ref, hyp, collar)


def meeteval_distance(ref, hyp, collar):
    spans = [(start, start + length) for _, start, length in ref]
    wider = [(start - collar, start + length + collar) for _, start, length in hyp]
    texts = ([text for text, _, _ in words] for words in (ref, hyp))
    return (
        time_constrained_levenshtein_distance(*texts, spans, wider, prune=False)
        if ref and hyp
        else len(ref or hyp)
    )


@given(several_pairs)
def test_words_in_any_order_are_aligned_as_they_stand(pairs):
    """Words that are not sorted by time keep their order; MeetEval without pruning gives the same errors."""
    sides = [side_of(side) for side in zip(*pairs, strict=True)]
    edits = align_timed(*sides, errors=None, collar_us=100_000)
    ends = make_offsets(edits.counts)
    for number, (ref, hyp) in enumerate(pairs):
        errors = np.count_nonzero(edits.ops[ends[number] : ends[number + 1]])
        assert errors == meeteval_distance(ref, hyp, 100)


def test_errors_are_those_of_jiwer():
    """Without times, as many errors as jiwer, and at least as many hits, in 3,000 random pairs."""
    rng = random.Random(1)
    texts = [[" ".join(rng.choices("abcde", k=rng.randint(1, 12))) for _ in range(3000)] for _ in "rh"]
    alignment = align(texts_frame(texts[0]), {"x": texts_frame(texts[1])})
    ours = alignment.groupby(alignment.recording.astype(int)).op.value_counts().unstack()
    theirs = [jiwer.process_words(*pair) for pair in zip(*texts, strict=True)]
    errors = [each.substitutions + each.insertions + each.deletions for each in theirs]
    assert ours[["sub", "ins", "del"]].sum(axis=1).tolist() == errors
    assert (ours["ok"] >= [each.hits for each in theirs]).all()
    assert ours["ok"].sum() > sum(each.hits for each in theirs)


@given(several_pairs)
def test_text_alone_has_most_matches_of_fewest_errors(pairs):
    """Without times, the first two parts of the cost are minimal, too."""
    frames = [
        texts_frame([" ".join(w[0] for w in words) for words in side]) for side in zip(*pairs, strict=True)
    ]
    alignment = align(frames[0], {"x": frames[1]})
    for number, (ref, hyp) in enumerate(pairs):
        found = alignment[alignment.recording == str(number)]
        assert cost(found, timed=False) == textbook(ref, hyp, timed=False)


@given(
    timed_words, timed_words, st.sampled_from([None, 0, 100_000, 500_000]), st.sampled_from([1, 9, 1 << 20])
)
def test_every_kernel_finds_the_same_alignment(ref, hyp, collar_us, block):
    """The whole table, a band, blocks and compiled code give the same operations, not only the same cost."""
    whole = build_table(side_of([ref]), side_of([hyp]), collar_us)
    expected = align_table(whole, "numpy").ops.tolist()
    if collar_us is None:
        banded = limit_by_errors(whole, int(np.count_nonzero(expected)))
    else:
        banded = limit_by_time(whole)
    for (name, fill), table in product(KERNELS.items(), (whole, banded)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(timed, "_choose_kernel", lambda *_, made=(fill, block): Kernel(*made))
            assert align_table(table).ops.tolist() == expected, name


@given(several_pairs, st.sampled_from([None, 0, 500_000]))
def test_pairs_are_aligned_together_as_each_alone(pairs, collar_us):
    """A table of several pairs gives each pair the same operations as a table of one pair."""
    together = align_table(build_table(*map(side_of, zip(*pairs, strict=True)), collar_us), "numpy")
    alone = [align_table(build_table(*(side_of([each]) for each in pair), collar_us)) for pair in pairs]
    assert together.counts.tolist() == [len(each.ops) for each in alone]
    assert together.ops.tolist() == [op for each in alone for op in each.ops.tolist()]


@pytest.mark.parametrize("collar_us", [None, 300_000])
def test_a_long_pair_is_aligned_like_a_short_one(collar_us):
    """A pair that is too long for a batch gets the same operations as in a batch, compiled or not."""
    rng = random.Random(2)
    ref = random_words(rng, 250, "abcdefghijklmnop")
    hyp = [
        (rng.choice("abcd") if rng.random() < 0.2 else w, s + 40, d) for w, s, d in ref if rng.random() > 0.1
    ]
    sides = side_of([ref]), side_of([hyp])
    errors = None if collar_us else count_fewest_errors(*sides)
    whole = build_table(*sides, collar_us)
    expected = align_table(whole, "numpy").ops.tolist()
    banded = limit_by_time(whole) if errors is None else limit_by_errors(whole, int(errors[0]))
    assert banded.sizes.sum() < whole.sizes.sum() / 2
    assert sorted(align_timed(*sides, errors=errors, collar_us=collar_us).ops.tolist()) == sorted(expected)
    assert align_table(banded, "numpy").ops.tolist() == expected
    assert align_table(banded, "numba").ops.tolist() == expected


def test_numba_is_an_extra(monkeypatch):
    """If numba is requested but not installed, the error names the extra; otherwise numpy is used."""
    monkeypatch.setitem(sys.modules, "numba", None)
    sides = side_of([[("a", 0, 5)] * 300]), side_of([[("a", 0, 5)] * 299])
    table = build_table(*sides)
    assert (align_table(table).ops == 0).sum() == 299
    with pytest.raises(MissingExtra, match=r"needs the package numba: pip install 'speechkit-nb\[fast\]'"):
        align_table(table, "numba")


def test_a_vocabulary_larger_than_unicode_is_aligned():
    """Words are passed to rapidfuzz as characters, or as numbers if there are not enough characters."""
    many = 0x110000
    small, large = (TokenColumns(np.array([1, 2, 3]) + shift, np.array([0, 3])) for shift in (0, many))
    assert align_text(small, small).ops.tolist() == [0, 0, 0]
    assert align_text(large, large).ops.tolist() == [0, 0, 0]
    near = TokenColumns(np.array([0xD7FF, 0xD800, 0xD801, 0xDFFF]), np.array([0, 4]))
    assert align_text(near, TokenColumns(near.ids[[0, 2, 3]], np.array([0, 3]))).ops.tolist() == [0, 3, 0, 0]


def test_edits_of_parts_join_in_the_order_of_pairs():
    """Operations of parts of the pairs are joined in the order of the pairs."""
    one = (np.array([2, 0]), Edits(np.array([1, 1, 2], np.uint8), np.array([2, 1])))
    other = (np.array([1]), Edits.concat([np.array([3, 3], np.uint8)]))
    joined = Edits.join([one, other], 3)
    assert (joined.ops.tolist(), joined.counts.tolist()) == ([2, 3, 3, 1, 1], [1, 2, 2])


def test_the_frame_keeps_its_schema():
    """Columns and dtypes follow the schema, with words, without words, and for several systems."""
    nothing = pd.DataFrame({"recording": pd.Series(dtype="str"), "word": pd.Series(dtype="str")})
    for alignment in (
        align("a b", {"x": "b"}),
        align("", {"x": "", "y": ""}),
        align(nothing, {"x": nothing}),
        align(words_frame([[("a", 0, 5)]]), {"x": words_frame([[("a", 0, 5)]])}),
    ):
        tables.check(alignment, ALIGNMENT)
        assert list(alignment.columns)[-len(ALIGNMENT) :] == list(ALIGNMENT)
        assert isinstance(alignment.index, pd.RangeIndex)


def test_words_keep_their_times():
    """Each row has the words and times of both sides; missing values if a side has no word."""
    ref = words_frame([[("a", 0, 100), ("b", 200, 100)]])
    hyp = words_frame([[("a", 10, 100), ("c", 150, 20), ("b", 220, 100)]])
    row = align(ref, {"x": hyp}).set_index("op").astype(object)
    assert row.loc["ins", "ref_word":].isna().tolist() == [True, False, True, True, False, False]
    assert row.loc["ins", ["hyp_word", "hyp_start", "hyp_end"]].tolist() == ["c", 0.15, 0.17]
    assert row.loc["ok", ["ref_start", "hyp_start"]].to_numpy().tolist() == [[0.0, 0.01], [0.2, 0.22]]


def test_systems_share_one_frame():
    """Rows of several systems are concatenated; reference words have the same numbers in all of them."""
    alignment = align("a b c", {"one": "a c", "two": "a x b c"})
    assert alignment.groupby("system", sort=False).position.agg(list).tolist() == [[0, 1, 2], [0, 1, 2, 3]]
    numbers = number_words(alignment, "ref")
    words = alignment[numbers >= 0].groupby(numbers[numbers >= 0]).ref_word.unique()
    assert [each.tolist() for each in words] == [["a"], ["b"], ["c"]]
    assert number_words(alignment, "hyp").tolist() == [0, -1, 1, 0, 1, 2, 3]


def test_time_decides_between_equal_alignments():
    """Of two alignments with equally many errors and matches, the one with words closer in time is chosen."""
    ref = words_frame([[("no", 0, 100), ("no", 1000, 100)]])
    alignment = align(ref, {"x": words_frame([[("no", 20, 100)]]), "y": words_frame([[("no", 990, 100)]])})
    assert alignment.groupby("system").op.agg(list).tolist() == [["ok", "del"], ["del", "ok"]]


def test_a_collar_keeps_distant_words_apart():
    """Equal words that do not overlap are a deletion and an insertion."""
    ref, hyp = words_frame([[("a", 0, 100)]]), words_frame([[("a", 350, 100)]])
    assert align(ref, {"x": hyp}, collar=0.2).op.tolist() == ["del", "ins"]
    assert align(ref, {"x": hyp}, collar=0.3).op.tolist() == ["ok"]
    assert align(ref, {"x": hyp}).op.tolist() == ["ok"]


def test_words_of_a_gap_stand_in_the_order_of_their_times():
    """Deletions and insertions between two paired words are sorted by time."""
    ref = words_frame([[("a", 0, 10), ("b", 100, 10), ("c", 300, 10), ("d", 900, 10)]])
    hyp = words_frame([[("a", 0, 10), ("x", 200, 10), ("y", 400, 10), ("d", 900, 10)]])
    alignment = align(ref, {"x": hyp}, collar=0)
    assert alignment.ref_word.fillna(alignment.hyp_word).tolist() == ["a", "b", "x", "c", "y", "d"]


def test_words_without_times_are_aligned_by_words_and_it_is_said():
    """Without times on a side, the collar is not applied; a warning reports the number of utterances."""
    ref = words_frame([[("a", 0, 100)], [("a", 0, 100)]])
    hyp = words_frame([[("a", 9000, 100)], [("a", 9000, 100)]])
    hyp.loc[1, "start"] = np.nan
    with pytest.warns(Untimed, match="system 'x': 1 of 2 utterances are aligned by words alone"):
        alignment = align(ref, {"x": hyp}, collar=0.1)
    assert alignment.op.tolist() == ["del", "ins", "ok"]
    assert alignment.attrs["untimed"] == {"x": 1}
    with pytest.warns(Untimed, match="2 of 2 utterances"):
        align(ref, {"x": hyp[["recording", "word"]]}, collar=0.1)


def test_utterances_are_told_apart_by_recording_and_channel():
    """Words of different channels are never paired, in any order of the rows."""
    ref = words_frame([[("a", 0, 9), ("b", 10, 9), ("c", 20, 9)]]).assign(channel_tag=["0", "1", "0"])
    ref["channel_tag"] = ref["channel_tag"].astype("str")
    alignment = align(ref, {"x": ref.iloc[[1, 0, 2]]})
    assert alignment.op.eq("ok").all()
    assert list(alignment[["channel_tag", "ref_word"]].itertuples(index=False, name=None)) == [
        ("0", "a"),
        ("0", "c"),
        ("1", "b"),
    ]


def test_only_the_first_alternative_is_scored():
    """Alternatives of a final after the first are ignored."""
    hyp = words_frame([[("a", 0, 9), ("b", 0, 9)]]).assign(alternative=[0, 1])
    assert align("a", {"x": hyp}, by=()).op.tolist() == ["ok"]


def test_missing_utterances_are_never_scored_silently():
    """An utterance of only one side raises an error that names it; with `"empty"` it is empty."""
    three, two = texts_frame(["a", "b", "c"]), texts_frame(["a", "b"])
    with pytest.raises(EvaluationError, match=r"'x' lacks 1 of 3 utterances \(by recording: \('2',\)\)"):
        align(three, {"x": two})
    with pytest.raises(EvaluationError, match="the reference lacks, for system 'x', 1 of 3 utterances"):
        align(two, {"x": three})
    assert align(three, {"x": two}, missing="empty").op.tolist() == ["ok", "ok", "del"]
    assert align(two, {"x": three}, missing="empty").op.tolist() == ["ok", "ok", "ins"]


def test_the_order_of_utterances_does_not_matter():
    """Utterances are matched by their keys."""
    ref = texts_frame(["a b", "c", ""])
    alignment = align(ref, {"x": ref.iloc[[2, 1, 0]]})
    assert alignment.ref_word.tolist() == ["a", "b", "c"]
    assert alignment.op.eq("ok").all()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            texts_frame(["a", "b"]).assign(recording="r"),
            "system 'x' has several texts with recording: 'r'; join",
        ),
        (
            texts_frame(["a"]).drop(columns="text"),
            "system 'x': there is neither a column word nor text; there are recording",
        ),
        (texts_frame(["a"]).assign(text=[["a"]]), "system 'x': column 'text' is object, not text, whole"),
        (texts_frame(["a", None]), "system 'x': 1 of 2 rows have no text"),
        (texts_frame([]).assign(start=1.0), "system 'x' lacks 1 of 1 utterances"),
        (words_frame([[("a", 0, 1)]]).assign(start=["0"]), "'x': column 'start' is str, not seconds"),
    ],
)
def test_frames_that_cannot_be_used_are_refused(given, says):
    """The error names the system and the column."""
    with pytest.raises(SchemaError, match=says):
        align(texts_frame(["a"]).astype("str"), {"x": given})


def test_several_recordings_need_a_key_on_both_sides():
    """A text has no recording, so it cannot be the reference of two; a named key column must exist."""
    with pytest.raises(SchemaError, match=r"system 'x' has several of 'recording' \('0', '1', ...\)"):
        align("a b", {"x": texts_frame(["a", "b"])})
    with pytest.raises(SchemaError, match="the reference: there is no utterance key column 'speaker'"):
        align(texts_frame(["a"]), {"x": texts_frame(["a"])}, by=["speaker"])


def test_options_that_make_no_sense_are_refused():
    """The error lists the valid values."""
    with pytest.raises(ConfigError, match="there is no system to align"):
        align("a", {})
    with pytest.raises(ConfigError, match="collar must be a number from 0 to 1,000,000, not -1"):
        align("a", {"x": "a"}, collar=-1)
    with pytest.raises(ConfigError, match="missing must be 'raise' or 'empty', not 'skip'"):
        align("a", {"x": "a"}, missing="skip")


def test_a_normalizer_that_deletes_everything_is_refused():
    """If normalization removes all words, the error names the normalizer and the side."""
    with pytest.raises(ConfigError, match="'en' left none of the 2 words of system 'x'"):
        align("a", {"x": "?! ..."}, normalizer="en")


def test_the_frame_says_how_it_was_made():
    """`attrs` has the normalizer, its hash, the collar and the removed words, and can be stored as JSON."""
    alignment = align("Да — нет", {"x": "да, нет"}, normalizer="ru")
    assert alignment.op.tolist() == ["ok", "ok"]
    assert alignment.attrs == {
        "normalizer": "ru",
        "normalizer_hash": normalizer("ru").hash,
        "collar": None,
        "vanished": {"reference": 1, "systems": {"x": 0}},
        "untimed": {"x": 1},
    }


def test_alternatives_are_chosen_for_each_system():
    """Each system is scored with the choice of fewest errors, whose words share the time of the group."""
    ref = words_frame(
        [[("{7", 0, 100), ("/", 100, 100), ("the", 200, 100), ("seventh}", 300, 100), ("may", 500, 50)]]
    )
    alignment = align(ref, {"one": "7 may", "two": "the seventh may", "three": "may"}, by=())
    assert alignment.groupby("system", sort=False).op.agg(list).tolist() == [
        ["ok"] * 2,
        ["ok"] * 3,
        ["del", "ok"],
    ]
    two = alignment[alignment.system == "two"]
    assert two.ref_start.tolist() == pytest.approx([0, 0.12, 0.5])
    assert two.ref_end.tolist() == pytest.approx([0.12, 0.4, 0.55])


choices = st.lists(st.lists(st.sampled_from("abc"), max_size=2), min_size=2, max_size=3)


@given(st.lists(st.sampled_from("abc") | choices, max_size=5), st.lists(st.sampled_from("abc"), max_size=6))
def test_alternatives_leave_the_fewest_errors(parts, hyp):
    """As few errors as the best of all combinations of choices."""
    texts = [[part] if isinstance(part, str) else [" ".join(choice) for choice in part] for part in parts]
    written = [
        each[0] if len(each) == 1 else "{" + "|".join(text or "@" for text in each) + "}" for each in texts
    ]
    alignment = align(" ".join(written), {"x": " ".join(hyp)})
    all_texts = [" ".join(chosen).split() for chosen in product(*texts)]
    fewest = min(
        textbook(*([(w, 0, 0) for w in side] for side in (text, hyp)), timed=False)[:2] for text in all_texts
    )
    assert cost(alignment, timed=False)[:2] == fewest
    assert alignment.ref_word.dropna().tolist() in all_texts


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("a {b / c", "a brace of the reference has no partner, or is inside another: 'a {b / c'"),
        ("a {b / {c / d}}", "a brace of the reference has no partner, or is inside another"),
        (
            "a {b} c",
            r"the reference's '\{b\}' is no group of alternatives; alternatives are written \{a / b\}",
        ),
        ("a{b|c}", "stand apart from other words"),
    ],
)
def test_malformed_alternatives_are_refused(reference, says):
    """The error shows the place and the correct syntax."""
    with pytest.raises(SchemaError, match=says):
        align(reference, {"x": "a"})


def test_braces_of_a_system_are_only_punctuation():
    """Braces in the words of a system are not alternatives."""
    assert align("a b", {"x": "{a / b}"}, normalizer="en").op.tolist() == ["ok", "ok"]
