"""Answers of API v2 as v3 messages, so that everything past this door reads one format."""

from __future__ import annotations

from typing import Any

from .messages import v3


def responses_from_v2(answer: Any) -> list[bytes]:
    """A v2 `LongRunningRecognitionResponse` as serialized v3 finals.

    Channel tags lose the 1 that v2 counts from. v2's confidence, a constant, is left out. A chunk
    without word times keeps its text and begins and ends where its channel's last chunk ended.
    """
    responses, ends = [], dict[str, int]()
    for index, chunk in enumerate(answer.chunks):
        tag = str(max(chunk.channel_tag - 1, 0))
        response = v3.StreamingResponse(channel_tag=tag)
        response.final.channel_tag = tag
        for alternative in chunk.alternatives:
            _copy_alternative(alternative, response.final.alternatives.add(), ends.get(tag, 0))
        if response.final.alternatives:
            ends[tag] = response.final.alternatives[0].end_time_ms
        cursors = response.audio_cursors
        cursors.final_index = index
        cursors.final_time_ms = cursors.partial_time_ms = ends.get(tag, 0)
        responses.append(response.SerializeToString())
    return responses


def _copy_alternative(source: Any, target: Any, previous_end: int) -> None:
    target.text = source.text
    for word in source.words:
        start, end = milliseconds(word.start_time), milliseconds(word.end_time)
        target.words.add(text=word.word, start_time_ms=start, end_time_ms=end)
    words = target.words
    target.start_time_ms = words[0].start_time_ms if words else previous_end
    target.end_time_ms = words[-1].end_time_ms if words else previous_end


def milliseconds(duration: Any) -> int:
    """A protobuf `Duration` in whole milliseconds; v2 sends float dust such as 0.879999999 s."""
    return int(duration.seconds * 1000 + round(duration.nanos / 1e6))
