"""500 jobs over one client against the quota of the cloud: 5 status checks per second, on a local server.

First the server never finishes a job: that shows what a status check costs. Then it is started again, and all
results are ready within seconds; the rest of the time is what the quota allows. The server writes down each
call, and its store holds when each result was ready. A period is the time in which the status of every open
job can be checked once.
"""

from __future__ import annotations

import resource
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from harness import SUPPORT, check_work, run

import speechkit_nb as sk
from speechkit_nb.client import JobRecord

sys.path.insert(0, SUPPORT)

from call_log import CountedServer, most_within
from local_server import sound, wait_until

LEAST_PERIOD = 0.2
"""Seconds between two checks of one job, if there are few jobs."""
WORDS = 200
"""In each recording, which lasts 8 s."""


class Size(NamedTuple):
    """Jobs, status checks per second, and seconds in which only status checks are sent."""

    n_jobs: int
    checks_per_second: int
    seconds: float

    @property
    def quota(self) -> sk.Quota:
        return sk.Quota(submissions_per_hour=500, checks_per_second=self.checks_per_second)


def make_recordings(n: int) -> Iterator[bytes]:
    for number in range(n):
        samples = np.random.default_rng(number).integers(-3, 4, (1, 16_000)).astype(np.float32) / 32768
        yield sound(np.tile(samples, 4), 8000)


def cpu_ms() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return 1000 * (used.ru_utime + used.ru_stime)


def read_ready_times(data: Path) -> dict[str, float]:
    """When each result was ready, in seconds since 1970, by operation."""
    with sqlite3.connect(data / "operations.sqlite") as db:
        return dict(db.execute("SELECT id, modified_at FROM operations"))


def most_periods_late(records: list[JobRecord], ready: dict[str, float], size: Size) -> float:
    """The longest time that a result waited to be fetched."""

    def late(record: JobRecord) -> float:
        was_ready, fetched = ready[record.operation_id], record.fetched_at
        n_open = sum(other.submitted_at < fetched and other.fetched_at > was_ready for other in records)
        return (fetched - was_ready) / max(n_open / size.checks_per_second, LEAST_PERIOD)

    return max(map(late, records))


def measure_check(jobs: sk.JobSet, server: CountedServer, size: Size) -> float:
    """Milliseconds of CPU time per status check, while the client waits for all jobs."""
    n_before, used = server.count()["Get"], cpu_ms()
    try:
        jobs.wait(size.seconds, progress=False)
    except TimeoutError:
        n_checks = server.count()["Get"] - n_before
        check_work("status checks were sent", n_checks >= size.seconds * size.checks_per_second / 2, True)
        return (cpu_ms() - used) / n_checks
    check_work("jobs that a server finished that never works", len(jobs), 0)
    raise AssertionError("not reached")


def measure(size: Size, home: Path) -> dict[str, float]:
    script, data = home / "talk.csv", home / "data"
    lines = [f"word{number},{number / 25},{number / 25 + 0.03}" for number in range(WORDS)]
    script.write_text("\n".join(["word,start,end", *lines]) + "\n")
    settings = {"models": {"general": f"scripted:{script}"}, "data_dir": str(data)}
    server = CountedServer(home / "calls", faults=["never-done"], **settings)
    journal = home / "journal.sqlite3"
    with sk.connect(f"grpc://{server.address}", journal=journal, quota=size.quota) as client:
        jobs = client.submit_many(make_recordings(size.n_jobs), progress=False)
        wait_until(lambda: len(jobs) == size.n_jobs, 120)
        check_ms = measure_check(jobs, server, size)
        server.kill()
        server = CountedServer(home / "calls", grpc=server.address, **settings)
        start, used = time.perf_counter(), cpu_ms()
        jobs.wait(progress=False)
        seconds, used = time.perf_counter() - start, cpu_ms() - used
        records = [job.record for job in jobs[:]]
        results = [job.result(progress=False) for job in jobs[:]]
    server.close()
    check_work("submissions that the server received", server.count()["RecognizeFile"], size.n_jobs)
    check_work("results that the client fetched", server.count()["GetRecognition"], size.n_jobs)
    check_work("words of all results", sum(len(found.words) for found in results), size.n_jobs * WORDS)
    n_bytes = sum(len(message) for found in results for message in found.responses)
    checks = [moment for moment, method in server.calls() if method == "Get"]
    journal_bytes = journal.stat().st_size
    print(
        f"{len(records)} results in {seconds:.0f} s, {used / size.n_jobs:.1f} ms of CPU time each; "
        f"{len(checks)} status checks; {journal_bytes / size.n_jobs / 1000:.1f} kB of journal for "
        f"{n_bytes / size.n_jobs / 1000:.1f} kB of messages"
    )
    return {
        "max_checks_per_s": most_within(checks, 1.0),
        "cpu_ms_per_check": round(check_ms, 2),
        "periods_late": round(most_periods_late(records, read_ready_times(data), size), 2),
        "journal_vs_wire": round(journal_bytes / n_bytes, 2),
    }


if __name__ == "__main__":
    run(measure, Size(500, 5, 30.0), Size(8, 5, 1.5))
