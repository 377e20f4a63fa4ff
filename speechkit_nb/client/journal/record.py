"""One job as stored in the journal."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .states import STATES, JobState

NOT_COLUMNS = ("number", "is_reused")


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
        source: path of the recording, or link to it; None if it was neither.
        sha256: hash of the sound.
        duration: seconds of audio.
        n_channels: number of channels.
        options: fields of `RecognitionConfig`.
        metadata: values that the user stores with the job.
        bucket: where the recording was to be uploaded.
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
    bucket: str | None = None
    reuse_key: str | None = None
    owner: str | None = None
    submitted_at: float | None = None
    finished_at: float | None = None
    fetched_at: float | None = None
    delivered_at: float | None = None
    error: str | None = None
    is_reused: bool = False

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
        columns["metadata"] = json.dumps(dict(self.metadata)) if self.metadata else None
        return columns

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> JobRecord:
        """The job of a row of SQLite."""
        columns = dict(row)
        metadata = json.loads(columns["metadata"]) if columns["metadata"] else {}
        columns |= {"options": json.loads(columns["options"]), "metadata": metadata}
        return cls(number=columns.pop("id"), **columns)
