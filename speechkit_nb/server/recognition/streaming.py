"""v3 `Recognizer`: sessions that are fed sound piece by piece, and the limits that they are held to.

REAL_TIME sessions are answered while they last, see `live`; FULL_DATA ones when the client has hung up its
end, as a file is. A session that is over its length or size ends in OUT_OF_RANGE.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...audio import Recording
from ...wire import v3
from ..engines.base import EngineSpec, Hearing
from ..status import Code, Refusal, invalid
from ..testing.faults import Faults
from ..workers.pool import Pool
from .decoder import Samples, Sound, incoming, refuse_channels, silence
from .events import EventWriter
from .file import recognize
from .live import Eou, Item, LiveSession, Sounding
from .options import find_engine, read_options

PAUSE_MS = 500
SHORT_PAUSE_MS = 300
PAUSES_MS = (200, 10_000)
CLOSED = "CLOSED"


@dataclass(frozen=True)
class StreamLimits:
    """What a session is held to.

    Attributes:
        seconds: of audio, or between its first message and its last, whichever is more.
        n_bytes: of audio.
        gap_seconds: between two messages.
        status_seconds: between two signs of life of the server.
    """

    seconds: float = 300.0
    n_bytes: int = 10 << 20
    gap_seconds: float = 5.0
    status_seconds: float = 1.0


class StreamService:
    """`Recognizer`.

    Args:
        pool: where engines run.
        models: engine of each model.
        faults: failures that were asked for.
        limits: of each session.
    """

    def __init__(
        self, pool: Pool, models: Mapping[str, EngineSpec], faults: Faults, limits: StreamLimits
    ) -> None:
        self._pool, self._models, self._faults, self.limits = pool, models, faults, limits

    async def recognize_streaming(
        self, requests: AsyncIterable[Any], user_request_id: str = "", method: str = "RecognizeStreaming"
    ) -> AsyncIterator[bytes]:
        """The messages of a session, serialized `StreamingResponse`s.

        Args:
            requests: the client's `StreamingRequest`s.
            user_request_id: what it calls the session.
            method: what faults know the call by.
        """
        await self._faults.before(method)
        messages = punctual(requests, self.limits.gap_seconds)
        options = await _session_options(messages)
        answer = self._answer(options, messages, user_request_id)
        async for message in self._faults.through_stream(method, answer):
            yield message

    def _answer(self, asked: Any, messages: AsyncIterator[Any], user_request_id: str) -> AsyncIterator[bytes]:
        options = read_options(asked, find_engine(asked, self._models))
        external, pause_ms = read_eou(asked.eou_classifier)
        intake = Intake(incoming(asked.recognition_model.audio_format), self.limits, external)
        writer = EventWriter(user_request_id, 0, options.language if options.detects_language else "")
        mode = asked.recognition_model.audio_processing_type
        if mode == v3.RecognitionModelOptions.FULL_DATA:
            return self._whole(options, intake.items(messages), intake, writer)
        if intake.sound.layout is not None:
            refuse_channels(intake.sound.layout[1])
        session = LiveSession(options, writer, self.limits.status_seconds, external, pause_ms)
        return session.events(intake.items(messages), self._pool)

    async def _whole(
        self, options: Any, items: AsyncIterator[Item], intake: Intake, writer: EventWriter
    ) -> AsyncIterator[bytes]:
        pieces = [item.samples.tobytes() async for item in items if isinstance(item, Sounding)]
        if sound := b"".join(pieces):
            assert intake.sound.layout is not None
            rate, n_channels = intake.sound.layout
            recording = Recording(sound, rate, encoding="LINEAR16_PCM", n_channels=n_channels, id="stream")
            writer.receive(intake.received_ms)
            name = writer.user_request_id
            for message in await recognize(recording, options, self._pool, name, Hearing()):
                yield writer.adopt(message)
        yield writer.status(CLOSED)


async def punctual(requests: AsyncIterable[Any], gap_seconds: float) -> AsyncIterator[Any]:
    """The messages of a client, as long as none of them keeps us waiting.

    Raises:
        Refusal: DEADLINE_EXCEEDED.
    """
    coming = aiter(requests)
    while True:
        try:
            async with asyncio.timeout(gap_seconds):
                request = await anext(coming, None)
        except TimeoutError:
            raise Refusal(
                Code.DEADLINE_EXCEEDED,
                f"no message for {gap_seconds:g} s, the session is dropped; send silence_chunk while there "
                "is no sound, and hang up your end when there will be none",
            ) from None
        if request is None:
            return
        yield request


async def _session_options(messages: AsyncIterator[Any]) -> Any:
    async for request in messages:
        if request.WhichOneof("Event") != "session_options":
            break
        return request.session_options
    raise invalid("the first message of a session must be session_options")


def read_eou(classifier: Any) -> tuple[bool, int]:
    """Whether the client says where utterances end, and the pause that does if not (ms)."""
    if classifier.WhichOneof("Classifier") == "external_classifier":
        return True, 0
    default = classifier.default_classifier
    if hint := default.max_pause_between_words_hint_ms:
        least, most = PAUSES_MS
        if not least <= hint <= most:
            raise invalid(f"max_pause_between_words_hint_ms is {hint}; it must be {least} to {most}")
        return False, hint
    return False, SHORT_PAUSE_MS if default.type == v3.DefaultEouClassifier.HIGH else PAUSE_MS


class Intake:
    """Turns the messages of a session into sound, and counts it.

    Args:
        sound: decodes it.
        limits: of the session.
        external: whether the client says where utterances end.
        clock: seconds.
    """

    def __init__(
        self,
        sound: Sound,
        limits: StreamLimits,
        external: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sound, self._limits, self._external, self._clock = sound, limits, external, clock
        self._n_samples = 0
        self._n_bytes = 0
        self._began = clock()

    @property
    def received_ms(self) -> int:
        """How much sound has come in."""
        return 0 if self.sound.layout is None else self._n_samples * 1000 // self.sound.layout[0]

    async def items(self, messages: AsyncIterator[Any]) -> AsyncIterator[Item]:
        """Sound and ends of utterances, in the order in which they come."""
        async for message in messages:
            for item in self._items(message):
                yield item
            self._check(self.received_ms)
        yield self._sounding(await asyncio.to_thread(self.sound.flush))
        self._check(self.received_ms)

    def _items(self, message: Any) -> list[Item]:
        event = message.WhichOneof("Event")
        if event == "chunk":
            self._n_bytes += len(message.chunk.data)
            self._check(self.received_ms)
            return [self._sounding(self.sound.feed(message.chunk.data))]
        if event == "silence_chunk":
            return self._silence(message.silence_chunk.duration_ms)
        if event == "eou" and self._external:
            return [Eou(self.received_ms)]
        raise invalid(
            "eou is for sessions with the external_classifier" if event == "eou"
            else "session_options come once, at the beginning" if event == "session_options"
            else "a message holds nothing: no chunk, silence_chunk or eou"
        )  # fmt: skip

    def _silence(self, duration_ms: int) -> list[Item]:
        if duration_ms < 0:
            raise invalid(f"silence_chunk.duration_ms is {duration_ms}; it must be 0 or more")
        self._check(self.received_ms + duration_ms)
        before = self._sounding(self.sound.flush())
        return [before, self._sounding(silence(self.sound, duration_ms))]

    def _sounding(self, samples: Samples) -> Sounding:
        self._n_samples += len(samples)
        notice, self.sound.notice = self.sound.notice, ""
        rate = self.sound.layout[0] if self.sound.layout else 0
        return Sounding(samples, rate, self.received_ms, notice)

    def _check(self, received_ms: float) -> None:
        lasted = max(received_ms / 1000, self._clock() - self._began)
        if lasted > self._limits.seconds or self._n_bytes > self._limits.n_bytes:
            raise Refusal(
                Code.OUT_OF_RANGE,
                f"maximum allowed stream duration is exceeded: a session has {self._limits.seconds:g} s and "
                f"{self._limits.n_bytes} bytes, this one {lasted:.1f} s and {self._n_bytes} bytes; "
                "go on in a new one",
            )
