"""Credentials of the user: keys and tokens, which are renewed in time and never shown.

No secret is in a repr, an error message or a log of this module.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from ...errors import ConfigError, Denied, NoAnswer, ServiceError, join_names
from ..clock import INFINITY, Clock, time_left
from ..transport.base import Credentials, Secret
from .iam import IamClient, Token
from .service_account import ServiceAccountKey

WAYS = (
    "give api_key=, iam_token=, oauth_token= or service_account_key= to connect(), set YC_API_KEY, "
    "YC_IAM_TOKEN, YC_OAUTH_TOKEN, YC_SERVICE_ACCOUNT_KEY_FILE or YC_TOKEN, or run on a virtual machine of "
    "the cloud with a service account; connect('local') needs none"
)
MIN_AGE = 5.0
"""Seconds for which a new token is not renewed again, since another thread has just renewed it."""
MAX_AGE = 3600.0
"""Seconds after which a token is renewed, though it may be valid for twelve hours."""


class _NamedCredentials:
    """Credentials that show only where they come from."""

    _name: str

    def __repr__(self) -> str:
        return f"<credentials: {self._name}>"

    def __reduce__(self) -> NoReturn:
        raise ConfigError(f"{self!r} are not pickled or copied: connect anew where they are needed")


class FixedCredentials(_NamedCredentials):
    """A key or a token that cannot be renewed."""

    def __init__(self, scheme: str, secret: str, name: str) -> None:
        self._header, self._name = Secret(f"{scheme} {clean_secret(secret, name)}"), name

    def header(self) -> Secret:
        return self._header

    def renew(self) -> bool:
        return False


class VariableCredentials(_NamedCredentials):
    """A token in an environment variable, which another program renews, as in notebooks of the cloud."""

    def __init__(self, environ: Mapping[str, str], name: str) -> None:
        self._environ, self._name = environ, name
        self._sent = Secret()

    def header(self) -> Secret:
        token = Secret(self._environ.get(self._name, ""))
        self._sent = Secret(f"Bearer {clean_secret(token, self._name)}")
        return self._sent

    def renew(self) -> bool:
        return self._sent != self.header()


class RenewableCredentials(_NamedCredentials):
    """A token that is fetched when it is needed, and fetched again before it expires.

    Its age is the larger one by two clocks: one of them may be set back, the other one stops while the
    machine sleeps.

    Args:
        fetch: gets a new token.
        name: where it comes from, for messages.
        clock: both clocks.
    """

    def __init__(
        self,
        fetch: Callable[[], Token],
        name: str,
        clock: Clock | None = None,
    ) -> None:
        self._fetch, self._name, self._clock = fetch, name, clock or Clock()
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._fetched = (0.0, 0.0)
        self._lifetime = self._renew_at_age = 0.0

    def header(self) -> Secret:
        with self._locked():
            if self._token is None or self._age() >= self._renew_at_age:
                self._get(self._token)
            assert self._token is not None
            return Secret(f"Bearer {self._token.value}")

    def renew(self) -> bool:
        with self._locked():
            if self._token is None or self._age() >= MIN_AGE:
                self._get(None)
            return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Only one thread fetches a token; the others wait for it until their time is up."""
        seconds = time_left()
        if not self._lock.acquire(timeout=seconds if seconds < INFINITY else -1):
            raise NoAnswer(f"there is no token for the {self._name} in time", code="DEADLINE_EXCEEDED")
        try:
            yield
        finally:
            self._lock.release()

    def _now(self) -> tuple[float, float]:
        return self._clock.now(), self._clock.monotonic()

    def _age(self) -> float:
        return max(now - then for now, then in zip(self._now(), self._fetched, strict=True))

    def _get(self, old: Token | None) -> None:
        """Fetch a token; a failure is ignored as long as the old token is valid."""
        requested = self._now()
        try:
            self._token = self._fetch()
        except ServiceError:
            age = self._age()
            if old is None or age >= self._lifetime:
                raise
            self._renew_at_age = age + MIN_AGE
            return
        lifetime = self._token.expires_at - requested[0]
        self._fetched = requested
        # a new token that seems to have expired: the clock of this machine is wrong
        self._lifetime = lifetime if lifetime > 0 else MAX_AGE
        self._renew_at_age = min(0.9 * self._lifetime, MAX_AGE)


def hide_secret(given: Any) -> Any:
    """A secret of the user so that no traceback shows it: a text, or the content of a key file as a dict."""
    if isinstance(given, Mapping):
        given = json.dumps(dict(given), default=str)
    return Secret(given) if isinstance(given, str) else given


def clean_secret(secret: Any, name: str) -> Secret:
    """A key or token without the line break that was copied with it.

    Raises:
        ConfigError: if it is no possible secret. HTTP libraries would print it in their own message.
    """
    text = Secret(secret.strip() if isinstance(secret, str) else "")
    if not text:
        raise ConfigError(f"{name} is empty or no text")
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ConfigError(f"{name} contains a space, a line break or a letter that no key or token has")
    return text


def choose_credentials(iam: IamClient, **secrets: Any) -> Credentials | None:
    """The credentials for the one secret that is given; None if none is given.

    Args:
        iam: fetches tokens.
        secrets: `api_key`, `iam_token`, `oauth_token`, `service_account_key`.

    Raises:
        ConfigError: if several are given, or one is no possible secret.
    """
    names = [name for name, secret in secrets.items() if secret is not None]
    if len(names) > 1:
        raise ConfigError(f"give one of {', '.join(secrets)}, not {join_names(names)}")
    return _make_credentials(names[0], secrets[names[0]], iam) if names else None


def find_credentials(iam: IamClient, environ: Mapping[str, str] | None = None) -> Credentials:
    """The first credentials in the environment, in the same order as in the SDK of the cloud.

    Args:
        iam: fetches tokens.
        environ: environment variables; default: those of the process.

    Raises:
        Denied: if there are none; the message lists all ways to give them.
    """
    variables = {
        "YC_API_KEY": "api_key",
        "YC_IAM_TOKEN": "iam_token",
        "YC_OAUTH_TOKEN": "oauth_token",
        "YC_SERVICE_ACCOUNT_KEY_FILE": "service_account_key",
    }
    known = _read_variables(environ, [*variables, "YC_TOKEN"])
    for variable, kind in variables.items():
        if variable in known:
            return _make_credentials(kind, known[variable], iam, variable)
    if iam.is_on_virtual_machine():
        return RenewableCredentials(iam.fetch_machine_token, "virtual machine")
    if "YC_TOKEN" in known:
        return VariableCredentials(os.environ if environ is None else environ, "YC_TOKEN")
    raise Denied(f"no credentials found: {WAYS}", code="UNAUTHENTICATED")


def _read_variables(environ: Mapping[str, str] | None, names: Sequence[str]) -> dict[str, Secret]:
    """The values of these variables, without those that are empty.

    They are read here, since a traceback through a function that holds the environment shows all of it.
    """
    values = os.environ if environ is None else environ
    return {name: Secret(values[name]) for name in names if values.get(name)}


def _make_credentials(kind: str, secret: Any, iam: IamClient, name: str = "") -> Credentials:
    name = name or kind
    if kind == "api_key":
        return FixedCredentials("Api-Key", secret, name)
    if kind == "iam_token":
        return FixedCredentials("Bearer", secret, name)
    if kind == "oauth_token":
        token = clean_secret(secret, name)
        return RenewableCredentials(lambda: iam.exchange("yandexPassportOauthToken", token, name), name)
    key = ServiceAccountKey.read(secret, name)
    return RenewableCredentials(lambda: iam.exchange("jwt", key.make_jwt(iam.url, time.time()), name), name)
