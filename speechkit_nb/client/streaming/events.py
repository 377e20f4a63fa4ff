"""One message of a stream, as the user gets it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

UPDATES = ("partial", "final")


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """What came, and when. Times are seconds from the beginning of the stream, NaN where there are none.

    Attributes:
        kind: the wire's name, such as `"partial"`, `"final"`, `"final_refinement"`, `"eou_update"`.
        text: of the best alternative, or the words of a status.
        start, end: of the stretch of audio it is about.
        channel_tag: 0-based number of the channel, or the speaker.
        final_index: of the final, of the one that is refined, or of the last one so far.
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


def event_of(message: bytes, response: Any, received_at: float, sent_until: float) -> StreamEvent:
    """The event of a message; `response` is the same parsed."""
    kind = response.WhichOneof("Event") or "unknown"
    text, start, end = _content(kind, response)
    index = response.audio_cursors.final_index
    if kind == "final_refinement":
        index = response.final_refinement.final_index
    return StreamEvent(kind, text, start, end, response.channel_tag, index, received_at, sent_until, message)


def _content(kind: str, response: Any) -> tuple[str, float, float]:
    if kind in UPDATES or kind == "final_refinement":
        update = getattr(response, kind)
        heard = (update.normalized_text if kind == "final_refinement" else update).alternatives
        if heard:
            return heard[0].text, heard[0].start_time_ms / 1000, heard[0].end_time_ms / 1000
    if kind == "eou_update":
        time = response.eou_update.time_ms / 1000
        return "", time, time
    return response.status_code.message if kind == "status_code" else "", math.nan, math.nan
