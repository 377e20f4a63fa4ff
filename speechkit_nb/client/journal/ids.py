"""Reads ids of operations from a file, a table, or any iterable."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import ConfigError, check_path, show_value

COLUMNS = ("operation_id", "operationId", "id")
DELIMITERS = ",;\t"


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
        text = source.read()
        return list(_parse(text.decode("utf-8-sig", "replace") if isinstance(text, bytes) else text))
    if hasattr(source, "to_dict") and hasattr(source, "columns"):  # a table of pandas
        source = source.to_dict("records")
    if not isinstance(source, Iterable) or isinstance(source, (bytes, Mapping)):
        raise ConfigError(f"ids must be the path of a file, or several ids, not {show_value(source)}")
    return [_read_row(f"item {number}", one) for number, one in enumerate(source, 1)]


def _read_file(path: str | os.PathLike[str]) -> str:
    path = check_path("ids", path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"there is no file {os.fspath(path)!r} with ids; client.job(ID) takes a single id, and several "
            "are given as a list"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ConfigError(f"the ids in {os.fspath(path)!r} cannot be read: {why}") from None


def _parse(text: str) -> Iterator[GivenId]:
    if text.lstrip()[:1] in ("[", "{"):
        return _parse_json(text)
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    first = next((number for number, line in enumerate(lines) if line), 0)
    header = "".join(lines[first : first + 1])
    delimiter = next((one for one in DELIMITERS if one in header), ",")
    names = [name.strip() for row in csv.reader([header], delimiter=delimiter) for name in row]
    if not any(name in COLUMNS for name in names):
        return (GivenId(f"line {number}", line) for number, line in enumerate(lines, 1) if line)
    rows = csv.DictReader(lines[first + 1 :], names, delimiter=delimiter, skipinitialspace=True)
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
    listed = document.get("operations", [document]) if isinstance(document, dict) else document
    for number, one in enumerate(listed, 1):
        yield _read_row(f"item {number}", one)


def _parse_line(where: str, line: str) -> GivenId:
    try:
        return _read_row(where, json.loads(line))
    except ValueError:
        return GivenId(where, line)  # which is no id, as will be reported


def _read_row(where: str, row: Any) -> GivenId:
    """The id of a row; a row that has none is its own id, so that an error shows it."""
    if not isinstance(row, Mapping):
        return GivenId(where, row)
    name = row.get("recording")
    found: Sequence[Any] = [row[column] for column in COLUMNS if column in row]
    return GivenId(where, found[0] if found else row, name if isinstance(name, str) and name else None)
