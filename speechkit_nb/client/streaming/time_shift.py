"""Messages of several sessions become those of one stream: times, final numbers and cursors continue."""

from __future__ import annotations

from ...wire import v3
from ..transport.base import Message

TIMES = frozenset({"start_time_ms", "end_time_ms", "time_ms"})
CURSORS = ("received_data_ms", "reset_time_ms", "partial_time_ms", "final_time_ms", "eou_time_ms")


class TimelineShifter:
    """Shifts the times and numbers of each session to those of the stream.

    The messages of the first session are not changed, byte for byte.

    Attributes:
        n_finals: number of finals so far.
    """

    def __init__(self) -> None:
        self.n_finals = 0
        self._offset_ms = self._n_finals_before = 0
        self._is_first, self._has_begun = True, False
        self._highest = dict.fromkeys(CURSORS, 0)

    def start_session(self, offset_ms: int) -> None:
        """The next messages are those of a session that began at `offset_ms` of the stream."""
        self._is_first = not self._has_begun
        self._has_begun = True
        self._offset_ms, self._n_finals_before = offset_ms, self.n_finals

    def final_end_ms(self, response: Message) -> int:
        """The end of a final in the stream: no later final changes the text before it."""
        cursor = response.audio_cursors.final_time_ms
        ends = [alternative.end_time_ms for alternative in response.final.alternatives]
        return int(self._offset_ms + (cursor or max(ends, default=0)))

    def shift(self, message: bytes, response: Message) -> tuple[bytes, Message]:
        """A message of the present session as one of the stream, serialized and parsed.

        Args:
            message: the message as it came.
            response: the same, parsed.
        """
        if response.HasField("final"):
            index = self._n_finals_before + response.audio_cursors.final_index
            self.n_finals = max(self.n_finals, index + 1)
        if self._is_first:
            for name in CURSORS:
                self._highest[name] = max(self._highest[name], getattr(response.audio_cursors, name))
            return message, response
        shifted = v3.StreamingResponse()
        shifted.CopyFrom(response)
        _shift_times(shifted, self._offset_ms)
        self._shift_cursors(shifted.audio_cursors)
        if shifted.HasField("final_refinement"):
            shifted.final_refinement.final_index += self._n_finals_before
        if shifted.HasField("final"):
            shifted.audio_cursors.final_index = self._n_finals_before + response.audio_cursors.final_index
        else:
            shifted.audio_cursors.final_index = max(self.n_finals - 1, 0)
        return bytes(shifted.SerializeToString()), shifted

    def _shift_cursors(self, cursors: Message) -> None:
        """Shift the cursors. They never go back, though a session hears some audio again."""
        for name in CURSORS:
            value = getattr(cursors, name)
            shifted = value + self._offset_ms if value or name != "reset_time_ms" else 0
            if name == "eou_time_ms" and not value:  # no utterance has ended in this session yet
                shifted = 0
            self._highest[name] = max(self._highest[name], shifted)
            setattr(cursors, name, self._highest[name])


def _shift_times(message: Message, offset_ms: int) -> None:
    """Add the offset to every time of the stream in a message.

    The descriptor names them, since times of 0 are not serialized, and are to be shifted as well.
    """
    for field in message.DESCRIPTOR.fields:
        if field.name in TIMES:
            setattr(message, field.name, getattr(message, field.name) + offset_ms)
        elif field.message_type is not None and field.name != "audio_cursors":
            inner = getattr(message, field.name)
            if field.is_repeated:
                for each in inner:
                    _shift_times(each, offset_ms)
            elif message.HasField(field.name):
                _shift_times(inner, offset_ms)
