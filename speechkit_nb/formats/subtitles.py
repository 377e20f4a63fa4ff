"""Subtitles: WebVTT, as the W3C describes it, and SRT, which has no specification and is read tolerantly."""

from __future__ import annotations

import html
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from math import nan
from pathlib import Path
from typing import NamedTuple

from .base import FileContent, Omission, UnreadableFile, parse_seconds, read_head, read_text, split_words
from .tiers import Interval, Tier, make_content

_STAMP = r"[0-9]+(?::[0-9]+){1,2}(?:[.,][0-9]+)?"
_TIMING = re.compile(rf"[ \t]*({_STAMP})[ \t]*-{{1,3}}>[ \t]*(?:({_STAMP})(?:[ \t].*)?)?")
_SIDE_OF_TIMING = re.compile(r"(?:[0-9]\S*:.*)?")  # of a broken one, too
_MARKUP = re.compile(
    rf"<({_STAMP})>"
    r"|</?(?:[biusc]|ruby|rt)(?:\.[^\s<>]*)?>"
    r"|<(?:v|lang)(?:\.[^\s<>]*)?(?:\s[^<>]*)?>|</(?:v|lang|font)>|<font(?:\s[^<>]*)?>"
    r"|\{\\[^{}]*\}",
    re.IGNORECASE,
)
_LINE_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)  # of neither format, but in many files
_ANY_TAG = re.compile(r"</?[^\W\d_][^<>]*>|</?>")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]*);")
_WEBVTT = re.compile(r"WEBVTT(?:[ \t].*)?")
_NO_CUE = re.compile(r"NOTE(?:[ \t].*)?|(?:STYLE|REGION)[ \t]*")


class _Cue(NamedTuple):
    """One subtitle: number of the line with its times, times in seconds (end None if missing), and lines."""

    line: int
    start: float
    end: float | None
    text: str


def is_webvtt(path: Path) -> bool:
    """Whether a file begins as every WebVTT does."""
    return _WEBVTT.fullmatch(read_head(path).partition("\n")[0]) is not None


def read_webvtt(path: Path) -> FileContent:
    """Read the cues of a WebVTT. Stamps inside a cue give the times of the words between them."""
    lines = read_text(path).split("\n")
    if not _WEBVTT.fullmatch(lines[0]):
        raise UnreadableFile("it has no subtitles in WebVTT: the first line is not WEBVTT")
    left_out = list[Omission]()
    cues = list(_parse_webvtt(lines, left_out))
    return _make_content(cues, left_out)


def read_srt(path: Path) -> FileContent:
    """Read the subtitles of an SRT. A subtitle without an end lasts until the next one."""
    left_out = list[Omission]()
    cues = list(_parse_srt(read_text(path).split("\n"), left_out))
    if not cues and not left_out:
        raise UnreadableFile("it has no subtitles")
    return _make_content(cues, left_out)


def _parse_webvtt(lines: Sequence[str], left_out: list[Omission]) -> Iterator[_Cue]:
    """The cues of a WebVTT. A block ends before an empty line, or before the times of another cue."""
    at = 1
    while at < len(lines) and lines[at] and "-->" not in lines[at]:
        at += 1  # the rest of the header
    while at < len(lines):
        if not lines[at]:
            at += 1
            continue
        first, arrow = at, next((i for i in (at, at + 1) if "-->" in "".join(lines[i : i + 1])), None)
        at = first + 1 if arrow is None else arrow + 1
        while at < len(lines) and lines[at] and "-->" not in lines[at]:
            at += 1
        if _NO_CUE.fullmatch(lines[first]) and arrow in (None, first):
            continue
        if arrow is None:
            text = "\n".join(lines[first:at])
            left_out.append(Omission(f"line {first + 1}", "text outside a subtitle", text))
        else:
            for cue in _parse_cue(lines, arrow, at, left_out):
                yield cue._replace(text=_drop_unknown_tags(cue, left_out))


def _parse_srt(lines: Sequence[str], left_out: list[Omission]) -> Iterator[_Cue]:
    """The subtitles of an SRT. Each begins with the line of its times; the line before is its number."""
    arrows = [i for i, line in enumerate(lines) if "->" in line and _is_timing(line)]
    begins = [_find_number(lines, arrow, left_out) for arrow in arrows]
    before = "\n".join(lines[: begins[0] if begins else len(lines)]).strip()
    if before:
        left_out.append(Omission("line 1", "text before the first subtitle", before))
    for arrow, end in zip(arrows, [*begins, len(lines)][1:], strict=True):
        yield from _parse_cue(lines, arrow, end, left_out)


def _is_timing(line: str) -> bool:
    """Whether a line has the times of a subtitle, right or broken; an arrow in a text is neither."""
    timing = _TIMING.fullmatch(line)
    if "-->" not in line:
        return timing is not None and timing[2] is not None
    sides = [side.strip() for side in line.split("-->", 1)]
    return timing is not None or (any(sides) and all(map(_SIDE_OF_TIMING.fullmatch, sides)))


def _find_number(lines: Sequence[str], arrow: int, left_out: list[Omission]) -> int:
    """Index of the line with the number of a subtitle, or of its times if it has no number."""
    before = lines[arrow - 1].strip() if arrow else ""
    if re.fullmatch("[0-9]+", before):
        return arrow - 1
    if before and (arrow == 1 or not lines[arrow - 2].strip()):  # a single line in the place of a number
        left_out.append(Omission(f"line {arrow}", "a name in place of the number of a subtitle", before))
        return arrow - 1
    return arrow


def _parse_cue(lines: Sequence[str], arrow: int, end: int, left_out: list[Omission]) -> Iterator[_Cue]:
    """The cue with its times in the line `arrow` and its text in the lines up to `end`; none if broken."""
    text = _LINE_BREAK.sub("\n", "\n".join(lines[arrow + 1 : end])).strip()
    timing = _TIMING.fullmatch(lines[arrow])
    start, stop = (stamp and parse_seconds(stamp) for stamp in timing.groups()) if timing else (None, None)
    if timing is None or start is None or (stop is None and timing[2]):
        reason = f"its times {lines[arrow].strip()!r} cannot be read"
        left_out.append(Omission(f"line {arrow + 1}", reason, text))
    else:
        yield _Cue(arrow + 1, float(start), None if stop is None else float(stop), text)


def _make_content(cues: Sequence[_Cue], left_out: list[Omission]) -> FileContent:
    if left_out and not cues:
        raise UnreadableFile(f"it has no subtitles; {left_out[0]}")
    intervals = list[Interval]()
    starts = [*(cue.start for cue in cues), nan]
    for number, cue in enumerate(cues, start=1):
        end = cue.end
        if end is None and starts[number] > cue.start:
            end = starts[number]
        elif end is None:
            left_out.append(Omission(f"line {cue.line}", "the end of a subtitle is missing"))
        intervals += _split_at_stamps(cue.start, nan if end is None else end, cue.text)
    return make_content([Tier("", intervals)], left_out)


def _drop_unknown_tags(cue: _Cue, left_out: list[Omission]) -> str:
    """The text of a cue without tags that the W3C ignores because they are none of its own."""

    def drop(tag: re.Match[str]) -> str:
        if _MARKUP.fullmatch(tag[0]):
            return tag[0]
        left_out.append(Omission(f"line {cue.line}", "a tag that WebVTT does not have", tag[0]))
        return ""

    return _ANY_TAG.sub(drop, cue.text)


def _split_at_stamps(start: float, end: float, text: str) -> Iterator[Interval]:
    """Intervals of a cue. A stamp begins a new one; a stamp inside a word does not divide it."""
    times, shown, bounds = [start], "", list[int]()  # bounds: the place in `shown` of each later time
    for number, piece in enumerate(_MARKUP.split(text)):  # text, stamp or None, text, ...
        if number % 2 == 0:
            shown += _ENTITY.sub(lambda entity: html.unescape(entity[0]), piece)
        elif piece is not None:
            stamp = parse_seconds(piece)
            if stamp is not None and times[-1] < stamp and not stamp > end:
                times.append(stamp)
                bounds.append(len(shown))
    times.append(end)
    found, place = dict[tuple[float, float], list[str]](), 0
    for word in split_words(shown):
        place = shown.index(word, place) + len(word)
        first, last = bisect_right(bounds, place - len(word)), bisect_left(bounds, place)
        found.setdefault((times[first], times[last + 1]), []).append(word)
    for (begin, stop), words in found.items():
        yield Interval(begin, stop, " ".join(words))
