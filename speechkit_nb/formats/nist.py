"""The line formats of NIST's scoring tools: CTM (words with times) and STM (segments with texts)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from math import nan
from pathlib import Path

import pandas as pd
from numpy import fmax, fmin

_IGNORED = "ignore_time_segment_in_scoring"
_MARKS = {"<ALT_BEGIN>": "{", "<ALT>": "/", "<ALT_END>": "}"}
_CTM = "recording, channel, start, duration, word"
_STM = "recording, channel, speaker, start, end, text"
_Row = tuple[str, str, float, float, str]


class Unreadable(Exception):
    """What is wrong in the file; the reader of the file says which one it is."""


def read_ctm(path: Path) -> pd.DataFrame:
    """Lines `recording channel start duration word [confidence]`; alternatives become `{ a / b }`."""
    rows = list[_Row]()
    group: int | None = None  # where alternatives begin
    for number, line in _lines(path):
        recording, channel, start, duration, word, *_ = _fields(line, number, _CTM)
        mark = _MARKS.get(word)
        if mark == "{":
            group = len(rows)
        begin = nan if mark else _seconds(start, number)
        end = nan if mark else round(begin + _seconds(duration, number), 6)
        rows.append((recording, channel, begin, end, mark or word))
        if mark == "}" and group is not None:
            rows[group:], group = _as_one(rows[group:]), None
    return _frame(rows, "word")


def read_stm(path: Path) -> pd.DataFrame:
    """Lines `recording channel speaker start end [<labels>] text`."""
    rows, n_ignored = list[_Row](), 0
    for number, line in _lines(path):
        recording, channel, _, start, end, *text = _fields(line, number, _STM)
        said = " ".join(text)
        if said.startswith("<"):  # labels
            said = said.partition(">")[2].strip()
        if said.lower() == _IGNORED:
            n_ignored += 1
        else:
            rows.append((recording, channel, _seconds(start, number), _seconds(end, number), said))
    if n_ignored:
        warnings.warn(
            f"{path.name}: {n_ignored} segments that are to be ignored are left out; words that a system has "
            "there will count as insertions",
            UserWarning,
            stacklevel=3,
        )
    return _frame(rows, "text")


def _as_one(group: list[_Row]) -> list[_Row]:
    """A group of alternatives, each word with its start and end, so that they stay together."""
    start, end = fmin.reduce([row[2] for row in group]), fmax.reduce([row[3] for row in group])
    return [(recording, channel, start, end, word) for recording, channel, _, _, word in group]


def _fields(line: str, number: int, names: str) -> list[str]:
    fields = line.split()
    if len(fields) < 5:
        raise Unreadable(f"line {number} has {len(fields)} fields; there should be {names}")
    return fields


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if line.strip() and not line.startswith(";;"):
            yield number, line


def _seconds(field: str, number: int) -> float:
    try:
        return float(field)
    except ValueError:
        raise Unreadable(f"line {number} has {field!r} where a time in seconds belongs") from None


def _frame(rows: list[_Row], column: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["recording", "channel_tag", "start", "end", column])
    tags = _tags(frame["channel_tag"].unique().tolist())
    frame = frame.assign(channel_tag=frame["channel_tag"].map(tags))
    texts = dict.fromkeys(("recording", "channel_tag", column), "str")
    return frame.astype({"start": "float64", "end": "float64", **texts})


def _tags(channels: list[str]) -> dict[str, str]:
    """Channels by letter, or by number from 1 (or from 0 if there is a channel 0)."""
    first = 0 if "0" in channels else 1
    tags = {}
    for channel in channels:
        if len(channel) == 1 and channel.upper() in "ABCDEFGH":
            tags[channel] = str("ABCDEFGH".index(channel.upper()))
        else:
            tags[channel] = str(int(channel) - first) if channel.isdecimal() else channel
    return tags
