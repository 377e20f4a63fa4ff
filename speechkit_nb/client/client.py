"""Client: one service and one journal, and what can be done with them."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from ..audio import Recording, for_service
from ..config import RecognitionConfig
from ..errors import AudioError, JobUnknown, NoAnswer, ServiceError, TargetError
from . import requests
from .jobs import Job, JobSet, frame_of
from .journal import OPEN, Entry, Journal
from .service import Transport
from .waiting import Pace

CONTAINERS = {".wav": "WAV", ".ogg": "OGG_OPUS", ".opus": "OGG_OPUS", ".mp3": "MP3"}
"""Formats by the ending of a link; what is behind it cannot be looked at."""


class Client:
    """A connection to one service. Made by `connect`; usable in a `with` statement.

    Args:
        transport: the way to the service.
        journal: where its jobs are remembered.
        pace: when to ask after a job.
        on_close: called last.
    """

    def __init__(
        self,
        transport: Transport,
        journal: Journal,
        *,
        pace: Pace | None = None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._transport = transport
        self._journal = journal
        self._pace = pace or Pace()
        self._on_close = on_close

    @property
    def service(self) -> str:
        """What it is connected to."""
        return self._transport.name

    def submit(
        self, source: Any, *, sample_rate: int | None = None, id: str | None = None, **options: Any
    ) -> Job:
        """Send a recording to be recognized and return at once.

        Args:
            source: path, `bytes` of an audio file, array of shape (n_samples,) or (n_channels, n_samples)
                with `sample_rate`, `Recording`, or link (`https://`, `s3://`) into Object Storage.
            sample_rate: Hz, for an array.
            id: name of the recording in the frames; its file name otherwise.
            options: fields of `RecognitionConfig`, such as `model`, `language`, `normalize`.

        Raises:
            AudioError, LimitError, ConfigError: before anything is sent.
            ServiceError: if the service refuses it.
            JobUnknown: if it was sent and no answer came. The job is in the journal; it is not sent
                again on its own, since that could be billed twice.
        """
        config = RecognitionConfig.of(**options)
        if isinstance(source, str) and "://" in source:
            link, container = _storage_link(source)
            request = requests.recognize_file(config, link, container)
            facts: dict[str, Any] = {"recording": id or _name_of(link), "source": link}
            return self._submit(request, config, facts, None)
        recording = _recording(source, sample_rate, id)
        request = requests.recognize_file(config, for_service(recording))
        path = recording.source
        facts = {
            "recording": recording.id,
            "source": None if path is None else os.path.abspath(path),
            "sha256": recording.sha256,
            "duration": recording.duration,
            "n_channels": recording.n_channels,
        }
        return self._submit(request, config, facts, recording)

    def jobs(self) -> pd.DataFrame:
        """Every job of the journal, of all services, newest last."""
        return frame_of([entry.facts for entry in self._journal.entries()])

    def job(self, operation_id: str) -> Job:
        """The job of that id, from the journal; one submitted elsewhere is looked up at the service.

        Raises:
            NotFound: if the service knows no such operation.
            TargetError: if it was submitted to another service.
        """
        found = self._journal.entries("operation_id = ?", operation_id)
        for entry in found:
            if entry.facts["service"] == self.service:
                return self._job(entry)
        if found:
            other = found[0].facts["service"]
            raise TargetError(
                f"operation {operation_id!r} was submitted to {other!r}, this client talks to "
                f"{self.service!r}: "
                f"connect({other!r}).job({operation_id!r})"
            )
        self._transport.status(operation_id)
        now = time.time()
        return self._job(
            self._journal.add(
                service=self.service,
                operation_id=operation_id,
                recording=operation_id,
                state="running",
                created_at=now,
                submitted_at=now,
            )
        )

    def resume(self) -> JobSet:
        """The jobs of this service whose results nobody has had in hand yet, oldest first.

        A job that was being submitted when its kernel died comes back as `unknown`: its result says so.
        """
        states = ", ".join(map(repr, OPEN))
        waiting = f"service = ? AND (state IN ({states}) OR (state = 'done' AND delivered_at IS NULL))"
        return JobSet([self._job(entry) for entry in self._journal.entries(waiting, self.service)])

    def close(self) -> None:
        """Hang up; a local server that was started for this client ends."""
        self._transport.close()
        self._journal.close()
        self._on_close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.service!r}, journal {os.fspath(self._journal.path)!r})"

    def _submit(
        self, request: Any, config: RecognitionConfig, facts: dict[str, Any], recording: Recording | None
    ) -> Job:
        entry = self._journal.add(
            service=self.service, options=config.to_dict(), created_at=time.time(), **facts
        )
        try:
            operation_id = self._transport.submit(request, str(uuid.uuid4()))
        except NoAnswer as error:
            entry.note(state="unknown", error=str(error))
            raise JobUnknown(
                f"{facts['recording']}: {error}. The service may have taken the job, so it is not sent again "
                "on its own: that could be billed twice. It is in client.jobs() as unknown; submit it once "
                "more if you want to"
            ) from error
        except ServiceError as error:
            entry.note(state="failed", error=str(error), finished_at=time.time())
            raise
        entry.note(state="running", operation_id=operation_id, submitted_at=time.time())
        return self._job(entry, recording)

    def _job(self, entry: Entry, source: Any = None) -> Job:
        service = self._transport
        return Job(
            entry,
            refresh=service.status,
            fetch=service.fetch,
            cancel=service.cancel,
            delete=service.delete,
            pace=self._pace,
            source=source,
        )


def _recording(source: Any, sample_rate: int | None, id: str | None) -> Recording:
    if isinstance(source, Recording):
        return source
    return Recording(source, sample_rate, id=id)


def _name_of(link: str) -> str:
    return urlsplit(link).path.rpartition("/")[2] or link


def _storage_link(link: str) -> tuple[str, str]:
    """The https form of a link into Object Storage, and the format its name stands for.

    >>> _storage_link("s3://my-bucket/calls/one.ogg")
    ('https://storage.yandexcloud.net/my-bucket/calls/one.ogg', 'OGG_OPUS')
    """
    parts = urlsplit(link)
    if parts.scheme not in ("s3", "https") or not parts.netloc or not parts.path.strip("/"):
        raise AudioError(f"{link!r} is no link into Object Storage; it looks like s3://bucket/name.wav")
    ending = os.path.splitext(parts.path)[1].lower()
    if ending not in CONTAINERS:
        raise AudioError(
            f"the format behind {link!r} cannot be told from its name; the service takes files that end in "
            f"{', '.join(CONTAINERS)}"
        )
    bucket = f"storage.yandexcloud.net/{parts.netloc}" if parts.scheme == "s3" else parts.netloc
    return f"https://{bucket}{parts.path}", CONTAINERS[ending]
