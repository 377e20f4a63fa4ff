"""The audio of a stream that may have to be sent again, and a log of what was sent when.

The buffer holds what came in since the last final; audio before a final is dropped. Positions are counted in
samples from the beginning of the stream, over all its sessions.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class AudioChunk:
    """A piece of the audio in a buffer, or an end-of-utterance marker.

    Attributes:
        start: position of its first sample.
        n_samples: 0 for an end-of-utterance marker.
        data: 16-bit samples, channels interleaved; None for silence and for a marker.
    """

    start: int
    n_samples: int
    data: bytes | None = None

    @property
    def end(self) -> int:
        """Position after its last sample."""
        return self.start + self.n_samples

    @property
    def is_marker(self) -> bool:
        """Whether it is an end-of-utterance marker."""
        return self.n_samples == 0


class ReplayBuffer:
    """Written by one thread and read by another. The writer waits while it is too far ahead.

    Args:
        frame_size: bytes of one sample of all channels.
        max_ahead: number of samples that may wait to be read.
        tolerance: samples by which the service may misplace a marker, since it counts in milliseconds.

    Attributes:
        end: position after the last sample.
        is_finished: whether nothing more will be written.
    """

    def __init__(self, frame_size: int, max_ahead: int, tolerance: int = 0) -> None:
        self._frame_size, self._max_ahead, self._tolerance = frame_size, max_ahead, tolerance
        self._chunks: deque[AudioChunk] = deque()
        self._first = 0
        self._read_until = 0
        self.end = 0
        self.is_finished = False
        self._changed = threading.Condition()

    @property
    def start(self) -> int:
        """Position of the first sample that is still in the buffer."""
        with self._changed:
            return self._chunks[0].start if self._chunks else self.end

    @property
    def first_number(self) -> int:
        """Number of the first chunk that is still in the buffer; chunks are numbered from 0."""
        return self._first

    @property
    def is_exhausted(self) -> bool:
        """Whether the buffer is empty and nothing more will be written."""
        with self._changed:
            return self.is_finished and not self._chunks

    def write(self, data: bytes) -> None:
        """Add samples; waits until there is room."""
        if not data:
            return
        with self._changed:
            self._changed.wait_for(lambda: self.is_finished or self.end - self._read_until < self._max_ahead)
            self._add(len(data) // self._frame_size, data)

    def write_silence(self, n_samples: int) -> None:
        """Add silence; does not wait."""
        with self._changed:
            self._add(n_samples)

    def write_marker(self) -> None:
        """Add an end-of-utterance marker."""
        with self._changed:
            self._add(0)

    def finish(self) -> None:
        """Mark the end of the audio; what is written later is ignored."""
        with self._changed:
            self.is_finished = True
            self._changed.notify_all()

    def wait_finished(self, seconds: float) -> None:
        """Wait so many seconds, or until `finish` is called."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_finished, max(seconds, 0.0))

    def wake_readers(self) -> None:
        """Make waiting readers check their `stop` again."""
        with self._changed:
            self._changed.notify_all()

    def read(
        self, number: int, seconds: float | None, stop: Callable[[], bool] = lambda: False
    ) -> AudioChunk | None:
        """The chunk of that number, after waiting for it; None if there is none.

        Args:
            seconds: longest wait; None waits until there is a chunk, or the buffer is finished.
            stop: ends the wait when it returns True.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._first + len(self._chunks) > number or self.is_finished or stop(), seconds
            )
            index = number - self._first
            if stop() or not 0 <= index < len(self._chunks):
                return None
            chunk = self._chunks[index]
            self._read_until = chunk.end
            self._changed.notify_all()
            return chunk

    def drop(self, position: int, with_marker: bool = False) -> None:
        """Drop the audio before `position`; and the first marker, if it is there."""
        with self._changed:
            if with_marker:
                position = self._drop_marker(position)
            # A marker at the front stays: its final has not come yet.
            while self._chunks and not self._chunks[0].is_marker and self._chunks[0].end <= position:
                self._chunks.popleft()
                self._first += 1
            if self._chunks and self._chunks[0].start < position:
                self._chunks[0] = self._cut(self._chunks[0], position)
            self._changed.notify_all()

    def clear(self) -> None:
        """Drop everything."""
        with self._changed:
            self._first += len(self._chunks)
            self._chunks.clear()
            self._changed.notify_all()

    def rewind(self) -> None:
        """Prepare to read from the start of the buffer again."""
        with self._changed:
            self._read_until = self._chunks[0].start if self._chunks else self.end

    def _add(self, n_samples: int, data: bytes | None = None) -> None:
        if not self.is_finished:
            self._chunks.append(AudioChunk(self.end, n_samples, data))
            self.end += n_samples
            self._changed.notify_all()

    def _drop_marker(self, position: int) -> int:
        """Drop everything up to the first marker, if it is at `position`; returns its exact position."""
        index = next((i for i, chunk in enumerate(self._chunks) if chunk.is_marker), None)
        if index is None or self._chunks[index].start > position + self._tolerance:
            return position
        marker = self._chunks[index]
        for _ in range(index + 1):
            self._chunks.popleft()
        self._first += index + 1
        return max(position, marker.start)

    def _cut(self, chunk: AudioChunk, position: int) -> AudioChunk:
        """The part of a chunk from `position` on."""
        n_dropped = position - chunk.start
        data = None if chunk.data is None else chunk.data[n_dropped * self._frame_size :]
        return replace(chunk, start=position, n_samples=chunk.n_samples - n_dropped, data=data)


class SendLog:
    """The times when the audio was sent. Audio that is sent again keeps the time of its first sending.

    Args:
        sample_rate: Hz.
        clock: seconds since the epoch.
    """

    def __init__(self, sample_rate: int, clock: Callable[[], float]) -> None:
        self._sample_rate, self._clock = sample_rate, clock
        self._positions, self._times = array("q"), array("d")

    def record(self, position: int) -> None:
        """Record that the audio up to `position` (samples) is sent now."""
        if not self._positions or position > self._positions[-1]:
            self._times.append(self._clock())
            self._positions.append(position)

    @property
    def sent_until(self) -> float:
        """How much audio was sent, in seconds."""
        return self._positions[-1] / self._sample_rate if self._positions else 0.0

    def sent_at(self, position: float) -> float | None:
        """When the audio up to `position` (seconds) was sent; None if it was not sent yet."""
        index = bisect_left(self._positions, round(position * self._sample_rate))
        return self._times[index] if index < len(self._positions) else None

    def pairs(self) -> list[tuple[float, float]]:
        """All entries: position in seconds, and time."""
        positions = list(self._positions)
        return [
            (position / self._sample_rate, at) for position, at in zip(positions, self._times, strict=False)
        ]
