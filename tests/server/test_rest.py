"""The REST API of the local server, by plain HTTP."""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from local_server import DATA, Server, wait_until, wav

from speechkit_nb.errors import ServerError
from speechkit_nb.server.ports import Address, listen
from speechkit_nb.wire import responses_from_json, v3

SCRIPT = "word,start,end,channel\nhello,0.5,0.9,0\nthere,0.9,1.2,0\ngood,1.5,1.8,1\nbye,2.6,3.0,0\n"
CREATED = {"id", "description", "createdAt", "createdBy", "modifiedAt", "done", "metadata"}
RECOGNIZE = "/stt/v3/recognizeFileAsync"
FETCH = "/stt/v3/getRecognition"


class Rest:
    """A server and an HTTP client of it."""

    def __init__(self, **settings: Any) -> None:
        self.server = Server(rest="127.0.0.1:0", **settings)
        self.http = httpx.Client(base_url=self.server.rest, timeout=30)

    def submit(self, audio: bytes, **fields: Any) -> Any:
        """The operation as JSON."""
        body = {"content": base64.b64encode(audio).decode(), **fields}
        return self.http.post(RECOGNIZE, json=body).raise_for_status().json()

    def wait(self, operation_id: str) -> Any:
        """The operation when it is done."""
        wait_until(lambda: bool(self.http.get(f"/operations/{operation_id}").json()["done"]))
        return self.http.get(f"/operations/{operation_id}").json()

    def done(self, audio: bytes, **fields: Any) -> str:
        """The id of an operation that is done."""
        return str(self.wait(self.submit(audio, **fields)["id"])["id"])

    def fetch(self, operation_id: str) -> httpx.Response:
        return self.http.get(FETCH, params={"operation_id": operation_id})

    def close(self) -> None:
        self.http.close()
        self.server.close()


@pytest.fixture(scope="module")
def rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    """One server for the module."""
    folder = tmp_path_factory.mktemp("rest")
    (folder / "talk.csv").write_text(SCRIPT)
    (folder / "folder").mkdir()
    models = {
        "general": f"scripted:{folder}/talk.csv",
        "published": f"scripted:{DATA}/answers/rest_v3.json",
        "nothing": f"scripted:{folder}/folder",
    }
    rest = Rest(models=models)
    yield rest
    rest.close()


@pytest.fixture
def start_faulty(tmp_path: Path) -> Iterator[Any]:
    """Starts servers with faults."""
    (tmp_path / "talk.csv").write_text(SCRIPT)
    started: list[Rest] = []

    def start(*faults: str) -> Rest:
        started.append(Rest(models={"general": f"scripted:{tmp_path}/talk.csv"}, faults=faults))
        return started[-1]

    yield start
    for rest in started:
        rest.close()


def test_operations_have_the_keys_of_the_cloud(rest: Rest) -> None:
    """Metadata is null while it runs, and gone when it is done; `done` is always there; no response in v3."""
    created = rest.submit(wav(4))
    assert set(created) == CREATED
    assert (created["done"], created["metadata"]) == (False, None)
    assert created["description"] == "STT v3 async recognition"
    assert re.fullmatch("f8d[a-z0-9]{17}", created["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", created["createdAt"])
    done = rest.wait(created["id"])
    assert set(done) == CREATED - {"metadata"}
    assert done["done"] is True


def test_failed_operation_holds_its_error(rest: Rest) -> None:
    """Code, message and details; getRecognition answers with the same words in its own form."""
    failed = rest.wait(rest.submit(wav(), recognitionModel={"model": "nothing"})["id"])
    assert set(failed) == CREATED - {"metadata"} | {"error"}
    assert (failed["error"]["code"], failed["error"]["details"]) == (3, [])
    answer = rest.fetch(failed["id"])
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "grpcCode": 3,
        "httpCode": 400,
        "message": failed["error"]["message"],
        "httpStatus": "Bad Request",
        "details": [],
    }


def test_result_is_one_object_to_a_line(rest: Rest) -> None:
    """int64 as strings, zeros written out, unset messages left out; the messages are those of gRPC."""
    id = rest.done(wav(4, n_channels=2))
    answer = rest.fetch(id)
    assert answer.headers["content-type"] == "application/json"
    objects = [json.loads(line) for line in answer.text.splitlines()]
    assert [set(item) for item in objects] == [{"result"}] * 9
    first = objects[0]["result"]
    assert set(first) == {"sessionUuid", "audioCursors", "responseWallTimeMs", "final", "channelTag"}
    assert first["audioCursors"]["resetTimeMs"] == first["audioCursors"]["finalIndex"] == "0"
    (alternative,) = first["final"]["alternatives"]
    assert alternative["words"][0] == {"text": "hello", "startTimeMs": "500", "endTimeMs": "900"}
    assert (alternative["confidence"], alternative["languages"]) == (0, [])
    assert '"confidence":0,' in answer.text
    parse = v3.StreamingResponse.FromString
    assert [*map(parse, responses_from_json(answer.text))] == [*map(parse, rest.server.api.messages(id))]


def test_published_answer_comes_back_as_it_was_printed(rest: Rest) -> None:
    """A recorded answer of the service, replayed, is printed as the service printed it."""
    id = rest.done(wav(), recognitionModel={"model": "published"})
    objects = [json.loads(line) for line in rest.fetch(id).text.splitlines()]
    decoder, text, printed = json.JSONDecoder(), (DATA / "answers/rest_v3.json").read_text(), []
    while text := text.strip():
        value, end = decoder.raw_decode(text)
        printed.append(value)
        text = text[end:]
    assert objects == printed


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", None])
def test_body_is_json_whatever_its_type(rest: Rest, content_type: str | None) -> None:
    """As `curl -d` sends it; snake and camel case, enums as names, unknown keys."""
    content = base64.b64encode(wav(4)).decode()
    model = {
        "model": "general",
        "audio_format": {"containerAudio": {"container_audio_type": "WAV"}},
        "novel": {"a": [1]},
    }
    body = json.dumps({"content": content, "recognition_model": model})
    headers = {"content-type": content_type} if content_type else {}
    request = rest.http.build_request("POST", RECOGNIZE, content=body.encode(), headers=headers)
    answer = rest.http.send(request)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == CREATED


def test_silence_is_an_empty_body(rest: Rest) -> None:
    """Without speech the answer is empty."""
    answer = rest.fetch(rest.done(wav(0.2)))
    assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize("key", ["operation_id", "operationId"])
def test_delete(rest: Rest, key: str) -> None:
    """The id is in the query, in either spelling; then the result is gone."""
    id = rest.done(wav(4))
    assert rest.http.get(FETCH, params={key: id}).status_code == 200
    assert rest.http.delete("/stt/v3/deleteRecognition", params={key: id}).json() == {}
    gone = rest.fetch(id)
    assert (gone.status_code, gone.json()["error"]["message"]) == (404, f"operation ID not found {id}")
    assert rest.http.delete("/stt/v3/deleteRecognition", params={key: id}).json() == {
        "code": 5,
        "message": f"operation ID not found {id}",
        "details": [],
    }


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_not_ready_and_cancel(start_faulty: Any, verb: str) -> None:
    """A result that is not there yet is a 404 with the words clients look for; cancelling ends the wait."""
    rest = start_faulty("never-done")
    id = rest.submit(wav())["id"]
    waiting = rest.fetch(id)
    assert waiting.status_code == 404
    assert waiting.json()["error"] == {
        "grpcCode": 5,
        "httpCode": 404,
        "message": f"operation data is not ready {id}",
        "httpStatus": "Not Found",
        "details": [],
    }
    assert rest.http.get(f"/operations/{id}").json()["metadata"] is None
    cancelled = rest.http.request(verb, f"/operations/{id}:cancel").json()
    assert cancelled["done"] is True
    assert cancelled["error"] == {"code": 1, "message": "operation was cancelled", "details": []}


WAV = base64.b64encode(wav()).decode()
REFUSED = {
    "no JSON": (b"{", 400, 3, "the body is no JSON: "),
    "no text": (b"\xff\xfe\xfd", 400, 3, "the body is no JSON: "),
    "nested": (b"[" * 100_000, 400, 3, "the body is no JSON: "),
    "nothing": (b"", 400, 3, "the body is no JSON: "),
    "no object": (b"[]", 400, 3, "the body is [], where an object is expected"),
    "no audio": (b"{}", 400, 3, "no audio: neither content nor uri is set"),
    "wrong type": ({"recognitionModel": 5}, 400, 3, "the body is no RecognizeFileRequest: "),
    "no base64": ({"content": "a"}, 400, 3, "the body is no RecognizeFileRequest: "),
    "both": (
        {"uri": "https://storage.yandexcloud.net/a/b", "content": WAV},
        400,
        3,
        "should not have multiple",
    ),
    "no WAV": ({"content": "aGVsbG8="}, 400, 3, "Invalid audio received"),
    "model": ({"content": WAV, "recognitionModel": {"model": "grand"}}, 400, 3, "no model 'grand'"),
    "no bucket": ({"uri": "https://storage.yandexcloud.net/a/b"}, 400, 3, "start it with --bucket-root DIR"),
    "cloud only": (
        {"content": WAV, "recognitionClassifier": {"classifiers": [{"classifier": "gender"}]}},
        501,
        12,
        "no classifier 'gender', which needs a trained model",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_submissions(rest: Rest, case: str) -> None:
    """Status, code and words; details are an empty list."""
    body, status, code, words = REFUSED[case]
    answer = rest.http.post(RECOGNIZE, content=body if isinstance(body, bytes) else json.dumps(body))
    assert answer.status_code == status, answer.text
    error = answer.json()
    assert (error["code"], error["details"]) == (code, [])
    assert words in error["message"]


def test_too_large_a_body_is_a_413(rest: Rest) -> None:
    """It is read to its end, so that the caller gets to the answer, and not kept."""
    answer = rest.http.post(RECOGNIZE, content=(b" " * (1 << 20) for _ in range(65)))
    assert answer.status_code == 413
    assert answer.json()["message"] == "the body has 68157440 bytes; at most 67108864 are taken"


@pytest.mark.parametrize(
    ("verb", "path", "status", "body"),
    [
        ("GET", "/nowhere", 404, {"code": 5, "message": "Not Found", "details": []}),
        ("GET", "/endpoints/", 404, {"code": 5, "message": "Not Found", "details": []}),
        ("PUT", RECOGNIZE, 405, {"code": 12, "message": "Method Not Allowed", "details": []}),
        (
            "GET",
            "/operations/e03x",
            404,
            {"code": 5, "message": "operation ID not found e03x", "details": []},
        ),
        (
            "DELETE",
            "/stt/v3/deleteRecognition",
            400,
            {
                "code": 3,
                "message": "operation_id has 0 characters; it must have 1 to 50",
                "details": [],
            },
        ),
    ],
)
def test_refused_paths(rest: Rest, verb: str, path: str, status: int, body: dict[str, Any]) -> None:
    """Unknown paths and verbs have JSON errors as well."""
    answer = rest.http.request(verb, path)
    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:8080", 404), ("[::1]:1", 404), ("127.0.0.1", 404), ("example.com", 403)]
)
def test_a_server_without_keys_is_for_this_machine(rest: Rest, host: str, status: int) -> None:
    """A web page whose host name resolves to this address gets an error."""
    assert rest.http.get("/operations/x", headers={"host": host}).status_code == status


def test_ids_in_the_headers(rest: Rest) -> None:
    """Each answer, also an error, has its own ids; the result holds the id of the caller."""
    answers = [rest.http.get(path) for path in ("/endpoints", "/endpoints", "/nowhere")]
    for name in ("x-request-id", "x-server-trace-id"):
        assert len({answer.headers[name] for answer in answers}) == 3
    body = {"content": base64.b64encode(wav(4)).decode()}
    id = rest.http.post(RECOGNIZE, json=body, headers={"X-Client-Request-Id": "mine"}).json()["id"]
    rest.wait(id)
    first = json.loads(rest.fetch(id).text.splitlines()[0])
    assert first["result"]["sessionUuid"]["userRequestId"] == "mine"


def test_endpoints(rest: Rest) -> None:
    """Every service is at the address of the request."""
    address = rest.server.rest.removeprefix("http://")
    listed = rest.http.get("/endpoints").json()
    assert {item["id"] for item in listed["endpoints"]} == {
        "ai-stt",
        "ai-stt-v3",
        "endpoint",
        "iam",
        "operation",
    }
    assert {item["address"] for item in listed["endpoints"]} == {address}
    assert rest.http.get("/endpoints/ai-stt-v3").json() == {"id": "ai-stt-v3", "address": address}
    missing = rest.http.get("/endpoints/compute")
    assert (missing.status_code, missing.json()["code"]) == (404, 5)


def test_broken_stream_ends_in_an_error_line(start_faulty: Any) -> None:
    """The HTTP status is sent by then: the last line is the error; the next fetch is complete."""
    rest = start_faulty("cut:GetRecognition:2")
    id = rest.done(wav(4))
    broken = rest.fetch(id)
    *results, last = map(json.loads, broken.text.splitlines())
    assert (broken.status_code, [set(item) for item in results]) == (200, [{"result"}] * 2)
    assert (last["error"]["grpcCode"], last["error"]["httpCode"]) == (14, 503)
    assert len(rest.fetch(id).text.splitlines()) == 6


def test_refusals_on_demand(start_faulty: Any) -> None:
    """So many times, then the answer; a quota comes with Retry-After."""
    rest = start_faulty(
        "unavailable:RecognizeFile:1", "refuse:Get:RESOURCE_EXHAUSTED:1", "refuse:Cancel:UNAUTHENTICATED:1"
    )
    body = {"content": base64.b64encode(wav(4)).decode()}
    unavailable = rest.http.post(RECOGNIZE, json=body)
    assert (unavailable.status_code, unavailable.json()["code"]) == (503, 14)
    id = rest.http.post(RECOGNIZE, json=body).json()["id"]
    quota = rest.http.get(f"/operations/{id}")
    assert (quota.status_code, quota.headers["retry-after"]) == (429, "1")
    assert quota.json() == {
        "code": 8,
        "message": "Get is resource exhausted: a fault for tests",
        "details": [],
    }
    assert rest.http.get(f"/operations/{id}").status_code == 200
    refused = rest.http.get(f"/operations/{id}:cancel")
    assert (refused.status_code, set(refused.json())) == (401, {"message"})


def test_proxies_on_demand(start_faulty: Any) -> None:
    """A page instead of JSON, and a redirect to another place."""
    rest = start_faulty("html:Get:502:1", "redirect:Get:1:http://127.0.0.1:9/elsewhere")
    page = rest.http.get("/operations/x")
    assert (page.status_code, page.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert "<h1>502 Bad Gateway</h1>" in page.text
    moved = rest.http.get("/operations/x")
    assert (moved.status_code, moved.headers["location"]) == (307, "http://127.0.0.1:9/elsewhere")
    assert rest.http.get("/operations/x").json()["code"] == 5


@pytest.mark.parametrize("method", ["RecognizeFile", "GetRecognition"])
def test_bodies_cut_in_the_middle(start_faulty: Any, method: str) -> None:
    """The connection ends before the body does."""
    rest = start_faulty(f"half:{method}:1")
    if method == "RecognizeFile":
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            rest.submit(wav(4))
    id = rest.done(wav(4))
    if method == "GetRecognition":
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            rest.fetch(id)
    assert len(rest.fetch(id).text.splitlines()) == 6


def test_gzip_on_demand(start_faulty: Any) -> None:
    """Compressed for who takes that."""
    rest = start_faulty("gzip")
    answer = rest.fetch(rest.done(wav(4)))
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.text.splitlines()) == 6


def test_answers_are_sent_without_delay() -> None:
    """A socket that does not name its protocol gets no TCP_NODELAY, and 40 ms an answer."""
    with listen(Address("127.0.0.1", 0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_a_taken_port_is_an_error(rest: Rest) -> None:
    """The error names the address."""
    address = Address.parse(rest.server.rest.removeprefix("http://"))
    with pytest.raises(ServerError, match=f"cannot listen at {address}: the port is in use"):
        listen(address)
