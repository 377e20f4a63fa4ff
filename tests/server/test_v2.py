"""API v2 of the local server, files only: the transcript is in the operation, over gRPC and REST."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from local_server import DATA, RECOGNIZER, Server, talk, wait_until, wav

from speechkit_nb.wire import responses_from_json, v2, v3

SCRIPT = """word,start,end,channel
hello,0.5,0.88,0
there,0.88,1.2,0
good,1.5,1.8,1
morning,1.8,2.2,1
i,2.0,2.1,0
have,2.1,2.4,0
twenty,2.4,2.7,0
five,2.7,3.0,0
"""
SERVICE = "yandex.cloud.ai.stt.v2.SttService"
LONG_RUNNING = "/speech/stt/v2/longRunningRecognize"
TYPE = "type.googleapis.com/yandex.cloud.ai.stt.v2.LongRunningRecognitionResponse"
CREATED = {"id", "createdAt", "createdBy", "modifiedAt", "done"}
PCM = {"audioEncoding": "LINEAR16_PCM", "sampleRateHertz": 8000}


def pcm(seconds: float = 4, n_channels: int = 1) -> bytes:
    """Silence at 8000 Hz without a header."""
    return bytes(2 * n_channels * round(seconds * 8000))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the module."""
    folder = tmp_path_factory.mktemp("v2")
    (folder / "talk.csv").write_text(SCRIPT)
    (folder / "rude.csv").write_text("word,start,end\noh,0.5,0.7\nbullshit,0.8,1.0\n")
    bucket = folder / "buckets" / "talks"
    bucket.mkdir(parents=True)
    (bucket / "numbers.ogg").write_bytes((DATA / "numbers.ogg").read_bytes())
    server = Server(
        rest="127.0.0.1:0",
        models={
            "general": f"scripted:{folder}/talk.csv",
            "real": "pocketsphinx",
            "rude": f"scripted:{folder}/rude.csv",
        },
        bucket_root=folder / "buckets",
    )
    yield server
    server.close()


def post(http: httpx.Client, audio: bytes | str, **specification: Any) -> httpx.Response:
    source = {"uri": audio} if isinstance(audio, str) else {"content": base64.b64encode(audio).decode()}
    return http.post(LONG_RUNNING, json={"config": {"specification": specification}, "audio": source})


def recognize(http: httpx.Client, audio: bytes | str, **specification: Any) -> Any:
    """The operation when it is done."""
    started = post(http, audio, **specification)
    assert started.status_code == 200, started.text
    path = f"/operations/{started.json()['id']}"
    wait_until(lambda: bool(http.get(path).json()["done"]))
    return http.get(path).json()


def texts(done: Any) -> list[tuple[str, str]]:
    return [(chunk["channelTag"], chunk["alternatives"][0]["text"]) for chunk in done["response"]["chunks"]]


def test_operations_have_the_keys_of_the_cloud(http: httpx.Client) -> None:
    """No description, no metadata; the response comes with `done`, and holds its type."""
    created = post(http, pcm(), **PCM).json()
    assert set(created) == CREATED
    assert created["done"] is False
    assert re.fullmatch("e03[a-z0-9]{17}", created["id"])
    done = recognize(http, pcm(), **PCM)
    assert set(done) == CREATED | {"response"}
    assert set(done["response"]) == {"@type", "chunks"}
    assert (done["done"], done["response"]["@type"]) == (True, TYPE)


def test_chunks_of_both_channels(http: httpx.Client) -> None:
    """By time, tags from 1 as strings, words with durations, confidence 1; numbers as digits in the text."""
    done = recognize(http, pcm(n_channels=2), audioChannelCount=2, languageCode="en-US", **PCM)
    assert texts(done) == [("1", "hello there"), ("2", "good morning"), ("1", "i have 25")]
    alternative = done["response"]["chunks"][0]["alternatives"][0]
    assert set(alternative) == {"text", "confidence", "words"}
    assert alternative["confidence"] == 1
    assert alternative["words"] == [
        {"word": "hello", "startTime": "0.500s", "endTime": "0.880s", "confidence": 1},
        {"word": "there", "startTime": "0.880s", "endTime": "1.200s", "confidence": 1},
    ]
    last = done["response"]["chunks"][2]["alternatives"][0]
    assert [word["word"] for word in last["words"]] == ["i", "have", "twenty", "five"]


@pytest.mark.parametrize(("key", "value"), [("rawResults", True), ("raw_results", True)])
def test_raw_results(http: httpx.Client, key: str, value: bool) -> None:
    """Then the text is as it was recognized."""
    done = recognize(http, pcm(), **PCM, languageCode="en-US", **{key: value})
    assert texts(done) == [("1", "hello there"), ("1", "i have twenty five")]


@pytest.mark.parametrize("raw", [True, False])
def test_swear_words_are_masked(http: httpx.Client, raw: bool) -> None:
    """In text and words, also in raw results: v2 ties the filter to nothing else."""
    done = recognize(http, pcm(), **PCM, model="rude", rawResults=raw, profanityFilter=True)
    (alternative,) = done["response"]["chunks"][0]["alternatives"]
    assert alternative["text"] == " ".join(word["word"] for word in alternative["words"]) == "oh ********"


@pytest.mark.parametrize("key", ["literature_text", "literatureText"])
def test_literature_text(http: httpx.Client, key: str) -> None:
    """A capital letter and a full stop."""
    done = recognize(http, pcm(), **PCM, languageCode="en-US", **{key: True})
    assert texts(done) == [("1", "Hello there."), ("1", "I have 25.")]


@pytest.mark.parametrize(
    "spelled",
    [
        {"profanityFilter": "true", "literature_text": True},
        {"profanity_filter": "False", "literatureText": False},
        {"profanityFilter": True, "sampleRateHertz": "8000", "audioChannelCount": "1"},
    ],
)
def test_spellings(http: httpx.Client, spelled: dict[str, Any]) -> None:
    """Numbers as texts, a switch as text, keys in either case."""
    assert len(texts(recognize(http, pcm(), **(PCM | spelled)))) == 2


def test_ogg_opus_is_the_default(http: httpx.Client) -> None:
    """As in the minimal body: a language and a link."""
    uri = "https://storage.yandexcloud.net/talks/numbers.ogg?X-Amz-Signature=1"
    assert texts(recognize(http, uri, languageCode="ru-RU"))[0] == ("1", "hello there")


def test_mp3(http: httpx.Client) -> None:
    """By its name."""
    story = (DATA / "story.mp3").read_bytes()
    assert len(texts(recognize(http, story, audioEncoding="MP3"))) == 2


def test_nothing_recognized_has_no_chunks(http: httpx.Client) -> None:
    """The key is missing, as the cloud's is."""
    assert recognize(http, pcm(0.2), **PCM)["response"] == {"@type": TYPE}


REFUSED: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "WAV as PCM": (wav(), PCM, "begins with b'RIFF'.*LINEAR16_PCM is samples without a header"),
    "WAV": (wav(), {}, "the request names OGG_OPUS, the audio is WAV"),
    "rate": (pcm(), PCM | {"sampleRateHertz": 100}, "sample_rate_hertz is 100; it must be 8000 to 48000"),
    "rate as text": (
        pcm(),
        PCM | {"sampleRateHertz": "fast"},
        "the body is no LongRunningRecognitionRequest",
    ),
    "switch": (pcm(), PCM | {"profanityFilter": "perhaps"}, "the body is no LongRunningRecognitionRequest"),
    "model": (pcm(), PCM | {"model": "grand"}, "no model 'grand'"),
    "language": (talk(), {"model": "real", "languageCode": "ru-RU"}, "does not know the language ru-RU"),
    "no MP3": (b"ID3", {"audioEncoding": "MP3"}, "Invalid audio received"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(http: httpx.Client, case: str) -> None:
    """Before anything is kept."""
    audio, specification, words = REFUSED[case]
    answer = post(http, audio, **specification)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert re.search(words, answer.json()["message"])


def test_both_sources_or_none(http: httpx.Client) -> None:
    """Exactly one of content and uri."""
    both = http.post(LONG_RUNNING, json={"audio": {"content": "AAAA", "uri": "https://example.com"}})
    assert (both.status_code, both.json()["code"]) == (400, 3)
    none = http.post(LONG_RUNNING, json={"config": {"specification": {}}})
    assert none.json()["message"].startswith("no audio: neither content nor uri is set")


def test_over_grpc(server: Server, http: httpx.Client) -> None:
    """The same operation, its response packed as Any; gRPC and REST show the operations of each other."""
    spec = v2.RecognitionSpec(audio_encoding=1, sample_rate_hertz=8000, language_code="en-US")
    request = v2.LongRunningRecognitionRequest(config={"specification": spec}, audio={"content": pcm()})
    started = server.api.call(SERVICE, "LongRunningRecognize", request)
    assert (started.id[:3], started.description) == ("e03", "")
    assert not started.HasField("response")
    done = server.api.wait(started.id)
    assert done.response.type_url == TYPE
    answer = v2.LongRunningRecognitionResponse.FromString(done.response.value)
    assert [chunk.alternatives[0].text for chunk in answer.chunks] == ["hello there", "i have 25"]
    assert [chunk.channel_tag for chunk in answer.chunks] == [1, 1]
    assert answer.chunks[0].alternatives[0].words[0].start_time.nanos == 500_000_000
    assert texts(http.get(f"/operations/{started.id}").json()) == [("1", "hello there"), ("1", "i have 25")]
    assert server.api.cancel(started.id) == done


def test_v3_does_not_know_it(server: Server, http: httpx.Client) -> None:
    """The transcript of v2 is in its operation, not in getRecognition; nor can it be deleted there."""
    id = recognize(http, pcm(), **PCM)["id"]
    answer = http.get("/stt/v3/getRecognition", params={"operation_id": id})
    assert answer.status_code == 404
    for name, request in (
        ("GetRecognition", v3.GetRecognitionRequest(operation_id=id)),
        ("DeleteRecognition", v3.DeleteRecognitionRequest(operation_id=id)),
    ):
        with pytest.raises(grpc.RpcError, match=f"operation ID not found {id}"):
            server.api.call(RECOGNIZER, name, request)


def test_failed_and_cancelled(server: Server, http: httpx.Client) -> None:
    """An error in the place of the response."""
    started = post(http, (DATA / "story.mp3").read_bytes(), audioEncoding="MP3", model="real").json()
    cancelled = http.post(f"/operations/{started['id']}:cancel").json()
    assert set(cancelled) == CREATED | {"error"}
    assert cancelled["error"] == {"code": 1, "message": "operation was cancelled", "details": []}
    assert server.api.operation(started["id"]).error.code == 1


def test_the_client_reads_it(http: httpx.Client) -> None:
    """The toolkit reads the JSON of REST as v3 finals."""
    id = recognize(http, pcm(n_channels=2), audioChannelCount=2, **PCM)["id"]
    messages = map(v3.StreamingResponse.FromString, responses_from_json(http.get(f"/operations/{id}").text))
    read = [(m.channel_tag, m.final.alternatives[0].words[0].start_time_ms) for m in messages]
    assert read == [("0", 500), ("1", 1500), ("0", 2000)]


def test_real_recognition(http: httpx.Client) -> None:
    """The embedded recognizer behind it."""
    done = recognize(http, talk()[44:], audioEncoding="LINEAR16_PCM", sampleRateHertz=16000, model="real")
    assert "good morning" in " ".join(text for _, text in texts(done)).lower()
