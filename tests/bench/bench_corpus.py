"""How fast a corpus is scored, and in how much memory: `python tests/bench/bench_corpus.py`.

200,000 utterances of 20 words with one system, a tenth of the words wrong, in Parquet files of 10,000 rows:
from the files to the summary with intervals, on one core and by two processes that are up. The memory is the
peak of a process of its own that scores them in one thread, all it has imported included (Linux); `flat` is
that peak divided by the peak for a quarter of the files.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from bench_align import heard, some_words

import speechkit_nb as sk

N_UTTERANCES, N_ROWS, N_WORDS, ROUNDS = 200_000, 10_000, 20, 3
SYSTEM = "one"

PEAK = """
import re, sys
from pathlib import Path
import speechkit_nb as sk

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3

files = sorted(Path(sys.argv[1]).glob("*.parquet"))[: int(sys.argv[2])]
sk.score(files, systems=["one"]).summary
print(peak())
"""


def write_corpus(folder: Path) -> None:
    for first in range(0, N_UTTERANCES, N_ROWS):
        said = [some_words(N_WORDS) for _ in range(N_ROWS)]
        columns = {
            "recording": [f"utterance {number}" for number in range(first, first + N_ROWS)],
            "reference": [" ".join(words) for words in said],
            SYSTEM: [" ".join(heard(words)) for words in said],
        }
        pd.DataFrame(columns).astype("str").to_parquet(folder / f"{first:07}.parquet", index=False)


def seconds(folder: Path, executor: Executor | None) -> float:
    start = time.perf_counter()
    scores = sk.score(folder, systems=[SYSTEM], executor=executor)
    assert scores.summary["wer_low"].notna().all()
    assert scores.failed.empty
    return time.perf_counter() - start


def peak_mb(folder: Path, n_files: int) -> float:
    program = [sys.executable, "-c", PEAK, str(folder), str(n_files)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[0])


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(2, get_context("spawn")) as pool:
        folder = Path(name)
        write_corpus(folder)
        every_core = os.sched_getaffinity(0)
        seconds(folder, pool)
        one, two = [], []
        for _ in range(ROUNDS):
            two.append(seconds(folder, pool))
            os.sched_setaffinity(0, {min(every_core)})
            one.append(seconds(folder, None))
            os.sched_setaffinity(0, every_core)
        n_files = N_UTTERANCES // N_ROWS
        peaks = [peak_mb(folder, n_files // 4), peak_mb(folder, n_files)]
    figures = {
        "per_s_1": round(N_UTTERANCES / min(one)),
        "per_s_2": round(N_UTTERANCES / min(two)),
        "peak_mb": round(peaks[1]),
        "flat": round(peaks[1] / peaks[0], 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
