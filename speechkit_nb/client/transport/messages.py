"""The messages that request a recognition, made from a config and the audio."""

from __future__ import annotations

from ...audio import EncodedAudio
from ...config import RecognitionConfig
from ...errors import ConfigError
from ...wire import v3
from .base import Message


def build_file_request(config: RecognitionConfig, audio: EncodedAudio, uri: str | None = None) -> Message:
    """The `RecognizeFileRequest` for audio in memory, or for a link into Object Storage.

    Args:
        config: options of the recognition.
        audio: the encoded recording; for a link its format, without content.
        uri: the link; default: none, the content is sent.

    Raises:
        ConfigError: if the config has options that are for streams only.
    """
    if config.for_streams_only:
        names = ", ".join(config.for_streams_only)
        raise ConfigError(f"{names} is for client.stream, not for client.submit")
    request = v3.RecognizeFileRequest(recognition_model=build_model_options(config))
    _add_shared_options(request, config)
    audio_format = request.recognition_model.audio_format
    if uri is None:
        request.content = audio.content
    else:
        request.uri = uri
    if audio.container == "LINEAR16_PCM":
        audio_format.CopyFrom(build_raw_format(audio.sample_rate, audio.n_channels))
    else:
        audio_format.container_audio.container_audio_type = audio.container
    return request


def build_streaming_options(config: RecognitionConfig, audio_format: Message) -> Message:
    """The `StreamingOptions` that open a stream; `audio_format` are its `AudioFormatOptions`."""
    options = v3.StreamingOptions(recognition_model=build_model_options(config))
    _add_shared_options(options, config)
    options.recognition_model.audio_format.CopyFrom(audio_format)
    if config.audio_processing_type:
        options.recognition_model.audio_processing_type = config.audio_processing_type.upper()
    if config.external_eou:
        options.eou_classifier.external_classifier.SetInParent()
    elif config.eou_sensitivity or config.max_pause:
        classifier = options.eou_classifier.default_classifier
        classifier.type = (config.eou_sensitivity or "default").upper()
        classifier.max_pause_between_words_hint_ms = _to_milliseconds(config.max_pause)
    return options


def build_raw_format(sample_rate: int, n_channels: int) -> Message:
    """The `AudioFormatOptions` of 16-bit samples without a header."""
    raw = {
        "audio_encoding": "LINEAR16_PCM",
        "sample_rate_hertz": sample_rate,
        "audio_channel_count": n_channels,
    }
    return v3.AudioFormatOptions(raw_audio=raw)


def build_model_options(config: RecognitionConfig) -> Message:
    """The `RecognitionModelOptions` of a config, without the audio format."""
    model = v3.RecognitionModelOptions(model=config.model)
    text = model.text_normalization
    if config.normalize:  # it is off unless it is asked for
        text.text_normalization = "TEXT_NORMALIZATION_ENABLED"
    text.literature_text = config.literature_text
    text.profanity_filter = config.profanity_filter
    if not config.phone_formatting:
        text.phone_formatting_mode = "PHONE_FORMATTING_MODE_DISABLED"
    codes = config.languages or tuple(config.excluded_language)
    if codes:
        model.language_restriction.restriction_type = "WHITELIST" if config.languages else "BLACKLIST"
        model.language_restriction.language_code.extend(codes)
    return model


def _add_shared_options(request: Message, config: RecognitionConfig) -> None:
    """Add the options for which the messages of files and of streams have the same fields."""
    if config.speaker_labeling:
        request.speaker_labeling.speaker_labeling = "SPEAKER_LABELING_ENABLED"
    for name, triggers in config.classifiers:
        classifier = request.recognition_classifier.classifiers.add(classifier=name)
        classifier.triggers.extend(trigger.upper() for trigger in triggers)
    if config.speaker_analysis or config.conversation_analysis:
        _add_analysis(request.speech_analysis, config)
    for question in config.summarization:
        schema = question.get("json_schema")
        added = request.summarization.properties.add(instruction=question["instruction"])
        if schema is not None:
            added.json_schema.schema.update(schema)
        elif question.get("json_object"):
            added.json_object = True
    if config.summarization_model:
        request.summarization.model_uri = config.summarization_model


def _add_analysis(analysis: Message, config: RecognitionConfig) -> None:
    analysis.enable_speaker_analysis = config.speaker_analysis
    analysis.enable_conversation_analysis = config.conversation_analysis
    analysis.descriptive_statistics_quantiles.extend(config.quantiles)
    if config.silence_threshold:
        analysis.speaker_options.silence_threshold_ms = _to_milliseconds(config.silence_threshold)
    dialogue = analysis.converstation_options  # the field is spelled so
    if config.simultaneous_silence_threshold:
        dialogue.simultaneous_silence_threshold_ms = _to_milliseconds(config.simultaneous_silence_threshold)
    if config.simultaneous_speech_threshold:
        dialogue.simultaneous_speech_threshold_ms = _to_milliseconds(config.simultaneous_speech_threshold)


def _to_milliseconds(seconds: float | None) -> int:
    return round((seconds or 0.0) * 1000)
