"""One recording that is to be sent, and its options."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlsplit

from ...audio import Recording
from ...config import RecognitionConfig
from ...errors import AudioError, ConfigError
from ..journal.record import JobRecord


@dataclass(frozen=True)
class SubmissionRequest:
    """One recording that is to be sent, and its options.

    Attributes:
        source: the recording, or a link to it.
        config: the options.
        name: id of the recording in the frames.
        bucket: where to upload it; default: the client's bucket, if it is too large for a request.
        metadata: values that the user stores with the job.
    """

    source: Recording | str
    config: RecognitionConfig
    name: str
    bucket: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def recording(self) -> Recording | None:
        """The recording; None for a link."""
        return self.source if isinstance(self.source, Recording) else None

    @cached_property
    def sha256(self) -> str | None:
        """Hash of the sound as it is now; None for a link."""
        return None if self.recording is None else self.recording.sha256

    def to_record(self, service: str, created_at: float, reuse_key: str | None = None) -> JobRecord:
        """The job that is added to the journal before the request is sent."""
        record = JobRecord(
            service=service,
            recording=self.name,
            created_at=created_at,
            options=self.config.to_dict(),
            metadata=self.metadata,
            reuse_key=reuse_key,
        )
        recording = self.recording
        if recording is None:
            return replace(record, source=str(self.source))
        return replace(
            record,
            source=None if recording.source is None else os.path.abspath(recording.source),
            sha256=self.sha256,
            duration=recording.duration,
            n_channels=recording.n_channels,
            bucket=self.bucket,
        )

    def check_unchanged(self) -> None:
        """
        Raises:
            AudioError: if the file has changed since its hash was computed, for example during an upload.
        """
        recording = self.recording
        if recording is None or recording.source is None:
            return
        if replace(recording).sha256 != self.sha256:
            raise AudioError(
                f"{self.name}: {recording.source} was changed while it was sent; submit it again"
            )


def build_request(
    source: Any,
    config: RecognitionConfig,
    *,
    sample_rate: int | None = None,
    id: str | None = None,
    bucket: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> SubmissionRequest:
    """The request for the arguments of `Client.submit`.

    Raises:
        AudioError, ConfigError: if it cannot be sent.
    """
    _check_metadata(metadata or {})
    if isinstance(source, str) and "://" in source:
        if bucket is not None:
            raise ConfigError(f"bucket={bucket!r}, but a link is in a bucket already; leave one of them out")
        name = unquote(urlsplit(source).path).rpartition("/")[2] or source
        return SubmissionRequest(source, config, id or name, None, metadata or {})
    recording = source if isinstance(source, Recording) else Recording(source, sample_rate, id=id)
    return SubmissionRequest(recording, config, id or recording.id, bucket, metadata or {})


def _check_metadata(metadata: Mapping[str, Any]) -> None:
    for name, value in metadata.items():
        try:
            json.dumps({name: value})
        except (TypeError, ValueError):
            raise ConfigError(
                f"metadata {name!r} is of type {type(value).__name__}, which cannot be stored: make it a "
                "text, a number, or a list or dict of these"
            ) from None
