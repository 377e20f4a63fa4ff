"""Tables in text files: delimiters, headers, units and cells that are wrong."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechkit_nb.errors import LeftOut, TranscriptError
from speechkit_nb.formats import read_reference

WORD = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
    st.sampled_from(["a\nb", '"', "-->", "NA", "<b>", "&amp;"]),
)
TIME = st.one_of(st.just(None), st.integers(0, 10**7).map(lambda ms: ms / 1000))


def rows(frame):
    return frame.to_numpy().tolist()


@given(
    st.lists(st.tuples(WORD, TIME, TIME), min_size=1, max_size=8),
    st.sampled_from([(",", "."), (";", ","), (";", "."), ("\t", ","), ("\t", "."), ("|", ",")]),
    st.booleans(),
)
def test_words_written_into_a_table_come_back(tmp_path_factory, said, marks, quotes_all):
    """This holds for any words and delimiters, decimal points and commas, and for empty cells of time."""
    delimiter, point = marks
    cells = [
        (word, *("" if time is None else f"{time:.3f}".replace(".", point) for time in times))
        for word, *times in said
    ]
    buffer = io.StringIO()
    writer = csv.writer(
        buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL
    )
    writer.writerow(["word", "start", "end"])
    writer.writerows(cells)
    path = tmp_path_factory.mktemp("table") / "a.csv"
    path.write_text(buffer.getvalue(), encoding="utf-8-sig", newline="")
    found = read_reference(path)
    key = [(word, -1.0 if s is None else s, -1.0 if e is None else e) for word, s, e in said]
    if all(s is not None for _, s, _ in said):
        key = sorted(key, key=lambda row: (row[1], row[2] if row[2] >= 0 else float("inf")))
    assert rows(found.fillna(-1.0)) == [list(row) for row in key]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("word;start;end", "a;0,5;1,0"),
        ("word, start, end", '"a", 0.5, 1'),
        ("Word\tBegin\tStop", "a\t0.5\t1"),
        ("from|to|WORD", "0.5|1|a"),
        (" word ,start_time,end_time", "a,0.5,1"),
        ("word,start (ms),end [ms]", "a,500,1000"),
        ("word,Start_s,End_s", "a,00:00:00.5,0:01"),
        ("word,start,duration", "a,0.5,0.5"),
        ("sep=;\nword; start; end", "a; 0,5; 1"),
        ("tmin,word,tmax", "0.5,a,1"),
        ("word,start,end", "a,0 days 00:00:00.500000,0 days 00:00:01"),
    ],
)
def test_the_usual_spellings_of_a_header(write, header, row):
    """Case and blanks do not matter; the unit may stand in the header."""
    assert read_reference(write("a.csv", f"{header}\n{row}\n")).to_dict("records") == [
        {"word": "a", "start": 0.5, "end": 1.0}
    ]


def test_tables_of_tabs_may_be_called_tsv(write):
    """Whisper writes whole milliseconds into them, which are not taken for seconds."""
    assert rows(read_reference(write("a.tsv", "start\tend\ttext\n1\t2\tb\n0\t1\ta\n"))) == [["a b"]]
    path = write("b.tsv", "start\tend\ttext\n0\t3200\thello you\n3200\t6000\tbye\n")
    with pytest.raises(
        TranscriptError, match="rows last 3000 s or more, so its times seem to be milliseconds; call"
    ):
        read_reference(path)
    path.write_text(path.read_text().replace("start\tend", "start_ms\tend_ms"))
    assert rows(read_reference(path)) == [["hello you bye"]]


def test_rows_without_times_keep_their_place(write):
    """Sorting by time would bring them to the end."""
    frame = read_reference(write("a.csv", "word,start,end\na,0,1\nb,,\nc,2,NaN\nd,1.5,2\n"))
    assert frame["word"].tolist() == ["a", "b", "c", "d"]
    assert frame["end"].isna().tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("word,start\na,1\n", ["start"]),
        ("word,Offset,Duration\na,1,2\n", ["Offset", "duration"]),
        ("word,Start of word\na,1\n", ["Start of word"]),
        ("word,speaker,timeout\na,b,c\n", []),
        ("text,duration\na,2\n", []),
        ("text,start\na,2\n", []),
    ],
)
def test_times_that_are_not_read_are_told(write, text, told):
    """Times need a start and an end; other columns that seem to be times have another name."""
    path = write("a.csv", text)
    if told:
        with pytest.warns(
            LeftOut, match=rf"column '{told[0]}': not read as times; the names are start, and end"
        ):
            frame = read_reference(path)
    else:
        frame = read_reference(path)
    assert frame["word" if "word" in frame else "text"].tolist() == ["a"]
    assert [part["place"] for part in frame.attrs.get("left_out", [])] == [
        f"column {name!r}" for name in told
    ]


def test_only_the_first_alternative_is_read(write):
    """Alternatives are counted from 0 or from 1; an empty cell is the first."""
    for numbers in ("0,1", "1,2", "0.0,1.0", ",1"):
        first, second = numbers.split(",")
        path = write("a.csv", f"word,alternative\na,{first}\nb,{second}\nc,{first}\n")
        assert read_reference(path)["word"].tolist() == ["a", "c"]


def test_the_column_channel_is_the_tag_unless_there_is_one(write):
    """With both, channel is one more column."""
    assert rows(read_reference(write("a.csv", "word,channel\na,1\n"))) == [["1", "a"]]
    frame = read_reference(write("b.csv", "word,channel,channel_tag\na,left,1\n"))
    assert frame.to_dict("records") == [{"channel_tag": "1", "word": "a", "channel": "left"}]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("word,start,end\na,0,5,1\n", r"line 2 has 4 cells and the header 3; cells are divided by ','"),
        ("word,start,end\na,0,1\n\nb,0.\n", r"line 4 has 2 cells and the header 3"),
        ("word,start,end\na,0,inf\n", r"line 2 has 'inf' in end; start and end are seconds"),
        (f"word,start,end\na,0,{'9' * 400}\n", r"line 2 has '9{57}\.\.\.' in end; start and end are seconds"),
        (
            'word\tstart\n"\t0\nb\t1\n"\t2\n',
            r"line 4 has a word of several lines, '.*; a quotation mark that is",
        ),
        ('word,start\n"a,0\nb,1\n', r"line 3 cannot be read: unexpected end of data"),
        ("word,begin,from\na,0,1\n", r"it has 2 columns for start \('begin', 'from'\); keep one"),
        ("word,x,x\na,0,1\n", r"it has the column 'x' twice; keep one"),
        ("word,alternative\na,best\n", r"line 2 has 'best' where a number belongs"),
        (" \n", r"No columns: it is empty"),
    ],
)
def test_a_broken_table_is_told_with_its_line(write, text, why):
    """One clear error; no cell is guessed."""
    with pytest.raises(TranscriptError, match=why):
        read_reference(write("a.csv", text))


def test_a_long_text_in_one_cell(write):
    """It has more characters than a reader of CSV takes by default."""
    text = "word " * 50_000
    assert read_reference(write("a.csv", f"text\n{text}\n"))["text"][0] == text
