"""Several jobs: wait for all of them, iterate over them as they complete, show them as one table."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from ...errors import WaitTimeout, check_choice, make_encodable
from ...transcript import Transcript
from ..journal.states import FAILED
from .batch import Batch
from .html import set_html
from .job import Job
from .poller import JobPoller
from .polling import check_timeout
from .progress import Progress, ProgressBar, Tally
from .table import frame_of, typed

TICK = 1.0
"""Seconds between two updates of the progress bar of `wait`."""
REDRAWN = 0.5
"""Seconds between two updates of the progress bar of a batch in the background."""


class JobSet(Sequence[Job]):
    """Several jobs in the order of their submission.

    `for job in jobs` and `async for` give each job when it is done or has failed; `jobs.results()` and
    `await jobs` the transcripts of all. While `Client.submit_many` is still sending, `len(jobs)` is how many
    were sent so far. Results stay in the journal, not in memory, so a set may have thousands of jobs.

    Attributes:
        problems: what `Client.resume_from` has to say about ids, one sentence each.
    """

    def __init__(
        self,
        jobs: Sequence[Job] = (),
        *,
        poller: JobPoller | None = None,
        batch: Batch | None = None,
        types: Mapping[str, Any] | None = None,
        problems: Sequence[str] = (),
    ) -> None:
        self._jobs = list(jobs) if batch is None else batch.jobs
        self._poller, self._batch, self._types = poller or JobPoller(), batch, dict(types or {})
        self.problems = tuple(problems)
        self._durations: list[float] = []
        self._began = time.time()
        self._bar: ProgressBar | None = None
        self._drawing, self._drawn = threading.Lock(), 0.0

    def __getitem__(self, index: Any) -> Any:
        return self._part(self._jobs[index]) if isinstance(index, slice) else self._jobs[index]

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job: object) -> bool:
        return job in self._jobs

    def __iter__(self) -> Iterator[Job]:
        return self._completed(None, True)

    async def __aiter__(self) -> AsyncIterator[Job]:
        completed = self._completing(None, True)
        while (job := await asyncio.to_thread(next, completed, None)) is not None:
            yield job

    def __await__(self) -> Generator[Any, None, list[Transcript]]:
        return self._results_async().__await__()

    def wait(self, timeout: float | None = None, progress: Progress = True) -> None:
        """Wait until every job is done or has failed.

        Interrupting it (Ctrl-C, or the stop button of a notebook) stops the wait, not the jobs.

        Args:
            timeout: seconds to wait at most; default: no limit.
            progress: True shows a bar, or a function of (fraction, status).

        Raises:
            WaitTimeout: if they are not done by then; the jobs continue.
            JobError: if a batch was stopped before its end.
        """
        for _ in self._completed(timeout, progress):
            pass

    def results(
        self,
        timeout: float | None = None,
        progress: Progress = True,
        errors: Literal["raise", "skip"] = "raise",
    ) -> list[Transcript]:
        """The transcripts of all jobs, when every one is done, in the order of their submission.

        Args:
            timeout, progress: as in `wait`.
            errors: `"raise"` raises the error of `Job.result` for the first job without a result; then no job
                counts as delivered, and `Client.resume` returns the others again. `"skip"` leaves such
                jobs out; they are in `failed` and `unknown`.
        """
        check_choice("errors", errors, ("raise", "skip"))
        self.wait(timeout, progress)
        return self._transcripts(errors)

    @property
    def complete(self) -> bool:
        """Whether the batch has ended; until then `len` grows."""
        return self._batch is None or self._batch.is_over

    @property
    def frame(self) -> pd.DataFrame:
        """One row per job, from the journal: the columns of `frame_of`, and those of the user's metadata."""
        records = [job.record for job in list(self._jobs)]
        return self._with_own(frame_of(records), [record.metadata for record in records])

    @property
    def words(self) -> pd.DataFrame:
        """The words of all recordings in one frame, with the user's metadata; waits for the jobs.

        Jobs without a result are left out; they are in `failed` and `unknown`.
        """
        self.wait()
        parts, metadata = list[pd.DataFrame](), list[Mapping[str, Any]]()
        for job in self._in("done"):
            words = job.result(progress=False).words
            parts.append(words)
            metadata += [job.metadata] * len(words)
        frame = pd.concat(parts or [Transcript([]).words], ignore_index=True)
        return self._with_own(frame, metadata)

    @property
    def failed(self) -> JobSet:
        """The jobs that have no result and will not get one."""
        return self._part(self._in(*FAILED))

    @property
    def unknown(self) -> JobSet:
        """The jobs whose submission status is unknown: call `resubmit()` or `abandon()` of each."""
        return self._part(self._in("unknown"))

    def cancel(self) -> None:
        """Stop sending, and ask the service to cancel the open jobs."""
        if self._batch is not None:
            self._batch.stop()
        for job in list(self._jobs):
            job.cancel()

    def follow(self, progress: Progress) -> None:
        """Show a bar while the jobs are sent and checked in the background."""
        if progress is not False:
            self._bar = ProgressBar(progress, "recognition", leave=True)
            self._poller.add_listener(self._draw)

    def _in(self, *states: str) -> list[Job]:
        return [job for job in list(self._jobs) if job.record.state in states]

    def _part(self, jobs: Sequence[Job]) -> JobSet:
        return JobSet(jobs, poller=self._poller, types=self._types)

    def _with_own(self, frame: pd.DataFrame, metadata: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        """Add the user's columns to the frame, with the dtypes that they have in the user's table."""
        seen = {name: None for own in metadata for name in own}
        for name in dict.fromkeys(self._types) | seen:
            values = [own.get(name) for own in metadata]
            column = make_encodable(f"my_{name}" if name in frame else name)
            frame[column] = typed(values, self._types.get(name), frame.index)
        return frame

    async def _results_async(self) -> list[Transcript]:
        async for _ in self:
            pass
        return await asyncio.to_thread(self._transcripts, "raise")

    def _transcripts(self, errors: str) -> list[Transcript]:
        jobs = self._in("done") if errors == "skip" else list(self._jobs)
        for job in jobs:
            if job.refresh().state != "done":
                job.result(timeout=0, progress=False)  # raises the error of the job
        return [job.result(progress=False) for job in jobs]

    def _completed(self, timeout: float | None, progress: Progress) -> Iterator[Job]:
        try:
            yield from self._completing(timeout, progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped waiting. {self._progress_message()}") from None

    def _completing(self, timeout: float | None, progress: Progress) -> Iterator[Job]:
        """Yield each job when it is settled."""
        timeout, poller = check_timeout(timeout), self._poller
        began, n_seen, waiting = time.monotonic(), 0, list[Job]()
        has_bar = self._bar is not None and progress is True
        with ProgressBar(False if has_bar else progress, "recognition", leave=True) as bar:
            while True:
                # Read before the jobs: a change in between ends the wait below at once, and a job that is
                # added in between is not missed.
                since, is_whole = poller.n_changes, self.complete
                new = self._jobs[n_seen:]
                n_seen += len(new)
                for job in new:
                    poller.add(job)
                candidates = waiting + new
                still_open = {job.number for job in candidates if poller.has(job)}
                waiting = [job for job in candidates if job.number in still_open]
                self._show(bar)
                yield from (job for job in candidates if job.number not in still_open)
                if is_whole and not waiting:
                    break
                left = TICK if timeout is None else began + timeout - time.monotonic()
                if left <= 0:
                    raise WaitTimeout(f"not done after {timeout:g} s. {self._progress_message()}")
                poller.wait(min(left, TICK), since)
        if self._batch is not None:
            self._batch.check()

    def _tally(self) -> Tally:
        jobs = list(self._jobs)
        for job in jobs[len(self._durations) :]:
            self._durations.append(job.record.duration or 0.0)
        left = [seconds for job, seconds in zip(jobs, self._durations, strict=False) if self._poller.has(job)]
        whole, batch = sum(self._durations[: len(jobs)]), self._batch
        total, note = (len(jobs), "") if batch is None else (batch.total, batch.note)
        return Tally(len(jobs) - len(left), len(jobs), total, whole - sum(left), whole, note)

    def _show(self, bar: ProgressBar) -> None:
        if bar.is_shown:  # counting reads the journal
            tally = self._tally()
            bar.show(tally.fraction, tally.status + tally.estimate_end(self._began, time.time()))

    def _draw(self, _: Job | None = None) -> None:
        """Called by the poller after each change; draws at most every `REDRAWN` seconds."""
        bar, now, is_idle = self._bar, time.monotonic(), self._poller.is_idle
        if bar is None or (now < self._drawn + REDRAWN and not is_idle):
            return
        self._drawn = now
        with self._drawing:
            self._show(bar)
            if self.complete and not any(map(self._poller.has, self._jobs)):
                self._poller.remove_listener(self._draw)
                bar.__exit__()

    def _progress_message(self) -> str:
        tally = self._tally()
        n_jobs = tally.n if tally.total is None else tally.total
        words = f"{tally.done} of {n_jobs} jobs are settled, the others go on"
        if not self.complete:
            words += ", and the rest is sent as long as this kernel lives"
        return f"{words}. jobs.wait() waits again; in a new kernel run the cell again, or client.resume()"

    def __repr__(self) -> str:
        states = Counter(job.record.state for job in list(self._jobs))
        counts = ", ".join(f"{n} {state}" for state, n in states.most_common())
        total = "" if self._batch is None else f" of {self._batch.total or '?'}"
        n_reused = sum(job.reused for job in list(self._jobs))
        reused = f"; {n_reused} used again, nothing was sent for them" if n_reused else ""
        return f"JobSet({len(self)}{total} jobs{': ' if counts else ''}{counts}{reused})"

    def _repr_html_(self) -> str:
        return set_html(self.frame, repr(self))


JobSet.__module__ = "speechkit_nb"  # it prints under the name that users import
