"""The local server as its callers see it, with scripted words behind it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from local_server import OPERATIONS, RECOGNIZER, Api, serving, wav

from speechkit_nb.config import MODELS
from speechkit_nb.wire import methods, operation, v3

SCRIPT = """word,start,end,channel
hello,0.5,0.9,0
there,0.9,1.2,0
good,1.5,1.8,1
morning,1.8,2.2,1
i,2.0,2.1,0
have,2.1,2.4,0
twenty,2.4,2.7,0
five,2.7,3.0,0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scripts and buckets of the module's server."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "talk.csv").write_text(SCRIPT)
    rude = enumerate(["oh", "bullshit", "да", "блядь", "shitake"])
    rows = [f"{word},{0.3 * k:.1f},{0.3 * k + 0.2:.1f}" for k, word in rude]
    (folder / "rude.csv").write_text("\n".join(["word,start,end", *rows]), encoding="utf-8")
    scripts = folder / "scripts"
    scripts.mkdir()
    (scripts / "named.words.csv").write_text("word,start,end\nnamed,0.1,0.3\n")
    digest = hashlib.sha256(wav(0.7)).hexdigest()
    (scripts / f"{digest}.csv").write_text("word,start,end\nhashed,0.1,0.3\n")
    (scripts / "beside.wav").write_bytes(wav(0.9))
    (scripts / "beside.words.csv").write_text("word,start,end\nbeside,0.1,0.3\n")
    (folder / "verbatim.binpb").write_bytes(b"".join(b"\x0a" + bytes([len(m)]) + m for m in VERBATIM))
    (folder / "answer.json").write_text(
        '{"result": {"channelTag": "0", "final": {"alternatives": [{"text": "recorded"}]}}}\n'
        '{"result": {"channelTag": "0", "eouUpdate": {"timeMs": "900"}}}'
    )
    bucket = folder / "buckets" / "talks" / "deep"
    bucket.mkdir(parents=True)
    (bucket / "named.wav").write_bytes(wav(0.5))
    (bucket / "inside.wav").symlink_to(bucket / "named.wav")
    (folder / "secret.wav").write_bytes(wav())
    (bucket / "outside.wav").symlink_to(folder / "secret.wav")
    (folder / "buckets" / "other").symlink_to(folder)
    return folder


# channel_tag before the session, a field no proto knows, and a final_index written as zero
VERBATIM = [b"\x4a\x010\x0a\x03\x0a\x01s", b"\xfa\x7f\x03new\x4a\x011", b"\x3a\x02\x08\x00"]


@pytest.fixture(scope="module")
def api(folder: Path) -> Iterator[Api]:
    """One server for the module."""
    models = {
        "general": f"scripted:{folder}/talk.csv",
        "folder": f"scripted:{folder}/scripts",
        "verbatim": f"scripted:{folder}/verbatim.binpb",
        "json": f"scripted:{folder}/answer.json",
        "english": "pocketsphinx",
        "rude": f"scripted:{folder}/rude.csv",
    }
    with serving(models=models, bucket_root=folder / "buckets") as api:
        yield api


def model(name: str = "", **options: Any) -> Any:
    return v3.RecognitionModelOptions(model=name, **options)


def text(messages: list[Any]) -> str:
    return " ".join(m.final.alternatives[0].text for m in messages if m.HasField("final"))


def refined(messages: list[Any]) -> list[str]:
    refinements = [m.final_refinement for m in messages if m.HasField("final_refinement")]
    return [refinement.normalized_text.alternatives[0].text for refinement in refinements]


def get_error(call: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as raised:
        call()
    return raised.value.code().name, raised.value.details()


def test_golden_order_and_cursors(api: Api) -> None:
    """Per utterance final, refinement, end of utterance; channels by their ends; cursors as in the cloud."""
    messages = api.recognize(wav(4, n_channels=2))
    seen = []
    for m in messages:
        c = m.audio_cursors
        cursors = (c.received_data_ms, c.partial_time_ms, c.final_time_ms, c.final_index, c.eou_time_ms)
        seen.append((m.WhichOneof("Event"), m.channel_tag, cursors))
    assert seen == [
        ("final", "0", (4000, 1200, 1200, 0, 0)),
        ("final_refinement", "0", (4000, 1200, 1200, 0, 0)),
        ("eou_update", "0", (4000, 1200, 1200, 0, 1200)),
        ("final", "1", (4000, 4000, 4000, 1, 1200)),
        ("final_refinement", "1", (4000, 4000, 4000, 1, 1200)),
        ("eou_update", "1", (4000, 4000, 4000, 1, 4000)),
        ("final", "0", (4000, 4000, 4000, 2, 4000)),
        ("final_refinement", "0", (4000, 4000, 4000, 2, 4000)),
        ("eou_update", "0", (4000, 4000, 4000, 2, 4000)),
    ]
    assert [m.final_refinement.final_index for m in messages[1::3]] == [0, 1, 2]
    assert [m.eou_update.time_ms for m in messages[2::3]] == [1200, 4000, 4000]


def test_words_are_tight_and_finals_tile(api: Api) -> None:
    """Word times are the script's; the finals of a channel begin at 0, touch, and end with the audio."""
    messages = api.recognize(wav(4, n_channels=2))
    first, second = (m.final for m in messages if m.HasField("final") and m.channel_tag == "0")
    words = [(w.text, w.start_time_ms, w.end_time_ms) for w in first.alternatives[0].words]
    assert words == [("hello", 500, 900), ("there", 900, 1200)]
    bounds = [(f.alternatives[0].start_time_ms, f.alternatives[0].end_time_ms) for f in (first, second)]
    assert bounds == [(0, 1200), (1200, 4000)]


def test_refinement_repeats_the_words_of_its_final(api: Api) -> None:
    """Same words, same times, same bounds, both channel tags; only the text is written better."""
    messages = api.recognize(wav(4, n_channels=2))
    for final, refinement in zip(messages[0::3], messages[1::3], strict=True):
        plain, better = (
            final.final.alternatives[0],
            refinement.final_refinement.normalized_text.alternatives[0],
        )
        assert list(better.words) == list(plain.words)
        assert (better.start_time_ms, better.end_time_ms) == (plain.start_time_ms, plain.end_time_ms)
        assert final.final.channel_tag == final.channel_tag
        assert refinement.final_refinement.normalized_text.channel_tag == refinement.channel_tag


def test_one_session_in_all_messages_and_fetches(api: Api) -> None:
    """The session is the same in every message, and a second fetch gives the same bytes."""
    done = api.wait(api.submit(wav(4)).id)
    messages = api.messages(done.id)
    sessions = {v3.StreamingResponse.FromString(m).session_uuid.uuid for m in messages}
    assert len(sessions) == 1
    assert sessions != {""}
    assert api.messages(done.id) == messages


def test_user_request_id(api: Api) -> None:
    """The caller's x-client-request-id comes back, else the operation's id."""
    named = api.wait(api.submit(wav(4), metadata=[("x-client-request-id", "mine")]).id)
    unnamed = api.wait(api.submit(wav(4)).id)
    for done, expected in ((named, "mine"), (unnamed, unnamed.id)):
        first = v3.StreamingResponse.FromString(api.messages(done.id)[0])
        assert first.session_uuid.user_request_id == expected


PLAIN = ["hello there", "i have twenty five"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, PLAIN),
        ({"text_normalization": 2, "literature_text": True, "profanity_filter": True}, PLAIN),
        ({"literature_text": True, "profanity_filter": True}, PLAIN),
        ({"text_normalization": 1}, ["hello there", "i have 25"]),
        ({"text_normalization": 1, "literature_text": True}, ["Hello there.", "I have 25."]),
    ],
)
def test_refined_text(api: Api, wanted: dict[str, Any], expected: list[str]) -> None:
    """A copy of the final; with normalization digits and, on request, a capital and a full stop."""
    request = model(
        text_normalization=v3.TextNormalizationOptions(**wanted),
        language_restriction=v3.LanguageRestrictionOptions(restriction_type=1, language_code=["en-US"]),
    )
    assert refined(api.recognize(wav(4), recognition_model=request)) == expected


def test_detected_language_leaves_the_text(api: Api) -> None:
    """With language auto the refinement is a copy of the final, whatever else the request wants."""
    auto = model(
        text_normalization=v3.TextNormalizationOptions(text_normalization=1, literature_text=True),
        language_restriction=v3.LanguageRestrictionOptions(language_code=["auto"]),
    )
    assert refined(api.recognize(wav(4), recognition_model=auto)) == PLAIN


@pytest.mark.parametrize("enabled", [True, False])
def test_swear_words_are_masked(api: Api, enabled: bool) -> None:
    """In text and words of the refinement, if normalization is enabled; the final stays as it was heard."""
    options = v3.TextNormalizationOptions(text_normalization=1 if enabled else 2, profanity_filter=True)
    russian = v3.LanguageRestrictionOptions(restriction_type=1, language_code=["ru-RU"])
    request = model("rude", text_normalization=options, language_restriction=russian)
    messages = api.recognize(wav(4), recognition_model=request)
    assert text(messages) == "oh bullshit да блядь shitake"
    expected = "oh ******** да ***** shitake" if enabled else "oh bullshit да блядь shitake"
    (alternative,) = messages[1].final_refinement.normalized_text.alternatives
    assert (alternative.text, " ".join(word.text for word in alternative.words)) == (expected, expected)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_of_the_service_is_there(api: Api, name: str) -> None:
    """What a client may ask the service for, it may ask this server for."""
    assert api.submit(wav(), recognition_model=model(name)).id


def test_script_longer_than_the_sound_is_cut(api: Api) -> None:
    """Words of the script after the end of the audio are not recognized."""
    assert text(api.recognize(wav(1.0))) == "hello there"
    last = api.recognize(wav(1.0))[0].final.alternatives[0].words[-1]
    assert last.end_time_ms == 1000


def test_silent_channel_has_no_messages(api: Api) -> None:
    """A channel without speech has no events."""
    messages = api.recognize(wav(4, n_channels=3))
    assert {m.channel_tag for m in messages} == {"0", "1"}


@pytest.mark.parametrize(
    ("content", "expected"), [(wav(0.7), "hashed"), (wav(0.9), "beside")], ids=["by hash", "by same bytes"]
)
def test_folder_of_scripts_by_content(api: Api, content: bytes, expected: str) -> None:
    """A recording without a name finds its script by the hash of its bytes, or beside the same file."""
    assert text(api.recognize(content, recognition_model=model("folder"))) == expected


def test_folder_without_script_fails_the_operation(api: Api) -> None:
    """The error of the operation names the script that is missing."""
    done = api.wait(api.submit(wav(0.33), recognition_model=model("folder")).id)
    assert re.search("holds no script for this recording, such as .*words.csv", done.error.message)
    assert get_error(lambda: api.messages(done.id)) == ("INVALID_ARGUMENT", done.error.message)


def test_recorded_answers_are_sent_byte_for_byte(api: Api) -> None:
    """Unknown fields and an unusual order of fields survive."""
    done = api.wait(api.submit(wav(), recognition_model=model("verbatim")).id)
    assert api.messages(done.id) == VERBATIM


def test_recorded_json(api: Api) -> None:
    """An answer of the REST API is replayed as messages."""
    messages = api.recognize(wav(), recognition_model=model("json"))
    assert text(messages) == "recorded"
    assert messages[1].eou_update.time_ms == 900


@pytest.mark.parametrize(
    "uri",
    [
        "https://storage.yandexcloud.net/talks/deep/named.wav",
        "https://storage.yandexcloud.net/talks/deep/named.wav?X-Amz-Signature=..%2F..",
        "https://talks.storage.yandexcloud.net/deep/named.wav",
        "https://storage.yandexcloud.net/talks/deep%2Fnamed.wav",
    ],
)
def test_uri(api: Api, uri: str) -> None:
    """A link finds its file below the bucket root, and the script of its name."""
    assert text(api.recognize(uri=uri, recognition_model=model("folder"))) == "named"


def test_uri_link_within_the_bucket(api: Api) -> None:
    """A symbolic link that stays in its bucket may be followed."""
    uri = "https://storage.yandexcloud.net/talks/deep/inside.wav"
    assert text(api.recognize(uri=uri, recognition_model=model("folder"))) == "named"


@pytest.mark.parametrize(
    ("uri", "code", "words"),
    [
        (
            "https://storage.yandexcloud.net/talks/deep/outside.wav",
            "NOT_FOUND",
            "no object 'deep/outside.wav'",
        ),
        ("https://storage.yandexcloud.net/talks/gone.wav", "NOT_FOUND", "in the bucket 'talks'"),
        ("https://storage.yandexcloud.net/other/secret.wav", "NOT_FOUND", "no object 'secret.wav'"),
        ("https://storage.yandexcloud.net/talks/deep", "NOT_FOUND", "no object 'deep'"),
        ("https://storage.yandexcloud.net/talks/../../secret.wav", "INVALID_ARGUMENT", "'..'"),
        ("https://storage.yandexcloud.net/talks/%2e%2e/%2E%2e/secret.wav", "INVALID_ARGUMENT", "'..'"),
        ("https://storage.yandexcloud.net/talks/..%2f..%2fsecret.wav", "INVALID_ARGUMENT", "'..'"),
        ("https://storage.yandexcloud.net/../secret.wav", "INVALID_ARGUMENT", "'..'"),
        ("https://storage.yandexcloud.net//etc/passwd", "INVALID_ARGUMENT", "is no Object Storage link"),
        ("https://storage.yandexcloud.net/talks//etc/passwd", "INVALID_ARGUMENT", "no empty part"),
        ("https://storage.yandexcloud.net/talks/a%00.wav", "NOT_FOUND", "no object"),
        ("https://storage.yandexcloud.net/talks", "INVALID_ARGUMENT", "BUCKET/KEY"),
        ("file:///etc/passwd", "INVALID_ARGUMENT", "is no Object Storage link"),
        ("https://example.com/talks/deep/named.wav", "INVALID_ARGUMENT", "is no Object Storage link"),
        ("https://[::1/x", "INVALID_ARGUMENT", "is no Object Storage link"),
    ],
)
def test_uri_refused(api: Api, uri: str, code: str, words: str) -> None:
    """Nothing outside the bucket root can be read, however it is written."""
    found = get_error(lambda: api.submit(uri=uri))
    assert found[0] == code
    assert words in found[1]


def container(kind: int) -> Any:
    return v3.AudioFormatOptions(container_audio=v3.ContainerAudio(container_audio_type=kind))


def raw(rate: int, encoding: int = 1, channels: int = 1) -> Any:
    fields = {"audio_encoding": encoding, "sample_rate_hertz": rate, "audio_channel_count": channels}
    return v3.AudioFormatOptions(raw_audio=v3.RawAudio(**fields))


def language(*codes: str, kind: int = 1) -> Any:
    restriction = v3.LanguageRestrictionOptions(restriction_type=kind, language_code=codes)
    return model("english", language_restriction=restriction)


def classifier(name: str) -> Any:
    return {"classifiers": [{"classifier": name, "triggers": ["ON_FINAL"]}]}


REFUSED = {
    "no audio": ({}, "INVALID_ARGUMENT", "neither content nor uri"),
    "no sound": (
        {"content": b"hello, world"},
        "INVALID_ARGUMENT",
        "Invalid audio received: .*no audio that can be read",
    ),
    "no samples": ({"content": wav(0)}, "INVALID_ARGUMENT", "Invalid audio received: .*holds no samples"),
    "cut off": ({"content": wav()[:-500]}, "INVALID_ARGUMENT", "Invalid audio received: .*cut off"),
    "wrong container": (
        {"content": wav(), "recognition_model": model(audio_format=container(3))},
        "INVALID_ARGUMENT",
        "Invalid audio received: the request names MP3, the audio is WAV",
    ),
    "unknown container": (
        {"content": wav(), "recognition_model": model(audio_format=container(9))},
        "INVALID_ARGUMENT",
        "no container_audio_type 9; there are MP3, OGG_OPUS, WAV",
    ),
    "header in raw audio": (
        {"content": wav(), "recognition_model": model(audio_format=raw(8000))},
        "INVALID_ARGUMENT",
        "Invalid audio received: .*RIFF",
    ),
    "rate": (
        {"content": bytes(800), "recognition_model": model(audio_format=raw(4000))},
        "INVALID_ARGUMENT",
        "sample_rate_hertz is 4000; it must be 8000 to 48000",
    ),
    "encoding": (
        {"content": bytes(800), "recognition_model": model(audio_format=raw(8000, encoding=0))},
        "INVALID_ARGUMENT",
        "needs audio_encoding LINEAR16_PCM",
    ),
    "channels": (
        {"content": bytes(800), "recognition_model": model(audio_format=raw(8000, channels=-1))},
        "INVALID_ARGUMENT",
        "audio_channel_count is -1",
    ),
    "model": (
        {"content": wav(), "recognition_model": model("grand")},
        "INVALID_ARGUMENT",
        "no model 'grand'; this server has deferred-general, deferred-general:deprecated, ",
    ),
    "language": (
        {"content": wav(), "recognition_model": language("ru-RU")},
        "INVALID_ARGUMENT",
        "does not know the language ru-RU; it knows en-US, and takes auto",
    ),
    "blacklist": (
        {"content": wav(), "recognition_model": language("en-us", kind=2)},
        "INVALID_ARGUMENT",
        "knows en-US, and the blacklist excludes all of it",
    ),
    "no question": (
        {"content": wav(), "summarization": v3.SummarizationOptions(model_uri="gpt://f/m")},
        "INVALID_ARGUMENT",
        "summarization has 0 properties; it takes 1 to 16, each with an instruction",
    ),
    "model of the summary": (
        {"content": wav(), "summarization": {"model_uri": "m", "properties": [{"instruction": "Who?"}]}},
        "INVALID_ARGUMENT",
        "model_uri is 'm'; it must be gpt://FOLDER/MODEL",
    ),
    "trained classifier": (
        {"content": wav(), "recognition_classifier": classifier("gender")},
        "UNIMPLEMENTED",
        "no classifier 'gender', which needs a trained model; it has formal_greeting, ",
    ),
    "misspelled classifier": (
        {"content": wav(), "recognition_classifier": classifier("insults")},
        "INVALID_ARGUMENT",
        "no classifier 'insults'; there are formal_greeting, ",
    ),
    "classifier without a trigger": (
        {"content": wav(), "recognition_classifier": {"classifiers": [{"classifier": "insult"}]}},
        "INVALID_ARGUMENT",
        "the classifier 'insult' needs triggers: ON_UTTERANCE, ON_FINAL or ON_PARTIAL",
    ),
    "speakers of two channels": (
        {"content": wav(n_channels=2), "speaker_labeling": {"speaker_labeling": "SPEAKER_LABELING_ENABLED"}},
        "INVALID_ARGUMENT",
        "tells the speakers of one channel apart, and the audio has 2: leave it out",
    ),
}


@pytest.mark.parametrize(("options", "code", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_before_an_operation_is_made(
    api: Api, options: dict[str, Any], code: str, words: str
) -> None:
    """An error in the request or the header of the audio is found at once, and the message names it."""
    found = get_error(lambda: api.submit(**options))
    assert found[0] == code
    assert re.search(words, found[1])


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [
        (240 << 20, "lasts 4.37 hours with its 1 channel.s. added up; at most 4 hours"),
        ((1 << 30) + 1, "has 1073741825 bytes; at most 1073741824"),
    ],
    ids=["hours", "bytes"],
)
def test_limits(api: Api, folder: Path, n_bytes: int, words: str) -> None:
    """More than four hours or 1 GB are an error."""
    path = folder / "buckets" / "talks" / "long.pcm"
    with path.open("wb") as file:
        file.truncate(n_bytes)  # uses no disk space
    options = {"uri": "https://storage.yandexcloud.net/talks/long.pcm"}
    found = get_error(lambda: api.submit(**options, recognition_model=model(audio_format=raw(8000))))
    path.unlink()
    assert found[0] == "INVALID_ARGUMENT"
    assert re.search(words, found[1])


def test_operation(api: Api) -> None:
    """A new operation looks like the cloud's, and is done without a response."""
    created = api.submit(wav(4))
    assert re.fullmatch("f8d[a-z0-9]{17}", created.id)
    assert re.fullmatch("aje[a-z0-9]{17}", created.created_by)
    assert created.description == "STT v3 async recognition"
    assert created.created_at.seconds > 1_600_000_000
    done = api.wait(created.id)
    assert done.WhichOneof("result") is None
    assert done.created_at == created.created_at
    assert done.modified_at.ToNanoseconds() >= created.modified_at.ToNanoseconds()


def test_delete(api: Api) -> None:
    """A deleted result is not found; the operation still is."""
    done = api.wait(api.submit(wav(4)).id)
    api.delete(done.id)
    expected = ("NOT_FOUND", f"operation ID not found {done.id}")
    assert get_error(lambda: api.messages(done.id)) == expected
    assert get_error(lambda: api.delete(done.id)) == expected
    assert api.operation(done.id).done


@pytest.mark.parametrize("call", ["operation", "cancel", "messages", "delete"])
def test_unknown_and_overlong_ids(api: Api, call: str) -> None:
    """In every call, an unknown id is NOT_FOUND, an empty one or more than 50 characters INVALID_ARGUMENT."""
    do = getattr(api, call)
    assert get_error(lambda: do("f8dnobody")) == ("NOT_FOUND", "operation ID not found f8dnobody")
    assert get_error(lambda: do("x" * 51)) == (
        "INVALID_ARGUMENT",
        "operation_id has 51 characters; it must have 1 to 50",
    )
    assert get_error(lambda: do(""))[0] == "INVALID_ARGUMENT"


def test_cancel_after_the_end_changes_nothing(api: Api) -> None:
    """A result that is there stays there."""
    done = api.wait(api.submit(wav(4)).id)
    assert not api.cancel(done.id).HasField("error")
    assert api.messages(done.id)


def test_large_content(api: Api) -> None:
    """60 MB come in one message."""
    request = model(audio_format=raw(48000))
    assert api.submit(bytes(60 << 20), recognition_model=request).id


def test_no_bucket_root() -> None:
    """The error of a server without buckets names the option."""
    with serving() as api:
        uri = "https://storage.yandexcloud.net/talks/a.wav"
        code, words = get_error(lambda: api.submit(uri=uri))
        assert code == "INVALID_ARGUMENT"
        assert "--bucket-root DIR" in words


def test_never_done_not_ready_and_cancel(folder: Path) -> None:
    """While an operation runs its data is not ready, in the words clients look for; cancelling ends it."""
    with serving(models={"general": f"scripted:{folder}/talk.csv"}, faults=["never-done"]) as api:
        running = api.submit(wav())
        not_ready = ("NOT_FOUND", f"operation data is not ready {running.id}")
        assert get_error(lambda: api.messages(running.id)) == not_ready
        assert get_error(lambda: api.delete(running.id)) == not_ready
        assert not api.operation(running.id).done
        cancelled = api.cancel(running.id)
        assert (cancelled.done, cancelled.error.code) == (True, 1)
        assert get_error(lambda: api.messages(running.id)) == ("CANCELLED", "operation was cancelled")


def test_faults(folder: Path) -> None:
    """Calls fail as often as the fault says, then they work."""
    faults = [
        "unavailable:RecognizeFile:1",
        "unavailable:GetRecognition:1",
        "not-ready:2",
        "running:3",
        "cut:GetRecognition:3",
    ]
    with serving(models={"general": f"scripted:{folder}/talk.csv"}, faults=faults) as api:
        assert get_error(lambda: api.submit(wav(4)))[0] == "UNAVAILABLE"
        submitted = api.submit(wav(4)).id
        assert not any(api.operation(submitted).done for _ in range(3))
        done = api.wait(submitted)
        codes = [get_error(lambda: api.messages(done.id))[0] for _ in range(4)]
        assert codes == ["UNAVAILABLE", "NOT_FOUND", "NOT_FOUND", "UNAVAILABLE"]
        assert len(api.messages(done.id)) == 6


def test_ids_in_the_metadata(api: Api) -> None:
    """Each answer, also an error or a stream, has its own ids, as over REST."""
    get, fetch = methods(OPERATIONS)["Get"], methods(RECOGNIZER)["GetRecognition"]
    request = [operation.GetOperationRequest(operation_id="f8d").SerializeToString()] * 2
    one, many = api.channel.unary_unary(get.path), api.channel.unary_stream(fetch.path)
    done = v3.GetRecognitionRequest(operation_id=api.wait(api.submit(wav()).id).id).SerializeToString()
    calls = [one.future(each) for each in request] + [many(done)]
    found = [dict(call.initial_metadata()) for call in calls]
    for name in ("x-request-id", "x-server-trace-id"):
        assert len({metadata[name] for metadata in found}) == 3
    assert [call.code().name for call in calls[:2]] == ["NOT_FOUND"] * 2
    assert list(calls[2])
