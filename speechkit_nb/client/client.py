"""The client of one service: submits recordings, and stores the jobs in one journal."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakSet

import pandas as pd

from ..audio import Recording
from ..config import RecognitionConfig
from ..errors import (
    AudioError,
    DamagedJob,
    IneffectiveOption,
    JobUnknown,
    count_noun,
    few,
    warn,
)
from ..text_options import TextApi
from .jobs.batch import Batch
from .jobs.costs import sum_costs
from .jobs.html import JobFrame
from .jobs.job import Job
from .jobs.jobset import JobSet
from .jobs.poller import JobPoller
from .jobs.polling import Pace
from .jobs.progress import Progress, ProgressBar
from .jobs.request import SubmissionRequest, build_request, check_reuse
from .jobs.sources import metadata_types
from .jobs.submitter import SubmissionSettings, Submitter
from .jobs.table import frame_of
from .journal.entry import Entry
from .journal.journal import Journal
from .journal.lookup import JobLookup, make_missing_error
from .journal.states import DAMAGED
from .storage.links import check_bucket
from .streaming.sender import SessionLimits
from .streaming.session import StreamSession, open_stream
from .transport.base import Transport
from .transport.rate_limit import CallLimiter
from .transport.v2 import V2Transport

CLOSE_TIMEOUT = 10.0
"""Seconds that closing waits for the answer to a request that is being sent."""


class Client:
    """A connection to one service. Made by `connect`; usable in a `with` statement.

    Args:
        transport: the connection to the service.
        journal: where its jobs are stored.
        settings: how recordings are sent.
        pace: when to check the status of a job.
        limiter: gives permits for submissions and status checks.
        on_close: called at the end of `close`.
    """

    def __init__(
        self,
        transport: Transport,
        journal: Journal,
        settings: SubmissionSettings | None = None,
        *,
        pace: Pace | None = None,
        limiter: CallLimiter | None = None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._transport, self._journal = transport, journal
        self._pace, self._on_close = pace or Pace(), on_close
        self._limiter = limiter or CallLimiter(transport.name)
        self._submitter = Submitter(transport, journal, self._limiter, settings or SubmissionSettings())
        self._lookup = JobLookup(transport, journal)
        self._poller = JobPoller()
        self._batches: WeakSet[Batch] = WeakSet()
        self._streams: WeakSet[StreamSession] = WeakSet()

    @property
    def service(self) -> str:
        """Name of the service that it is connected to."""
        return self._transport.name

    @property
    def journal(self) -> Journal:
        """The journal with its jobs, and those of other services."""
        return self._journal

    def submit(
        self,
        source: Any,
        *,
        sample_rate: int | None = None,
        encoding: str | None = None,
        n_channels: int | None = None,
        container: str | None = None,
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
            sample_rate: Hz, for an array, and for samples without a header.
            encoding: `"LINEAR16_PCM"` for 16-bit samples without a header, in a file, in bytes or behind a
                link; needs `sample_rate`.
            n_channels: number of channels of such samples; default: 1.
            container: `"WAV"`, `"OGG_OPUS"` or `"MP3"`, for a link whose name does not end in .wav, .ogg,
                .opus or .mp3.
            id: name of the recording in the frames; default: its file name.
            bucket: upload it to this bucket and send the link; default: the bucket of `connect`, if it has
                one, and only for a recording that is too large for a request.
            reuse: whether to return an earlier job with the same sound and the same options, if there is
                one that is done or open, instead of paying for another; `Job.reused` is True then.
                Default: yes, except for a server at an address of this machine, whose recognizer may
                change, and for a link, whose sound may change. The billed folder makes no difference.
            metadata: values to store with the job, such as numbers and texts.
            options: fields of `RecognitionConfig`, such as `model`, `language`, `normalize`.

        Raises:
            AudioError, LimitError, ConfigError: before anything is sent.
            ServiceError: if the service, or the storage, refuses it.
            JobUnknown: if it was sent, now or earlier, and no answer came. The job is in the journal. It
                is not sent again automatically, since that could be billed twice: use `resubmit()` or
                `abandon()` of the error's `job`.
        """
        check_reuse(reuse)
        if isinstance(source, str) and source.startswith("s3://") and "*" in source:
            raise AudioError(f"{source!r} is a pattern; client.submit_many sends all objects that match it")
        request = build_request(
            source,
            self._make_config(options, self._api),
            id=id,
            bucket=bucket,
            metadata=metadata,
            sample_rate=sample_rate,
            encoding=encoding,
            n_channels=n_channels,
            container=container,
        )
        try:
            entry, is_earlier = self._submitter.send(request, reuse)
        except JobUnknown as error:
            error.job = self._make_job(error.job, source=request.recording)
            raise
        reused_for = request if is_earlier else None
        return self._poll(self._make_job(entry, reused_for, request.recording))

    def submit_many(
        self,
        sources: Any,
        *,
        progress: Progress = True,
        reuse: bool | None = None,
        bucket: str | None = None,
        stop_after: int = 20,
        sample_rate: int | None = None,
        encoding: str | None = None,
        n_channels: int | None = None,
        container: str | None = None,
        **options: Any,
    ) -> JobSet:
        """Send many recordings and return at once, while a thread sends them and checks their status.

        The same sound is sent once, though each of its recordings gets a job. A recording that cannot be
        sent becomes a failed job, and the others are sent. After a crash, call it again with the same
        arguments: with `reuse` the jobs that are done or open are taken from the journal. That goes for the
        objects of a pattern or a folder of a bucket, too, until they change; a link to a single object is
        sent again, since nothing tells whether it has changed.

        Args:
            sources: paths, patterns such as `"talks/**/*.wav"`, folders, links, or anything that `submit`
                takes; `"s3://bucket/talks/*.wav"` are the objects that match, `"s3://bucket/talks/"` all
                recordings in that folder and below; or a DataFrame with one row per recording: its column
                `source` (or `path`, or `file`) names the recording, `id` its name in the frames, columns
                named like options, `container`, `encoding`, `sample_rate` or `n_channels` override what is
                given here, and all others are added to the results (a name that is almost that of an option
                raises an error); or an iterable, from which the next recording is taken when one was sent.
            progress: True shows a bar for all of them, or a function of (fraction, status).
            reuse, bucket: as in `submit`.
            stop_after: after how many consecutive failures to stop.
            sample_rate, encoding, n_channels, container: as in `submit`, for all recordings.
            options: fields of `RecognitionConfig`, for all recordings.

        Raises:
            AudioError: if a pattern or a folder has no recordings; nothing is sent then.
            MissingExtra, Denied, NotFound, Unreachable: if a bucket cannot be listed; nothing is sent then.
            ConfigError: if an option, or a column of the table, is not valid; nothing is sent then.
        """
        batch = Batch(
            sources,
            options,
            submitter=self._submitter,
            limiter=self._limiter.share(),
            make_job=self._make_job,
            poller=self._poller,
            bucket=bucket,
            reuse=reuse,
            stop_after=stop_after,
            format={
                "sample_rate": sample_rate,
                "encoding": encoding,
                "n_channels": n_channels,
                "container": container,
            },
            api=self._api,
        )
        jobs = JobSet(poller=self._poller, batch=batch, types=metadata_types(sources))
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
        """Upload a recording and return its link, which can be submitted any number of times.

        Args:
            source: as in `submit`, but no link.
            bucket: default: that of `connect`.
            key: name of the object; default: made from content and name.
            sample_rate, id: as in `submit`.
            progress: whether to show a bar.

        Raises:
            ConfigError: if there is no bucket.
            MissingExtra, AudioError, LimitError, ServiceError: see `storage.upload.upload_recording`.
        """
        check_bucket(bucket)
        recording = source if isinstance(source, Recording) else Recording(source, sample_rate, id=id)
        return self._submitter.upload(recording, bucket, key, progress)

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
        """Recognize sound while it is recorded; returns at once a session to use with `for` or `async for`.

        A stream has no maximal length: before a session of the service reaches its limit the next one is
        opened, at the end of an utterance if there is one. A session that breaks is replaced by one that
        starts at the last final. While a live source yields nothing, the time counts as silence. Analyses and
        summaries, which the service sends at the end of a session, cover that session only; a session that
        breaks has none.

        Args:
            source: a recording, as in `submit` but no link, or an iterable of chunks: `bytes` of 16-bit
                samples, or arrays of shape (n,), int16 or float in -1 to 1; it may never end.
            pace: `"real-time"` sends a recording at the speed of a microphone, `"fast"` as fast as the
                service takes it; default: real time for a recording, and chunks as they come.
            sample_rate: Hz, for chunks and arrays.
            channel: the channel of the recording to send, if it has several.
            id: name of the recording in the frames.
            limits: the limits of one session; default: the cloud's.
            options: fields of `RecognitionConfig`, such as `model`, `eou_sensitivity`, `external_eou`.

        Raises:
            AudioError, LimitError, ConfigError: before anything is sent.
            TargetError: if this client uses REST, which has no streams.
        """
        config = self._make_config(options, "v2 stream" if self._api == "v2" else "v3")
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
        return JobFrame(frame_of(self._journal.records()))

    def costs(self, prices: Any = None) -> pd.DataFrame:
        """What the jobs of this service in the journal cost: one row per day (UTC), folder and model.

        Columns: `n_jobs`, of which for `n_unknown` it is not known what is billed; `billed` seconds, and the
        same in `hours`; `price` per billed second, the day `priced` since when it holds, and `cost`, all NaN
        without prices. The folder is that of `connect`; it is empty if the credentials decide. Jobs of which
        nothing is billed have no row, and neither have streams.

        Args:
            prices: price of a second of audio with two channels, the unit of the service: a number, a mapping
                of models to numbers, or a frame with `model`, `price` and, for a price that has changed,
                `date`, the first day that it holds. The first price is also that of the days before.

        Raises:
            ConfigError: if a price is not valid, or one of a model is missing.
        """
        return sum_costs(self._journal.records(service=self.service), prices)

    def job(self, id: str | int) -> Job:
        """The job with that id, from the journal; one submitted elsewhere is looked up at the service.

        Args:
            id: of the operation, or the number of the job: `number` in `jobs()`, and `Job.number`.

        Raises:
            ConfigError: if it is neither an id nor a number.
            NotFound: if neither the service nor the journal has it.
            TargetError: if it was submitted to another service.
        """
        entry, is_new = self._lookup.find(id)
        job = self._make_job(entry)
        return self._poll(job) if is_new else job

    def resume(self) -> JobSet:
        """The jobs of this service whose results you have not received yet, oldest first.

        A job that was being submitted when its kernel died is `unknown`, and is returned each time until you
        call its `resubmit()` or `abandon()`. From now on the status of open jobs is checked in the
        background, and their results are fetched as soon as they are ready.
        """
        records = self._journal.resumable(self.service)
        damaged = [record for record in records if record.state == DAMAGED]
        if damaged:
            warn(
                DamagedJob(
                    f"{count_noun(len(damaged), 'job')} of the journal cannot be read and left out: "
                    f"{few([record.error for record in damaged], str)}. client.jobs() shows them too, and "
                    "client.job(NUMBER).result() returns what is stored of their results"
                )
            )
        entries = [self._journal.entry(record.number) for record in records if record.state != DAMAGED]
        return JobSet([self._poll(self._make_job(entry)) for entry in entries], poller=self._poller)

    def resume_from(self, ids: Any, progress: Progress = True) -> JobSet:
        """The jobs with these ids; operations that were submitted elsewhere are added to the journal.

        Each id that the journal does not have is looked up at the service, within its quota of checks. A
        wrong id does not stop the others: `problems` of the returned jobs has a sentence about it.

        Args:
            ids: path of a file with an id per line (empty lines and what follows a `#` do not count), or with
                CSV or JSON, of which `operation_id` or `id` is read, and `recording` for the name in the
                frames; or such a table, or an iterable of ids.
            progress: as in `submit_many`.

        Raises:
            ConfigError: if the ids cannot be read.
            Denied, Unreachable, NoAnswer: if the service cannot be asked. What was found before is in the
                journal, so the call can be repeated.

        Warns:
            LeftOut: if ids are wrong, or the service does not know them.
        """
        with ProgressBar(progress, "operations") as bar:
            entries, problems = self._lookup.find_all(ids, bar.show)
        jobs = [self._poll(self._make_job(entry)) for entry in entries]
        return JobSet(jobs, poller=self._poller, problems=problems)

    def close(self) -> None:
        """Close the connection, end its streams, and stop the local server that was started for this client.

        Jobs continue at the service.
        """
        for session in list(self._streams):
            session.close()
        for batch in self._batches:
            batch.stop()
        self._poller.close()
        self._limiter.close()
        for batch in self._batches:
            batch.join(CLOSE_TIMEOUT)
        self._transport.close()
        self._poller.join(CLOSE_TIMEOUT)
        self._journal.close()
        self._on_close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.service!r}, journal {os.fspath(self._journal.path)!r})"

    @property
    def _api(self) -> TextApi:
        return "v2" if isinstance(self._transport, V2Transport) else "v3"

    def _make_config(self, options: Mapping[str, Any], api: TextApi) -> RecognitionConfig:
        config = RecognitionConfig.of(**options)
        if message := config.explain_ineffective(api):
            warn(IneffectiveOption(message))
        return config

    def _make_job(
        self, entry: Entry, reused_for: SubmissionRequest | None = None, source: Recording | None = None
    ) -> Job:
        return Job(
            entry,
            self._transport,
            pace=self._pace,
            resubmit=lambda: self._poll(self._make_job(self._submitter.resend(entry, source), source=source)),
            source=source,
            reused_for=reused_for,
        )

    def _poll(self, job: Job) -> Job:
        """Check the status of a job in the background, if it is open; returns the job."""
        self._poller.add(job)
        return job


def attach_job(client: Client, number: int) -> Job:
    """The job with that number in the journal of a client, of any service.

    If the job belongs to the service of the client and is open, its status is checked in the background from
    now on. Of a job of another service only the stored result can be used.

    Raises:
        NotFound: if the journal has no such job.
    """
    entry = client.journal.find(number)
    if entry is None:
        raise make_missing_error(number)
    job = client._make_job(entry)
    return client._poll(job) if job.record.service == client.service else job


Client.__module__ = "speechkit_nb"  # it prints under the name that users import
