"""Time codes in audio, from which a scripted engine reads which part of a recording it gets.

Every 10 ms begin with four samples: two that mark the place, and two that hold its number. Time codes survive
cutting and joining, but not resampling: the audio must have the sample rate of the engines.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .base import SAMPLE_RATE

STEP_MS = 10
STEP = SAMPLE_RATE * STEP_MS // 1000
MARK = (32001, -32002)
DIGIT = 1 << 14


def write_timecode(n_samples: int, start_ms: int = 0) -> npt.NDArray[np.int16]:
    """Silence with time codes.

    Args:
        n_samples: at 16 kHz.
        start_ms: time of the first sample; a multiple of 10.

    >>> write_timecode(2 * STEP, start_ms=50)[[0, 1, 2, 3, 162, 163]].tolist()
    [32001, -32002, 0, 5, 0, 6]
    """
    n_steps = -(-n_samples // STEP)
    numbers = start_ms // STEP_MS + np.arange(n_steps)
    samples = np.zeros((n_steps, STEP), np.int16)
    samples[:, :2] = MARK
    samples[:, 2], samples[:, 3] = numbers // DIGIT, numbers % DIGIT
    return samples.reshape(-1)[:n_samples]


class TimecodeReader:
    """Reads time codes in audio that comes in pieces."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.int16)
        self._at = 0

    def read(self, pcm: bytes) -> list[tuple[int, int]]:
        """The time codes of the next samples: (ms in this stream, ms in the time code).

        >>> TimecodeReader().read(write_timecode(2 * STEP, start_ms=50)[60:].tobytes())
        [(6, 60)]
        """
        # the last three samples stay for the next call: a mark may go on there
        samples = np.concatenate([self._rest, np.frombuffer(pcm, "<i2")])
        places = np.flatnonzero((samples[:-3] == MARK[0]) & (samples[1:-2] == MARK[1]))
        numbers = samples[places + 2].astype(int) * DIGIT + samples[places + 3]
        times = (self._at + places) * 1000 // SAMPLE_RATE
        n_kept = min(3, len(samples))
        self._at += len(samples) - n_kept
        self._rest = samples[len(samples) - n_kept :]
        return list(zip(times.tolist(), (numbers * STEP_MS).tolist(), strict=True))
