"""Failures on demand, so that clients can be tested against them.

Each fault is a short text, as `--fault` takes it:

- `unavailable:METHOD:N`  the first N calls of METHOD are answered with UNAVAILABLE
- `refuse:METHOD:CODE:N`  the same with another code, such as RESOURCE_EXHAUSTED
- `cut:METHOD:N[:TIMES]`  GetRecognition ends with UNAVAILABLE after N messages, TIMES times (default: once)
- `cut:METHOD:EVENT[:TIMES]`  RecognizeStreaming or StreamingRecognize ends in the same way after its first
                          EVENT: partial, final, final_refinement, eou_update, status_code
- `not-ready:N`           GetRecognition reports each result N times as not ready, though it is
- `running:N`             Get reports each operation N times as not done, though it may be
- `never-done`            operations are accepted, and nothing works on them
- `slow:SECONDS`          every call and every message of a stream takes that much longer

and over REST only

- `html:METHOD:STATUS:N`  the first N calls of METHOD get the page of a proxy with this HTTP status
- `redirect:METHOD:N:URL` the first N calls of METHOD are redirected to another URL
- `half:METHOD:N`         the first N answers of METHOD end in the middle of their body
- `gzip`                  answers are compressed for clients that accept it
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from typing import Any, Literal, NamedTuple, TypeVar, cast

from ...errors import ServerError
from ...wire import v3
from ..operations.runner import Runner
from ..operations.service import SpeechService
from ..operations.store import not_ready
from ..recognition.streaming import StreamService
from ..status import Code, StatusError

STREAMS = ("RecognizeStreaming", "StreamingRecognize")
FILES = ("RecognizeFile", "LongRunningRecognize", "GetRecognition", "DeleteRecognition", "Get", "Cancel")
METHODS = (*FILES, *STREAMS)
LONGEST_NUMBER = 5
EVENTS = ("partial", "final", "final_refinement", "eou_update", "status_code")
FORMS = (
    "unavailable:METHOD:N, cut:METHOD:N[:TIMES], cut:METHOD:EVENT[:TIMES], not-ready:N, running:N, "
    "never-done, refuse:METHOD:CODE:N, slow:SECONDS, html:METHOD:STATUS:N, redirect:METHOD:N:URL, "
    "half:METHOD:N, gzip"
)


Call = TypeVar("Call", bound=Callable[..., Any])


class RestFault(NamedTuple):
    """What replaces an answer over REST."""

    kind: Literal["html", "redirect", "half"]
    value: str


class Faults:
    """The faults of one server, and how often each is still to happen.

    >>> Faults(["never-done"]).never_done
    True

    Raises:
        ServerError: if a text is not one of the faults.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.never_done = False
        self.gzip = False
        self._errors: dict[str, deque[StatusError]] = defaultdict(deque)
        self._rest_faults: dict[str, deque[RestFault]] = defaultdict(deque)
        self._cuts: dict[str, tuple[int, int]] = {}  # method -> (after how many messages, how many times)
        self._stream_cuts: dict[str, deque[str]] = defaultdict(
            deque
        )  # method -> after which event, one per session
        self._not_ready = 0
        self._running = 0
        self._n_hidden_results: Counter[str] = Counter()
        self._n_hidden_ends: Counter[str] = Counter()
        self._delay = 0.0
        for text in texts:
            self._add(text)

    def _add(self, text: str) -> None:
        match text.split(":"):
            case ["unavailable", method, times] if method in METHODS and _are_numbers(times):
                self._add_errors(method, Code.UNAVAILABLE, int(times))
            case ["refuse", method, code, times] if (
                method in METHODS and code in Code.__members__ and _are_numbers(times)
            ):
                self._add_errors(method, Code[code], int(times))
            case ["html", method, status, times] if (
                method in METHODS and _are_numbers(status, times) and "200" <= status <= "599"
            ):
                self._rest_faults[method] += [RestFault("html", status)] * int(times)
            case ["redirect", method, times, *url] if method in METHODS and _are_numbers(times) and url:
                self._rest_faults[method] += [RestFault("redirect", ":".join(url))] * int(times)
            case ["half", method, times] if method in METHODS and _are_numbers(times):
                self._rest_faults[method] += [RestFault("half", "")] * int(times)
            case ["gzip"]:
                self.gzip = True
            case ["cut", "GetRecognition" as method, after, *times] if _are_numbers(after, *times):
                self._cuts[method] = (int(after), int(times[0]) if times else 1)
            case ["cut", method, event, *times] if (
                method in STREAMS and event in EVENTS and _are_numbers(*times)
            ):
                self._stream_cuts[method] += [event] * (int(times[0]) if times else 1)
            case ["not-ready", times] if _are_numbers(times):
                self._not_ready = int(times)
            case ["running", times] if _are_numbers(times):
                self._running = int(times)
            case ["never-done"]:
                self.never_done = True
            case ["slow", seconds] if _are_numbers(seconds.replace(".", "", 1)):
                self._delay = float(seconds)
            case _:
                raise ServerError(
                    f"there is no fault {text!r}; the faults are {FORMS}; METHOD is {', '.join(METHODS)}"
                )

    def _add_errors(self, method: str, code: Code, times: int) -> None:
        what = code.name.lower().replace("_", " ")
        self._errors[method] += [
            StatusError(code, f"{method} is {what}: a fault for tests") for _ in range(times)
        ]

    async def before(self, method: str) -> None:
        """Wait or raise an error at the beginning of a call, if a fault says so."""
        await self._wait()
        if self._errors[method]:
            raise self._errors[method].popleft()

    def next_rest_fault(self, method: str) -> RestFault | None:
        """What replaces the answer of this call over REST, if anything."""
        return self._rest_faults[method].popleft() if self._rest_faults[method] else None

    def hides_result(self, operation_id: str) -> bool:
        """Whether a result is reported as not ready this time."""
        self._n_hidden_results[operation_id] += 1
        return self._n_hidden_results[operation_id] <= self._not_ready

    def hides_end(self, operation_id: str) -> bool:
        """Whether an operation is reported as running this time."""
        self._n_hidden_ends[operation_id] += 1
        return self._n_hidden_ends[operation_id] <= self._running

    async def through(self, method: str, messages: Iterable[bytes]) -> AsyncIterator[bytes]:
        """The messages of a result, delayed or cut off if a fault says so."""
        after, times = self._cuts.get(method, (0, 0))
        if times:
            self._cuts[method] = (after, times - 1)
        for n_sent, message in enumerate(messages):
            if times and n_sent == after:
                raise _cut_off(method)
            await self._wait()
            yield message

    async def through_stream(self, method: str, messages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The messages of a streaming session, delayed or cut off if a fault says so."""
        cuts = self._stream_cuts[method]
        last = cuts.popleft() if cuts else ""
        async for message in messages:
            await self._wait()
            yield message
            if last and v3.StreamingResponse.FromString(message).HasField(last):
                raise _cut_off(method)

    async def _wait(self) -> None:
        if self._delay:
            await asyncio.sleep(self._delay)


def _cut_off(method: str) -> StatusError:
    return StatusError(Code.UNAVAILABLE, f"{method} broke off: a fault for tests")


def _are_numbers(*parts: str) -> bool:
    return all(part.isdecimal() and len(part) <= LONGEST_NUMBER for part in parts)


def _after_faults(name: str, call: Call) -> Call:
    """A method of `FaultySpeechService` that does the same as `call`, unless a fault prevents it."""

    async def method(self: FaultySpeechService, *arguments: Any) -> Any:
        await self.faults.before(name)
        return await call(self, *arguments)

    return cast("Call", method)


class IdleRunner(Runner):
    """A runner that never works on anything."""

    def start(self, operation_id: str) -> None:
        """Do nothing."""

    async def adopt_orphans(self) -> None:
        """Do nothing."""


class FaultySpeechService(SpeechService):
    """The service for files and operations, with faults before, in and instead of its answers."""

    faults: Faults
    recognize_file = _after_faults("RecognizeFile", SpeechService.recognize_file)
    long_running_recognize = _after_faults("LongRunningRecognize", SpeechService.long_running_recognize)
    delete_recognition = _after_faults("DeleteRecognition", SpeechService.delete_recognition)
    cancel_operation = _after_faults("Cancel", SpeechService.cancel_operation)

    async def get_recognition(self, operation_id: str) -> AsyncIterator[bytes]:
        """See `SpeechService`; a fault hides or cuts only a result that exists."""
        await self.faults.before("GetRecognition")
        messages = [message async for message in super().get_recognition(operation_id)]
        if self.faults.hides_result(operation_id):
            raise not_ready(operation_id)
        async for message in self.faults.through("GetRecognition", messages):
            yield message

    async def get_operation(self, operation_id: str) -> Any:
        """See `SpeechService`."""
        await self.faults.before("Get")
        found = await super().get_operation(operation_id)
        if self.faults.hides_end(operation_id):
            found.done = False
            found.ClearField("response")
            found.ClearField("error")
        return found


class FaultyStreamService(StreamService):
    """The service for streaming sessions, with faults."""

    faults: Faults

    async def recognize_streaming(
        self, requests: AsyncIterable[Any], user_request_id: str = "", method: str = "RecognizeStreaming"
    ) -> AsyncGenerator[bytes]:
        """See `StreamService`."""
        await self.faults.before(method)
        async with aclosing(super().recognize_streaming(requests, user_request_id, method)) as messages:
            async for message in self.faults.through_stream(method, messages):
                yield message
