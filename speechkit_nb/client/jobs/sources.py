"""The sources of a batch: paths, patterns, folders, tables, or any iterable of recordings."""

from __future__ import annotations

import difflib
import glob
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...audio import AUDIO_SUFFIXES, Recording
from ...config import RecognitionConfig
from ...errors import (
    AudioError,
    ConfigError,
    check_path,
    count_noun,
    few,
    hide_signatures,
    make_encodable,
    show_value,
)
from ...paths import remove_signature
from ...transcript import Transcript
from ..storage.links import find_link_name, names_many
from ..storage.listing import FoundObject
from .table import COLUMNS

ListObjects = Callable[[str, bool], Iterator[FoundObject]]
PAGE = 1000
"""Objects of a bucket that are listed before the first is sent; of more, the number is not known at first."""
SOURCE_COLUMNS = ("source", "path", "file")
OPTIONS = tuple(option.name for option in fields(RecognitionConfig))
KINDS = ("container", "encoding")
FORMAT = (*KINDS, "sample_rate", "n_channels")
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
        format: arguments about the format that differ from those of the batch.
        version: as in `SubmissionRequest`.
    """

    source: Any
    id: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    format: dict[str, Any] = field(default_factory=dict)
    version: str | None = None

    @property
    def path(self) -> str | None:
        """Absolute path of its file, or its link without a signature; None if the source is neither."""
        if not isinstance(self.source, (str, os.PathLike)):
            return None
        text = str(os.fspath(self.source))
        return remove_signature(text) if "://" in text else os.path.abspath(os.path.expanduser(text))

    @property
    def name(self) -> str:
        """Its name in messages; the file is not opened for it."""
        if self.id:
            return self.id
        if isinstance(self.source, Recording):
            return self.source.id
        if self.path is not None:
            return find_link_name(self.path)
        return f"a recording of type {type(self.source).__name__}"


def collect_items(sources: Any, list_objects: ListObjects) -> list[Item] | Iterator[Item]:
    """The recordings of a batch: a list, or a lazy iterator if `sources` is a generator, or a large bucket.

    A path of a folder means the recordings in it; a path with `*`, `?` or `[` means the files that match
    (`**` includes subfolders); an s3 link of that kind means the objects that match. Files with the same
    name get names with as many of their parent folders as are needed to distinguish them. The objects of a
    single s3 link are listed while they are sent, so their names have all folders below that link.

    Args:
        list_objects: returns the objects that an s3 link with a pattern means; also gets whether a row names
            their format.

    Raises:
        AudioError: if a pattern or a folder has no recordings.
        ConfigError: if these are no recordings, a table has no source column, or it has a column that looks
            like a misspelled option.

    >>> [item.name for item in collect_items(["b.wav", "a.wav", "old/a.wav"], None)]
    ['b.wav', '.../a.wav', 'old/a.wav']
    """
    if isinstance(sources, pd.DataFrame):
        columns = _Columns(sources.columns, "the table")
        rows = enumerate(sources.to_dict("records"))
        items = (columns.make_item(row, f"row {number} of the table") for number, row in rows)
        return _set_names(one for item in items for one in _expand_row(item, list_objects))
    if isinstance(sources, str) and names_many(sources):
        items = (
            Item(found.link, found.name, version=found.version) for found in list_objects(sources, False)
        )
        first = list(itertools.islice(items, PAGE))
        return first if len(first) < PAGE else itertools.chain(first, items)
    if isinstance(sources, (str, os.PathLike)):
        return _set_names(_expand(sources, list_objects))
    if _is_recording(sources):
        return [_make_item(sources)]
    if not isinstance(sources, Iterable):
        raise ConfigError(
            "submit_many takes paths, patterns, folders, links, a table, or an iterable of recordings, not "
            f"{show_value(sources)}"
        )
    found = (item for source in sources for item in _expand_or_make(source, list_objects))
    is_listed = isinstance(sources, (Sequence, Set, pd.Series, pd.Index))
    return _set_names(found) if is_listed else found


def _is_recording(source: Any) -> bool:
    """Whether this is one recording, although it may be iterable."""
    known = (Recording, Item, bytes, bytearray, memoryview, np.ndarray, Mapping)
    return isinstance(source, known) or hasattr(source, "get_all_samples") or hasattr(source, "read")


def _expand_or_make(source: Any, list_objects: ListObjects) -> Iterable[Item]:
    is_text = isinstance(source, (str, os.PathLike))
    return _expand(source, list_objects) if is_text else _expand_row(_make_item(source), list_objects)


def _make_item(source: Any) -> Item:
    if isinstance(source, Item):
        return source
    if isinstance(source, Mapping) and not {"array", "sampling_rate"} <= source.keys():
        return _Columns(source.keys(), "the row").make_item(source)
    return Item(source)


def _expand_row(item: Item, list_objects: ListObjects) -> Iterable[Item]:
    """The objects that the link of a row means, each with the options of the row; or the row itself.

    Raises:
        AudioError: if there are none.
        ConfigError: if several objects would get the id of the row.
    """
    if not isinstance(item.source, str) or not names_many(item.source):
        return [item]
    if item.id:
        raise ConfigError(
            f"{item.source!r} may mean several objects, and id={item.id!r} names one: leave the id out"
        )
    found = list_objects(item.source, any(name in item.format for name in KINDS))
    return (replace(item, source=one.link, version=one.version) for one in found)


def _expand(source: str | os.PathLike[str], list_objects: ListObjects) -> Iterable[Item]:
    """The recordings that a path or a link means.

    Raises:
        AudioError: if there are none.
    """
    if isinstance(source, str) and "://" in source:
        return _expand_row(Item(source), list_objects)
    path = str(check_path("a source", source, AudioError))
    if os.path.isdir(path):
        return list(map(Item, _list_folder(path)))
    if not glob.has_magic(path) or os.path.exists(path):
        return [Item(source)]
    found = sorted(glob.glob(path, recursive=True))
    files = [one for one in found if os.path.isfile(one)]
    if found and not files:
        raise AudioError(
            f"{path!r} matches {count_noun(len(found), 'folder')} ({few(found)}) and no file: name one of "
            f"them, or take the files in them by {os.path.join(path, '*')!r}"
        )
    if not files:
        raise AudioError(f"no file matches {path!r}, looked up from {os.getcwd()!r}")
    return list(map(Item, files))


def _list_folder(path: str) -> list[str]:
    """The recordings in a folder, sorted.

    Raises:
        AudioError: if there are none, or the folder cannot be read.
    """
    try:
        files = sorted(entry.path for entry in os.scandir(path) if entry.is_file() and entry.name[0] != ".")
    except OSError as error:
        raise AudioError(f"the folder {path!r} cannot be read: {error.strerror}") from None
    found = [file for file in files if file.lower().endswith(AUDIO_SUFFIXES) or _is_sound(file)]
    if not found:
        raise AudioError(f"no recordings among the {len(files)} files in the folder {path!r}")
    return found


def _is_sound(path: str) -> bool:
    try:
        Recording(path)
    except AudioError:
        return False
    return True


def _set_names(found: Iterable[Item]) -> list[Item]:
    """The recordings with ids: file names, with as many folders as are needed to make them different."""
    listed = list(found)
    names = _short_names({item.path for item in listed if item.path and not item.id})
    return [item if item.id or not item.path else replace(item, id=names[item.path]) for item in listed]


def _short_names(paths: Iterable[str]) -> dict[str, str]:
    """Path -> the shortest end of the path that no other path has.

    >>> sorted(_short_names(["/x/a.wav", "/x/y/a.wav", "/x/y/b.wav"]).values())
    ['b.wav', 'x/a.wav', 'y/a.wav']
    """
    names: dict[str, str] = {}
    left, n = {path: _split(path) for path in paths}, 1
    while left:
        tails = {path: "/".join(parts[-n:]) for path, parts in left.items()}
        count = Counter(tails.values())
        done = {path for path, tail in tails.items() if count[tail] == 1 or n >= len(left[path])}
        names |= {path: make_encodable(tails[path]) for path in done}
        left, n = {path: parts for path, parts in left.items() if path not in done}, n + 1
    return names


def _split(path: str) -> Sequence[str]:
    """The folders and the name of a path, or of a link."""
    if "://" not in path:
        return Path(path).parts
    return [*path.split("/")[2:-1], find_link_name(path)]


class _Columns:
    """The source column of a table, and its metadata columns.

    Raises:
        ConfigError: if there is no source column, or a column name is not valid.
    """

    def __init__(self, columns: Iterable[Any], where: str) -> None:
        self._where = where
        names = list(columns)
        odd = [name for name in names if not isinstance(name, str)]
        if odd:
            raise ConfigError(f"{where} has a column {odd[0]!r}; the name of a column must be text")
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ConfigError(f"{where} has two columns {twice[0]!r}; every column needs a name of its own")
        found = [name for name in SOURCE_COLUMNS if name in names]
        if not found:
            raise ConfigError(
                f"{where} has no column 'source' (or 'path', or 'file') with the recordings; it has "
                f"{', '.join(names)}"
            )
        self.source = found[0]
        known = (*OPTIONS, *KINDS, self.source, "id")
        self.metadata = [name for name in names if name not in known]
        for name in self.metadata:
            self._check(name)

    def _check(self, name: str) -> None:
        meant = _guess_option(name)
        if meant is not None:
            raise ConfigError(
                f"{self._where} has a column {name!r}, which is no option; did you mean {meant!r}? If it is "
                "a column of your own, give it another name"
            )
        if name in RESERVED:
            raise ConfigError(
                f"{self._where} has a column {name!r}, as the frames of the results have; rename yours, as "
                f"in table.rename(columns={{{name!r}: 'my_{name}'}})"
            )

    def make_item(self, row: Mapping[Any, Any], where: str = "the row") -> Item:
        """The recording of one row."""
        given = {name: value for name, value in row.items() if not _is_missing(value)}
        if self.source not in given:
            raise ConfigError(f"{where} has no value in the column {self.source!r}")
        return Item(
            given[self.source],
            hide_signatures(str(given["id"])) if "id" in given else None,
            {name: to_plain(value) for name, value in given.items() if name in OPTIONS},
            {name: hide_signatures(row[name]) for name in self.metadata},
            {name: _to_whole(to_plain(given[name])) for name in FORMAT if name in given},
        )


def _to_whole(value: Any) -> Any:
    """A whole number as an int; pandas makes floats of a column in which one is missing."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _guess_option(column: str) -> str | None:
    """The option that a column name probably means; as metadata it would have no effect, without an error.

    >>> _guess_option("Languages"), _guess_option("lang"), _guess_option("speaker")
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


def to_plain(value: Any) -> Any:
    """Convert a value for JSON: missing values to None, times and other types to text.

    >>> to_plain(np.float32(0.5)), to_plain(pd.NA), to_plain([np.int8(1)]), to_plain(pd.Timestamp(0))
    (0.5, None, [1], '1970-01-01 00:00:00')
    """
    if _is_missing(value):
        return None
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): to_plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(one) for one in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))
