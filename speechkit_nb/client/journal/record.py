"""One job as stored in the journal."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ...errors import hide_signatures, make_encodable
from ...paths import remove_signature
from .states import DAMAGED, STATES, JobState

NOT_COLUMNS = ("number", "is_reused")
NEEDED = ("service", "recording", "state", "created_at", "options")
JSON = ("options", "metadata", "format")
NUMBERS = {
    "duration": 1e9,
    "n_channels": 1e9,
    "created_at": 9e9,
    "submitted_at": 9e9,
    "finished_at": 9e9,
    "fetched_at": 9e9,
    "delivered_at": 9e9,
}
"""Largest number in a column; pandas has no times after the year 2262, which begins at 9.2e9 seconds."""


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """One job as stored in the journal. Times are seconds since the epoch.

    Attributes:
        service: name of the service it was sent to, such as `cloud`.
        recording: id of the recording.
        created_at: when it was added to the journal, before it was sent.
        number: its number in the journal; 0 before it is added.
        state: a key of `STATES`.
        operation_id: the service's id; None while it is not known.
        source: path of the recording, or link to it without its signature; None if it was neither.
        sha256: hash of the sound.
        duration: seconds of audio.
        n_channels: number of channels.
        options: fields of `RecognitionConfig`.
        metadata: values that the user stores with the job.
        format: what the user gave as the format of a link, or of samples without a header.
        bucket: where the recording was to be uploaded.
        folder: id of the folder that is billed, as given to `connect`.
        reuse_key: hash of sound, options and service.
        owner: host and process id of the process that submitted it.
        submitted_at, finished_at, fetched_at: when it was accepted, when it ended, when it was fetched.
        delivered_at: when the user first got the result.
        error: why it has no result.
        is_reused: whether it is an earlier job with the same sound and options, and nothing was sent.
    """

    service: str
    recording: str
    created_at: float
    number: int = 0
    state: str = "submitting"
    operation_id: str | None = None
    source: str | None = None
    sha256: str | None = None
    duration: float | None = None
    n_channels: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    format: Mapping[str, Any] = field(default_factory=dict)
    bucket: str | None = None
    folder: str | None = None
    reuse_key: str | None = None
    owner: str | None = None
    submitted_at: float | None = None
    finished_at: float | None = None
    fetched_at: float | None = None
    delivered_at: float | None = None
    error: str | None = None
    is_reused: bool = False

    def __post_init__(self) -> None:
        if self.source is not None:
            object.__setattr__(self, "source", remove_signature(self.source))
        for name in ("recording", "error", "metadata"):
            object.__setattr__(self, name, hide_signatures(getattr(self, name)))

    @property
    def state_info(self) -> JobState:
        """The entry of its state in `STATES`."""
        return STATES[self.state]

    @property
    def is_open(self) -> bool:
        """Whether there is something to wait for."""
        return self.state_info.is_open

    def waited(self, now: float) -> float:
        """Seconds since its submission; 0 if the clock was set back since then."""
        return max(now - (self.submitted_at or self.created_at), 0.0)

    def to_row(self) -> dict[str, Any]:
        """Its columns for SQLite."""
        columns = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in NOT_COLUMNS}
        columns["options"] = json.dumps(dict(self.options))
        for name in ("metadata", "format"):
            columns[name] = json.dumps(dict(columns[name])) if columns[name] else None
        if self.source is not None and make_encodable(self.source) != self.source:
            columns["source"] = os.fsencode(self.source)  # a path that is not UTF-8 is stored as bytes
        return make_storable(columns)

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> JobRecord:
        """The job of a row of SQLite.

        If a cell cannot be read, the state is `damaged`: `error` says which cells, and the others are kept.
        """
        cells = dict(row)
        number, columns, problems = cells.pop("id"), dict[str, Any](), list[str]()
        for name, cell in cells.items():
            try:
                columns[name] = _read_cell(name, cell)
            except (ValueError, TypeError, RecursionError):
                problems.append(f"{name} is {cell!r:.60}")
        if problems:
            error = f"job {number} is damaged in the journal: {'; '.join(problems)}"
            unknown = {"service": "", "recording": f"job {number}", "created_at": math.nan}
            columns = unknown | columns | {"state": DAMAGED, "error": error}
        return cls(number=number, **columns)


def make_storable(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns with texts that SQLite can store; an error has no signature of a link."""
    texts = {name: make_encodable(cell) for name, cell in columns.items() if isinstance(cell, str)}
    if "error" in texts:
        texts["error"] = hide_signatures(texts["error"])
    return {**columns, **texts}


def _read_cell(name: str, cell: Any) -> Any:
    """The value of a cell.

    Raises:
        ValueError, TypeError, RecursionError: if it cannot be what was written there.
    """
    if cell is None and name not in NEEDED:
        return {} if name in JSON else None
    if name in NUMBERS:
        lowest = -NUMBERS[name] if name.endswith("_at") else 0
        if not lowest <= cell <= NUMBERS[name]:
            raise ValueError(name)
        return cell
    if name == "source" and isinstance(cell, bytes):
        return os.fsdecode(cell)
    if not isinstance(cell, str) or make_encodable(cell) != cell or (name == "state" and cell not in STATES):
        raise ValueError(name)
    if name not in JSON:
        return cell
    value = json.loads(cell)
    if not isinstance(value, dict):
        raise ValueError(name)
    return value
