"""Sends many recordings in a thread, one after the other; one that fails does not stop the others."""

from __future__ import annotations

import atexit
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...audio import Recording
from ...config import RecognitionConfig
from ...errors import (
    ConfigError,
    IneffectiveOption,
    JobError,
    JobUnknown,
    JournalError,
    QuotaWait,
    Unreachable,
    warn,
)
from ...text_options import TextApi
from ..journal.entry import Entry
from ..storage.links import check_bucket, check_link_format
from ..transport.rate_limit import CallLimiter
from .job import Job
from .poller import JobPoller
from .request import SubmissionRequest, build_request, check_format, check_reuse
from .sources import KINDS, Item, collect_items, to_plain
from .submitter import Submitter

OUTAGE = 300.0
"""Seconds for which sending is retried if a service that has answered before cannot be reached."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
GRACE = 5.0
"""Seconds to wait for a submission when the interpreter exits."""
SENDING, RECOGNITION = "could not be sent", "were not recognized"

MakeJob = Callable[[Entry, SubmissionRequest | None], Job]


class Batch:
    """Sends recordings one after the other, in a separate thread.

    One recording is in memory at a time: the next one is read after it is sent. A recording that cannot be
    sent becomes a failed job, and the next one follows, unless `stop_after` consecutive ones fail. The same
    sound with the same options is sent once.

    Args:
        sources: as in `Client.submit_many`.
        options: fields of `RecognitionConfig` for all of them.
        submitter: sends them.
        limiter: gives permits for submissions; it is closed when the batch is stopped.
        make_job: makes the job of an entry; gets the request too if an earlier job is used again for it.
        poller: checks each job.
        bucket, reuse, format: as in `Client.submit`; `format` has its arguments about the format.
        api: that of the service, `"v3"` or `"v2"`.
        stop_after: number of consecutive failures after which the batch ends.

    Raises:
        AudioError, ConfigError: if the sources or options are not valid; nothing was sent then.
    """

    def __init__(
        self,
        sources: Any,
        options: Mapping[str, Any],
        *,
        submitter: Submitter,
        limiter: CallLimiter,
        make_job: MakeJob,
        poller: JobPoller,
        bucket: str | None = None,
        reuse: bool | None = None,
        stop_after: int = 20,
        format: Mapping[str, Any],
        api: TextApi,
    ) -> None:
        if type(stop_after) is not int or stop_after < 1:
            raise ConfigError(f"stop_after={stop_after!r}, but it must be a number of recordings, 1 or more")
        check_reuse(reuse)
        check_bucket(bucket)
        self._format = {name: value for name, value in format.items() if value is not None}
        self._options, self._bucket, self._reuse = dict(options), bucket, reuse
        self._api, self._explained = api, set[str]()
        self._config(Item(None))
        self._submitter, self._limiter = submitter.for_batch(limiter), limiter
        self._make_job, self._poller = make_job, poller
        found = find_items(sources, self._submitter, self._format)
        if isinstance(found, list):
            for item in found:
                self._config(item)
                self._check_format(item)
        elif any(name in self._format for name in KINDS):
            check_link_format(**self._format)
        self.jobs: list[Job] = []
        self._rows: set[int] = set()
        self.total = len(found) if isinstance(found, list) else None
        self.note = ""
        self.is_over = False
        self._items = iter(found)
        self._sent: dict[str, Entry] = {}
        self._entry: Entry | None = None
        self._failures = _ConsecutiveFailures(stop_after)
        self._problem: Exception | None = None
        self._has_reached, self._lost_at = False, 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="speechkit_nb batch", daemon=True)

    def start(self) -> None:
        """Start the thread that sends."""
        self._poller.add_listener(self._on_settled)
        atexit.register(self._at_exit)
        self._thread.start()

    def stop(self) -> None:
        """Stop sending, after the recording that is being sent."""
        self._stopped.set()
        self._limiter.close()

    def join(self, seconds: float) -> None:
        """Wait until a batch that was stopped has ended."""
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def check(self) -> None:
        """
        Raises:
            JobError: if the batch ended before its last recording.
        """
        if self._problem is not None:
            of = "" if self.total is None else f" of {self.total}"
            why = str(self._problem).rstrip(".") or type(self._problem).__name__
            raise JobError(
                f"the batch ended after {len(self.jobs)}{of} recordings: {why}. Put that right, and call "
                "submit_many again with reuse=True: what is done is taken from the journal"
            ) from self._problem

    def _run(self) -> None:
        try:
            while not self._stopped.is_set() and (item := next(self._items, None)) is not None:
                self._send(item)
                self._failures.check()
            if not self._stopped.is_set():
                self.total = len(self.jobs)
        except Exception as error:  # raised by the user's generator or by the journal
            self._problem = error
            self.note = f"it ended early: {error}"
        finally:
            self.is_over = True
            self._poller.remove_listener(self._on_settled)
            atexit.unregister(self._at_exit)
            self._poller.notify()

    def _send(self, item: Item) -> None:
        """Send one recording, or add a failed job with the reason."""
        self._entry, reused_for, error = None, None, ""
        try:
            wanted = self._build_request(item)
            entry, is_earlier = self._send_once(wanted)
            reused_for = wanted if is_earlier else None
        except JournalError:
            raise
        except JobUnknown as problem:
            entry = problem.job
            if self._entry is None:  # the unknown job was submitted earlier
                reused_for = wanted
            else:
                error = str(problem)
        except Exception as problem:
            if self._entry is None and self._stopped.is_set():
                return
            error = str(problem) or type(problem).__name__
            entry = self._entry or self._add_failed(item, error)
        self._failures.note(SENDING, error)
        self._add(self._make_job(entry, reused_for))

    def _add(self, job: Job) -> None:
        self.note, self._entry = "", None
        self.jobs.append(job)
        self._rows.add(job.number)
        self._poller.add(job)
        self._poller.notify()

    def _config(self, item: Item) -> RecognitionConfig:
        try:
            config = RecognitionConfig.of(**self._options | item.options)
        except ConfigError as error:
            raise ConfigError(f"{item.name}: {error}" if item.options else str(error)) from error
        message = config.explain_ineffective(self._api)
        if message and message not in self._explained:  # one warning for all recordings
            self._explained.add(message)
            warn(IneffectiveOption(message))
        return config

    def _build_request(self, item: Item) -> SubmissionRequest:
        return build_item_request(item, self._config(item), self._bucket, self._format)

    def _check_format(self, item: Item) -> None:
        """
        Raises:
            ConfigError: if the format of a file or a link is not possible; nothing is opened for it.
        """
        try:
            if item.path is not None:
                check_format(item.source, choose_format(item, self._format))
        except ConfigError as error:
            raise ConfigError(f"{item.name}: {error}" if item.format else str(error)) from error

    def _send_once(self, wanted: SubmissionRequest) -> tuple[Entry, bool]:
        """Send a recording once; returns its job, and whether that is an earlier job of the same sound."""
        key = self._submitter.reuse_key(wanted)
        if key in self._sent:
            return self._sent[key], True
        found = self._send_through_outages(wanted)
        self._sent[key] = found[0]
        return found

    def _send_through_outages(self, wanted: SubmissionRequest) -> tuple[Entry, bool]:
        """Send a recording; if the service was reached before and cannot be reached now, wait and retry."""
        pause = FIRST_PAUSE
        while True:
            try:
                found = self._submitter.send(
                    wanted, self._reuse, warn=self._on_quota_wait, on_added=self._set_entry
                )
            except Unreachable as error:
                if not self._is_outage(error) or self._stopped.wait(pause):
                    raise
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self._has_reached, self._lost_at = True, 0.0
                return found

    def _is_outage(self, error: Unreachable) -> bool:
        now = time.monotonic()
        self._lost_at = self._lost_at or now
        if not self._has_reached or self._entry is None or now - self._lost_at > OUTAGE:
            return False
        self._entry.delete_failed()
        self._entry = None
        self.note = f"{error}; trying again"
        self._poller.notify()
        return True

    def _add_failed(self, item: Item, why: str) -> Entry:
        try:
            options = self._config(item).to_dict()
        except ConfigError:
            options = to_plain(self._options | item.options)
        return self._submitter.add_failed(item.name, why, item.path, options, to_plain(item.metadata))

    def _set_entry(self, entry: Entry) -> None:
        self._entry = entry

    def _on_quota_wait(self, warning: QuotaWait) -> None:
        self.note = str(warning).partition(". ")[0]
        self._poller.notify()

    def _on_settled(self, settled: Job | None) -> None:
        """Called by the poller."""
        if settled is None or settled.number not in self._rows:
            return
        record = settled.record
        if record.state == "done" or record.state_info.is_failure:
            self._failures.note(RECOGNITION, "" if record.state == "done" else str(record.error))

    def _at_exit(self) -> None:
        """Called at interpreter exit: wait for the response to the current submission."""
        self.stop()
        if self._entry is not None:
            self.join(GRACE)


def find_items(sources: Any, submitter: Submitter, format: Mapping[str, Any]) -> list[Item] | Iterator[Item]:
    """The recordings of a batch; `format` is that of all."""
    has_format = any(name in format for name in KINDS)
    return collect_items(sources, lambda link, own: submitter.list_recordings(link, has_format or own))


def build_item_request(
    item: Item, config: RecognitionConfig, bucket: str | None, format: Mapping[str, Any]
) -> SubmissionRequest:
    """The request for a recording of a batch; `format` is that of all."""
    return build_request(
        item.source,
        config,
        id=item.id,
        bucket=bucket,
        metadata=to_plain(item.metadata),
        version=item.version,
        **choose_format(item, format),
    )


def choose_format(item: Item, format: Mapping[str, Any]) -> Mapping[str, Any]:
    """The format of a recording: that of its row, and for what the row lacks that of the batch."""
    if isinstance(item.source, Recording):
        return {}
    chosen = {**format, **item.format}
    if "container" in item.format:  # the batch may be about other recordings, without a header
        return {name: item.format[name] for name in item.format if name in KINDS}
    if "encoding" in item.format:
        chosen.pop("container", None)
    elif item.path is not None and "encoding" not in chosen:  # the header says them, the row repeats them
        return format
    return chosen


class _ConsecutiveFailures:
    """Counts consecutive failures, separately for sending and for recognition."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._n: Counter[str] = Counter()
        self._message = ""

    def note(self, kind: str, error: str) -> None:
        """Count one recording; `error` is empty if it succeeded."""
        self._n[kind] = self._n[kind] + 1 if error else 0
        if self._n[kind] >= self._limit:
            self._message = f"{self._n[kind]} recordings in a row {kind}, the last one because: {error}"

    def check(self) -> None:
        """
        Raises:
            JobError: if there were too many.
        """
        if self._message:
            raise JobError(self._message)
