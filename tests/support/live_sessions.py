"""Streaming sessions over plain gRPC, message by message, and audio whose words the engine can compute."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from speechkit_nb.server.engines import timecode
from speechkit_nb.wire import methods, v3

RATE = timecode.SAMPLE_RATE


class Session:
    """One session of `Recognizer` or, with `api="v2"`, of `SttService`; messages are sent one by one."""

    def __init__(self, channel: grpc.Channel, *, api: str = "v3", metadata: Any = ()) -> None:
        service, name = {
            "v3": ("speechkit.stt.v3.Recognizer", "RecognizeStreaming"),
            "v2": ("yandex.cloud.ai.stt.v2.SttService", "StreamingRecognize"),
        }[api]
        method = methods(service)[name]
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        call = channel.stream_stream(
            method.path, method.request.SerializeToString, method.response.FromString
        )
        self.call = call(iter(self._requests.get, None), timeout=30, metadata=metadata)

    def send(self, *requests: Any) -> None:
        for request in requests:
            self._requests.put(request)

    def end_requests(self) -> None:
        """Send no more messages."""
        self._requests.put(None)

    def until(self, event: str) -> Any:
        """The next message with that event."""
        return next(message for message in self.call if message.HasField(event))

    def read_rest(self) -> list[Any]:
        """End the requests, and read all messages that still come."""
        self.end_requests()
        return list(self.call)

    def status(self) -> tuple[str, str]:
        """Read everything; returns the status code and its message."""
        with contextlib.suppress(grpc.RpcError):
            list(self.call)
        return self.call.code().name, self.call.details()


def options(
    rate: int = RATE,
    n_channels: int = 1,
    container: str = "",
    eou: Any = None,
    full: bool = False,
    **model: Any,
) -> Any:
    """`session_options` for samples without a header, or for the format `container`."""
    requested = v3.StreamingOptions()
    requested.recognition_model.CopyFrom(v3.RecognitionModelOptions(**model))
    audio_format = requested.recognition_model.audio_format
    if container:
        audio_format.container_audio.container_audio_type = container
    else:
        audio_format.raw_audio.CopyFrom(
            v3.RawAudio(audio_encoding="LINEAR16_PCM", sample_rate_hertz=rate, audio_channel_count=n_channels)
        )
    if full:
        requested.recognition_model.audio_processing_type = "FULL_DATA"
    if eou:
        requested.eou_classifier.CopyFrom(v3.EouClassifierOptions(**eou))
    return v3.StreamingRequest(session_options=requested)


EXTERNAL = {"external_classifier": {}}


def chunk(data: bytes) -> Any:
    return v3.StreamingRequest(chunk=v3.AudioChunk(data=data))


def silence(duration_ms: int) -> Any:
    return v3.StreamingRequest(silence_chunk=v3.SilenceChunk(duration_ms=duration_ms))


def eou() -> Any:
    return v3.StreamingRequest(eou=v3.Eou())


def split(data: bytes, size: int = RATE // 5) -> Iterator[bytes]:
    """`data` in messages of `size` bytes, 100 ms by default."""
    return (data[i : i + size] for i in range(0, len(data), size))


def chunks(data: bytes, size: int = RATE // 5) -> list[Any]:
    return [chunk(part) for part in split(data, size)]


def make_audio(seconds: float, start: float = 0.0) -> bytes:
    """Audio for the engine `timecoded`, from `start` (seconds) on."""
    return timecode.write_timecode(round(seconds * RATE), round(start * 1000)).tobytes()


def texts(messages: Iterable[Any], event: str = "final") -> list[str]:
    """The text of the messages with that event."""
    return [getattr(m, event).alternatives[0].text for m in messages if m.HasField(event)]


def kinds(messages: Iterable[Any]) -> list[str]:
    """The kinds of the messages, without status messages and repetitions of partials."""
    result: list[str] = []
    for message in messages:
        kind = message.WhichOneof("Event")
        if kind == "status_code" or result[-1:] == [kind] == ["partial"]:
            continue
        result.append(kind)
    return result


def write_script(path: Path, words: Iterable[tuple[str, float, float]]) -> Path:
    """Write a script for the engines `scripted` and `timecoded`; times in seconds."""
    rows = [f"{word},{start:.3f},{end:.3f}" for word, start, end in words]
    path.write_text("\n".join(["word,start,end", *rows]) + "\n")
    return path


def make_words(seconds: float, seed: int = 0) -> list[tuple[str, float, float]]:
    """Words of 200 ms with a pause of 100 ms after each and, about every eighth, one of 900 ms."""
    random = np.random.default_rng(seed)
    at, left, words = 0.3, 8, []
    while at + 0.2 < seconds:
        words.append((f"w{len(words)}", round(at, 2), round(at + 0.2, 2)))
        left -= 1
        at += 0.3 if left else 1.1
        left = left or int(random.integers(1, 16))
    return words
