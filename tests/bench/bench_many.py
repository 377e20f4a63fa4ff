"""A bucket of 10,000 recordings, listed and sent within a quota: `python tests/bench/bench_many.py`.

The bucket is a folder in place of Object Storage; the local server recognizes scripted words. The client is a
new process, and `peak_mb` is its largest memory, with all that it imports (Linux). The server writes down
each call: `seconds_over_quota` is for how long more of them had come in the last second (for submissions: in
the last hour) than the quota allows, and `vs_quota` the whole time divided by what the quota alone takes.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import NamedTuple

from harness import SUPPORT, check_work, measure_peak, run, take_seconds

import speechkit_nb as sk

sys.path.insert(0, SUPPORT)

from call_log import CountedServer
from local_server import wav

PER_FOLDER = 1000
CHECKS_PER_SECOND = 100


class Size(NamedTuple):
    n_objects: int


def write_bucket(root: Path, n_objects: int) -> None:
    """Objects in folders, all of the same short sound, and in each folder a text that is no recording."""
    for number in range(n_objects):
        folder = root / "talks" / "2024" / f"{number // PER_FOLDER:03}"
        path = folder / f"{number:06}.wav"
        if number == 0:
            folder.mkdir(parents=True)
            (root / "sound").write_bytes(wav(0.2))
        if not folder.exists():
            folder.mkdir()
        path.hardlink_to(root / "sound")
        (folder / "notes.txt").touch()


def send_all(address: str, root: str) -> int:
    """List the bucket, send it, and wait; the number of results."""
    quota = sk.Quota(submissions_per_hour=100_000, checks_per_second=CHECKS_PER_SECOND)
    with sk.connect(f"grpc://{address}", bucket_root=root, quota=quota) as client:
        jobs = client.submit_many("s3://talks/2024/", progress=lambda fraction, status: None)
        jobs.wait(progress=False)
        return sum(job.record.state == "done" for job in jobs[:])


def measure_excess(moments: list[float], limit: int, seconds: float) -> float:
    """For how long more than `limit` moments were within the last `seconds`.

    >>> measure_excess([0.0, 0.5, 2.0, 2.1, 2.3], 1, 1.0), measure_excess([0.0, 1.0], 1, 1.0)
    (1.5, 0.0)
    """
    moments, total, end = sorted(moments), 0.0, 0.0
    for first, last in zip(moments, moments[limit:], strict=False):
        start, stop = max(last, end), first + seconds
        if stop > start:
            total, end = total + stop - start, stop
    return round(total, 3)


def measure(size: Size, home: Path) -> dict[str, float]:
    root, script, n = home / "root", home / "talk.csv", size.n_objects
    script.write_text("word,start,end\nhello,0.05,0.15\n")
    root.mkdir()
    write_bucket(root, n)
    models = {"general": f"scripted:{script}"}
    data = home / "data"
    server = CountedServer(home / "calls", models=models, bucket_root=str(root), data_dir=str(data))
    found = []
    setup = "import sys; from bench_many import send_all"
    seconds = take_seconds(
        lambda: found.append(measure_peak(setup, "send_all(*sys.argv[1:])", server.address, root))
    )
    server.close()
    (peak,) = found
    calls = server.count()
    check_work("results of the client", peak.n_done, n)
    check_work("submissions that the server received", calls["RecognizeFile"], n)
    check_work("results that were fetched", calls["GetRecognition"], n)
    with sqlite3.connect(home / "journal.sqlite3") as db:
        (n_sources,) = db.execute("SELECT count(DISTINCT source) FROM jobs WHERE state = 'done'").fetchone()
        (n_answers,) = db.execute("SELECT count(DISTINCT job) FROM responses").fetchone()
    check_work("objects with a result", (n_sources, n_answers), (n, n))
    times = {name: [moment for moment, method in server.calls() if method == name] for name in calls}
    others = [moment for name in calls if name not in ("RecognizeFile", "Get") for moment in times[name]]
    excess = measure_excess(times["RecognizeFile"], 100_000, 3600.0)
    excess += sum(measure_excess(moments, CHECKS_PER_SECOND, 1.0) for moments in (times["Get"], others))
    print(f"{n} objects in {seconds:.0f} s: {calls['Get']} checks, {peak.before:.0f} MB before the first")
    return {
        "peak_mb": round(peak.after),
        "seconds_over_quota": excess,
        "vs_quota": round(seconds * CHECKS_PER_SECOND / n, 2),
    }


if __name__ == "__main__":
    run(measure, Size(10_000), Size(50))
