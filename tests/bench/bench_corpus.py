"""How fast a corpus is scored, and in how much memory: `python tests/bench/bench_corpus.py`.

200,000 utterances of 20 words with one system, a tenth of the words wrong, in Parquet files of 10,000 rows:
from the files to the summary with intervals, on one core and by two processes that have started. The memory
is the peak of a new process that scores them in one thread, including all that it imports (Linux); `flat` is
that peak divided by the peak for a quarter of the files.
"""

from __future__ import annotations

import os
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from bench_align import add_errors, choose_words
from harness import check_work, measure_peak, run, take_seconds

import speechkit_nb as sk

N_WORDS, SYSTEM = 20, "one"


class Size(NamedTuple):
    n_utterances: int
    n_rows: int
    rounds: int


def write_corpus(folder: Path, size: Size) -> None:
    for first in range(0, size.n_utterances, size.n_rows):
        spoken = [choose_words(N_WORDS) for _ in range(size.n_rows)]
        columns = {
            "recording": [f"utterance {number}" for number in range(first, first + size.n_rows)],
            "reference": [" ".join(words) for words in spoken],
            SYSTEM: [" ".join(add_errors(words)) for words in spoken],
        }
        pd.DataFrame(columns).astype("str").to_parquet(folder / f"{first:07}.parquet", index=False)


def score(folder: Path, executor: Executor | None, size: Size) -> None:
    scores = sk.score(folder, systems=[SYSTEM], executor=executor)
    check_work("parts that failed", len(scores.failed), 0)
    check_work("rates with an interval", int(scores.summary["wer_low"].notna().sum()), 1)
    row = scores.summary.iloc[0]
    check_work("words that were scored", int(row["n_words"]), size.n_utterances * N_WORDS)
    check_work("error rate between 5 and 20 %", bool(0.05 < row["wer"] < 0.2), True)


def measure(size: Size, home: Path) -> dict[str, float]:
    folder = home / "corpus"
    folder.mkdir()
    write_corpus(folder, size)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        every_core = os.sched_getaffinity(0)
        score(folder, pool, size)
        one, two = [], []
        for _ in range(size.rounds):
            two.append(take_seconds(lambda: score(folder, pool, size)))
            os.sched_setaffinity(0, {min(every_core)})
            one.append(take_seconds(lambda: score(folder, None, size)))
            os.sched_setaffinity(0, every_core)
    n_files = size.n_utterances // size.n_rows
    few, all_files = (
        measure_peak(
            "import sys, speechkit_nb as sk; "
            "files = sorted(Path(sys.argv[1]).glob('*.parquet'))[: int(sys.argv[2])]",
            "int(sk.score(files, systems=['one']).summary['n_words'].iloc[0])",
            folder,
            n,
        )
        for n in (n_files // 4, n_files)
    )
    check_work("words of all files", all_files.n_done, size.n_utterances * N_WORDS)
    check_work("words of a quarter of the files", few.n_done, n_files // 4 * size.n_rows * N_WORDS)
    return {
        "per_s_1": round(size.n_utterances / min(one)),
        "per_s_2": round(size.n_utterances / min(two)),
        "peak_mb": round(all_files.after),
        "flat": round(all_files.after / few.after, 3),
    }


if __name__ == "__main__":
    run(measure, Size(200_000, 10_000, 3), Size(2_000, 250, 1))
