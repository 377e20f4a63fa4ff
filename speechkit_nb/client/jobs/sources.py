"""The sources of a batch: paths, patterns, folders, tables, or any iterable of recordings."""

from __future__ import annotations

import difflib
import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...audio import AUDIO_SUFFIXES, Recording
from ...config import RecognitionConfig
from ...errors import AudioError, ConfigError
from ...transcript import Transcript
from .table import COLUMNS

SOURCE_COLUMNS = ("source", "path", "file")
OPTIONS = tuple(option.name for option in fields(RecognitionConfig))
RESERVED = {*COLUMNS, *Transcript([]).words}
LIKENESS = 0.8
"""Similarity from which a column name counts as a misspelled option."""
OTHER_NAMES = {
    "lang": "language",
    "language_code": "language",
    "lang_code": "language",
    "locale": "language",
    "model_name": "model",
    "norm": "normalize",
    "normalization": "normalize",
    "text_normalization": "normalize",
}
"""Names of options in other tools, which are too different to be found by `LIKENESS`."""


@dataclass(frozen=True)
class Item:
    """One recording of a batch.

    Attributes:
        source: as in `Client.submit`.
        id: its name in the frames; default: its file name.
        options: fields of `RecognitionConfig` that differ from those of the batch.
        metadata: the user's other columns.
    """

    source: Any
    id: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str | None:
        """Absolute path of its file; None if the source is not a file."""
        if isinstance(self.source, (str, os.PathLike)) and "://" not in os.fspath(self.source):
            return os.path.abspath(os.path.expanduser(self.source))
        return None

    @property
    def name(self) -> str:
        """Its name in messages; the file is not opened for it."""
        if self.id:
            return self.id
        if isinstance(self.source, Recording):
            return self.source.id
        if isinstance(self.source, (str, os.PathLike)):
            return os.path.basename(self.source) or str(self.source)
        return f"a recording of type {type(self.source).__name__}"


def items(sources: Any) -> list[Item] | Iterator[Item]:
    """The recordings of a batch: a list, or a lazy iterator if `sources` is a generator or the like.

    A path of a folder means the recordings in it; a path with `*`, `?` or `[` means the files that match
    (`**` includes subfolders). Files with the same name get names with as many of their parent folders as
    are needed to distinguish them.

    Raises:
        AudioError: if a pattern or a folder has no recordings.
        ConfigError: if a table has no source column, or a column that looks like a misspelled option.

    >>> [item.name for item in items(["b.wav", "a.wav", "old/a.wav"])]
    ['b.wav', '.../a.wav', 'old/a.wav']
    """
    if isinstance(sources, pd.DataFrame):
        return _told_apart(_of_table(sources))
    if isinstance(sources, (str, os.PathLike)):
        return _told_apart(_of_path(sources))
    if _is_one(sources):
        return [_item(sources)]
    if isinstance(sources, (Sequence, pd.Series, pd.Index)):
        return _told_apart(_of_many(sources))
    return _of_many(sources)


def _is_one(source: Any) -> bool:
    """Whether this is a single recording."""
    known = (Recording, Item, bytes, bytearray, memoryview, np.ndarray, Mapping)
    return isinstance(source, known) or hasattr(source, "get_all_samples") or not isinstance(source, Iterable)


def _of_many(sources: Iterable[Any]) -> Iterator[Item]:
    for source in sources:
        if isinstance(source, (str, os.PathLike)):
            yield from _of_path(source)
        else:
            yield _item(source)


def _item(source: Any) -> Item:
    if isinstance(source, Item):
        return source
    if isinstance(source, Mapping) and not {"array", "sampling_rate"} <= source.keys():
        return _Columns(source.keys(), "the row").item(source)
    return Item(source)


def _of_path(source: str | os.PathLike[str]) -> Iterator[Item]:
    path = os.path.expanduser(source)
    if os.path.isdir(path):
        yield from _of_folder(path)
    elif glob.has_magic(path) and "://" not in path and not os.path.exists(path):
        found = [one for one in sorted(glob.glob(path, recursive=True)) if os.path.isfile(one)]
        if not found:
            raise AudioError(f"no file matches {path!r}, looked up from {os.getcwd()!r}")
        yield from map(Item, found)
    else:
        yield Item(source)


def _of_folder(path: str) -> Iterator[Item]:
    inside = sorted(entry.path for entry in os.scandir(path) if entry.is_file() and entry.name[0] != ".")
    found = [one for one in inside if one.lower().endswith(AUDIO_SUFFIXES) or _is_sound(one)]
    if not found:
        raise AudioError(f"no recordings among the {len(inside)} files in the folder {path!r}")
    yield from map(Item, found)


def _is_sound(path: str) -> bool:
    try:
        Recording(path)
    except AudioError:
        return False
    return True


def _told_apart(found: Iterable[Item]) -> list[Item]:
    """Set the missing ids: short names, which differ if the files do."""
    listed = list(found)
    names = _short_names({item.path for item in listed if item.path and not item.id})
    return [item if item.id or not item.path else replace(item, id=names[item.path]) for item in listed]


def _short_names(paths: Iterable[str]) -> dict[str, str]:
    """Path -> the shortest end of the path that no other path has.

    >>> sorted(_short_names(["/x/a.wav", "/x/y/a.wav", "/x/y/b.wav"]).values())
    ['b.wav', 'x/a.wav', 'y/a.wav']
    """
    names: dict[str, str] = {}
    left, n = {path: Path(path).parts for path in paths}, 1
    while left:
        tails = {path: "/".join(parts[-n:]) for path, parts in left.items()}
        count = Counter(tails.values())
        names |= {path: tail for path, tail in tails.items() if count[tail] == 1}
        left, n = {path: parts for path, parts in left.items() if path not in names}, n + 1
    return names


def _of_table(table: pd.DataFrame) -> Iterator[Item]:
    columns = _Columns(table.columns, "the table")
    for number, row in enumerate(table.to_dict("records")):
        yield columns.item(row, f"row {number} of the table")


class _Columns:
    """The source column of a table, and its metadata columns.

    Raises:
        ConfigError: if there is no source column, or a column name is not valid.
    """

    def __init__(self, columns: Iterable[Any], where: str) -> None:
        self._where = where
        names = list(columns)
        wrong = [name for name in names if not isinstance(name, str) or names.count(name) > 1]
        if wrong:
            raise ConfigError(f"{where} has a column {wrong[0]!r}; columns need names, and each its own")
        found = [name for name in SOURCE_COLUMNS if name in names]
        if not found:
            raise ConfigError(
                f"{where} has no column 'source' (or 'path', or 'file') that names the recordings; there are "
                f"{', '.join(names)}"
            )
        self.source = found[0]
        self.metadata = [name for name in names if name not in (*OPTIONS, self.source, "id")]
        for name in self.metadata:
            self._check(name)

    def _check(self, name: str) -> None:
        meant = _option_like(name)
        if meant is not None:
            raise ConfigError(
                f"{self._where} has a column {name!r}, which is no option; did you mean {meant!r}? A "
                "column of your own needs a name that is less like it"
            )
        if name in RESERVED:
            raise ConfigError(
                f"{self._where} has a column {name!r}, as the frames of the results have; rename yours, as "
                f"in table.rename(columns={{{name!r}: 'my_{name}'}})"
            )

    def item(self, row: Mapping[Any, Any], where: str = "the row") -> Item:
        """The recording of one row."""
        given = {name: value for name, value in row.items() if not _is_missing(value)}
        if self.source not in given:
            raise ConfigError(f"{where} has nothing in the column {self.source!r}")
        return Item(
            given[self.source],
            str(given["id"]) if "id" in given else None,
            {name: plain(value) for name, value in given.items() if name in OPTIONS},
            {name: row[name] for name in self.metadata},
        )


def _option_like(column: str) -> str | None:
    """The option that a column name probably means; as metadata it would have no effect, without an error.

    >>> _option_like("Languages"), _option_like("lang"), _option_like("speaker")
    ('language', 'language', None)
    """
    name = column.lower()
    near = difflib.get_close_matches(name, OPTIONS, n=1, cutoff=LIKENESS)
    return near[0] if near else OTHER_NAMES.get(name)


def metadata_types(sources: Any) -> dict[str, Any]:
    """Name -> dtype of the metadata columns of a table; empty if `sources` is no table."""
    if not isinstance(sources, pd.DataFrame):
        return {}
    return {name: sources[name].dtype for name in _Columns(sources.columns, "the table").metadata}


def plain(value: Any) -> Any:
    """Convert a value for JSON: missing values to None, times and other types to text.

    >>> plain(np.float32(0.5)), plain(pd.NA), plain(np.array([1, 2])), str(plain(pd.Timestamp("2026-01-02")))
    (0.5, None, [1, 2], '2026-01-02 00:00:00')
    """
    if _is_missing(value):
        return None
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))
