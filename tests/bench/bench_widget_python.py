"""The Python side of a timeline of one hour: `python tests/bench/bench_widget_python.py`.

Two channels of 16 kHz sound and three systems of 10,000 words, half of them Cyrillic, coloured by a column of
numbers. `constructor_s` is the time of `TimelineView(path, systems)` with the envelope of the sound in the
cache, the best of five; `bytes_per_word` is what the browser gets, without the envelope and the code.
"""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from bench_envelope import write_speech
from harness import check_work, run, take_seconds

import speechkit_nb as sk

GOAL_SECONDS, GOAL_BYTES = 0.5, 40
VOCABULARY = np.array(["слово", "time", "распознавание", "recognition", "привет", "a", "и", "the"])


class Size(NamedTuple):
    minutes: int
    n_words: int
    rounds: int


def make_words(size: Size, seed: int) -> pd.DataFrame:
    rng, n = np.random.default_rng(seed), size.n_words
    starts = np.sort(rng.uniform(0, size.minutes * 60 - 1, n))
    columns = {
        "word": VOCABULARY[rng.integers(0, len(VOCABULARY), n)],
        "start": starts,
        "end": starts + 0.3,
        "channel_tag": np.where(rng.random(n) < 0.5, "0", "1"),
        "final_index": np.arange(n) // 12,
        "score": rng.random(n),
    }
    return pd.DataFrame(columns).astype({"word": "str", "channel_tag": "str"})


def measure(size: Size, home: Path) -> dict[str, float]:
    path = home / "speech.flac"
    write_speech(path, size.minutes)
    systems = {name: make_words(size, seed) for seed, name in enumerate(("a", "b", "c"))}
    views: list[sk.TimelineView] = []
    times = []
    for _ in range(size.rounds + 1):
        views.clear()
        gc.collect()
        times.append(take_seconds(lambda: views.append(sk.TimelineView(path, systems, color="score"))))
    (view,) = views
    n_sent = sum(lane["n_words"] for lane in view.spec["lanes"])
    check_work("words that the browser gets", n_sent, 3 * size.n_words)
    check_work(
        "channels with an envelope", sum(channel["peaks"][1] > 0 for channel in view.spec["channels"]), 2
    )
    n_bytes = len(view.columns) + len(json.dumps(view.spec).encode())
    bytes_per_word, constructor_s = n_bytes / (3 * size.n_words), min(times[1:])
    print(f"constructor: {constructor_s:.3f} s (goal: {GOAL_SECONDS} s); the first time: {times[0]:.2f} s")
    print(f"{bytes_per_word:.1f} bytes per word (goal: {GOAL_BYTES}), {len(view.peaks)} for the envelope")
    return {"constructor_s": round(constructor_s, 3), "bytes_per_word": round(bytes_per_word, 1)}


if __name__ == "__main__":
    run(measure, Size(60, 10_000, 5), Size(2, 1_000, 2))
