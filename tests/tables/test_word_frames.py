"""Frames of words as users pass them: what is converted, what is left out with a message, what is refused."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import speechkit_nb as sk
from speechkit_nb.errors import LeftOut, SchemaError
from speechkit_nb.tables import WORDS, empty, read_word_frame

NAN = float("nan")


def frame(*words: Any, **columns: Any) -> pd.DataFrame:
    """One word per second, in objects as they are given."""
    starts = np.arange(len(words), dtype=float)
    return pd.DataFrame(
        {"word": pd.Series(words, dtype=object), "start": starts, "end": starts + 0.5} | columns
    )


def read(given: pd.DataFrame, column: str = "word") -> tuple[list[Any], list[str]]:
    """A column that was read, and the problems."""
    found, problems = read_word_frame(given, "x")
    return found[column].tolist(), list(problems)


# --- words


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([" а", "б\n", "\u00a0в\u00a0"], ["а", "б", "в"]),
        ([5, 5.0, np.int8(5), Decimal("5.5"), b"\xd0\xb0"], ["5", "5", "5", "5.5", "а"]),
        (["\ud83d\ude00"], ["😀"]),
        (["x" * 10**6], ["x" * 10**6]),
    ],
)
def test_words_are_stripped_and_written_as_text(given, expected):
    """Numbers are written without ".0"; bytes are UTF-8; two halves of a character are joined."""
    assert read(frame(*given))[0] == expected


@pytest.mark.parametrize("dtype", ["str", "object", "category", "string", "large_string[pyarrow]"])
def test_the_dtype_of_words_does_not_matter(dtype):
    """The result is `str`, and the given frame is unchanged."""
    words = frame("a", "b").astype({"word": dtype})
    before = words.copy()
    found, problems = read_word_frame(words, "x")
    assert found["word"].dtype == "str"
    assert found["word"].tolist() == ["a", "b"]
    assert not problems
    pd.testing.assert_frame_equal(words, before)


def test_rows_without_a_word_are_left_out_and_reported():
    """The message has their number and the first row, as counted in the given frame."""
    alternatives = [1, 0, 0, 0, 0]
    words, problems = read(frame("x", "a", " ", None, NAN).assign(alternative=alternatives))
    assert words == ["a"]
    assert problems == ["x: 3 rows without a word are left out (the first is row 2)"]
    assert read(frame("a", ""))[1] == ["x: 1 row without a word is left out (row 1, counted from 0)"]


def test_half_a_character_is_replaced_and_reported():
    """It cannot be written in UTF-8."""
    assert read(frame("a", "b\ud800")) == (
        ["a", "b\ufffd"],
        ["x: 1 word has half a character (a surrogate), which is replaced (row 1, counted from 0)"],
    )


# --- alternatives, channels, finals


@pytest.mark.parametrize(
    "alternative",
    [[0, 0, 1], ["0", "0", "1"], [0.0, NAN, 1.0], [None, 0, 1], [False, False, True], [1, 1, 2]],
)
def test_the_first_alternative_is_read(alternative):
    """Numbers may be text, start from 1, or be missing after a `concat` with a frame that has none."""
    words, problems = read(frame("a", "b", "c", alternative=pd.Series(alternative, dtype=object)))
    assert words == ["a", "b"]
    assert problems == (
        ["x: the lowest number of an alternative is 1, not 0; its rows are used as the first"]
        if alternative == [1, 1, 2]
        else []
    )


def test_all_alternatives_are_kept_on_request():
    """`write_part` writes them; numbers are counted from 0."""
    found, _ = read_word_frame(frame("a", "b", alternative=[1, 2]), "x", all_alternatives=True)
    assert found["alternative"].tolist() == [0, 1]


def test_tags_are_text_and_numbers_of_finals_are_integers():
    """A channel tag 0.0 is "0"; a final that is not known is -1; `channel` is used if there is no tag."""
    given = frame("a", "b", channel_tag=[0.0, 1.0], final_index=[0, NAN], recording=[7, 7])
    found, problems = read_word_frame(given, "x")
    assert found[["recording", "channel_tag", "final_index"]].to_numpy().tolist() == [
        ["7", "0", 0],
        ["7", "1", -1],
    ]
    assert not problems
    assert read(frame("a", channel=[1]), "channel_tag")[0] == ["1"]


def test_a_key_that_some_rows_lack_is_refused():
    """It is not known which recording they belong to. A column without any value is as no column."""
    with pytest.raises(
        SchemaError, match=r"x: 1 of 2 rows have no recording \(the first is row 1\): fill it in"
    ):
        read(frame("a", "b", recording=["r", None]))
    assert "channel_tag" not in read_word_frame(frame("a", channel_tag=[None]), "x").frame


# --- times


@pytest.mark.parametrize(
    "convert",
    [
        lambda s: pd.to_timedelta(s, unit="s"),
        lambda s: pd.to_timedelta(s, unit="s").astype(object),
        lambda s: s.astype("float32"),
        lambda s: s.astype("Float64"),
        lambda s: s.astype("double[pyarrow]"),
        lambda s: s.astype("category"),
        lambda s: s.map(Decimal),
        lambda s: s.astype("int64"),
    ],
)
def test_times_become_seconds(convert: Callable[[pd.Series], pd.Series]):
    """From durations, and from numbers of any type."""
    words = frame("a", "b")
    found, problems = read_word_frame(words.assign(start=convert(words["start"])), "x")
    assert found["start"].dtype == "float64"
    assert found["start"].tolist() == [0.0, 1.0]
    assert not problems


def test_the_index_of_audformat_has_recordings_and_times():
    """Levels of the index are columns: `file` is the recording, `start` and `end` are durations."""
    times = [pd.to_timedelta(values, unit="s") for values in ([0, 1], [0.5, 1.5])]
    index = pd.MultiIndex.from_arrays([["f.wav"] * 2, *times], names=["file", "start", "end"])
    found, problems = read_word_frame(pd.DataFrame({"word": ["a", "b"]}, index=index), "x")
    assert found[["recording", "start", "end"]].to_numpy().tolist() == [["f.wav", 0, 0.5], ["f.wav", 1, 1.5]]
    assert not problems
    assert read(frame("a").assign(recording="r").set_index("recording"), "recording")[0] == ["r"]


@pytest.mark.parametrize("endless", [np.inf, -np.inf, 1e300, 10**400])
def test_times_that_are_too_large_are_unknown(endless):
    """So a sum of times never overflows."""
    starts, problems = read(frame("a", "b", start=pd.Series([0, endless], dtype=object)), "start")
    assert np.isnan(starts[1])
    assert problems == [
        "x: 1 value of 'start' is infinite or too large, and taken as unknown (row 1, counted from 0)"
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            frame("a", "b").drop(columns="end"),
            "there is a column 'start' but no 'end', so the words have no times",
        ),
        (
            frame("a").rename(columns={"start": "begin", "end": "stop"}),
            "there are no columns 'start' and 'end' in seconds, so the words have no times; there are begin, "
            "stop",
        ),
        (
            frame("a", "b", start=[0, 500], end=[400, 900]),
            "half of its words last longer than 400 s; start and end are seconds: divide milliseconds by "
            "1000",
        ),
        (frame("a", "b", start=[0, -0.5]), "1 word has a time before 0 (row 1, counted from 0)"),
    ],
)
def test_times_that_are_missing_or_look_wrong_are_reported(given, message):
    """Words are read nevertheless."""
    words, problems = read(given)
    assert len(words) == len(given)
    assert problems == [f"x: {message}"]


# --- refused


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (pd.DataFrame(), "there is neither a column word nor text; there are none"),
        (
            pd.DataFrame([["a", "b"]], columns=["word", "word"]),
            r"column 'word' is there twice; keep one, such as",
        ),
        (
            pd.DataFrame([["a"]], columns=pd.MultiIndex.from_tuples([("word", "")])),
            "the columns have 2 levels",
        ),
        (frame(["a"]), "column 'word' is object, not text, .*; row 0 has \\['a'\\]"),
        (frame("a", 10**5000), "column 'word' is object, .*; row 1 has an int"),
        (frame(b"\xff"), r"column 'word' is object, .* bytes in UTF-8; row 0 has b'\\xff'"),
        (frame("a", start=["0.5"]), "column 'start' is .*, not seconds as float64; row 0 has '0.5'"),
        (frame("a", start=[True]), "column 'start' is bool, not seconds as float64; row 0 has True"),
        (frame("a", start=[1j]), "column 'start' is complex128, not seconds as float64"),
        (frame("a", start=pd.to_datetime(["2026-01-01"])), r"column 'start' is datetime64\[.*, not seconds"),
        (frame("a", final_index=["x"]), "column 'final_index' is .*, not whole numbers; row 0 has 'x'"),
        (frame("a", alternative=[0.5]), "column 'alternative' is float64, not whole numbers; row 0 has 0.5"),
        (frame("a", alternative=[-1]), "there is an alternative -1; the first alternative is 0"),
    ],
)
def test_what_has_no_clear_meaning_is_refused(given, message):
    """The message names the frame, the column, and the first row."""
    with pytest.raises(SchemaError, match=f"x: {message}"):
        read(given)


def test_an_empty_frame_stays_empty():
    """With the columns it has, and without problems."""
    for nothing in (empty(WORDS), frame(), frame().iloc[:, :1]):
        found, problems = read_word_frame(nothing, "x")
        assert (len(found), list(found), list(problems)) == (0, list(nothing), [])


# --- all that read frames

cells = st.one_of(
    st.text(alphabet=" \n\u00a0аb", max_size=3),
    st.none(),
    st.integers(0, 9),
    st.sampled_from([NAN, 1.0, b"b"]),
)
moments = st.one_of(st.floats(0, 9), st.sampled_from([NAN, np.inf, None]))
cells_of_rows = st.lists(
    st.tuples(cells, moments, moments, st.sampled_from([0, None, 1])), min_size=1, max_size=6
)


@settings(max_examples=settings.default.max_examples // 8)
@given(rows=cells_of_rows)
@pytest.mark.filterwarnings("ignore::speechkit_nb.errors.LeftOut")
def test_a_comparison_a_rate_and_a_picture_have_the_same_words(rows, tmp_path_factory):
    """The words of `compare`, `wer`, `align`, `write_part` with `score`, and `TimelineView` are equal."""
    given = pd.DataFrame(rows, columns=["word", "start", "end", "alternative"], dtype=object)
    words = [word for word in read(given)[0] if word]
    drawn = sk.TimelineView(None, {"x": given})._scene.systems[0]
    assert len(drawn.words) + drawn.untimed == len(words)
    tokens = [token for word in words for token in word.split()]
    if tokens:
        compared = sk.compare({"x": given}, "z").alignment["hyp_word"].dropna().tolist()
        assert sorted(compared) == sorted(tokens)
        assert sk.wer(given, " ".join(tokens)).errors == 0
        assert sk.align("z", {"x": given})["hyp_word"].dropna().tolist() == tokens
        folder = tmp_path_factory.mktemp("corpus")
        for system in ("x", "truth"):
            sk.write_part(folder, system, given, part="r")
        scores = sk.score(folder, reference="truth", systems=["x"])
        assert scores.summary[["n_words", "errors"]].to_numpy().tolist() == [[len(tokens), 0]]


def test_problems_are_said_by_everything_that_reads_a_frame(tmp_path):
    """As a row of `problems` by `compare` and `TimelineView`, and as a warning by the others."""
    given, message = frame("a", ""), "1 row without a word is left out"
    assert message in sk.compare({"x": given}, "a").problems[0]
    assert message in sk.TimelineView(None, given).spec["problems"][0]
    for call in (
        lambda: sk.plot_timeline(given),
        lambda: sk.align("a", {"x": given}),
        lambda: sk.wer("a", given),
        lambda: sk.write_part(tmp_path, "x", given, part="r"),
    ):
        with pytest.warns(LeftOut, match=message) as caught:
            call()
        assert caught[0].filename == __file__
    sk.write_part(tmp_path, "truth", "a", part="r")
    given.assign(recording="r").to_parquet(tmp_path / "words" / "system=x" / "r.parquet")
    with pytest.warns(LeftOut, match=f"r: x: {message}"):
        scores = sk.score(tmp_path, reference="truth", systems=["x"])
    assert scores.problems.to_numpy().tolist() == [["r", f"x: {message} (row 1, counted from 0)"]]
