"""TextGrid of Praat, in its long and its short text format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .base import FileContent, UnreadableFile, parse_seconds, read_head, read_text, shorten
from .tiers import Interval, Tier, read_tiers

# As Praat reads them, both formats are the same strings, flags and numbers in the same order. All other
# words, such as `xmin =` and `intervals [2]:`, are for people.
_TOKEN = re.compile(r'"([^"]*(?:""[^"]*)*)"|<([^<>\s]*)>|![^\n]*|([^\s"]+)|(")')
_NUMBER = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")
_HEADER = re.compile(r'\s*File type = "ooTextFile(?: short)?"\s+(?:Object class = )?"TextGrid[^"\n]*"')
_OTHER_FORMS = {
    "ooBinaryFile": "it is a binary TextGrid",
    '"Praat chronological': "it is a chronological TextGrid",
    'Object class = "Collection"': "it is a collection of Praat objects",
}


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


def is_textgrid(path: Path) -> bool:
    """Whether a file begins as every TextGrid in a text format does."""
    return _HEADER.match(read_head(path)) is not None


def read_textgrid(path: Path, tiers: Sequence[str] | None = None) -> FileContent:
    """Read the tiers of a TextGrid. Empty intervals are silence."""
    with path.open("rb") as file:
        head = file.read(100).decode("latin-1")
    for mark, what in _OTHER_FORMS.items():
        if mark in head:
            raise UnreadableFile(f"{what}; save the TextGrid in Praat as a text file")
    text = read_text(path)
    header = _HEADER.match(text)
    if header is None:
        raise UnreadableFile("it is not a TextGrid (it does not begin with the header of Praat)")
    return read_tiers(_Reader(text, header.end()).read(), tiers)


class _Reader:
    """Takes strings and numbers from the text of a TextGrid, one after another."""

    def __init__(self, text: str, begin: int) -> None:
        self._text = text
        self._tokens = _find_tokens(text, begin)

    def read(self) -> list[Tier]:
        """The tiers, in their order.

        Raises:
            UnreadableFile: if the text is not complete; the message has the line.
        """
        self._skip_times()
        flag = self._take("flag", "the flag <exists>")
        tiers = [self._read_tier() for _ in range(self._take_count() if flag.text == "exists" else 0)]
        for token in self._tokens:
            raise self._complain(token, "the end of the file")
        return tiers

    def _read_tier(self) -> Tier:
        kind, name = self._take("string", "the class of a tier"), self._take("string", "the name of a tier")
        if kind.text not in ("IntervalTier", "TextTier"):
            raise self._complain(kind, "the class of a tier, IntervalTier or TextTier,")
        self._skip_times()
        is_points = kind.text == "TextTier"
        intervals = list[Interval]()
        for _ in range(self._take_count()):
            start = self._take_seconds()
            end = start if is_points else self._take_seconds()
            intervals.append(Interval(start, end, _join_quotes(self._take("string", "a label"))))
        return Tier(_join_quotes(name), intervals, is_points=is_points)

    def _skip_times(self) -> None:
        """Skip the start and end of the whole, which can be any numbers."""
        for _ in range(2):
            self._take_seconds()

    def _take(self, kind: str, what: str) -> _Token:
        token = next(self._tokens, None)
        if token is None:
            raise UnreadableFile(f"it is not a TextGrid (it ends where {what} belongs)")
        if token.kind != kind:
            raise self._complain(token, what)
        return token

    def _take_seconds(self) -> float:
        token = self._take("number", "a time")
        seconds = parse_seconds(token.text)
        if seconds is None:
            raise self._complain(token, "a time in seconds")
        return seconds

    def _take_count(self) -> int:
        token = self._take("number", "a number of tiers or intervals")
        if not re.fullmatch("[0-9]{1,9}", token.text):
            raise self._complain(token, "a number of tiers or intervals")
        return int(token.text)

    def _complain(self, token: _Token, what: str) -> UnreadableFile:
        line = self._text.count("\n", 0, token.place) + 1
        if token.kind == "quote":
            return UnreadableFile(f"it is not a TextGrid (line {line} opens a label that has no end)")
        found = f"line {line} has {shorten(token.text)} where {what} belongs"
        return UnreadableFile(f"it is not a TextGrid ({found})")


def _join_quotes(token: _Token) -> str:
    """The text of a string. A quotation mark in it is written twice."""
    return token.text.replace('""', '"')


def _find_tokens(text: str, begin: int) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text, begin):
        string, flag, word, quote = match.groups()
        if string is not None:
            yield _Token("string", string, match.start())
        elif flag is not None:
            yield _Token("flag", flag, match.start())
        elif quote:
            yield _Token("quote", quote, match.start())
        elif word and _NUMBER.fullmatch(word):
            yield _Token("number", word, match.start())
