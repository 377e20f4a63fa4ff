"""Files are decoded in child processes: if a damaged one makes a decoder crash or hang, only that file fails.

A child decodes one file at a time and is kept for the next one. Like a worker it is called through its
standard input and output, and ends when its input closes. The functions here block: call them in threads.
"""

from __future__ import annotations

import atexit
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...audio import PCM, Recording
from ...errors import AudioError
from .framing import answer_calls, receive, send

LONGEST_CALL = 60.0
"""Seconds for opening a file or decoding one block; then the child is killed."""
MOST_IDLE = 4

_idle: list[_Child] = []
_lock = threading.Lock()


def open_recording(audio: Path | bytes, sample_rate: int | None = None, **options: Any) -> Recording:
    """A `Recording`, opened in a child process. Only its attributes are used here, never its samples.

    Raises:
        AudioError: as `Recording` does, or if the decoder crashed or hung.
    """
    with _borrow() as child:
        state = child.call("open", audio, sample_rate, options)
    recording = Recording.__new__(Recording)
    recording.__dict__.update(state, audio=audio)  # as unpickling does, without parsing the file
    return recording


def read_channel(recording: Recording, channel: int, seconds: float) -> Iterator[npt.NDArray[np.float32]]:
    """The samples of one channel, block by block, decoded in a child process.

    Raises:
        AudioError: if the file is damaged, or the decoder crashed or hung.
    """
    if recording.container == PCM:  # there is nothing to parse
        yield from (block[channel] for block in recording.blocks(seconds))
        return
    with _borrow() as child:
        child.call("open", recording.audio, None, {"id": recording.id})
        child.call("begin", channel, seconds)
        while (block := child.call("next")) is not None:
            yield np.frombuffer(block, np.float32)


class _Child:
    """One child process."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, "-m", __name__], stdin=pipe, stdout=pipe)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def call(self, *call: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = threading.Timer(LONGEST_CALL, self._process.kill)
        timer.start()
        try:
            send(self._process.stdin, call)
            answer = receive(self._process.stdout)
        except OSError:
            answer = None
        finally:
            timer.cancel()
        if answer is None:
            self.close()
            raise AudioError(
                "its decoder crashed or did not end, so the file is probably damaged; convert it again"
            )
        is_error, value = answer
        if is_error:
            raise AudioError(value)
        return value

    def close(self) -> None:
        """Kill the process."""
        self._process.kill()
        with self._process:
            pass


@contextmanager
def _borrow() -> Iterator[_Child]:
    """A child that decodes nothing else meanwhile."""
    with _lock:
        child = _idle.pop() if _idle else None
    if child is None or not child.is_alive:
        child = _Child()
    try:
        yield child
    finally:
        with _lock:
            is_kept = child.is_alive and len(_idle) < MOST_IDLE
            if is_kept:
                _idle.append(child)
        if not is_kept:
            child.close()


@atexit.register
def _close_idle() -> None:
    while _idle:
        _idle.pop().close()


class _Host:
    """What a child does: it holds one recording, and the blocks that are read from it."""

    def open(self, audio: Path | bytes, sample_rate: int | None, options: dict[str, Any]) -> dict[str, Any]:
        self._recording = Recording(audio, sample_rate, **options)
        return {name: value for name, value in self._recording.__dict__.items() if name != "audio"}

    def begin(self, channel: int, seconds: float) -> None:
        self._blocks = (block[channel].tobytes() for block in self._recording.blocks(seconds))

    def next(self) -> bytes | None:
        return next(self._blocks, None)

    def answer(self, name: str, *arguments: Any) -> tuple[bool, Any]:
        """Call a method; return whether it failed, and its result or its error."""
        try:
            return False, getattr(self, name)(*arguments)
        except Exception as error:
            return True, str(error)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the client warns of what is left out
    answer_calls(_Host().answer)
