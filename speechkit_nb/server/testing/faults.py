"""Failures on demand, so that clients can be tested against them.

Each fault is a short text, as given to `--fault`:

- `unavailable:METHOD:N`  the first N calls of METHOD are answered with UNAVAILABLE
- `refuse:METHOD:CODE:N`  the same with another code, such as RESOURCE_EXHAUSTED
- `cut:METHOD:N[:TIMES]`  GetRecognition breaks off with UNAVAILABLE after N messages, TIMES times (once)
- `cut:METHOD:EVENT[:TIMES]`  RecognizeStreaming or StreamingRecognize breaks off in the same way after its
                          first EVENT: partial, final, final_refinement, eou_update, status_code
- `not-ready:N`           GetRecognition calls each result not ready N times, though it is
- `running:N`             Get says N times of each operation that it is not done, though it is
- `never-done`            operations are accepted, and never worked on
- `slow:SECONDS`          every call and every message of a stream takes that much longer

and over REST only

- `html:METHOD:STATUS:N`  the first N calls of METHOD meet a proxy's page with this HTTP status
- `redirect:METHOD:N:URL` the first N calls of METHOD are sent to another place
- `half:METHOD:N`         the first N answers of METHOD break off in the middle of their body
- `gzip`                  answers are compressed for who takes that
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from typing import Literal, NamedTuple

from ...errors import ServerError
from ...wire import v3
from ..status import Code, Refusal

STREAMS = ("RecognizeStreaming", "StreamingRecognize")
FILES = ("RecognizeFile", "LongRunningRecognize", "GetRecognition", "DeleteRecognition", "Get", "Cancel")
METHODS = (*FILES, *STREAMS)
EVENTS = ("partial", "final", "final_refinement", "eou_update", "status_code")
FORMS = (
    "unavailable:METHOD:N, cut:METHOD:N[:TIMES], cut:METHOD:EVENT[:TIMES], not-ready:N, running:N, "
    "never-done, refuse:METHOD:CODE:N, slow:SECONDS, html:METHOD:STATUS:N, redirect:METHOD:N:URL, "
    "half:METHOD:N, gzip"
)


class Spoiled(NamedTuple):
    """What stands in the place of an answer over REST."""

    kind: Literal["html", "redirect", "half"]
    value: str


class Faults:
    """The faults of one server; what happens N times is counted down here.

    >>> Faults(["never-done"]).never_done
    True

    Raises:
        ServerError: if a fault is written wrongly.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.never_done = False
        self.gzip = False
        self._refusals: dict[str, deque[Refusal]] = defaultdict(deque)
        self._spoiled: dict[str, deque[Spoiled]] = defaultdict(deque)
        self._cuts: dict[str, list[int]] = {}  # method -> after so many messages, so many times
        self._stream_cuts: dict[str, deque[str]] = defaultdict(deque)  # after which event, session by session
        self._not_ready = 0
        self._running = 0
        self._refused: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        self._delay = 0.0
        for text in texts:
            self._add(text)

    def _add(self, text: str) -> None:
        match text.split(":"):
            case ["unavailable", method, times] if method in METHODS and times.isdigit():
                self._refuse(method, Code.UNAVAILABLE, int(times))
            case ["refuse", method, code, times] if (
                method in METHODS and code in Code.__members__ and times.isdigit()
            ):
                self._refuse(method, Code[code], int(times))
            case ["html", method, status, times] if method in METHODS and _are_numbers(status, times):
                self._spoiled[method] += [Spoiled("html", status)] * int(times)
            case ["redirect", method, times, *url] if method in METHODS and times.isdigit() and url:
                self._spoiled[method] += [Spoiled("redirect", ":".join(url))] * int(times)
            case ["half", method, times] if method in METHODS and times.isdigit():
                self._spoiled[method] += [Spoiled("half", "")] * int(times)
            case ["gzip"]:
                self.gzip = True
            case ["cut", "GetRecognition" as method, after, *times] if _are_numbers(after, *times):
                self._cuts[method] = [int(after), int(times[0]) if times else 1]
            case ["cut", method, event, *times] if (
                method in STREAMS and event in EVENTS and _are_numbers(*times)
            ):
                self._stream_cuts[method] += [event] * (int(times[0]) if times else 1)
            case ["not-ready", times] if times.isdigit():
                self._not_ready = int(times)
            case ["running", times] if times.isdigit():
                self._running = int(times)
            case ["never-done"]:
                self.never_done = True
            case ["slow", seconds] if seconds.replace(".", "", 1).isdigit():
                self._delay = float(seconds)
            case _:
                raise ServerError(f"no fault {text!r}; there are {FORMS}; METHOD is {', '.join(METHODS)}")

    def _refuse(self, method: str, code: Code, times: int) -> None:
        what = code.name.lower().replace("_", " ")
        self._refusals[method] += [
            Refusal(code, f"{method} is {what}: a fault that was asked for") for _ in range(times)
        ]

    async def before(self, method: str) -> None:
        """Called at the beginning of each call."""
        await self._wait()
        if self._refusals[method]:
            raise self._refusals[method].popleft()

    def spoils(self, method: str) -> Spoiled | None:
        """What a call over REST meets instead of its answer."""
        return self._spoiled[method].popleft() if self._spoiled[method] else None

    def hides_result(self, operation_id: str) -> bool:
        """Whether a result that is there is still called not ready."""
        self._refused[operation_id] += 1
        return self._refused[operation_id] <= self._not_ready

    def hides_end(self, operation_id: str) -> bool:
        """Whether an operation that may be done is still said to run."""
        self._asked[operation_id] += 1
        return self._asked[operation_id] <= self._running

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

    async def through_stream(self, method: str, messages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The messages of a live session, late or cut off if that was asked for."""
        cuts = self._stream_cuts[method]
        last = cuts.popleft() if cuts else ""
        async for message in messages:
            await self._wait()
            yield message
            if last and v3.StreamingResponse.FromString(message).HasField(last):
                raise Refusal(Code.UNAVAILABLE, f"{method} broke off: a fault that was asked for")

    async def _wait(self) -> None:
        if self._delay:
            await asyncio.sleep(self._delay)


def _are_numbers(*parts: str) -> bool:
    return all(part.isdigit() for part in parts)
