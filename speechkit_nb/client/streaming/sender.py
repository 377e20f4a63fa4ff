"""One session of a stream: what is sent in it, how long it may last, and where it may end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError
from ...wire import v3
from .replay_buffer import SendLog, Strip, Tape

EARLY, LATE = 0.8, 0.95
"""Shares of a limit: an utterance that ends past the first ends the session; at the second it ends anyway."""
FORCED = 0.3
"""Seconds: a final this near to the end of the audio was made by that end, not by a pause."""
OVERLAP = 1.0
"""Seconds heard again by the next session, for a word that began as the last one ended in silence."""
LEAST_SECONDS, LEAST_BYTES = 1.0, 16_000
IDLE = 1.0
"""Seconds after which a source that gives nothing counts as silent; the service waits for 5."""


@dataclass(frozen=True)
class SessionLimits:
    """What the service takes in one session.

    Attributes:
        seconds: of audio, and of time.
        n_bytes: of audio.

    Raises:
        ConfigError: if a session would hold next to nothing.
    """

    seconds: float = 300.0
    n_bytes: int = 10_000_000

    def __post_init__(self) -> None:
        if self.seconds < LEAST_SECONDS or self.n_bytes < LEAST_BYTES:
            raise ConfigError(
                f"a session of {self.seconds:g} s and {self.n_bytes} bytes is too short to go on from; it "
                f"has at least {LEAST_SECONDS:g} s and {LEAST_BYTES} bytes"
            )


class Leg:
    """Sends the tape from its start on, until it ends or the session is full.

    Args:
        tape: what there is to send.
        options: `StreamingOptions` that open the session.
        limits: of the session.
        log: where it is noted what was sent when.
        sample_rate: Hz.
        is_live: whether a source that gives nothing is silent, and not just slow.
        clock: seconds.
    """

    def __init__(
        self,
        tape: Tape,
        options: Any,
        limits: SessionLimits,
        log: SendLog,
        sample_rate: int,
        is_live: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tape, self._options, self._limits, self._log = tape, options, limits, log
        self._sample_rate, self._is_live, self._clock = sample_rate, is_live, clock
        tape.rewind()
        self.start = self.end = tape.start
        self._number = tape.first
        self._n_bytes = 0
        self._began = clock()
        self._is_stopped = False
        self.is_full = False
        self.has_all = False

    def stop(self) -> None:
        """Send nothing more."""
        self._is_stopped = True
        self._tape.wake()

    def requests(self) -> Iterator[Any]:
        """The messages of the session."""
        yield v3.StreamingRequest(session_options=self._options)
        while not self._is_stopped:
            strip = self._tape.read(self._number, IDLE, lambda: self._is_stopped)
            if strip is None and self._tape.is_over:
                self.has_all = not self._is_stopped
                return
            if strip is None:
                self._fill_gap()
                continue
            if self._would_overflow(strip):
                self.is_full = True
                return
            self._number += 1
            self.end = strip.end
            self._n_bytes += len(strip.data or b"")
            self._log.note(strip.end)
            yield self._request(strip)

    def is_late(self, position: int) -> bool:
        """Whether an utterance that ends at this position ends the session."""
        share = (position - self.start) / max(self.end - self.start, 1)
        return self._used((position - self.start) / self._sample_rate, self._n_bytes * share) >= EARLY

    def is_forced(self, position: int) -> bool:
        """Whether a final that ends there was made by the end of the audio and not by a pause."""
        return self.is_full and position > self.end - FORCED * self._sample_rate

    def resume_at(self, position: int) -> int:
        """Where the next session begins if this one has heard everything, and nothing since `position`."""
        overlap = min(OVERLAP, self._limits.seconds / 10) * self._sample_rate
        return max(position, round(self.end - overlap))

    def _used(self, seconds: float, n_bytes: float) -> float:
        """The share of the session that is over."""
        lasted = max(seconds, self._clock() - self._began)
        return max(lasted / self._limits.seconds, n_bytes / self._limits.n_bytes)

    def _would_overflow(self, strip: Strip) -> bool:
        seconds = (strip.end - self.start) / self._sample_rate
        return self._used(seconds, self._n_bytes + len(strip.data or b"")) > LATE

    def _fill_gap(self) -> None:
        if self._is_live and not self._is_stopped:
            self._tape.write_silence(round(IDLE * self._sample_rate))

    def _request(self, strip: Strip) -> Any:
        if strip.is_mark:
            return v3.StreamingRequest(eou=v3.Eou())
        if strip.data is None:
            duration_ms = strip.n_samples * 1000 // self._sample_rate
            return v3.StreamingRequest(silence_chunk=v3.SilenceChunk(duration_ms=duration_ms))
        return v3.StreamingRequest(chunk=v3.AudioChunk(data=strip.data))
