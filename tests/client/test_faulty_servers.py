"""A server that does everything wrong: each call ends in time, with one error of the toolkit."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest
from faulty_server import GRPC, REST, run_faulty_grpc, run_faulty_rest, run_silent_socket
from local_server import Server, wav

import speechkit_nb as sk
from speechkit_nb.client.clock import time_limit
from speechkit_nb.client.jobs import submitter
from speechkit_nb.client.storage import backends
from speechkit_nb.client.streaming import reconnect
from speechkit_nb.client.streaming.sender import SessionLimits
from speechkit_nb.client.transport import grpc, http, retry
from speechkit_nb.client.transport.endpoints import Endpoints
from speechkit_nb.client.transport.grpc import GrpcTransport
from speechkit_nb.client.transport.rest import RestTransport
from speechkit_nb.client.transport.v2 import V2Transport
from speechkit_nb.errors import (
    Exhausted,
    NoAnswer,
    Rejected,
    ServiceError,
    SpeechkitError,
    Unreachable,
    WaitTimeout,
)
from speechkit_nb.wire import v3

LIMIT = 0.6
SPARE = 5.0
"""Seconds by which a busy machine may be late."""
REQUEST = v3.RecognizeFileRequest(content=b"sound", recognition_model={"model": "general"})


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Retries come at once."""
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.0)


def outcome(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call returned or raised, within `LIMIT` seconds, and how long it took."""
    began = time.monotonic()
    try:
        with time_limit(LIMIT):
            result = call()
    except Exception as error:
        result = error
    return result, time.monotonic() - began


def check_all(calls: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Make all calls at once; returns what each returned or raised, when it is one that it may raise."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ThreadPoolExecutor(len(calls)) as threads:
        found = dict(zip(calls, threads.map(outcome, calls.values()), strict=True))
    late = {name: seconds for name, (_, seconds) in found.items() if seconds > LIMIT + SPARE}
    raw = {
        name: result
        for name, (result, _) in found.items()
        if isinstance(result, Exception) and not isinstance(result, SpeechkitError)
    }
    assert (late, raw) == ({}, {})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 900_000  # kB
    return {name: result for name, (result, _) in found.items()}


@pytest.fixture
def rest():
    """A transport for each fault, since a refusal makes all calls of a transport wait."""
    with run_faulty_rest() as url:
        opened = {fault: RestTransport(fault, Endpoints.at(f"{url}/{fault}")) for fault in REST}
        yield opened
        for transport in opened.values():
            transport.close()


UNANSWERED = ("hang", "drip_headers", "drip_body", "endless_continue", "close", "garbage", "half", "page")
REFUSED = ("redirect", "wait_nan", "wait_minus", "wait_years", "long_refusal", "escapes")


@pytest.mark.parametrize("call", ["status", "fetch", "v2"])
def test_every_fault_of_a_rest_server(call, rest):
    """27 faults, met by the calls that are safe to repeat."""
    calls = {}
    for fault, transport in rest.items():
        second = V2Transport(transport)
        asked = {"status": transport.status, "fetch": transport.fetch, "v2": second.fetch}[call]
        calls[fault] = partial(asked, "f8d")
    found = check_all(calls)
    for fault in UNANSWERED:
        assert isinstance(found[fault], NoAnswer), fault
    assert "drip_body did not answer (not within 0." in str(found["drip_body"])
    assert "asks to wait 1000000000 s" in str(found["wait_years"])
    assert "asks to wait" not in str(found["wait_nan"]) + str(found["wait_minus"])
    assert "redirects to an address that is none" in str(found["redirect"])
    assert "\x1b" not in str(found["escapes"])
    assert str(found["long_refusal"]).endswith("... (20,000 characters)")
    if call == "status":
        assert str(found["surrogates"].error) == "the service answered INVALID_ARGUMENT: bad ?"


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_a_submission_to_a_faulty_rest_server(version, rest):
    """It is unknown whether it arrived, unless the service has refused it."""
    senders = {fault: one if version == "v3" else V2Transport(one) for fault, one in rest.items()}
    found = check_all({fault: partial(sender.submit, REQUEST, "id") for fault, sender in senders.items()})
    assert found.pop("surrogates") == "f8d"
    for fault, result in found.items():
        assert isinstance(result, ServiceError), fault
        assert isinstance(result, NoAnswer) != (fault in REFUSED), (fault, result)


@pytest.mark.parametrize("fault", ["endless_body", "zip_bomb"])
def test_an_answer_without_an_end_is_not_kept(fault, rest, monkeypatch):
    """It is read up to the limit; compressed, too."""
    monkeypatch.setattr(http, "ANSWER_LIMIT", 20_000_000)
    with pytest.raises(ServiceError, match=rf"{fault} sent more than 20 MB, the limit of this client"):
        rest[fault].fetch("f8d")


@pytest.mark.parametrize("fault", GRPC)
def test_every_fault_of_a_grpc_server(fault):
    """Met by a status, a result, and submissions of both APIs."""
    with run_faulty_grpc(fault) as url:
        transport = GrpcTransport(url, Endpoints.at(url))
        second = V2Transport(transport)
        calls = {
            "status": partial(transport.status, "f8d"),
            "fetch": partial(transport.fetch, "f8d"),
            "v2": partial(second.fetch, "f8d"),
            "submit": partial(transport.submit, REQUEST, "id"),
            "submit v2": partial(second.submit, REQUEST, "id"),
        }
        found = check_all(calls)
        transport.close()
    for name in ("submit", "submit v2"):
        is_refusal = fault in ("long_refusal", "size_refusal")
        assert isinstance(found[name], Rejected if is_refusal else NoAnswer), name
    if fault == "long_refusal":
        assert "INVALID_ARGUMENT: https://storage.example.org/a.wav" in str(found["submit"])
        assert "kkk" not in str(found["submit"])
        assert len(str(found["submit"])) < 1200
    if fault == "size_refusal":
        assert "no quota of the service: upload the recording" in str(found["submit"])


@pytest.mark.parametrize("fault", ["endless", "huge", "endless_refusal"])
def test_a_grpc_answer_without_an_end_is_not_kept(fault, monkeypatch):
    """Neither messages without an end, nor a huge one, nor a refusal of megabytes; none counts as a quota."""
    monkeypatch.setattr(grpc, "ANSWER_LIMIT", 20_000_000)
    with run_faulty_grpc(fault) as url:
        transport = GrpcTransport("cloud", Endpoints.at(url))
        with pytest.raises(
            ServiceError, match="cloud sent an answer above the limits of this client"
        ) as caught:
            transport.fetch("f8d")
        transport.close()
    assert not isinstance(caught.value, Exhausted)


@pytest.mark.parametrize("scheme", ["grpc", "http", "grpcs", "https"])
def test_a_server_that_accepts_and_stays_silent(scheme):
    """Also during the TLS handshake. Over gRPC, which has a handshake of its own, nothing was sent."""
    with run_silent_socket() as address:
        url = f"{scheme}://{address}"
        kind = GrpcTransport if scheme.startswith("grpc") else RestTransport
        transport = kind(url, Endpoints.at(url))
        found = check_all(
            {"status": partial(transport.status, "f8d"), "submit": partial(transport.submit, REQUEST, "id")}
        )
        transport.close()
    assert isinstance(found["submit"], NoAnswer if scheme == "http" else Unreachable)
    assert isinstance(found["status"], (NoAnswer, Unreachable))


# ---- through the client


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_wait_ends_with_its_timeout(scheme, script):
    """Though the server hangs; the job goes on. One slow answer does not end the whole wait."""
    server = Server(rest="127.0.0.1:0", models={"general": f"scripted:{script}"}, faults=["running:3"])
    url = server.rest if scheme == "http" else f"grpc://{server.address}"
    with sk.connect(url) as client:
        job = client.submit(wav(2.0))
        server.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(WaitTimeout, match="not done after 1 s; the job goes on"):
            job.result(timeout=1, progress=False)
        assert time.monotonic() - began < 1 + SPARE
        assert job.record.is_open
        threading.Timer(0.5, server.process.send_signal, [signal.SIGCONT]).start()
        assert job.result(timeout=60, progress=False).text == "hello world"
    server.close()


def test_a_server_that_comes_back(script):
    """New calls succeed within two seconds, of a new client and of one that was there before."""
    server = Server(models={"general": f"scripted:{script}"})
    port, target = server.address.rpartition(":")[2], f"grpc://{server.address}"
    with sk.connect(target) as client:
        assert client.submit(wav(2.0)).result(progress=False).text == "hello world"
        server.kill()
        time.sleep(1.0)  # gRPC notices within 0.2 s; what is sent before that is unknown, which is right
        for _ in range(6):  # gRPC waits longer after each attempt
            with pytest.raises(Unreachable, match="cannot connect to grpc://"):
                client.submit(wav(1.5), reuse=False)
        again = Server(grpc=f"127.0.0.1:{port}", models={"general": f"scripted:{script}"})
        began = time.monotonic()
        with sk.connect(target) as new:
            jobs = [one.submit(wav(3.0), reuse=False) for one in (client, new)]
            assert time.monotonic() - began < 2 + SPARE
            assert [job.result(progress=False).text for job in jobs] == ["hello world"] * 2
    again.close()


def test_a_name_that_does_not_exist(tmp_path):
    """Every recording has failed, since nothing was sent; none is unknown, which could be billed twice."""
    path = tmp_path / "a.wav"
    path.write_bytes(wav(1.0))
    with sk.connect("grpcs://no-such-host.invalid:443") as client:
        jobs = client.submit_many([path], progress=False)
        jobs.wait(60)
        (job,) = jobs
        assert job.record.state == "failed"
        assert "cannot connect to grpcs://no-such-host.invalid:443" in str(job.record.error)


def test_a_submission_does_not_wait_for_a_quota_for_ever(script, monkeypatch):
    """After two hours of refusals, here half a second, it has failed."""
    monkeypatch.setattr(submitter, "LONGEST_QUOTA_WAIT", 0.5)
    faults = ["refuse:RecognizeFile:RESOURCE_EXHAUSTED:999"]
    server = Server(models={"general": f"scripted:{script}"}, faults=faults)
    with sk.connect(f"grpc://{server.address}") as client:
        with pytest.raises(Exhausted, match="a quota of the service is used up; it asks to wait 1 s"):
            client.submit(wav(1.0))
        assert client.jobs().status.tolist() == ["failed"]
    server.close()


def test_nothing_is_printed_when_a_connection_fails():
    """Neither by gRPC nor by the retries of the client."""
    program = (
        "import sys, speechkit_nb as sk\n"
        "for scheme in ('grpcs', 'https'):\n"
        "    with sk.connect(f'{scheme}://{sys.argv[1]}') as client:\n"
        "        try: client.job('f8d')\n"
        "        except sk.errors.Unreachable: print(scheme)\n"
    )
    with run_faulty_rest() as url:
        command = [sys.executable, "-c", program, url.removeprefix("http://")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.split(), done.stderr) == (["grpcs", "https"], "")


# ---- streams


@pytest.mark.parametrize("api", ["v3", "v2"])
@pytest.mark.parametrize("fault", GRPC)
def test_a_stream_to_a_faulty_server_ends(fault, api, monkeypatch):
    """With one error of the toolkit, though the service takes the audio and never says anything."""
    monkeypatch.setattr(grpc, "ANSWER_LIMIT", 20_000_000)
    for name in ("ATTEMPTS", "FIRST_ATTEMPTS"):
        monkeypatch.setattr(reconnect, name, 2)
    limits = SessionLimits(seconds=1.0, patience=0.5)
    with run_faulty_grpc(fault) as url, sk.connect(url, api=api) as client:
        session = client.stream(np.zeros(4000, np.int16), sample_rate=8000, pace="fast", limits=limits)
        session._receiver.join(2 * (1.0 + 0.5) + SPARE)
        assert not session._receiver.is_alive()
        if fault in ("empty", "no_id"):  # perhaps a session in which nothing was recognized
            assert len(session.transcript.responses) <= 2
        else:
            with pytest.raises(SpeechkitError) as caught:
                session.result()
            expected = "did not answer (nothing came for 0.5 s after all audio was sent)"
            assert fault != "hang" or expected in str(caught.value)


def test_a_server_that_takes_no_audio():
    """A session ends with its limit, though its audio is not sent yet."""
    limits = SessionLimits(seconds=1.0, patience=0.5)
    with run_faulty_grpc("hang") as url, sk.connect(url) as client:
        session = client.stream(np.zeros(8000 * 300, np.int16), sample_rate=8000, pace="fast", limits=limits)
        with pytest.raises(NoAnswer, match="did not answer"):
            session.result(timeout=20)


# ---- storage


def test_every_fault_of_a_storage(monkeypatch, tmp_path):
    """An upload ends in time with one error of the toolkit, or finds that the object is not there."""
    monkeypatch.setattr(backends, "CALL_DEADLINE", 1.0)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    path = tmp_path / "a.wav"
    path.write_bytes(wav(0.1))
    content = backends.Content.read(path, "audio/wav")
    with run_faulty_rest() as url:
        storages = {fault: backends.open_storage(f"{url}/{fault}") for fault in REST}
        calls = {
            f"find {fault}": partial(one.contains, content, "b", "a.wav") for fault, one in storages.items()
        }
        calls |= {
            f"put {fault}": partial(one.put, content, "b", "a.wav", None) for fault, one in storages.items()
        }
        found = check_all(calls)
    assert "did not answer in time" in str(found["find hang"])
    assert "did not answer in time" in str(found["put drip_headers"])
