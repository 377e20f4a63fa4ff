"""File recognition with API v2: requests and answers converted from and to v3 messages."""

from __future__ import annotations

from typing import Any

from ..errors import ConfigError
from .messages import v2, v3

_Text = v3.TextNormalizationOptions
_ENCODINGS = {v3.ContainerAudio.OGG_OPUS: "OGG_OPUS", v3.ContainerAudio.MP3: "MP3"}


def responses_from_v2(answer: Any) -> list[bytes]:
    """A v2 `LongRunningRecognitionResponse` as serialized v3 finals.

    v2 counts channels from 1, v3 from 0. The confidence of v2 is left out, because it is a constant. A chunk
    without word times keeps its text; it starts and ends at the end of the last chunk of its channel.
    """
    responses, ends = [], dict[str, int]()
    for index, chunk in enumerate(answer.chunks):
        tag = str(max(chunk.channel_tag - 1, 0))
        response = v3.StreamingResponse(channel_tag=tag)
        response.final.channel_tag = tag
        for alternative in chunk.alternatives:
            _copy_alternative(alternative, response.final.alternatives.add(), ends.get(tag, 0))
        if response.final.alternatives:
            ends[tag] = response.final.alternatives[0].end_time_ms
        cursors = response.audio_cursors
        cursors.final_index = index
        cursors.final_time_ms = cursors.partial_time_ms = ends.get(tag, 0)
        responses.append(response.SerializeToString())
    return responses


def _copy_alternative(source: Any, target: Any, previous_end: int) -> None:
    target.text = source.text
    for word in source.words:
        start, end = milliseconds(word.start_time), milliseconds(word.end_time)
        target.words.add(text=word.word, start_time_ms=start, end_time_ms=end)
    words = target.words
    target.start_time_ms = words[0].start_time_ms if words else previous_end
    target.end_time_ms = words[-1].end_time_ms if words else previous_end


def milliseconds(duration: Any) -> int:
    """A protobuf `Duration` in whole milliseconds; v2 sends inexact values such as 0.879999999 s."""
    return int(duration.seconds * 1000 + round(duration.nanos / 1e6))


def answer_of(operation: Any) -> list[bytes] | None:
    """The transcript in a finished v2 `Operation`, as v3 messages; None if it has no transcript."""
    answer = v2.LongRunningRecognitionResponse()
    return responses_from_v2(answer) if operation.response.Unpack(answer) else None


def request_to_v2(request: Any, folder_id: str | None = None) -> Any:
    """A v3 `RecognizeFileRequest` as a v2 `LongRunningRecognitionRequest`.

    Args:
        folder_id: only for user accounts; default: None.

    Raises:
        ConfigError: if it has options that v2 does not have; the message names them.

    >>> asked = v3.RecognizeFileRequest(content=b"", recognition_model={"model": "general"})
    >>> request_to_v2(asked).config.specification.model
    'general'
    """
    model = request.recognition_model
    text, languages = model.text_normalization, model.language_restriction
    _refuse(
        speaker_labeling=request.HasField("speaker_labeling"),
        classifiers=request.HasField("recognition_classifier"),
        speaker_analysis=request.speech_analysis.enable_speaker_analysis,
        conversation_analysis=request.speech_analysis.enable_conversation_analysis,
        summarization=request.HasField("summarization"),
        phone_formatting=text.phone_formatting_mode == _Text.PHONE_FORMATTING_MODE_DISABLED,
        excluded_language=languages.restriction_type == v3.LanguageRestrictionOptions.BLACKLIST,
    )
    if len(languages.language_code) > 1:
        raise ConfigError(
            f"API v2 takes one language, not {', '.join(languages.language_code)}; v3 takes several"
        )
    asked = v2.LongRunningRecognitionRequest()
    asked.config.folder_id = folder_id or ""
    spec = asked.config.specification
    spec.model = model.model
    spec.language_code = "".join(languages.language_code)
    spec.raw_results = text.text_normalization != _Text.TEXT_NORMALIZATION_ENABLED
    spec.literature_text, spec.profanity_filter = text.literature_text, text.profanity_filter
    _set_format(spec, model.audio_format)
    source = request.WhichOneof("AudioSource")
    if source:
        setattr(asked.audio, source, getattr(request, source))
    return asked


def _refuse(**asked: bool) -> None:
    names = [name for name, is_asked in asked.items() if is_asked]
    if names:
        raise ConfigError(f"API v2 has no {', '.join(names)}: leave it, or connect with api='v3'")


def _set_format(spec: Any, audio: Any) -> None:
    if audio.HasField("raw_audio"):
        spec.audio_encoding = "LINEAR16_PCM"
        spec.sample_rate_hertz = audio.raw_audio.sample_rate_hertz
        spec.audio_channel_count = audio.raw_audio.audio_channel_count
        return
    kind = audio.container_audio.container_audio_type
    if kind == v3.ContainerAudio.WAV:
        raise ConfigError(
            "API v2 takes no WAV behind a link, only Ogg Opus, MP3 and headerless samples: submit the file "
            "itself, or connect with api='v3'"
        )
    if kind in _ENCODINGS:
        spec.audio_encoding = _ENCODINGS[kind]
