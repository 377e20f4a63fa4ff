"""Messages of several sessions as those of one stream: times shifted, finals and cursors going on."""

from __future__ import annotations

from typing import Any

from ...wire import v3

TIMES = frozenset({"start_time_ms", "end_time_ms", "time_ms"})
CURSORS = ("received_data_ms", "reset_time_ms", "partial_time_ms", "final_time_ms", "eou_time_ms")


class Joiner:
    """Turns the times and indices of each session into those of the stream.

    The messages of a stream that has only one session stay as they are, byte for byte.

    Attributes:
        n_finals: finals so far.
    """

    def __init__(self) -> None:
        self.n_finals = 0
        self._offset_ms = self._base = 0
        self._is_first, self._has_begun = True, False
        self._highest = dict.fromkeys(CURSORS, 0)

    def begin(self, offset_ms: int) -> None:
        """The next messages are of a session that began at `offset_ms` of the stream."""
        self._is_first = not self._has_begun
        self._has_begun = True
        self._offset_ms, self._base = offset_ms, self.n_finals

    def final_ms(self, response: Any) -> int:
        """Up to where in the stream the text is fixed by a final."""
        cursor = response.audio_cursors.final_time_ms
        ends = [alternative.end_time_ms for alternative in response.final.alternatives]
        return int(self._offset_ms + (cursor or max(ends, default=0)))

    def join(self, message: bytes, response: Any) -> tuple[bytes, Any]:
        """The message as one of the stream, and the same parsed; `response` is it as it came."""
        if response.HasField("final"):
            self.n_finals = max(self.n_finals, self._base + response.audio_cursors.final_index + 1)
        if self._is_first:
            for name in CURSORS:
                self._highest[name] = max(self._highest[name], getattr(response.audio_cursors, name))
            return message, response
        moved = v3.StreamingResponse()
        moved.CopyFrom(response)
        _move(moved, self._offset_ms)
        self._move_cursors(moved.audio_cursors)
        if moved.HasField("final_refinement"):
            moved.final_refinement.final_index += self._base
        if moved.HasField("final"):
            moved.audio_cursors.final_index = self._base + response.audio_cursors.final_index
        else:
            moved.audio_cursors.final_index = max(self.n_finals - 1, 0)
        return bytes(moved.SerializeToString()), moved

    def _move_cursors(self, cursors: Any) -> None:
        """What a session hears again does not take the cursors back."""
        for name in CURSORS:
            value = getattr(cursors, name)
            shifted = value + self._offset_ms if value or name != "reset_time_ms" else 0
            if name == "eou_time_ms" and not value:
                shifted = 0
            self._highest[name] = max(self._highest[name], shifted)
            setattr(cursors, name, self._highest[name])


def _move(message: Any, offset_ms: int) -> None:
    """Add to every time of the stream in a message, also to those that are 0 and not on the wire."""
    for field in message.DESCRIPTOR.fields:
        if field.name in TIMES:
            setattr(message, field.name, getattr(message, field.name) + offset_ms)
        elif field.message_type is not None and field.name != "audio_cursors":
            inner = getattr(message, field.name)
            if field.is_repeated:
                for each in inner:
                    _move(each, offset_ms)
            elif message.HasField(field.name):
                _move(inner, offset_ms)
