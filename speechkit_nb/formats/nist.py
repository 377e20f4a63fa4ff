"""The line formats of NIST's scoring tools: CTM (words with times) and STM (segments with texts)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import nan
from pathlib import Path

import pandas as pd
from numpy import fmax, fmin

from ..errors import count_noun
from .base import FileContent, Omission, UnreadableFile, parse_seconds, read_text, shorten

_IGNORED = "ignore_time_segment_in_scoring"
_MARKS = {"<ALT_BEGIN>": "{", "<ALT>": "/", "<ALT_END>": "}"}
_CTM = "recording, channel, start, duration, word"
_STM = "recording, channel, speaker, start, end, text"
_Row = tuple[str, str, float, float, str]


def read_ctm(path: Path) -> FileContent:
    """Read lines `recording channel start duration word [confidence]`; alternatives become `{ a / b }`."""
    rows, left_out = list[_Row](), list[Omission]()
    group: int | None = None  # row at which a group of alternatives begins
    for number, line in _read_lines(path, left_out):
        recording, channel, start, duration, word, *_ = _split(line, number, _CTM)
        mark = _MARKS.get(word.upper())
        if mark and (mark == "{") != (group is None):
            raise UnreadableFile(
                f"line {number} has {word} "
                + ("outside" if group is None else "inside")
                + " a group of alternatives"
            )
        if mark == "{":
            group = len(rows)
        begin = nan if mark else _parse_seconds(start, number)
        end = nan if mark else round(begin + _parse_seconds(duration, number), 6)
        rows.append((recording, channel, begin, end, mark or word))
        if mark == "}" and group is not None:
            rows[group:], group = _share_times(rows[group:]), None
    if group is not None:
        raise UnreadableFile("its last group of alternatives has no <ALT_END>")
    return FileContent(_make_frame(rows, "word"), left_out=tuple(left_out))


def read_stm(path: Path) -> FileContent:
    """Read lines `recording channel speaker start end [<labels>] text`."""
    rows, left_out = list[_Row](), list[Omission]()
    for number, line in _read_lines(path, left_out):
        recording, channel, _, start, end, *text = _split(line, number, _STM)
        times = _parse_seconds(start, number), _parse_seconds(end, number)
        segment = " ".join(text)
        if labels := re.match(r"(<[^<>]*>)\s*", segment):
            segment = segment[labels.end() :]
            if "," not in labels[1]:  # as in <o,f0,female>; it may be a word
                left_out.append(Omission(f"line {number}", "taken for a label of the segment", labels[1]))
        if segment.lower() == _IGNORED:
            reason = "a segment marked as ignored; words that a system has there count as insertions"
            left_out.append(Omission(f"line {number}, {start} to {end} s", reason))
        else:
            rows.append((recording, channel, *times, segment))
    return FileContent(_make_frame(rows, "text"), left_out=tuple(left_out))


def _share_times(group: list[_Row]) -> list[_Row]:
    """Give every word of a group of alternatives the same times, so that sorting keeps them together."""
    start, end = fmin.reduce([row[2] for row in group]), fmax.reduce([row[3] for row in group])
    return [(recording, channel, start, end, word) for recording, channel, _, _, word in group]


def _split(line: str, number: int, names: str) -> list[str]:
    fields = re.split("[ \t]+", line)
    if len(fields) < 5:
        raise UnreadableFile(f"line {number} has {count_noun(len(fields), 'field')}; there should be {names}")
    return fields


def _read_lines(path: Path, left_out: list[Omission]) -> Iterator[tuple[int, str]]:
    """The lines with their numbers, without comments. Fields are divided by blanks and tabs only."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        line = line.strip(" \t")
        if line.startswith("#"):
            left_out.append(Omission(f"line {number}", "it begins with #; comments begin with ;;", line))
        elif line and not line.startswith(";;"):
            yield number, line


def _parse_seconds(field: str, number: int) -> float:
    seconds = parse_seconds(field)
    if seconds is None:
        raise UnreadableFile(f"line {number} has {shorten(field)} where a time in seconds belongs")
    return seconds


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
            is_number = re.fullmatch("[0-9]{1,9}", channel)
            tags[channel] = str(int(channel) - first) if is_number else channel
    if len(set(tags.values())) < len({channel.upper() for channel in channels}):
        return {channel: channel for channel in channels}  # such as A and 1, which are not the same channel
    return tags
