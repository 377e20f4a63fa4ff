"""Annotation files with tiers: TextGrid of Praat and EAF of ELAN."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import MissingExtra
from .base import FileContent, UnreadableFile

Intervals = Sequence[tuple[float, float, str]]
"""Start and end in seconds, and text."""


def read_textgrid(path: Path, tiers: Sequence[str] | None = None) -> FileContent:
    """Read the interval tiers of a TextGrid, long or short form. Empty intervals are silence."""
    try:
        from praatio import textgrid
        from praatio.utilities.errors import PraatioException
    except ImportError:
        raise MissingExtra("reading a TextGrid", "praatio", "formats") from None

    path.open("rb").close()  # raises OSError for a file that cannot be opened, as other formats do
    try:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False, reportingMode="silence")
    except (PraatioException, ValueError, IndexError, AssertionError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise
        raise UnreadableFile(f"it is not a TextGrid ({first_line(error)})") from None
    found = {tier.name: tier.entries for tier in grid.tiers if isinstance(tier, textgrid.IntervalTier)}
    return make_content(_select_tiers(found, tiers))


def read_eaf(path: Path, tiers: Sequence[str] | None = None) -> FileContent:
    """Read the tiers of an EAF. Times in milliseconds become seconds."""
    try:
        from pympi import Eaf
    except ImportError:
        raise MissingExtra("reading an EAF", "pympi-ling", "formats") from None

    path.open("rb").close()
    try:
        eaf = Eaf(str(path), suppress_version_warning=True)
        found = {name: eaf.get_annotation_data_for_tier(name) for name in eaf.get_tier_names()}
    except Exception as error:  # pympi raises Exception itself for XML that it cannot parse
        raise UnreadableFile(f"it is not an EAF file ({first_line(error)})") from None
    selected = _select_tiers(found, tiers)
    return make_content({name: _convert_to_seconds(name, rows) for name, rows in selected.items()})


def _convert_to_seconds(name: str, rows: Sequence[tuple[Any, ...]]) -> Intervals:
    if any(time is None for row in rows for time in row[:2]):
        raise UnreadableFile(
            f"its tier {name!r} has annotations without times: set them in ELAN, or choose another tier"
        )
    return [(start / 1000, end / 1000, text) for start, end, text, *_ in rows]


def _select_tiers(
    tiers: Mapping[str, Sequence[Any]], names: Sequence[str] | None
) -> dict[str, Sequence[Any]]:
    there = ", ".join(map(repr, tiers)) or "none"
    for name in names or ():
        if name not in tiers:
            raise UnreadableFile(f"it has no tier {name!r}; there are {there}")
    wanted = names or [name for name in tiers if _is_of_words(name)]
    if not wanted:
        wanted = [name for name, intervals in tiers.items() if len(intervals)]
        if len(wanted) != 1:
            raise UnreadableFile(f"no tier has 'word' in its name; there are {there}: choose with tiers=")
    return {name: tiers[name] for name in wanted}


def _is_of_words(name: str) -> bool:
    return "word" in name.lower()


def make_content(tiers: Mapping[str, Intervals]) -> FileContent:
    """A frame of words, or of texts with their times.

    The frame has words if all tiers have "word" in their names, or if every interval is one word. The
    channel tags are the numbers at the end of the names of the tiers, or their positions unless all have a
    number.
    """
    numbers = [re.search(r"\d+$", name) for name in tiers]
    tags = [number[0] for number in numbers if number]
    if len(set(tags)) < len(tiers):
        tags = [str(position) for position in range(len(tiers))]
    rows = [
        (tag, start, end, text.split())
        for tag, intervals in zip(tags, tiers.values(), strict=True)
        for start, end, text in intervals
        if text.strip()
    ]
    if all(map(_is_of_words, tiers)) or all(len(words) == 1 for *_, words in rows):
        column, records = "word", [(*times, word) for *times, words in rows for word in words]
    else:
        column, records = "text", [(*times, " ".join(words)) for *times, words in rows]
    frame = pd.DataFrame(records, columns=["channel_tag", "start", "end", column])
    frame = frame.astype({"channel_tag": "str", "start": "float64", "end": "float64", column: "str"})
    return FileContent(frame if len(tiers) > 1 else frame.drop(columns="channel_tag"))


def first_line(error: Exception) -> str:
    """The first line of an error's message."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
