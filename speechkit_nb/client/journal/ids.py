"""Reads ids of operations from a file, a table, or any iterable."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import ConfigError, check_path, show_value

COLUMNS = ("operation_id", "operationid", "id")
"""Names of the column, in small letters and without spaces."""
DELIMITERS = ",;\t"
ENCODINGS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""What a file begins with that is not in UTF-8, such as one of PowerShell."""


class GivenId(NamedTuple):
    """One id as the user has it.

    Attributes:
        where: its place, such as `line 3`.
        id: the id; None if there is none.
        recording: what the recording is called there; None if that is not known.
    """

    where: str
    id: Any
    recording: str | None = None


def read_ids(source: Any) -> list[GivenId]:
    """The ids of a file or an iterable, with their places.

    Args:
        source: path of a file, or an open one: one id per line, where empty lines and what follows a `#` do
            not count; or CSV or JSON, of which `operation_id` or `id` is read, and `recording` if there
            is one. Or a table with such columns, or an iterable of ids or of such rows.

    Raises:
        ConfigError: if it is none of these, or cannot be read.
    """
    if isinstance(source, (str, os.PathLike)):
        return list(_parse(_read_file(source)))
    if callable(getattr(source, "read", None)):
        return list(_parse(_read("the ids", source.read)))
    if hasattr(source, "to_dict") and hasattr(source, "columns"):  # a table of pandas
        if not _has_ids(source.columns):
            there = ", ".join(map(str, source.columns))
            raise ConfigError(f"the table of ids has no column operation_id or id; it has {there or 'none'}")
        source = source.to_dict("records")
    if not isinstance(source, Iterable) or isinstance(source, (bytes, Mapping)):
        raise ConfigError(f"ids must be the path of a file, or several ids, not {show_value(source)}")
    return [_read_row(f"item {number}", one) for number, one in enumerate(source, 1)]


def _read_file(path: str | os.PathLike[str]) -> str:
    path = check_path("ids", path)
    try:
        return _read(f"the ids in {os.fspath(path)!r}", path.read_bytes)
    except FileNotFoundError:
        raise ConfigError(
            f"there is no file {os.fspath(path)!r} with ids; client.job(ID) takes a single id, and several "
            "are given as a list"
        ) from None


def _read(what: str, read: Callable[[], str | bytes]) -> str:
    """The text of a file.

    Raises:
        ConfigError: if it is no text, or cannot be read.
    """
    try:
        found = read()
        return found if isinstance(found, str) else found.decode(ENCODINGS.get(found[:2], "utf-8-sig"))
    except FileNotFoundError:
        raise
    except UnicodeDecodeError:
        raise ConfigError(f"{what} cannot be read: it is no text in UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{what} cannot be read: {error.strerror}") from None


def _parse(text: str) -> Iterator[GivenId]:
    if text.lstrip()[:1] in ("[", "{"):
        return _parse_json(text)
    lines = ["" if line.lstrip().startswith("#") else line for line in text.splitlines()]
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    header = "".join(lines[first : first + 1])
    delimiter = next((one for one in DELIMITERS if one in header), ",")
    names = [_normalize_name(name) for row in csv.reader([header], delimiter=delimiter) for name in row]
    if not _has_ids(names):
        ids = ((number, line.partition("#")[0].strip().strip("\"'")) for number, line in enumerate(lines, 1))
        return (GivenId(f"line {number}", id) for number, id in ids if id)
    rows = csv.DictReader(
        (f"{line}\n" for line in lines[first + 1 :]), names, delimiter=delimiter, skipinitialspace=True
    )
    return (_read_row(f"line {first + 1 + rows.line_num}", row) for row in rows)


def _parse_json(text: str) -> Iterator[GivenId]:
    """The ids of one document, or of one in each line."""
    try:
        document = json.loads(text)
    except ValueError:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield _parse_line(f"line {number}", line)
        return
    listed = document.get("operations") if isinstance(document, dict) else document
    for number, one in enumerate(listed if isinstance(listed, list) else [document], 1):
        yield _read_row(f"item {number}", one)


def _parse_line(where: str, line: str) -> GivenId:
    try:
        return _read_row(where, json.loads(line))
    except ValueError:
        return GivenId(where, line)  # which is no id, as will be reported


def _normalize_name(column: Any) -> str:
    """The name of a column in small letters, without the differences in writing.

    >>> _normalize_name(" Operation ID"), _normalize_name("operationId")
    ('operation_id', 'operationid')
    """
    return re.sub(r"[ -]", "_", str(column).strip().lower())


def _has_ids(columns: Iterable[Any]) -> bool:
    return any(_normalize_name(column) in COLUMNS for column in columns)


def _read_row(where: str, row: Any) -> GivenId:
    """The id of a row; a row that has none is its own id, so that an error shows it."""
    if not isinstance(row, Mapping):
        return GivenId(where, row)
    cells = {_normalize_name(column): cell for column, cell in row.items()}
    name = cells.get("recording")
    found: Sequence[Any] = [cells[column] for column in COLUMNS if column in cells]
    id = found[0] if found else row
    id, name = (cell.strip() if isinstance(cell, str) else cell for cell in (id, name))
    return GivenId(where, id, name if isinstance(name, str) and name else None)
