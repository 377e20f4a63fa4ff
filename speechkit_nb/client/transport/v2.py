"""API v2 over gRPC or REST: its messages are converted from and to those of v3, operations are the same."""

from __future__ import annotations

from collections.abc import Iterator

from ...audio import Recording
from ...errors import NotFound, NotReady, Rejected
from ...wire import V2Stream, answer_of, config_to_v2, request_to_v2, v3
from .base import Message, StreamCall, TimedMessages
from .retry import add_timestamps
from .v3 import BothStreamer, V3Transport


class V2Transport:
    """Jobs by `longRunningRecognize`, whose results are inside their operations.

    Args:
        sender: sends the calls.
        folder_id: only for accounts of people; v2 has it in the request.
    """

    takes_wav_links = False

    def __init__(self, sender: V3Transport, folder_id: str | None = None) -> None:
        self.name, self.inline_limit = sender.name, sender.inline_limit
        self._sender, self._folder_id = sender, folder_id
        self.status, self.cancel, self.close = sender.status, sender.cancel, sender.close

    def check_file(self, request: Message) -> None:
        """Raises ConfigError if v2 does not support what a `RecognizeFileRequest` requests."""
        request_to_v2(request, self._folder_id)

    def submit(self, request: Message, request_id: str) -> str:
        _remove_header(request)
        return self._sender.submit_v2(request_to_v2(request, self._folder_id), request_id)

    def fetch(self, operation_id: str) -> TimedMessages:
        operation = self._sender.operation(operation_id)
        if not operation.done:
            raise NotReady(f"operation data is not ready {operation_id}", code="NOT_FOUND")
        messages = answer_of(operation)
        if messages is not None:
            return add_timestamps(messages)
        try:
            return self._sender.fetch(operation_id)  # it may have been submitted by v3
        except NotFound:
            return []  # an operation without a response: nothing was recognized

    def delete(self, operation_id: str) -> None:
        try:
            self._sender.delete(operation_id)  # it may have been submitted by v3
        except NotFound:
            message = "API v2 cannot delete a result: the service deletes it after three days"
            raise Rejected(message, code="UNIMPLEMENTED") from None

    def streamer(self) -> V2Streamer | None:
        streamer = self._sender.streamer()
        return None if streamer is None else V2Streamer(streamer, self._folder_id)


class V2Streamer:
    """Opens sessions of `SttService`.

    Args:
        streamer: sends the messages.
        folder_id: only for accounts of people.
    """

    def __init__(self, streamer: BothStreamer, folder_id: str | None) -> None:
        self.name, self.renew = streamer.name, streamer.renew
        self._streamer, self._folder_id = streamer, folder_id

    def check(self, options: Message) -> None:
        """Raises ConfigError if v2 does not support some of the `StreamingOptions`."""
        config_to_v2(options, self._folder_id)

    def stream(self, requests: Iterator[Message], request_id: str, seconds: float) -> V2StreamCall:
        """Open a session with v3 `StreamingRequest`s; its messages are those of v3."""
        converter = V2Stream(self._folder_id)
        call = self._streamer.stream_v2(converter.requests(requests), request_id, seconds)
        return V2StreamCall(converter, call)


class V2StreamCall:
    """One running session, whose messages become those of v3."""

    def __init__(self, converter: V2Stream, call: StreamCall) -> None:
        self._converter, self._call = converter, call
        self.cancel = call.cancel

    def __iter__(self) -> Iterator[bytes]:
        return self._converter.messages(self._call)


def _remove_header(request: Message) -> None:
    """Replace an inline WAV file by its samples, which v2 takes as LINEAR16_PCM.

    All WAV files in requests have 16 bits, since v3 takes no others.
    """
    audio_format = request.recognition_model.audio_format
    if audio_format.container_audio.container_audio_type != v3.ContainerAudio.WAV or not request.content:
        return
    wav = request.content
    recording = Recording(wav)
    audio_format.raw_audio.audio_encoding = "LINEAR16_PCM"
    audio_format.raw_audio.sample_rate_hertz = recording.sample_rate
    audio_format.raw_audio.audio_channel_count = recording.n_channels
    request.content = _find_samples(wav)


def _find_samples(wav: bytes) -> bytes:
    """The content of the `data` chunk of a WAV file; empty if there is none.

    >>> _find_samples(b"RIFF....WAVEfmt \\2\\0\\0\\0xxdata\\4\\0\\0\\0abcd")
    b'abcd'
    """
    at = 12  # after RIFF, size, WAVE
    while at + 8 <= len(wav):
        size = int.from_bytes(wav[at + 4 : at + 8], "little")
        if wav[at : at + 4] == b"data":
            return wav[at + 8 : at + 8 + size]
        at += 8 + size + size % 2  # chunks are padded to an even length
    return b""
