"""Keys, tokens and TLS of the local server, over gRPC and REST."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import httpx
import pandas as pd
import pytest
from credentials import AUDIENCE, public_half, self_signed, service_account_key, signed
from local_server import DATA, OPERATIONS, Server, wait_until

import speechkit_nb as sk
from speechkit_nb.errors import ServerError
from speechkit_nb.server import ServerSettings, serve
from speechkit_nb.server.api.auth import FOLDER_ID, Authenticator
from speechkit_nb.server.status import StatusError
from speechkit_nb.server.testing.iam import Issuer, PublicKey
from speechkit_nb.wire import endpoint, methods, operation

SERVICES = (
    "speechkit.stt.v3.AsyncRecognizer",
    "speechkit.stt.v3.Recognizer",
    "yandex.cloud.ai.stt.v2.SttService",
    OPERATIONS,
)
KEY = {"authorization": "Api-Key sesame"}
METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"
FLAVOR = {"Metadata-Flavor": "Google"}


@pytest.fixture(scope="module")
def key() -> dict[str, Any]:
    """Of a service account."""
    return service_account_key()


@pytest.fixture(scope="module")
def server(key: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that needs credentials and accepts every kind."""
    server = Server(
        rest="127.0.0.1:0",
        api_key=["sesame", "second"],
        iam_public_key=public_half(key, tmp_path_factory.mktemp("iam")),
        oauth_token=["y0_user"],
        vm_metadata=True,
        models={"general": f"scripted:{DATA}"},
    )
    yield server
    server.close()


def get_grpc_error(server: Server, **metadata: str) -> tuple[str, str]:
    """Code and message of OperationService.Get for an operation that does not exist."""
    request = operation.GetOperationRequest(operation_id="f8dx")
    with pytest.raises(grpc.RpcError) as raised:
        server.api.call(OPERATIONS, "Get", request, metadata=tuple(metadata.items()))
    return raised.value.code().name, raised.value.details()


NOT_FOUND = ("NOT_FOUND", "operation ID not found f8dx")
FORMS = "'Api-Key KEY' or 'Bearer TOKEN'"
BAD_CREDENTIALS = {
    "": f"no credentials: there is no header Authorization: {FORMS}",
    "sesame": f"the header Authorization must be {FORMS}",
    "Api-Key": f"the header Authorization must be {FORMS}",
    "Basic c2VzYW1l": f"the header Authorization must be {FORMS}",
    "Api-Key Sesame": "the API key is unknown",
    "Api-Key sesame2": "the API key is unknown",
    "Bearer sesame": "the token is invalid",
}


@pytest.mark.parametrize("authorization", BAD_CREDENTIALS)
def test_without_good_credentials(server: Server, http: httpx.Client, authorization: str) -> None:
    """UNAUTHENTICATED over gRPC, a 401 with only a message over REST, without the secret."""
    headers = {"authorization": authorization} if authorization else {}
    expected = BAD_CREDENTIALS[authorization]
    assert get_grpc_error(server, **headers) == ("UNAUTHENTICATED", expected)
    answer = http.get("/operations/f8dx", headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"message": expected})


@pytest.mark.parametrize(
    "authorization", ["Api-Key sesame", "api-key second", "Api-key sesame", "API-KEY  sesame"]
)
def test_api_keys(server: Server, http: httpx.Client, authorization: str) -> None:
    """Each of the keys is accepted; the case of the scheme does not matter."""
    assert get_grpc_error(server, authorization=authorization) == NOT_FOUND
    assert http.get("/operations/f8dx", headers={"authorization": authorization}).status_code == 404


@pytest.mark.parametrize("service", SERVICES)
def test_no_method_is_open(server: Server, service: str) -> None:
    """Each method of each service, streams included, needs credentials."""
    for method in methods(service).values():
        kind = ("stream" if one else "unary" for one in (method.request_streaming, method.response_streaming))
        call = getattr(server.api.channel, "_".join(kind))(method.path)
        with pytest.raises(grpc.RpcError) as raised:
            list(call(iter([b""]) if method.request_streaming else b"", timeout=30))
        assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED, method.path


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", "/stt/v3/recognizeFileAsync"),
        ("GET", "/stt/v3/getRecognition"),
        ("DELETE", "/stt/v3/deleteRecognition"),
        ("POST", "/speech/stt/v2/longRunningRecognize"),
        ("GET", "/operations/x"),
        ("GET", "/operations/x:cancel"),
        ("POST", "/operations/x:cancel"),
    ],
)
def test_no_route_is_open(http: httpx.Client, verb: str, path: str) -> None:
    """Each route of the recognizer needs credentials."""
    assert http.request(verb, path).status_code == 401


def test_discovery_is_open(server: Server, http: httpx.Client) -> None:
    """SDKs call endpoint discovery before they have credentials."""
    service = "yandex.cloud.endpoint.ApiEndpointService"
    listed = server.api.call(service, "List", endpoint.ListApiEndpointsRequest())
    assert {found.address for found in listed.endpoints} == {server.address}
    one = server.api.call(service, "Get", endpoint.GetApiEndpointRequest(api_endpoint_id="ai-stt-v3"))
    assert (one.id, one.address) == ("ai-stt-v3", server.address)
    with pytest.raises(grpc.RpcError, match="no API endpoint 'compute'; there are ai-stt, ai-stt-v3"):
        server.api.call(service, "Get", endpoint.GetApiEndpointRequest(api_endpoint_id="compute"))
    assert http.get("/endpoints").status_code == 200


def get_token(http: httpx.Client, body: dict[str, str]) -> str:
    answer = http.post("/iam/v1/tokens", json=body)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"iamToken", "expiresAt"}
    return str(answer.json()["iamToken"])


def test_tokens_work_over_grpc_and_rest(server: Server, http: httpx.Client, key: dict[str, Any]) -> None:
    """From a signed request (audience the cloud's or our own), from an OAuth token, on a virtual machine."""
    machine = http.get(METADATA, headers=FLAVOR).json()
    assert (machine["token_type"], machine["expires_in"]) == ("Bearer", 12 * 3600)
    tokens = [
        get_token(http, {"jwt": signed(key)}),
        get_token(http, {"jwt": signed(key, aud=f"{server.rest}/iam/v1/tokens")}),
        get_token(http, {"yandexPassportOauthToken": "y0_user"}),
        machine["access_token"],
    ]
    assert len(set(tokens)) == 4
    for token, scheme in itertools.product(tokens, ("Bearer", "bearer")):
        assert token.startswith("t1.")
        assert get_grpc_error(server, authorization=f"{scheme} {token}") == NOT_FOUND
        headers = {"authorization": f"{scheme} {token}"}
        assert http.get("/operations/f8dx", headers=headers).status_code == 404


BAD_JWT: dict[str, tuple[Callable[[dict[str, Any]], str], str]] = {
    "expired": (lambda key: signed(key, iat=1, exp=2), "Signature has expired"),
    "too long": (lambda key: signed(key, exp=9_999_999_999), "must expire within 3600 s"),
    "audience": (lambda key: signed(key, aud="https://example.com"), "Audience doesn't match"),
    "no issuer": (lambda key: signed(key, iss=None), 'missing the "iss" claim'),
    "other issuer": (lambda key: signed(key, iss="aje"), "iss of the JWT is not the account of its key"),
    "other key": (lambda key: signed(key, kid="aje"), "kid of the JWT names no key"),
    "other algorithm": (lambda key: signed(key, algorithm="RS256"), "The specified alg value is not allowed"),
    "forged": (lambda key: signed(service_account_key()), "Signature verification failed"),
    "no JWT": (lambda key: "a.b.c", "the JWT is not accepted"),
}


@pytest.mark.parametrize("case", BAD_JWT)
def test_requests_that_get_no_token(http: httpx.Client, key: dict[str, Any], case: str) -> None:
    """The answer names what is wrong with a signed request."""
    make, words = BAD_JWT[case]
    answer = http.post("/iam/v1/tokens", json={"jwt": make(key)})
    assert answer.status_code == 401
    assert words in answer.json()["message"]


def test_bodies_that_get_no_token(http: httpx.Client) -> None:
    """An unknown OAuth token is a 401, a body without either kind a 400; a machine token needs a header."""
    unknown = http.post("/iam/v1/tokens", json={"yandexPassportOauthToken": "y0_other"})
    assert (unknown.status_code, unknown.json()) == (
        401,
        {"message": "the OAuth token is invalid or has expired"},
    )
    for body in ({}, {"jwt": 5}, []):
        answer = http.post("/iam/v1/tokens", json=body)
        assert answer.status_code == 400
        assert answer.json()["message"] == "one of jwt and yandexPassportOauthToken must be set, as text"
    assert http.get(METADATA).status_code == 403


def test_folders(server: Server, http: httpx.Client) -> None:
    """A service account may name its own folder only, in the header or in v2's config; a user any."""
    user = {"authorization": f"Bearer {get_token(http, {'yandexPassportOauthToken': 'y0_user'})}"}
    other = {"x-folder-id": "b1gother"}
    code, words = get_grpc_error(server, **KEY, **other)
    assert (code, "names a different folder, 'b1gother'" in words) == ("PERMISSION_DENIED", True)
    answer = http.get("/operations/f8dx", headers=KEY | other)
    assert (answer.status_code, answer.json()["code"]) == (403, 7)
    body = {"config": {"folderId": "b1gother"}}
    assert http.post("/speech/stt/v2/longRunningRecognize", json=body, headers=KEY).status_code == 403
    for headers in (user | other, KEY | {"x-folder-id": FOLDER_ID}):
        assert get_grpc_error(server, **headers) == NOT_FOUND
        assert http.get("/operations/f8dx", headers=headers).status_code == 404
    assert http.post("/speech/stt/v2/longRunningRecognize", json=body, headers=user).status_code == 400


def test_tokens_expire() -> None:
    """A token is valid for some seconds; then the error is that it has expired."""
    now = [1000.0]
    issuer = Issuer(for_machine=True, seconds=5, clock=lambda: now[0])
    authenticator = Authenticator([], issuer.is_service_account)
    headers = {"authorization": f"Bearer {issuer.machine_token()['access_token']}"}
    now[0] = 1004.9
    authenticator.check(headers)
    now[0] = 1005.0
    with pytest.raises(StatusError, match="the token has expired"):
        authenticator.check(headers)


def test_a_server_without_credentials_needs_none() -> None:
    """It accepts every call and issues no token."""
    issuer = Issuer(seconds=5)
    authenticator = Authenticator([])
    assert not issuer.is_active
    assert not authenticator.is_required
    authenticator.check({"authorization": "Bearer anything", "x-folder-id": "any"})
    with pytest.raises(StatusError, match="no service account is bound to this machine"):
        issuer.machine_token()
    with pytest.raises(StatusError, match="this server knows no key of a service account"):
        issuer.exchange({"jwt": "a.b.c"}, AUDIENCE)


def test_public_key_files(key: dict[str, Any], tmp_path: Path) -> None:
    """JSON as the tool of the cloud prints it, or PEM; anything else is an error that names the file."""
    assert PublicKey.read(public_half(key, tmp_path)) == (
        key["public_key"],
        "ajekey00000000000000",
        "ajeaccount0000000000",
    )
    (tmp_path / "key.pem").write_text(key["public_key"])
    assert PublicKey.read(tmp_path / "key.pem") == (key["public_key"], "", "")
    (tmp_path / "wrong.json").write_text("{}")
    with pytest.raises(ServerError, match=r"wrong\.json holds no public key: KeyError"):
        PublicKey.read(tmp_path / "wrong.json")


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secure(certificate: tuple[Path, Path]) -> Iterator[Server]:
    """A server with TLS and a key."""
    cert, key = certificate
    server = Server(
        rest="127.0.0.1:0",
        tls_cert=cert,
        tls_key=key,
        api_key="sesame",
        models={"general": f"scripted:{DATA}"},
    )
    yield server
    server.close()


def test_tls_over_grpc_and_rest(secure: Server, certificate: tuple[Path, Path]) -> None:
    """The line has grpcs:// and https://; the certificate is checked, and plain text is not answered."""
    assert f"grpcs://{secure.address} https://127.0.0.1:" in secure.line
    trusting = grpc.ssl_channel_credentials(certificate[0].read_bytes())
    request = operation.GetOperationRequest(operation_id="f8dx")
    path = methods(OPERATIONS)["Get"].path
    with grpc.secure_channel(secure.address, trusting) as channel:
        call = channel.unary_unary(path, type(request).SerializeToString)
        with pytest.raises(grpc.RpcError, match="operation ID not found f8dx"):
            call(request, metadata=[("authorization", "Api-Key sesame")], timeout=20)
    with grpc.insecure_channel(secure.address) as channel:
        call = channel.unary_unary(path, type(request).SerializeToString)
        with pytest.raises(grpc.RpcError, match="UNAVAILABLE"):
            call(request, timeout=20)
    context = httpx.create_ssl_context(verify=True)
    context.load_verify_locations(certificate[0])
    assert httpx.get(f"{secure.rest}/operations/x", headers=KEY, verify=context).status_code == 404
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(secure.rest)


def test_vendor_stubs_over_tls(secure: Server, certificate: tuple[Path, Path]) -> None:
    """The stubs of `yandexcloud`, as the guide uses them: submit, poll, and read the answer."""
    from yandex.cloud.ai.stt.v3 import stt_pb2, stt_service_pb2, stt_service_pb2_grpc
    from yandex.cloud.operation import operation_service_pb2, operation_service_pb2_grpc

    container = stt_pb2.ContainerAudio(container_audio_type=stt_pb2.ContainerAudio.WAV)
    model = stt_pb2.RecognitionModelOptions(
        model="general", audio_format=stt_pb2.AudioFormatOptions(container_audio=container)
    )
    audio = (DATA / "dialogue.wav").read_bytes()
    request = stt_pb2.RecognizeFileRequest(content=audio, recognition_model=model)
    metadata = (("authorization", "Api-key sesame"),)
    credentials = grpc.ssl_channel_credentials(certificate[0].read_bytes())
    with grpc.secure_channel(secure.address, credentials) as channel:
        recognizer = stt_service_pb2_grpc.AsyncRecognizerStub(channel)
        operations = operation_service_pb2_grpc.OperationServiceStub(channel)
        id = recognizer.RecognizeFile(request, metadata=metadata).id
        poll = operation_service_pb2.GetOperationRequest(operation_id=id)
        wait_until(lambda: operations.Get(poll, metadata=metadata).done)
        wanted = stt_service_pb2.GetRecognitionRequest(operation_id=id)
        answer = list(recognizer.GetRecognition(wanted, metadata=metadata))
    assert answer[0].final.alternatives[0].text.startswith("good afternoon this is the ticket office")


def test_vendor_sdk_uses_endpoint_discovery(secure: Server, certificate: tuple[Path, Path]) -> None:
    """`yandex-ai-studio-sdk` finds the endpoints of the server and gets its deferred answer there."""
    from yandex_ai_studio_sdk import AIStudio
    from yandex_ai_studio_sdk.auth import APIKeyAuth
    from yandex_ai_studio_sdk.retry import NoRetryPolicy

    sdk = AIStudio(
        folder_id=FOLDER_ID,
        auth=APIKeyAuth("sesame"),
        endpoint=secure.address,
        verify=certificate[0],
        retry_policy=NoRetryPolicy(),
    )
    stt = sdk.speechkit.speech_to_text(audio_format="WAV", model="general")
    started = stt.run_deferred((DATA / "dialogue.wav").read_bytes())
    result = started.wait(poll_timeout=30, poll_interval=0.1)
    assert result.channels["0"].text.lower().startswith("good afternoon")


WRONG = {
    "REST in the open": ({"rest": "0.0.0.0:0"}, "'0.0.0.0:0' can be reached from other machines"),
    "key without TLS": ({"grpc": "0.0.0.0:0", "api_key": "a"}, "there is no TLS and no key"),
    "empty key": ({"api_key": ""}, "a value of --api-key is empty or no text"),
    "no key file": ({"tls_cert": "cert.pem"}, "TLS needs both, --tls-cert and --tls-key"),
    "no such file": ({"tls_cert": "gone", "tls_key": "gone"}, "gone and gone are no certificate and its key"),
    "no certificate": (
        {"tls_cert": DATA / "README.md", "tls_key": DATA / "README.md"},
        "are no certificate and its key in PEM form",
    ),
    "no public key": (
        {"rest": "127.0.0.1:0", "iam_public_key": "gone"},
        "gone holds no public key: FileNotFoundError",
    ),
    "REST address": ({"rest": "127.0.0.1"}, "is no address"),
    "IAM without REST": ({"iam": True}, "tokens are issued over REST; give --rest"),
    "file of keys": ({"api_key": "@gone"}, "the file 'gone' of --api-key cannot be read: .*No such file"),
    "no setting": ({"fault": "x"}, "there is no setting 'fault'; did you mean 'faults'"),
    "number": ({"lease_seconds": "5"}, "lease_seconds must be a number from 0.01 to 1,000,000, not '5'"),
    "not a number": ({"lease_seconds": float("nan")}, "lease_seconds must be a number"),
    "limits": ({"streams": {"seconds": -1}}, "streams.seconds must be a number"),
    "workers": ({"workers": 0}, "workers must be a number from 1 to 1,000, not 0"),
    "path": ({"data_dir": 5}, "data_dir must be a path, not 5"),
    "faults": ({"faults": [5]}, "a value of --fault is empty or no text"),
    "models": ({"models": ["general"]}, "models must be a mapping from model names to engines"),
    "engines": ({"models": {"general": None}}, "models must be a mapping of texts"),
    "limits of another type": ({"streams": 5}, "streams must be StreamLimits, not 5"),
    "zero byte": ({"data_dir": "a\0"}, "the data folder .* cannot be used: embedded null"),
    "superscript": ({"grpc": "127.0.0.1:²"}, "is no address"),
    "long port": ({"grpc": "127.0.0.1:" + "9" * 5000}, "is no address"),
    "address": ({"grpc": 50051}, "grpc must be a text such as '127.0.0.1:50051', not 50051"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_settings(case: str) -> None:
    """A server with wrong settings does not start, and the error names the setting."""
    settings, words = WRONG[case]
    with pytest.raises(ServerError, match=words):
        serve(ServerSettings.of(**{"grpc": "127.0.0.1:0"} | settings))


def test_other_machines_with_tls_and_a_key(certificate: tuple[Path, Path]) -> None:
    """Only then the server may listen for other machines; discovery names this machine."""
    cert, key = certificate
    settings = ServerSettings.of(grpc="0.0.0.0:0", api_key="sesame", tls_cert=cert, tls_key=key)
    (address, _) = settings.addresses()
    assert address.host == "0.0.0.0"
    assert address.public.host not in ("0.0.0.0", "")
    assert "sesame" not in repr(settings)


def test_nobody_gives_tokens_to_other_machines(certificate: tuple[Path, Path]) -> None:
    """Where others can call, tokens are not for everybody."""
    cert, key = certificate
    secure = {"grpc": "127.0.0.1:0", "rest": "0.0.0.0:0", "api_key": "a", "tls_cert": cert, "tls_key": key}
    for everybody in ({"iam": True}, {"vm_metadata": True}):
        with pytest.raises(ServerError, match=r"'0.0.0.0:0' can .* and everybody would get a token"):
            ServerSettings.of(**secure, **everybody).addresses()
    ServerSettings.of(**secure, iam=True, oauth_token="y0_user").addresses()


def test_keys_and_tokens_from_files(tmp_path: Path) -> None:
    """A file has one per line; a token that is named is accepted as those that the server issues."""
    (tmp_path / "tokens").write_text("t1.one\n\n t1.two \n")
    (tmp_path / "empty").write_text("\n")
    settings = ServerSettings.of(api_key=["plain"], bearer_token=f"@{tmp_path / 'tokens'}")
    assert (settings.api_key, settings.bearer_token) == (("plain",), ("t1.one", "t1.two"))
    authenticator = Authenticator(settings.api_key, None, settings.bearer_token)
    for accepted in ("Bearer t1.one", "bearer t1.two", "Api-Key plain"):
        authenticator.check({"authorization": accepted})
    for refused in ("Bearer t1.three", "Bearer plain", "Api-Key t1.one"):
        with pytest.raises(StatusError):
            authenticator.check({"authorization": refused})
    with pytest.raises(ServerError, match=r"empty' of --api-key is empty; it holds one per line"):
        ServerSettings.of(api_key=f"@{tmp_path / 'empty'}")


def test_an_iam_endpoint_for_everybody() -> None:
    """With --iam alone every OAuth token is exchanged, and calls need the token."""
    server = Server(rest="127.0.0.1:0", iam=True, models={"general": f"scripted:{DATA}"})
    with closing(server), httpx.Client(base_url=server.rest) as http:
        assert http.get("/operations/x").status_code == 401
        headers = {"authorization": f"Bearer {get_token(http, {'yandexPassportOauthToken': 'any'})}"}
        assert http.get("/operations/x", headers=headers).status_code == 404
        assert http.post("/iam/v1/tokens", json={"jwt": "a.b.c"}).status_code == 401
        assert http.get(METADATA, headers=FLAVOR).status_code == 404


def test_every_option_is_explained() -> None:
    """No option of `serve` is without a text, but the one for programs."""
    from speechkit_nb.cli.main import main

    options = {option.name: option for option in main.commands["serve"].params}
    assert [name for name, option in options.items() if option.hidden] == ["stop_with_stdin"]
    assert all(option.help for name, option in options.items() if name != "stop_with_stdin")
    assert "better use the variable or a file" in options["api_key"].help


def test_command_line(certificate: tuple[Path, Path]) -> None:
    """The options of `serve`; a key may come from the environment, where other users do not see it."""
    command = [sys.executable, "-m", "speechkit_nb", "serve", "--grpc", "127.0.0.1:0", "--stop-with-stdin"]
    command += ["--rest", "127.0.0.1:0", "--tls-cert", str(certificate[0]), "--tls-key", str(certificate[1])]
    environment = os.environ | {"SPEECHKIT_NB_API_KEY": "sesame"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        assert process.stdout is not None
        found = re.search(r"grpcs://127\.0\.0\.1:\d+ (https://127\.0\.0\.1:\d+) ", process.stdout.readline())
        assert found
        context = httpx.create_ssl_context(verify=True)
        context.load_verify_locations(certificate[0])
        statuses = [
            httpx.get(f"{found[1]}/operations/x", headers=headers, verify=context).status_code
            for headers in ({}, KEY)
        ]
        process.communicate()
    assert statuses == [401, 404]


@pytest.fixture
def guide(key: dict[str, Any], tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server from the command line with every option of the guide: its URL, and the file of the key."""
    file = tmp_path / "key.json"
    file.write_text(json.dumps(key))
    command = [sys.executable, "-m", "speechkit_nb", "serve", "--grpc", "127.0.0.1:0", "--stop-with-stdin"]
    command += ["--rest", "127.0.0.1:0", "--iam", "--iam-public-key", str(file), "--token", "t1.ours"]
    command += ["--fault", "unavailable:GetRecognition:1", "--keep-days", "30", "--workers", "1"]
    command += ["--model", f"general=scripted:{DATA}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        found = re.search(r" (http://127\.0\.0\.1:\d+) ", process.stdout.readline())
        assert found
        yield found[1], file
        process.communicate()


def test_the_way_of_the_guide_with_a_key(guide: tuple[str, Path], tmp_path: Path) -> None:
    """Key, signed request, IAM token, Bearer, text; no other token is taken."""
    url, key = guide
    with sk.connect(url, service_account_key=key, journal=tmp_path / "journal.sqlite3") as client:
        job = client.submit(DATA / "russian.wav")
        text = job.result(timeout=60, progress=False).text
    assert text.split() == pd.read_csv(DATA / "russian.words.csv").word.tolist()
    with httpx.Client(base_url=url) as http:
        statuses = [
            http.get("/operations/x", headers={"authorization": f"Bearer {token}"}).status_code
            for token in ("t1.ours", "t1.other")
        ]
    assert statuses == [404, 401]


def test_days_of_the_command_are_seconds_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the Python interface count in seconds, as all of them do."""
    from click.testing import CliRunner

    from speechkit_nb.cli.main import main

    started: list[ServerSettings] = []
    monkeypatch.setattr("speechkit_nb.server.serve", started.append)
    assert CliRunner().invoke(main, ["serve", "--keep-days", "0.5", "--workers", "3"]).exit_code == 0
    assert CliRunner().invoke(main, ["serve"]).exit_code == 0
    assert [(each.keep_seconds, each.workers) for each in started] == [(43200, 3), (259200, None)]


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--keep-days", "0", "--keep-days must be a number from 1e-06 to 10,000, not 0.0"),
        ("--keep-days", "soon", "'soon' is not a valid float"),
        ("--keep-days", "nan", "--keep-days must be a number from 1e-06 to 10,000, not nan"),
        ("--workers", "0", "workers must be a number from 1 to 1,000, not 0"),
        ("--token", " ", "a value of --bearer-token is empty"),
        ("--fault", "rain", "there is no fault 'rain'; the faults are unavailable:METHOD:N, "),
    ],
)
def test_wrong_values_of_options(option: str, value: str, reason: str) -> None:
    """The error names the option and what it takes."""
    from click.testing import CliRunner

    from speechkit_nb.cli.main import main

    result = CliRunner().invoke(main, ["serve", "--grpc", "127.0.0.1:0", option, value])
    assert result.exit_code != 0
    assert reason in result.output


def test_errors_hold_no_secrets(server: Server, http: httpx.Client, key: dict[str, Any]) -> None:
    """No error repeats a credential that was sent."""
    secret = base64.b64encode(b"very secret").decode()
    for headers in ({"authorization": f"Bearer {secret}"}, {"authorization": f"Api-Key {secret}"}):
        assert secret not in get_grpc_error(server, **headers)[1]
        assert secret not in http.get("/operations/x", headers=headers).text
    assert secret not in http.post("/iam/v1/tokens", json={"yandexPassportOauthToken": secret}).text
    assert signed(key, exp=2) not in http.post("/iam/v1/tokens", json={"jwt": signed(key, exp=2)}).text
