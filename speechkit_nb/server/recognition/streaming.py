"""v3 `Recognizer`: streaming sessions and their limits.

REAL_TIME sessions are answered while they last, see `live`. FULL_DATA sessions are answered like a file, when
the client has closed its side of the stream. A session that is too long or too large ends with OUT_OF_RANGE.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...audio import Recording
from ...errors import ServerError, check_number
from ...text_options import TextApi
from ...wire import v3
from ..engines.base import EngineSpec, ListenRequest
from ..status import Code, StatusError, invalid_argument
from ..workers.pool import Pool
from .decoder import AudioDecoder, Samples, check_mono, make_decoder, make_silence
from .events import EventWriter
from .file import recognize
from .live import EndOfUtterance, LiveSession, StreamAudio, StreamItem
from .options import Options, check_labeling, choose_engine, read_options

METHOD = "RecognizeStreaming"
PAUSE_MS = 500
SHORT_PAUSE_MS = 300
PAUSES_MS = (200, 10_000)
CLOSED = "CLOSED"
LARGEST_DECODED = 64 << 20
"""Bytes of decoded audio of a session: 5 minutes of two channels at 48 kHz."""
SILENCE_PIECE_MS = 1000


@dataclass(frozen=True)
class StreamLimits:
    """Limits of a session.

    Attributes:
        seconds: longest duration of its audio, and longest time from its first message to its last.
        n_bytes: largest size of its audio.
        gap_seconds: longest time between two messages of the client.
        status_seconds: time between two status messages of the server.
        sessions: sessions at a time. For each, the embedded recognizer needs 90 MB.

    Raises:
        ServerError: if one is no positive number.
    """

    seconds: float = 300.0
    n_bytes: int = 10 << 20
    gap_seconds: float = 5.0
    status_seconds: float = 1.0
    sessions: int = 10

    def __post_init__(self) -> None:
        for each in fields(self):
            check_number(f"streams.{each.name}", getattr(self, each.name), 0.001, 1e9, ServerError)


class StreamService:
    """`Recognizer` of v3.

    Args:
        pool: runs engines.
        models: model name -> its engines.
        limits: limits of each session.
    """

    def __init__(self, pool: Pool, models: Mapping[str, Sequence[EngineSpec]], limits: StreamLimits) -> None:
        self._pool, self._models, self.limits = pool, models, limits
        self._n_sessions = 0

    async def recognize_streaming(
        self, requests: AsyncIterable[Any], user_request_id: str = "", method: str = METHOD
    ) -> AsyncGenerator[bytes]:
        """The messages of a session, serialized `StreamingResponse`s.

        Args:
            requests: the client's `StreamingRequest`s.
            user_request_id: the client's name for the session.
            method: name of the method that the client calls, in v3 or v2.
        """
        messages = limit_gaps(requests, self.limits.gap_seconds)
        options = await _session_options(messages)
        if self._n_sessions >= self.limits.sessions:
            raise StatusError(
                Code.RESOURCE_EXHAUSTED,
                f"the local server already has {self._n_sessions} streaming sessions; begin this one later",
            )
        self._n_sessions += 1
        try:
            async with aclosing(self._answer(options, messages, user_request_id, method)) as answer:
                async for message in answer:
                    yield message
        finally:
            self._n_sessions -= 1

    def _answer(
        self, request: Any, messages: AsyncIterator[Any], user_request_id: str, method: str
    ) -> AsyncGenerator[bytes]:
        api: TextApi = "v3" if method == METHOD else "v2 stream"
        options = read_options(request, choose_engine(request, self._models), api)
        external, pause_ms = read_eou(request.eou_classifier)
        decoder = make_decoder(request.recognition_model.audio_format, self.limits.seconds)
        intake = AudioIntake(decoder, self.limits, external)
        writer = EventWriter(user_request_id, 0, options.detects_language, options.classifiers)
        mode = request.recognition_model.audio_processing_type
        if mode == v3.RecognitionModelOptions.FULL_DATA:
            return self._answer_as_file(options, intake.items(messages), intake, writer)
        if options.labels_speakers:
            raise invalid_argument(
                "speaker_labeling needs all of the audio: use audio_processing_type FULL_DATA, or "
                "RecognizeFile"
            )
        if intake.decoder.layout is not None:
            check_mono(intake.decoder.layout[1])
        session = LiveSession(options, writer, self.limits.status_seconds, external, pause_ms)
        return session.events(intake.items(messages), self._pool)

    async def _answer_as_file(
        self, options: Options, items: AsyncIterator[StreamItem], intake: AudioIntake, writer: EventWriter
    ) -> AsyncGenerator[bytes]:
        with TemporaryDirectory() as folder:  # the audio of many sessions is too much for memory
            path = Path(folder, "stream")
            with path.open("wb") as file:
                async for item in items:
                    if isinstance(item, StreamAudio):
                        await asyncio.to_thread(file.write, item.samples.tobytes())
            if intake.decoder.layout is not None and intake.received_ms:
                rate, n_channels = intake.decoder.layout
                if options.labels_speakers:
                    check_labeling(n_channels)
                recording = Recording(path, rate, encoding="LINEAR16_PCM", n_channels=n_channels)
                writer.receive(intake.received_ms)
                name = writer.user_request_id
                for message in await recognize(recording, options, self._pool, name, ListenRequest()):
                    yield writer.adopt(message)
        yield writer.status(CLOSED)


async def limit_gaps(requests: AsyncIterable[Any], gap_seconds: float) -> AsyncIterator[Any]:
    """The messages of a client.

    Raises:
        StatusError: DEADLINE_EXCEEDED if the client sends nothing for `gap_seconds`.
    """
    messages = aiter(requests)
    while True:
        try:
            async with asyncio.timeout(gap_seconds):
                request = await anext(messages, None)
        except TimeoutError:
            raise StatusError(
                Code.DEADLINE_EXCEEDED,
                f"no message for {gap_seconds:g} s, so the session ends; send silence_chunk while there is "
                "no audio, and close your side of the stream when there is no more",
            ) from None
        if request is None:
            return
        yield request


async def _session_options(messages: AsyncIterator[Any]) -> Any:
    async for request in messages:
        if request.WhichOneof("Event") != "session_options":
            break
        return request.session_options
    raise invalid_argument("the first message of a session must be session_options")


def read_eou(classifier: Any) -> tuple[bool, int]:
    """Whether the client decides where utterances end, and otherwise the pause that ends them (ms)."""
    if classifier.WhichOneof("Classifier") == "external_classifier":
        return True, 0
    default = classifier.default_classifier
    if hint := default.max_pause_between_words_hint_ms:
        least, most = PAUSES_MS
        if not least <= hint <= most:
            raise invalid_argument(f"max_pause_between_words_hint_ms is {hint}; it must be {least} to {most}")
        return False, hint
    return False, SHORT_PAUSE_MS if default.type == v3.DefaultEouClassifier.HIGH else PAUSE_MS


class AudioIntake:
    """Turns the messages of a session into audio, and checks its limits.

    Args:
        decoder: decodes the audio.
        limits: limits of the session.
        external: whether the client decides where utterances end.
        clock: returns seconds.
    """

    def __init__(
        self,
        decoder: AudioDecoder,
        limits: StreamLimits,
        external: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.decoder, self._limits, self._external, self._clock = decoder, limits, external, clock
        self._n_samples = 0
        self._n_bytes = self._n_decoded = 0
        self._began = clock()

    @property
    def received_ms(self) -> int:
        """Duration of the audio so far."""
        return 0 if self.decoder.layout is None else self._n_samples * 1000 // self.decoder.layout[0]

    async def items(self, messages: AsyncIterator[Any]) -> AsyncIterator[StreamItem]:
        """Audio and ends of utterances, in order."""
        async for message in messages:
            async for item in self._read(message):
                yield item
                self._check_limits(self.received_ms)
        yield self._count(await asyncio.to_thread(self.decoder.flush))
        self._check_limits(self.received_ms)

    async def _read(self, message: Any) -> AsyncIterator[StreamItem]:
        event = message.WhichOneof("Event")
        if event == "chunk":
            self._n_bytes += len(message.chunk.data)
            self._check_limits(self.received_ms)
            yield self._count(await asyncio.to_thread(self.decoder.feed, message.chunk.data))
        elif event == "silence_chunk":
            async for item in self._silence(message.silence_chunk.duration_ms):
                yield item
        elif event == "eou" and self._external:
            yield EndOfUtterance(self.received_ms)
        else:
            raise invalid_argument(
                "eou is for sessions with the external_classifier" if event == "eou"
                else "session_options come once, as the first message" if event == "session_options"
                else "a message is empty: it has no chunk, silence_chunk or eou"
            )  # fmt: skip

    async def _silence(self, duration_ms: int) -> AsyncIterator[StreamItem]:
        if duration_ms < 0:
            raise invalid_argument(f"silence_chunk.duration_ms is {duration_ms}; it must be 0 or more")
        self._check_limits(self.received_ms + duration_ms)
        yield self._count(await asyncio.to_thread(self.decoder.flush))
        while duration_ms > 0:
            yield self._count(make_silence(self.decoder, min(duration_ms, SILENCE_PIECE_MS)))
            duration_ms -= SILENCE_PIECE_MS

    def _count(self, samples: Samples) -> StreamAudio:
        self._n_samples += len(samples)
        self._n_decoded += samples.nbytes
        warning, self.decoder.warning = self.decoder.warning, ""
        rate = self.decoder.layout[0] if self.decoder.layout else 0
        return StreamAudio(samples, rate, self.received_ms, warning)

    def _check_limits(self, received_ms: float) -> None:
        seconds = max(received_ms / 1000, self._clock() - self._began)
        if seconds > self._limits.seconds or self._n_bytes > self._limits.n_bytes:
            raise StatusError(
                Code.OUT_OF_RANGE,
                f"maximum allowed stream duration is exceeded: a session has {self._limits.seconds:g} s and "
                f"{self._limits.n_bytes} bytes, this one has {seconds:.1f} s and {self._n_bytes} bytes; "
                "continue in a new session",
            )
        if self._n_decoded > LARGEST_DECODED:
            raise StatusError(
                Code.OUT_OF_RANGE,
                f"maximum allowed stream size is exceeded: decoded, the audio has over {LARGEST_DECODED} "
                "bytes; send fewer channels, or continue in a new session",
            )
