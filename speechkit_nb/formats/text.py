"""Plain text, and what other programs write into files that look like it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd

from .base import FileContent, UnreadableFile, read_text, shorten

_NUMBER = r"-?[0-9]+(?:[.,][0-9]+)?"
_PLACE = r"\S+[ \t]+[A-Ha-h0-9][ \t]+"  # recording and channel
_LINES = {  # what it is, and what each of its lines looks like
    "RTTM (who speaks when)": r"(?:SPEAKER|LEXEME|SEGMENT|SPKR-INFO)[ \t]+\S+[ \t].*",
    "labels of Audacity (start, end and label in each line)": rf"{_NUMBER}\t{_NUMBER}(?:\t.*)?|\\\t.*",
    "labels of HTK (.lab: start, end and label in each line)": (
        r"(?:[0-9]+[ \t]+[0-9]{5,}|[0-9]+\.[0-9]+[ \t]+[0-9]+\.[0-9]+)[ \t]+\S.*"
    ),
    "CTM": rf"{_PLACE}{_NUMBER}[ \t]+{_NUMBER}[ \t]+\S+(?:[ \t]+\S+)?",
    "STM": rf"{_PLACE}\S+[ \t]+{_NUMBER}[ \t]+{_NUMBER}[ \t].*",
    "a text with times": r"(?:\[[0-9]+:[0-9:.,]+\]|\([0-9]+:[0-9:.,]+\)|[0-9]+:[0-9]+:[0-9.,]+).*",
    "a table without a header": (
        rf"[^\t;,]+(?:\t{_NUMBER}\t{_NUMBER}(?:\t.*)?|(?:[;,]{_NUMBER}){{2}}(?:[;,].*)?)"
    ),
    "TRN (each line ends in the id of an utterance)": (
        r".*\((?=[^()\s]*[^\W\d_])(?=[^()\s]*[0-9_])[^()\s]+\)"
    ),
}
_ID = re.compile(  # a digit and a letter, or parts, or a long number
    r"(?=\S*[0-9])(?=\S*[^\W\d_])\w(?:\S*\w)?|[^\W_]+(?:[-_.]+[^\W_]+)+|0[0-9]+|[0-9]{5,}"
)
_CERTAIN_ID = re.compile(  # a single line is no pattern
    r"(?:utt|utterance|spk|rec|seg|file|call)\S*[0-9]|(?=\S*[0-9]{3})[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+){2,}"
    r"|(?=\S*[0-9])[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+"
)
_KALDI = "Kaldi's text (each line begins with the id of an utterance)"
_TABLE = {"word", "text"}, {"start", "begin", "end", "stop", "recording", "duration"}
_VENDORS = (  # and keys at the top
    ("Whisper", {"segments", "language"}),
    ("Deepgram", {"metadata", "results"}),
    ("Azure", {"recognizedPhrases"}),
    ("Azure", {"NBest"}),
    ("Google", {"results"}),
    ("SegLST", {"session_id", "words"}),
    ("NeMo", {"audio_filepath"}),
)


def read_txt(path: Path) -> FileContent:
    """Read the whole file as one text.

    Raises:
        UnreadableFile: if it has more than text, such as ids or times.
    """
    text = read_text(path)
    if what := describe_content(text):
        raise UnreadableFile(
            f"it looks like {what}, not plain text, and its ids or times would be read as words; if it is "
            "text, pass the text itself: Path(...).read_text()"
        )
    return FileContent(pd.DataFrame({"text": pd.Series([text.strip()], dtype="str")}))


def describe_content(text: str) -> str | None:
    """What a text is if it is not plain text: the name of its format; None if it seems to be plain text.

    >>> describe_content("0.00\\t0.41\\thello\\n0.41\\t1\\tworld\\n")
    'labels of Audacity (start, end and label in each line)'
    >>> describe_content("call-1 hello world\\ncall-2 good morning\\n")
    "Kaldi's text (each line begins with the id of an utterance)"
    >>> describe_content("It was 7 in the morning.\\nHe said yes.")
    """
    lines = [line.strip(" ") for line in text.split("\n") if line.strip()]
    if not lines:
        return None
    if lines[0][0] in "{[" and (what := _describe_json(text, lines[0])):
        return what
    if lines[0].startswith("<?xml"):
        return "XML"
    if lines[0].startswith("#!MLF!#"):
        return "HTK's MLF"
    if any(re.fullmatch(r"\[?[0-9:.,]+ *--> *[0-9:.,]+.*", line) for line in lines):
        return "subtitles (SRT or WebVTT)"
    header = [name.strip().casefold() for name in re.split(r"[\t,;]", lines[0])]
    if all(names & set(header) for names in _TABLE):
        return "a table (CSV)"
    for what, line_form in _LINES.items():
        if all(map(re.compile(line_form).fullmatch, lines)):
            return what
    first = [line.split(maxsplit=1) for line in lines]
    is_id = (_ID if len(lines) > 1 else _CERTAIN_ID).fullmatch
    has_ids = len({fields[0] for fields in first}) == len(lines) and all(is_id(fields[0]) for fields in first)
    return _KALDI if has_ids and any(len(fields) > 1 for fields in first) else None


def _describe_json(text: str, first: str) -> str | None:
    """What JSON it is, or lines of JSON, by the keys at its top."""
    found = None
    for part in (text, first):
        try:
            found = json.loads(part)
            break
        except (ValueError, RecursionError):
            pass
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        return None if found is None else "JSON"
    keys = ", ".join(shorten(str(key)) for key in list(found)[:4]) or "nothing"
    vendor = next((name for name, needed in _VENDORS if needed <= found.keys()), None)
    return f"JSON with {keys} at its top" + (f", as {vendor} writes it" if vendor else "")
