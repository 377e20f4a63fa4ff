"""Saved transcripts: one Parquet file with one row per message, and the other attributes in its metadata."""

from __future__ import annotations

import base64
import json
import math
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import TranscriptError
from .parquet import METADATA_KEY, write_table

FORMAT = 2
"""Version of the file format. Files of version 1 do not have `sent_until` and `sends`."""


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
        TranscriptError: if the file cannot be written.
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
    try:
        write_table(table, path, metadata)
    except OSError as error:
        raise TranscriptError(
            f"cannot write {os.fspath(path)!r}: {error.strerror or error}; save it in a folder where you may "
            "write"
        ) from None


def read_saved(content: bytes, path: Path) -> SavedTranscript:
    """Read the content of a file.

    Args:
        path: of the file, for messages.

    Raises:
        TranscriptError: if the file is damaged, is not a saved transcript, or is of a newer version.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
        metadata = json.loads((table.schema.metadata or {})[METADATA_KEY])
        version, recording, source, info = (metadata[k] for k in ("format", "recording", "source", "info"))
        responses = table["response"].to_pylist()
        received_at, sent_until = (_read_times(table, name) for name in ("received_at", "sent_until"))
    except (pa.ArrowException, OSError, KeyError) as error:
        raise TranscriptError(
            f"{os.fspath(path)!r} is damaged or was not written by Transcript.save: {error}"
        ) from None
    if version > FORMAT:
        raise TranscriptError(
            f"{os.fspath(path)!r} was written by a newer speechkit_nb (format {version}, this one reads up "
            f"to {FORMAT}): pip install -U speechkit-nb"
        )
    sends = _decode_pairs(metadata.get("sends", ""))
    return SavedTranscript(responses, recording, source, received_at, info, sent_until, sends)


def _read_times(table: pa.Table, column: str) -> list[float]:
    """A column of times; empty if they are unknown."""
    times: list[float] = table[column].to_pylist() if column in table.column_names else []
    return [] if any(map(math.isnan, times)) else times


def _encode_pairs(pairs: Sequence[tuple[float, float]]) -> str:
    """Pairs of numbers as text, which is much shorter than JSON; a stream has thousands."""
    array = np.asarray(pairs, "<f8").reshape(-1, 2)
    return base64.b64encode(zlib.compress(array.tobytes())).decode() if len(array) else ""


def _decode_pairs(text: str) -> list[tuple[float, float]]:
    """
    >>> _decode_pairs(_encode_pairs([(0.5, 1000.25)]))
    [(0.5, 1000.25)]
    """
    array = np.frombuffer(zlib.decompress(base64.b64decode(text)) if text else b"", "<f8").reshape(-1, 2)
    return [(position, time) for position, time in array.tolist()]
