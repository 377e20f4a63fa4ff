"""Credentials: where they come from, how they are renewed, and that they are never shown."""

from __future__ import annotations

import json
import logging
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import live_sessions
import pytest
from credentials import public_half, self_signed, service_account_key
from http_stub import Answer, run_stub
from local_server import Server, wav

import speechkit_nb as sk
from speechkit_nb.client.auth.credentials import (
    FixedCredentials,
    RenewableCredentials,
    VariableCredentials,
    find_credentials,
)
from speechkit_nb.client.auth.iam import IamClient, Token
from speechkit_nb.client.auth.service_account import ServiceAccountKey
from speechkit_nb.client.clock import Clock, time_limit
from speechkit_nb.client.transport import retry
from speechkit_nb.client.transport.base import Identity, Secret
from speechkit_nb.client.transport.endpoints import CLOUD, KAZAKHSTAN, Endpoints, parse_service_url
from speechkit_nb.client.transport.grpc import GrpcTransport
from speechkit_nb.errors import (
    ConfigError,
    Denied,
    MissingExtra,
    NoAnswer,
    Rejected,
    TargetError,
    Unreachable,
)
from speechkit_nb.wire import v3

KEY = "AQVN-secret-api-key"
OAUTH = "y0_secret-oauth-token"
VARIABLES = ("YC_API_KEY", "YC_IAM_TOKEN", "YC_OAUTH_TOKEN", "YC_SERVICE_ACCOUNT_KEY_FILE", "YC_TOKEN")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No credentials of the user who runs the tests, and no virtual machine."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("YC_METADATA_ADDR", "127.0.0.1:1")


@pytest.fixture(scope="module")
def key() -> dict[str, Any]:
    """A key from `yc iam key create`, with the line of warning before some keys."""
    warning = "PLEASE DO NOT REMOVE THIS LINE! Yandex.Cloud SA Key ID <ajekey>\n"
    made = service_account_key()
    return made | {"private_key": warning + made["private_key"]}


@pytest.fixture(scope="module")
def key_file(key, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key.json"
    path.write_text(json.dumps(key))
    return path


@pytest.fixture(scope="module")
def public_key(key, tmp_path_factory) -> Path:
    return public_half(key, tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, str]:
    path = tmp_path_factory.mktemp("script") / "talk.words.csv"
    path.write_text("word,start,end\nhello,0.5,0.9\nworld,1.0,1.4\n")
    return {"general": f"scripted:{path}"}


@pytest.fixture(scope="module")
def server(models, public_key) -> Iterator[Server]:
    """A server that needs credentials and accepts every kind."""
    started = Server(
        rest="127.0.0.1:0",
        models=models,
        api_key=KEY,
        oauth_token=OAUTH,
        iam_public_key=public_key,
        vm_metadata=True,
    )
    yield started
    started.close()


def endpoints_of(server: Server) -> Endpoints:
    """The server as an installation with both protocols and an IAM endpoint."""
    grpc, rest = f"grpc://{server.address}", server.rest
    return Endpoints(
        stt=grpc,
        stt_rest=rest,
        transcribe=grpc,
        transcribe_rest=rest,
        operation=grpc,
        operation_rest=rest,
        iam=f"{rest}/iam/v1/tokens",
    )


def text_of(client: sk.Client) -> str:
    return client.submit(wav(2.0)).result(timeout=60, progress=False).text


# ---- every kind, against a server that checks


@pytest.fixture(params=[("v3", "grpc"), ("v3", "rest"), ("v2", "grpc"), ("v2", "rest")], ids="-".join)
def protocol(request) -> dict[str, Any]:
    return {"api": request.param[0], "transport": request.param[1]}


def test_an_api_key_works_with_every_protocol(server, protocol):
    """A line break that was copied with it is removed."""
    with sk.connect(endpoints=endpoints_of(server), api_key=f"{KEY}\n", **protocol) as client:
        assert text_of(client) == "hello world"


def test_nothing_is_reused_from_an_installation_on_this_machine(server):
    """Another recognizer may run there tomorrow; it makes no difference how the server is given."""
    with sk.connect(endpoints=endpoints_of(server), api_key=KEY) as client:
        first, second = [client.submit(wav(1.0)) for _ in range(2)]
        assert (first.operation_id != second.operation_id, second.reused) == (True, False)


def test_a_service_account_key_works_with_every_protocol(server, key_file, protocol):
    """A signed request is exchanged for a token at the IAM endpoint."""
    with sk.connect(endpoints=endpoints_of(server), service_account_key=key_file, **protocol) as client:
        assert text_of(client) == "hello world"


def test_a_service_account_key_may_be_a_dict(server, key):
    """For keys that are stored in a vault."""
    with sk.connect(endpoints=endpoints_of(server), service_account_key=key) as client:
        assert text_of(client) == "hello world"


def test_an_oauth_token_is_exchanged(server):
    """The folder may be given, since it is the account of a person."""
    with sk.connect(endpoints=endpoints_of(server), oauth_token=OAUTH, folder_id="b1gfolder") as client:
        assert text_of(client) == "hello world"


def test_the_metadata_service_of_a_virtual_machine(server, monkeypatch):
    """Used without any other credentials, and found at once."""
    monkeypatch.setenv("YC_METADATA_ADDR", server.rest.removeprefix("http://"))
    with sk.connect(endpoints=endpoints_of(server)) as client:
        assert text_of(client) == "hello world"


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_wrong_credentials(server, transport):
    """One clear error; the journal has the job as failed."""
    with sk.connect(endpoints=endpoints_of(server), api_key="AQVN-wrong", transport=transport) as client:
        refused = r"UNAUTHENTICATED: the API key is unknown\. Is the key .*correct.* \(x-request-id \S+\)$"
        with pytest.raises(Denied, match=refused):
            client.submit(wav(2.0))
        assert client.jobs().status.tolist() == ["failed"]


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_no_credentials_where_some_are_needed(server, transport):
    """A target given as a URL gets no credentials from the environment; they must be given."""
    target = f"grpc://{server.address}" if transport == "grpc" else server.rest
    with (
        sk.connect(target) as client,
        pytest.raises(Denied, match="no credentials: there is no header"),
    ):
        client.submit(wav(2.0))


def test_the_environment_is_not_sent_to_other_targets(monkeypatch):
    """The key of the cloud is sent to the cloud only."""
    monkeypatch.setenv("YC_API_KEY", KEY)
    with run_stub() as other:
        other.answer("/stt/v3/recognizeFileAsync", Answer(403, '{"message": "no"}'))
        with sk.connect(other.url) as client, pytest.raises(Denied, match="PERMISSION_DENIED: no"):
            client.submit(wav(2.0))
        assert "authorization" not in other.requests[0].headers


def test_a_folder_of_a_service_account(server, protocol):
    """It may only give its own folder, and needs none."""
    with (
        sk.connect(endpoints=endpoints_of(server), api_key=KEY, folder_id="b1gother", **protocol) as client,
        pytest.raises(Denied, match="different folder, 'b1gother'; leave the folder out"),
    ):
        client.submit(wav(2.0))


def test_the_metadata_of_every_call():
    """Names in lower case; the folder and the logging only if they are set."""
    full = Identity(FixedCredentials("Api-Key", KEY, "api_key"), "b1g", data_logging=True)
    assert full.metadata("a-b") == [
        ("authorization", f"Api-Key {KEY}"),
        ("x-folder-id", "b1g"),
        ("x-client-request-id", "a-b"),
        ("x-data-logging-enabled", "true"),
    ]
    assert Identity().metadata() == []


# ---- renewal


class Seconds:
    """Seconds that change only when a test sets them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class TokenSource:
    """Returns numbered tokens, valid for `lifetime` seconds."""

    def __init__(self, clock: Seconds, lifetime: float) -> None:
        self.clock, self.lifetime, self.n_issued, self.is_up = clock, lifetime, 0, True

    def __call__(self) -> Token:
        if not self.is_up:
            raise Unreachable("cannot connect to iam", code="UNAVAILABLE")
        self.n_issued += 1
        return Token(f"t{self.n_issued}", self.clock() + self.lifetime)


@pytest.mark.parametrize(("lifetime", "renewed_after"), [(100.0, 90.0), (12 * 3600.0, 3600.0)])
def test_a_token_is_renewed_before_it_expires(lifetime, renewed_after):
    """After nine tenths of its lifetime, and after an hour at the latest."""
    clock = Seconds()
    source = TokenSource(clock, lifetime)
    credentials = RenewableCredentials(source, "test", Clock(clock))
    assert source.n_issued == 0
    assert credentials.header() == "Bearer t1"
    clock.now += renewed_after - 0.1
    assert credentials.header() == "Bearer t1"
    clock.now += 0.2
    assert credentials.header() == "Bearer t2"


def test_a_failed_renewal_is_ignored_while_the_token_is_valid():
    """The IAM service may be down for a minute; the error comes when the token has expired."""
    clock = Seconds()
    source = TokenSource(clock, 100.0)
    credentials = RenewableCredentials(source, "test", Clock(clock))
    credentials.header()
    source.is_up = False
    clock.now += 95
    assert credentials.header() == "Bearer t1"
    clock.now += 10
    with pytest.raises(Unreachable, match="cannot connect to iam"):
        credentials.header()
    source.is_up = True
    assert credentials.header() == "Bearer t2"


def test_a_clock_that_is_set_back_makes_no_token_younger():
    """It is renewed before it expires, and never sent after that."""
    clock, monotonic = Seconds(), Seconds()
    credentials = RenewableCredentials(TokenSource(clock, 100.0), "test", Clock(clock, monotonic))
    credentials.header()
    clock.now -= 5000
    monotonic.now += 89
    assert credentials.header() == "Bearer t1"
    monotonic.now += 2
    assert credentials.header() == "Bearer t2"
    monotonic.now += 89
    assert credentials.header() == "Bearer t2"


def test_a_clock_that_is_set_forward_costs_one_token():
    """So does the sleep of a machine, during which the other clock stops."""
    clock, monotonic = Seconds(), Seconds()
    credentials = RenewableCredentials(TokenSource(clock, 100.0), "test", Clock(clock, monotonic))
    credentials.header()
    clock.now += 5000
    assert [credentials.header() for _ in range(3)] == ["Bearer t2"] * 3


def test_a_refused_token_is_renewed_though_the_clock_was_set_back():
    """It does not look as if the token had just been renewed."""
    clock, monotonic = Seconds(), Seconds()
    credentials = RenewableCredentials(TokenSource(clock, 100.0), "test", Clock(clock, monotonic))
    credentials.header()
    monotonic.now += 60
    assert credentials.renew()
    assert credentials.header() == "Bearer t2"


def test_a_clock_that_is_wrong_by_hours_does_not_fetch_a_token_for_every_call():
    """A new token that seems to have expired is used for an hour; the service refuses invalid ones."""
    clock = Seconds()
    source = TokenSource(clock, -5000.0)
    credentials = RenewableCredentials(source, "test", Clock(clock))
    assert [credentials.header() for _ in range(3)] == ["Bearer t1"] * 3
    clock.now += 3601
    assert credentials.header() == "Bearer t2"


def test_several_threads_renew_once():
    """A token that another thread has just fetched is used, instead of fetching one more."""
    clock = Seconds()
    source = TokenSource(clock, 100.0)
    credentials = RenewableCredentials(source, "test", Clock(clock))
    credentials.header()
    clock.now += 50
    threads = [threading.Thread(target=credentials.renew) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.n_issued == 2


def test_a_thread_that_waits_for_a_token_keeps_its_time_limit():
    """Another thread fetches it from a service that hangs."""
    asked, answered = threading.Event(), threading.Event()

    def fetch() -> Token:
        asked.set()
        answered.wait(10)
        return Token(Secret("t1.late"), time.time() + 3600)

    credentials = RenewableCredentials(fetch, "oauth_token")
    other = threading.Thread(target=credentials.header)
    other.start()
    asked.wait(10)
    with time_limit(0.1), pytest.raises(NoAnswer, match="there is no token for the oauth_token in time"):
        credentials.header()
    answered.set()
    other.join()
    assert credentials.header() == "Bearer t1.late"


def test_a_fixed_token_cannot_be_renewed_and_a_variable_can():
    """A notebook of the cloud renews YC_TOKEN."""
    assert not FixedCredentials("Bearer", "t1.x", "iam_token").renew()
    environ = {"YC_TOKEN": "t1.old"}
    credentials = VariableCredentials(environ, "YC_TOKEN")
    assert credentials.header() == "Bearer t1.old"
    assert not credentials.renew()
    environ["YC_TOKEN"] = "t1.new"
    assert credentials.renew()
    assert credentials.header() == "Bearer t1.new"


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_token_that_expires_between_submission_and_fetch(models, public_key, key_file, tmp_path, transport):
    """The service refuses it: it is renewed once, and the job continues."""
    ports = {"grpc": f"127.0.0.1:{_free_port()}", "rest": f"127.0.0.1:{_free_port()}"}
    settings = {**ports, "models": models, "iam_public_key": public_key, "data_dir": tmp_path}
    first = Server(**settings, faults=["never-done"])
    options: dict[str, Any] = {"service_account_key": key_file, "transport": transport}
    with sk.connect(endpoints=endpoints_of(first), **options) as client:
        job = client.submit(wav(2.0))
        _make_token_older(client)
        first.close()
        second = Server(**settings)  # does not know the tokens of the first
        assert job.result(timeout=60, progress=False).text == "hello world"
        second.close()


def _make_token_older(client: sk.Client) -> None:
    """The token of a client seems to have been fetched a minute ago, so that it may be renewed."""
    transport: Any = client._transport
    credentials = getattr(transport, "_sender", transport)._identity.credentials
    credentials._fetched = tuple(then - 60 for then in credentials._fetched)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(("api", "method"), [("v3", "RecognizeStreaming"), ("v2", "StreamingRecognize")])
@pytest.mark.parametrize(
    ("fault", "is_fine"),
    [("UNAUTHENTICATED:1", True), ("UNAUTHENTICATED:2", False), ("PERMISSION_DENIED:1", False)],
)
def test_a_stream_renews_refused_credentials_once(models, api, method, fault, is_fine):
    """If they are refused again, or the account lacks a role, the stream ends with an error."""
    faults = [f"refuse:{method}:{fault}"]
    server = Server(rest="127.0.0.1:0", models=models, oauth_token=OAUTH, faults=faults)
    with (
        closing(server),
        sk.connect(endpoints=endpoints_of(server), oauth_token=OAUTH, api=api) as client,
    ):
        session = client.stream(wav(2.0), pace="fast")
        if is_fine:
            assert session.result(30).text == "hello world"
        else:
            with pytest.raises(Denied, match=fault.partition(":")[0]):
                session.result(30)


@pytest.mark.parametrize("api", ["v3", "v2"])
def test_a_token_that_expires_during_a_stream(public_key, key_file, tmp_path, api):
    """The next session is refused: the token is renewed, and the stream continues from its last final."""
    words = live_sessions.write_script(tmp_path / "words.csv", spoken := live_sessions.make_words(10))
    ports = {"grpc": f"127.0.0.1:{_free_port()}", "rest": f"127.0.0.1:{_free_port()}"}
    settings = {**ports, "models": {"general": f"timecoded:{words}"}, "iam_public_key": public_key}
    first, go_on = Server(**settings), threading.Event()

    def speak() -> Iterator[bytes]:
        yield live_sessions.make_audio(5.0)
        assert go_on.wait(30)
        yield live_sessions.make_audio(5.0, start=5.0)

    with (
        ExitStack() as stack,
        sk.connect(endpoints=endpoints_of(first), service_account_key=key_file, api=api) as client,
    ):
        session = client.stream(speak(), sample_rate=live_sessions.RATE)
        for event in session:
            if event.kind == "eou_update" and not go_on.is_set():
                _make_token_older(client)
                first.kill()
                stack.callback(Server(**settings).close)  # does not know the tokens of the first
                go_on.set()
        assert session.transcript.text.split() == [word for word, *_ in spoken]


def test_renewed_credentials_that_are_refused_again_are_one_error():
    """There is no third attempt."""
    with run_stub() as service:
        service.answer("/iam/v1/tokens", Answer(body='{"iamToken": "t1.one"}'))
        service.answer("/operations/f8d", Answer(401, '{"message": "expired"}'))
        with (
            sk.connect(service.url, oauth_token=OAUTH) as client,
            pytest.raises(Denied, match="UNAUTHENTICATED: expired"),
        ):
            client._transport.status("f8d")
        assert [request.path for request in service.requests].count("/operations/f8d") == 2


# ---- the exchange


@pytest.fixture
def no_pauses(monkeypatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.0)


def test_the_exchange_is_retried_after_a_temporary_failure(no_pauses):
    """It does no harm to get two tokens."""
    good = Answer(body='{"iamToken": "t1.one", "expiresAt": "2030-01-01T00:00:00.123456789Z"}')
    with run_stub() as service:
        service.answer("/tokens", Answer(503, "busy"), Answer(429, "busy"), good)
        token = IamClient(f"{service.url}/tokens").exchange("jwt", "signed", "key")
    assert token == Token("t1.one", pytest.approx(1893456000.123, abs=0.001))
    assert [json.loads(request.body) for request in service.requests] == [{"jwt": "signed"}] * 3


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(401, json.dumps({"code": 16, "message": f"{OAUTH} is bad"})), Denied, r"\*\*\* is bad"),
        (Answer(400, '{"code": 3, "message": "no"}'), Denied, r"gives no token for the oauth_token \(INV"),
        (Answer(200, "<html>"), NoAnswer, "instead of JSON"),
        (Answer(200, "{}"), NoAnswer, "an answer without a token"),
        (Answer(200, '{"iamToken": "t1\\nx"}'), NoAnswer, "an answer without a token"),
    ],
)
def test_an_exchange_without_a_token(no_pauses, answer, kind, words):
    """The secret is not in the error, even if the service quotes it."""
    with run_stub() as service:
        service.answer("/tokens", answer)
        with pytest.raises(kind, match=words) as caught:
            IamClient(f"{service.url}/tokens").exchange("yandexPassportOauthToken", OAUTH, "oauth_token")
    assert OAUTH not in "".join(traceback.format_exception(caught.value))


def test_a_token_without_an_expiry_is_valid_for_twelve_hours():
    """It is renewed after one hour anyway."""
    with run_stub() as service:
        service.answer("/tokens", Answer(body='{"iamToken": "t1.x", "expiresAt": "soon"}'))
        iam = IamClient(f"{service.url}/tokens", clock=lambda: 5.0)
        assert iam.exchange("jwt", "signed", "key") == ("t1.x", 43205.0)


# ---- what is given, and what the environment holds


def test_one_secret_at_a_time():
    """With two secrets it would be unclear which one is used."""
    with pytest.raises(ConfigError, match=r"give one of api_key, .*, not api_key and iam_token"):
        sk.connect(api_key="a", iam_token="b")


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("", "api_key is empty or no text"),
        (3, "api_key is empty or no text"),
        ("AQVN two", "contains a space, a line break or a letter"),
        ("AQVN\ntwo", "contains a space, a line break or a letter"),
        ("ключ", "contains a space, a line break or a letter"),
    ],
)
def test_an_impossible_secret(secret, words):
    """It is refused before an HTTP library prints it in its own error."""
    with pytest.raises(ConfigError, match=words) as caught:
        sk.connect(api_key=secret)
    assert not secret or str(secret) not in str(caught.value)


@pytest.mark.parametrize("folder_id", ["b1g two", "b1g\r\nx-other: 1"])
def test_an_impossible_folder(folder_id):
    """It cannot add other headers."""
    with pytest.raises(ConfigError, match="folder_id contains a space, a line break"):
        sk.connect(api_key=KEY, folder_id=folder_id)


def test_the_order_of_the_environment(server, key_file):
    """The same as in the SDK of the cloud; the last variable only if there is no virtual machine."""
    environ = {
        "YC_API_KEY": "key",
        "YC_IAM_TOKEN": "t1.iam",
        "YC_OAUTH_TOKEN": OAUTH,
        "YC_SERVICE_ACCOUNT_KEY_FILE": str(key_file),
        "YC_TOKEN": "t1.token",
    }
    iam = IamClient(f"{server.rest}/iam/v1/tokens", metadata_host=server.rest.removeprefix("http://"))
    names = []
    for variable in [*environ]:
        found = find_credentials(iam, environ)
        names.append(repr(found))
        assert re.match(r"(Api-Key key|Bearer t1\.)", found.header())
        del environ[variable]
        if variable == "YC_SERVICE_ACCOUNT_KEY_FILE":
            names.append(repr(find_credentials(iam, environ)))
            iam = IamClient(iam.url, metadata_host="127.0.0.1:1")
    assert names == [
        "<credentials: YC_API_KEY>",
        "<credentials: YC_IAM_TOKEN>",
        "<credentials: YC_OAUTH_TOKEN>",
        "<credentials: YC_SERVICE_ACCOUNT_KEY_FILE>",
        "<credentials: virtual machine>",
        "<credentials: YC_TOKEN>",
    ]


def test_no_credentials_at_all():
    """One error that lists all ways, one of them without an account; it comes quickly."""
    began = time.monotonic()
    with pytest.raises(Denied, match=r"no credentials found: give api_key=.*YC_API_KEY.*connect\('local'\)"):
        sk.connect()
    assert time.monotonic() - began < 5


def test_credentials_of_the_environment_are_for_the_cloud(monkeypatch):
    """connect() is the cloud; each region has its own hosts."""
    monkeypatch.setenv("YC_API_KEY", KEY)
    with sk.connect() as client:
        assert client.service == "cloud"
        assert client._transport._endpoints == CLOUD
        assert client._pace.least >= 2
    with sk.connect("kazakhstan", transport="rest") as client:
        assert client.service == "kazakhstan"
        assert client._transport._endpoints == KAZAKHSTAN
    with pytest.raises(TargetError, match="kazakhstan has no endpoint transcribe, operation, which API v2"):
        sk.connect("kazakhstan", api="v2")


# ---- key files


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, r"service_account_key '\S+' cannot be read: No such file"),
        ("{", r"service_account_key '\S+' is not a JSON file"),
        (
            "[]",
            "is no key of a service account, which has id, service_account_id and private_key; yc iam key",
        ),
        ('{"id": "a", "service_account_id": "b"}', "is no key of a service account"),
        (
            '{"id": "a", "service_account_id": "b", "private_key": "-----BEGIN PRIVATE KEY----- hidden"}',
            r"the private_key of service_account_key '\S+' is no RSA key in PEM format",
        ),
    ],
)
def test_an_impossible_key_file(tmp_path, content, words):
    """It is refused at once; its content is not shown."""
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=words) as caught:
        sk.connect(service_account_key=path)
    assert "hidden" not in "".join(traceback.format_exception(caught.value))


def test_signing_needs_a_package(key_file, monkeypatch):
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(MissingExtra, match=r"account's key needs the package .*'speechkit-nb\[auth\]'"):
        ServiceAccountKey.read(key_file, "service_account_key")


def test_the_signed_request(key_file, key):
    """PS256, the id of the key, the account, the audience, and an expiry within the hour."""
    import jwt

    signed = ServiceAccountKey.read(key_file, "key").make_jwt(CLOUD.iam, time.time())
    found = jwt.decode_complete(signed, key["public_key"], ["PS256"], audience=CLOUD.iam)
    claims = found["payload"]
    assert (found["header"]["alg"], found["header"]["kid"]) == ("PS256", key["id"])
    assert (claims["iss"], claims["aud"]) == (key["service_account_id"], CLOUD.iam)
    assert 0 < claims["exp"] - claims["iat"] <= 3600


# ---- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """A self-signed certificate, and its key."""
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls_server(models, certificate) -> Iterator[Server]:
    cert, key = certificate
    started = Server(rest="127.0.0.1:0", models=models, api_key=KEY, tls_cert=cert, tls_key=key)
    yield started
    started.close()


@pytest.mark.parametrize("scheme", ["grpcs", "https"])
def test_tls_with_ones_own_certificate(tls_server, certificate, scheme):
    """It is given as `ca`; the key is sent encrypted."""
    target = f"grpcs://{tls_server.address}" if scheme == "grpcs" else tls_server.rest
    with sk.connect(target, ca=certificate[0], api_key=KEY) as client:
        assert text_of(client) == "hello world"


@pytest.mark.parametrize("scheme", ["grpcs", "https"])
def test_tls_with_an_unknown_certificate_is_refused(tls_server, scheme):
    """Nothing is sent."""
    target = f"grpcs://{tls_server.address}" if scheme == "grpcs" else tls_server.rest
    with sk.connect(target, api_key=KEY) as client:
        with pytest.raises(Unreachable, match=r"cannot connect to .*(?i:certificate|handshake)"):
            client.submit(wav(2.0))
        assert client.jobs().status.tolist() == ["failed"]


def test_a_wrong_ca_file(tmp_path):
    """It is refused at once."""
    (tmp_path / "ca.pem").write_text("not a certificate")
    with pytest.raises(ConfigError, match=r"ca='\S+ca\.pem' contains no certificate in PEM format"):
        sk.connect("https://stt.example.org", ca=tmp_path / "ca.pem")
    with pytest.raises(ConfigError, match=r"ca='\S+no\.pem' cannot be read: No such file"):
        sk.connect("https://stt.example.org", ca=tmp_path / "no.pem")


# ---- endpoints and targets


@pytest.mark.parametrize("url", ["grpc://example.org:50051", "http://example.org"])
def test_plain_text_does_not_leave_this_machine(url):
    """Neither to a target nor to an endpoint."""
    if url.startswith("http"):
        url += ":80"
    with pytest.raises(TargetError, match=r"would send audio in plain text .*, use \w+s://"):
        sk.connect(url)
    field = "stt" if url.startswith("grpc") else "stt_rest"
    with pytest.raises(TargetError, match="would send audio in plain text"):
        Endpoints(**{field: url})


@pytest.mark.parametrize("url", ["https://user:hidden@example.org", "https://example.org?token=hidden"])
def test_a_secret_in_a_target_is_refused_and_not_repeated(url):
    """The journal stores targets."""
    with pytest.raises(TargetError, match=r"'.*example\.org' is not the address of a service") as caught:
        sk.connect(url)
    assert "hidden" not in str(caught.value)


def test_endpoints_must_have_their_protocol():
    """A REST host is refused where gRPC is expected."""
    with pytest.raises(TargetError, match=r"stt must begin with grpcs://, not 'https://example\.org'"):
        Endpoints(stt="https://example.org")
    with pytest.raises(TargetError, match=r"iam must begin with https://, not 'grpcs://example\.org'"):
        Endpoints(iam="grpcs://example.org")


def test_options_that_exclude_each_other():
    """Each error names them."""
    with pytest.raises(ConfigError, match="api must be 'v3' or 'v2', not 'v1'"):
        sk.connect("grpc://127.0.0.1:1", api="v1")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="transport must be 'grpc' or 'rest', not 'http'"):
        sk.connect("local", transport="http")  # type: ignore[arg-type]
    with pytest.raises(
        TargetError, match=r"'grpc://127\.0\.0\.1:1' is an address for grpc, not for transport='rest'"
    ):
        sk.connect("grpc://127.0.0.1:1", transport="rest")
    with pytest.raises(
        TargetError, match="give a target or endpoints, not both: 'local' is an address already"
    ):
        sk.connect("local", endpoints=CLOUD)
    with pytest.raises(TargetError, match=r"has no endpoint stt_rest, which API v3 over rest needs"):
        sk.connect(endpoints=Endpoints(stt="grpc://127.0.0.1:1"), api_key=KEY, transport="rest")


def test_an_installation_has_its_parts_on_one_host():
    """A URL is enough to know all endpoints."""
    assert parse_service_url("https://speech.example.org/api/").path == "/api"
    found = Endpoints.at("https://speech.example.org")
    assert found.stt is None
    assert found.operation_rest == "https://speech.example.org:443"


# ---- limits of this client


def test_a_message_above_this_clients_own_limit_is_no_quota(server):
    """gRPC uses the same code for both; waiting helps only with a quota."""
    transport = GrpcTransport("here", Endpoints.at(f"grpc://{server.address}"))
    request = v3.RecognizeFileRequest(content=bytes(65 << 20))
    with pytest.raises(
        Rejected, match=r"of 68\.2 MB is larger than the 67 MB of this client, which is no quota"
    ):
        transport.submit(request, "id")
    transport.close()


# ---- secrets


def test_no_secret_is_ever_shown(server, key, key_file, tmp_path, caplog, capfd):
    """Not in the journal, a log, a repr, an error, a saved transcript, or the output."""
    secrets = [KEY, OAUTH, "AQVN-wrong-key", "t1.wrong-token", *key["private_key"].split("\n")[2:6]]
    seen: list[str] = []
    ways: list[dict[str, Any]] = [
        {"api_key": KEY},
        {"oauth_token": OAUTH},
        {"service_account_key": key_file},
        {"service_account_key": key},
        {"api_key": "AQVN-wrong-key"},
        {"iam_token": "t1.wrong-token"},
    ]
    with caplog.at_level(logging.DEBUG):
        for transport in ("grpc", "rest"):
            for way in ways:
                with sk.connect(endpoints=endpoints_of(server), transport=transport, **way) as client:
                    seen += _shown_texts(client, tmp_path)
                    header = client._transport._identity.credentials.header()
                    secrets.append(header.partition(" ")[2])
                    journal = client._journal.path
    seen += [record.getMessage() for record in caplog.records]
    seen += [repr(vars(record)) for record in caplog.records]
    seen += capfd.readouterr()
    files = [path for folder in (journal.parent, tmp_path) for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 8
    everything = "\n".join(seen).encode() + b"\n".join(path.read_bytes() for path in files)
    assert len(set(secrets)) > 8
    assert [secret for secret in secrets if secret.encode() in everything] == []


def _shown_texts(client: sk.Client, folder: Path) -> list[str]:
    """All texts that a user could see of one job."""
    identity = client._transport._identity
    shown = [repr(client), repr(identity), repr(identity.credentials), repr(vars(client._transport))]
    try:
        job = client.submit(wav(2.0), reuse=False)
        transcript = job.result(timeout=60, progress=False)
        transcript.save(folder / f"{job.operation_id}.parquet")
        shown += [repr(job), repr(transcript), transcript._repr_html_(), str(transcript.info)]
    except Denied as error:
        shown += ["".join(traceback.format_exception(error)), repr(error), error.details]
    return [*shown, client.jobs().to_string()]
