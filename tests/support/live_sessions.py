"""Live sessions by plain gRPC, message by message, and sound that says itself what is spoken in it."""

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
    """One session of `Recognizer` or, with `api="v2"`, of `SttService`; messages in as they are sent."""

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

    def hang_up(self) -> None:
        """No more messages from this end."""
        self._requests.put(None)

    def until(self, event: str) -> Any:
        """The next message with that event."""
        return next(message for message in self.call if message.HasField(event))

    def rest(self) -> list[Any]:
        """Hangs up, and collects what is still said."""
        self.hang_up()
        return list(self.call)

    def status(self) -> tuple[str, str]:
        """How the session ended: reads everything, then code and words."""
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
    """`session_options`, headerless samples unless `container` names a format."""
    asked = v3.StreamingOptions()
    asked.recognition_model.CopyFrom(v3.RecognitionModelOptions(**model))
    sound = asked.recognition_model.audio_format
    if container:
        sound.container_audio.container_audio_type = container
    else:
        sound.raw_audio.CopyFrom(
            v3.RawAudio(audio_encoding="LINEAR16_PCM", sample_rate_hertz=rate, audio_channel_count=n_channels)
        )
    if full:
        asked.recognition_model.audio_processing_type = "FULL_DATA"
    if eou:
        asked.eou_classifier.CopyFrom(v3.EouClassifierOptions(**eou))
    return v3.StreamingRequest(session_options=asked)


EXTERNAL = {"external_classifier": {}}


def chunk(data: bytes) -> Any:
    return v3.StreamingRequest(chunk=v3.AudioChunk(data=data))


def silence(duration_ms: int) -> Any:
    return v3.StreamingRequest(silence_chunk=v3.SilenceChunk(duration_ms=duration_ms))


def eou() -> Any:
    return v3.StreamingRequest(eou=v3.Eou())


def pieces(data: bytes, size: int = RATE // 5) -> Iterator[bytes]:
    """`data` in messages of `size` bytes, 100 ms by default."""
    return (data[i : i + size] for i in range(0, len(data), size))


def chunks(data: bytes, size: int = RATE // 5) -> list[Any]:
    return [chunk(piece) for piece in pieces(data, size)]


def coded(seconds: float, start: float = 0.0) -> bytes:
    """Sound for the engine `timecoded`, from `start` on."""
    return timecode.write_timecode(round(seconds * RATE), round(start * 1000)).tobytes()


def texts(messages: Iterable[Any], event: str = "final") -> list[str]:
    """The text of the messages with that event."""
    return [getattr(m, event).alternatives[0].text for m in messages if m.HasField(event)]


def kinds(messages: Iterable[Any]) -> list[str]:
    """What came, without signs of life and repetitions of partials."""
    found: list[str] = []
    for message in messages:
        kind = message.WhichOneof("Event")
        if kind == "status_code" or found[-1:] == [kind] == ["partial"]:
            continue
        found.append(kind)
    return found


def script(path: Path, words: Iterable[tuple[str, float, float]]) -> Path:
    """Writes a script for the engines `scripted` and `timecoded`; times in seconds."""
    rows = [f"{word},{start:.3f},{end:.3f}" for word, start, end in words]
    path.write_text("\n".join(["word,start,end", *rows]) + "\n")
    return path


def talk(seconds: float, seed: int = 0) -> list[tuple[str, float, float]]:
    """Words of 200 ms with a pause of 100 ms after each and, about every eighth, one of 900 ms."""
    random = np.random.default_rng(seed)
    at, left, words = 0.3, 8, []
    while at + 0.2 < seconds:
        words.append((f"w{len(words)}", round(at, 2), round(at + 0.2, 2)))
        left -= 1
        at += 0.3 if left else 1.1
        left = left or int(random.integers(1, 16))
    return words
