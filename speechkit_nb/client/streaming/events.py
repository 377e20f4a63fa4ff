"""The events of a stream, and the queue from which the user takes them."""

from __future__ import annotations

import asyncio
import math
import queue
from concurrent.futures import Future
from dataclasses import dataclass, field

from ..transport.base import Message

UPDATES = ("partial", "final")


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One message of a stream. Times are seconds from the beginning of the stream, NaN if there are none.

    Attributes:
        kind: the name in the API, such as `"partial"`, `"final"`, `"final_refinement"`, `"eou_update"`.
        text: of the best alternative, or of a status message.
        start, end: of the recognized audio.
        channel_tag: 0-based number of the channel, or the speaker.
        final_index: of the final, of the refined final, or of the last final so far.
        received_at: when it arrived, seconds since the epoch.
        sent_until: how much audio (seconds) had been sent by then.
        response: the message itself, a serialized v3 `StreamingResponse`.
    """

    kind: str
    text: str
    start: float
    end: float
    channel_tag: str
    final_index: int
    received_at: float
    sent_until: float
    response: bytes = field(repr=False)


def make_event(message: bytes, response: Message, received_at: float, sent_until: float) -> StreamEvent:
    """The event of a message; `response` is the same, parsed."""
    kind = response.WhichOneof("Event") or "unknown"
    text, start, end = _read_content(kind, response)
    index = response.audio_cursors.final_index
    if kind == "final_refinement":
        index = response.final_refinement.final_index
    return StreamEvent(kind, text, start, end, response.channel_tag, index, received_at, sent_until, message)


def _read_content(kind: str, response: Message) -> tuple[str, float, float]:
    """Text, start and end."""
    if kind in UPDATES or kind == "final_refinement":
        update = getattr(response, kind)
        alternatives = (update.normalized_text if kind == "final_refinement" else update).alternatives
        if alternatives:
            best = alternatives[0]
            return best.text, best.start_time_ms / 1000, best.end_time_ms / 1000
    if kind == "eou_update":
        time = response.eou_update.time_ms / 1000
        return "", time, time
    return response.status_code.message if kind == "status_code" else "", math.nan, math.nan


class EventQueue:
    """Passes events from one thread to any number of threads and coroutines; each event is taken once."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[StreamEvent | None] = queue.SimpleQueue()
        self._next_put: Future[None] = Future()
        self._is_closed = False

    def put(self, event: StreamEvent | None) -> None:
        """Add an event, or None for the end. Called by one thread only."""
        self._is_closed = event is None
        self._queue.put(event)
        done, self._next_put = self._next_put, Future()
        done.set_result(None)

    def get(self) -> StreamEvent | None:
        """The next event, after waiting for it; None at the end."""
        return self._keep_end(self._queue.get())

    async def get_async(self) -> StreamEvent | None:
        """The same, without blocking the event loop."""
        while True:
            next_put = self._next_put  # read before the queue, so that no event in between is missed
            try:
                return self._keep_end(self._queue.get_nowait())
            except queue.Empty:
                if self._is_closed:
                    return None
                # shield: a coroutine that is cancelled must not cancel the future of all others
                await asyncio.shield(asyncio.wrap_future(next_put))

    def _keep_end(self, event: StreamEvent | None) -> StreamEvent | None:
        if event is None:  # for the next caller
            self._queue.put(None)
        return event


StreamEvent.__module__ = "speechkit_nb"  # it prints under the name that users import
