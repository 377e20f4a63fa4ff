"""What runs in a worker: engines and listeners; questions on standard input, answers on standard output."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import Any, BinaryIO

from .. import engines
from ..engines.base import Engine, EngineSpec, Hearing, Hypothesis, Listener
from ..status import Refusal, internal
from .pool import LENGTH


class Desk:
    """The engines that are loaded in this process, and the listeners by number."""

    def __init__(self) -> None:
        self._engines: dict[EngineSpec, Engine] = {}
        self._listeners: dict[int, Listener] = {}

    def warm_up(self, spec: EngineSpec) -> None:
        """Loads an engine."""
        if spec not in self._engines:
            self._engines[spec] = engines.create(spec)

    def open(self, number: int, spec: EngineSpec, hearing: Hearing) -> None:
        """Makes a listener."""
        self.warm_up(spec)
        self._listeners[number] = self._engines[spec].listen(hearing)

    def feed(self, number: int, pcm: bytes) -> list[Hypothesis]:
        """Hands samples to a listener."""
        return self._listeners[number].feed(pcm)

    def cut(self, number: int) -> list[Hypothesis]:
        """Tells a listener that the utterance ends here."""
        return self._listeners[number].cut()

    def finish(self, number: int) -> list[Hypothesis]:
        """Tells a listener that its channel is over."""
        return self._listeners[number].finish()

    def close(self, number: int) -> None:
        """Forgets a listener."""
        if listener := self._listeners.pop(number, None):
            listener.close()

    def answer(self, name: str, *arguments: Any) -> tuple[bool, Any]:
        """Calls a method; whether it failed, and what it returned or raised."""
        try:
            return False, getattr(self, name)(*arguments)
        except Refusal as refusal:
            return True, refusal
        except Exception as error:
            return True, internal("the recognition engine", error)


def main() -> None:
    """Answers until the input closes."""
    # A terminal sends these to all; the server decides, and closes the input.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    questions, answers = sys.stdin.buffer, _private_output()
    desk = Desk()
    while question := _receive(questions):
        data = pickle.dumps(desk.answer(*question))
        answers.write(LENGTH.pack(len(data)) + data)
        answers.flush()


def _private_output() -> BinaryIO:
    """Standard output for the answers alone; what libraries print there goes to standard error."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return output


def _receive(file: BinaryIO) -> Any:
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    data = file.read(length)
    return pickle.loads(data) if len(data) == length else None


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # the server is gone
        os._exit(0)
