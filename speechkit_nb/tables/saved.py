"""Saved transcripts: one Parquet file with one row per message, and the other attributes in its metadata."""

from __future__ import annotations

import base64
import json
import math
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import TranscriptError, make_encodable
from .parquet import METADATA_KEY, write_table

FORMAT = 2
"""Version of the file format. Files of version 1 do not have `sent_until` and `sends`."""
DAMAGE = (pa.ArrowException, OSError, LookupError, ValueError, TypeError, RecursionError, zlib.error)
LARGEST_CONTENT = 2**32
"""Number of bytes of all columns; a file that claims to have more was made to fill the memory."""
LARGEST_PAIRS = 2**26
"""Number of bytes of `sends`: four million pairs."""


class SavedTranscript(NamedTuple):
    """Content of a file; the fields are those of `Transcript`."""

    responses: Sequence[bytes]
    recording: str
    source: str | None
    received_at: Sequence[float]
    info: Mapping[str, Any]
    sent_until: Sequence[float]
    sends: Sequence[tuple[float, float]]


def is_saved_transcript(metadata: Mapping[str, Any]) -> bool:
    """Whether a Parquet file with this metadata is a saved transcript."""
    return {"format", "recording"} <= metadata.keys()


def write_saved(saved: SavedTranscript, path: Path) -> None:
    """Write one file, completely or not at all.

    Raises:
        OSError: if the file cannot be written.
    """
    unknown = [math.nan] * len(saved.responses)
    metadata = {
        "format": FORMAT,
        "recording": saved.recording,
        "source": saved.source,
        "info": dict(saved.info),
        "sends": _encode_pairs(saved.sends),
    }
    table = pa.table(
        {
            "response": pa.array(saved.responses, pa.large_binary()),
            "received_at": pa.array(saved.received_at or unknown, pa.float64()),
            "sent_until": pa.array(saved.sent_until or unknown, pa.float64()),
        }
    )
    write_table(table, path, metadata)


def read_saved(content: bytes, path: Path) -> SavedTranscript:
    """Read the content of a file.

    Args:
        path: of the file, for messages.

    Raises:
        TranscriptError: if the file is damaged, is not a saved transcript, or is of a newer version.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups))
        if max(size, 100 * file.metadata.num_rows) > LARGEST_CONTENT:
            raise ValueError(f"its content would take {size:,} bytes in {file.metadata.num_rows:,} rows")
        metadata = json.loads((file.schema_arrow.metadata or {})[METADATA_KEY])
        version = metadata["format"]
        if isinstance(version, int) and version > FORMAT:
            raise TranscriptError(
                f"{os.fspath(path)!r} was written by a newer speechkit_nb (format {version}, this one reads "
                f"up to {FORMAT}): pip install -U speechkit-nb"
            )
        return _read_parts(file.read(), metadata)
    except TranscriptError:
        raise
    except DAMAGE as error:
        raise TranscriptError(
            f"{os.fspath(path)!r} is damaged or was not written by Transcript.save: {error}"
        ) from None


def _read_parts(table: pa.Table, metadata: Any) -> SavedTranscript:
    """The parts of a saved transcript; the errors that `read_saved` explains if one is not what was saved."""
    recording, source, info = _get(metadata, recording=str, source=(str, NoneType), info=dict)
    _get(metadata, format=int)
    responses = table["response"].cast(pa.large_binary()).to_pylist()
    if not all(isinstance(response, bytes) for response in responses):
        raise ValueError("a message is missing")
    received_at, sent_until = (_read_times(table, name) for name in ("received_at", "sent_until"))
    sends = _decode_pairs(metadata.get("sends", ""))
    return SavedTranscript(responses, make_encodable(recording), source, received_at, info, sent_until, sends)


def _get(metadata: Mapping[str, Any], **types: Any) -> list[Any]:
    """The values of these keys.

    Raises:
        LookupError, TypeError: if one is missing, or not of its type.
    """
    for name, wanted in types.items():
        if not isinstance(metadata[name], wanted) or isinstance(metadata[name], bool):
            raise TypeError(f"{name} is {metadata[name]!r:.60}")
    return [metadata[name] for name in types]


def _read_times(table: pa.Table, column: str) -> list[float]:
    """A column of times; empty if they are unknown."""
    if column not in table.column_names:
        return []
    times: list[float] = table[column].cast(pa.float64()).to_pylist()
    return [] if any(time is None or math.isnan(time) for time in times) else times


def _encode_pairs(pairs: Sequence[tuple[float, float]]) -> str:
    """Pairs of numbers as text, which is much shorter than JSON; a stream has thousands."""
    array = np.asarray(pairs, "<f8").reshape(-1, 2)
    return base64.b64encode(zlib.compress(array.tobytes())).decode() if len(array) else ""


def _decode_pairs(text: str) -> list[tuple[float, float]]:
    """
    >>> _decode_pairs(_encode_pairs([(0.5, 1000.25)]))
    [(0.5, 1000.25)]
    """
    if not isinstance(text, str):
        raise TypeError(f"sends is {text!r:.60}")
    stream = zlib.decompressobj()
    content = stream.decompress(base64.b64decode(text, validate=True), LARGEST_PAIRS) if text else b""
    if stream.unconsumed_tail:
        raise ValueError(f"its times take more than {LARGEST_PAIRS:,} bytes")
    array = np.frombuffer(content, "<f8").reshape(-1, 2)
    return [(position, time) for position, time in array.tolist()]
