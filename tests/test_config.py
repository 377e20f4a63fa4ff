"""RecognitionConfig: every option of the service has a field, is checked, and is in the request."""

import json

import pytest

from speechkit_nb.audio import EncodedAudio
from speechkit_nb.client.transport.messages import (
    build_file_request,
    build_raw_format,
    build_streaming_options,
)
from speechkit_nb.config import RecognitionConfig
from speechkit_nb.errors import ConfigError
from speechkit_nb.wire import v3

EVERYTHING = {
    "model": "general:rc",
    "language": ["ru-RU", "en-US"],
    "normalize": True,
    "literature_text": True,
    "profanity_filter": True,
    "phone_formatting": False,
    "speaker_labeling": True,
    "classifiers": {"gender": "on_utterance", "insult": ["on_final", "on_partial"]},
    "speaker_analysis": True,
    "conversation_analysis": True,
    "quantiles": [0.5, 0.9],
    "silence_threshold": 0.3,
    "simultaneous_silence_threshold": 1,
    "simultaneous_speech_threshold": 0.25,
    "summarization_model": "gpt://folder/model",
    "summarization": [
        "What is it about?",
        {"instruction": "As JSON", "json_object": True},
        {"instruction": "As this", "json_schema": {"type": "object"}},
    ],
}
STREAMING = {"eou_sensitivity": "high", "max_pause": 0.7, "audio_processing_type": "full_data"}
AUDIO = EncodedAudio(content=b"RIFF", container="WAV", sample_rate=8000, n_channels=1, converted=None)


def _set(message, prefix: str = "") -> set[str]:
    """Dotted names of the fields that are set."""
    found = set()
    for field, value in message.ListFields():
        found.add(prefix + field.name)
        if field.message_type and field.message_type.name != "Struct":
            for item in value if field.is_repeated else [value]:
                found |= _set(item, f"{prefix}{field.name}.")
    return found


def _there(descriptor, prefix: str = "") -> set[str]:
    """Dotted names of all fields."""
    found = set()
    for field in descriptor.fields:
        found.add(prefix + field.name)
        if field.message_type and field.message_type.name != "Struct":
            found |= _there(field.message_type, f"{prefix}{field.name}.")
    return found


def test_every_field_of_a_file_request_can_be_asked_for():
    """Every field of the message can be set by an option, except those that depend on the audio."""
    request = build_file_request(RecognitionConfig.of(**EVERYTHING), AUDIO)
    raw = build_file_request(RecognitionConfig(), EncodedAudio(b"\0\0", "LINEAR16_PCM", 8000, 2, None))
    link = build_file_request(
        RecognitionConfig(), EncodedAudio(b"", "OGG_OPUS", 0, 0), "https://storage.yandexcloud.net/b/k.ogg"
    )
    means_nothing_for_a_file = {"recognition_model.audio_processing_type"}
    reached = _set(request) | _set(raw) | _set(link)
    assert _there(v3.RecognizeFileRequest.DESCRIPTOR) - reached == means_nothing_for_a_file


def test_every_field_of_a_stream_can_be_asked_for():
    """Every field of StreamingOptions can be set by an option."""
    options = build_streaming_options(
        RecognitionConfig.of(**EVERYTHING, **STREAMING), build_raw_format(8000, 1)
    )
    assert options.recognition_model.audio_processing_type == 2
    assert options.eou_classifier.default_classifier.type == 2
    assert options.eou_classifier.default_classifier.max_pause_between_words_hint_ms == 700
    external = build_streaming_options(RecognitionConfig(external_eou=True), build_raw_format(8000, 1))
    assert external.eou_classifier.WhichOneof("Classifier") == "external_classifier"
    assert (
        build_streaming_options(RecognitionConfig(), build_raw_format(8000, 1)).HasField("eou_classifier")
        is False
    )


def test_values_arrive_in_the_units_of_the_wire():
    """Seconds become milliseconds, names become enums, and a field keeps the misspelling of the service."""
    request = build_file_request(RecognitionConfig.of(**EVERYTHING), AUDIO)
    assert request.speech_analysis.speaker_options.silence_threshold_ms == 300
    assert request.speech_analysis.converstation_options.simultaneous_silence_threshold_ms == 1000
    assert [list(c.triggers) for c in request.recognition_classifier.classifiers] == [[1], [2, 3]]
    assert request.recognition_model.language_restriction.restriction_type == 1
    assert request.summarization.properties[2].json_schema.schema["type"] == "object"
    excluded = build_file_request(RecognitionConfig(excluded_language="ru-RU"), AUDIO)
    assert excluded.recognition_model.language_restriction.restriction_type == 2


def test_a_config_survives_the_journal():
    """Options converted to JSON and back are equal."""
    config = RecognitionConfig.of(**EVERYTHING)
    assert RecognitionConfig.of(**json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": ""}, "model='' is no name of a model"),
        ({"language": "english"}, "language='english' is not one of auto, de-DE"),
        ({"language": ["en-US", 7]}, "language=7 is not one of"),
        ({"language": "RU"}, "language='RU' is not one of .*, uz-UZ; did you mean 'ru-RU'"),
        ({"normalize": 1}, "normalize=1, but it must be True or False"),
        ({"language": "en-US", "excluded_language": "ru-RU"}, "language or excluded_language, not both"),
        ({"excluded_language": "auto"}, "excluded_language='auto' excludes nothing"),
        ({"quantiles": [0.5, 1]}, "quantiles has 1, but a level must be between 0 and 1"),
        ({"silence_threshold": -1}, "silence_threshold=-1, but it must be a time in seconds, such as"),
        ({"max_pause": 700000}, "max_pause=700000, but it must be a time in seconds"),
        ({"classifiers": {"gender": "always"}}, r"'gender' with \['always'\]; .* on_utterance, on_final"),
        ({"summarization": "What?"}, r"summarization and summarization_model go together.*gpt://FOLDER"),
        (
            {"summarization_model": "gpt://f/m", "summarization": ["?"] * 17},
            "has 17 .* takes 16",
        ),
        (
            {"summarization_model": "gpt://f/m", "summarization": [{"ask": "?"}]},
            r"summarization has \{'ask': '\?'\}; give a text, or a mapping",
        ),
        ({"eou_sensitivity": "low"}, "eou_sensitivity must be 'default' or 'high', not 'low'"),
        ({"external_eou": True, "eou_sensitivity": "high"}, "with external_eou the client ends utterances"),
        ({"langauge": "en-US"}, r"no option 'langauge'; did you mean 'language'\? There are model, language"),
        ({"zzz": 1}, r"no option 'zzz'\. There are model"),
    ],
)
def test_a_wrong_option_is_named_with_the_right_ones(options, message):
    """The error is raised before anything is sent."""
    with pytest.raises(ConfigError, match=message):
        RecognitionConfig.of(**options)


def test_options_of_streams_are_refused_for_files():
    """The service would ignore them."""
    with pytest.raises(ConfigError, match=r"eou_sensitivity, max_pause is for client\.stream"):
        build_file_request(RecognitionConfig(eou_sensitivity="high", max_pause=1), AUDIO)
