"""v2 `SttService/StreamingRecognize` in terms of a v3 session.

The config becomes `session_options`, audio stays audio. A final waits for its refinement and the end of its
utterance, and the three become one chunk. Status messages are not sent: programs of the guide read the first
chunk of every answer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from ...wire import v2, v3
from ..operations.v2 import NO_CONFIDENCE, build_response, request_to_v3
from ..recognition.streaming import StreamService, limit_gaps
from ..status import invalid_argument

METHOD = "StreamingRecognize"


async def streaming_recognize(
    service: StreamService,
    requests: AsyncIterable[Any],
    user_request_id: str = "",
    check_folder: Callable[[str], None] = lambda folder: None,
) -> AsyncGenerator[bytes]:
    """The messages of a session, serialized `StreamingRecognitionResponse`s.

    Args:
        service: answers the session in v3.
        requests: the client's `StreamingRecognitionRequest`s.
        user_request_id: the client's name for the session.
        check_folder: raises an error for a folder that does not fit the credentials.
    """
    messages = limit_gaps(requests, service.limits.gap_seconds)
    first = await anext(messages, None)
    if first is None or first.WhichOneof("streaming_request") != "config":
        raise invalid_argument("the first message of a stream must be config")
    check_folder(first.config.folder_id)
    session = V2Session(first.config)
    translated = _requests_to_v3(session.request, messages)
    async with aclosing(service.recognize_streaming(translated, user_request_id, METHOD)) as messages_v3:
        async for message in messages_v3:
            answer = session.translate(message)
            if answer is not None:
                yield answer.SerializeToString()


async def _requests_to_v3(request: Any, messages: AsyncIterator[Any]) -> AsyncIterator[Any]:
    options = v3.StreamingOptions(recognition_model=request.recognition_model)
    yield v3.StreamingRequest(session_options=options)
    async for message in messages:
        if message.WhichOneof("streaming_request") != "audio_content":
            raise invalid_argument("after the config every message of a stream holds audio_content")
        yield v3.StreamingRequest(chunk=v3.AudioChunk(data=message.audio_content))


class V2Session:
    """Translates the messages of a v3 session into answers of v2.

    Attributes:
        request: the config as a v3 request.

    Raises:
        StatusError: INVALID_ARGUMENT for a format that a stream does not take.
    """

    def __init__(self, config: Any) -> None:
        self._spec = config.specification
        if self._spec.audio_encoding == v2.RecognitionSpec.MP3:
            raise invalid_argument(
                "a stream takes LINEAR16_PCM and OGG_OPUS; MP3 goes with longRunningRecognize"
            )
        self.request = request_to_v3(v2.LongRunningRecognitionRequest(config=config))
        self._utterance: list[bytes] = []
        self._is_over = False

    def translate(self, message: bytes) -> Any:
        """The answer for a message of the v3 session; None: send nothing."""
        event = v3.StreamingResponse.FromString(message)
        if self._is_over:
            return None
        if event.HasField("partial"):
            return self._partial(event.partial) if self._spec.partial_results else None
        if event.HasField("final") or event.HasField("final_refinement"):
            self._utterance.append(message)
        return self._end_utterance() if event.HasField("eou_update") else None

    def _partial(self, partial: Any) -> Any:
        answer = v2.StreamingRecognitionResponse()
        alternatives = answer.chunks.add().alternatives
        for alternative in partial.alternatives:
            alternatives.add(text=alternative.text, confidence=NO_CONFIDENCE)
        return answer

    def _end_utterance(self) -> Any:
        """The utterance as one chunk."""
        answer = v2.StreamingRecognitionResponse()
        for chunk in build_response(self._utterance, self.request, "v2 stream").chunks:
            answer.chunks.add(alternatives=chunk.alternatives, final=True)
        self._utterance.clear()
        if not answer.chunks:
            return None
        answer.chunks[-1].end_of_utterance = True
        self._is_over = self._spec.single_utterance
        return answer
