"""What is to be sent: one recording, and what is asked for."""

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


@dataclass(frozen=True)
class Order:
    """One recording to be sent, and what is asked for.

    Attributes:
        source: the recording, or a link to it.
        config: the options.
        name: what it is called in the frames.
        bucket: where it is uploaded; None leaves that to its size.
        metadata: the user's own columns.
    """

    source: Recording | str
    config: RecognitionConfig
    name: str
    bucket: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def recording(self) -> Recording | None:
        """The sound; None if there is a link only."""
        return self.source if isinstance(self.source, Recording) else None

    @property
    def known_as(self) -> dict[str, Any]:
        """What is its own if the job is that of another recording with the same sound."""
        return {"recording": self.name, "metadata": dict(self.metadata)}

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the journal knows of it before it is sent."""
        known = {"recording": self.name, "options": self.config.to_dict(), "metadata": dict(self.metadata)}
        recording = self.recording
        if recording is None:
            return known | {"source": self.source}
        return known | {
            "source": None if recording.source is None else os.path.abspath(recording.source),
            "sha256": recording.sha256,
            "duration": recording.duration,
            "n_channels": recording.n_channels,
            "bucket": self.bucket,
        }


def order(
    source: Any,
    config: RecognitionConfig,
    *,
    sample_rate: int | None = None,
    id: str | None = None,
    bucket: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Order:
    """What `Client.submit` was asked to send.

    Raises:
        AudioError, ConfigError: if it cannot be sent.
    """
    _check_plain(metadata or {})
    if isinstance(source, str) and "://" in source:
        if bucket is not None:
            raise ConfigError(f"bucket={bucket!r}, but a link is in a bucket already; leave one of them out")
        name = unquote(urlsplit(source).path).rpartition("/")[2] or source
        return Order(source, config, id or name, None, metadata or {})
    recording = source if isinstance(source, Recording) else Recording(source, sample_rate, id=id)
    return Order(recording, config, id or recording.id, bucket, metadata or {})


def _check_plain(metadata: Mapping[str, Any]) -> None:
    for name, value in metadata.items():
        try:
            json.dumps({name: value})
        except (TypeError, ValueError):
            raise ConfigError(
                f"metadata {name!r} is of type {type(value).__name__}, which is not kept: make it a text, "
                "a number, or a list or dict of these"
            ) from None


def check_unchanged(order: Order) -> None:
    """A file that was written to while it was read or uploaded is not what its hash says.

    Raises:
        AudioError: if it was.
    """
    recording = order.recording
    if recording is None or recording.source is None:
        return
    if replace(recording).sha256 != order.facts["sha256"]:
        raise AudioError(f"{order.name}: {recording.source} was changed while it was sent; submit it again")
