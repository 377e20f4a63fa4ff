"""A figure of 30,000 words in 3 lanes over a waveform of one hour: `python tests/bench/bench_plot.py`.

The figure is made, laid out and written as PNG; the outline of the sound comes from the cache, which a first
figure has filled. At 5,000 words the same words are also drawn the plain way, with one rectangle and one text
an artist each, to say how many times faster one artist a row is.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["MPLBACKEND"] = "Agg"

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from bench_envelope import write_speech

import speechkit_nb as sk

SECONDS, ROUNDS = 3_600, 5
GOAL_SECONDS = 1.5
VOCABULARY = np.array(["слово", "time", "recognition", "привет", "a", "the", "word"])


def make_words(n: int, seed: int) -> pd.DataFrame:
    """`n` words of 0.1 to 0.4 s over the hour, one channel, utterances of twelve."""
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.uniform(0, SECONDS - 1, n))
    ends = np.minimum(starts + rng.uniform(0.1, 0.4, n), np.r_[starts[1:], SECONDS])
    words = VOCABULARY[rng.integers(0, len(VOCABULARY), n)]
    return pd.DataFrame({"word": words, "start": starts, "end": ends, "final_index": np.arange(n) // 12})


def ours(recording: sk.Recording | None, systems: dict[str, pd.DataFrame]) -> None:
    ax = sk.plot_timeline(systems, recording)
    ax.figure.savefig(io.BytesIO(), format="png")
    plt.close(ax.figure)


def artist_per_word(words: pd.DataFrame) -> None:
    figure, ax = plt.subplots(figsize=(10, 2))
    for word, start, end in words[["word", "start", "end"]].itertuples(index=False):
        ax.axvspan(start, end, alpha=0.45)
        ax.text((start + end) / 2, 0.5, word, ha="center", va="center", clip_on=True)
    figure.savefig(io.BytesIO(), format="png")
    plt.close(figure)


def best(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SPEECHKIT_NB_HOME"] = folder
        path = Path(folder) / "hour.flac"
        write_speech(path)
        systems = {name: make_words(10_000, seed) for seed, name in enumerate(("a", "b", "c"))}
        cold = best(lambda: ours(sk.Recording(path), systems), 1)
        seconds = best(lambda: ours(sk.Recording(path), systems), ROUNDS)
    few = make_words(5_000, 9)
    plain, single = best(lambda: artist_per_word(few), 1), best(lambda: ours(None, {"a": few}), ROUNDS)
    print(f"30,000 words in 3 rows over an hour of 2 channels: {seconds:.2f} s (goal: {GOAL_SECONDS} s)")
    print(f"the first time, with reading the sound: {cold:.2f} s")
    print(f"5,000 words: {single:.3f} s; an artist a word and a text: {plain:.2f} s")
    print(json.dumps({"seconds": round(seconds, 3), "vs_artist_per_word": round(plain / single, 1)}))


if __name__ == "__main__":
    main()
