"""API v2 over either wire: requests and answers are turned at this door, operations are the same."""

from __future__ import annotations

from typing import Any

from ...audio import Recording
from ...errors import NotFound, NotReady, Rejected
from ...wire import answer_of, request_to_v2, v3
from .retry import stamped
from .v2_streams import V2Streamer
from .v3 import V3Transport


class V2Transport:
    """Jobs by `longRunningRecognize`, whose results are inside their operations.

    Args:
        wire: the way to the service.
        folder_id: only for accounts of people; v2 has it in the request.
    """

    takes_wav_links = False

    def __init__(self, wire: V3Transport, folder_id: str | None = None) -> None:
        self.name, self.inline_limit = wire.name, wire.inline_limit
        self._wire, self._folder_id = wire, folder_id
        self.status, self.cancel, self.close = wire.status, wire.cancel, wire.close

    def check_file(self, request: Any) -> None:
        """Raises ConfigError if a `RecognizeFileRequest` asks for something that v2 cannot do."""
        request_to_v2(request, self._folder_id)

    def submit(self, request: Any, request_id: str) -> str:
        _drop_header(request)
        return self._wire.submit_v2(request_to_v2(request, self._folder_id), request_id)

    def fetch(self, operation_id: str) -> list[tuple[bytes, float]]:
        operation = self._wire.operation(operation_id)
        if not operation.done:
            raise NotReady(f"operation data is not ready {operation_id}", code="NOT_FOUND")
        answer = answer_of(operation)
        if answer is not None:
            return stamped(answer)
        try:
            return self._wire.fetch(operation_id)  # submitted by v3, perhaps
        except NotFound:
            return []  # a response is missing when nothing was recognized

    def delete(self, operation_id: str) -> None:
        try:
            self._wire.delete(operation_id)  # submitted by v3, perhaps
        except NotFound:
            message = "API v2 has no way to delete a result: the service forgets it after three days"
            raise Rejected(message, code="UNIMPLEMENTED") from None

    def streamer(self) -> V2Streamer | None:
        wire = self._wire.streamer()
        return None if wire is None else V2Streamer(wire, self._folder_id)


def _drop_header(request: Any) -> None:
    """Leave the samples of an inline WAV, which v2 knows as LINEAR16_PCM; v3 takes 16 bits only, too."""
    sound = request.recognition_model.audio_format
    if sound.container_audio.container_audio_type != v3.ContainerAudio.WAV or not request.content:
        return
    wav = request.content
    recording = Recording(wav)
    sound.raw_audio.audio_encoding = "LINEAR16_PCM"
    sound.raw_audio.sample_rate_hertz = recording.sample_rate
    sound.raw_audio.audio_channel_count = recording.n_channels
    request.content = _data_chunk(wav)


def _data_chunk(wav: bytes) -> bytes:
    """
    >>> _data_chunk(b"RIFF....WAVEfmt \\2\\0\\0\\0xxdata\\4\\0\\0\\0abcd")
    b'abcd'
    """
    at = 12
    while at + 8 <= len(wav):
        size = int.from_bytes(wav[at + 4 : at + 8], "little")
        if wav[at : at + 4] == b"data":
            return wav[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return b""
