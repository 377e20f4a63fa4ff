"""Client: one service and one journal, and what can be done with them."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit
from weakref import WeakSet

import pandas as pd

from ..audio import Recording
from ..config import RecognitionConfig
from ..errors import ConfigError, JobUnknown, NoAnswer, NotFound, ServiceError, TargetError
from ..sending import for_service, form_for_service, size_for_service
from . import requests, storage
from .endpoints import CLOUD
from .jobs import Job, JobSet, frame_of
from .journal import OPEN, Entry, Journal
from .legs import SessionLimits
from .links import parse_link
from .service import Transport
from .streams import StreamSession, open_stream
from .waiting import Pace


class Client:
    """A connection to one service. Made by `connect`; usable in a `with` statement.

    Args:
        transport: the way to the service.
        journal: where its jobs are remembered.
        pace: when to ask after a job.
        on_close: called last.
        bucket: where a recording goes that is too large for a request.
        storage: URL of Object Storage, or the folder that stands for it.
    """

    def __init__(
        self,
        transport: Transport,
        journal: Journal,
        *,
        pace: Pace | None = None,
        on_close: Callable[[], None] = lambda: None,
        bucket: str | None = None,
        storage: str | os.PathLike[str] = CLOUD.storage,
    ) -> None:
        self._transport = transport
        self._journal = journal
        self._pace = pace or Pace()
        self._on_close = on_close
        self._bucket = bucket
        self._storage = storage
        self._streams: WeakSet[StreamSession] = WeakSet()

    @property
    def service(self) -> str:
        """What it is connected to."""
        return self._transport.name

    def submit(
        self,
        source: Any,
        *,
        sample_rate: int | None = None,
        id: str | None = None,
        bucket: str | None = None,
        **options: Any,
    ) -> Job:
        """Send a recording to be recognized and return at once.

        Args:
            source: path, `bytes` of an audio file, array of shape (n_samples,) or (n_channels, n_samples)
                with `sample_rate`, `Recording`, or link (`https://`, `s3://`) into Object Storage.
            sample_rate: Hz, for an array.
            id: name of the recording in the frames; its file name otherwise.
            bucket: upload it to this bucket and send the link; by default only what is too large for a
                request goes to the bucket of `connect`, if it has one.
            options: fields of `RecognitionConfig`, such as `model`, `language`, `normalize`.

        Raises:
            AudioError, LimitError, ConfigError: before anything is sent.
            ServiceError: if the service, or the storage, refuses it.
            JobUnknown: if it was sent and no answer came. The job is in the journal; it is not sent
                again on its own, since that could be billed twice.
        """
        config = RecognitionConfig.of(**options)
        if isinstance(source, str) and "://" in source:
            if bucket is not None:
                raise ConfigError(
                    f"bucket={bucket!r}, but a link is in a bucket already; leave one of them out"
                )
            link, container = parse_link(source, self._storage_url)
            request = requests.recognize_file(config, link, container)
            facts: dict[str, Any] = {"recording": id or _name_of(link), "source": link}
            return self._submit(request, config, facts, None)
        recording = _recording(source, sample_rate, id)
        request = self._request(config, recording, bucket)
        path = recording.source
        facts = {
            "recording": recording.id,
            "source": None if path is None else os.path.abspath(path),
            "sha256": recording.sha256,
            "duration": recording.duration,
            "n_channels": recording.n_channels,
        }
        return self._submit(request, config, facts, recording)

    def upload(
        self,
        source: Any,
        bucket: str | None = None,
        key: str | None = None,
        *,
        sample_rate: int | None = None,
        id: str | None = None,
        progress: bool = True,
    ) -> str:
        """Upload a recording and return its link, to be submitted as often as one likes.

        Args:
            source: as of `submit`, but no link.
            bucket: by default that of `connect`.
            key: name of the object; by default made from content and name.
            sample_rate, id: as of `submit`.
            progress: whether to show a bar.

        Raises:
            ConfigError: if there is no bucket.
            MissingExtra, AudioError, LimitError, ServiceError: see `storage.upload`.
        """
        bucket = bucket or self._bucket
        if bucket is None:
            raise ConfigError("no bucket to upload to; name one here or in connect(bucket=...)")
        recording = _recording(source, sample_rate, id)
        return storage.upload(recording, bucket, key, endpoint=self._storage, progress=progress)

    def stream(
        self,
        source: Any,
        *,
        pace: str | None = None,
        sample_rate: int | None = None,
        channel: int | None = None,
        id: str | None = None,
        limits: SessionLimits | None = None,
        **options: Any,
    ) -> StreamSession:
        """Recognize sound while it comes in; returns at once a session to iterate over, or to `async for`.

        A stream may last for ever: before a session of the service is full the next one goes on, at the end
        of an utterance if there is one. One that breaks off is resumed from the last final. While a live
        source gives nothing, the time counts as silence.

        Args:
            source: a recording, as of `submit` but no link, or an iterable of chunks: `bytes` of 16-bit
                samples, or arrays of shape (n,), int16 or float in -1 to 1; it may never end.
            pace: `"real-time"` sends a recording as a microphone would, `"fast"` as the service takes it; by
                default a recording goes in real time, and chunks as they come.
            sample_rate: Hz, for chunks and arrays.
            channel: the only one of a recording's channels to send.
            id: name of the recording in the frames.
            limits: what the service takes in one session, if it is not the cloud.
            options: fields of `RecognitionConfig`, such as `model`, `eou_sensitivity`, `external_eou`.

        Raises:
            AudioError, LimitError, ConfigError: before anything is sent.
            TargetError: if this client speaks REST, which has no streams.
        """
        config = RecognitionConfig.of(**options)
        session = open_stream(
            self._transport,
            source,
            config,
            pace=pace,
            sample_rate=sample_rate,
            channel=channel,
            id=id,
            limits=limits or SessionLimits(),
        )
        self._streams.add(session)
        return session

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
        try:
            self._transport.status(operation_id)
        except NotFound as error:
            raise NotFound(
                f"{error}. Neither {self.service!r} nor the journal knows it; client.jobs() has what was "
                "submitted here, and the service keeps results for 3 days",
                code=error.code,
                details=error.details,
            ) from None
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
        """Hang up; streams end, and a local server that was started for this client."""
        for session in list(self._streams):
            session.close()
        self._transport.close()
        self._journal.close()
        self._on_close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.service!r}, journal {os.fspath(self._journal.path)!r})"

    @property
    def _storage_url(self) -> str:
        storage = os.fspath(self._storage)
        return storage if "://" in storage else CLOUD.storage

    def _request(self, config: RecognitionConfig, recording: Recording, bucket: str | None) -> Any:
        """The request with the recording in it, or with its link after an upload."""
        limit = self._transport.inline_limit
        if bucket is None and size_for_service(recording) > limit:
            bucket = self._bucket
        if bucket is None:
            return requests.recognize_file(config, for_service(recording, limit))
        # What cannot be asked for is refused before the upload.
        header = self._transport.takes_wav_links
        request = requests.recognize_file(config, form_for_service(recording, header))
        request.uri = storage.upload(recording, bucket, endpoint=self._storage, header=header)
        return request

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
        except (ServiceError, ConfigError) as error:
            entry.note(state="failed", error=str(error), finished_at=time.time())
            raise
        except BaseException as error:  # Ctrl-C, too: the request may be on its way
            entry.note(state="unknown", error=f"the submission was interrupted by {type(error).__name__}")
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
    return unquote(urlsplit(link).path).rpartition("/")[2] or link
