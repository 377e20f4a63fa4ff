"""The kinds of parts of a corpus, and how each is read in batches to limit memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..errors import EvaluationError, SchemaError, few
from ..formats import decode_categories, format_part_name, hash_files, read_frame, system_folder
from ..tables import UTTERANCE_KEYS, WordFrame, read_metadata, read_word_frame
from .plan import Plan

Hashes = NDArray[np.uint64]

BATCH = 8192
"""Number of rows of a table of utterances that are scored together."""

MOST_KEYS = 1 << 17
"""Number of rows that are read together if only the utterance key columns are read."""


class Batch(NamedTuple):
    """Complete utterances: their frames, and the utterance key columns."""

    reference: WordFrame
    systems: dict[str, WordFrame]
    keys: tuple[str, ...]


class Part(Protocol):
    """A piece of a corpus that is read and scored independently."""

    @property
    def name(self) -> str:
        """A name that is unique in the corpus."""
        ...

    def digest(self) -> str:
        """A hash of the content."""
        ...

    def batches(self, plan: Plan) -> Iterator[Batch]:
        """Yield the content; all rows of an utterance are in the same batch."""
        ...

    def utterances(self, plan: Plan) -> Iterator[pd.DataFrame]:
        """Yield frames of utterance keys; a key may be repeated."""
        ...


@dataclass(frozen=True)
class TablePart:
    """A Parquet file of any size with one row per utterance."""

    name: str
    path: Path

    def digest(self) -> str:
        return hash_files([self.path])

    def batches(self, plan: Plan) -> Iterator[Batch]:
        with pq.ParquetFile(self.path) as file:
            there = file.schema_arrow.names
            keys = plan.keys(there)
            seen = list[Hashes]()
            columns = _list_columns(plan, keys, there)
            for table in map(_to_pandas, file.iter_batches(BATCH, columns=columns)):
                seen.append(hash_rows(table[list(keys)]))
                yield _make_batch(table, keys, plan)
            if not seen:
                yield _make_batch(_to_pandas(file.schema_arrow.empty_table().select(columns)), keys, plan)
        _check_once(seen, keys)

    def utterances(self, plan: Plan) -> Iterator[pd.DataFrame]:
        with pq.ParquetFile(self.path) as file:
            keys = list(plan.keys(file.schema_arrow.names))
            _check_columns(keys, file.schema_arrow.names)
            for rows in file.iter_batches(MOST_KEYS, columns=keys):
                yield _to_pandas(rows)[keys]


@dataclass(frozen=True, eq=False)
class FramePart:
    """Rows of a frame with one row per utterance."""

    name: str
    frame: pd.DataFrame

    def digest(self) -> str:
        names = repr(list(self.frame)).encode()
        return hashlib.sha256(names + hash_rows(self.frame).tobytes()).hexdigest()

    def batches(self, plan: Plan) -> Iterator[Batch]:
        there = [str(name) for name in self.frame]
        keys = plan.keys(there)
        table = decode_categories(self.frame[_list_columns(plan, keys, there)])
        _check_once([hash_rows(table[list(keys)])], keys)
        for first in range(0, len(table), BATCH):
            yield _make_batch(table.iloc[first : first + BATCH].reset_index(drop=True), keys, plan)

    def utterances(self, plan: Plan) -> Iterator[pd.DataFrame]:
        there = [str(name) for name in self.frame]
        keys = list(plan.keys(there))
        _check_columns(keys, there)
        yield decode_categories(self.frame[keys])


@dataclass(frozen=True)
class WordsPart:
    """The files of one part in a corpus of words."""

    name: str
    folder: Path

    def digest(self) -> str:
        return hash_files(sorted(self.folder.glob(f"words/*/{format_part_name(self.name)}")))

    def batches(self, plan: Plan) -> Iterator[Batch]:
        paths = {place: self._path(place) for place in (plan.reference, *plan.places.values())}
        self._check_recordings(paths, plan)
        reference = self._read(plan.reference, paths[plan.reference], plan, plan.metadata)
        systems = {name: self._read(name, paths[place], plan) for name, place in plan.places.items()}
        yield Batch(
            reference,
            systems,
            plan.keys(*(list(map(str, frame)) for frame, _ in (reference, *systems.values()))),
        )

    def utterances(self, plan: Plan) -> Iterator[pd.DataFrame]:
        """Yield the recordings, or the columns `plan.utterance` if it is given."""
        for path in map(self._path, (plan.reference, *plan.places.values())):
            if not path.exists():
                continue
            known = read_metadata(path).get("recordings") if plan.utterance is None else None
            if known:
                yield pd.DataFrame({"recording": pd.Series(known, dtype="str")})
                continue
            keys = list(plan.utterance or ["recording"])
            with pq.ParquetFile(path) as file:
                _check_columns(keys, file.schema_arrow.names)
                for rows in file.iter_batches(MOST_KEYS, columns=keys):
                    yield _to_pandas(rows)[keys].drop_duplicates()

    def _path(self, place: str) -> Path:
        return system_folder(self.folder / "words", place) / format_part_name(self.name)

    def _check_recordings(self, paths: dict[str, Path], plan: Plan) -> None:
        """Check that all systems have the same recordings.

        The list of recordings in the metadata of a file includes recordings without words.

        Raises:
            EvaluationError: if a system lacks recordings and `plan.missing` is `"raise"`.
        """
        if plan.missing == "empty":
            return
        known = {place: set(read_metadata(path).get("recordings", ())) for place, path in paths.items()}
        for place, path in paths.items():
            if not known[place]:
                _check_columns(["recording"], list(count_values(path)))
                known[place] = set(read_frame(path, ["recording"])["recording"].unique())
        check_same(known, "recordings")

    def _read(self, name: str, path: Path, plan: Plan, metadata: Sequence[str] = ()) -> WordFrame:
        keys = plan.utterance or UTTERANCE_KEYS
        if not path.exists() and plan.missing == "empty":
            columns = (*keys, *metadata, "word")
            return WordFrame(pd.DataFrame({column: pd.Series(dtype="str") for column in columns}), ())
        there = count_values(path)
        _check_columns([*(plan.utterance or ()), *metadata], list(there))
        content = ["word", "start", "end"] if "word" in there else ["text"]
        wanted = dict.fromkeys([*keys, *metadata, *content, "alternative"])
        return read_word_frame(read_frame(path, [column for column in wanted if column in there]), name)


def check_same(known: Mapping[str, set[str]], what: Literal["parts", "recordings"]) -> None:
    """Raise EvaluationError if a system lacks one that another system has."""
    every = set().union(*known.values())
    for place, there in known.items():
        if lacking := sorted(every - there):
            raise EvaluationError(
                f"{place!r} lacks {len(lacking)} of {len(every)} {what} ({few(lacking)}): all systems are "
                f"scored on the same {what}; write them, or take them as empty with missing='empty'"
            )


def count_values(path: Path) -> dict[str, int]:
    """The columns of a Parquet file, with the number of values that are not null; reads only metadata."""
    with pq.ParquetFile(path) as file:
        missing = dict.fromkeys(file.schema_arrow.names, 0)
        meta = file.metadata
        for group in range(meta.num_row_groups):
            for place in range(meta.num_columns):
                column = meta.row_group(group).column(place)
                if column.path_in_schema in missing and column.statistics is not None:
                    missing[column.path_in_schema] += column.statistics.null_count or 0
        return {name: meta.num_rows - n_missing for name, n_missing in missing.items()}


def hash_rows(table: pd.DataFrame) -> Hashes:
    """A 64-bit hash of each row; equal rows have equal hashes, and different rows very rarely do."""
    return np.asarray(pd.util.hash_pandas_object(table, index=False), np.uint64)


def _check_once(hashes: Sequence[Hashes], keys: Sequence[str]) -> None:
    """Raise EvaluationError if an utterance is twice in the part."""
    n_rows = sum(map(len, hashes))
    n_twice = n_rows - len(np.unique(np.concatenate(hashes))) if hashes else 0
    if n_twice:
        raise EvaluationError(
            f"{n_twice} of {n_rows} utterances are duplicates (by {', '.join(keys)}): remove them, or name "
            "more utterance key columns in utterance="
        )


def _to_pandas(rows: Any) -> pd.DataFrame:
    return decode_categories(rows.to_pandas())


def _list_columns(plan: Plan, keys: Sequence[str], there: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys([*keys, *plan.metadata, plan.reference, *plan.places.values()]))
    _check_columns(wanted, there)
    return wanted


def _check_columns(wanted: Sequence[str], there: Sequence[str]) -> None:
    for name in wanted:
        if name not in there:
            raise SchemaError(f"no column {name!r}; there are {', '.join(map(str, there))}")


def _make_batch(table: pd.DataFrame, keys: tuple[str, ...], plan: Plan) -> Batch:
    """A batch from rows of a table of utterances."""
    facts = list(dict.fromkeys([*keys, *plan.metadata]))
    systems = {name: _read_texts(table, list(keys), place, plan) for name, place in plan.places.items()}
    return Batch(_read_texts(table, facts, plan.reference, plan), systems, keys)


def _read_texts(table: pd.DataFrame, facts: list[str], column: str, plan: Plan) -> WordFrame:
    frame, problems = read_word_frame(table[facts].assign(text=table[column]), f"column {column!r}")
    return WordFrame(frame.fillna({"text": ""}) if plan.missing == "empty" else frame, problems)
