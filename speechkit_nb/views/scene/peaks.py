"""The outline of a whole recording: lowest and highest sample per 16 ms, small enough to send and cache."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...audio import Recording
from .cache import cached

BIN = 0.016  # s; a click is drawn at most half of it from its true time
BAR = "{desc}: {percentage:3.0f} % of the sound read |{bar}| {remaining} left"


class Peaks(NamedTuple):
    """The outline of a recording.

    Attributes:
        pairs: int8 array, shape (n_channels, n_bins, 2): low, high; 127 stands for `loudest`. The last bin
            may have fewer samples than the others.
        loudest: the largest absolute sample of all channels, 0 for silence.
        bin_seconds: length of a bin.
    """

    pairs: npt.NDArray[np.int8]
    loudest: float
    bin_seconds: float

    def envelope(self, n_bins: int, start: float, end: float) -> npt.NDArray[np.float32]:
        """Lowest and highest sample in each of `n_bins` equal stretches, as `Recording.envelope`.

        A stretch includes all bins that it touches. It should not be shorter than one bin.
        """
        edges = np.linspace(start, end, n_bins + 1) / self.bin_seconds
        last = self.pairs.shape[1]
        first, stop = (np.clip(at, 0, last).astype(int) for at in (np.floor(edges[0]), np.ceil(edges[-1])))
        at = np.clip(np.floor(edges[:-1]).astype(int), first, stop - 1) - first
        shown = self.pairs[:, first:stop]
        low = np.minimum.reduceat(shown[..., 0], at, axis=1)
        high = np.maximum.reduceat(shown[..., 1], at, axis=1)
        return np.stack([low, high], axis=2).astype(np.float32) * np.float32(self.loudest / 127)


def read_peaks(recording: Recording) -> Peaks:
    """The outline, from the cache if it was computed before for the same content.

    Raises:
        AudioError: if the recording cannot be read.
    """
    content = cached(recording, "peaks2", lambda: _to_bytes(*_compute_peaks(recording)))
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        bin_seconds = bin_samples(recording) / recording.sample_rate
        return Peaks(stored["pairs"], float(stored["loudest"]), bin_seconds)


def bin_samples(recording: Recording) -> int:
    """Samples in a bin."""
    return max(1, round(BIN * recording.sample_rate))


def _compute_peaks(recording: Recording) -> tuple[npt.NDArray[np.int8], float]:
    """Pairs and loudest sample; with a progress bar if it takes more than a second."""
    from tqdm.auto import tqdm

    size = bin_samples(recording)
    n_bins = -(-recording.n_samples // size)
    bounds = np.zeros((recording.n_channels, n_bins, 2), np.float32)
    at = 0
    with tqdm(total=n_bins, desc=recording.id, bar_format=BAR, delay=1, disable=None, leave=False) as bar:
        for block in recording.blocks(128 * size / recording.sample_rate):
            edges = np.arange(0, block.shape[1], size)
            for channel, samples in enumerate(block):
                bounds[channel, at : at + len(edges), 0] = np.minimum.reduceat(samples, edges)
                bounds[channel, at : at + len(edges), 1] = np.maximum.reduceat(samples, edges)
            at += len(edges)
            bar.update(len(edges))
    bounds = np.nan_to_num(bounds, copy=False)
    loudest = float(np.abs(bounds).max())
    return np.rint(bounds / np.float32(loudest or 1.0) * 127).astype(np.int8), loudest


def _to_bytes(pairs: npt.NDArray[np.int8], loudest: float) -> bytes:
    file = io.BytesIO()
    np.savez(file, pairs=pairs, loudest=loudest)
    return file.getvalue()
