"""A figure of 30,000 words in 3 lanes over a waveform of one hour: `python tests/bench/bench_plot.py`.

The figure is made, laid out and written as PNG; the envelope of the sound comes from the cache, which a first
figure has filled. 5,000 words are also drawn in the plain way, with one rectangle and one text artist per
word, to show how many times faster one artist per row is.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from bench_envelope import write_speech
from harness import check_work, run, take_seconds

import speechkit_nb as sk

GOAL_SECONDS = 1.5
VOCABULARY = np.array(["слово", "time", "recognition", "привет", "a", "the", "word"])


class Size(NamedTuple):
    """Minutes of sound, words in each of three lanes, words of the comparison, rounds."""

    minutes: int
    n_words: int
    n_plain: int
    rounds: int


def make_words(n: int, seconds: float, seed: int) -> pd.DataFrame:
    """`n` words of 0.1 to 0.4 s in one channel, utterances of twelve."""
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.uniform(0, seconds - 1, n))
    ends = np.minimum(starts + rng.uniform(0.1, 0.4, n), np.r_[starts[1:], seconds])
    words = VOCABULARY[rng.integers(0, len(VOCABULARY), n)]
    return pd.DataFrame({"word": words, "start": starts, "end": ends, "final_index": np.arange(n) // 12})


def draw(recording: sk.Recording | None, systems: dict[str, pd.DataFrame]) -> bytes:
    """Draw a figure; return it as PNG."""
    ax = sk.plot_timeline(systems, recording)
    png = save_png(ax.figure)
    plt.close(ax.figure)
    return png


def save_png(figure: plt.Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def count_drawn_lanes(png: bytes, recording: sk.Recording | None, systems: dict[str, pd.DataFrame]) -> int:
    """The number of lanes whose words are in the picture.

    A lane is there if the picture changes in at least a third of its columns when the lane keeps only its
    first and last word.
    """
    picture, n_drawn = plt.imread(io.BytesIO(png)), 0
    for name, words in systems.items():
        without = plt.imread(io.BytesIO(draw(recording, systems | {name: words.iloc[[0, -1]]})))
        n_drawn += (picture != without).any(axis=(0, 2)).mean() > 1 / 3
    return int(n_drawn)


def draw_artist_per_word(words: pd.DataFrame) -> int:
    figure, ax = plt.subplots(figsize=(10, 2))
    for word, start, end in words[["word", "start", "end"]].itertuples(index=False):
        ax.axvspan(start, end, alpha=0.45)
        ax.text((start + end) / 2, 0.5, word, ha="center", va="center", clip_on=True)
    save_png(figure)
    n_drawn = len(ax.texts)
    plt.close(figure)
    return n_drawn


def measure(size: Size, home: Path) -> dict[str, float]:
    path, seconds = home / "speech.flac", size.minutes * 60
    write_speech(path, size.minutes)
    systems = {name: make_words(size.n_words, seconds, seed) for seed, name in enumerate(("a", "b", "c"))}
    pictures: list[bytes] = []
    cold = take_seconds(lambda: pictures.append(draw(sk.Recording(path), systems)))
    ours = take_seconds(lambda: pictures.append(draw(sk.Recording(path), systems)), size.rounds)
    few, single_pictures, n_drawn = make_words(size.n_plain, seconds, 9), list[bytes](), list[int]()
    plain = take_seconds(lambda: n_drawn.append(draw_artist_per_word(few)))
    single = take_seconds(lambda: single_pictures.append(draw(None, {"a": few})), size.rounds)
    check_work("equal pictures", pictures.count(pictures[0]), size.rounds + 1)
    check_work("lanes with their words", count_drawn_lanes(pictures[0], sk.Recording(path), systems), 3)
    check_work("words that the plain way drew", n_drawn, [size.n_plain])
    check_work("lane with its words", count_drawn_lanes(single_pictures[0], None, {"a": few}), 1)
    print(f"{3 * size.n_words} words in 3 lanes, {size.minutes} min: {ours:.2f} s (goal: {GOAL_SECONDS} s)")
    print(f"the first time, with reading the sound: {cold:.2f} s")
    print(f"{size.n_plain} words: {single:.3f} s; one artist per word and text: {plain:.2f} s")
    return {"seconds": round(ours, 3), "vs_artist_per_word": round(plain / single, 1)}


if __name__ == "__main__":
    run(measure, Size(60, 10_000, 5_000, 5), Size(2, 600, 300, 1))
