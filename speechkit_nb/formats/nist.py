"""The line formats of NIST's scoring tools: CTM (words with times) and STM (segments with texts)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from math import nan
from pathlib import Path

import pandas as pd
from numpy import fmax, fmin

from ..errors import count_noun
from .base import FileContent, UnreadableFile

_IGNORED = "ignore_time_segment_in_scoring"
_MARKS = {"<ALT_BEGIN>": "{", "<ALT>": "/", "<ALT_END>": "}"}
_CTM = "recording, channel, start, duration, word"
_STM = "recording, channel, speaker, start, end, text"
_Row = tuple[str, str, float, float, str]


def read_ctm(path: Path) -> FileContent:
    """Read lines `recording channel start duration word [confidence]`; alternatives become `{ a / b }`."""
    rows = list[_Row]()
    group: int | None = None  # row at which a group of alternatives begins
    for number, line in _read_lines(path):
        recording, channel, start, duration, word, *_ = _split(line, number, _CTM)
        mark = _MARKS.get(word)
        if mark == "{":
            group = len(rows)
        begin = nan if mark else _parse_seconds(start, number)
        end = nan if mark else round(begin + _parse_seconds(duration, number), 6)
        rows.append((recording, channel, begin, end, mark or word))
        if mark == "}" and group is not None:
            rows[group:], group = _share_times(rows[group:]), None
    return FileContent(_make_frame(rows, "word"))


def read_stm(path: Path) -> FileContent:
    """Read lines `recording channel speaker start end [<labels>] text`."""
    rows, n_ignored = list[_Row](), 0
    for number, line in _read_lines(path):
        recording, channel, _, start, end, *text = _split(line, number, _STM)
        segment = " ".join(text)
        if segment.startswith("<"):  # labels of the speaker and the recording
            segment = segment.partition(">")[2].strip()
        if segment.lower() == _IGNORED:
            n_ignored += 1
        else:
            times = _parse_seconds(start, number), _parse_seconds(end, number)
            rows.append((recording, channel, *times, segment))
    if n_ignored:
        warnings.warn(
            f"{path.name}: {count_noun(n_ignored, 'segment')} marked as ignored left out; "
            "words that a system has there count as insertions",
            UserWarning,
            stacklevel=4,
        )
    return FileContent(_make_frame(rows, "text"))


def _share_times(group: list[_Row]) -> list[_Row]:
    """Give every word of a group of alternatives the same times, so that sorting keeps them together."""
    start, end = fmin.reduce([row[2] for row in group]), fmax.reduce([row[3] for row in group])
    return [(recording, channel, start, end, word) for recording, channel, _, _, word in group]


def _split(line: str, number: int, names: str) -> list[str]:
    fields = line.split()
    if len(fields) < 5:
        raise UnreadableFile(f"line {number} has {len(fields)} fields; there should be {names}")
    return fields


def _read_lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if line.strip() and not line.startswith(";;"):
            yield number, line


def _parse_seconds(field: str, number: int) -> float:
    try:
        return float(field)
    except ValueError:
        raise UnreadableFile(f"line {number} has {field!r} where a time in seconds belongs") from None


def _make_frame(rows: list[_Row], column: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["recording", "channel_tag", "start", "end", column])
    tags = _number_channels(frame["channel_tag"].unique().tolist())
    frame = frame.assign(channel_tag=frame["channel_tag"].map(tags))
    texts = dict.fromkeys(("recording", "channel_tag", column), "str")
    return frame.astype({"start": "float64", "end": "float64", **texts})


def _number_channels(channels: list[str]) -> dict[str, str]:
    """Tags from 0 for channels named by a letter, or by a number from 1 (from 0 if there is a channel 0)."""
    first = 0 if "0" in channels else 1
    tags = {}
    for channel in channels:
        if len(channel) == 1 and channel.upper() in "ABCDEFGH":
            tags[channel] = str("ABCDEFGH".index(channel.upper()))
        else:
            tags[channel] = str(int(channel) - first) if channel.isdecimal() else channel
    return tags
