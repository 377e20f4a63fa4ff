"""Parquet files of a corpus and of its scores: whole or not there, and each says how it was made."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SchemaError

_METADATA = b"speechkit_nb"
PARQUET_SUFFIX = ".parquet"


def file_name(part: str) -> str:
    """Of a part; any text can name one.

    >>> file_name("calls/7.wav"), part_of(Path("calls%2F7.wav.parquet"))
    ('calls%2F7.wav.parquet', 'calls/7.wav')
    """
    return quote(part, safe=" ") + PARQUET_SUFFIX


def part_of(path: Path) -> str:
    return unquote(path.name.removesuffix(PARQUET_SUFFIX))


def system_folder(table: Path, system: str) -> Path:
    """As Hive partitions are named, so that readers see a column `system`."""
    return table / f"system={quote(system, safe=' ')}"


def systems_of(table: Path) -> list[str]:
    return sorted(unquote(path.name.removeprefix("system=")) for path in table.glob("system=*"))


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A place to write to, moved to `path` when all is written, and gone if that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".unfinished", dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def write_frame(frame: pd.DataFrame, path: Path, facts: Mapping[str, Any]) -> None:
    """With `facts` in the metadata of the file."""
    table = with_facts(pa.Table.from_pandas(frame, preserve_index=False), facts)
    with unfinished(path) as place:
        pq.write_table(table, place, compression="zstd")


class RowGroups:
    """A file that grows by a row group at a time; it is there when the context ends without an error.

    Attributes:
        n_rows: written so far.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self.n_rows = 0
        self._path, self._facts, self._stack = path, facts, ExitStack()
        self._writer: Any = None

    def __enter__(self) -> RowGroups:
        self._place = self._stack.enter_context(unfinished(self._path))
        return self

    def write(self, frame: pd.DataFrame) -> None:
        schema = None if self._writer is None else self._writer.schema
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        if self._writer is None:
            schema = with_facts(table.schema, self._facts)
            self._writer = self._stack.enter_context(
                pq.ParquetWriter(self._place, schema, compression="zstd")
            )
        self._writer.write_table(table.replace_schema_metadata(self._writer.schema.metadata))
        self.n_rows += len(frame)

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)


def with_facts(table: Any, facts: Mapping[str, Any]) -> Any:
    """An Arrow table or schema that says how it was made."""
    schema = table if isinstance(table, pa.Schema) else table.schema
    metadata = {**(schema.metadata or {}), _METADATA: json.dumps(facts).encode()}
    return (table.with_metadata if isinstance(table, pa.Schema) else table.replace_schema_metadata)(metadata)


def facts_of(path: Path) -> dict[str, Any]:
    """What was written with a file; nothing if it is not there, damaged, or made by others."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        facts = json.loads(metadata.get(_METADATA, b"{}"))
    except (OSError, pa.ArrowException, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def read_frame(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The file alone, whatever the names of its folders look like.

    Raises:
        SchemaError: if it cannot be read.
    """
    try:
        return plain(pq.ParquetFile(path).read(columns).to_pandas())
    except (OSError, pa.ArrowException) as error:
        raise SchemaError(f"cannot read {os.fspath(path)!r}: {error}") from None


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories as what they stand for: those of several files can be put together."""
    dtypes = {name: dtype for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)}
    return frame.astype({name: dtype.categories.dtype for name, dtype in dtypes.items()})


def digest_of(paths: Sequence[Path]) -> str:
    """Changes with the content of any of the files, not with their dates."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
