"""Finds where utterances start and end in a channel, while the audio comes in.

The `Endpointer` of pocketsphinx decides what is speech. Speech without a pause is cut after half a minute at
the latest, at a quiet place if there is one.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from pocketsphinx import Endpointer

from .base import SAMPLE_RATE

BYTES_PER_MS = SAMPLE_RATE * 2 // 1000
SEEK_CUT_MS = 25_000
LONGEST_MS = 30_000
SILENT_SAMPLE = b"\0\0"
OWN_PAUSE_MS = 300
"""The pause after which the endpointer reports the end of speech."""


class Speech(NamedTuple):
    """A piece of speech with its times; `ends` marks the last piece of an utterance."""

    start_ms: int
    end_ms: int
    pcm: bytes
    ends: bool


class CutFinder:
    """Decides where speech without a pause is cut.

    The longer the utterance, the louder a place may be: at `SEEK_CUT_MS` it must be the quietest of the
    utterance, at `LONGEST_MS` any place is taken. A place is five frames (150 ms) long.
    """

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=5)
        self._levels: list[float] = []

    def is_cut(self, pcm: bytes, elapsed_ms: int) -> bool:
        """Whether the utterance, `elapsed_ms` long with this frame, ends here."""
        # the share of earlier places that are quieter is compared with a limit that grows from 0 to 1
        self._recent.append(float(np.abs(np.frombuffer(pcm, "<i2").astype(np.float32)).mean()))
        level = sum(self._recent) / len(self._recent)
        quieter = bisect_left(self._levels, level)
        insort(self._levels, level)
        allowed = (elapsed_ms - SEEK_CUT_MS) / (LONGEST_MS - SEEK_CUT_MS)
        return quieter <= allowed * len(self._levels)


class Segmenter:
    """Splits samples into pieces of speech.

    Args:
        pause_ms: silence that ends an utterance; below 300 ms: the shortest that the endpointer can find.

    >>> Segmenter().finish()
    []
    """

    def __init__(self, pause_ms: int = 0) -> None:
        self._patience_ms = max(pause_ms - OWN_PAUSE_MS, 0)
        self._n_bytes = 0
        self._rest = b""
        self._start()

    def _start(self) -> None:
        """Start again with audio that begins now."""
        self._endpointer = Endpointer(sample_rate=SAMPLE_RATE)
        self._origin_ms = self._processed_ms = self._n_bytes // BYTES_PER_MS
        self._in_utterance = False
        self._start_ms = 0
        self._now_ms = 0
        kept_ms = self._patience_ms + 3 * OWN_PAUSE_MS
        self._recent: deque[bytes] = deque(maxlen=kept_ms // self._frame_ms)
        self._cuts = CutFinder()

    @property
    def _frame_ms(self) -> int:
        return int(self._endpointer.frame_bytes // BYTES_PER_MS)

    def feed(self, pcm: bytes) -> list[Speech]:
        """The speech that these samples complete (16 kHz, mono, 16 bit)."""
        self._n_bytes += len(pcm)
        return [piece for frame in self._frames(pcm) for piece in self._process(frame)]

    def cut(self) -> list[Speech]:
        """End the open utterance; the next speech begins another one."""
        pieces = self.finish()
        self._start()
        return pieces

    def finish(self) -> list[Speech]:
        """End the channel; return the rest of the open utterance."""
        tail, self._rest = self._rest, b""
        if not self._in_utterance:
            return []
        self._in_utterance = False
        if not self._endpointer.in_speech:  # speech has ended, but the pause after it is still too short
            return [self._piece(b"", ends=True)]
        if tail:
            pcm = self._endpointer.end_stream(tail)
        else:  # the endpointer does not accept an empty tail
            pcm = self._endpointer.end_stream(SILENT_SAMPLE)[: -len(SILENT_SAMPLE)]
        return [self._piece(pcm, ends=True)]

    def _frames(self, pcm: bytes) -> Iterator[bytes]:
        size = self._endpointer.frame_bytes
        data = self._rest + pcm
        whole = len(data) // size * size
        self._rest = data[whole:]
        return (data[i : i + size] for i in range(0, whole, size))

    def _process(self, frame: bytes) -> Iterator[Speech]:
        pcm = self._endpointer.process(frame)
        self._processed_ms += self._frame_ms
        self._recent.append(frame)
        if pcm is not None:
            yield from self._speech(pcm)
        elif self._in_utterance and self._processed_ms - self._now_ms >= self._patience_ms + OWN_PAUSE_MS:
            self._in_utterance = False
            yield self._piece(b"", ends=True)

    def _speech(self, pcm: bytes) -> Iterator[Speech]:
        start_ms = self._origin_ms + round(self._endpointer.speech_start * 1000)
        if not self._in_utterance:
            self._begin(start_ms)
        elif start_ms > self._now_ms:
            yield self._piece(self._between(self._now_ms, start_ms), ends=False)
        ends = not self._endpointer.in_speech and not self._patience_ms
        piece = self._piece(pcm, ends)
        if ends:
            self._in_utterance = False
        elif self._cuts.is_cut(pcm, self._now_ms - self._start_ms):
            piece = piece._replace(ends=True)
            self._begin(self._now_ms)
        yield piece

    def _begin(self, start_ms: int) -> None:
        self._in_utterance = True
        self._start_ms = self._now_ms = start_ms
        self._cuts = CutFinder()

    def _between(self, start_ms: int, end_ms: int) -> bytes:
        """Audio between two pieces of speech: silence that turned out to lie inside an utterance."""
        sound = b"".join(self._recent)
        first_ms = self._processed_ms - len(sound) // BYTES_PER_MS
        return sound[(start_ms - first_ms) * BYTES_PER_MS : (end_ms - first_ms) * BYTES_PER_MS]

    def _piece(self, pcm: bytes, ends: bool) -> Speech:
        start_ms = self._now_ms
        self._now_ms += len(pcm) // BYTES_PER_MS
        return Speech(start_ms, self._now_ms, pcm, ends)
