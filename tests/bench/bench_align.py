"""How fast words are aligned: `python tests/bench/bench_align.py`.

10,000 pairs of 20 words, a tenth of them wrong, from texts to the `alignment` frame: against jiwer with the
same columns made of its result, and against rapidfuzz's edit operations of the split texts alone, without any
frame. One pair of 30,000 words with times, collar 0.5 s: our operations in numpy and compiled by numba
against MeetEval's core, `time_constrained_levenshtein_distance_with_alignment`, which is what its `align` and
its tcWER call; all get lists or arrays that are ready. Best of some rounds; memory is the growth of the peak
of a new process (Linux).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import jiwer
import numpy as np
import pandas as pd
from harness import check_work, measure_peak, run, take_seconds
from meeteval.wer.matching.cy_levenshtein import time_constrained_levenshtein_distance_with_alignment
from rapidfuzz.distance import Levenshtein

from speechkit_nb.evaluate import align
from speechkit_nb.evaluate.alignment.pairs import TokenColumns
from speechkit_nb.evaluate.alignment.timed import align_table
from speechkit_nb.evaluate.alignment.timed_table import build_table, limit_by_time

N_WORDS, COLLAR_US = 20, 500_000
GOALS = {"vs_jiwer": 3, "vs_rapidfuzz": 2, "vs_meeteval": 10, "vs_meeteval_numba": 100, "memory": 0.1}
RNG = random.Random(0)
VOCABULARY = [f"w{rank}" for rank in range(20_000)]
_WEIGHTS = list(accumulate(1 / rank for rank in range(1, len(VOCABULARY) + 1)))  # Zipf

PEAK = """
import sys
from bench_align import make_timed_pair, make_timed_work
work = make_timed_work(*make_timed_pair(int(sys.argv[2])))[sys.argv[1]]
make_timed_work(*make_timed_pair(300))[sys.argv[1]]()  # loads and compiles
"""


class Size(NamedTuple):
    n_pairs: int
    n_long: int
    rounds: int


def choose_words(n_words: int) -> list[str]:
    return RNG.choices(VOCABULARY, cum_weights=_WEIGHTS, k=n_words)


def add_errors(words: list[str]) -> list[str]:
    """The words with a tenth of errors: as many deletions, substitutions and insertions."""
    result = []
    for word, chance in zip(words, (RNG.random() for _ in words), strict=True):
        if chance > 0.033:
            result += choose_words(1) if chance < 0.067 else [word]
        if chance > 0.967:
            result += choose_words(1)
    return result


def make_timed_pair(n_words: int) -> tuple[TokenColumns, TokenColumns]:
    """A reference and a hypothesis whose times differ by up to 50 ms; times in microseconds."""
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


def make_timed_work(ref: TokenColumns, hyp: TokenColumns) -> dict[str, Callable[[], object]]:
    words = [side.ids.tolist() for side in (ref, hyp)]
    spans = [
        list(zip(((side.start - collar) / 1e6).tolist(), ((side.end + collar) / 1e6).tolist(), strict=True))
        for side, collar in ((ref, 0), (hyp, COLLAR_US))
    ]
    return {
        "numpy": lambda: align_table(limit_by_time(build_table(ref, hyp, COLLAR_US)), "numpy").ops,
        "numba": lambda: align_table(limit_by_time(build_table(ref, hyp, COLLAR_US)), "numba").ops,
        "meeteval": lambda: time_constrained_levenshtein_distance_with_alignment(*words, *spans)["alignment"],
    }


def jiwer_frame(refs: list[str], hyps: list[str]) -> pd.DataFrame:
    """The columns of our frame from the result of jiwer, each collected in a list."""
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


def make_text_work(n_pairs: int) -> dict[str, Callable[[], object]]:
    pairs = [(words, add_errors(words)) for words in (choose_words(N_WORDS) for _ in range(n_pairs))]
    refs, hyps = ([" ".join(words) for words in side] for side in zip(*pairs, strict=True))
    keys = [str(number) for number in range(n_pairs)]
    ref, hyp = (pd.DataFrame({"recording": keys, "text": side}, dtype="str") for side in (refs, hyps))
    return {
        "ours": lambda: align(ref, {"x": hyp}),
        "jiwer": lambda: jiwer_frame(refs, hyps),
        "rapidfuzz": lambda: [
            Levenshtein.editops(a.split(), b.split()) for a, b in zip(refs, hyps, strict=True)
        ],
    }


def time_in_turn(work: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Seconds of each, the least of all rounds, and what each returned last."""
    times, results = dict.fromkeys(work, float("inf")), dict[str, Any]()
    for _ in range(rounds):
        for name, each in work.items():
            seconds = take_seconds(lambda name=name, each=each: results.update({name: each()}))
            times[name] = min(times[name], seconds)
    return times, results


def check_texts(results: dict[str, Any], n_pairs: int) -> None:
    """Every reference word is aligned, and all three count the same errors: each has found the optimum."""
    n_errors = sum(map(len, results["rapidfuzz"]))
    for name in ("ours", "jiwer"):
        frame = results[name]
        check_work(
            f"reference words that {name} aligned", int(frame.ref_word.notna().sum()), n_pairs * N_WORDS
        )
        check_work(f"errors that {name} counted", int((frame.op != "ok").sum()), n_errors)


def measure(size: Size, home: Path) -> dict[str, float]:
    text, results = time_in_turn(make_text_work(size.n_pairs), size.rounds)
    check_texts(results, size.n_pairs)
    print(", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in text.items()))
    ref, hyp = make_timed_pair(size.n_long)
    work = make_timed_work(ref, hyp)
    work["numba"]()  # compiles
    timed, results = time_in_turn(work, 3)
    n_rows = len(results["numpy"])
    check_work("operations with times at least", max(n_rows, len(ref.ids), len(hyp.ids)), n_rows)
    check_work("operations of numba", results["numba"].tolist(), results["numpy"].tolist())
    check_work("operations of meeteval", len(results["meeteval"]), n_rows)
    print(", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in timed.items()))
    peaks = {name: measure_peak(PEAK, "len(work())", name, size.n_long) for name in ("numpy", "meeteval")}
    check_work("operations in the process for memory", peaks["numpy"].n_done, n_rows)
    memory = {name: peak.growth for name, peak in peaks.items()}
    print(", ".join(f"{name} {megabytes:.1f} MB" for name, megabytes in memory.items()))
    print(f"goals: {GOALS} (vs_rapidfuzz and memory at most, the others at least)")
    return {
        "vs_jiwer": round(text["jiwer"] / text["ours"], 2),
        "vs_rapidfuzz": round(text["ours"] / text["rapidfuzz"], 2),
        "vs_meeteval": round(timed["meeteval"] / timed["numpy"], 1),
        "vs_meeteval_numba": round(timed["meeteval"] / timed["numba"]),
        "memory": round(memory["numpy"] / memory["meeteval"], 4),
    }


if __name__ == "__main__":
    run(measure, Size(10_000, 30_000, 9), Size(300, 2_000, 2))
