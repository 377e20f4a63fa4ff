"""Messages: descriptors compared with the vendor's, the private pool, and conversion of JSON and v2 to v3."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import text_format
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from speechkit_nb.errors import ServiceError, TranscriptError
from speechkit_nb.wire import (
    POOL,
    decode_columns,
    find_unreadable,
    json_objects,
    methods,
    operation,
    responses_from_json,
    responses_from_v2,
    responses_to_json,
    v2,
    v3,
)

ROOT = Path(__file__).parents[2]
ANSWERS = ROOT / "data" / "answers"
FILES = {
    "yandex/cloud/ai/stt/v3/stt.proto": "yandex.cloud.ai.stt.v3.stt_pb2",
    "yandex/cloud/ai/stt/v3/stt_service.proto": "yandex.cloud.ai.stt.v3.stt_service_pb2",
    "yandex/cloud/ai/stt/v2/stt_service.proto": "yandex.cloud.ai.stt.v2.stt_service_pb2",
    "yandex/cloud/operation/operation.proto": "yandex.cloud.operation.operation_pb2",
    "yandex/cloud/operation/operation_service.proto": "yandex.cloud.operation.operation_service_pb2",
    "yandex/cloud/endpoint/api_endpoint.proto": "yandex.cloud.endpoint.api_endpoint_pb2",
    "yandex/cloud/endpoint/api_endpoint_service.proto": "yandex.cloud.endpoint.api_endpoint_service_pb2",
}


def test_the_committed_descriptors_are_what_the_proto_files_say():
    """Compiling protos/ gives the same bytes as those in the package."""
    done = subprocess.run(
        [sys.executable, "protos/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def _facts(file) -> dict[str, object]:
    """Everything in a proto file that affects serialized messages and calls, by full name."""
    facts: dict[str, object] = {"package": file.package}
    messages, enums = list(file.message_types_by_name.values()), list(file.enum_types_by_name.values())
    while messages:
        message = messages.pop()
        messages.extend(message.nested_types)
        enums.extend(message.enum_types)
        facts[message.full_name] = sorted(field.number for field in message.fields)
        for field in message.fields:
            kind = field.message_type or field.enum_type
            facts[field.full_name] = (
                field.number,
                field.type,
                field.is_repeated,
                kind and kind.full_name,
                field.containing_oneof and field.containing_oneof.name,
                field.json_name,
                field.GetOptions().deprecated,
            )
    for enum in enums:
        facts[enum.full_name] = [(v.name, v.number, v.GetOptions().deprecated) for v in enum.values]
    for service in file.services_by_name.values():
        for method in service.methods:
            kinds = (method.client_streaming, method.server_streaming)
            facts[method.full_name] = (method.input_type.full_name, method.output_type.full_name, kinds)
    return facts


@pytest.mark.parametrize("name", FILES)
def test_every_message_field_enum_and_rpc_is_that_of_the_vendors_package(name):
    """Names, numbers, types, labels, oneofs, deprecation and streaming kinds equal PyPI yandexcloud's."""
    import importlib

    theirs = importlib.import_module(FILES[name]).DESCRIPTOR
    ours = POOL.FindFileByName(name)
    assert _facts(ours) == _facts(theirs)
    assert len(_facts(ours)) > 2


def _in_fresh_interpreter(program: str, python: str = sys.executable) -> None:
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


OURS = """
from speechkit_nb.wire import v3 as ours
assert ours.Word.FromString(ours.Word(text="one", start_time_ms=7).SerializeToString()).start_time_ms == 7
"""
YANDEXCLOUD = """
from yandex.cloud.ai.stt.v3 import stt_pb2
assert stt_pb2.Word(text="one").text == "one"
import yandexcloud; yandexcloud.SDK
"""
AI_STUDIO = """
from yandex_ai_studio_sdk import AIStudio
from yandex.cloud.ai.stt.v3 import stt_pb2
assert AIStudio(folder_id="f", auth="t1.x").speechkit.speech_to_text is not None
"""
YANDEX_SPEECHKIT = """
import warnings; warnings.simplefilter("ignore")
import speechkit.stt
from yandex.cloud.ai.stt.v3 import stt_pb2
assert speechkit.stt.AudioProcessingType.Full
assert stt_pb2.Word(text="one").text == "one"
"""


@pytest.mark.parametrize("theirs", [YANDEXCLOUD, AI_STUDIO], ids=["yandexcloud", "yandex-ai-studio-sdk"])
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_lives_in_one_kernel_with_the_vendors_packages(theirs, first):
    """In any order of imports both packages work, because ours does not use protobuf's default pool."""
    _in_fresh_interpreter(OURS + theirs if first == "ours" else theirs + OURS)


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_lives_in_one_kernel_with_yandex_speechkit(first):
    """It contains modules of yandexcloud, so it is in a separate environment, made by `make vendor`."""
    python = ROOT / ".vendor" / "yandex-speechkit" / "bin" / "python"
    assert python.exists(), "run `make vendor`"
    both = OURS + YANDEX_SPEECHKIT if first == "ours" else YANDEX_SPEECHKIT + OURS
    _in_fresh_interpreter(both, str(python))


def test_methods_are_called_by_the_package_name_not_by_the_folder():
    """A server registered under the name of the folder would return UNIMPLEMENTED to every client."""
    assert methods("speechkit.stt.v3.AsyncRecognizer")["RecognizeFile"].path == (
        "/speechkit.stt.v3.AsyncRecognizer/RecognizeFile"
    )
    assert methods("speechkit.stt.v3.AsyncRecognizer")["GetRecognition"].response_streaming


def test_a_message_that_does_not_exist_is_named():
    """The error for a wrong message name has the name of the package."""
    with pytest.raises(AttributeError, match=r"speechkit\.stt\.v3 has no message StreamingRespons$"):
        _ = v3.StreamingRespons
    assert operation.Operation(id="x").id == "x"


# ---- JSON

REST = (ANSWERS / "rest_v3.json").read_text()


def test_the_published_answer_survives_json_bytes_json():
    """Conversion of JSON to v3 bytes and back gives the same objects: int64 as strings, zeros written out."""
    assert list(responses_to_json(responses_from_json(REST))) == list(json_objects(REST))


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(json.dumps(value) for value in json_objects(REST)),
        "".join(json.dumps(value["result"]) for value in json_objects(REST)),
        json.dumps(list(json_objects(REST))),
        REST.replace("\n", "\r\n").encode(),
        "\ufeff" + REST,
    ],
    ids=["a line each", "unwrapped and unseparated", "array", "CRLF bytes", "byte order mark"],
)
def test_every_layout_of_an_answer_reads_the_same(text):
    """The messages are the same pretty-printed, one per line, with or without wrapper, and in an array."""
    encoded = text.encode() if isinstance(text, str) else text
    assert responses_from_json(encoded) == responses_from_json(REST)


def test_rest_and_grpc_forms_of_one_answer_are_the_same_bytes():
    """gRPC leaves zeros out and REST writes them; the message is the same."""
    text = (ANSWERS / "grpc_v3.txtpb").read_text()
    assert "final_index" not in text
    listed = text_format.Parse(text, v3.StreamingResponseList(), descriptor_pool=POOL)
    assert [m.SerializeToString() for m in listed.streaming_responses] == responses_from_json(REST)


def test_an_empty_body_is_an_answer_without_messages():
    """An empty body means that nothing was recognized."""
    assert responses_from_json(" \n") == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_answer_in_the_encoding_of_any_shell(encoding):
    """PowerShell saves the output of curl in UTF-16."""
    body = '{"result": {"channelTag": "\u043a", "eouUpdate": {"timeMs": "5"}}}'.encode(encoding)
    assert v3.StreamingResponse.FromString(responses_from_json(body)[0]).channel_tag == "\u043a"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": "\xff"}', "no text from byte 7 on"),
        (b'{"type": "FeatureCollection"}', "an object of 'type': none of the service's"),
        (b'{"result": 5}', "holds 5 where a StreamingResponse is expected"),
        (b'{"done": true, "response": []}', r"holds \[\] where a LongRunningRecognitionResponse"),
    ],
)
def test_json_that_is_no_answer(body, message):
    """It raises an error instead of giving a transcript without words."""
    with pytest.raises(TranscriptError, match=message):
        responses_from_json(body)


def test_an_error_with_a_code_of_its_own():
    """A code that is not a gRPC number is kept as it is."""
    with pytest.raises(ServiceError, match="answered BROKEN: no"):
        responses_from_json('{"error": {"code": "BROKEN", "message": "no"}}')


def test_unknown_keys_of_a_newer_service_are_skipped():
    """A field that this version does not know is not an error."""
    text = '{"result": {"channelTag": "0", "eouUpdate": {"timeMs": "5", "novel": 1}, "other": {}}}'
    (message,) = responses_from_json(text)
    assert v3.StreamingResponse.FromString(message).eou_update.time_ms == 5


def test_json_that_ends_in_the_middle_says_where():
    """The error for a body that was cut off has the line where it ends."""
    with pytest.raises(TranscriptError, match=r"no JSON from line \d+, column \d+ on .* fetch it again"):
        responses_from_json(REST[:-40])
    with pytest.raises(TranscriptError, match="holds 3 where an object"):
        responses_from_json("3")
    with pytest.raises(TranscriptError, match="no StreamingResponse of the service"):
        responses_from_json('{"result": {"eouUpdate": {"timeMs": "soon"}}}')


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (
            '{"error": {"grpcCode": 5, "httpCode": 404, "message": "no such", "httpStatus": "Not Found"}}',
            "NOT_FOUND",
        ),
        ('{"done": true, "id": "f8d", "error": {"code": 3, "message": "bad audio"}}', "INVALID_ARGUMENT"),
    ],
)
def test_an_error_inside_an_answer_is_raised(body, code):
    """The error has the code and message of a stream's error object or of a failed operation."""
    with pytest.raises(ServiceError, match=code) as caught:
        responses_from_json(body)
    assert caught.value.code == code


def test_a_v3_operation_holds_no_transcript():
    """The error explains which body contains the transcript."""
    with pytest.raises(TranscriptError, match=r"operation f8d holds no transcript.*getRecognition"):
        responses_from_json('{"done": true, "id": "f8d"}')


# ---- v2


def _v2_finals() -> list[dict]:
    messages = responses_from_json((ANSWERS / "v2_operation.json").read_text())
    return [MessageToDict(v3.StreamingResponse.FromString(message)) for message in messages]


def test_v2_tags_lose_the_one_they_count_from():
    """Channel 1 of v2 is channel "0" of v3."""
    assert [final["channelTag"] for final in _v2_finals()] == ["0", "1", "0"]


def test_v2_durations_with_float_dust_become_whole_milliseconds():
    """0.879999999 s is 880 ms."""
    first, *_ = _v2_finals()
    words = first["final"]["alternatives"][0]["words"]
    assert [(w["startTimeMs"], w["endTimeMs"]) for w in words] == [
        ("880", "1160"),
        ("1220", "1540"),
        ("1560", "2780"),
    ]


def test_a_v2_chunk_without_words_follows_its_channels_last_one():
    """Its text is kept; its times are the end of the last words of the channel."""
    last = _v2_finals()[-1]["final"]["alternatives"][0]
    assert (last["text"], last["startTimeMs"], last["endTimeMs"]) == ("Хорошо.", "2780", "2780")
    assert "confidence" not in last


def test_a_v2_answer_without_chunks_is_empty():
    """If nothing was recognized, the list of chunks is missing."""
    assert responses_from_json('{"done": true, "id": "e03", "response": {}}') == []
    assert responses_from_v2(v2.LongRunningRecognitionResponse()) == []


# ---- columns


def _word(text: str) -> st.SearchStrategy:
    times = st.integers(-(2**40), 2**40)
    return st.builds(lambda a, b: v3.Word(text=text, start_time_ms=a, end_time_ms=b), times, times)


updates = st.builds(
    lambda words, tag, text: v3.AlternativeUpdate(
        channel_tag=tag, alternatives=[v3.Alternative(words=row, text=text) for row in words]
    ),
    st.lists(st.lists(st.text(max_size=5).flatmap(_word), max_size=3), max_size=3),
    st.sampled_from(["", "0", "1"]),
    st.text(max_size=8),
)
messages = st.builds(
    lambda update, kind, tag, index: v3.StreamingResponse(
        channel_tag=tag, audio_cursors=v3.AudioCursors(final_index=index), **{kind: update}
    ),
    updates,
    st.sampled_from(["partial", "final"]),
    st.sampled_from(["", "0", "7"]),
    st.integers(0, 2**40),
)


@given(st.lists(messages, max_size=8))
def test_columns_equal_a_loop_over_protobufs_own_messages(sent):
    """The Arrow columns equal the result of protobuf's parser, with nulls where an event is missing."""
    paths = (
        "channel_tag",
        "audio_cursors.final_index",
        "final.alternatives.words",
        "final.alternatives.text",
    )
    rows = decode_columns([m.SerializeToString() for m in sent], *paths).to_pylist()
    for row, m in zip(rows, sent, strict=True):
        assert row["channel_tag"] == m.channel_tag
        assert row["audio_cursors"]["final_index"] == m.audio_cursors.final_index
        expected = [
            {
                "text": a.text,
                "words": [
                    {"text": w.text, "start_time_ms": w.start_time_ms, "end_time_ms": w.end_time_ms}
                    for w in a.words
                ],
            }
            for a in m.final.alternatives
        ]
        assert (row["final"] and row["final"]["alternatives"]) == (expected if m.HasField("final") else None)


def test_unreadable_messages_are_found_by_position():
    """Exactly the messages that protobuf cannot parse are found."""
    good = v3.StreamingResponse(channel_tag="0").SerializeToString()
    assert find_unreadable([good, good[:-1], b"", b"\xff\xff"]) == [1, 3]
