"""Sound between the words of a text: speech in it was not written down."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from ...audio import Recording

SAMPLE_RATE = 16000
LONGEST_PAUSE = 3.0
"""Seconds of speech without a word from which on there is something wrong."""

_STRICT = 3
_BLOCK = 60.0


def warn_of_gaps(recording: Recording, channel: int, times: Sequence[tuple[float, float]]) -> None:
    """Warns, with a UserWarning, of long speech before, between or after the words.

    Args:
        times: start and end of each word, in seconds, in their order.
    """
    begins = [0.0, *(end for _, end in times)]
    ends = [*(start for start, _ in times), recording.duration]
    for begin, end in zip(begins, ends, strict=True):
        if end - begin < LONGEST_PAUSE:
            continue
        seconds = speech_seconds(recording, channel, begin, end)
        if seconds >= LONGEST_PAUSE:
            warnings.warn(
                f"{recording.id!r}, channel {channel}: the text has no words for {seconds:.0f} s of speech "
                f"between {begin:.1f} and {end:.1f} s; words near it may be misplaced",
                UserWarning,
                stacklevel=4,
            )


def speech_seconds(recording: Recording, channel: int, start: float, end: float) -> float:
    """How much of a stretch is speech, in seconds; a minute is read at once."""
    from pocketsphinx import Vad

    vad = Vad(mode=_STRICT, sample_rate=SAMPLE_RATE)
    n_speech = 0
    for first in np.arange(start, end, _BLOCK):
        data = pcm(recording, channel, float(first), min(float(first) + _BLOCK, end))
        size = vad.frame_bytes
        n_speech += sum(vad.is_speech(data[k : k + size]) for k in range(0, len(data) - size + 1, size))
    return float(n_speech * vad.frame_length)


def pcm(recording: Recording, channel: int, start: float, end: float) -> bytes:
    """A stretch of one channel, 16 kHz, signed 16 bit."""
    import soxr

    samples = recording.read(start, end, channel)
    if recording.sample_rate != SAMPLE_RATE:
        samples = soxr.resample(samples, recording.sample_rate, SAMPLE_RATE)
    return bytes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
