"""The audio of a stream that may have to be sent again, and what had been sent when.

A tape holds what came in since the last final: what the service has settled is dropped. Positions are counted
in samples from the beginning of the stream, over all its sessions.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Strip:
    """A stretch of the tape.

    Attributes:
        start: position of its first sample.
        n_samples: 0 for the mark that an utterance ends here.
        data: 16-bit samples, channels interleaved; None for silence, and for the mark.
    """

    start: int
    n_samples: int
    data: bytes | None = None

    @property
    def end(self) -> int:
        """Position after its last sample."""
        return self.start + self.n_samples

    @property
    def is_mark(self) -> bool:
        """Whether it says that an utterance ends here."""
        return self.n_samples == 0


class Tape:
    """Written by one thread and read by another. The writer waits while it is too far ahead.

    Args:
        frame: bytes of a sample of all channels.
        ahead: samples that may wait to be read.
        slack: samples by which the service may misplace a mark, since it counts in milliseconds.
    """

    def __init__(self, frame: int, ahead: int, slack: int = 0) -> None:
        self._frame, self._ahead, self._slack = frame, ahead, slack
        self._strips: deque[Strip] = deque()
        self._first = 0  # number of the first strip that is still there
        self._read = 0  # position up to where it was read
        self.end = 0
        self.is_over = False
        self._changed = threading.Condition()

    @property
    def start(self) -> int:
        """Position of the first sample that is still there."""
        with self._changed:
            return self._strips[0].start if self._strips else self.end

    @property
    def first(self) -> int:
        """Number of the first strip that is still there."""
        return self._first

    @property
    def is_done(self) -> bool:
        """Whether nothing is left on it and nothing will come."""
        with self._changed:
            return self.is_over and not self._strips

    def write(self, data: bytes) -> None:
        """Add samples; waits until there is room."""
        if not data:
            return
        with self._changed:
            self._changed.wait_for(lambda: self.is_over or self.end - self._read < self._ahead)
            self._add(len(data) // self._frame, data)

    def write_silence(self, n_samples: int) -> None:
        """Add silence; does not wait."""
        with self._changed:
            self._add(n_samples)

    def write_mark(self) -> None:
        """Say that an utterance ends here."""
        with self._changed:
            self._add(0)

    def finish(self) -> None:
        """Nothing comes after this; what is written later is lost."""
        with self._changed:
            self.is_over = True
            self._changed.notify_all()

    def wait_over(self, seconds: float) -> None:
        """Wait that long, or until nothing may be written any more."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_over, max(seconds, 0.0))

    def wake(self) -> None:
        """Let readers look again at what they wait for."""
        with self._changed:
            self._changed.notify_all()

    def read(
        self, number: int, seconds: float | None, stop: Callable[[], bool] = lambda: False
    ) -> Strip | None:
        """The strip of that number; None if there is none, after waiting for it."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._first + len(self._strips) > number or self.is_over or stop(), seconds
            )
            index = number - self._first
            if stop() or not 0 <= index < len(self._strips):
                return None
            strip = self._strips[index]
            self._read = strip.end
            self._changed.notify_all()
            return strip

    def drop(self, position: int, with_mark: bool = False) -> None:
        """Forget what lies before `position`; with the first mark, if that is where it stands."""
        with self._changed:
            if with_mark:
                position = self._drop_mark(position)
            while self._strips and not self._strips[0].is_mark and self._strips[0].end <= position:
                self._strips.popleft()
                self._first += 1
            if self._strips and self._strips[0].start < position:
                self._strips[0] = self._cut(self._strips[0], position)
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget everything."""
        with self._changed:
            self._first += len(self._strips)
            self._strips.clear()
            self._changed.notify_all()

    def rewind(self) -> None:
        """It will be read from its start again."""
        with self._changed:
            self._read = self._strips[0].start if self._strips else self.end

    def _add(self, n_samples: int, data: bytes | None = None) -> None:
        if not self.is_over:
            self._strips.append(Strip(self.end, n_samples, data))
            self.end += n_samples
            self._changed.notify_all()

    def _drop_mark(self, position: int) -> int:
        """Forget everything up to the first mark, if it stands at `position`; where exactly."""
        index = next((i for i, strip in enumerate(self._strips) if strip.is_mark), None)
        if index is None or self._strips[index].start > position + self._slack:
            return position
        mark = self._strips[index]
        for _ in range(index + 1):
            self._strips.popleft()
        self._first += index + 1
        return max(position, mark.start)

    def _cut(self, strip: Strip, position: int) -> Strip:
        """The part of a strip from `position` on."""
        gone = position - strip.start
        data = None if strip.data is None else strip.data[gone * self._frame :]
        return replace(strip, start=position, n_samples=strip.n_samples - gone, data=data)


class SendLog:
    """When the audio had been sent up to which position, first time only.

    Args:
        sample_rate: Hz.
        clock: seconds since the epoch.
    """

    def __init__(self, sample_rate: int, clock: Callable[[], float]) -> None:
        self._sample_rate, self._clock = sample_rate, clock
        self._positions, self._times = array("q"), array("d")

    def note(self, position: int) -> None:
        """The audio up to here is being sent."""
        if not self._positions or position > self._positions[-1]:
            self._times.append(self._clock())
            self._positions.append(position)

    @property
    def until(self) -> float:
        """Up to where it was sent, in seconds."""
        return self._positions[-1] / self._sample_rate if self._positions else 0.0

    def sent_at(self, position: float) -> float | None:
        """When it had been sent up to `position` (seconds); None if it has not been yet."""
        index = bisect_left(self._positions, round(position * self._sample_rate))
        return self._times[index] if index < len(self._positions) else None

    def pairs(self) -> list[tuple[float, float]]:
        """All of it: positions in seconds, and when."""
        positions = list(self._positions)
        return [
            (position / self._sample_rate, at) for position, at in zip(positions, self._times, strict=False)
        ]
