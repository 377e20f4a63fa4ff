"""Failures on demand, so that clients can be tested against them.

Each fault is a short text, as given to `--fault`:

- `unavailable:METHOD:N`  the first N calls of METHOD are answered with UNAVAILABLE
- `cut:METHOD:N[:TIMES]`  GetRecognition breaks off with UNAVAILABLE after N messages, TIMES times (once)
- `not-ready:N`           GetRecognition calls each result not ready N times, though it is
- `never-done`            operations are accepted, and never worked on
- `slow:SECONDS`          every call and every message of a stream takes that much longer
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable

from ..errors import ServerError
from .status import Code, Refusal

METHODS = ("RecognizeFile", "GetRecognition", "DeleteRecognition", "Get", "Cancel")
FORMS = "unavailable:METHOD:N, cut:METHOD:N[:TIMES], not-ready:N, never-done, slow:SECONDS"


class Faults:
    """The faults of one server; what happens N times is counted down here.

    >>> Faults(["never-done"]).never_done
    True

    Raises:
        ServerError: if a fault is written wrongly.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.never_done = False
        self._unavailable: Counter[str] = Counter()
        self._cuts: dict[str, list[int]] = {}  # method -> after so many messages, so many times
        self._not_ready = 0
        self._refused: Counter[str] = Counter()
        self._delay = 0.0
        for text in texts:
            self._add(text)

    def _add(self, text: str) -> None:
        match text.split(":"):
            case ["unavailable", method, times] if method in METHODS and times.isdigit():
                self._unavailable[method] = int(times)
            case ["cut", "GetRecognition" as method, after, *times] if _are_numbers(after, *times):
                self._cuts[method] = [int(after), int(times[0]) if times else 1]
            case ["not-ready", times] if times.isdigit():
                self._not_ready = int(times)
            case ["never-done"]:
                self.never_done = True
            case ["slow", seconds] if seconds.replace(".", "", 1).isdigit():
                self._delay = float(seconds)
            case _:
                raise ServerError(f"no fault {text!r}; there are {FORMS}; METHOD is {', '.join(METHODS)}")

    async def before(self, method: str) -> None:
        """Called at the beginning of each call."""
        await self._wait()
        if self._unavailable[method] > 0:
            self._unavailable[method] -= 1
            raise Refusal(Code.UNAVAILABLE, f"{method} is unavailable: a fault that was asked for")

    def hides_result(self, operation_id: str) -> bool:
        """Whether a result that is there is still called not ready."""
        self._refused[operation_id] += 1
        return self._refused[operation_id] <= self._not_ready

    async def through(self, method: str, messages: Iterable[bytes]) -> AsyncIterator[bytes]:
        """The messages, late or cut off if that was asked for."""
        cut = self._cuts.get(method, [0, 0])
        is_cut = cut[1] > 0
        cut[1] -= 1
        for sent, message in enumerate(messages):
            if is_cut and sent == cut[0]:
                raise Refusal(Code.UNAVAILABLE, f"{method} broke off: a fault that was asked for")
            await self._wait()
            yield message

    async def _wait(self) -> None:
        if self._delay:
            await asyncio.sleep(self._delay)


def _are_numbers(*parts: str) -> bool:
    return all(part.isdigit() for part in parts)
