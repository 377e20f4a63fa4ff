"""A recording and a config as the message that asks for a recognition."""

from __future__ import annotations

from typing import Any

from ..audio import Encoded
from ..config import RecognitionConfig
from ..wire.messages import v3


def recognize_file(config: RecognitionConfig, audio: Encoded | str, container: str = "WAV") -> Any:
    """The `RecognizeFileRequest` for audio in memory, or behind a link of Object Storage.

    Args:
        config: what to ask for.
        audio: the encoded recording, or its link.
        container: format of what the link leads to.
    """
    request = v3.RecognizeFileRequest(recognition_model=recognition_model(config))
    sound = request.recognition_model.audio_format
    if isinstance(audio, str):
        request.uri = audio
        sound.container_audio.container_audio_type = container
        return request
    request.content = audio.content
    if audio.container == "LINEAR16_PCM":
        sound.raw_audio.audio_encoding = "LINEAR16_PCM"
        sound.raw_audio.sample_rate_hertz = audio.sample_rate
        sound.raw_audio.audio_channel_count = audio.n_channels
    else:
        sound.container_audio.container_audio_type = audio.container
    return request


def recognition_model(config: RecognitionConfig) -> Any:
    """The `RecognitionModelOptions` a config stands for."""
    model = v3.RecognitionModelOptions(model=config.model)
    text = model.text_normalization
    switch = "TEXT_NORMALIZATION_ENABLED" if config.normalize else "TEXT_NORMALIZATION_DISABLED"
    text.text_normalization = switch
    text.literature_text = config.literature_text
    text.profanity_filter = config.profanity_filter
    if not config.phone_formatting:
        text.phone_formatting_mode = "PHONE_FORMATTING_MODE_DISABLED"
    if config.languages:
        model.language_restriction.restriction_type = "WHITELIST"
        model.language_restriction.language_code.extend(config.languages)
    return model
