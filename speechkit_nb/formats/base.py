"""Classes for file formats and the content of files, and what several readers need."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16, so it comes first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_CLOCK = re.compile(
    r"(?:([0-9]{1,5}) days?,? )?(?:([0-9]{1,4}):)?([0-5]?[0-9]):([0-5]?[0-9])(?:[.,]([0-9]{1,9}))?"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f]")
_LONGEST = 60  # characters of a file that a message shows


class Omission(NamedTuple):
    """Something in a file that is not in the frame.

    Attributes:
        place: where it is in the file, such as `line 7`.
        reason: why it was left out.
        text: its words, if it has some.
    """

    place: str
    reason: str
    text: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}" + (f" ({shorten(self.text)})" if self.text else "")


class FileContent(NamedTuple):
    """Content of one file.

    Attributes:
        frame: has the column `word` or `text`.
        recordings: ids of the recordings that the file names, also of those without words.
        source: path of the audio, if the file is a saved transcript that has it; default: None.
        left_out: what is in the file and not in the frame.
    """

    frame: pd.DataFrame
    recordings: frozenset[str] = frozenset()
    source: str | None = None
    left_out: tuple[Omission, ...] = ()


class UnreadableFile(Exception):
    """What is wrong in a file. The caller of the reader adds the path to the message."""


@dataclass(frozen=True)
class Format:
    """One file format.

    Attributes:
        name: name in messages.
        suffixes: in the usual spelling; the comparison ignores case.
        read: reads a path; raises UnreadableFile if the content is broken.
        recognize: whether the content of an existing file has this format, with any suffix; None if the
            format is known only by its suffix.
        write: writes a frame to a path; None if the format is only read.
        has_tiers: whether `read` takes `tiers`, the names of the tiers to read.
        is_sorted: whether rows are sorted by time after reading; False keeps the order of the file.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[..., FileContent]
    recognize: Callable[[Path], bool] | None = None
    write: Callable[[pd.DataFrame, Path], None] | None = None
    has_tiers: bool = False
    is_sorted: bool = True

    def has_suffix(self, path: Path) -> bool:
        """Whether the name of the file ends in a suffix of this format."""
        return path.suffix.lower() in map(str.lower, self.suffixes)


def read_text(path: Path) -> str:
    r"""The text of a file, in UTF-8, or in UTF-16 or UTF-32 with a byte order mark. Lines end in `\n`.

    Raises:
        OSError: if the file cannot be opened.
        UnreadableFile: if it has another encoding, or is no text.
    """
    return decode_text(path.read_bytes())


def decode_text(content: bytes) -> str:
    """The text in the bytes of a file, as `read_text` returns it."""
    mark, encoding = next((pair for pair in _MARKS if content.startswith(pair[0])), (b"", "utf-8"))
    body = content[len(mark) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        name = encoding.upper().removesuffix("-LE").removesuffix("-BE")
        byte = f"line {line} has the byte 0x{body[error.start]:02x}"
        raise UnreadableFile(f"it is not in {name}; save it as UTF-8 first ({byte})") from None
    if "\0" in text or len(_CONTROLS.findall(text)) > len(text) / 4:
        raise UnreadableFile(
            "it has NUL or control characters: it is no text, or in UTF-16 without a byte order mark; save "
            "it as UTF-8 first"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_head(path: Path) -> str:
    """The first characters of a file; "" if it is no text."""
    with path.open("rb") as file:
        head = file.read(256)
    for cut in range(4):  # the last character may be cut
        try:
            return decode_text(head[: len(head) - cut])
        except UnreadableFile:
            pass
    return ""


def parse_seconds(text: str) -> float | None:
    """A time in seconds: a number, or minutes and seconds with or without hours; None if it is neither.

    >>> parse_seconds("1e-05"), parse_seconds("00:01:02,5"), parse_seconds("0 days 00:00:00.25")
    (1e-05, 62.5, 0.25)
    >>> parse_seconds("1" * 400)
    """
    if _NUMBER.fullmatch(text):
        seconds = float(text)
        return seconds if math.isfinite(seconds) else None
    if clock := _CLOCK.fullmatch(text):
        days, hours, minutes, whole, fraction = (group or "0" for group in clock.groups())
        hours_ = int(days) * 24 + int(hours)
        return float(f"{hours_ * 3600 + int(minutes) * 60 + int(whole)}.{fraction}")
    return None


def split_words(text: str) -> list[str]:
    r"""The words of a text. A no-break space does not end a word.

    >>> split_words("10\xa0000  days\n")
    ['10\xa0000', 'days']
    """
    return [word for word in re.split(r"[ \t\n\r\f\v]+", text) if word and not word.isspace()]


def list_names(names: Sequence[str]) -> str:
    """The first twenty names of something, as a message lists what there is."""
    shown = ", ".join(map(shorten, names[:20])) or "none"
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def shorten(text: str) -> str:
    """A text in quotation marks, cut if it is long, as messages show it."""
    return repr(text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...")
