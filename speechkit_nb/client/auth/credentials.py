"""Who one is to the service: keys and tokens, renewed in time, and never shown.

No secret is in the repr, the message or the log of anything here.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ...errors import ConfigError, Denied, ServiceError
from .iam import Iam, Token
from .service_account import ServiceAccountKey

WAYS = (
    "give api_key=, iam_token=, oauth_token= or service_account_key= to connect(), set YC_API_KEY, "
    "YC_IAM_TOKEN, YC_OAUTH_TOKEN, YC_SERVICE_ACCOUNT_KEY_FILE or YC_TOKEN, or run on a virtual machine of "
    "the cloud with a service account; connect('local') needs none"
)
YOUNG = 5.0
"""Seconds for which a new token is not renewed again: another thread has just done it."""
FRESH = 3600.0
"""A token is renewed after an hour, though it may live for twelve."""


class Credentials(Protocol):
    """What goes into the authorization header."""

    def header(self) -> str:
        """The value, renewed if it is about to expire."""

    def renew(self) -> bool:
        """Called once after the service has refused the header; whether there is another one now."""


class Fixed:
    """A key or a token that cannot be renewed."""

    def __init__(self, scheme: str, secret: str, name: str) -> None:
        self._header = f"{scheme} {clean(secret, name)}"
        self._name = name

    def header(self) -> str:
        return self._header

    def renew(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<credentials: {self._name}>"


class FromVariable:
    """A token that somebody else keeps fresh in an environment variable, as notebooks of the cloud do."""

    def __init__(self, environ: Mapping[str, str], name: str) -> None:
        self._environ, self._name = environ, name
        self._sent = ""

    def header(self) -> str:
        self._sent = f"Bearer {clean(self._environ.get(self._name, ''), self._name)}"
        return self._sent

    def renew(self) -> bool:
        return self._sent != self.header()

    def __repr__(self) -> str:
        return f"<credentials: {self._name}>"


class Renewed:
    """A token that is fetched when it is needed, and again ahead of its end.

    How old it is, is the more that two clocks say: one of them somebody may set back, the other one stands
    still while the machine sleeps.

    Args:
        fetch: gets a new one.
        name: how it was got, for messages.
        clock: seconds since the epoch.
        steady: seconds that nobody can set.
    """

    def __init__(
        self,
        fetch: Callable[[], Token],
        name: str,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch, self._name, self._clocks = fetch, name, (clock, steady)
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._fetched = (0.0, 0.0)
        self._life = self._due = 0.0

    def header(self) -> str:
        with self._lock:
            if self._token is None or self._age() >= self._due:
                self._get(self._token)
            assert self._token is not None
            return f"Bearer {self._token.value}"

    def renew(self) -> bool:
        with self._lock:
            if self._token is None or self._age() >= YOUNG:
                self._get(None)
            return True

    def _now(self) -> tuple[float, float]:
        clock, steady = self._clocks
        return clock(), steady()

    def _age(self) -> float:
        return max(now - then for now, then in zip(self._now(), self._fetched, strict=True))

    def _get(self, old: Token | None) -> None:
        """Fetch a token; while the old one is still good, a failure to do so can wait."""
        asked = self._now()
        try:
            self._token = self._fetch()
        except ServiceError:
            age = self._age()
            if old is None or age >= self._life:
                raise
            self._due = age + YOUNG
            return
        life = self._token.expires_at - asked[0]
        self._fetched = asked
        self._life = life if life > 0 else FRESH  # a new token that is over: this machine's clock is wrong
        self._due = min(0.9 * self._life, FRESH)

    def __repr__(self) -> str:
        return f"<credentials: {self._name}>"


@dataclass(frozen=True)
class Identity:
    """What is said about the user with every call.

    Attributes:
        credentials: None where none are needed.
        folder_id: only for accounts of people; a service account has its own.
        data_logging: lets the service keep the audio, so that its support can look at it.
    """

    credentials: Credentials | None = None
    folder_id: str | None = None
    data_logging: bool = False

    def metadata(self, request_id: str | None = None) -> list[tuple[str, str]]:
        """Names (lower case) and values, for gRPC metadata and HTTP headers alike."""
        pairs = {
            "authorization": self.credentials and self.credentials.header(),
            "x-folder-id": self.folder_id,
            "x-client-request-id": request_id,
            "x-data-logging-enabled": "true" if self.data_logging else None,
        }
        return [(name, value) for name, value in pairs.items() if value]

    def renew(self) -> bool:
        """Whether refused credentials could be replaced."""
        return self.credentials is not None and self.credentials.renew()


def clean(secret: Any, name: str) -> str:
    """A key or token without the line end it was copied with.

    Raises:
        ConfigError: if it cannot be one. The libraries below would print it into their own message.
    """
    text = secret.strip() if isinstance(secret, str) else ""
    if not text:
        raise ConfigError(f"{name} is empty, or no text")
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ConfigError(f"{name} holds a space, a line break or a letter that no key or token has")
    return text


def given(iam: Iam, **secrets: Any) -> Credentials | None:
    """The one of `api_key`, `iam_token`, `oauth_token`, `service_account_key` that is given; None if none is.

    Raises:
        ConfigError: if there are several, or one cannot be right.
    """
    names = [name for name, secret in secrets.items() if secret is not None]
    if len(names) > 1:
        raise ConfigError(f"give one of {', '.join(secrets)}, not {' and '.join(names)}")
    return _of(names[0], secrets[names[0]], iam) if names else None


def from_environment(iam: Iam, environ: Mapping[str, str] = os.environ) -> Credentials:
    """The first credentials there are, in the order of the vendor's SDK.

    Raises:
        Denied: if there are none; the message says what to set.
    """
    variables = {
        "YC_API_KEY": "api_key",
        "YC_IAM_TOKEN": "iam_token",
        "YC_OAUTH_TOKEN": "oauth_token",
        "YC_SERVICE_ACCOUNT_KEY_FILE": "service_account_key",
    }
    for variable, kind in variables.items():
        if environ.get(variable):
            return _of(kind, environ[variable], iam, variable)
    if iam.on_virtual_machine():
        return Renewed(iam.of_virtual_machine, "virtual machine")
    if environ.get("YC_TOKEN"):
        return FromVariable(environ, "YC_TOKEN")
    raise Denied(f"no credentials found: {WAYS}", code="UNAUTHENTICATED")


def _of(kind: str, secret: Any, iam: Iam, name: str = "") -> Credentials:
    name = name or kind
    if kind == "api_key":
        return Fixed("Api-Key", secret, name)
    if kind == "iam_token":
        return Fixed("Bearer", secret, name)
    if kind == "oauth_token":
        token = clean(secret, name)
        return Renewed(lambda: iam.exchange("yandexPassportOauthToken", token, name), name)
    key = ServiceAccountKey.read(secret, name)
    return Renewed(lambda: iam.exchange("jwt", key.jwt(iam.url, time.time()), name), name)
