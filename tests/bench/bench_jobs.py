"""500 jobs over one client against the quota of the cloud, 5 questions a second, on a server of this machine.

First the server never gets done: that shows what a question costs. Then it is started anew, and all results
are there within seconds; the rest of the time is what the quota allows. The server writes down each call, and
its store says when each result was ready. A period is the time in which every job that was open meanwhile can
be asked after once.
"""

import json
import os
import resource
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from call_log import CountedServer, most_within
from local_server import sound, wait_until

import speechkit_nb as sk
from speechkit_nb.client import JobRecord

N_JOBS = int(os.environ.get("N_JOBS", "500"))
SECONDS = 30.0
"""For which nothing but questions goes over the wire."""
QUOTA = sk.Quota(submissions_per_hour=500, checks_per_second=5)
LEAST_PERIOD = 0.2
"""Seconds between two questions after one job, if there are few."""
WORDS = 200
"""In each recording, which lasts 8 s."""


def recordings():
    for number in range(N_JOBS):
        samples = np.random.default_rng(number).integers(-3, 4, (1, 16_000)).astype(np.float32) / 32768
        yield sound(np.tile(samples, 4), 8000)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return 1000 * (used.ru_utime + used.ru_stime)


def ready_at(data: Path) -> dict[str, float]:
    """When the server had each result, seconds since the epoch."""
    with sqlite3.connect(data / "operations.sqlite") as db:
        return dict(db.execute("SELECT id, modified_at FROM operations"))


def most_periods_late(records: list[JobRecord], ready: dict[str, float]) -> float:
    """The longest that a result waited to be fetched."""

    def late(record: JobRecord) -> float:
        was_ready, fetched = ready[record.operation_id], record.fetched_at
        n_open = sum(other.submitted_at < fetched and other.fetched_at > was_ready for other in records)
        return (fetched - was_ready) / max(n_open / QUOTA.checks_per_second, LEAST_PERIOD)

    return max(map(late, records))


def cost_of_a_question(jobs: sk.JobSet, server: CountedServer) -> float:
    """Milliseconds of CPU time, while somebody waits for all of them."""
    n_asked, used = server.count()["Get"], cpu()
    try:
        jobs.wait(SECONDS, progress=False)
    except TimeoutError:
        return (cpu() - used) / (server.count()["Get"] - n_asked)
    raise AssertionError("a server that never gets done is done")


def run(folder: Path) -> dict[str, float]:
    script, data = folder / "talk.csv", folder / "data"
    lines = [f"word{number},{number / 25},{number / 25 + 0.03}" for number in range(WORDS)]
    script.write_text("\n".join(["word,start,end", *lines]) + "\n")
    settings = {"models": {"general": f"scripted:{script}"}, "data_dir": str(data)}
    server = CountedServer(folder / "calls", faults=["never-done"], **settings)
    journal = folder / "journal.sqlite3"
    with sk.connect(f"grpc://{server.address}", journal=journal, quota=QUOTA) as client:
        jobs = client.submit_many(recordings(), progress=False)
        wait_until(lambda: len(jobs) == N_JOBS, 120)
        question = cost_of_a_question(jobs, server)
        server.kill()
        server = CountedServer(folder / "calls", grpc=server.address, **settings)
        began, used = time.perf_counter(), cpu()
        jobs.wait(progress=False)
        seconds, used = time.perf_counter() - began, cpu() - used
        records = [job.record for job in jobs[:]]
        wire = sum(len(message) for job in jobs[:] for message in job._entry.load_responses()[0])
    server.close()
    asked = [moment for moment, method in server.calls() if method == "Get"]
    size = journal.stat().st_size
    print(
        f"{len(records)} results in {seconds:.0f} s, {used / N_JOBS:.1f} ms of CPU time each; {len(asked)} "
        f"questions; {size / N_JOBS / 1000:.1f} kB of journal for {wire / N_JOBS / 1000:.1f} kB of messages"
    )
    return {
        "max_checks_per_s": most_within(asked, 1.0),
        "cpu_ms_per_check": round(question, 2),
        "periods_late": round(most_periods_late(records, ready_at(data)), 2),
        "journal_vs_wire": round(size / wire, 2),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(Path(folder))))


if __name__ == "__main__":
    main()
