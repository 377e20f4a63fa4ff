"""Frames in Parquet files, alone and as the parts of a corpus."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SchemaError
from ..paths import write_atomically
from ..tables import COMPRESSION, add_metadata, read_metadata, write_table
from .base import FileContent, UnreadableFile

PARQUET_SUFFIX = ".parquet"
RECORDINGS = "recordings"
"""Metadata: ids of the recordings that a file is about, also of those without words."""


def read_parquet(path: Path) -> FileContent:
    """Read a frame of words or texts.

    Raises:
        UnreadableFile: if the file is damaged.
        SchemaError: if the frame has neither `word` nor `text`.
    """
    try:
        frame = read_frame(path)
    except SchemaError as error:
        raise UnreadableFile(str(error).removeprefix(f"cannot read {os.fspath(path)!r}: ")) from None
    if not {"word", "text"} & set(frame):
        raise SchemaError(
            f"{os.fspath(path)!r} has neither a column word nor text; there are "
            f"{', '.join(map(str, frame)) or 'none'}; a table with texts of several systems is for "
            f"sk.score({os.fspath(path)!r}, reference=..., systems=[...])"
        )
    recordings = read_metadata(path).get(RECORDINGS)
    return FileContent(frame, frozenset(map(str, recordings if isinstance(recordings, list) else ())))


def write_frame(frame: pd.DataFrame, path: Path, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a frame to one file, completely or not at all."""
    write_table(pa.Table.from_pandas(frame, preserve_index=False), path, metadata or {})


def read_frame(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a frame from one file, without columns from the names of its folders.

    Raises:
        SchemaError: if the file cannot be read.
    """
    try:
        return decode_categories(pq.ParquetFile(path).read(columns).to_pandas())
    except Exception as error:  # pyarrow trusts what pandas wrote into the metadata, which can be damaged
        reason = str(error) if isinstance(error, OSError | pa.ArrowException) else "its metadata is damaged"
        raise SchemaError(f"cannot read {os.fspath(path)!r}: {reason}") from error


def decode_categories(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with values in place of categories, so that frames of several files can be concatenated."""
    dtypes = {name: dtype for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)}
    return frame.astype({name: dtype.categories.dtype for name, dtype in dtypes.items()})


class RowGroupWriter:
    """A context manager that writes a file in row groups. It makes no file if the context ends with an error.

    Attributes:
        n_rows: number of rows written so far.
    """

    def __init__(self, path: Path, metadata: Mapping[str, Any]) -> None:
        self.n_rows = 0
        self._path, self._metadata, self._stack = path, metadata, ExitStack()
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> RowGroupWriter:
        self._unfinished = self._stack.enter_context(write_atomically(self._path))
        return self

    def write(self, frame: pd.DataFrame) -> None:
        """Add one row group. The first frame decides the dtypes of the file."""
        schema = None if self._writer is None else self._writer.schema
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        if self._writer is None:
            schema = add_metadata(table.schema, self._metadata)
            self._writer = self._stack.enter_context(
                pq.ParquetWriter(self._unfinished, schema, compression=COMPRESSION)
            )
        self._writer.write_table(table.replace_schema_metadata(self._writer.schema.metadata))
        self.n_rows += len(frame)

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)


def hash_files(paths: Sequence[Path]) -> str:
    """A hash that changes with the content of any of the files, not with their dates."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


# --- names in a corpus


def format_part_name(part: str) -> str:
    """The file name of a part, whose name can be any text.

    >>> format_part_name("calls/7.wav"), parse_part_name(Path("calls%2F7.wav.parquet"))
    ('calls%2F7.wav.parquet', 'calls/7.wav')
    """
    return quote(part, safe=" ") + PARQUET_SUFFIX


def parse_part_name(path: Path) -> str:
    """The name of the part in a file."""
    return unquote(path.name.removesuffix(PARQUET_SUFFIX))


def system_folder(table: Path, system: str) -> Path:
    """The folder of a system, named like a Hive partition, so that pandas and dask see a column `system`."""
    return table / f"system={quote(system, safe=' ')}"


def list_systems(table: Path) -> list[str]:
    """Names of the systems that have a folder in `table`."""
    return sorted(unquote(path.name.removeprefix("system=")) for path in table.glob("system=*"))
