"""Damaged files of every format: a frame, or one clear error."""

import random
import warnings

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from speechkit_nb.errors import LeftOut, TranscriptError
from speechkit_nb.formats import read_reference

EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="milliseconds"/>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="0"/>
<TIME_SLOT TIME_SLOT_ID="t2" TIME_VALUE="900"/></TIME_ORDER>
<TIER TIER_ID="A"><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2">
<ANNOTATION_VALUE>да нет</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="words" LINGUISTIC_TYPE_REF="words">
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a2" ANNOTATION_REF="a1">
<ANNOTATION_VALUE>да</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a3" ANNOTATION_REF="a1" PREVIOUS_ANNOTATION="a2">
<ANNOTATION_VALUE>нет</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
</TIER></ANNOTATION_DOCUMENT>
"""
TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 2
        intervals: size = 2
        intervals [1]:
            xmin = -0.5
            xmax = 1
            text = "say ""да"" now"
        intervals [2]:
            xmin = 1
            xmax = 2
            text = "b"
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 2
        points: size = 1
        points [1]:
            number = 1
            mark = "x"
"""
WHOLE = {
    "a.eaf": EAF,
    "a.TextGrid": TEXTGRID,
    "a.vtt": "WEBVTT\n\nid-1\n00:01.000 --> 00:02.000 line:0\n<v Ann>a<00:00:01.700><c> b</c>\n\nNOTE x\n\n"
    "00:00:03.000 --> 00:00:04.000\nc &amp; d\n",
    "a.srt": "1\n00:00:01,000 --> 00:00:02,000\n<i>a</i> < b\n\n2\n00:00:03,5 -->\n{\\an8}c\n",
    "a.ctm": "r A 0.0 0.5 a 0.9\nr A * * <ALT_BEGIN>\nr A 0.5 1 b\nr A * * <ALT>\nr A 0.5 1 c\n"
    "r A * * <ALT_END>\n",
    "a.stm": ";; comment\n"
    "r A ann 0.0 5.0 <o,f0,f> a {b / c} d\nr B ann 0.0 5.0 ignore_time_segment_in_scoring\n",
    "a.csv": 'word;start;end;alternative\na;0,5;1,0;0\nb;;;0\n"c;d";00:00:01.5;2;1\n',
    "a.txt": "utt1 hello world\nutt2 {a / b} good morning\n",
}
PIECES = [
    b'"',
    b"\n",
    b"\r",
    b"\t",
    b",",
    b";",
    b"<",
    b">",
    b"&",
    b" --> ",
    b"1" * 400,
    b"9" * 5000,
    b"-",
    b"1e999",
]
PIECES += [
    b"nan",
    b"\xff",
    b"\xff\xfe",
    b"\0",
    b"\xc2\xa0",
    b"\xc2\x85",
    b"{",
    b"99999999",
    b" ",
    b"0",
    b"-1",
    b"!",
]
PIECES += [
    b"&#x110000;",
    b"<00:00:01.000>",
    b"\xe2\x80\xa8",
    b"<!DOCTYPE",
    b"#",
    b"<ALT>",
    b"word",
    b"t1",
    b"a3",
]


def damage(content, rng):
    """A copy with one to four pieces inserted, deleted, replaced or doubled."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, n = rng.randrange(len(content) + 1), rng.randint(0, 20)
        other = rng.randrange(len(content) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            content[at:at] = rng.choice(PIECES)
        elif kind == 1:
            content[at : at + n] = b""
        elif kind == 2:
            content[at : at + n] = rng.choice(PIECES)
        elif kind == 3:
            content[at:at] = content[other : other + 3 * n]
        else:
            content[at : at + 1] = bytes([rng.randrange(256)])
    return bytes(content)


@pytest.mark.parametrize(
    "described", [b"\xff", b"{", b"{}", b'{"index_columns": [3]}', b'{"index_columns": [], "columns": [{}]}']
)
def test_a_parquet_with_damaged_metadata_of_pandas(described, tmp_path):
    """pyarrow raises what it happens to raise; here it is one clear error that names the file."""
    table = pa.table({"word": ["a"]}).replace_schema_metadata({b"pandas": described})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(TranscriptError, match=r"^cannot read '.*a.parquet': its metadata is damaged$"):
        read_reference(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_file_is_read_or_is_one_clear_error(name, tmp_path):
    """No other exception and no other warning; the error names the file."""
    rng, frames, errors = random.Random(name), list[pd.DataFrame](), list[str]()
    path = tmp_path / name
    for _ in range(150):
        path.write_bytes(damage(WHOLE[name].encode(), rng))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", LeftOut)
            try:
                frames.append(read_reference(path))
            except TranscriptError as error:
                errors.append(str(error))
    assert all({"word", "text"} & set(frame) for frame in frames)
    assert all(repr(str(path)) in message for message in errors)
    assert min(len(frames), len(errors)) > 0
