"""A worker process: engines and listeners, with calls on standard input and answers on standard output."""

from __future__ import annotations

from typing import Any

from ..engines.base import Engine, EngineSpec, Hypothesis, Listener, ListenRequest
from ..engines.registry import create_engine
from ..status import StatusError, internal_error
from .framing import answer_calls


class EngineHost:
    """The loaded engines of this process, and its listeners by number."""

    def __init__(self) -> None:
        self._engines: dict[EngineSpec, Engine] = {}
        self._listeners: dict[int, Listener] = {}

    def warm_up(self, spec: EngineSpec) -> None:
        """Load an engine."""
        if spec not in self._engines:
            self._engines[spec] = create_engine(spec)

    def open(self, number: int, spec: EngineSpec, request: ListenRequest) -> None:
        """Make a listener."""
        self.warm_up(spec)
        self._listeners[number] = self._engines[spec].listen(request)

    def feed(self, number: int, pcm: bytes) -> list[Hypothesis]:
        """See `engines.base.Listener`."""
        return self._listeners[number].feed(pcm)

    def cut(self, number: int) -> list[Hypothesis]:
        """See `engines.base.Listener`."""
        return self._listeners[number].cut()

    def finish(self, number: int) -> list[Hypothesis]:
        """See `engines.base.Listener`."""
        return self._listeners[number].finish()

    def close(self, number: int) -> None:
        """Close a listener, if it exists."""
        if listener := self._listeners.pop(number, None):
            listener.close()

    def answer(self, name: str, *arguments: Any) -> tuple[bool, Any]:
        """Call a method; return whether it failed, and its result or its error."""
        try:
            return False, getattr(self, name)(*arguments)
        except StatusError as error:
            return True, error
        except Exception as error:
            return True, internal_error("the recognition engine", error)


if __name__ == "__main__":
    answer_calls(EngineHost().answer)
