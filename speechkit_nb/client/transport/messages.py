"""A recording and a config as the messages that ask for a recognition."""

from __future__ import annotations

from typing import Any

from ...audio import EncodedAudio
from ...config import RecognitionConfig
from ...errors import ConfigError
from ...wire import v3


def recognize_file(config: RecognitionConfig, audio: EncodedAudio | str, container: str = "WAV") -> Any:
    """The `RecognizeFileRequest` for audio in memory, or behind a link of Object Storage.

    Args:
        config: what to ask for.
        audio: the encoded recording, or its link.
        container: format of what the link leads to.

    Raises:
        ConfigError: if the config has options that only streams have.
    """
    if config.for_streams_only:
        raise ConfigError(f"{', '.join(config.for_streams_only)} is for client.stream, not for client.submit")
    request = v3.RecognizeFileRequest(recognition_model=recognition_model(config))
    _add_extras(request, config)
    sound = request.recognition_model.audio_format
    if isinstance(audio, str):
        request.uri = audio
        sound.container_audio.container_audio_type = container
        return request
    request.content = audio.content
    if audio.container == "LINEAR16_PCM":
        sound.CopyFrom(raw_audio(audio.sample_rate, audio.n_channels))
    else:
        sound.container_audio.container_audio_type = audio.container
    return request


def streaming_options(config: RecognitionConfig, audio_format: Any) -> Any:
    """The `StreamingOptions` that open a stream of audio of an `AudioFormatOptions`."""
    options = v3.StreamingOptions(recognition_model=recognition_model(config))
    _add_extras(options, config)
    options.recognition_model.audio_format.CopyFrom(audio_format)
    if config.audio_processing_type:
        options.recognition_model.audio_processing_type = config.audio_processing_type.upper()
    if config.external_eou:
        options.eou_classifier.external_classifier.SetInParent()
    elif config.eou_sensitivity or config.max_pause:
        classifier = options.eou_classifier.default_classifier
        classifier.type = (config.eou_sensitivity or "default").upper()
        classifier.max_pause_between_words_hint_ms = _milliseconds(config.max_pause)
    return options


def raw_audio(sample_rate: int, n_channels: int) -> Any:
    """The `AudioFormatOptions` of headerless 16-bit samples."""
    raw = {
        "audio_encoding": "LINEAR16_PCM",
        "sample_rate_hertz": sample_rate,
        "audio_channel_count": n_channels,
    }
    return v3.AudioFormatOptions(raw_audio=raw)


def recognition_model(config: RecognitionConfig) -> Any:
    """The `RecognitionModelOptions` a config stands for, without the audio format."""
    model = v3.RecognitionModelOptions(model=config.model)
    text = model.text_normalization
    switch = "TEXT_NORMALIZATION_ENABLED" if config.normalize else "TEXT_NORMALIZATION_DISABLED"
    text.text_normalization = switch
    text.literature_text = config.literature_text
    text.profanity_filter = config.profanity_filter
    if not config.phone_formatting:
        text.phone_formatting_mode = "PHONE_FORMATTING_MODE_DISABLED"
    codes = config.languages or tuple(config.excluded_language)
    if codes:
        model.language_restriction.restriction_type = "WHITELIST" if config.languages else "BLACKLIST"
        model.language_restriction.language_code.extend(codes)
    return model


def _add_extras(request: Any, config: RecognitionConfig) -> None:
    """What files and streams ask for beside the model: the same fields in both messages."""
    if config.speaker_labeling:
        request.speaker_labeling.speaker_labeling = "SPEAKER_LABELING_ENABLED"
    for name, triggers in config.classifiers:
        classifier = request.recognition_classifier.classifiers.add(classifier=name)
        classifier.triggers.extend(trigger.upper() for trigger in triggers)
    if config.speaker_analysis or config.conversation_analysis:
        _add_analysis(request.speech_analysis, config)
    for question in config.summarization:
        schema = question.get("json_schema")
        asked = request.summarization.properties.add(instruction=question["instruction"])
        if schema is not None:
            asked.json_schema.schema.update(schema)
        elif question.get("json_object"):
            asked.json_object = True
    if config.summarization_model:
        request.summarization.model_uri = config.summarization_model


def _add_analysis(analysis: Any, config: RecognitionConfig) -> None:
    analysis.enable_speaker_analysis = config.speaker_analysis
    analysis.enable_conversation_analysis = config.conversation_analysis
    analysis.descriptive_statistics_quantiles.extend(config.quantiles)
    if config.silence_threshold:
        analysis.speaker_options.silence_threshold_ms = _milliseconds(config.silence_threshold)
    dialogue = analysis.converstation_options
    if config.simultaneous_silence_threshold:
        dialogue.simultaneous_silence_threshold_ms = _milliseconds(config.simultaneous_silence_threshold)
    if config.simultaneous_speech_threshold:
        dialogue.simultaneous_speech_threshold_ms = _milliseconds(config.simultaneous_speech_threshold)


def _milliseconds(seconds: float | None) -> int:
    return round((seconds or 0.0) * 1000)
