"""Files of other programs, read as frames that can be aligned."""

from pathlib import Path

import pandas as pd
import pympi
import pysubs2
import pytest
from answers import final
from hypothesis import given
from hypothesis import strategies as st
from praatio import textgrid

import speechkit_nb as sk
from speechkit_nb.errors import ConfigError, LeftOut, SchemaError, TranscriptError
from speechkit_nb.evaluate import align
from speechkit_nb.formats import read_file, read_reference, read_words, write_frame
from speechkit_nb.formats.registry import FORMATS, find_format

DATA = Path(__file__).parents[2] / "data"
WORD = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@st.composite
def spoken(draw):
    """Strategy for consecutive words, with or without gaps: start, end (whole milliseconds) and word."""
    lengths = draw(
        st.lists(st.tuples(st.integers(0, 500), st.integers(1, 900), WORD), min_size=1, max_size=12)
    )
    rows, now = [], 0
    for gap, length, word in lengths:
        rows.append(((now + gap) / 1000, (now + gap + length) / 1000, word))
        now += gap + length
    return rows


@pytest.fixture
def write(tmp_path):
    """A function that writes a file and returns its path."""

    def written(name, text, encoding="utf-8"):
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return path

    return written


def rows(frame):
    return frame.to_numpy().tolist()


@pytest.mark.parametrize("name", ["monologue", "dialogue", "russian"])
def test_a_textgrid_is_the_same_as_the_table_it_was_made_with(name):
    """The sample recordings have their words in both forms; the dialogue has one tier per channel."""
    grid, table = read_reference(DATA / f"{name}.TextGrid"), read_reference(DATA / f"{name}.words.csv")
    columns = [*(["channel_tag"] if name == "dialogue" else []), "word", "start", "end"]
    assert list(grid) == columns
    pd.testing.assert_frame_equal(grid, table[columns])


@given(spoken())
def test_words_come_back_from_every_format_that_holds_them(tmp_path_factory, said):
    """Files written by other packages, or as the standard defines, are read with the same words and times."""
    folder = tmp_path_factory.mktemp("said")
    expected = [[word, start, end] for start, end, word in said]
    grid = textgrid.Textgrid()
    grid.addTier(textgrid.IntervalTier("my words", [(s, e, w) for s, e, w in said], 0, said[-1][1]))
    grid.save(str(folder / "a.TextGrid"), "long_textgrid", includeBlankSpaces=True)
    eaf = pympi.Eaf()
    eaf.add_tier("Words")
    for start, end, word in said:
        eaf.add_annotation("Words", round(start * 1000), round(end * 1000), word)
    eaf.to_file(str(folder / "a.eaf"))
    lines = pysubs2.SSAFile()
    lines.events = [pysubs2.SSAEvent(round(s * 1000), round(e * 1000), w) for s, e, w in said]
    for suffix in ("srt", "vtt"):
        lines.save(str(folder / f"a.{suffix}"))
    for suffix in ("TextGrid", "eaf", "srt", "vtt"):
        assert rows(read_reference(folder / f"a.{suffix}")) == expected, suffix
    ctm = "".join(f"talk A {start:.3f} {end - start:.3f} {word}\n" for start, end, word in said)
    (folder / "a.ctm").write_text(ctm, encoding="utf-8")
    assert rows(read_reference(folder / "a.ctm")) == [["talk", "0", *row] for row in expected]


def test_a_frame_can_be_aligned_as_it_is():
    """It has the columns of the words of a transcript."""
    reference = read_reference(DATA / "dialogue.TextGrid")
    assert (align(reference, {"same": reference}, collar=0.0)["op"] == "ok").all()


def test_segments_of_an_stm_are_one_text_a_recording_and_channel(write):
    """They are in order of time, without comments, labels and ignored segments; a warning counts these."""
    path = write(
        "set.stm",
        ";; a comment\n"
        "one A ann 5.0 6.0 <o,f0,female> {seven / 7} days\n"
        "one A ann 0.0 2.0 <o,f0,female> good morning\n"
        "one B bob 2.0 3.0 yes\n"
        "one B bob 3.0 4.0 ignore_time_segment_in_scoring\n",
    )
    with pytest.warns(
        LeftOut, match=r"set.stm: 1 part left out: line 5, 3.0 to 4.0 s: a segment marked as ign"
    ):
        frame = read_reference(path)
    assert [part["place"] for part in frame.attrs["left_out"]] == ["line 5, 3.0 to 4.0 s"]
    assert list(frame) == ["recording", "channel_tag", "text"]
    assert rows(frame) == [["one", "0", "good morning {seven / 7} days"], ["one", "1", "yes"]]


def test_alternatives_of_a_ctm_are_those_of_the_aligner(write):
    """The best alternative is scored; all alternatives have the times of the group."""
    path = write(
        "set.ctm",
        "talk 1 0.0 0.5 in\n"
        "talk 1 * * <ALT_BEGIN>\ntalk 1 0.5 0.9 seven\ntalk 1 * * <ALT>\n"
        "talk 1 0.5 0.3 about 0.9\ntalk 1 0.8 0.4 7\ntalk 1 * * <ALT_END>\n"
        "talk 1 1.4 0.5 days\n",
    )
    frame = read_reference(path)
    assert frame["word"].tolist() == ["in", "{", "seven", "/", "about", "7", "}", "days"]
    heard = pd.DataFrame({"recording": "talk", "channel_tag": "0", "word": ["in", "about", "7", "days"]})
    alignment = align(frame, {"one": heard.astype("str")})
    assert alignment["op"].tolist() == ["ok"] * 4
    assert alignment["ref_start"].tolist() == [0.0, 0.5, 1.25, 1.4]  # by their letters


@pytest.mark.parametrize(
    ("channels", "tags"), [(("A", "b"), ["0", "1"]), (("1", "2"), ["0", "1"]), (("0", "1"), ["0", "1"])]
)
def test_channels_are_numbered_from_0(write, channels, tags):
    """Channels are letters, or numbers from 1; a file with a channel 0 counts from 0."""
    path = write("set.ctm", "".join(f"talk {channel} 0.0 0.5 word\n" for channel in channels))
    assert read_reference(path)["channel_tag"].tolist() == tags


def test_subtitles_are_text_without_their_markup(write):
    """Words have times only if each subtitle is one word."""
    later, earlier = (
        "00:03.000 --> 00:04.000\nwho <b>was</b>\nit?",
        "00:01.000 --> 00:02.000\n<v Ann>You &amp; I",
    )
    text = f"WEBVTT\n\n{later}\n\n{earlier}\n"
    assert rows(read_reference(write("talk.vtt", text))) == [["You & I who was it?"]]
    words = "1\n00:00:01,000 --> 00:00:01,250\n{\\an8}hello\n\n2\n00:00:01,250 --> 00:00:02,000\nworld\n"
    assert rows(read_reference(write("talk.srt", words))) == [["hello", 1.0, 1.25], ["world", 1.25, 2.0]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_plain_text_is_one_text(write, encoding):
    """This holds with or without a byte order mark, and for an empty file."""
    assert rows(read_reference(write("a.txt", "доброе утро\n", encoding))) == [["доброе утро"]]
    assert rows(read_reference(write("b.txt", "", encoding))) == [[""]]


def test_a_table_keeps_its_recordings(write):
    """Existing columns are kept; times are numbers."""
    frame = read_reference(write("a.csv", "recording,channel_tag,word,start,end\nr,1,NA,0.5,1\nr,0,b,0,1\n"))
    assert rows(frame) == [["r", "1", "NA", 0.5, 1.0], ["r", "0", "b", 0.0, 1.0]]
    assert rows(read_reference(write("b.csv", "recording,text\nr,a b\ns,c\n"))) == [["r", "a b"], ["s", "c"]]


def test_the_name_of_the_recording_can_be_given(write):
    """It can be given if the file has no or one recording, not if it has several."""
    one, two = "talk A 0 1 a\n", "chat A 0 1 b\n"
    assert rows(read_reference(write("a.txt", "a"), recording="talk.wav")) == [["talk.wav", "a"]]
    assert read_reference(write("a.ctm", one), recording="talk.wav")["recording"].tolist() == ["talk.wav"]
    with pytest.raises(
        TranscriptError, match=r"has 2 recordings \('talk', 'chat'\) and cannot be called 'x'"
    ):
        read_reference(write("b.ctm", one + two), recording="x")


@pytest.fixture
def grid(tmp_path):
    """A TextGrid with utterances of two speakers, and words of one speaker."""

    def entries(*texts):
        return [(float(place), place + 1.0, text) for place, text in enumerate(texts)]

    made = textgrid.Textgrid()
    made.addTier(textgrid.IntervalTier("Ann", entries("well then", "yes"), 0, 9))
    made.addTier(textgrid.IntervalTier("Bob", entries("no", "ice cream"), 0, 9))
    made.addTier(textgrid.PointTier("clicks", [(1.0, "x")], 0, 9))
    path = tmp_path / "talk.TextGrid"
    made.save(str(path), "short_textgrid", includeBlankSpaces=True)
    return path


def test_tiers_are_chosen_by_name(grid):
    """One or several tiers are read; they have text if an interval has several words."""
    assert rows(read_reference(grid, tiers="Bob")) == [["no ice cream"]]
    assert rows(read_reference(grid, tiers=["Ann", "Bob"])) == [["0", "well then yes"], ["1", "no ice cream"]]


def test_words_in_one_piece_of_a_tier_of_words_share_its_times(tmp_path):
    """One interval with several words does not remove the times of all words."""
    made = textgrid.Textgrid()
    made.addTier(textgrid.IntervalTier("words", [(0, 1, "an"), (1, 2, "ice cream")], 0, 2))
    made.save(str(tmp_path / "a.TextGrid"), "long_textgrid", includeBlankSpaces=True)
    assert rows(read_reference(tmp_path / "a.TextGrid")) == [
        ["an", 0.0, 1.0],
        ["ice", 1.0, 2.0],
        ["cream", 1.0, 2.0],
    ]


def test_which_tier_is_meant_must_be_clear(grid):
    """An unclear choice of tiers and a wrong name are errors."""
    with pytest.raises(
        TranscriptError, match=r"no tier is called 'words'; there are 'Ann', 'Bob': choose with tiers="
    ):
        read_reference(grid)
    with pytest.raises(TranscriptError, match=r"it has no tier 'Bo'; there are 'Ann', 'Bob', 'clicks'"):
        read_reference(grid, tiers="Bo")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        (
            "a.docx",
            "x",
            r"a.docx' has no known format; the known suffixes are .parquet, .TextGrid, .eaf, .srt",
        ),
        ("a.TextGrid", "no grid", r"a.TextGrid': it is not a TextGrid \("),
        ("a.TextGrid", "", r"a.TextGrid': it is not a TextGrid \("),
        ("a.eaf", "<no", r"a.eaf': it is not an EAF file \("),
        ("a.eaf", "<html/>", r"a.eaf': it is not an EAF file \("),
        ("a.srt", "nothing", r"a.srt': it has no subtitles"),
        ("a.ctm", "talk A 0.0 word\n", r"line 1 has 4 fields; there should be recording, channel, start"),
        ("a.ctm", ";;\ntalk A zero 1 w\n", r"line 2 has 'zero' where a time in seconds belongs"),
        ("a.stm", "talk A ann 0.0\n", r"line 1 has 4 fields; there should be recording, channel, speaker"),
        ("a.csv", "", r"a.csv': No columns"),
        ("a.csv", "a,b\n", r"neither a column word nor text; there are 'a', 'b'"),
        ("a.csv", "word,start\na,x\n", r"line 2 has 'x' in start; start and end are seconds"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(write, name, text, why):
    """The error has the name of the file and what is wrong."""
    with pytest.raises(TranscriptError, match=why):
        read_reference(write(name, text))


def test_a_file_that_is_not_there(tmp_path):
    """The error is the same for every format."""
    for suffix in ("TextGrid", "eaf", "srt", "ctm", "csv", "txt"):
        with pytest.raises(TranscriptError, match=rf"cannot read '.*a\.{suffix}': No such file"):
            read_reference(tmp_path / f"a.{suffix}")


def test_other_encodings_and_tiers_of_other_kinds_are_refused(write):
    """A file that is not in UTF-8, and tiers of a format without tiers, raise errors."""
    with pytest.raises(TranscriptError, match=r"a.txt': it is not in UTF-8; save it as UTF-8 .*byte 0xf3\)"):
        read_reference(write("a.txt", "утро", "cp1251"))
    with pytest.raises(
        TranscriptError, match=r"a.srt' has no tiers; leave tiers out, or read .TextGrid, .eaf"
    ):
        read_reference(write("a.srt", ""), tiers="x")


# --- all formats of the registry


def _name_of(form):
    return form.name


@pytest.mark.parametrize("form", FORMATS, ids=_name_of)
def test_a_format_is_found_by_its_suffixes(form, tmp_path):
    """Case is ignored. A saved transcript has the suffix of Parquet, so it is found by its content."""
    assert form.suffixes
    for suffix in form.suffixes:
        for name in (f"a{suffix}", f"a{suffix.upper()}"):
            assert find_format(tmp_path / name).suffixes == form.suffixes


@pytest.mark.parametrize("form", FORMATS, ids=_name_of)
@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00 broken!", b"PAR1 broken", b""], ids=["bytes", "magic", "empty"]
)
def test_broken_content_is_a_transcript_error_that_names_the_system_and_the_file(form, content, tmp_path):
    """This holds for every format. An empty text file is a text, and an empty CTM or STM has no words."""
    for suffix in form.suffixes:
        path = tmp_path / f"a{suffix}"
        path.write_bytes(content)
        if content == b"" and form.name in ("text", "CTM", "STM"):
            assert (read_file(path, "system 'x'").frame == "").all(axis=None)
            continue
        if content.startswith(b"PAR1"):
            assert find_format(path).name == "Parquet"  # by its content
        with pytest.raises(TranscriptError, match=rf"^system 'x': (cannot read )?'.*a\{suffix}'"):
            read_file(path, "system 'x'")


@pytest.mark.parametrize("form", [form for form in FORMATS if form.write is not None], ids=_name_of)
@given(rows=spoken())
def test_what_a_format_writes_it_reads(form, rows, tmp_path_factory):
    """Words, times and recordings are the same after writing and reading."""
    path = tmp_path_factory.mktemp("written") / f"a{form.suffixes[0]}"
    frame = pd.DataFrame(rows, columns=["start", "end", "word"])[["word", "start", "end"]]
    frame.insert(0, "recording", pd.Series("talk.wav", frame.index, dtype="str"))
    form.write(frame, path)
    assert find_format(path) is form
    pd.testing.assert_frame_equal(read_file(path, "x").frame, frame.astype({"word": "str"}))


def test_a_saved_transcript_is_a_format(tmp_path):
    """It is found by its content, and has its recording and the path of its audio."""
    transcript = sk.Transcript([final(0, "one two")], "talk.wav", "/sound/talk.wav")
    path = transcript.save(tmp_path / "saved.parquet").rename(tmp_path / "saved.bin")
    assert find_format(path).name == "saved transcript"
    content = read_file(path, "x")
    pd.testing.assert_frame_equal(content.frame, transcript.words)
    assert (content.recordings, content.source) == (frozenset(["talk.wav"]), "/sound/talk.wav")
    pd.testing.assert_frame_equal(read_reference(path), transcript.words)


def test_a_frame_is_read_back_as_a_reference(tmp_path):
    """`read_reference` takes every format that `compare` takes."""
    frame = pd.DataFrame({"text": pd.Series(["b", "a"], dtype="str")})
    write_frame(frame, tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(read_reference(tmp_path / "a.parquet"), frame)
    write_frame(pd.DataFrame({"x": [1]}), tmp_path / "b.parquet")
    with pytest.raises(SchemaError, match="neither a column word nor text; there are x; a table with texts"):
        read_reference(tmp_path / "b.parquet")


def test_every_form_of_input_has_the_same_words(tmp_path):
    """The forms are text, frame, transcript, file, folder, and lists and mappings of these."""
    transcript = sk.Transcript([final(0, "one two")], "talk")
    (tmp_path / "folder").mkdir()
    saved = transcript.save(tmp_path / "folder" / "talk.parquet")
    for given_ in (transcript, transcript.words, saved, str(saved), tmp_path / "folder", [transcript]):
        for form in (given_, {"talk": given_}):
            found = read_words(form, "x")
            assert found.frame["word"].tolist() == ["one", "two"]
            assert found.find_recordings() == {"talk"}
    text = read_words("one two", "x")
    assert (text.is_text, text.frame["text"].tolist(), text.find_recordings()) == (True, ["one two"], set())
    assert read_words(["one", "two three"], "x").frame["recording"].tolist() == ["0", "1"]
    with pytest.raises(ConfigError, match=r"x is of type int; it can be text, a frame .* \{recording: ...\}"):
        read_words(3, "x")
