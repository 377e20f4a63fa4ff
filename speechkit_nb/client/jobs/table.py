"""Rows of the journal as a frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from .job import KEPT_FOR

TEXTS = ("recording", "operation_id", "status", "model", "service", "error")
SECONDS = ("duration", "billed")
MOMENTS = ("created", "submitted", "finished", "fetched", "expires")
COLUMNS = (*TEXTS[:-1], *SECONDS, *MOMENTS, "error")
LEAST_BILLED = 15
NOT_BILLED = ("submitting", "failed")


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Journal rows as a frame, a row a job.

    Times are UTC timestamps; `expires` is when the service forgets a result. `duration` and `billed` are
    seconds; `billed` is what the job costs, in seconds of audio with two channels: at least 15, channels
    rounded up to pairs, nothing for an earlier result, NaN where nobody knows.
    """
    frame = pd.DataFrame([_record(row) for row in rows], columns=list(COLUMNS))
    frame = frame.astype(dict.fromkeys(TEXTS, "str") | dict.fromkeys(SECONDS, "float64"))
    for name in MOMENTS:
        frame[name] = pd.to_datetime(frame[name].astype("float64"), unit="s", utc=True).dt.floor("s")
    return frame


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    ended = row["state"] in ("done", "expired") and row["finished_at"]
    return {
        **row,
        "status": row["state"],
        "model": row["options"].get("model"),
        "billed": billed(row),
        **{name: row[f"{name}_at"] for name in MOMENTS[:-1]},
        "expires": row["finished_at"] + KEPT_FOR if ended else None,
    }


def billed(row: Mapping[str, Any]) -> float | None:
    """What a job costs, in seconds of audio with two channels; None if nobody knows.

    >>> billed({"state": "done", "duration": 61.2, "n_channels": 3})
    124.0
    """
    if row.get("reused") or row["state"] in NOT_BILLED:
        return 0.0
    if row["state"] == "unknown" or not row["duration"]:
        return None
    return float(max(math.ceil(row["duration"]), LEAST_BILLED) * math.ceil((row["n_channels"] or 1) / 2))


def typed(values: Sequence[Any], dtype: Any, index: pd.Index[Any]) -> pd.Series[Any]:
    """Values that went through JSON as a column of the dtype they had; None leaves it to pandas.

    >>> typed(["2026-01-02", None], "datetime64[s]", pd.RangeIndex(2)).dt.year.tolist()
    [2026.0, nan]
    """
    column = pd.Series(values, index=index, dtype=None if values else "object")
    if dtype is None:
        return column
    if isinstance(dtype, pd.CategoricalDtype):
        return typed(values, dtype.categories.dtype, index).astype(dtype)
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return pd.to_datetime(column, format="ISO8601").astype(dtype)
    if pd.api.types.is_timedelta64_dtype(dtype):
        return pd.to_timedelta(column).astype(dtype)
    try:
        return column.astype(dtype)
    except (TypeError, ValueError):  # such as whole numbers in a table that went on without its last rows
        return column
