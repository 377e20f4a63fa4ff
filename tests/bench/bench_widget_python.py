"""The Python side of a timeline of one hour: `python tests/bench/bench_widget_python.py`.

Two channels of 16 kHz sound and three systems of 10,000 words, half of them Cyrillic, coloured by a column of
numbers. `constructor_s` is the time of `TimelineView(path, systems)` with the outline of the sound in the
cache, the best of five; `bytes_per_word` is what is sent to the browser but for the outline and the code.
"""

from __future__ import annotations

import gc
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from bench_envelope import write_speech

SECONDS, N_WORDS, ROUNDS = 3_600, 10_000, 5
GOAL_SECONDS, GOAL_BYTES = 0.5, 40
VOCABULARY = np.array(["слово", "time", "распознавание", "recognition", "привет", "a", "и", "the"])


def make_words(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.uniform(0, SECONDS - 1, N_WORDS))
    columns = {
        "word": VOCABULARY[rng.integers(0, len(VOCABULARY), N_WORDS)],
        "start": starts,
        "end": starts + 0.3,
        "channel_tag": np.where(rng.random(N_WORDS) < 0.5, "0", "1"),
        "final_index": np.arange(N_WORDS) // 12,
        "score": rng.random(N_WORDS),
    }
    return pd.DataFrame(columns).astype({"word": "str", "channel_tag": "str"})


def main() -> None:
    import speechkit_nb as sk

    with tempfile.TemporaryDirectory() as folder:
        os.environ["SPEECHKIT_NB_HOME"] = folder
        path = Path(folder) / "hour.flac"
        write_speech(path)
        systems = {name: make_words(seed) for seed, name in enumerate(("a", "b", "c"))}
        times = []
        for _ in range(ROUNDS + 1):
            gc.collect()
            start = time.perf_counter()
            view = sk.TimelineView(path, systems, color="score")
            times.append(time.perf_counter() - start)
    sent = len(view.columns) + len(json.dumps(view.spec).encode())
    bytes_per_word, constructor_s = sent / (3 * N_WORDS), min(times[1:])
    print(f"constructor: {constructor_s:.3f} s (goal: {GOAL_SECONDS} s); the first time: {times[0]:.2f} s")
    print(f"sent: {bytes_per_word:.1f} bytes a word (goal: {GOAL_BYTES}), {len(view.peaks)} of peaks")
    print(json.dumps({"constructor_s": round(constructor_s, 3), "bytes_per_word": round(bytes_per_word, 1)}))


if __name__ == "__main__":
    main()
