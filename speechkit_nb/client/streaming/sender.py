"""One session of a stream: what is sent in it, how long it may last, and where it may end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...errors import check_number
from ...wire import v3
from ..transport.base import Message
from .replay_buffer import AudioChunk, ReplayBuffer, SendLog

EARLY, LATE = 0.8, 0.95
"""Shares of a limit: after the first, the session ends with the next utterance; at the second, at once."""
CUT_OFF = 0.3
"""Seconds: a final this close to the end of the audio was caused by that end, not by a pause."""
OVERLAP = 1.0
"""Seconds sent again in the next session, for a word that began as the last one ended in silence."""
MIN_SECONDS, MIN_BYTES = 1.0, 16_000
IDLE = 1.0
"""Seconds without audio after which a live source counts as silent; the service waits 5 s, then it fails."""


@dataclass(frozen=True)
class SessionLimits:
    """What the service accepts in one session.

    Attributes:
        seconds: of audio, and of time.
        n_bytes: of audio.
        patience: seconds for which the service may send nothing after all audio of a session was sent; then
            the session counts as one that broke off.

    Raises:
        ConfigError: if one is no such number, or a session would be too short.
    """

    seconds: float = 300.0
    n_bytes: int = 10_000_000
    patience: float = 120.0

    def __post_init__(self) -> None:
        # a shorter session has nothing from which the next one could continue
        check_number("seconds", self.seconds, MIN_SECONDS, 86_400)
        check_number("n_bytes", self.n_bytes, MIN_BYTES, 10**12)
        check_number("patience", self.patience, 0.1, 86_400)


class SessionSender:
    """Sends the audio of a buffer from its start, until the audio ends or the session is full.

    Args:
        buffer: the audio.
        options: `StreamingOptions` that open the session.
        limits: of the session.
        log: records what was sent when.
        sample_rate: Hz.
        is_live: whether a source that gives nothing counts as silent.
        clock: monotonic seconds.
        on_end: called when the last request was taken.

    Attributes:
        start, end: positions of the audio that was sent so far.
        is_full: whether sending stopped at a limit.
        has_sent_all: whether all audio of the stream was sent.
    """

    def __init__(
        self,
        buffer: ReplayBuffer,
        options: Message,
        limits: SessionLimits,
        log: SendLog,
        sample_rate: int,
        is_live: bool,
        clock: Callable[[], float] = time.monotonic,
        on_end: Callable[[], object] = lambda: None,
    ) -> None:
        self._on_end = on_end
        self._buffer, self._options, self._limits, self._log = buffer, options, limits, log
        self._sample_rate, self._is_live, self._clock = sample_rate, is_live, clock
        buffer.rewind()
        self.start = self.end = buffer.start
        self._number = buffer.first_number
        self._n_bytes = 0
        self._began = clock()
        self._is_stopped = False
        self.is_full = False
        self.has_sent_all = False

    def stop(self) -> None:
        """Send nothing more."""
        self._is_stopped = True
        self._buffer.wake_readers()

    def requests(self) -> Iterator[Message]:
        """The messages of the session."""
        yield v3.StreamingRequest(session_options=self._options)
        while not self._is_stopped:
            chunk = self._buffer.read(self._number, IDLE, lambda: self._is_stopped)
            if chunk is None and self._buffer.is_finished:
                self.has_sent_all = not self._is_stopped
                break
            if chunk is None:
                self._fill_gap()
                continue
            if self._would_overflow(chunk):
                self.is_full = True
                break
            self._number += 1
            self.end = chunk.end
            self._n_bytes += len(chunk.data or b"")
            self._log.record(chunk.end)
            yield self._make_request(chunk)
        self._on_end()

    def ends_after(self, position: int) -> bool:
        """Whether the session is so full that it ends after an utterance that ends at `position`."""
        share = (position - self.start) / max(self.end - self.start, 1)
        return self._used((position - self.start) / self._sample_rate, self._n_bytes * share) >= EARLY

    def is_cut_off(self, position: int) -> bool:
        """Whether a final that ends at `position` was caused by the end of the audio, not by a pause."""
        return self.is_full and position > self.end - CUT_OFF * self._sample_rate

    def resume_position(self, position: int) -> int:
        """Where the next session begins if the last final ends at `position`, with silence after it."""
        overlap = min(OVERLAP, self._limits.seconds / 10) * self._sample_rate
        return max(position, round(self.end - overlap))

    def _used(self, seconds: float, n_bytes: float) -> float:
        """The used share of the session."""
        lasted = max(seconds, self._clock() - self._began)
        return max(lasted / self._limits.seconds, n_bytes / self._limits.n_bytes)

    def _would_overflow(self, chunk: AudioChunk) -> bool:
        seconds = (chunk.end - self.start) / self._sample_rate
        return self._used(seconds, self._n_bytes + len(chunk.data or b"")) > LATE

    def _fill_gap(self) -> None:
        if self._is_live and not self._is_stopped:
            self._buffer.write_silence(round(IDLE * self._sample_rate))

    def _make_request(self, chunk: AudioChunk) -> Message:
        if chunk.is_marker:
            return v3.StreamingRequest(eou=v3.Eou())
        if chunk.data is None:
            duration_ms = chunk.n_samples * 1000 // self._sample_rate
            return v3.StreamingRequest(silence_chunk=v3.SilenceChunk(duration_ms=duration_ms))
        return v3.StreamingRequest(chunk=v3.AudioChunk(data=chunk.data))


SessionLimits.__module__ = "speechkit_nb"  # it prints under the name that users import
