"""Sending recordings: what is asked for, whether it was asked before, and what is noted of it."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import time
import uuid
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from ...audio import Recording, choose_encoding, encode_for_service, predict_size
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
    Reused,
    ServiceError,
)
from ..journal.journal import Entry, Journal
from ..storage import upload as storage
from ..storage.links import parse_link
from ..transport.base import Transport
from ..transport.endpoints import CLOUD
from ..transport.messages import build_file_request
from ..transport.rate_limit import CallLimiter, Permit
from .request import Order, check_unchanged, order

Say = Callable[[Warning], object]
PATIENCE = 5.0
"""Seconds that a submission waits for its turn without a word."""


class Submissions:
    """Sends recordings through one transport, and notes each in the journal before it goes out.

    Args:
        transport: the way to the service.
        journal: where jobs are remembered.
        limiter: grants permits.
        scope: what has to be the same for an earlier result to be the same: service, API, engines.
        reuse: whether earlier results are handed out unless it is said otherwise.
        bucket: where a recording goes that is too large for a request.
        storage: URL of Object Storage, or the folder that stands for it.
        ca: PEM file of the authorities that the storage is trusted by.
    """

    def __init__(
        self,
        transport: Transport,
        journal: Journal,
        limiter: CallLimiter,
        *,
        scope: str,
        reuse: bool,
        bucket: str | None,
        storage: str | os.PathLike[str],
        ca: str | os.PathLike[str] | None,
    ) -> None:
        self._transport, self._journal, self._limiter = transport, journal, limiter
        self._scope, self._reuse, self._shows_uploads = scope, reuse, True
        self._bucket, self._storage, self._ca = bucket, storage, ca

    def through(self, limiter: CallLimiter) -> Submissions:
        """The same for a batch: with the permits of another limiter, and without a bar for each upload."""
        other = copy.copy(self)
        other._limiter, other._shows_uploads = limiter, False
        return other

    def send(
        self,
        order: Order,
        reuse: bool | None = None,
        settles: Entry | None = None,
        say: Say = lambda warning: warnings.warn(warning, stacklevel=5),
        noted: Callable[[Entry], object] = lambda entry: None,
    ) -> tuple[Entry, bool]:
        """The job of an order in the journal, and whether it is an earlier one.

        Args:
            order: what to send.
            reuse: as of `Client.submit`.
            settles: a job of unknown fate that this one is sent in place of.
            say: is told of an earlier result, and of a wait for the quota.
            noted: is told of the row, before anything is sent.

        Raises:
            AudioError, LimitError, ConfigError, ServiceError, JobUnknown: as `Client.submit`.
        """
        known = order.facts  # with the hash of what it is now, before it is read to be sent
        key = self.key(order)
        wanted = key if (self._reuse if reuse is None else reuse) else None
        if found := self._earlier(order, wanted, say):
            return found, True
        request = self._request(order)
        check_unchanged(order)
        with self._acquire_permit(order.name, say) as permit:
            with self._journal.transaction():  # another kernel may have sent it meanwhile
                if found := self._earlier(order, wanted, say):
                    return found, True
                service, now = self._transport.name, time.time()
                entry = self._journal.add(
                    service=service, created_at=now, settles=settles, reuse_key=key, **known
                )
            noted(entry)
            self._submit(entry, request, order.name, permit, say)
        return entry, False

    def again(self, entry: Entry, recording: Recording | None = None) -> Entry:
        """Send the recording of an earlier job once more.

        Args:
            entry: the job; if it is unknown, it is settled by this.
            recording: its sound, if somebody has it in hand.

        Raises:
            JobError: if the sound is not at hand, or no longer the same.
        """
        facts = entry.facts
        name, source = facts["recording"], facts["source"] if recording is None else recording
        if source is None:
            raise JobError(f"{name}: it was no file, so only you have its sound: submit it with reuse=False")
        config, bucket = RecognitionConfig.of(**facts["options"]), facts["bucket"]
        try:
            renewed = order(source, config, id=name, bucket=bucket, metadata=facts["metadata"])
        except AudioError as error:
            raise JobError(f"{name} cannot be sent again: {error}") from error
        if renewed.facts.get("sha256") != facts["sha256"]:
            raise JobError(
                f"{name} cannot be sent again: {source} is no longer what it was when it was submitted; "
                "submit it as a new recording"
            )
        settles = entry if facts["state"] == "unknown" else None
        return self.send(renewed, reuse=False, settles=settles)[0]

    def refuse(
        self, name: str, why: str, source: str | None, config: Mapping[str, Any], **facts: Any
    ) -> Entry:
        """Note a recording of a batch that could not be sent."""
        now = time.time()
        return self._journal.add(
            service=self._transport.name,
            recording=name,
            source=source,
            state="failed",
            error=why,
            options=dict(config),
            created_at=now,
            finished_at=now,
            **facts,
        )

    def upload(self, recording: Recording, bucket: str | None, key: str | None, progress: bool) -> str:
        """Upload a recording; its link."""
        bucket = bucket or self._bucket
        if bucket is None:
            raise ConfigError("no bucket to upload to; name one here or in connect(bucket=...)")
        return storage.upload(recording, bucket, key, endpoint=self._storage, progress=progress, ca=self._ca)

    def key(self, order: Order) -> str | None:
        """What is the same for the same sound, options and service; None for a link, which may change."""
        if order.recording is None:
            return None
        told = [self._scope, order.facts["sha256"], order.facts["options"]]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def _earlier(self, order: Order, key: str | None, say: Say) -> Entry | None:
        """The newest job with this key that is done, or else one under way; none without a key.

        Raises:
            JobUnknown: if nobody knows whether there is one under way.
        """
        entries = [] if key is None else self._journal.entries("reuse_key = ?", key)
        newest = {str(entry.looked_after(time.time())["state"]): entry for entry in entries}
        for state in ("done", "running", "submitted", "submitting"):
            if state in newest:
                say(_reused(order, newest[state]))
                return newest[state]
        if "unknown" in newest:
            raise JobUnknown(
                f"{order.name}: this sound was sent before, and it is not known whether the service has that "
                "job. client.resume() brings it: resubmit() sends it again, which may be billed twice, "
                "abandon() gives it up; reuse=False does not look",
                job=newest["unknown"],
            )
        return None

    def _request(self, order: Order) -> Any:
        """The request with the recording in it, or with its link, perhaps after an upload."""
        config, recording, bucket = order.config, order.recording, order.bucket
        if recording is None:
            link, container = parse_link(str(order.source), self._storage_url)
            return build_file_request(config, link, container)
        limit = self._transport.inline_limit
        if bucket is None and predict_size(recording) > limit:
            bucket = self._bucket
        if bucket is None:
            return build_file_request(config, encode_for_service(recording, limit))
        # What cannot be asked for is refused before the upload.
        header = self._transport.takes_wav_links
        request = build_file_request(config, choose_encoding(recording, header))
        self._transport.check_file(request)
        request.uri = storage.upload(
            recording,
            bucket,
            endpoint=self._storage,
            header=header,
            progress=self._shows_uploads,
            ca=self._ca,
        )
        return request

    def _submit(self, entry: Entry, request: Any, name: str, permit: Permit, say: Say) -> None:
        try:
            operation_id = self._taken(entry, request, name, permit, say)
        except NoAnswer as error:
            entry.move("unknown", error=str(error))
            raise JobUnknown(
                f"{name}: {error}. The service may have taken the job, so it is not sent again on its own: "
                "that could be billed twice. client.resume() brings it: resubmit() sends it once more, "
                "abandon() gives it up",
                job=entry,
            ) from error
        except (ServiceError, ConfigError) as error:
            entry.move("failed", error=str(error), finished_at=time.time())
            raise
        except BaseException as error:  # Ctrl-C, too: the request may be on its way
            entry.move("unknown", error=f"the submission was interrupted by {type(error).__name__}")
            raise
        _note_taken(entry, operation_id, name)

    def _taken(self, entry: Entry, request: Any, name: str, permit: Permit, say: Say) -> str:
        """The operation id. A used up quota is waited for: the service has certainly not taken the job."""
        while True:
            try:
                with permit:
                    return self._transport.submit(request, str(uuid.uuid4()))
            except Exhausted as error:
                entry.note(error=f"{error}; not sent again yet")
            try:
                permit = self._acquire_permit(name, say)
            except BaseException:
                entry.move("failed", finished_at=time.time())
                raise
            entry.note(error=None)

    def _acquire_permit(self, name: str, say: Say) -> Permit:
        """Wait until one more may be sent."""

        def on_wait(seconds: float) -> None:
            if seconds > PATIENCE:
                say(
                    QuotaWait(
                        f"{name}: the quota of submissions is used up; it is sent in {seconds:.0f} s. "
                        "Interrupting the wait sends nothing"
                    )
                )

        return self._limiter.acquire("submission", on_wait=on_wait)

    @property
    def _storage_url(self) -> str:
        storage = os.fspath(self._storage)
        return storage if "://" in storage else CLOUD.storage


def _note_taken(entry: Entry, operation_id: str, name: str) -> None:
    """Write down that the service has taken a job.

    Raises:
        JournalError: if that cannot be written; nobody else knows the operation then.
    """
    taken: dict[str, Any] = {"operation_id": operation_id, "submitted_at": time.time()}
    try:
        if not entry.move("submitted", **taken):  # settled meanwhile by somebody who took it for lost
            entry.note(**taken)
    except JournalError as error:
        raise JournalError(
            f"{name} is submitted as operation {operation_id!r}, which could not be written down: {error}. "
            f"Keep this id; client.job({operation_id!r}) brings the result"
        ) from error


def _reused(order: Order, entry: Entry) -> Reused:
    facts = entry.facts
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(facts["created_at"]))
    what = "its result is used" if facts["state"] == "done" else "that job is waited for"
    return Reused(
        f"{order.name}: the same sound was sent with the same options on {when} "
        f"(operation {facts['operation_id']}); {what} and nothing is sent. reuse=False sends it again"
    )
