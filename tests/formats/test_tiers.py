"""TextGrid of Praat and EAF of ELAN: numbers, labels, and which tiers are words."""

import math
import random
from itertools import pairwise
from xml.sax.saxutils import escape

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from praatio import textgrid

import speechkit_nb as sk
from speechkit_nb.errors import LeftOut, TranscriptError
from speechkit_nb.formats import read_reference

LABEL = st.one_of(
    st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=8),
    st.sampled_from(['"', '""', "intervals", "[9]:", "item", "<exists>", "!no", "xmin", "=", "1e-05", "-->"]),
)
TIME = st.floats(-1000, 1e6, allow_nan=False, width=32).map(float)


def rows(frame):
    return frame.to_numpy().tolist()


def write_long(tiers):
    """A TextGrid in the long format. A tier is its class, its name and rows of times and label."""
    text = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = -9 \nxmax = 9 \n'
    text += f"tiers? <exists> \nsize = {len(tiers)} \nitem []: \n"
    for number, (kind, name, entries) in enumerate(tiers, start=1):
        what = "points" if kind == "TextTier" else "intervals"
        text += f'    item [{number}]:\n        class = "{kind}" \n        name = {quote(name)} \n'
        text += f"        xmin = -9 \n        xmax = 9 \n        {what}: size = {len(entries)} \n"
        for place, (*times, label) in enumerate(entries, start=1):
            text += f"        {what} [{place}]:\n" + "".join(f"            t = {t} \n" for t in times)
            text += f"            text = {quote(label)} \n"
    return text


def write_short(tiers):
    """The same in the short format."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "-9", "9", "<exists>", len(tiers)]
    for kind, name, entries in tiers:
        lines += [quote(kind), quote(name), -9, 9, len(entries)]
        for *times, label in entries:
            lines += [*times, quote(label)]
    return "\n".join(map(str, lines)) + "\n"


def quote(text):
    return '"' + text.replace('"', '""') + '"'


def write_eaf(tiers, slots, units="milliseconds"):
    """An EAF. A tier is its attributes and annotations: id, two slots or one annotation, attributes, text."""
    order = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="{name}"' + ("/>" if value is None else f' TIME_VALUE="{value}"/>')
        for name, value in slots.items()
    )
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="{units}"/>'
    text += f"<TIME_ORDER>{order}</TIME_ORDER>"
    for attributes, notes in tiers:
        text += f"<TIER {attributes}>"
        for id, place, more, label in notes:
            kind = "REF" if isinstance(place, str) else "ALIGNABLE"
            where = (
                f'ANNOTATION_REF="{place}"'
                if isinstance(place, str)
                else f'TIME_SLOT_REF1="{place[0]}" TIME_SLOT_REF2="{place[1]}"'
            )
            text += f'<ANNOTATION><{kind}_ANNOTATION ANNOTATION_ID="{id}" {where} {more}><ANNOTATION_VALUE>'
            text += f"{escape(label)}</ANNOTATION_VALUE></{kind}_ANNOTATION></ANNOTATION>"
        text += "</TIER>"
    return text + "</ANNOTATION_DOCUMENT>"


@pytest.fixture
def write(tmp_path):
    """A function that writes a file and returns its path."""

    def written(name, text, encoding="utf-8"):
        (tmp_path / name).write_text(text, encoding=encoding)
        return tmp_path / name

    return written


@given(
    st.lists(st.tuples(TIME, TIME, LABEL), max_size=8),
    st.sampled_from([write_long, write_short]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]),
)
def test_words_written_into_a_textgrid_come_back(tmp_path_factory, entries, form, encoding):
    """This holds for any labels and any numbers, also negative ones and those with an exponent."""
    path = tmp_path_factory.mktemp("grid") / "a.TextGrid"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path.write_text(mark + form([("IntervalTier", "words", entries)]), encoding=encoding)
    expected = sorted(([label, start, end] for start, end, label in entries), key=lambda row: row[1:])
    assert rows(read_reference(path)) == expected


@given(st.lists(LABEL.filter(lambda label: label.strip() == label), max_size=8))
def test_praatio_reads_what_we_read(tmp_path_factory, labels):
    """An independent reader of the same file; its words are not empty and stand in order."""
    path = tmp_path_factory.mktemp("grid") / "a.TextGrid"
    entries = [(float(at), float(at + 1), label) for at, label in enumerate(labels)]
    grid = textgrid.Textgrid()
    grid.addTier(
        textgrid.IntervalTier("words", [(0.0, 1.0, "x"), *((s + 1, e + 1, w) for s, e, w in entries)])
    )
    grid.save(str(path), "short_textgrid", includeBlankSpaces=True)
    there = textgrid.openTextgrid(str(path), includeEmptyIntervals=False).getTier("words").entries
    assert rows(read_reference(path)) == [[label, start, end] for start, end, label in there]


def test_a_textgrid_that_is_called_txt_or_something_else(write):
    """It is known by its first lines."""
    text = write_long([("IntervalTier", "words", [(0, 1, "a")])])
    for name in ("a.txt", "a.lab", "grid"):
        assert rows(read_reference(write(name, text))) == [["a", 0.0, 1.0]]


def test_tiers_of_one_name_are_channels(write):
    """They are numbered by their position, also if they are chosen by name."""
    tiers = [("IntervalTier", "words", [(0, 1, word)]) for word in "ab"]
    path = write("a.TextGrid", write_short(tiers))
    for found in (read_reference(path), read_reference(path, tiers="words")):
        assert rows(found) == [["0", "a", 0.0, 1.0], ["1", "b", 0.0, 1.0]]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["word", "word-pos", "keywords"], ["word"]),
        (["phones", "Words", "words 2"], ["Words", "words 2"]),
        (["Ann - words", "Ann - phones", "Bob - words"], ["Ann - words", "Bob - words"]),
        (["A_phrase", "A_word-txt-qaa", "A_word-gls-en", "A_word-pos"], ["A_word-txt-qaa"]),
        (["utterances@Ann", "words@Ann", "words@Bob"], ["words@Ann", "words@Bob"]),
        (["слова", "перевод"], ["слова"]),
    ],
)
@pytest.mark.parametrize("suffix", ["TextGrid", "eaf"])
def test_tiers_of_words_have_exact_names(write, names, chosen, suffix):
    """What is not read is told, but for tiers of phones."""
    if suffix == "eaf":
        tiers = [(f'TIER_ID="{name}"', [(f"a{i}", ("s", "e"), "", f"w{i}")]) for i, name in enumerate(names)]
        path = write("a.eaf", write_eaf(tiers, {"s": 0, "e": 1000}))
    else:
        tiers = [("IntervalTier", name, [(0, 1, f"w{i}")]) for i, name in enumerate(names)]
        path = write("a.TextGrid", write_long(tiers))
    silent = [name for name in names if "phones" in name]
    left = [name for name in names if name not in [*chosen, *silent]]
    if left:
        with pytest.warns(LeftOut, match=rf"left out: tier '{left[0]}': not a tier of words; see tiers="):
            frame = read_reference(path)
    else:
        frame = read_reference(path)
    assert frame["word"].tolist() == [f"w{names.index(name)}" for name in chosen]
    assert [part["place"] for part in frame.attrs.get("left_out", [])] == [f"tier {name!r}" for name in left]
    assert "left_out" not in read_reference(path, tiers=names[-1]).attrs  # chosen by the user


def test_keywords_beside_a_transcript_must_be_chosen(write):
    """Neither is called words."""
    tiers = [("IntervalTier", "keywords", [(0, 1, "a")]), ("IntervalTier", "transcript", [(0, 1, "a b")])]
    with pytest.raises(
        TranscriptError, match="no tier is called 'words'; there are 'keywords', 'transcript'"
    ):
        read_reference(write("a.TextGrid", write_long(tiers)))


def test_points_have_no_end(write):
    """A tier of points is never read as words, and told if it has labels."""
    points, other = ("TextTier", "words", [(1, "a")]), ("IntervalTier", "Ann", [(0, 1, "b")])
    path = write("a.TextGrid", write_long([points]))
    for tiers in (None, "words"):
        with pytest.raises(
            TranscriptError, match="its tier 'words' has points, not intervals; make it a tier of"
        ):
            read_reference(path, tiers=tiers)
    with pytest.warns(LeftOut, match="tier 'words': its points"):
        assert rows(read_reference(write("b.TextGrid", write_short([points, other])))) == [["b", 0.0, 1.0]]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            write_short([("IntervalTier", "words", [("1" * 400, 2, "a")])]),
            r"line 13 has '1{57}\.\.\.' where a time",
        ),
        (
            write_short([("IntervalTier", "words", [("nan", 2, "a")])]),
            r"line 15 has 'a' where a time belongs",
        ),
        (write_short([("IntervalTier", "words", [(0, 1, "a")])])[:-4], r"it ends where a label belongs"),
        (
            write_short([("IntervalTier", "words", [(0, 1, "a")])])[:-2],
            r"line 15 opens a label that has no end",
        ),
        (
            write_short([("IntervalTier", "words", [(0, 1, "a")])]) + '"b"',
            r"line 16 has 'b' where the end of the",
        ),
        (write_short([("Sound", "words", [])]), r"line 8 has 'Sound' where the class of a tier"),
        (
            'File type = "ooTextFile"\nObject class = "Collection"\n',
            r"it is a collection of Praat objects; save",
        ),
        ("ooBinaryFile\x08TextGrid\0", r"it is a binary TextGrid; save the TextGrid in Praat as a text file"),
        ('File type = "ooTextFile"\nObject class = "TextGrid"\n0 1 <absent>', "it has no tier of intervals"),
    ],
)
def test_a_broken_textgrid_is_told_with_its_line(write, text, why):
    """One clear error, with the line and what belongs there."""
    with pytest.raises(TranscriptError, match=why):
        read_reference(write("a.TextGrid", text))


def test_words_that_divide_an_utterance_have_its_times_and_their_order(write):
    """Symbolic subdivision and association of ELAN; `compare` takes a word that is there twice."""
    words = [("w3", "a1", 'PREVIOUS_ANNOTATION="w2"', "нет"), ("w1", "a1", "", "да")]
    words += [("w2", "a1", 'PREVIOUS_ANNOTATION="w1"', "да"), ("w4", "a2", "", "ещё")]
    utterances = [("a1", ("s", "m"), "", "да да нет"), ("a2", ("m", "e"), "", "ещё")]
    tiers = [('TIER_ID="A"', utterances), ('TIER_ID="B" LINGUISTIC_TYPE_REF="words" PARENT_REF="A"', words)]
    path = write("a.eaf", write_eaf(tiers, {"s": -500, "m": 900, "e": 1500}))
    with pytest.warns(LeftOut, match="tier 'A': not a tier of words"):
        frame = read_reference(path)
    assert rows(frame) == [["да", -0.5, 0.9], ["да", -0.5, 0.9], ["нет", -0.5, 0.9], ["ещё", 0.9, 1.5]]
    assert sk.compare({"a": frame}, frame).summary.loc["a", "wer"] == 0
    with pytest.raises(sk.errors.SchemaError, match="8 words are duplicate words"):
        sk.compare({"a": pd.concat([frame, frame])}, frame)


def test_slots_without_a_time_lie_between_their_neighbours(write):
    """Annotations that divide a stretch of time share it; where no time is known it is NaN, which is told."""
    words = [(f"a{i}", pair, "", f"w{i}") for i, pair in enumerate(pairwise("abcd"))]
    alone = ("a9", ("x", "y"), "", "alone")
    tiers = [('TIER_ID="words"', [*words, alone])]
    path = write("a.eaf", write_eaf(tiers, {"a": 100, "b": None, "c": None, "d": 400, "x": None, "y": 500}))
    with pytest.warns(LeftOut, match="tier 'words', annotation a9: its times are missing"):
        frame = read_reference(path)
    assert rows(frame.fillna(-1.0)) == [*([f"w{i}", 0.1, 0.4] for i in range(3)), ["alone", -1.0, 0.5]]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 900), LABEL), max_size=8))
def test_words_written_into_an_eaf_come_back(tmp_path_factory, said):
    """This holds for any text that XML can hold."""
    path = tmp_path_factory.mktemp("eaf") / "a.eaf"
    slots = {f"{side}{i}": at for i, (s, n, _) in enumerate(said) for side, at in (("s", s), ("e", s + n))}
    notes = [(f"a{i}", (f"s{i}", f"e{i}"), "", word) for i, (*_, word) in enumerate(said)]
    random.Random(0).shuffle(notes)
    path.write_text(write_eaf([('TIER_ID="words"', notes)], slots), encoding="utf-8")
    expected = [[word, start / 1000, (start + length) / 1000] for start, length, word in said]
    assert sorted(rows(read_reference(path))) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<no", r"it is not an EAF file \(unclosed token: line 1, column 0\)"),
        ("<html/>", r"it is not an EAF file \(it is XML with the root html\)"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', r"it is XML with a DOCTYPE, which ELAN does not write"),
        (
            write_eaf([], {}, "PAL-frames"),
            r"its times are in PAL-frames; save it in ELAN with times in millisec",
        ),
        (write_eaf([], {"s": "soon"}), r"its time slot 's' has 'soon' where milliseconds belong"),
        (write_eaf([], {}), r"it has no tier of intervals"),
    ],
)
def test_a_broken_eaf_is_told(write, text, why):
    """One clear error that says what is wrong."""
    with pytest.raises(TranscriptError, match=why):
        read_reference(write("a.eaf", text))


def test_references_in_a_circle_end(write):
    """A file can be wrong in this way; its words have no times."""
    tiers = [
        (
            'TIER_ID="words"',
            [("a", "b", 'PREVIOUS_ANNOTATION="b"', "x"), ("b", "a", 'PREVIOUS_ANNOTATION="a"', "y")],
        )
    ]
    with pytest.warns(LeftOut, match="2 parts left out: tier 'words', annotation a: its times are missing"):
        frame = read_reference(write("a.eaf", write_eaf(tiers, {})))
    assert frame["word"].tolist() == ["x", "y"]
    assert all(map(math.isnan, frame["start"]))
