"""Keys and tokens are in no pickle, and in no traceback that shows local variables."""

from __future__ import annotations

import json
import pickle
import traceback
from dataclasses import replace

import pytest
from credentials import service_account_key
from faulty_server import run_faulty_grpc
from http_stub import Answer, run_stub
from local_server import wav

import speechkit_nb as sk
from speechkit_nb.client.auth.credentials import FixedCredentials, VariableCredentials
from speechkit_nb.client.auth.iam import Token
from speechkit_nb.client.auth.service_account import ServiceAccountKey
from speechkit_nb.client.transport.base import Secret
from speechkit_nb.client.transport.endpoints import Endpoints
from speechkit_nb.errors import PACKAGE, ConfigError, SpeechkitError

KEY = "AQVN-this-is-the-key"


@pytest.fixture(scope="module")
def key():
    """The key of a service account."""
    return service_account_key()


def show_locals(error: BaseException | None) -> str:
    """A traceback with the local variables of the toolkit's functions, as rich and cgitb print it."""
    parts = []
    while error is not None:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        parts += [str(frame.locals) for frame in shown.stack if frame.filename.startswith(PACKAGE)]
        error = error.__cause__
    return "\n".join(parts)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
@pytest.mark.parametrize("way", ["api_key", "iam_token", "oauth_token", "service_account_key", "environment"])
def test_no_secret_is_in_a_traceback_with_local_variables(way, transport, key, monkeypatch):
    """Whatever raises: `connect`, the exchange of a token, a submission, or a status check."""
    text = json.dumps(key) if way == "service_account_key" else "AQVN-this-is-a-secret"
    secret = key["private_key"].split("\n")[2] if way == "service_account_key" else text
    given = {} if way == "environment" else {way: key if way == "service_account_key" else text}
    monkeypatch.setenv("YC_API_KEY" if way == "environment" else "AWS_SECRET_ACCESS_KEY", text)
    refuse = Answer(401, json.dumps({"code": 16, "message": f"unknown {text[:40]}"}))
    with run_stub() as service, run_faulty_grpc("long_refusal") as grpc_url:
        service.answer("/iam/v1/tokens", refuse)
        service.answer("/stt/v3/recognizeFileAsync", refuse)
        service.answer("/operations/f8d", refuse)
        hosts = replace(Endpoints.at(service.url), stt=grpc_url, operation=grpc_url)
        seen = []
        for journal in ("/dev/null/journal", None):
            calls = [
                lambda client: client.submit(wav(1.0)),
                lambda client: client.job("f8d"),
                lambda client: pickle.dumps(client._transport._identity.credentials),
            ]
            for call in calls:
                try:
                    with sk.connect(endpoints=hosts, transport=transport, journal=journal, **given) as client:
                        call(client)
                except SpeechkitError as error:
                    seen.append(show_locals(error))
    assert len(seen) == 6
    assert "***" in seen[3]
    assert [shown for shown in seen if secret in shown] == []


def test_credentials_are_not_pickled(key):
    """The error says what to do instead."""
    for credentials in (
        FixedCredentials("Api-Key", KEY, "api_key"),
        VariableCredentials({"YC_TOKEN": KEY}, "YC_TOKEN"),
        ServiceAccountKey.read(json.dumps(key), "service_account_key"),
        Token(Secret(KEY), 0.0),
    ):
        with pytest.raises(ConfigError, match="not pickled or copied: connect anew where they are needed"):
            pickle.dumps(credentials)
