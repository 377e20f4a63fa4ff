"""v2 `SttService/StreamingRecognize` in terms of a v3 session.

The config becomes `session_options`, audio stays audio. A final waits for its refinement and the end of its
utterance and goes out as one chunk; a sign of life is an answer without chunks.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any

from ...wire import v2, v3
from ..operations.v2 import NO_CONFIDENCE, request_to_v3, response
from ..recognition.streaming import StreamService, punctual
from ..status import invalid

METHOD = "StreamingRecognize"
WORKING = v3.StatusCode(code_type="WORKING").code_type


async def streaming_recognize(
    service: StreamService,
    requests: AsyncIterable[Any],
    user_request_id: str = "",
    check_folder: Callable[[str], None] = lambda folder: None,
) -> AsyncIterator[bytes]:
    """The messages of a session, serialized `StreamingRecognitionResponse`s.

    Args:
        service: answers the v3 session.
        requests: the client's `StreamingRecognitionRequest`s.
        user_request_id: what it calls the session.
        check_folder: refuses a folder that does not fit the credentials.
    """
    coming = punctual(requests, service.limits.gap_seconds)
    first = await anext(coming, None)
    if first is None or first.WhichOneof("streaming_request") != "config":
        raise invalid("the first message of a stream must be config")
    check_folder(first.config.folder_id)
    answers = Answers(first.config)
    asked = _as_v3(answers.asked, coming)
    async for message in service.recognize_streaming(asked, user_request_id, METHOD):
        answer = answers.after(message)
        if answer is not None:
            yield answer.SerializeToString()


async def _as_v3(asked: Any, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    options = v3.StreamingOptions(recognition_model=asked.recognition_model)
    yield v3.StreamingRequest(session_options=options)
    async for request in requests:
        if request.WhichOneof("streaming_request") != "audio_content":
            raise invalid("after the config every message of a stream holds audio_content")
        yield v3.StreamingRequest(chunk=v3.AudioChunk(data=request.audio_content))


class Answers:
    """What is heard in a session, as answers of v2.

    Attributes:
        asked: what the config asks for, as a v3 request.

    Raises:
        Refusal: INVALID_ARGUMENT for what a stream does not take.
    """

    def __init__(self, config: Any) -> None:
        self._spec = config.specification
        if self._spec.audio_encoding == v2.RecognitionSpec.MP3:
            raise invalid("a stream takes LINEAR16_PCM and OGG_OPUS; MP3 goes with longRunningRecognize")
        self.asked = request_to_v3(v2.LongRunningRecognitionRequest(config=config))
        self._utterance: list[bytes] = []
        self._is_over = False

    def after(self, message: bytes) -> Any:
        """The answer that goes out after a message of the v3 session; None if there is none to give."""
        event = v3.StreamingResponse.FromString(message)
        if event.HasField("status_code"):
            return v2.StreamingRecognitionResponse() if event.status_code.code_type == WORKING else None
        if self._is_over:
            return None
        if event.HasField("partial"):
            return self._guess(event.partial) if self._spec.partial_results else None
        if event.HasField("final") or event.HasField("final_refinement"):
            self._utterance.append(message)
        return self._end() if event.HasField("eou_update") else None

    def _guess(self, partial: Any) -> Any:
        answer = v2.StreamingRecognitionResponse()
        heard = answer.chunks.add().alternatives
        for alternative in partial.alternatives:
            heard.add(text=alternative.text, confidence=NO_CONFIDENCE)
        return answer

    def _end(self) -> Any:
        """The utterance as one chunk."""
        answer = v2.StreamingRecognitionResponse()
        for chunk in response(self._utterance, self.asked).chunks:
            answer.chunks.add(alternatives=chunk.alternatives, final=True)
        if answer.chunks:
            answer.chunks[-1].end_of_utterance = True
        self._utterance.clear()
        self._is_over = self._spec.single_utterance
        return answer
