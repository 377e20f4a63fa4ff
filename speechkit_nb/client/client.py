"""Client: one service and one journal, and what can be done with them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakSet

import pandas as pd

from ..audio import Recording
from ..config import RecognitionConfig
from ..errors import JobUnknown, NotFound, TargetError
from .jobs.batch import Batch
from .jobs.html import JobFrame
from .jobs.job import Job
from .jobs.jobset import JobSet
from .jobs.poller import Watch
from .jobs.polling import Pace, Progress
from .jobs.request import order
from .jobs.sources import metadata_types
from .jobs.submitter import Submissions
from .jobs.table import frame_of
from .journal.journal import Entry, Journal
from .journal.states import OPEN
from .streaming.sender import SessionLimits
from .streaming.session import StreamSession, open_stream
from .transport.base import Transport, replace_message
from .transport.endpoints import CLOUD
from .transport.rate_limit import CallLimiter

LAST_ANSWER = 10.0
"""Seconds that closing waits for the answer to what is just being sent."""


class Client:
    """A connection to one service. Made by `connect`; usable in a `with` statement.

    Args:
        transport: the way to the service.
        journal: where its jobs are remembered.
        pace: when to ask after a job.
        on_close: called last.
        limiter: gives turns to submissions and questions.
        scope: what has to be the same for an earlier result to be the same; by default the service.
        reuse: whether `submit` hands out earlier results of the same sound unless it is said otherwise.
        bucket: where a recording goes that is too large for a request.
        storage: URL of Object Storage, or the folder that stands for it.
        ca: PEM file of the authorities that the storage is to be trusted by, in place of the usual ones.
    """

    def __init__(
        self,
        transport: Transport,
        journal: Journal,
        *,
        pace: Pace | None = None,
        on_close: Callable[[], None] = lambda: None,
        limiter: CallLimiter | None = None,
        scope: str = "",
        reuse: bool = True,
        bucket: str | None = None,
        storage: str | os.PathLike[str] = CLOUD.storage,
        ca: str | os.PathLike[str] | None = None,
    ) -> None:
        self._transport = transport
        self._journal = journal
        self._pace = pace or Pace()
        self._on_close = on_close
        self._limiter = limiter or CallLimiter(transport.name)
        self._watch = Watch()
        self._batches: WeakSet[Batch] = WeakSet()
        self._submissions = Submissions(
            transport,
            journal,
            self._limiter,
            scope=scope or transport.name,
            reuse=reuse,
            bucket=bucket,
            storage=storage,
            ca=ca,
        )
        self._streams: WeakSet[StreamSession] = WeakSet()

    @property
    def service(self) -> str:
        """What it is connected to."""
        return self._transport.name

    @property
    def journal(self) -> Journal:
        """Where its jobs are remembered, and those of other services."""
        return self._journal

    def submit(
        self,
        source: Any,
        *,
        sample_rate: int | None = None,
        id: str | None = None,
        bucket: str | None = None,
        reuse: bool | None = None,
        metadata: Mapping[str, Any] | None = None,
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
            reuse: whether the job of the same sound and the same options is handed out, if there is one
                that is done or under way, in place of paying for another; the warning `Reused` says so.
                By default it is, but for a server at an address of this machine, where another recognizer
                may run tomorrow. The folder that pays makes no difference.
            metadata: facts of one's own to keep with the job, as plain values.
            options: fields of `RecognitionConfig`, such as `model`, `language`, `normalize`.

        Raises:
            AudioError, LimitError, ConfigError: before anything is sent.
            ServiceError: if the service, or the storage, refuses it.
            JobUnknown: if it was sent, now or earlier, and no answer came. The job is in the journal; it is
                not sent again on its own, since that could be billed twice. Its `job` settles it.
        """
        config = RecognitionConfig.of(**options)
        wanted = order(source, config, sample_rate=sample_rate, id=id, bucket=bucket, metadata=metadata)
        try:
            entry, reused = self._submissions.send(wanted, reuse)
        except JobUnknown as error:
            error.job = self._job(error.job, wanted.recording)
            raise
        return self.watch(self._job(entry, wanted.recording, wanted.known_as if reused else None))

    def submit_many(
        self,
        sources: Any,
        *,
        progress: Progress = True,
        reuse: bool | None = None,
        bucket: str | None = None,
        stop_after: int = 20,
        **options: Any,
    ) -> JobSet:
        """Send many recordings and return at once, while a thread sends and asks after them.

        The same sound is sent once, though each of its recordings gets a job. What cannot be sent becomes a
        failed job, and the rest goes on. After a crash the same call goes on where it was: with `reuse` what
        is done or under way is taken from the journal.

        Args:
            sources: paths, patterns such as `"talks/**/*.wav"`, folders, links, or what else `submit` takes;
                a DataFrame with a row a recording: its column `source` (or `path`, or `file`) says which
                one, `id` its name, columns named as options override those given here, all others go with
                the results (one that is named almost as an option is refused); or an iterable, which is
                asked for the next recording only when one was sent.
            progress: True shows a bar for all of them, or a function of (fraction, status).
            reuse, bucket: as of `submit`.
            stop_after: after how many failures in a row to give up.
            options: fields of `RecognitionConfig`, for all recordings.

        Raises:
            AudioError: if a pattern or a folder has no recordings; nothing is sent then.
            ConfigError: if an option, or a column of the table, cannot be; nothing is sent then.
        """
        batch = Batch(
            sources,
            options,
            submissions=self._submissions,
            limiter=self._limiter.share(),
            make_job=lambda entry, known_as: self._job(entry, known_as=known_as),
            watch=self._watch,
            bucket=bucket,
            reuse=reuse,
            stop_after=stop_after,
        )
        jobs = JobSet(watch=self._watch, growing=batch, types=metadata_types(sources))
        jobs.follow(progress)
        self._batches.add(batch)
        batch.start()
        return jobs

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
        recording = source if isinstance(source, Recording) else Recording(source, sample_rate, id=id)
        return self._submissions.upload(recording, bucket, key, progress)

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
        source gives nothing, the time counts as silence. What the service says at the end of a session,
        analyses and summaries, is about that session only, and one that is cut short says nothing.

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
        return JobFrame(frame_of([entry.facts for entry in self._journal.entries()]))

    def job(self, id: str | int) -> Job:
        """The job of that id, from the journal; one submitted elsewhere is looked up at the service.

        Args:
            id: of the operation, or the number of the job in the journal, its `row`.

        Raises:
            NotFound: if the service knows no such operation, or the journal no such number.
            TargetError: if it was submitted to another service.
        """
        column = "id" if isinstance(id, int) else "operation_id"
        found = self._journal.entries(f"{column} = ?", id)
        for entry in found:
            if entry.facts["service"] == self.service:
                return self._job(entry)
        if found:
            other = found[0].facts["service"]
            raise TargetError(
                f"{'job' if column == 'id' else 'operation'} {id!r} was submitted to {other!r}, this client "
                f"talks to {self.service!r}: connect({other!r}).job({id!r})"
            )
        if isinstance(id, int):
            raise NotFound(f"the journal has no job {id}; client.jobs() has what there is", code="NOT_FOUND")
        return self.watch(self._adopted(id))

    def job_of_row(self, row: int) -> Job:
        """The job with that number in the journal, of whichever service.

        Of another service's job the stored result can be read, and nothing else: it is not known here.
        """
        (entry,) = self._journal.entries("id = ?", row)
        return self._job(entry)

    def watch(self, job: Job) -> Job:
        """The same job; it is asked after from now on, and its result fetched, though nobody waits."""
        self._watch.add(job)
        return job

    def _adopted(self, operation_id: str) -> Job:
        """A job that was submitted elsewhere, now in the journal."""
        try:
            self._transport.status(operation_id)
        except NotFound as error:
            raise replace_message(
                error,
                f"{error}. Neither {self.service!r} nor the journal knows it; client.jobs() has what was "
                "submitted here, and the service keeps results for 3 days",
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

        A job that was being submitted when its kernel died comes back as `unknown`, and does so until it is
        settled by its `resubmit()` or `abandon()`. What is open is asked after from now on, whether somebody
        waits or not, and a result is fetched as soon as it is there.
        """
        states = ", ".join(map(repr, (*OPEN, "unknown")))
        waiting = f"service = ? AND (state IN ({states}) OR (state = 'done' AND delivered_at IS NULL))"
        found = [self.watch(self._job(entry)) for entry in self._journal.entries(waiting, self.service)]
        return JobSet(found, watch=self._watch)

    def close(self) -> None:
        """Hang up; streams end, and a local server that was started for this client."""
        for session in list(self._streams):
            session.close()
        for batch in self._batches:
            batch.stop()
        self._watch.close()
        self._limiter.close()
        for batch in self._batches:
            batch.join(LAST_ANSWER)
        self._transport.close()
        self._watch.join(LAST_ANSWER)
        self._journal.close()
        self._on_close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.service!r}, journal {os.fspath(self._journal.path)!r})"

    def _job(
        self, entry: Entry, source: Recording | None = None, known_as: Mapping[str, Any] | None = None
    ) -> Job:
        service = self._transport
        return Job(
            entry,
            refresh=service.status,
            fetch=service.fetch,
            cancel=service.cancel,
            delete=service.delete,
            resubmit=lambda: self.watch(self._job(self._submissions.again(entry, source), source)),
            pace=self._pace,
            source=source,
            known_as=known_as,
        )
