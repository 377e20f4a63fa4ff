"""WebVTT by the specification of the W3C, and SRT as programs write it."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechkit_nb.errors import LeftOut, TranscriptError
from speechkit_nb.formats import read_reference

WORD = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=6)
TEXT = st.lists(WORD, min_size=1, max_size=4)


@st.composite
def subtitles(draw):
    """Strategy for subtitles: start and end in whole milliseconds, in order, and words."""
    pieces = st.tuples(st.integers(0, 5_000_000), st.integers(1, 900), TEXT)
    rows, now = [], 0
    for gap, length, words in draw(st.lists(pieces, min_size=1, max_size=8)):
        rows.append((now + gap, now + gap + length, words))
        now += gap + length
    return rows


def rows(frame):
    return frame.to_numpy().tolist()


def stamp(milliseconds, mark, hours=True):
    seconds, rest = divmod(milliseconds, 1000)
    clock = f"{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{rest:03}"
    return f"{seconds // 3600:02}:{clock}" if hours or seconds >= 3600 else clock


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def read(path):
    """Words and times as read; texts are divided into words without times."""
    frame = read_reference(path)
    return rows(frame) if "word" in frame else frame["text"][0].split(" ")


def expect(said):
    if all(len(words) == 1 for *_, words in said):
        return [[words[0], start / 1000, end / 1000] for start, end, words in said]
    return [word for *_, words in said for word in words]


@given(subtitles(), st.booleans(), st.sampled_from(["", "id-2\n", "8c1f2a90-6f51-4f5e-9d8b-0d8b2f1c3a77\n"]))
def test_words_written_into_webvtt_come_back(tmp_path_factory, said, hours, name):
    """This holds for any letters, escaped as the specification wants, with names, comments and settings."""
    path = tmp_path_factory.mktemp("vtt") / "a.vtt"
    cues = [
        f"{name}{stamp(start, '.', hours)} --> {stamp(end, '.', hours)} line:0\n{escape(' '.join(words))}\n"
        for start, end, words in said
    ]
    comments = ["NOTE\nNothing\nis said\n", "STYLE\n::cue { color: red }\n", "NOTE one line\n"]
    blocks = [block for cue, *more in zip(cues, comments * len(cues), strict=False) for block in (cue, *more)]
    path.write_text("\n".join(["WEBVTT - a title\nKind: captions\n", *blocks]), encoding="utf-8")
    assert read(path) == expect(said)


@given(subtitles(), st.sampled_from([",", "."]), st.booleans(), st.booleans(), st.booleans())
def test_words_written_into_srt_come_back(tmp_path_factory, said, mark, hours, numbers, escapes):
    """This holds for any letters that are no markup, with and without hours and numbers."""
    path = tmp_path_factory.mktemp("srt") / "a.srt"
    said = [
        (start, end, [word.replace("{", "(").replace("&", "+") for word in words])
        for start, end, words in said
    ]
    text = ""
    for number, (start, end, words) in enumerate(said, start=1):
        spoken = " ".join(words)
        text += f"{number}\n" if numbers else ""
        text += f"{stamp(start, mark, hours)} --> {stamp(end, mark, hours)}\n"
        text += f"{escape(spoken) if escapes or '>' in spoken else spoken}\n\n"
    path.write_text(text, encoding="utf-8")
    assert read(path) == expect(said)


def test_stamps_inside_a_subtitle_are_times_of_words(write):
    """A stamp begins a new interval; one inside a word does not divide it, a wrong one is no time."""
    path = write(
        "a.vtt",
        "WEBVTT\n\n00:00.000 --> 00:02.000\na<00:00:00.700><c> b</c>\n\n"
        "00:02.000 --> 00:04.000\n<00:00:02.100>hel<00:00:03.000>lo<00:00:09.000>\n",
    )
    assert rows(read_reference(path)) == [["a", 0.0, 0.7], ["b", 0.7, 2.0], ["hello", 2.1, 4.0]]
    two = write("b.vtt", "WEBVTT\n\n00:00.000 --> 00:02.000\n<00:00:00.100>a <00:00:00.700>b c\n")
    assert rows(read_reference(two)) == [["a b c"]]


def test_markup_is_not_spoken(write):
    """Voices, classes and entities are markup; in WebVTT other tags too, which is told."""
    path = write(
        "a.vtt",
        "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann Lee>You &amp;<b.loud> I</b> &lt;c&gt; <unk> a < b\n",
    )
    with pytest.warns(LeftOut, match=r"line 3: a tag that WebVTT does not have \('<unk>'\)"):
        assert rows(read_reference(path)) == [["You & I <c>  a < b".replace("  ", " ")]]
    srt = write(
        "a.srt",
        "1\n00:00:01,000 --> 00:00:02,000 X1:0 X2:9\nif a < b and c > d <unk>\n"
        '<FONT color="red">{\\an8}<i>no</I></font><br>one<br/>two\n',
    )
    assert rows(read_reference(srt)) == [["if a < b and c > d <unk> no one two"]]


def test_srt_without_hours_milliseconds_numbers_or_an_end(write):
    """A subtitle without an end lasts until the next one; that the last one has no end is told."""
    path = write(
        "a.srt",
        "00:01,000 --> 00:02,500\none\n00:00:20 --> 00:00:24\ntwo\n\n3\n00:00:25,5 -->\n1984\n\n"
        "4\n00:00:30,000 --> 00:00:31,000\n42\n\n5\n00:01:00,000 --> \nend\n",
    )
    with pytest.warns(LeftOut, match=r"a.srt: 1 part left out: line 15: the end of a subtitle is missing$"):
        frame = read_reference(path)
    assert rows(frame.fillna(-1.0)) == [
        ["one", 1.0, 2.5],
        ["two", 20.0, 24.0],
        ["1984", 25.5, 30.0],
        ["42", 30.0, 31.0],
        ["end", 60.0, -1.0],
    ]


def test_an_arrow_may_have_one_dash(write):
    """Times with it are no words; an arrow in a text is text."""
    text = "1\n00:00:01,000 -> 00:00:02,000\na -> b\n\n2\n00:00:02,000 -> 00:00:03,000\n12:30 -> c\n"
    assert rows(read_reference(write("a.srt", text))) == [["a -> b 12:30 -> c"]]


@pytest.mark.parametrize(
    ("name", "text", "words", "why"),
    [
        (
            "a.vtt",
            "WEBVTT\n\n00:01.000 --> 00:02.000\none\n\norphan words\n",
            ["one"],
            r"line 6: text outside a subtitle \('orphan words'\)",
        ),
        (
            "a.vtt",
            "WEBVTT\n\n00:01.000 --> 00:02.000\none\n\n00:0x --> 00:03.000\nlost\n",
            ["one"],
            r"line 6: its times '00:0x --> 00:03.000' cannot be read \('lost'\)",
        ),
        (
            "a.srt",
            "1\n00:00:01,000 --> 00:00:02,000\na --> b\n\n2\n00:99:01,000 --> 00:00:02,000\nlost\n",
            ["a --> b"],
            r"line 6: its times '00:99:01,000 --> 00:00:02,000' cannot be read \('lost'\)",
        ),
        (
            "a.srt",
            "A title\n1\n00:00:01,000 --> 00:00:02,000\none\n\nid-2\n00:00:03,000 --> 00:00:04,000\ntwo\n",
            ["one", "two"],
            r"line 6: a name in place of the number of a subtitle \('id-2'\); line 1: text before the first",
        ),
    ],
)
def test_what_is_left_out_is_told_with_its_line(write, name, text, words, why):
    """The warning shows line and words, and attrs has all of them."""
    with pytest.warns(LeftOut, match=why) as caught:
        frame = read_reference(write(name, text))
    assert frame.iloc[:, 0].tolist() == words
    assert len(frame.attrs["left_out"]) == str(caught[0].message).count("line ")
    assert caught[0].filename == __file__


def test_files_without_subtitles(write):
    """A WebVTT may have none, since a recognizer writes that for silence."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rows(read_reference(write("a.vtt", "WEBVTT\n"))) == []
    for name, text, why in [
        ("b.vtt", "1\n00:00:01,000 --> 00:00:02,000\nhi\n", "the first line is not WEBVTT"),
        ("c.vtt", "WEBVTTx\n", "the first line is not WEBVTT"),
        ("d.srt", "nothing", r"it has no subtitles; line 1: text before the first subtitle \('nothing'\)"),
        ("e.srt", "", "it has no subtitles$"),
    ]:
        with pytest.raises(TranscriptError, match=why):
            read_reference(write(name, text))
