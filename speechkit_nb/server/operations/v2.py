"""API v2 in terms of v3: a v2 request as a v3 request, and messages of v3 as a v2 response."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...text_options import FIGURES, LITERATURE, MASKS, TextApi, find_effects
from ...wire import v2, v3
from ..recognition.options import read_text_options
from ..recognition.refinement import mask

ID_PREFIX = "e03"
"""Ids of v2 operations begin with this."""

RESPONSE_TYPE = "type.googleapis.com/yandex.cloud.ai.stt.v2.LongRunningRecognitionResponse"
RATE = 48000
NO_CONFIDENCE = 1.0
"""v2 always sends this confidence; it has no meaning."""

_Encoding = v2.RecognitionSpec
CONTAINERS = {
    _Encoding.AUDIO_ENCODING_UNSPECIFIED: v3.ContainerAudio.OGG_OPUS,
    _Encoding.OGG_OPUS: v3.ContainerAudio.OGG_OPUS,
    _Encoding.MP3: v3.ContainerAudio.MP3,
}
_Text = v3.TextNormalizationOptions


def request_to_v3(request: Any) -> Any:
    """A `LongRunningRecognitionRequest` as a `RecognizeFileRequest`.

    >>> asked = v2.LongRunningRecognitionRequest()
    >>> asked.config.specification.language_code = "ru-RU"
    >>> request_to_v3(asked).recognition_model.audio_format.container_audio.container_audio_type
    2
    """
    spec = request.config.specification
    result = v3.RecognizeFileRequest()
    source = request.audio.WhichOneof("audio_source")
    if source:
        setattr(result, source, getattr(request.audio, source))
    model = result.recognition_model
    model.model = spec.model
    model.audio_format.CopyFrom(_audio_format(spec))
    model.text_normalization.text_normalization = (
        _Text.TEXT_NORMALIZATION_DISABLED if spec.raw_results else _Text.TEXT_NORMALIZATION_ENABLED
    )
    model.text_normalization.profanity_filter = spec.profanity_filter
    model.text_normalization.literature_text = spec.literature_text
    if spec.language_code:
        model.language_restriction.restriction_type = v3.LanguageRestrictionOptions.WHITELIST
        model.language_restriction.language_code.append(spec.language_code)
    return result


def _audio_format(spec: Any) -> Any:
    if spec.audio_encoding == _Encoding.LINEAR16_PCM:
        raw = v3.RawAudio(
            audio_encoding=v3.RawAudio.LINEAR16_PCM,
            sample_rate_hertz=spec.sample_rate_hertz or RATE,
            audio_channel_count=spec.audio_channel_count or 1,
        )
        return v3.AudioFormatOptions(raw_audio=raw)
    kind = CONTAINERS.get(spec.audio_encoding, spec.audio_encoding)
    return v3.AudioFormatOptions(container_audio=v3.ContainerAudio(container_audio_type=kind))


def build_response(messages: Iterable[bytes], request: Any, api: TextApi = "v2") -> Any:
    """Messages of v3 as a `LongRunningRecognitionResponse`, in the same order.

    The text of a chunk is the refined one, if the request wants anything but the recognized words. The words
    stay as they were recognized, apart from swear words, so there can be more of them than in the text.

    Args:
        messages: serialized `StreamingResponse`s.
        request: the `RecognizeFileRequest` that they answer.
        api: of the request: a file or a stream of v2.
    """
    model = request.recognition_model
    languages = model.language_restriction.language_code
    effects = find_effects(api, read_text_options(model.text_normalization), languages)
    write = mask if MASKS in effects else str
    answer, chunks = v2.LongRunningRecognitionResponse(), {}
    for message in map(v3.StreamingResponse.FromString, messages):
        tag = message.channel_tag
        if message.HasField("final"):
            chunk = answer.chunks.add(channel_tag=int(tag or 0) + 1)
            chunk.alternatives.extend(_convert_alternative(a, write) for a in message.final.alternatives)
            chunks[tag, message.audio_cursors.final_index] = chunk
        elif message.HasField("final_refinement") and effects & {FIGURES, LITERATURE}:
            chunk = chunks.get((tag, message.final_refinement.final_index))
            refined = message.final_refinement.normalized_text.alternatives
            for old, new in zip(chunk.alternatives if chunk else (), refined, strict=False):
                old.text = new.text
    return answer


def _convert_alternative(found: Any, write: Callable[[str], str]) -> Any:
    text = " ".join(map(write, found.text.split(" ")))
    alternative = v2.SpeechRecognitionAlternative(text=text, confidence=NO_CONFIDENCE)
    for word in found.words:
        info = alternative.words.add(word=write(word.text), confidence=NO_CONFIDENCE)
        info.start_time.FromMilliseconds(word.start_time_ms)
        info.end_time.FromMilliseconds(word.end_time_ms)
    return alternative
