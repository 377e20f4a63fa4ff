"""REST: every format of a body and of an error, changes by proxies, and redirects."""

from __future__ import annotations

import gzip
import json
import logging
import re
import time
from collections.abc import Iterator

import pytest
from http_stub import Answer, StubServer, run_stub
from local_server import DATA, Server, wav

import speechkit_nb as sk
from speechkit_nb.client.auth.credentials import FixedCredentials
from speechkit_nb.client.transport import retry
from speechkit_nb.client.transport.base import Identity
from speechkit_nb.client.transport.endpoints import KAZAKHSTAN, Endpoints
from speechkit_nb.client.transport.rest import RestTransport
from speechkit_nb.errors import (
    Denied,
    Exhausted,
    JobUnknown,
    LimitError,
    NoAnswer,
    NotFound,
    NotReady,
    Rejected,
    ServiceError,
    Unreachable,
)
from speechkit_nb.wire import responses_from_json, v2, v3

RECORDED = (DATA / "answers" / "rest_v3.json").read_text()
OBJECTS = [json.loads(part) for part in RECORDED.replace("}\n{", "}\0{").split("\0")]
EXPECTED = responses_from_json(RECORDED)
FETCH = "/stt/v3/getRecognition"
SUBMIT = "/stt/v3/recognizeFileAsync"
KEY = "AQVN-this-is-the-key"


@pytest.fixture
def service() -> Iterator[StubServer]:
    with run_stub() as server:
        yield server


@pytest.fixture
def transport(service) -> Iterator[RestTransport]:
    identity = Identity(FixedCredentials("Api-Key", KEY, "api_key"))
    opened = RestTransport(service.url, Endpoints.at(service.url), identity=identity)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch) -> None:
    """Retries come at once."""
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.0)


def fetch_messages(transport: RestTransport) -> list[bytes]:
    return [message for message, _ in transport.fetch("f8d")]


# ---- bodies


@pytest.mark.parametrize(
    "body",
    [
        RECORDED,
        "\n".join(map(json.dumps, OBJECTS)),
        "".join(json.dumps(item["result"]) for item in OBJECTS),
        json.dumps(OBJECTS),
        RECORDED + "\n\n",
    ],
    ids=["pretty-printed", "one per line", "unwrapped", "array", "newlines at the end"],
)
def test_every_layout_of_a_body_gives_the_same_messages(service, transport, body):
    """The messages are the same bytes, however the service or a proxy formats the JSON."""
    service.answer(FETCH, Answer(body=body))
    assert fetch_messages(transport) == EXPECTED


def test_an_empty_body_is_a_result_without_messages(service, transport):
    """Nothing was recognized."""
    service.answer(FETCH, Answer(body=""))
    assert fetch_messages(transport) == []


def test_messages_have_the_time_of_their_arrival(service, transport):
    """Seconds since the epoch."""
    service.answer(FETCH, Answer(body=RECORDED))
    before = time.time()
    assert all(before <= received_at <= time.time() for _, received_at in transport.fetch("f8d"))


def test_a_compressed_body(service, transport):
    """gzip, as a proxy may choose."""
    service.answer(FETCH, Answer(body=gzip.compress(RECORDED.encode()), headers={"content-encoding": "gzip"}))
    assert fetch_messages(transport) == EXPECTED


WHOLE = Answer(body=RECORDED)
CUT = {
    "by its length": Answer(body=RECORDED[:900], content_length=len(RECORDED)),
    "without a length": Answer(body=RECORDED[:900], content_length=-1),
    "compressed": Answer(
        body=gzip.compress(RECORDED.encode())[:200], headers={"content-encoding": "gzip"}, content_length=-1
    ),
    "in a letter": Answer(body='{"result": {"channelTag": "я'.encode()[:-1]),
}


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
def test_an_incomplete_body_is_fetched_again(service, transport, cut):
    """Nothing of the incomplete body is kept."""
    service.answer(FETCH, cut, WHOLE)
    assert fetch_messages(transport) == EXPECTED


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
def test_a_body_that_stays_incomplete_is_one_clear_error(service, transport, cut):
    """After a few retries."""
    service.answer(FETCH, cut)
    with pytest.raises(NoAnswer, match=r"http://127\.0\.0\.1:\d+ did not answer \("):
        transport.fetch("f8d")
    assert len(service.requests) == 5


def test_a_page_instead_of_json(service, transport):
    """A proxy asks for a login: the error has the title of the page, not its markup."""
    page = Answer(body="<html><title>Sign in</title></html>", headers={"content-type": "text/html"})
    service.answer("/operations/f8d", page)
    with pytest.raises(NoAnswer, match=r"did not answer \(a page of HTML, 'Sign in', instead of JSON\)"):
        transport.status("f8d")


# ---- errors

STREAM = {"error": {"grpcCode": 5, "httpCode": 404, "message": "no such", "httpStatus": "Not Found"}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (404, json.dumps(STREAM), NotFound, "NOT_FOUND: no such"),
        (404, '{"code": 5, "message": "no such", "details": []}', NotFound, "NOT_FOUND: no such"),
        (400, '{"error_code": "BAD_REQUEST", "error_message": "no"}', Rejected, "INVALID_ARGUMENT: no"),
        (401, '{"message": "who are you"}', Denied, r"UNAUTHENTICATED: who are you\. Is the key"),
        (403, '{"code": 7, "message": "no"}', Denied, r"PERMISSION_DENIED: no\..* role ai\.speechkit-stt"),
        (404, '{"code": 5, "message": "operation data is not ready f8d"}', NotReady, "not ready f8d"),
        (413, "too big", Rejected, "accepts no request of this size .*HTTP 413.* Object Storage"),
        (500, '{"code": 13, "message": "oops"}', ServiceError, "INTERNAL: oops"),
        (404, "<html><title>404</title></html>", NotFound, "NOT_FOUND: Not Found, with a body"),
        (418, "", ServiceError, "UNKNOWN: I'm a Teapot"),
        (200, json.dumps(STREAM), NotFound, "NOT_FOUND: no such"),
        (200, RECORDED + json.dumps(STREAM), NotFound, "NOT_FOUND: no such"),
    ],
)
def test_every_format_of_an_error(service, transport, status, body, kind, words):
    """Four formats of JSON, with and without a code, and no JSON: the class, and the service's message."""
    service.answer(FETCH, Answer(status, body))
    with pytest.raises(kind, match=words):
        transport.fetch("f8d")


def test_a_service_that_quotes_the_key(service, transport):
    """Its message is in the error, the key is not."""
    service.answer(FETCH, Answer(401, json.dumps({"code": 16, "message": f"unknown key {KEY}"})))
    with pytest.raises(Denied, match=r"unknown key \*\*\*") as caught:
        transport.fetch("f8d")
    assert KEY not in repr(vars(caught.value))


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_temporary_failures_are_retried(service, transport, status):
    """For calls that are safe to repeat."""
    service.answer("/operations/f8d", Answer(status, "busy"), Answer(body='{"id": "f8d", "done": true}'))
    assert transport.status("f8d").done
    assert len(service.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_other_failures_are_not_retried(service, transport, status):
    """Retries would only cost time."""
    service.answer("/operations/f8d", Answer(status, "no"))
    with pytest.raises(ServiceError, match="the service answered"):
        transport.status("f8d")
    assert len(service.requests) == 1


def test_retries_are_logged_in_our_own_words(service, transport, caplog):
    """At a level that is not shown by default."""
    service.answer("/operations/f8d", Answer(503, "busy"), Answer(body='{"id": "f8d", "done": true}'))
    with caplog.at_level(logging.INFO):
        assert transport.status("f8d").done
    (record,) = [record for record in caplog.records if record.name.startswith("speechkit_nb")]
    assert record.levelno == logging.INFO
    assert re.fullmatch(
        r"http://\S+ did not answer \(.*\); it is called again in 0\.0 s", record.getMessage()
    )
    assert {other.levelno for other in caplog.records} == {logging.INFO}


def test_retry_after_is_waited_for(service, transport):
    """If it is within the retry budget of a call."""
    service.answer(
        "/operations/f8d", Answer(429, headers={"retry-after": "1"}), Answer(body='{"done": true}')
    )
    began = time.monotonic()
    assert transport.status("f8d").done
    assert time.monotonic() - began >= 1.0


def test_a_retry_after_beyond_the_budget_is_an_error_at_once(service, transport):
    """A call does not wait an hour."""
    service.answer("/operations/f8d", Answer(429, headers={"retry-after": "3600"}))
    with pytest.raises(Exhausted, match=r"RESOURCE_EXHAUSTED: .*it asks to wait 3600 s"):
        transport.status("f8d")
    assert len(service.requests) == 1


def test_an_operation_with_an_error_has_failed(service, transport):
    """Even if it is not marked as done."""
    body = '{"id": "f8d", "done": false, "error": {"code": 3, "message": "bad audio", "details": []}}'
    service.answer("/operations/f8d", Answer(body=body))
    status = transport.status("f8d")
    assert (status.done, status.cancelled, status.error.code) == (True, False, "INVALID_ARGUMENT")


# ---- redirects


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_credentials_do_not_follow_a_redirect(service, transport, status):
    """No redirect is followed; the error names its host, and no secret."""
    with run_stub() as elsewhere:
        elsewhere.answer(FETCH, WHOLE)
        service.answer(FETCH, Answer(status, headers={"location": f"{elsewhere.url}{FETCH}?token=hidden"}))
        with pytest.raises(Rejected, match=rf"redirects to 127\.0\.0\.1:\d+ \(HTTP {status}\)") as caught:
            transport.fetch("f8d")
        assert elsewhere.requests == []
    assert "hidden" not in str(caught.value)


# ---- submissions

REQUEST = v3.RecognizeFileRequest(content=b"sound", recognition_model={"model": "general"})


def test_a_request_has_its_headers_and_is_json(service, transport):
    """The key, the id of the request, and the audio in base64."""
    service.answer(SUBMIT, Answer(body='{"id": "f8dnew"}'))
    assert transport.submit(REQUEST, "a-b-c") == "f8dnew"
    (request,) = service.requests
    assert request.headers["authorization"] == f"Api-Key {KEY}"
    assert request.headers["x-client-request-id"] == "a-b-c"
    assert request.headers["content-type"] == "application/json"
    assert "x-folder-id" not in request.headers
    assert "x-data-logging-enabled" not in request.headers
    assert json.loads(request.body) == {"content": "c291bmQ=", "recognitionModel": {"model": "general"}}


AMBIGUOUS = {
    "500": Answer(500, "oops"),
    "502": Answer(502, "<html>"),
    "503": Answer(503, '{"code": 14, "message": "busy"}'),
    "504": Answer(504, "late"),
    "page": Answer(200, "<html>"),
    "cut": Answer(200, '{"id": "f8', content_length=100),
    "no id": Answer(200, "{}"),
}


@pytest.mark.parametrize("answer", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_submission_that_may_have_arrived_is_not_retried(service, transport, answer):
    """One request, whatever the response; it is unknown whether the service charges for it."""
    service.answer(SUBMIT, answer)
    with pytest.raises(NoAnswer, match="did not answer"):
        transport.submit(REQUEST, "id")
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 501])
def test_a_refused_submission_is_not_retried_either(service, transport, status):
    """It was not accepted: the error has the reason."""
    service.answer(SUBMIT, Answer(status, '{"message": "no"}'))
    with pytest.raises(ServiceError, match="no") as caught:
        transport.submit(REQUEST, "id")
    assert not isinstance(caught.value, NoAnswer)
    assert len(service.requests) == 1


def test_a_host_that_does_not_exist(service):
    """Nothing was sent, so the job has failed and is not unknown."""
    nowhere = RestTransport("https://nowhere.invalid", Endpoints.at("https://nowhere.invalid"))
    with pytest.raises(Unreachable, match=r"cannot connect to https://nowhere\.invalid \(ConnectError"):
        nowhere.submit(REQUEST, "id")
    nowhere.close()


def test_the_inline_limit_of_json_is_lower(service, tmp_path):
    """Base64 makes 60 MB of 45: the error comes before anything is read, with the ways out."""
    big = tmp_path / "big.wav"
    with big.open("wb") as file:
        file.write(wav(0.1)[:40] + (46_000_000).to_bytes(4, "little"))
        file.truncate(44 + 46_000_000)
    with (
        sk.connect(service.url) as client,
        pytest.raises(LimitError, match=r"big\.wav.* a request takes 44\.9 MB.*Object Storage"),
    ):
        client.submit(big)
    assert service.requests == []


# ---- hosts


def test_each_call_goes_to_the_host_of_its_service(service):
    """v3 to one, v2 to another, operations to a third, as in the cloud."""
    with run_stub() as transcribe, run_stub() as operations:
        hosts = Endpoints(stt_rest=service.url, transcribe_rest=transcribe.url, operation_rest=operations.url)
        service.answer(SUBMIT, Answer(body='{"id": "f8d"}'))
        transcribe.answer("/speech/stt/v2/longRunningRecognize", Answer(body='{"id": "e03"}'))
        operations.answer("/operations/f8d", Answer(body='{"id": "f8d", "done": true}'))
        transport = RestTransport("cloud", hosts)
        assert transport.submit(REQUEST, "id") == "f8d"
        assert transport.submit_v2(v2.LongRunningRecognitionRequest(), "id") == "e03"
        assert transport.status("f8d").done
        transport.close()


# ---- a region without operations


def test_without_operations_the_result_is_fetched(service):
    """As in Kazakhstan: "not ready" means running, an error is that of the job; jobs cannot be cancelled."""
    assert (KAZAKHSTAN.operation, KAZAKHSTAN.operation_rest) == (None, None)
    transport = RestTransport(service.url, Endpoints(stt_rest=service.url))
    not_ready = Answer(404, '{"code": 5, "message": "operation data is not ready f8d"}')
    service.answer(FETCH, not_ready, Answer(400, '{"code": 3, "message": "bad audio"}'), WHOLE)
    assert not transport.status("f8d").done
    assert transport.status("f8d").error.code == "INVALID_ARGUMENT"
    assert transport.status("f8d").done
    assert fetch_messages(transport) == EXPECTED
    with pytest.raises(Rejected, match="has no operation endpoint, so a job cannot be cancelled"):
        transport.cancel("f8d")
    service.answer(FETCH, Answer(404, '{"code": 5, "message": "operation ID not found"}'))
    with pytest.raises(NotFound, match="not found"):
        transport.status("f8d")
    transport.close()


# ---- failures of the local server


@pytest.mark.parametrize(
    "fault",
    ["half:Get:2", "half:GetRecognition:2", "html:Get:503:2", "html:GetRecognition:502:1", "gzip"],
)
def test_a_job_survives_broken_proxies(script, fault):
    """From submission to transcript."""
    server = Server(rest="127.0.0.1:0", models={"general": f"scripted:{script}"}, faults=[fault])
    with sk.connect(server.rest) as client:
        transcript = client.submit(wav(2.0)).result(timeout=60, progress=False)
        assert transcript.text == "hello world"
    server.close()


@pytest.mark.parametrize("fault", ["half:RecognizeFile:1", "html:RecognizeFile:502:1"])
def test_a_submission_through_a_broken_proxy_is_unknown(script, fault):
    """Only the user can send it again."""
    server = Server(rest="127.0.0.1:0", models={"general": f"scripted:{script}"}, faults=[fault])
    with sk.connect(server.rest) as client:
        with pytest.raises(JobUnknown, match=r"did not answer.* billed twice"):
            client.submit(wav(2.0))
        assert client.jobs().status.tolist() == ["unknown"]
    server.close()
