"""Parquet files with metadata about their content."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ..paths import write_atomically

METADATA_KEY = b"speechkit_nb"
"""Key in the Parquet metadata of a JSON object that describes the file and how it was made."""

COMPRESSION = "zstd"


def write_table(table: pa.Table, path: str | os.PathLike[str], metadata: Mapping[str, Any]) -> None:
    """Write a table with `metadata` to one file, completely or not at all. Missing folders are made."""
    described = table.replace_schema_metadata(add_metadata(table.schema, metadata).metadata)
    with write_atomically(path) as unfinished:
        pq.write_table(described, unfinished, compression=COMPRESSION)


def add_metadata(schema: pa.Schema, metadata: Mapping[str, Any]) -> pa.Schema:
    """The schema with `metadata` added as JSON; the metadata of pandas is kept."""
    return schema.with_metadata({**(schema.metadata or {}), METADATA_KEY: json.dumps(metadata).encode()})


def read_metadata(file: Path | BinaryIO | pa.Schema) -> dict[str, Any]:
    """The metadata of a file; empty if the file is missing, damaged, or made by another program."""
    try:
        schema = file if isinstance(file, pa.Schema) else pq.read_schema(file)
        metadata = json.loads((schema.metadata or {}).get(METADATA_KEY, b"{}"))
    except (OSError, pa.ArrowException, ValueError):
        return {}
    return metadata if isinstance(metadata, dict) else {}
