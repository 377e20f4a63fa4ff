"""Tables in text files: CSV, with any delimiter and the usual spellings of a header."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import count_noun
from .base import FileContent, Omission, UnreadableFile, list_names, parse_seconds, read_text, shorten

_DELIMITERS = (",", ";", "\t", "|")
_SPELLINGS = {
    "word": ("word", "words", "token"),
    "text": ("text", "transcript", "transcription"),
    "start": ("start", "begin", "from", "start_time", "begin_time", "onset", "tmin", "xmin"),
    "end": ("end", "stop", "to", "end_time", "stop_time", "tmax", "xmax"),
    "duration": ("duration", "dur"),
    "recording": ("recording", "file"),
    "channel_tag": ("channel_tag", "channel"),
    "alternative": ("alternative",),
}
_UNITS = {"ms": 0.001, "msec": 0.001, "milliseconds": 0.001, "s": 1.0, "sec": 1.0, "seconds": 1.0}
_TIMES = ("start", "end", "duration")
_LIKE_TIMES = re.compile(
    "(?:.*_)?(?:times?|start|begin|from|end|stop|to|finish|offset|duration|t0|t1)(?:_.*)?"
)
"""Spelling of names that columns of times may have, to mention those that are not read."""

_UNKNOWN = ("", "nan", "na", "n/a", "<na>", "none", "null", "nat")
_LONG = 100.0
"""Seconds. If half of the rows last longer, and all times are whole numbers, they are milliseconds."""


def read_csv(path: Path) -> FileContent:
    """Read a table with the column `word` or `text`; only the first of several alternatives is kept."""
    text = re.sub("^sep=.\n", "\n", read_text(path))  # a line that tells Excel the delimiter
    header, delimiter = _read_header(text)
    columns, units = _name_columns(header)
    lines, rows = _read_rows(text, delimiter, len(header))
    frame = pd.DataFrame(rows[1:], pd.Index(lines[1:], dtype="int64"), columns, dtype="str")
    _check_words(frame, delimiter)
    return _convert(frame, units)


def _read_rows(text: str, delimiter: str, n_columns: int) -> tuple[list[int], list[list[str]]]:
    """The cells of each row, and the number of the line where it ends. Empty lines are skipped.

    Raises:
        UnreadableFile: if a row has not as many cells as the header, or a quotation is not closed.
    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # of this process; a text can be long
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        skipinitialspace=f"{delimiter} " in text.lstrip("\n").partition("\n")[0],
        strict=True,
    )
    lines, rows = list[int](), list[list[str]]()
    try:
        for row in reader:
            if row and len(row) != n_columns:
                raise UnreadableFile(
                    f"line {reader.line_num} has {count_noun(len(row), 'cell')} and the header {n_columns}; "
                    f"cells are divided by {delimiter!r}"
                )
            if row:
                lines.append(reader.line_num)
                rows.append(row)
    except csv.Error as error:
        raise UnreadableFile(f"line {reader.line_num} cannot be read: {error}") from None
    return lines, rows


def _read_header(text: str) -> tuple[list[str], str]:
    """The names of the columns, and the delimiter with which most of them are known."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    if not first:
        raise UnreadableFile("No columns: it is empty")
    try:
        headers = [next(csv.reader([first], delimiter=mark, skipinitialspace=True)) for mark in _DELIMITERS]
    except csv.Error as error:
        raise UnreadableFile(f"its header cannot be read: {error}") from None
    known = [len(set(_name_columns(header, check=False)[0]) & set(_SPELLINGS)) for header in headers]
    best = max(range(len(_DELIMITERS)), key=lambda i: (known[i], len(headers[i])))
    return headers[best], _DELIMITERS[best]


def _name_columns(header: Sequence[str], check: bool = True) -> tuple[list[str], dict[str, float]]:
    """Our names of the columns, and how many seconds one unit of a time is, where the header says it.

    Raises:
        UnreadableFile: if `check` is true, and a column is there twice or there are no words.
    """
    found, units = dict[int, str](), dict[str, float]()
    spelled = list(map(_spell, header))
    for column, spellings in _SPELLINGS.items():
        scaled = {f"{name}_{unit}": _UNITS[unit] for name in spellings for unit in _UNITS if column in _TIMES}
        there = [i for i, name in enumerate(spelled) if name in spellings or name in scaled]
        exact = [i for i in there if spelled[i] == column]
        chosen = exact or there
        if check and len(chosen) > 1:
            names = list_names([header[i] for i in chosen])
            raise UnreadableFile(f"it has {len(chosen)} columns for {column} ({names}); keep one")
        if chosen:
            found[chosen[0]] = column
            if spelled[chosen[0]] in scaled:
                units[column] = scaled[spelled[chosen[0]]]
    columns = [found[i] if i in found else name.strip() or f"Unnamed: {i}" for i, name in enumerate(header)]
    if check and not {"word", "text"} & set(columns):
        raise UnreadableFile(f"it has neither a column word nor text; there are {list_names(header)}")
    if check and len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise UnreadableFile(f"it has the column {twice!r} twice; keep one")
    return columns, units


def _spell(name: str) -> str:
    """A name in small letters, with `_` for all that is no letter or digit."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def _check_words(frame: pd.DataFrame, delimiter: str) -> None:
    """Refuse a word that holds rows, because it begins with a quotation mark that is meant as a word."""
    if "word" in frame and (broken := frame["word"].str.contains(f"\\n.*{re.escape(delimiter)}")).any():
        word = frame["word"][broken]
        raise UnreadableFile(
            f"line {word.index[0]} has a word of several lines, {shorten(word.iloc[0])}; a quotation mark "
            'that is a word is written as """"'
        )


def _convert(frame: pd.DataFrame, units: dict[str, float]) -> FileContent:
    if "alternative" in frame:
        frame = _keep_first_alternative(frame)
    given = [name for name in ("start", "end") if name in frame]
    if given == ["start"] and "duration" in frame:
        given.append("duration")
    times = {name: _parse_times(frame[name], units.get(name, 1.0)) for name in given}
    if "duration" in times:
        times["end"] = (times["start"] + times.pop("duration")).round(6)
        frame = frame.drop(columns="duration")
    left_out = []
    if len(times) < 2 and "word" in frame:
        left_out += [
            Omission(f"column {name!r}", "not read as times; the names are start, and end or duration")
            for name in map(str, frame)
            if _LIKE_TIMES.fullmatch(_spell(name))
        ]
    elif len(times) == 2 and not units:
        _check_unit(times["start"], times["end"])
    return FileContent(frame.assign(**times).reset_index(drop=True), left_out=tuple(left_out))


def _keep_first_alternative(frame: pd.DataFrame) -> pd.DataFrame:
    numbers = pd.to_numeric(frame["alternative"].str.strip().replace("", "0"), errors="coerce")
    if numbers.isna().any():
        row = numbers.index[numbers.isna()][0]
        raise UnreadableFile(f"line {row} has {shorten(frame['alternative'][row])} where a number belongs")
    first: pd.DataFrame = frame[numbers == numbers.min()].drop(columns="alternative")
    return first


def _parse_times(cells: pd.Series, unit: float) -> pd.Series:
    """Times in seconds; NaN for an empty cell."""
    cells = cells.str.strip()
    seconds = pd.to_numeric(cells.str.replace(",", ".", regex=False), errors="coerce")
    unclear = (seconds.isna() | np.isinf(seconds)) & ~cells.str.casefold().isin(_UNKNOWN)
    parsed = cells[unclear].map(parse_seconds).astype("float64")
    if parsed.isna().any():
        row = parsed.index[parsed.isna()][0]
        raise UnreadableFile(
            f"line {row} has {shorten(cells[row])} in {cells.name}; start and end are seconds"
        )
    seconds = seconds.astype("float64").where(~unclear, parsed)
    return seconds if unit == 1.0 else (seconds * unit).round(6)


def _check_unit(start: pd.Series, end: pd.Series) -> None:
    lengths = (end - start).dropna()
    is_whole = (start.dropna() % 1 == 0).all() and (end.dropna() % 1 == 0).all()
    if len(lengths) and is_whole and lengths.median() >= _LONG:
        raise UnreadableFile(
            f"half of its rows last {lengths.median():g} s or more, so its times seem to be milliseconds; "
            "call the columns start_ms and end_ms, or, if they are seconds, start_s and end_s"
        )
