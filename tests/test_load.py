"""`sk.load` with files of every kind: transcripts, answers, error statuses; all else is one clear error."""

import base64
import contextlib
import gzip
import json
import zlib

import pyarrow as pa
import pytest
from answers import final
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

import speechkit_nb as sk
from speechkit_nb.errors import ServiceError, SpeechkitError, TranscriptError
from speechkit_nb.wire import responses_from_json, v3

ANSWER = '{"result": {"channelTag": "0", "final": {"alternatives": [{"text": "да нет"}]}}}'
KEY = b"speechkit_nb"


def saved(tmp_path, columns=None, **metadata):
    """A saved transcript with other columns or other metadata; a value of ... removes a key."""
    path = sk.Transcript([final(0, "one")], "a.wav", "a.wav", [1.0]).save(tmp_path / "a.parquet")
    table = parquet.read_table(path)
    kept = json.loads(table.schema.metadata[KEY]) | metadata
    kept = {key: value for key, value in kept.items() if value is not ...}
    table = pa.table(columns) if columns is not None else table
    parquet.write_table(table.replace_schema_metadata({KEY: json.dumps(kept)}), path)
    return path


WRONG = {
    "format": [..., None, "2", 2.5, [], True],
    "recording": [..., None, 7, [], {}],
    "source": [..., 7, [], {}],
    "info": [..., None, "text", 7, []],
    "sends": [None, 7, [], "!", "AAAA", base64.b64encode(zlib.compress(b"1234567")).decode()],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG.items() for value in values]
)
def test_damaged_metadata(tmp_path, key, value):
    """Every value of another type, and every missing one."""
    with pytest.raises(
        TranscriptError, match=r"a\.parquet' is damaged or was not written by Transcript\.save: "
    ):
        sk.load(saved(tmp_path, **{key: value}))


@pytest.mark.parametrize(
    "metadata",
    [b"", b"{", b"[]", b"7", b"null", b"\xff\xfe", b'{"a":' * 100_000, b'{"format": ' + b"9" * 5000 + b"}"],
)
def test_metadata_that_is_no_object(tmp_path, metadata):
    """No JSON, deep JSON, or JSON of another kind."""
    path = saved(tmp_path)
    parquet.write_table(parquet.read_table(path).replace_schema_metadata({KEY: metadata}), path)
    with pytest.raises(TranscriptError, match=r"a\.parquet' is damaged or was not written"):
        sk.load(path)


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"received_at": [1.0]},
        {"response": [None], "received_at": [1.0]},
        {"response": [7]},
        {"response": [[b"a"]]},
        {"response": [{"a": 1}]},
        {"response": [b"a"], "received_at": ["late"]},
        {"response": [b"a"], "received_at": [[1.0]]},
        {"response": [b"a"], "sent_until": [b"x"]},
    ],
)
def test_damaged_columns(tmp_path, columns):
    """Columns of other types, or none."""
    with pytest.raises(TranscriptError, match=r"a\.parquet' is damaged or was not written"):
        sk.load(saved(tmp_path, columns))


def test_columns_that_differ_only_in_form(tmp_path):
    """Smaller types are converted, and unknown times are unknown."""
    columns = {
        "response": pa.array([final(0, "one")], pa.binary()),
        "received_at": pa.array([1.5], pa.float32()),
    }
    assert sk.load(saved(tmp_path, columns)).received_at == [1.5]
    columns["received_at"] = pa.array([None], pa.float64())
    assert sk.load(saved(tmp_path, columns)).text == "one"


def test_files_that_would_fill_the_memory(tmp_path):
    """Rows and times that are compressed to almost nothing are refused before they are unpacked."""
    zeros = zlib.compress(bytes(10**8), 9)
    with pytest.raises(TranscriptError, match=r"its times take more than 67,108,864 bytes"):
        sk.load(saved(tmp_path, sends=base64.b64encode(zeros).decode()))
    path = saved(tmp_path)
    schema = pa.schema([pa.field("response", pa.large_binary())], metadata=parquet.read_schema(path).metadata)
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for _ in range(50):
            writer.write_table(pa.table({"response": pa.nulls(1_000_000, pa.large_binary())}, schema=schema))
    assert path.stat().st_size < 10**6
    with pytest.raises(TranscriptError, match=r"its content would take .* bytes in 50,000,000 rows"):
        sk.load(path)
    (tmp_path / "bomb.json").write_bytes(gzip.compress(bytes(10**8)))
    with pytest.raises(TranscriptError, match="is neither a saved transcript nor an answer of the service"):
        sk.load(tmp_path / "bomb.json")


@given(data=st.data())
def test_a_saved_transcript_with_changed_bytes(tmp_path_factory, data):
    """It is read, or refused with an error of the toolkit."""
    folder = tmp_path_factory.mktemp("changed")
    path = saved(folder)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(TranscriptError):
        assert isinstance(sk.load(path).recording, str)


# ---- JSON


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("space", ["", "\r\n  "])
def test_answers_in_every_encoding_of_json(tmp_path, encoding, space):
    """PowerShell writes UTF-16."""
    (tmp_path / "answer.json").write_bytes((space + ANSWER + "\r\n").encode(encoding))
    assert sk.load(tmp_path / "answer.json").text == "да нет"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ('{"code":16,"message":"Unauthenticated"}', "UNAUTHENTICATED", "Unauthenticated"),
        ('{"error": {"grpcCode": 5, "message": "no operation"}}', "NOT_FOUND", "no operation"),
        ('{"error": {"grpcCode": [1]}}', r"\[1\]", "no reason given"),
        ('{"error": {"httpCode": [1], "message": {"a": 1}}}', "UNKNOWN", "{'a': 1}"),
        ('{"error": "bad"}', "UNKNOWN", "bad"),
        ('{"error_code": "UNAUTHORIZED", "error_message": "no key"}', "UNAUTHORIZED", "no key"),
        ('{"message": "Not found", "code": 5, "details": []}', "NOT_FOUND", "Not found"),
        ('{"done": true, "id": "f8d", "error": {"code": 3, "message": "bad"}}', "INVALID_ARGUMENT", "bad"),
    ],
)
def test_an_error_status_is_said_to_be_one(tmp_path, body, code, message):
    """With its code and the words of the service."""
    (tmp_path / "answer.json").write_text(body)
    words = f"has an error status of the service, no transcript: the service answered {code}: {message}"
    with pytest.raises(ServiceError, match=words):
        sk.load(tmp_path / "answer.json")


@pytest.mark.parametrize(
    "body",
    [
        '{"a": ' * 100_000,
        "[" * 100_000,
        '{"result": {"final": ' * 3000 + "1" + "}}" * 3000,
        '{"result": {"audioCursors": {"finalTimeMs": ' + "9" * 5000 + "}}}",
        '{"result": {"audioCursors": {"finalTimeMs": Infinity}}}',
        '{"result": {"audioCursors": {"finalTimeMs": "1e400"}}}',
        '{"result": {"audioCursors": {"finalTimeMs": 99999999999999999999}}}',
        '{"result": {"final": {"alternatives": [{"text": "\\ud800"}]}}}',
        '{"result": {"final": {"alternatives": {"text": 1}}}}',
        '{"result": {"final": {"alternatives": [[]]}}}',
        '{"result": []}',
        '{"result": {"statusCode": {"codeType": [1]}}}',
        '{"result": {"speakerAnalysis": {"windowType": {"a": 1}}}}',
        '{"done": true, "response": 7}',
        '{"done": true, "response": {"chunks": [{"alternatives": [{"words": [{"startTime": "x"}]}]}]}}',
        '{"done": true, "response": {"chunks": [{"channelTag": []}]}}',
        '{"own": 1}',
        '{"a": 1',
        "{}{]",
    ],
)
def test_json_that_is_no_answer(tmp_path, body):
    """One error of the toolkit."""
    (tmp_path / "answer.json").write_text(body)
    with pytest.raises(TranscriptError, match="answer"):
        sk.load(tmp_path / "answer.json")


NAMES = [
    "result",
    "final",
    "alternatives",
    "words",
    "startTimeMs",
    "text",
    "error",
    "code",
    "message",
    "done",
    "response",
    "chunks",
    "channelTag",
    "audioCursors",
    "finalIndex",
    "speakerAnalysis",
    "windowType",
    "grpcCode",
    "httpCode",
    "finalRefinement",
    "normalizedText",
    "statusCode",
    "codeType",
    "languages",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(body=JSON)
def test_any_json(body):
    """It is read, or refused with an error of the toolkit, and what is read gives frames."""
    try:
        transcript = sk.Transcript(responses_from_json(json.dumps(body)))
    except SpeechkitError:
        return
    assert len(transcript.events) == len(transcript.responses)
    assert transcript.finals is not None
    assert transcript.speaker_analysis is not None


@pytest.mark.parametrize("name", [None, 7, b"a", "", " ", "a\0b", [], 1.5, True, object()])
def test_what_is_no_path(name):
    """For reading and for writing."""
    for do in (sk.load, sk.Transcript([]).save):
        with pytest.raises(TranscriptError, match=r"path must be a path, such as 'folder/name', not "):
            do(name)


def test_what_is_no_file(tmp_path):
    """A folder, a device that never ends, a missing file."""
    for path in (tmp_path, "/dev/zero"):
        with pytest.raises(TranscriptError, match="is no file; a transcript is saved by"):
            sk.load(path)
    with pytest.raises(TranscriptError, match=r"cannot read .*No such file"):
        sk.load(tmp_path / "missing")


# ---- values of later versions


def test_values_of_enums_that_are_not_known_yet():
    """An unknown number keeps its number in the frames, an unknown name of JSON is unspecified."""
    message = v3.StreamingResponse(channel_tag="0")
    message.classifier_update.classifier_result.classifier = "mood"
    message.classifier_update.classifier_result.labels.add(label="sad", confidence=0.5)
    message.classifier_update.window_type = 77
    speaker = v3.StreamingResponse()
    speaker.speaker_analysis.window_type = 77
    status = v3.StreamingResponse()
    status.status_code.code_type = 77
    responses = [one.SerializeToString() for one in (message, speaker, status)]
    transcript = sk.Transcript(responses)
    assert transcript.classifiers.window.tolist() == ["unknown 77"]
    assert transcript.speaker_analysis.window.tolist() == ["unknown 77"]
    assert transcript.events.event.tolist() == ["classifier_update", "speaker_analysis", "status_code"]
    body = '{"result": {"speakerAnalysis": {"speakerTag": "1", "windowType": "NEXT_YEAR"}}}'
    later = sk.Transcript(responses_from_json(body)).speaker_analysis
    assert later[["speaker_tag", "window"]].values.tolist() == [["1", "window_type_unspecified"]]


# ---- saving


def test_the_suffix_decides_what_is_saved(tmp_path):
    """Everything, the messages, the words, or the text; each can be read by the program that it is for."""
    transcript = sk.Transcript([final(0, "one two")], "a.wav", received_at=[1.0])
    for name in ("a.parquet", "a.PARQUET", "a"):
        assert sk.load(transcript.save(tmp_path / name)).received_at == [1.0]
    assert sk.load(transcript.save(tmp_path / "b.json")).responses == transcript.responses
    assert (
        transcript.save(tmp_path / "c.csv").read_text().splitlines()[0].startswith("recording,channel_tag,")
    )
    assert transcript.save(tmp_path / "d.txt").read_text() == "one two\n"
    with pytest.raises(TranscriptError, match=r"'e\.xlsx' names no format .*words\.to_excel"):
        transcript.save(tmp_path / "e.xlsx")
    assert not (tmp_path / "e.xlsx").exists()


def test_control_characters_are_shown_as_escapes():
    """In a terminal the text of a service cannot move the cursor, hide itself or change its direction."""
    text = "a\x1b[2Jb\x9b1m\u202ec\rd"
    transcript = sk.Transcript([final(0, text)], "x\x1b.wav")
    shown = repr(transcript)
    assert "\\x1b[2Jb\\x9b1m\\u202ec" in shown
    assert all(character.isprintable() for character in shown)
    assert "\x1b" not in str(TranscriptError(text))
    assert "\\x1b" in str(TranscriptError(text))
