"""What a hostile or unlucky caller, disk or database cannot do to the local server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import socket
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import psutil
import pytest
from faulty_disk import FULL, failing_disk
from flood import long_opus, raw
from live_sessions import Session, chunk, options, silence
from local_server import RECOGNIZER, Api, Server, serving, wait_until, wav

from speechkit_nb.server.api import rest_server
from speechkit_nb.server.api.rest import run_http
from speechkit_nb.server.operations.runner import Runner
from speechkit_nb.server.operations.store import Store, Work
from speechkit_nb.server.operations.store_threads import StoreThreads
from speechkit_nb.server.ports import Address, listen
from speechkit_nb.server.status import Code, StatusError
from speechkit_nb.server.workers.pool import Pool
from speechkit_nb.wire import methods, v2, v3

NUMBERS = {
    1: (math.nan, math.inf, -1.0),  # double
    2: (math.nan, math.inf, -1.0),  # float
    3: (2**63 - 1, -(2**63), -1),  # int64
    5: (2**31 - 1, -(2**31), -1),  # int32
    14: (2**31 - 1, -1),  # an enum
}
"""Values to try, by the type of a field as descriptors number it."""
EXPECTED = {"INVALID_ARGUMENT", "UNIMPLEMENTED", "OUT_OF_RANGE", "OK"}


@pytest.fixture(scope="module")
def server(script: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("limits")
    started = Server(
        rest="127.0.0.1:0",
        models={"general": f"scripted:{script}"},
        data_dir=folder,
        streams={"sessions": 2},
    )
    yield started
    started.close()


def numeric_fields(descriptor: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Path and value for each number and enum of a message and of the messages in it."""
    for field in descriptor.fields:
        here = (*path, field.name)
        if field.message_type is not None and len(here) < 6:
            yield from numeric_fields(field.message_type, here)
        for value in NUMBERS.get(field.type, ()):
            yield here, value


def put(message: Any, path: tuple[str, ...], value: Any) -> None:
    """Set a field in a message of a message; of a repeated one the first element."""
    *parents, last = path
    for name in parents:
        message = getattr(message, name)
        message = message.add() if hasattr(message, "add") else message
    with contextlib.suppress(ValueError):  # an enum whose values are closed
        if hasattr(getattr(message, last), "append"):
            getattr(message, last).append(value)
        else:
            setattr(message, last, value)


def outcome(api: Api, service: str, method: str, request: Any) -> str:
    """The code of the refusal, or of the operation when it is done."""
    try:
        done = api.wait(api.call(service, method, request).id)
    except grpc.RpcError as error:
        return error.code().name
    return Code(done.error.code).name if done.error.code else "OK"


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_every_number_of_a_file_request(server: Server, version: str) -> None:
    """Whatever the number, the answer is a result or a refusal, never an error of the server."""
    if version == "v3":
        service, method = RECOGNIZER, "RecognizeFile"
        base = v3.RecognizeFileRequest(content=wav(0.5))
        base.speech_analysis.enable_speaker_analysis = base.speech_analysis.enable_conversation_analysis = (
            True
        )
    else:
        service, method = "yandex.cloud.ai.stt.v2.SttService", "LongRunningRecognize"
        spec = {"audio_encoding": 1, "sample_rate_hertz": 8000}
        base = v2.LongRunningRecognitionRequest(
            config={"specification": spec}, audio={"content": bytes(8000)}
        )
    seen = {}
    for path, value in numeric_fields(base.DESCRIPTOR):
        request = type(base)()
        request.CopyFrom(base)
        put(request, path, value)
        seen[path, repr(value)] = outcome(server.api, service, method, request)
    assert len(seen) > 5
    assert {key: code for key, code in seen.items() if code not in EXPECTED} == {}


def test_every_number_of_a_stream(server: Server) -> None:
    """The same for the messages of a session."""
    seen = {}
    for path, value in numeric_fields(v3.StreamingRequest.DESCRIPTOR):
        request = v3.StreamingRequest()
        first = options()
        put(first if path[0] == "session_options" else request, path, value)
        live = Session(server.api.channel)
        live.send(first, *([request] if request.WhichOneof("Event") else []), chunk(bytes(3200)))
        live.end_requests()
        seen[path, repr(value)] = live.status()[0]
    assert len(seen) > 10
    assert {key: code for key, code in seen.items() if code not in EXPECTED} == {}


def test_numbers_of_channels(server: Server) -> None:
    """Refused before anything is allocated, in a request as well as in the header of a file."""
    expected = "is 500000; it must be 1 to 32"
    for call in (
        lambda: server.api.submit(bytes(1000), recognition_model={"audio_format": raw(500_000)}),
        lambda: server.api.submit(wav(0.1, n_channels=33)),
    ):
        with pytest.raises(grpc.RpcError, match="it must be 1 to 32"):
            call()
    live = Session(server.api.channel)
    live.send(options(n_channels=500_000, full=True))
    live.end_requests()
    code, details = live.status()
    assert (code, expected in details) == ("INVALID_ARGUMENT", True), details


def test_wide_silence_in_a_stream(server: Server) -> None:
    """What a few bytes stand for counts as well, not only the bytes."""
    live = Session(server.api.channel)
    live.send(options(rate=48000, n_channels=32, full=True), silence(299_000))
    live.end_requests()
    code, details = live.status()
    assert code == "OUT_OF_RANGE"
    assert "decoded, the audio has over 67108864 bytes; send fewer channels" in details


def test_a_stream_of_opus_that_lasts_hours(server: Server) -> None:
    """It is decoded only as far as a session may last."""
    live = Session(server.api.channel)
    live.send(options(container="OGG_OPUS"), chunk(long_opus(600)))
    live.end_requests()
    code, details = live.status()
    assert (code, "a session has 300 s" in details) == ("OUT_OF_RANGE", True), details


def test_the_number_of_sessions(server: Server) -> None:
    """One more than may be is refused, and after one has ended there is room again."""
    two = [Session(server.api.channel) for _ in range(2)]
    for live in two:
        live.send(options(), chunk(bytes(32_000)))
        live.until("status_code")
    third = Session(server.api.channel)
    third.send(options())
    code, details = third.status()
    assert code == "RESOURCE_EXHAUSTED"
    assert "already has 2 streaming sessions; begin this one later" in details
    for live in two:
        live.read_rest()
    again = Session(server.api.channel)
    again.send(options())
    assert again.read_rest()[-1].status_code.code_type


ORDERS = [
    [silence(100)],
    [chunk(b"")],
    [options(), options(), chunk(b"")],
    [options(), chunk(b"a"), v3.StreamingRequest(), chunk(b"b")],
    [options(container="WAV"), chunk(b"RIFF"), silence(1), chunk(b"")],
    [options(container="OGG_OPUS"), silence(1)],
    [options(container="MP3"), chunk(b""), chunk(bytes(100))],
    [options(), chunk(b"a" * (17 << 20))],
    [],
]


@pytest.mark.parametrize("requests", ORDERS, ids=range(len(ORDERS)))
def test_messages_in_any_order(server: Server, requests: list[Any]) -> None:
    """A session ends with a result or a refusal."""
    live = Session(server.api.channel)
    live.send(*requests)
    live.end_requests()
    assert live.status()[0] in EXPECTED


def test_a_call_without_a_request(server: Server) -> None:
    """A call that ends, or holds no message of its kind, before its request is refused."""
    path = methods(RECOGNIZER)["RecognizeFile"].path
    for sent, words in (([], "the call ended without a request"), ([b"\xff"], "is no RecognizeFileRequest")):
        with pytest.raises(grpc.RpcError, match=words) as refused:
            server.api.channel.stream_unary(path)(iter(sent), timeout=20)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_names_of_requests(server: Server, http: httpx.Client) -> None:
    """Every message of an answer repeats the name, so it may not be long."""
    words = "x-client-request-id has 201 characters; at most 200 are taken"
    with pytest.raises(grpc.RpcError, match=words):
        server.api.submit(wav(), metadata=[("x-client-request-id", "x" * 201)])
    answer = http.post("/stt/v3/recognizeFileAsync", json={}, headers={"x-client-request-id": "x" * 201})
    assert (answer.status_code, answer.json()["message"]) == (400, words)


BODIES: dict[str, tuple[bytes, str]] = {
    "half of a pair": (b'{"\\ud800": 1}', "the body is no JSON: "),
    "half as value": (b'{"uri": "\\ud800"}', "the body is no JSON: "),
    "half in a list": (b'{"a": [["\\uDFFF"]]}', "the body is no JSON: "),
    "half in UTF-8": (b'{"uri": "\xed\xa0\x80"}', "the body is no JSON: "),
    "whole pair": (b'{"uri": "\\ud83d\\ude00"}', "the uri '😀' is no Object Storage link"),
    "UTF-16": ('{"uri": "ü"}'.encode("utf-16"), "no Object Storage link"),
    "twice": (b'{"uri": "a", "uri": "b"}', "the key 'uri' is in it twice"),
    "many lists": (b"[" + b"[]," * 200_000 + b"1]", "the body has more than 100000 values"),
    "many numbers": (b'{"a": [' + b"1," * 200_000 + b"1]}", "the body has more than 100000 values"),
    "deep": (b'{"a":' * 90_000 + b"1" + b"}" * 90_000, "the body is no JSON"),
    "long number": (b'{"a": ' + b"1" * 5000 + b"}", "the body is no JSON: Exceeds the limit"),
    "number out of range": (b'{"recognitionModel": {"model": 1e999}}', "no RecognizeFileRequest"),
    "NaN": (b'{"speechAnalysis": {"descriptiveStatisticsQuantiles": ["NaN"]}}', "numbers from 0 to 1"),
    "long": (b'{"uri": "' + b"a" * 100_000 + b'"}', "a" * 900),
}


@pytest.mark.parametrize("case", BODIES)
def test_bodies(http: httpx.Client, case: str) -> None:
    """A wrong body is a 400 with a short reason, never an error of the server."""
    body, words = BODIES[case]
    answer = http.post("/stt/v3/recognizeFileAsync", content=body)
    assert answer.status_code == 400, answer.text
    message = answer.json()["message"]
    assert words in message
    assert len(message) < 1100


def test_token_requests_are_short() -> None:
    """Anybody may send them: a large one is not even parsed."""
    server = Server(rest="127.0.0.1:0", oauth_token=["y0_user"])
    with contextlib.closing(server), httpx.Client(base_url=server.rest, timeout=30) as http:
        answer = http.post("/iam/v1/tokens", content=b"[" * (1 << 17))
        assert answer.status_code == 413
        assert answer.json()["message"] == "the body has 131072 bytes; at most 65536 are taken"
        for kind in ("jwt", "yandexPassportOauthToken"):
            for secret, status in (("\ud800", 400), ("a.b.c", 401), ("é", 401), ("", 401)):
                assert http.post("/iam/v1/tokens", content=json.dumps({kind: secret})).status_code == status


@pytest.mark.parametrize("host", ["[::1", "a b", "", "127.0.0.1:99999999", "localhost.", "\xff", "x" * 5000])
def test_names_of_hosts(http: httpx.Client, host: str) -> None:
    """Whatever the header Host holds, it is refused or answered."""
    for path in ("/operations/x", "/endpoints"):
        request = http.build_request("GET", path)
        request.headers.raw[:] = [(b"Host", host.encode("latin-1"))]
        assert http.send(request).status_code in (200, 400, 403, 404)


def exchange(server: Server, sent: bytes, hang_up: bool) -> bytes:
    """What the server answers on a connection of its own."""
    host, _, port = server.rest.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(sent)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        received = []
        with contextlib.suppress(ConnectionResetError):
            received.extend(iter(lambda: connection.recv(65536), b""))
        return b"".join(received)


GET = b"GET /operations/x HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
POST = b"POST /stt/v3/recognizeFileAsync HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (GET * 2 + LAST, [b"404"] * 3),
        (POST + b"Content-Length: 2\r\n\r\n{}" + LAST, [b"400", b"404"]),
        (POST + b"Content-Length: 9\r\n\r\n{}", []),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", [b"400"]),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12", [b"400"]),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", []),
        (b"\x00\xff" * 100, [b"400"]),
    ],
    ids=["pipelined", "pipelined body", "short body", "negative", "two lengths", "long header", "noise"],
)
def test_http_that_is_not_as_it_should_be(server: Server, sent: bytes, statuses: list[bytes]) -> None:
    """Answers in order, a 400, or a closed connection."""
    answers = exchange(server, sent, hang_up=not statuses).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers][: len(statuses)] == statuses
    assert all(answer[:1] == b"4" for answer in answers)


@contextlib.asynccontextmanager
async def http_server() -> AsyncIterator[tuple[str, int]]:
    """An HTTP server of this process, as the local server has it; answers everything with 200."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    with listen(Address("127.0.0.1", 0)) as listener:
        async with run_http(app, listener, None):
            yield listener.getsockname()


def test_a_connection_that_sends_no_request_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its beginning, or after an answer; one that is being answered is not."""
    monkeypatch.setattr(rest_server, "HEAD_SECONDS", 0.2)

    async def run(sent: bytes) -> bytes:
        async with http_server() as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(sent)
            answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            return answer

    for sent, n_answers in ((b"", 0), (b"GET / HT", 0), (GET + b"GET", 1)):
        with contextlib.suppress(ConnectionResetError):
            assert asyncio.run(run(sent)).count(b"200 OK") == n_answers


def test_a_new_connection_takes_the_place_of_a_silent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many that wait do not keep others out."""
    monkeypatch.setattr(rest_server, "MOST_CONNECTIONS", 5)

    async def run() -> None:
        async with http_server() as address:
            silent = [await asyncio.open_connection(*address) for _ in range(20)]
            reader, writer = await asyncio.open_connection(*address)
            writer.write(GET)
            assert await asyncio.wait_for(reader.readexactly(12), 10) == b"HTTP/1.1 200"
            closed = 0
            for other, _ in silent[:10]:
                with contextlib.suppress(ConnectionResetError):
                    await asyncio.wait_for(other.read(), 10)
                closed += 1
            assert closed == 10
            for _, other in [*silent, (None, writer)]:
                other.close()

    asyncio.run(run())


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Another process writes to the operations, and takes long."""
    db = sqlite3.connect(folder / "operations.sqlite", isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    yield
    db.execute("ROLLBACK")
    db.close()


def test_a_locked_database_stops_only_what_writes(script: Path, tmp_path: Path) -> None:
    """Reading and streaming go on; a submission waits, and is stored when the lock is gone."""
    with serving(models={"general": f"scripted:{script}"}, data_dir=tmp_path) as api:
        done = api.wait(api.submit(wav(2.0)).id)
        submitted: list[Any] = []
        with locked(tmp_path):
            waiting = threading.Thread(target=lambda: submitted.append(api.submit(wav(2.0))))
            waiting.start()
            time.sleep(0.3)
            assert api.operation(done.id).done
            assert len(api.messages(done.id)) == 3
            live = Session(api.channel)
            live.send(options(), chunk(bytes(64_000)))
            assert live.read_rest()
            assert submitted == []
        waiting.join()
        assert api.wait(submitted[0].id).done


def test_a_full_disk(script: Path, tmp_path: Path) -> None:
    """A result that cannot be stored is stored when there is room again; what is submitted is refused."""

    async def run() -> list[bytes]:
        store = StoreThreads(Store(tmp_path))
        runner = Runner(store, Pool(1), heartbeat_seconds=0.05)
        work = Work("", f"scripted:{script}", v3.RecognizeFileRequest().SerializeToString(), wav(2.0))
        id = await store.write(Store.create, work, "")
        with failing_disk(FULL) as failed:
            runner.start(id)
            while not failed:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            assert not (await store.read(Store.operation, id)).done
            with pytest.raises(StatusError, match=r"cannot read or write its operations now: .*full"):
                await store.write(Store.create, work, "")
            with pytest.raises(StatusError, match="full"):
                await runner.maintain_once()
        for _ in range(200):
            if (await store.read(Store.operation, id)).done:
                break
            await asyncio.sleep(0.05)
        messages = await store.read(Store.messages, id)
        await runner.close()
        await store.close()
        return messages

    assert len(asyncio.run(run())) == 3


def test_a_caller_who_hangs_up(server: Server) -> None:
    """What was stored is worked on all the same: no operation stays behind that nobody works on."""
    path = methods(RECOGNIZER)["RecognizeFile"].path
    request = v3.RecognizeFileRequest(content=wav(2.0)).SerializeToString()
    for delay in (0.0, 0.001, 0.002, 0.004, 0.008):
        call = server.api.channel.unary_unary(path).future(request)
        time.sleep(delay)
        call.cancel()
    folder = next(find_database(server))
    wait_until(lambda: count_running(folder) == 0)


def find_database(server: Server) -> Iterator[str]:
    for file in psutil.Process(server.process.pid).open_files():
        if file.path.endswith("operations.sqlite"):
            yield file.path


def count_running(path: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM operations WHERE state = 'running'").fetchone()[0])
