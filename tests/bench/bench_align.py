"""How fast words are aligned: `python tests/bench/bench_align.py`.

10,000 pairs of 20 words, a tenth of them wrong, from texts to the `alignment` frame: against jiwer with the
same columns made of its result, and against rapidfuzz's edit operations of the split texts alone, without any
frame. One pair of 30,000 words with times, collar 0.5 s: our operations in numpy and compiled by numba
against MeetEval's core, `time_constrained_levenshtein_distance_with_alignment`, which is what its `align` and
its tcWER call; all get lists or arrays that are ready. Best of rounds in turn; memory is the growth of the
peak of a process of its own (Linux).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import accumulate

import jiwer
import numpy as np
import pandas as pd
from meeteval.wer.matching.cy_levenshtein import time_constrained_levenshtein_distance_with_alignment
from rapidfuzz.distance import Levenshtein

from speechkit_nb.evaluate import align
from speechkit_nb.evaluate.alignment.pairs import TokenColumns
from speechkit_nb.evaluate.alignment.timed import align_table
from speechkit_nb.evaluate.alignment.timed_table import build_table, limit_by_time

N_PAIRS, N_WORDS, N_LONG, COLLAR_US, ROUNDS = 10_000, 20, 30_000, 500_000, 9
GOALS = {"vs_jiwer": 3, "vs_rapidfuzz": 2, "vs_meeteval": 10, "vs_meeteval_numba": 100, "memory": 0.1}
RNG = random.Random(0)
VOCABULARY = [f"w{rank}" for rank in range(20_000)]
_WEIGHTS = list(accumulate(1 / rank for rank in range(1, len(VOCABULARY) + 1)))  # Zipf

PEAK = """
import re, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import bench_align

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3

work = bench_align.timed_work(*bench_align.timed_pair())[sys.argv[2]]
bench_align.timed_work(*bench_align.timed_pair(300))[sys.argv[2]]()  # loads and compiles
before = peak()
work()
print(peak() - before)
"""


def some_words(n_words: int) -> list[str]:
    return RNG.choices(VOCABULARY, cum_weights=_WEIGHTS, k=n_words)


def heard(words: list[str]) -> list[str]:
    """With a tenth of errors: deletions, substitutions and insertions alike."""
    result = []
    for word, chance in zip(words, (RNG.random() for _ in words), strict=True):
        if chance > 0.033:
            result += some_words(1) if chance < 0.067 else [word]
        if chance > 0.967:
            result += some_words(1)
    return result


def timed_pair(n_words: int = N_LONG) -> tuple[TokenColumns, TokenColumns]:
    """A reference and what was heard, its times off by some 50 ms; microseconds."""
    rng = np.random.default_rng(0)
    weights = 1 / np.arange(1, len(VOCABULARY) + 1)
    ids = rng.choice(len(VOCABULARY), n_words, p=weights / weights.sum())
    end = np.cumsum(rng.integers(100_000, 700_000, n_words))
    start = end - rng.integers(80_000, 400_000, n_words)
    kind = rng.random(n_words)
    kept = np.repeat(np.arange(n_words), np.select([kind < 0.033, kind > 0.967], [0, 2], 1))
    wrong = rng.random(len(kept)) < 0.05
    hyp_ids = np.where(wrong, rng.integers(0, len(VOCABULARY), len(kept)), ids[kept])
    hyp_start = np.sort(start[kept] + rng.integers(-50_000, 50_000, len(kept)))
    hyp = TokenColumns(hyp_ids, np.array([0, len(kept)]), hyp_start, hyp_start + (end - start)[kept])
    return TokenColumns(ids, np.array([0, n_words]), start, end), hyp


def timed_work(ref: TokenColumns, hyp: TokenColumns) -> dict[str, Callable[[], object]]:
    words = [side.ids.tolist() for side in (ref, hyp)]
    spans = [
        list(zip(((side.start - collar) / 1e6).tolist(), ((side.end + collar) / 1e6).tolist(), strict=True))
        for side, collar in ((ref, 0), (hyp, COLLAR_US))
    ]
    return {
        "numpy": lambda: align_table(limit_by_time(build_table(ref, hyp, COLLAR_US)), "numpy"),
        "numba": lambda: align_table(limit_by_time(build_table(ref, hyp, COLLAR_US)), "numba"),
        "meeteval": lambda: time_constrained_levenshtein_distance_with_alignment(*words, *spans),
    }


def jiwer_frame(refs: list[str], hyps: list[str]) -> pd.DataFrame:
    """The columns of our frame out of jiwer's result, each collected in a list."""
    names = {"equal": "ok", "substitute": "sub", "insert": "ins", "delete": "del"}
    output = jiwer.process_words(refs, hyps)
    recording, ops, ref_words, hyp_words = list[str](), list[str](), list[str | None](), list[str | None]()
    for number, (chunks, ref, hyp) in enumerate(
        zip(output.alignments, output.references, output.hypotheses, strict=True)
    ):
        for chunk in chunks:
            left = ref[chunk.ref_start_idx : chunk.ref_end_idx]
            right = hyp[chunk.hyp_start_idx : chunk.hyp_end_idx]
            size = max(len(left), len(right))
            recording += [str(number)] * size
            ops += [names[chunk.type]] * size
            ref_words += left or [None] * size
            hyp_words += right or [None] * size
    frame = {"recording": recording, "system": "x", "position": np.arange(len(ops))}
    frame |= {"op": pd.Categorical(ops), "ref_word": ref_words, "hyp_word": hyp_words}
    times = ("ref_start", "ref_end", "hyp_start", "hyp_end")
    return pd.DataFrame(frame | dict.fromkeys(times, np.nan))


def text_work() -> dict[str, Callable[[], object]]:
    pairs = [(words, heard(words)) for words in (some_words(N_WORDS) for _ in range(N_PAIRS))]
    refs, hyps = ([" ".join(words) for words in side] for side in zip(*pairs, strict=True))
    keys = [str(number) for number in range(N_PAIRS)]
    ref, hyp = (pd.DataFrame({"recording": keys, "text": side}, dtype="str") for side in (refs, hyps))
    return {
        "ours": lambda: align(ref, {"x": hyp}),
        "jiwer": lambda: jiwer_frame(refs, hyps),
        "rapidfuzz": lambda: [
            Levenshtein.editops(a.split(), b.split()) for a, b in zip(refs, hyps, strict=True)
        ],
    }


def best(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each, the least of all rounds."""
    times = dict.fromkeys(work, float("inf"))
    for _ in range(rounds):
        for name, each in work.items():
            begin = time.perf_counter()
            each()
            times[name] = min(times[name], time.perf_counter() - begin)
    return times


def peak_mb(name: str) -> float:
    command = [sys.executable, "-c", PEAK, __file__.rpartition("/")[0], name]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    text = best(text_work(), ROUNDS)
    print(", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in text.items()))
    timed = best(timed_work(*timed_pair()), 3)
    print(", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in timed.items()))
    memory = {name: peak_mb(name) for name in timed}
    print(", ".join(f"{name} {megabytes:.1f} MB" for name, megabytes in memory.items()))
    figures = {
        "vs_jiwer": round(text["jiwer"] / text["ours"], 2),
        "vs_rapidfuzz": round(text["ours"] / text["rapidfuzz"], 2),
        "vs_meeteval": round(timed["meeteval"] / timed["numpy"], 1),
        "vs_meeteval_numba": round(timed["meeteval"] / timed["numba"]),
        "memory": round(memory["numpy"] / memory["meeteval"], 4),
    }
    print(f"goals: {GOALS} (vs_rapidfuzz and memory at most, the others at least)")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
