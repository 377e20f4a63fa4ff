"""Streaming with API v2: requests and answers are converted from and to v3 messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import ConfigError
from .messages import v2, v3
from .v2_files import milliseconds, request_to_v2


def config_to_v2(options: Any, folder_id: str | None = None) -> Any:
    """v3 `StreamingOptions` as a v2 `RecognitionConfig`.

    Raises:
        ConfigError: if they have options that v2 does not have.
    """
    if options.HasField("eou_classifier"):
        raise ConfigError(
            "a stream of API v2 has no eou_sensitivity, max_pause and external_eou: leave them, or connect "
            "with api='v3'"
        )
    if options.recognition_model.audio_processing_type == v3.RecognitionModelOptions.FULL_DATA:
        raise ConfigError(
            "API v2 has no audio_processing_type='full_data': leave it, or connect with api='v3'"
        )
    asked = v3.RecognizeFileRequest(recognition_model=options.recognition_model)
    for name in ("recognition_classifier", "speech_analysis", "speaker_labeling", "summarization"):
        if options.HasField(name):
            getattr(asked, name).CopyFrom(getattr(options, name))
    config = request_to_v2(asked, folder_id).config
    config.specification.partial_results = True
    return config


class V2Stream:
    """One session: converts v3 `StreamingRequest`s to v2, and v2 answers to serialized v3 messages.

    v2 has no cursors, so they are computed from the word times of finals. A final without word times is
    assumed to end at the end of the audio sent so far.

    Args:
        folder_id: only for user accounts; default: None.
    """

    def __init__(self, folder_id: str | None = None) -> None:
        self._folder_id = folder_id
        self._rate, self._n_sent = 0, 0
        self._n_finals = 0
        self._final_ms = self._eou_ms = 0

    def requests(self, requests: Iterator[Any]) -> Iterator[Any]:
        """Convert requests to `StreamingRecognitionRequest`s. A silence chunk becomes zero samples."""
        for request in requests:
            if request.HasField("session_options"):
                options = request.session_options
                self._rate = options.recognition_model.audio_format.raw_audio.sample_rate_hertz
                yield v2.StreamingRecognitionRequest(config=config_to_v2(options, self._folder_id))
                continue
            data = request.chunk.data
            if request.HasField("silence_chunk"):
                # 16-bit samples have 2 bytes
                data = bytes(2 * (request.silence_chunk.duration_ms * self._rate // 1000))
            self._n_sent += len(data) // 2
            yield v2.StreamingRecognitionRequest(audio_content=data)

    def messages(self, answers: Iterable[bytes]) -> Iterator[bytes]:
        """Convert serialized `StreamingRecognitionResponse`s to v3. Without chunks it is a status."""
        for answer in answers:
            chunks = v2.StreamingRecognitionResponse.FromString(answer).chunks
            if not chunks:
                yield self._written(status_code=v3.StatusCode(code_type="WORKING"))
            for chunk in chunks:
                yield from self._chunk(chunk)
        yield self._written(status_code=v3.StatusCode(code_type="CLOSED"))

    def _chunk(self, chunk: Any) -> Iterator[bytes]:
        start_ms = self._final_ms
        ends = [milliseconds(word.end_time) for heard in chunk.alternatives for word in heard.words]
        sent_ms = self._n_sent * 1000 // self._rate
        end_ms = max([start_ms, *(ends or [sent_ms])])
        update = v3.AlternativeUpdate(channel_tag="0")
        for heard in chunk.alternatives:
            update.alternatives.add(
                text=heard.text, start_time_ms=start_ms, end_time_ms=end_ms, words=map(_word, heard.words)
            )
        if not chunk.final:
            yield self._written(partial=update)
            return
        self._final_ms, self._n_finals = end_ms, self._n_finals + 1
        yield self._written(final=update)
        if chunk.end_of_utterance:
            self._eou_ms = end_ms
            yield self._written(eou_update=v3.EouUpdate(time_ms=end_ms))

    def _written(self, **event: Any) -> bytes:
        cursors = v3.AudioCursors(
            partial_time_ms=self._final_ms,
            final_time_ms=self._final_ms,
            eou_time_ms=self._eou_ms,
            final_index=max(self._n_finals - 1, 0),
        )
        tag = "" if "status_code" in event else "0"
        return bytes(
            v3.StreamingResponse(audio_cursors=cursors, channel_tag=tag, **event).SerializeToString()
        )


def _word(word: Any) -> Any:
    return v3.Word(
        text=word.word,
        start_time_ms=milliseconds(word.start_time),
        end_time_ms=milliseconds(word.end_time),
    )
