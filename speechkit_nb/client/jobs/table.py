"""Jobs of the journal as a frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ...errors import make_encodable
from ..journal.record import JobRecord
from .job import RESULT_LIFETIME

TEXTS = ("recording", "operation_id", "status", "model", "service", "error")
SECONDS = ("duration", "billed")
MOMENTS = ("created", "submitted", "finished", "fetched", "expires")
COLUMNS = ("number", *TEXTS[:-1], *SECONDS, *MOMENTS, "error")
LEAST_BILLED = 15


def frame_of(records: Sequence[JobRecord]) -> pd.DataFrame:
    """Jobs as a frame, one row per job.

    `number` is the job's number in the journal, which `Client.job` takes. Times are UTC timestamps; `expires`
    is when the service deletes a result. `duration` and `billed` are seconds; `billed` is what the job
    costs, in seconds of audio with two channels: at least 15, channels rounded up to pairs, 0 for an earlier
    job that is used again, NaN if it is not known.
    """
    dtypes = {"number": "int64"} | dict.fromkeys(TEXTS, "str") | dict.fromkeys(SECONDS, "float64")
    frame = pd.DataFrame([_row(record) for record in records], columns=list(COLUMNS))
    frame = frame.astype(dtypes)
    for name in MOMENTS:
        frame[name] = pd.to_datetime(frame[name].astype("float64"), unit="s", utc=True).dt.floor("s")
    return frame


def _row(record: JobRecord) -> dict[str, Any]:
    finished = record.finished_at if record.state_info.is_stored else None
    return {
        "number": record.number,
        "recording": record.recording,
        "operation_id": record.operation_id,
        "status": record.state,
        "model": name_model(record),
        "service": record.service,
        "error": record.error,
        "duration": record.duration,
        "billed": billed_seconds(record),
        "created": record.created_at,
        "submitted": record.submitted_at,
        "finished": record.finished_at,
        "fetched": record.fetched_at,
        "expires": finished and finished + RESULT_LIFETIME,
    }


def name_model(record: JobRecord) -> str:
    """The model of a job; empty if its row is damaged."""
    return make_encodable(str(record.options.get("model", "")))


def billed_seconds(record: JobRecord) -> float | None:
    """What a job costs, in seconds of audio with two channels; None if it is not known.

    >>> job = JobRecord(
    ...     service="cloud", recording="a.wav", created_at=0, state="done", duration=61.2, n_channels=3
    ... )
    >>> billed_seconds(job)
    124.0
    """
    is_billed = record.state_info.is_billed
    if record.is_reused or is_billed is False:
        return 0.0
    if is_billed is None or not record.duration:
        return None
    return float(max(math.ceil(record.duration), LEAST_BILLED) * math.ceil((record.n_channels or 1) / 2))


def typed(values: Sequence[Any], dtype: Any, index: pd.Index[Any]) -> pd.Series[Any]:
    """A column of values that were stored as JSON, with their original dtype; None lets pandas choose.

    >>> typed(["2026-01-02", None], "datetime64[s]", pd.RangeIndex(2)).dt.year.tolist()
    [2026.0, nan]
    """
    texts = [make_encodable(value) if isinstance(value, str) else value for value in values]
    column = pd.Series(texts, index=index, dtype=None if texts else "object")
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
    except (TypeError, ValueError):  # for example int64 with a missing value
        return column
