"""Files of pieces with a start and an end: tiers of Praat and ELAN, subtitles."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import MissingExtra
from .nist import Unreadable

Pieces = Sequence[tuple[float, float, str]]
"""Start and end in seconds, and what was said."""


def read_textgrid(path: Path, names: Sequence[str] | None) -> pd.DataFrame:
    """Interval tiers of a TextGrid, long or short form; empty intervals are silence."""
    try:
        from praatio import textgrid
        from praatio.utilities.errors import PraatioException
    except ImportError:
        raise MissingExtra("reading a TextGrid", "praatio", "formats") from None

    path.open("rb").close()  # an error of the system, as of all other kinds
    try:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False, reportingMode="silence")
    except (PraatioException, ValueError, IndexError, AssertionError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise
        raise Unreadable(f"it is no TextGrid ({_first_line(error)})") from None
    tiers = {tier.name: tier.entries for tier in grid.tiers if isinstance(tier, textgrid.IntervalTier)}
    return _frame(_chosen(tiers, names))


def read_eaf(path: Path, names: Sequence[str] | None) -> pd.DataFrame:
    """Tiers of an EAF; their milliseconds become seconds."""
    try:
        from pympi import Eaf
    except ImportError:
        raise MissingExtra("reading an EAF", "pympi-ling", "formats") from None

    path.open("rb").close()
    try:
        eaf = Eaf(str(path), suppress_version_warning=True)
        tiers = {name: eaf.get_annotation_data_for_tier(name) for name in eaf.get_tier_names()}
    except Exception as error:  # it raises this very class for XML that it cannot parse
        raise Unreadable(f"it is no EAF ({_first_line(error)})") from None
    return _frame({name: _in_seconds(name, rows) for name, rows in _chosen(tiers, names).items()})


def _in_seconds(name: str, rows: Sequence[tuple[Any, ...]]) -> Pieces:
    if any(time is None for row in rows for time in row[:2]):
        raise Unreadable(
            f"its tier {name!r} has annotations without times: place them in ELAN, or take another tier"
        )
    return [(start / 1000, end / 1000, said) for start, end, said, *_ in rows]


def read_subtitles(path: Path) -> pd.DataFrame:
    """SRT and WebVTT without their markup."""
    try:
        import pysubs2
    except ImportError:
        raise MissingExtra("reading subtitles", "pysubs2", "formats") from None

    text = path.read_text(encoding="utf-8-sig")
    try:
        lines = pysubs2.SSAFile.from_string(text, format_=path.suffix[1:].lower())
    except (pysubs2.exceptions.Pysubs2Error, ValueError) as error:
        raise Unreadable(f"it has no subtitles ({_first_line(error)})") from None
    if not len(lines):
        raise Unreadable("it has no subtitles")
    pieces = [(line.start / 1000, line.end / 1000, html.unescape(line.plaintext)) for line in lines]
    return _frame({"": pieces})


def _chosen(tiers: Mapping[str, Sequence[Any]], names: Sequence[str] | None) -> dict[str, Sequence[Any]]:
    there = ", ".join(map(repr, tiers)) or "none"
    for name in names or ():
        if name not in tiers:
            raise Unreadable(f"it has no tier {name!r}; there are {there}")
    wanted = names or [name for name in tiers if _is_of_words(name)]
    if not wanted:
        wanted = [name for name, pieces in tiers.items() if len(pieces)]
        if len(wanted) != 1:
            raise Unreadable(f"no tier has 'word' in its name; there are {there}: say which with tiers=")
    return {name: tiers[name] for name in wanted}


def _is_of_words(name: str) -> bool:
    return "word" in name.lower()


def _frame(tiers: Mapping[str, Pieces]) -> pd.DataFrame:
    """Words if the tiers are called so or every piece is one word, else texts."""
    numbers = [re.search(r"\d+$", name) for name in tiers]
    tags = [number[0] for number in numbers if number]
    if len(set(tags)) < len(tiers):
        tags = [str(place) for place in range(len(tiers))]
    rows = [
        (tag, start, end, text.split())
        for tag, pieces in zip(tags, tiers.values(), strict=True)
        for start, end, text in pieces
        if text.strip()
    ]
    if all(map(_is_of_words, tiers)) or all(len(words) == 1 for *_, words in rows):
        column, said = "word", [(*piece, word) for *piece, words in rows for word in words]
    else:
        column, said = "text", [(*piece, " ".join(words)) for *piece, words in rows]
    frame = pd.DataFrame(said, columns=["channel_tag", "start", "end", column])
    frame = frame.astype({"channel_tag": "str", "start": "float64", "end": "float64", column: "str"})
    return frame if len(tiers) > 1 else frame.drop(columns="channel_tag")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
