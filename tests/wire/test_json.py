"""Conversion of JSON: messages, operations, requests and errors, compared with protobuf's own functions."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given
from hypothesis import strategies as st

from speechkit_nb.errors import ConfigError, TranscriptError
from speechkit_nb.wire import (
    POOL,
    answer_of,
    build_message,
    error_of,
    operation_from_json,
    request_to_json,
    request_to_v2,
    responses_from_json,
    v2,
    v3,
)

SCALARS = {
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False),
    FieldDescriptor.TYPE_FLOAT: st.floats(width=32, allow_nan=False),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_STRING: st.text(st.characters(codec="utf-8"), max_size=6),
}


def messages(descriptor: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Strategy for keywords of any message of a type: some of its fields, at most one per oneof."""
    if descriptor.full_name == "google.protobuf.Duration":
        return st.fixed_dictionaries({"seconds": st.integers(0, 10**6), "nanos": st.integers(0, 999_999_999)})
    fields = {field.name: values(field) for field in descriptor.fields}
    chosen = st.fixed_dictionaries({}, optional=fields)
    return chosen.map(lambda found: one_of_each_oneof(descriptor, found))


def one_of_each_oneof(descriptor: Any, found: dict[str, Any]) -> dict[str, Any]:
    for oneof in descriptor.oneofs:
        for field in [f.name for f in oneof.fields if f.name in found][1:]:
            del found[field]
    return found


def values(field: Any) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        one: st.SearchStrategy[Any] = st.deferred(lambda: messages(field.message_type))
    elif field.enum_type is not None:
        one = st.sampled_from([value.name for value in field.enum_type.values])
    else:
        one = SCALARS[field.type]
    return st.lists(one, max_size=2) if field.is_repeated else one


@given(messages(v3.StreamingResponse.DESCRIPTOR), st.booleans(), st.booleans())
def test_messages_of_v3_are_those_that_protobuf_reads(keywords, zeros, snake):
    """Any message gives the same bytes, with and without zeros, in both spellings of the names."""
    sent = v3.StreamingResponse(**keywords)
    printed = MessageToDict(
        sent,
        always_print_fields_with_no_presence=zeros,
        preserving_proto_field_name=snake,
        descriptor_pool=POOL,
    )
    slow = ParseDict(printed, v3.StreamingResponse(), descriptor_pool=POOL)
    assert build_message(v3.StreamingResponse, printed) == slow == sent


@given(messages(v2.LongRunningRecognitionResponse.DESCRIPTOR))
def test_messages_of_v2_are_those_that_protobuf_reads(keywords):
    """Messages with durations give the same bytes, too."""
    sent = v2.LongRunningRecognitionResponse(**keywords)
    printed = MessageToDict(sent, descriptor_pool=POOL)
    assert build_message(v2.LongRunningRecognitionResponse, printed) == sent


def test_what_a_newer_service_may_add_is_skipped():
    """Unknown keys and nulls are skipped at any depth."""
    value = {"final": {"alternatives": [{"text": "a", "novel": {"x": [1]}, "words": None}], "new": None}}
    assert build_message(v3.StreamingResponse, value).final.alternatives[0].text == "a"


@pytest.mark.parametrize(
    "value",
    [
        {"eouUpdate": {"timeMs": "soon"}},
        {"eouUpdate": 3},
        {"final": {"alternatives": {"text": "no list"}}},
        {"channelTag": 3},
        {"statusCode": {"codeType": ["WORKING"]}},
        {"eouUpdate": {"timeMs": str(2**70)}},
    ],
)
def test_what_is_no_message_is_named(value):
    """Every kind of wrong value raises the same error."""
    with pytest.raises(TranscriptError, match="no StreamingResponse of the service"):
        responses_from_json(json.dumps({"result": value}))


# ---- operations


def test_an_operation_in_its_three_states():
    """The states are created, failed, and done with an answer of v2."""
    created = operation_from_json({"id": "f8d", "description": "STT", "done": False, "metadata": None})
    assert (created.id, created.done, answer_of(created)) == ("f8d", False, None)
    failed = operation_from_json({"id": "f8d", "error": {"code": 3, "message": "bad", "details": []}})
    assert (failed.error.code, failed.error.message) == (3, "bad")
    answer = {
        "@type": "type.googleapis.com/yandex.cloud.ai.stt.v2.LongRunningRecognitionResponse",
        "chunks": [{"channelTag": "2", "alternatives": [{"text": "да", "confidence": 1}]}],
    }
    done = operation_from_json({"id": "e03", "done": True, "response": answer})
    (message,) = answer_of(done)
    assert v3.StreamingResponse.FromString(message).channel_tag == "1"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (None, None),
        ({"@type": "type.googleapis.com/google.protobuf.Empty"}, None),
        ({"@type": "type.googleapis.com/yandex.cloud.ai.stt.v2.LongRunningRecognitionResponse"}, []),
    ],
)
def test_an_operation_without_an_answer(response, expected):
    """The answer is None if the operation cannot have one, and empty if nothing was recognized."""
    assert answer_of(operation_from_json({"id": "x", "done": True, "response": response})) == expected


# ---- requests


def test_a_request_as_json_is_what_protobuf_reads_back():
    """Audio is in base64, names are in camel case, and unset fields are left out."""
    request = v3.RecognizeFileRequest(content=b"\x00\xff", recognition_model={"model": "general"})
    body = json.loads(request_to_json(request))
    assert body == {
        "content": base64.b64encode(b"\x00\xff").decode(),
        "recognitionModel": {"model": "general"},
    }
    assert ParseDict(body, v3.RecognizeFileRequest(), descriptor_pool=POOL) == request


def test_a_v3_request_as_one_of_v2():
    """Every option that v2 has is set under its name in v2."""
    request = v3.RecognizeFileRequest(content=b"ab")
    model = request.recognition_model
    model.model = "general:rc"
    model.audio_format.raw_audio.audio_encoding = "LINEAR16_PCM"
    model.audio_format.raw_audio.sample_rate_hertz = 8000
    model.audio_format.raw_audio.audio_channel_count = 2
    model.language_restriction.restriction_type = "WHITELIST"
    model.language_restriction.language_code.append("ru-RU")
    model.text_normalization.text_normalization = "TEXT_NORMALIZATION_ENABLED"
    model.text_normalization.profanity_filter = True
    model.text_normalization.literature_text = True
    assert MessageToDict(request_to_v2(request, "b1g"), descriptor_pool=POOL) == {
        "config": {
            "specification": {
                "model": "general:rc",
                "languageCode": "ru-RU",
                "audioEncoding": "LINEAR16_PCM",
                "sampleRateHertz": "8000",
                "audioChannelCount": "2",
                "profanityFilter": True,
                "literatureText": True,
            },
            "folderId": "b1g",
        },
        "audio": {"content": "YWI="},
    }


@pytest.mark.parametrize(("container", "encoding"), [("OGG_OPUS", "OGG_OPUS"), ("MP3", "MP3")])
def test_compressed_links_of_v2(container, encoding):
    """They have no sample rate and channels, because the files contain them."""
    request = v3.RecognizeFileRequest(uri="https://storage.yandexcloud.net/b/a")
    request.recognition_model.audio_format.container_audio.container_audio_type = container
    asked = MessageToDict(request_to_v2(request), descriptor_pool=POOL)
    assert asked["audio"] == {"uri": "https://storage.yandexcloud.net/b/a"}
    assert asked["config"]["specification"] == {"audioEncoding": encoding, "rawResults": True}


def test_several_things_that_v2_lacks_are_all_named():
    """One error names all of them."""
    request = v3.RecognizeFileRequest(
        speaker_labeling={"speaker_labeling": "SPEAKER_LABELING_ENABLED"},
        speech_analysis={"enable_speaker_analysis": True},
    )
    with pytest.raises(ConfigError, match="API v2 has no speaker_labeling, speaker_analysis: leave it"):
        request_to_v2(request)


# ---- errors


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"error": {"grpcCode": 5, "httpCode": 404, "message": "m"}}, None, "NOT_FOUND"),
        ({"error": {"httpCode": 404, "message": "m"}}, None, "NOT_FOUND"),
        ({"code": 16, "message": "m"}, 401, "UNAUTHENTICATED"),
        ({"code": 429, "message": "m"}, 429, "RESOURCE_EXHAUSTED"),
        ({"code": "NOT_FOUND", "message": "m"}, 404, "NOT_FOUND"),
        ({"error_code": "UNAUTHORIZED", "error_message": "m"}, 401, "UNAUTHENTICATED"),
        ({"error_code": "BAD_REQUEST", "error_message": "m"}, None, "BAD_REQUEST"),
        ({"message": "m"}, 401, "UNAUTHENTICATED"),
        ({"message": "m"}, None, "UNKNOWN"),
        ({"error": "m"}, 503, "UNAVAILABLE"),
    ],
)
def test_the_code_of_an_error_in_every_shape(body, status, code):
    """It is the code in the body if that is valid, else the code of the HTTP status."""
    error = error_of(body, status)
    assert (error.code, error.details) == (code, "m")
