"""Plain text, files of other programs that look like it, encodings, and what is no file."""

import os
from pathlib import Path

import pytest

from speechkit_nb.errors import ConfigError, LeftOut, TranscriptError
from speechkit_nb.formats import read_reference, read_words

KALDI = "utt1 hello world\nutt2 good morning\n"
AUDACITY = "0.00\t0.41\thello\n0.41\t1.00\tworld\n"
TRN = "hello world (spk1_utt1)\ngood morning (spk1_utt2)\n"
HTK = "0 3200000 sil\n3200000 6000000 hello\n"
CTM = "talk A 0.0 0.5 hello\ntalk A 0.5 0.5 world\n"
STM = "talk 1 ann 0.0 5.0 <o,f0,f> hello world\n"
RTTM = "SPEAKER talk 1 0.0 1.2 <NA> <NA> ann <NA> <NA>\n"
SRT = "1\n00:00:01,000 --> 00:00:02,000\nhello\n"
WHISPER = '{"text": "hello", "segments": [], "language": "en"}'
SEGLST = '[{"session_id": "a", "words": "hello", "speaker": "x"}]'
NEMO = '{"audio_filepath": "a.wav", "text": "hello"}\n{"audio_filepath": "b.wav", "text": "you"}\n'

OTHERS = [
    (KALDI, r"Kaldi's text"),
    ("1089-134686-0000 HE HOPED\n1089-134686-0001 STUFF IT\n", r"Kaldi's text"),
    ("ann_call-a hello\nann_call-b\n", r"Kaldi's text"),
    ("utt-001 hello\n", r"Kaldi's text"),
    (AUDACITY, r"labels of Audacity"),
    ("0,00\t0,41\n", r"labels of Audacity"),
    (HTK, r"labels of HTK"),
    ("0.00 0.41 hello\n0.41 1.00 world\n", r"labels of HTK"),
    (TRN, r"TRN"),
    (CTM, r"CTM"),
    (STM, r"STM"),
    (RTTM, r"RTTM"),
    (SRT, r"subtitles"),
    ("[00:00.000 --> 00:01.000]  hello\n", r"subtitles"),
    ("#!MLF!#\n*/a.lab\n", r"HTK's MLF"),
    ("[00:01] hello\n[01:02:03] you\n", r"a text with times"),
    ("0:00:01.5 hello\n0:00:02 you\n", r"a text with times"),
    ("hello\t0.5\t1.0\nyou\t1\t2\n", r"a table without a header"),
    ("hello;0,5;1,0\nyou;1;2\n", r"a table without a header"),
    ("word\tstart\tend\nhello\t0\t1\n", r"a table"),
    (WHISPER, r"JSON with 'text', 'segments', 'language' at its top, as Whisper writes it"),
    ('{"metadata": {}, "results": {}}', r"JSON .*as Deepgram writes it"),
    ('{"results": []}', r"JSON .*as Google writes it"),
    ('{"RecognitionStatus": "Success", "NBest": []}', r"JSON .*as Azure writes it"),
    (SEGLST, r"JSON .*as SegLST writes it"),
    (NEMO, r"JSON .*as NeMo writes it"),
    ("[1, 2]", r"JSON,"),
    ("<?xml version='1.0'?><a/>", r"XML"),
]


@pytest.mark.parametrize(("text", "what"), OTHERS)
def test_files_of_other_programs_are_not_read_as_words(tmp_path, text, what):
    """Their ids and times would become words; the error says what it looks like."""
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(
        TranscriptError, match=rf"a.txt': it looks like {what}.*not plain text, and its ids or"
    ):
        read_reference(path)
    with pytest.raises(TranscriptError, match=rf"the reference: cannot read '.*it looks like {what}"):
        read_words(path, "the reference")


@pytest.mark.parametrize("name", ["a.json", "a.trn", "a.lab", "a.rttm", "text"])
@pytest.mark.parametrize(
    ("text", "what"), [(WHISPER, "JSON with .*as Whisper"), (TRN, "TRN"), (KALDI, "Kaldi")]
)
def test_a_file_of_no_known_format_is_described(tmp_path, name, text, what):
    """The message has what it looks like, and what can be read."""
    (tmp_path / name).write_text(text)
    with pytest.raises(
        TranscriptError, match=rf"{name}' has no known format; it looks like {what}.*; the known suffixes are"
    ):
        read_reference(tmp_path / name)


@pytest.mark.parametrize(
    "text",
    [
        "7 days ago\n8 people came",
        "B52 is a plane",
        "covid-19 is over",
        "In a word, start, they said",
        "Well - yes.\nWell - no.",
        "one\n\ntwo",
        "[laughter] hello",
        "{a / b} c",
        "It was 3.5 and 4.5 percent",
        "see a --> b",
        "over 10 20 30 people",
        "He said (quietly)\nShe said (loudly)",
        "well-known\nx-ray",
        "7:30 we met\n8:00 we left",
        "we have 1,200,000 people",
        "so, 10,20,30",
    ],
)
def test_plain_text_stays_plain_text(tmp_path, text):
    """Numbers, marks and names in it are words."""
    (tmp_path / "a.txt").write_text(text)
    assert read_reference(tmp_path / "a.txt")["text"].tolist() == [text]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "утро"),
        ("a.csv", "word,start,end\r\nутро,0,1\r\n"),
        ("a.ctm", "r A 0 1 утро"),
        ("a.stm", "r A s 0 1 утро\r"),
        ("a.srt", "1\r\n00:00,0 --> 00:01,0\r\nутро"),
        ("a.vtt", "WEBVTT\r\r00:00.000 --> 00:01.000\rутро"),
        (
            "a.eaf",
            '<?xml version="1.0" encoding="UTF-8"?><ANNOTATION_DOCUMENT><TIER TIER_ID="words"><ANNOTATION>'
            '<ALIGNABLE_ANNOTATION ANNOTATION_ID="a"><ANNOTATION_VALUE>утро</ANNOTATION_VALUE>'
            "</ALIGNABLE_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>",
        ),
        (
            "a.TextGrid",
            'File type = "ooTextFile"\nObject class = "TextGrid"\n0 1 <exists> 1 "IntervalTier" "words" '
            '0 1 1 0 1 "утро"',
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*its times are missing:speechkit_nb.errors.LeftOut")
def test_unicode_with_its_mark_is_read_in_every_format(tmp_path, name, content, encoding):
    """Line ends may be those of any system."""
    (tmp_path / name).write_bytes(content.encode(encoding))
    frame = read_reference(tmp_path / name)
    assert frame["text" if "text" in frame else "word"].tolist() == ["утро"]


@pytest.mark.parametrize(
    "name", ["a.txt", "a.csv", "a.ctm", "a.stm", "a.srt", "a.vtt", "a.eaf", "a.TextGrid"]
)
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            "word\nутро".encode("cp1251"),
            r"it is not in UTF-8; save it as UTF-8 first \(line 2 has the byte 0xf3\)",
        ),
        ("утро".encode("utf-16-le"), r"it has NUL or control characters: it is no text"),
        (
            "morning".encode("utf-16-le"),
            r"it has NUL or control characters: it is no text, or in UTF-16 without a byte order",
        ),
        (b"a\0b", r"it has NUL or control characters: it is no text"),
        (b"\xff\xfea", r"it is not in UTF-16; save it as UTF-8 first \(line 1 has the byte 0x61\)"),
    ],
)
def test_other_encodings_are_one_clear_error_in_every_format(tmp_path, name, content, why):
    """Nothing is guessed."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TranscriptError, match=rf"{name}': ({why})"):
        read_reference(tmp_path / name)


def test_what_is_no_file(tmp_path):
    """Folders, pipes and devices, and things that are no path; none of them is waited for."""
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "zero.txt").symlink_to("/dev/zero")
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    for path, why in [
        (tmp_path, "it is a folder; read its files one by one"),
        (tmp_path / "pipe.txt", "it is a pipe or a device, not a file"),
        (tmp_path / "zero.txt", "it is a pipe or a device, not a file"),
        (tmp_path / "loop.txt", "Too many levels of symbolic links"),
        (tmp_path / "none.docx", "No such file"),
        (tmp_path / ("a" * 300), "File name too long"),
        ("a\0b.txt", "embedded null byte"),
    ]:
        with pytest.raises(TranscriptError, match=rf"cannot read '.*': {why}"):
            read_reference(path)
    for given in (None, 3, ["a.txt"], Path):
        with pytest.raises(
            ConfigError, match=r"path is of type \w+; it must be the path of a file, a str or Path"
        ):
            read_reference(given)
    with (
        (tmp_path / "a.txt").open("w") as file,
        pytest.raises(ConfigError, match="path is of type TextIOWrapper"),
    ):
        read_reference(file)
    assert read_reference(os.fsencode(tmp_path / "a.txt"))["text"].tolist() == [""]


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    """One clear error that names the folder."""

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ConfigError, match=r"system 'a': cannot read '.*': Permission denied"):
        read_words(tmp_path, "system 'a'")


def test_wrong_options_are_told(tmp_path):
    """Tiers are names, and a recording is one."""
    (tmp_path / "a.TextGrid").write_text("")
    for tiers in ([], 3, [None], {}):
        with pytest.raises(
            ConfigError, match=r"tiers is .*; it must be the name of a tier, or a list of names"
        ):
            read_reference(tmp_path / "a.TextGrid", tiers=tiers)
    with pytest.raises(ConfigError, match="recording is of type int; it must be an id, a str"):
        read_reference(tmp_path / "a.TextGrid", recording=3)


def test_nist_files_divide_fields_by_blanks_and_tabs_only(tmp_path):
    """Other spaces are letters of a word; a line with # is no comment of NIST, which is told."""
    (tmp_path / "a.ctm").write_text(
        "r A 0 1 10\u00a0000\nr\tA\t1\t1\ta\u0085b\u2028c\n# r A 2 1 x\n;; no\n", "utf-8"
    )
    with pytest.warns(
        LeftOut, match=r"a.ctm: 1 part left out: line 3: it begins with #; comments begin with ;;"
    ):
        assert read_reference(tmp_path / "a.ctm")["word"].tolist() == ["10\u00a0000", "a\u0085b\u2028c"]
    (tmp_path / "a.stm").write_text(
        "r A s 0 1 <unk> yes\nr A s 1 2 <o,f0> no\nr A s 2 3 <o,f0>\nr A s 3 4 <x y\n"
    )
    with pytest.warns(LeftOut, match=r"line 1: taken for a label of the segment \('<unk>'\)$"):
        assert read_reference(tmp_path / "a.stm")["text"].tolist() == ["yes no <x y"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x\n", r"line 1 has 1 field; there should be recording, channel, start, duration, word"),
        ("r A nan 1 a\n", r"line 1 has 'nan' where a time in seconds belongs"),
        (f"r A 0 {'9' * 400} a\n", r"line 1 has '9{57}\.\.\.' where a time in seconds belongs"),
        ("r A * * <ALT_BEGIN>\nr A 0 1 a\n", r"its last group of alternatives has no <ALT_END>"),
        ("r A 0 1 a\nr A * * <ALT>\n", r"line 2 has <ALT> outside a group of alternatives"),
        (
            "r A * * <ALT_BEGIN>\nr A * * <ALT_BEGIN>\n",
            r"line 2 has <ALT_BEGIN> inside a group of alternatives",
        ),
    ],
)
def test_a_broken_ctm_is_told_with_its_line(tmp_path, text, why):
    """One clear error."""
    (tmp_path / "a.ctm").write_text(text)
    with pytest.raises(TranscriptError, match=why):
        read_reference(tmp_path / "a.ctm")


def test_channels_that_would_be_one_keep_their_names(tmp_path):
    """A and 1 would both be the channel 0."""
    (tmp_path / "a.ctm").write_text("r A 0 1 a\nr 1 0 1 b\n")
    assert read_reference(tmp_path / "a.ctm")["channel_tag"].tolist() == ["A", "1"]
