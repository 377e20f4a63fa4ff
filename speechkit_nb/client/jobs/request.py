"""One recording that is to be sent, and its options."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ...audio import Recording
from ...config import RecognitionConfig
from ...errors import AudioError, ConfigError, hide_signatures, join_names, make_encodable, show_value
from ...paths import remove_signature
from ..journal.record import JobRecord
from ..storage.links import check_bucket, check_link_format, find_link_name


@dataclass(frozen=True)
class SubmissionRequest:
    """One recording that is to be sent, and its options.

    Attributes:
        source: the recording, or a link to it.
        config: the options.
        name: id of the recording in the frames.
        bucket: where to upload it; default: the client's bucket, if it is too large for a request.
        metadata: values that the user stores with the job.
        format: of a link, or of samples without a header, as in the journal.
        version: of the object behind a link, which changes with its content; None if it is not known.
    """

    source: Recording | str
    config: RecognitionConfig
    name: str
    bucket: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    format: Mapping[str, Any] = field(default_factory=dict)
    version: str | None = None

    @property
    def recording(self) -> Recording | None:
        """The recording; None for a link."""
        return self.source if isinstance(self.source, Recording) else None

    @cached_property
    def sha256(self) -> str | None:
        """Hash of the sound as it is now; None for a link."""
        return None if self.recording is None else self.recording.sha256

    def to_record(
        self, service: str, created_at: float, reuse_key: str | None = None, folder: str | None = None
    ) -> JobRecord:
        """The job that is added to the journal before the request is sent."""
        record = JobRecord(
            service=service,
            recording=self.name,
            created_at=created_at,
            options=self.config.to_dict(),
            metadata=self.metadata,
            format=self.format,
            reuse_key=reuse_key,
            folder=folder,
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
    id: str | None = None,
    bucket: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    version: str | None = None,
    **given: Any,
) -> SubmissionRequest:
    """The request for the arguments of `Client.submit`.

    Args:
        version: as in `SubmissionRequest`.
        given: `container`, `encoding`, `sample_rate`, `n_channels`.

    Raises:
        AudioError, ConfigError: if it cannot be sent.
    """
    metadata = {} if metadata is None else metadata
    _check_metadata(metadata)
    if id is not None and (not isinstance(id, str) or not id):
        raise ConfigError(f"id must be a name of the recording, not {show_value(id)}")
    check_bucket(bucket)
    format = {name: value for name, value in given.items() if value is not None}
    if isinstance(source, str) and "://" in source:
        if bucket is not None:
            raise ConfigError(f"bucket={bucket!r}, but a link is in a bucket already; leave one of them out")
        format = check_format(source, format)
        name = _clean_name(id or find_link_name(source))
        config.check_labeling(name, format.get("n_channels"))
        return SubmissionRequest(remove_signature(source), config, name, None, metadata, format, version)
    check_format(source, format)
    if isinstance(source, Recording):
        if format:
            raise ConfigError(f"{join_names(list(format))} must be given to sk.Recording, not again here")
        recording = source
    else:
        rate, encoding, n_channels = map(format.get, ("sample_rate", "encoding", "n_channels"))
        recording = Recording(source, rate, encoding=encoding, n_channels=n_channels, id=id)
    if recording.encoding is not None:
        format = {name: getattr(recording, name) for name in ("encoding", "sample_rate", "n_channels")}
    name = _clean_name(id or recording.id)
    config.check_labeling(name, recording.n_channels)
    return SubmissionRequest(recording, config, name, bucket, metadata, format)


def check_format(source: Any, format: Mapping[str, Any]) -> dict[str, Any]:
    """What a user gave as the format of a recording; the file itself is not opened.

    Raises:
        ConfigError: if the values do not go together, or not with the source.
    """
    is_link = isinstance(source, str) and "://" in source
    if "container" in format and not is_link:
        raise ConfigError("container is for links; the format of other recordings is read from their content")
    return check_link_format(**format) if is_link or "encoding" in format else dict(format)


def _clean_name(id: str) -> str:
    return str(hide_signatures(make_encodable(id)))


def _check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, Mapping) or not all(isinstance(name, str) for name in metadata):
        raise ConfigError(f"metadata must be a dict with names as keys, not {show_value(metadata)}")
    for name, value in metadata.items():
        try:
            json.dumps({name: value})
        except (TypeError, ValueError, RecursionError):
            raise ConfigError(
                f"metadata {name!r} is of type {type(value).__name__}, which cannot be stored: make it a "
                "text, a number, or a list or dict of these"
            ) from None


def check_reuse(reuse: Any) -> None:
    """
    Raises:
        ConfigError: if it is not True, False or None.
    """
    if reuse is not None and not isinstance(reuse, bool):
        raise ConfigError(f"reuse must be True, False or None, not {show_value(reuse)}")
