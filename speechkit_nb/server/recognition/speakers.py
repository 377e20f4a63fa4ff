"""Speaker labeling of one channel: which of at most two speakers says each word.

It is the local server's own, and simpler than that of the service. The sound of each word and its neighbours
is described by mel cepstra (`describe_frames`), and these are split into two clusters. The clusters are two
speakers only if two normal distributions describe the frames so much better than one that it pays for the
additional parameters (the Bayesian information criterion, as Chen and Gopalakrishnan use it). Words that
overlap, and short answers, get a wrong label most often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2
from scipy.fft import dct

from ..engines.base import SAMPLE_RATE, Hypothesis, Word

Floats = npt.NDArray[np.floating[Any]]
FRAME_MS = 10
WINDOW = 400
"""Number of samples of a frame: 25 ms."""
N_FFT = 512
N_BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 100, 3800
"""The band of a telephone."""
N_CEPSTRA = 12
BAND_FLOOR = 1e-6
"""Power of the emptiest band, as a share of that of its frame."""
QUIET = 1e-4
"""A frame with a smaller share of the power of the loudest frame of its word is no speech."""
NEAR_MS = 1000
"""A word is described together with the words whose middle is at most this far away."""
PENALTY = 2.8
"""Weight of the additional parameters. With 1, one speaker is often split: neighbouring frames are alike."""
LEAST_FRAMES = 100
"""A speaker speaks for at least a second."""


def label_speakers(hypotheses: Sequence[Hypothesis], blocks: Iterable[bytes]) -> list[list[Hypothesis]]:
    """The utterances of each speaker, first of the one who speaks first; they are split between words.

    Args:
        hypotheses: what was recognized in the channel.
        blocks: its samples, as listeners take them.
    """
    words = [word for hypothesis in hypotheses for word in hypothesis.words]
    speakers = iter(find_speakers(words, describe_frames(blocks)) if words else ())
    found: list[list[Hypothesis]] = [[], []]
    for hypothesis in hypotheses:
        said = [(next(speakers), word) for word in hypothesis.words]
        runs = [
            (speaker, tuple(word for _, word in run)) for speaker, run in groupby(said, lambda pair: pair[0])
        ]
        for number, (speaker, run) in enumerate(runs):
            start = run[0].start_ms if number else hypothesis.start_ms
            end = run[-1].end_ms if number < len(runs) - 1 else hypothesis.end_ms
            found[speaker].append(replace(hypothesis, words=run, start_ms=start, end_ms=end))
    return found if found[1] else found[:1]


def find_speakers(words: Sequence[Word], frames: Floats) -> list[int]:
    """0 or 1 for each word; the first word has 0.

    Args:
        words: of one channel.
        frames: what `describe_frames` returns for that channel.
    """
    spoken = [_select_speech(word, frames) for word in words]
    counts = np.array([len(each) for each in spoken])
    sound = np.concatenate(spoken)
    spread = sound.std(axis=0) if len(sound) else np.zeros(N_CEPSTRA)
    if not spread.all():
        return [0] * len(words)
    labels = _cluster(_average_near(words, spoken, counts) / spread)
    is_other = np.repeat(labels != labels[0], counts)
    if not _are_two(sound, is_other):
        return [0] * len(words)
    return [int(label != labels[0]) for label in labels]


def describe_frames(blocks: Iterable[bytes]) -> Floats:
    """Power of each 10 ms, and its mel cepstra, without loudness; shape (n_frames, 1 + N_CEPSTRA)."""
    found = [np.zeros((0, 1 + N_CEPSTRA), np.float32)]
    for frames in _cut_frames(blocks):
        power = np.abs(np.fft.rfft(frames * np.hamming(WINDOW), N_FFT)) ** 2 @ _BANDS
        total = power.sum(axis=1, keepdims=True)
        cepstra = dct(np.log(power + BAND_FLOOR * total + 1e-9), norm="ortho")[:, 1 : 1 + N_CEPSTRA]
        found.append(np.hstack([total, cepstra]).astype(np.float32))
    return np.concatenate(found)


def _cut_frames(blocks: Iterable[bytes]) -> Iterator[Floats]:
    hop = SAMPLE_RATE * FRAME_MS // 1000
    rest = np.zeros(0)
    for pcm in blocks:
        rest = np.concatenate([rest, np.frombuffer(pcm, "<i2") / 32768])
        if len(rest) >= WINDOW:
            frames = np.lib.stride_tricks.sliding_window_view(rest, WINDOW)[::hop]
            yield frames
            rest = rest[len(frames) * hop :]


def _make_bands() -> Floats:
    """Triangles of equal width on the mel scale; shape (n_frequencies, N_BANDS)."""
    lowest, highest = 2595 * np.log10(1 + np.array([LOWEST_HZ, HIGHEST_HZ]) / 700)
    edges = 700 * (10 ** (np.linspace(lowest, highest, N_BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
    return np.array(
        [np.interp(frequencies, edges[k : k + 3], [0, 1, 0], left=0, right=0) for k in range(N_BANDS)]
    ).T


_BANDS = _make_bands()


def _select_speech(word: Word, frames: Floats) -> Floats:
    """The cepstra of the frames of a word that are not quiet."""
    own = frames[word.start_ms // FRAME_MS : max(word.end_ms // FRAME_MS, word.start_ms // FRAME_MS + 1)]
    return own[own[:, 0] > QUIET * own[:, 0].max(initial=0), 1:]


def _average_near(words: Sequence[Word], spoken: Sequence[Floats], counts: npt.NDArray[Any]) -> Floats:
    """The average of the frames around each word; shape (n_words, N_CEPSTRA)."""
    middles = np.array([(word.start_ms + word.end_ms) / 2 for word in words])
    order = np.argsort(middles, kind="stable")
    sums = np.cumsum([np.zeros(N_CEPSTRA), *(spoken[k].sum(axis=0, dtype=float) for k in order)], axis=0)
    n_frames = np.cumsum([0, *counts[order]])
    first = np.searchsorted(middles[order], middles - NEAR_MS)
    last = np.searchsorted(middles[order], middles + NEAR_MS, side="right")
    n_near = (n_frames[last] - n_frames[first])[:, None]
    average = sums[-1] / n_frames[-1]
    near: Floats = np.where(n_near > 0, (sums[last] - sums[first]) / np.maximum(n_near, 1), average)
    return near


def _cluster(points: Floats) -> npt.NDArray[Any]:
    """0 or 1 for each point: k-means, which starts from the two sides of the longest axis."""
    centered = points - points.mean(axis=0)
    axis = np.linalg.svd(centered, full_matrices=False)[2][0]
    side = centered @ axis > 0
    if side.all() or not side.any():
        return np.zeros(len(points), int)
    start = np.array([points[~side].mean(axis=0), points[side].mean(axis=0)])
    labels: npt.NDArray[Any] = kmeans2(points, start, minit="matrix")[1]
    return labels


def _are_two(sound: Floats, is_other: npt.NDArray[np.bool_]) -> bool:
    """Whether two normal distributions describe the frames much better than one."""
    parts = sound[~is_other], sound[is_other]
    if min(map(len, parts)) < LEAST_FRAMES:
        return False
    gain = _measure_spread(sound) - sum(map(_measure_spread, parts))
    n_parameters = N_CEPSTRA + N_CEPSTRA * (N_CEPSTRA + 1) / 2
    return bool(gain > PENALTY * n_parameters * np.log(len(sound)))


def _measure_spread(sound: Floats) -> float:
    """Twice the negative logarithm of the likelihood of a fitted normal distribution, without constants."""
    return float(len(sound) * np.linalg.slogdet(np.cov(sound.T) + 1e-3 * np.eye(N_CEPSTRA))[1])
