"""Sends recordings. Each is added to the journal first; earlier jobs of the same sound are found there."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...audio import EncodedAudio, Recording, choose_encoding, encode_for_service, predict_size
from ...config import RecognitionConfig
from ...errors import (
    AudioError,
    ConfigError,
    Exhausted,
    JobError,
    JobUnknown,
    JournalError,
    NoAnswer,
    QuotaWait,
    ServiceError,
    SpeechkitError,
    warn,
)
from ..clock import INFINITY
from ..journal.entry import Entry
from ..journal.journal import Journal
from ..journal.record import JobRecord
from ..journal.states import DAMAGED, REUSABLE
from ..storage.backends import open_storage
from ..storage.links import parse_link
from ..storage.listing import FoundObject, list_recordings
from ..storage.upload import upload_recording
from ..transport.base import Transport
from ..transport.endpoints import CLOUD
from ..transport.messages import build_file_request
from ..transport.rate_limit import CallLimiter, Permit
from .request import SubmissionRequest, build_request

Warn = Callable[[QuotaWait], object]
PATIENCE = 5.0
"""Seconds that a submission waits for the quota without a warning."""
LONGEST_QUOTA_WAIT = 2 * 3600.0
"""Seconds for which a recording that the service refuses for its quota, of an hour, is sent again."""


@dataclass(frozen=True)
class SubmissionSettings:
    """How a client sends recordings; made by `connect`.

    Attributes:
        scope: service, API and engines; an earlier result is used again only if they are the same.
            Default: the name of the service.
        reuse: whether earlier results are used again, unless a call says otherwise.
        bucket: where a recording is uploaded that is too large for a request.
        folder: id of the folder that is billed; None if the credentials decide.
        hours_per_day: quota of billed hours; None is no limit.
        storage: URL of Object Storage, or a folder that is used instead of it; None if there is neither.
        ca: PEM file of the certificate authorities for the storage; default: the usual ones.
    """

    scope: str = ""
    reuse: bool = True
    bucket: str | None = None
    folder: str | None = None
    hours_per_day: float | None = None
    storage: str | os.PathLike[str] | None = CLOUD.storage
    ca: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        for name in ("storage", "ca"):  # relative paths keep their meaning when the working folder changes
            path = getattr(self, name)
            if path is not None and "://" not in os.fspath(path):
                object.__setattr__(self, name, os.path.abspath(os.path.expanduser(path)))

    @property
    def storage_url(self) -> str:
        """URL of Object Storage for links; that of the cloud if `storage` is no URL."""
        storage = os.fspath(self.storage or "")
        return storage if "://" in storage else CLOUD.storage


class Submitter:
    """Sends recordings through one transport, and adds each to the journal before it is sent.

    Args:
        transport: the connection to the service.
        journal: where jobs are stored.
        limiter: gives permits for submissions.
        settings: how to send.
    """

    def __init__(
        self, transport: Transport, journal: Journal, limiter: CallLimiter, settings: SubmissionSettings
    ) -> None:
        self._transport, self._journal, self._limiter = transport, journal, limiter
        self.settings, self._shows_uploads = settings, True

    def for_batch(self, limiter: CallLimiter) -> Submitter:
        """Return a copy that uses another limiter and shows no progress bars for uploads."""
        other = copy.copy(self)
        other._limiter, other._shows_uploads = limiter, False
        return other

    def send(
        self,
        request: SubmissionRequest,
        reuse: bool | None = None,
        replaces: Entry | None = None,
        warn: Warn = warn,
        on_added: Callable[[Entry], object] = lambda entry: None,
    ) -> tuple[Entry, bool]:
        """Send a recording, unless an earlier job can be used again.

        Args:
            request: what to send.
            reuse: as in `Client.submit`.
            replaces: an unknown job that the new one replaces.
            warn: called if the submission has to wait for the quota.
            on_added: called with the new job, before anything is sent.

        Returns:
            the job in the journal, and whether it is an earlier one.

        Raises:
            AudioError, LimitError, ConfigError, ServiceError, JobUnknown: as `Client.submit`.
        """
        key = self.reuse_key(request)  # hashes the sound before it is read to be sent
        wanted = key if self._may_reuse(request, reuse) else None
        if found := self._find_earlier(request, wanted):
            return found, True
        message = self._build_message(request)
        request.check_unchanged()  # the hash has to be that of the sound in the message
        with self._acquire_permit(request.name, warn) as permit:
            with self._journal.transaction():  # another kernel may have sent it meanwhile
                if found := self._find_earlier(request, wanted):
                    return found, True
                record = request.to_record(self._transport.name, time.time(), key, self.settings.folder)
                entry = self._journal.add(record, replaces=replaces)
            on_added(entry)
            self._submit(entry, message, request.name, permit, warn)
        return entry, False

    def resend(self, entry: Entry, recording: Recording | None = None) -> Entry:
        """Send the recording of an earlier job again.

        Args:
            entry: the job; an unknown job becomes cancelled.
            recording: its sound, if it is in memory.

        Returns:
            the new job.

        Raises:
            JobError: if the sound cannot be read, or has changed.
        """
        record = entry.record
        name, source = record.recording, record.source if recording is None else recording
        if source is None:
            raise JobError(
                f"{name}: the recording was not a file, so its sound is not known here: submit it with "
                "reuse=False"
            )
        config = RecognitionConfig.of(**record.options)
        try:
            given = {} if recording else record.format
            request = build_request(
                source, config, id=name, bucket=record.bucket, metadata=record.metadata, **given
            )
        except AudioError as error:
            raise JobError(f"{name} cannot be sent again: {error}") from error
        if request.sha256 != record.sha256:
            raise JobError(
                f"{name} cannot be sent again: {source} has changed since it was submitted; submit it as a "
                "new recording"
            )
        if recording is None and record.reuse_key != self.reuse_key(request):  # its bucket was listed
            request = replace(request, version=self._find_version(str(request.source)))
        replaces = entry if record.state == "unknown" else None
        return self.send(request, reuse=False, replaces=replaces)[0]

    def add_failed(
        self,
        name: str,
        error: str,
        source: str | None,
        options: Mapping[str, Any],
        metadata: Mapping[str, Any],
    ) -> Entry:
        """Add a failed job for a recording of a batch that could not be sent."""
        now = time.time()
        record = JobRecord(
            service=self._transport.name,
            recording=name,
            created_at=now,
            state="failed",
            source=source,
            options=options,
            metadata=metadata,
            finished_at=now,
            error=error,
        )
        return self._journal.add(record)

    def upload(self, recording: Recording, bucket: str | None, key: str | None, progress: bool) -> str:
        """Upload a recording; returns its link."""
        bucket = bucket or self.settings.bucket
        if bucket is None:
            raise ConfigError("no bucket to upload to; name one here or in connect(bucket=...)")
        settings = self.settings
        return upload_recording(
            recording, bucket, key, endpoint=settings.storage, progress=progress, ca=settings.ca
        )

    def list_recordings(self, link: str, has_format: bool) -> Iterator[FoundObject]:
        """All recordings that an s3 link with a pattern means, one page of the list after the other."""
        storage = open_storage(self.settings.storage, self.settings.ca)
        return list_recordings(link, storage, has_format)

    def _find_version(self, link: str) -> str | None:
        """The version of the object of an s3 link, as it is now; None if it cannot be looked up."""
        bucket, _, key = link.removeprefix("s3://").partition("/")
        if not link.startswith("s3://"):
            return None
        try:
            first = next(open_storage(self.settings.storage, self.settings.ca).find(bucket, key), None)
        except SpeechkitError:
            return None
        return first.version if first is not None and first.key == key else None

    def reuse_key(self, request: SubmissionRequest) -> str:
        """Hash of sound, or of the link to it and its version, of options and service."""
        scope = self.settings.scope or self._transport.name
        parts: list[Any] = [scope, request.sha256, request.config.to_dict()]
        if request.recording is None:
            parts += [request.source, request.version, dict(request.format)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _may_reuse(self, request: SubmissionRequest, reuse: bool | None) -> bool:
        """Whether an earlier job may be used again; if the sound may have changed, only if asked to."""
        if reuse is None:
            return self.settings.reuse and (request.recording or request.version) is not None
        return reuse

    def find_earlier(self, request: SubmissionRequest, reuse: bool | None) -> Entry | None:
        """The earlier job that `send` would use again; None if it would send the recording.

        Raises:
            JobUnknown: as `send`.
        """
        key = self.reuse_key(request) if self._may_reuse(request, reuse) else None
        return self._find_earlier(request, key)

    def _find_earlier(self, request: SubmissionRequest, key: str | None) -> Entry | None:
        """Return the newest job with this key that is done, or else one that is open; None without a key.

        Raises:
            JobUnknown: if it is not known whether the service has such a job.
        """
        entries = [] if key is None else self._journal.find_same(key)
        newest = {entry.reconcile(time.time()).state: entry for entry in entries}
        for state in REUSABLE:
            if state in newest:
                return newest[state]
        if DAMAGED in newest:
            raise JobUnknown(
                f"{request.name}: this sound was sent before, but {newest[DAMAGED].record.error}. To send it "
                "again, which may be billed twice, use reuse=False",
                job=newest[DAMAGED],
            )
        if "unknown" in newest:
            raise JobUnknown(
                f"{request.name}: this sound was sent before, and it is not known whether the service has "
                "that job. client.resume() returns it: its resubmit() sends it again, which may be billed "
                "twice, its abandon() gives it up. To send the sound anyway, use reuse=False",
                job=newest["unknown"],
            )
        return None

    def _build_message(self, request: SubmissionRequest) -> Any:
        """The message for the service, with the sound or with a link, after an upload if one is needed."""
        config, recording, bucket = request.config, request.recording, request.bucket
        settings, limit = self.settings, self._transport.inline_limit
        if recording is None:
            given = request.format
            named = given.get("container") or given.get("encoding")
            link, container = parse_link(str(request.source), settings.storage_url, named)
            audio = EncodedAudio(b"", container, given.get("sample_rate", 0), given.get("n_channels", 0))
            return build_file_request(config, audio, link)
        if bucket is None and predict_size(recording) > limit:
            bucket = settings.bucket
        if bucket is None:
            return build_file_request(config, encode_for_service(recording, limit))
        header = self._transport.takes_wav_links
        message = build_file_request(config, choose_encoding(recording, header))
        self._transport.check_file(message)  # before the upload, which may take long
        message.uri = upload_recording(
            recording,
            bucket,
            endpoint=settings.storage,
            header=header,
            progress=self._shows_uploads,
            ca=settings.ca,
        )
        return message

    def _submit(self, entry: Entry, message: Any, name: str, permit: Permit, warn: Warn) -> None:
        """Send the message and write the outcome to the journal."""
        try:
            operation_id = self._send_with_quota(entry, message, name, permit, warn)
        except NoAnswer as error:
            entry.transition("unknown", error=str(error))
            raise JobUnknown(
                f"{name}: {error}. The service may have the job, and sending it again could be billed twice, "
                "so you have to decide. client.resume() returns the job: its resubmit() sends it again, its "
                "abandon() gives it up",
                job=entry,
            ) from error
        except (ServiceError, ConfigError) as error:
            entry.transition("failed", error=str(error), finished_at=time.time())
            raise
        except BaseException as error:  # Ctrl-C, too: the request may have been sent already
            entry.transition("unknown", error=f"the submission was interrupted by {type(error).__name__}")
            raise
        _store_operation_id(entry, operation_id, name)

    def _send_with_quota(self, entry: Entry, message: Any, name: str, permit: Permit, warn: Warn) -> str:
        """Send the message and return the operation id; wait and send again while the quota is used up."""
        give_up = time.monotonic() + LONGEST_QUOTA_WAIT
        while True:
            try:
                with permit:
                    return self._transport.submit(message, str(uuid.uuid4()))
            except Exhausted as error:
                # If this process ends during the wait, `Entry.reconcile` sees from the error that the service
                # refused the request, and marks the job as failed instead of unknown.
                entry.update(error=f"{error}; not sent again yet")
            try:
                permit = self._acquire_permit(name, warn, give_up - time.monotonic())
            except BaseException:
                entry.transition("failed", finished_at=time.time())
                raise
            entry.update(error=None)

    def _acquire_permit(self, name: str, warn: Warn, patience: float = INFINITY) -> Permit:
        """Wait until the quota allows one more submission; after a refusal at most for `patience` seconds."""

        def on_wait(seconds: float) -> None:
            if seconds > PATIENCE:
                warn(
                    QuotaWait(
                        f"{name}: the quota of submissions is used up; it is sent in {seconds:.0f} s. "
                        "Interrupting the wait sends nothing"
                    )
                )

        return self._limiter.acquire("submission", patience, on_wait)


def _store_operation_id(entry: Entry, operation_id: str, name: str) -> None:
    """Store the operation id of a job that the service has accepted.

    Raises:
        JournalError: if it cannot be written; the message contains the id, which is stored nowhere else.
    """
    columns: dict[str, Any] = {"operation_id": operation_id, "submitted_at": time.time()}
    try:
        if not entry.transition("submitted", **columns):  # another kernel marked it as lost
            entry.update(**columns)
    except JournalError as error:
        raise JournalError(
            f"{name} is submitted as operation {operation_id!r}, which could not be written down: {error}. "
            f"Keep this id; client.job({operation_id!r}) returns the result"
        ) from error
