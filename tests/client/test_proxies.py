"""The proxy of the user: named in errors, and refused in one clear sentence if it cannot be used."""

from __future__ import annotations

import sys

import pytest

import speechkit_nb as sk
from speechkit_nb.client.transport import retry
from speechkit_nb.client.transport.endpoints import parse_service_url
from speechkit_nb.client.transport.proxies import find_proxy
from speechkit_nb.errors import ConfigError, Unreachable

HOST = "stt.example.org"
URL = parse_service_url(f"https://{HOST}")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """No proxies but those of the test; retries come at once."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.0)
    return monkeypatch


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_a_dead_proxy_is_named(scheme, environment):
    """With the variable that names it, and without its password."""
    environment.setenv("HTTPS_PROXY", "http://ann:hidden@127.0.0.1:1")
    with (
        sk.connect(f"{scheme}://{HOST}") as client,
        pytest.raises(
            Unreachable, match=r"through the proxy http://127\.0\.0\.1:1 \(HTTPS_PROXY\)"
        ) as caught,
    ):
        client.job("f8d")
    assert "hidden" not in str(caught.value)
    assert "ann:" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    ["ftp://proxy:1", "http://", "http://proxy:port", "http://a b:1", "://", "http://[half:1", "\x01"],
)
@pytest.mark.parametrize("transport", ["https", "grpcs"])
def test_a_proxy_that_is_none(value, transport, environment):
    """The error says what a proxy looks like, and how to do without."""
    environment.setenv("ALL_PROXY", value)
    with pytest.raises(
        ConfigError, match=rf"^ALL_PROXY=.* is no proxy.*http://HOST:PORT.*add {HOST} to NO_PROXY"
    ):
        sk.connect(f"{transport}://{HOST}")


@pytest.mark.parametrize("value", [" http://proxy:3128\n", "proxy:3128", "HTTP://proxy:3128"])
def test_a_proxy_with_blanks_or_without_a_scheme(value, environment):
    """As other programs accept it."""
    environment.setenv("HTTPS_PROXY", value)
    assert str(find_proxy(URL)).lower() == "http://proxy:3128 (https_proxy)"


def test_hosts_that_need_no_proxy(environment):
    """This machine, those in NO_PROXY, and an empty variable."""
    environment.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert find_proxy(parse_service_url("https://127.0.0.1:8443")) is None
    environment.setenv("NO_PROXY", "example.com, .example.org")
    assert find_proxy(URL) is None
    environment.setenv("NO_PROXY", "*")
    assert find_proxy(URL) is None
    environment.delenv("NO_PROXY")
    environment.setenv("HTTPS_PROXY", " ")
    assert find_proxy(URL) is None


def test_a_socks_proxy_needs_a_package(environment):
    """Over REST; gRPC cannot use one at all, and says so if it cannot connect without."""
    environment.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    environment.setitem(sys.modules, "socksio", None)
    with pytest.raises(
        ConfigError, match=r"SOCKS proxy socks5://127\.0\.0\.1:1 \(ALL_PROXY\) needs.*httpx\[socks"
    ):
        sk.connect(f"https://{HOST}")
    with (
        sk.connect("grpcs://no-such-host.invalid:443") as client,
        pytest.raises(
            Unreachable, match=r"without the proxy socks5:.*which gRPC cannot use and transport='rest'"
        ),
    ):
        client.job("f8d")
