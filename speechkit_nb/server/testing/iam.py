"""Tokens, as the IAM endpoint of the cloud and the metadata service of a virtual machine issue them.

They are here so that clients can be tested with every kind of credentials. A restart forgets them.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import MissingExtra, ServerError
from ..status import Code, StatusError, invalid_argument, unauthenticated

AUDIENCE = "https://iam.api.cloud.yandex.net/iam/v1/tokens"
LONGEST_JWT_SECONDS = 3600
MOST_TOKENS = 10_000
"""Tokens that are remembered; then the oldest one is forgotten."""


class Token(NamedTuple):
    """What is known about an issued token; times in seconds since 1970."""

    expires_at: float
    is_service_account: bool


class PublicKey(NamedTuple):
    """The public half of a service account's key. Without an id, requests may name any key."""

    pem: str
    key_id: str = ""
    account_id: str = ""

    @classmethod
    def read(cls, path: Path) -> PublicKey:
        """Read PEM, or JSON as `yc iam key get` and `yc iam key create` print it.

        Raises:
            ServerError: if the file is neither.
        """
        try:
            text = path.read_text(encoding="utf-8")
            if not text.lstrip().startswith("{"):
                return cls(text)
            key = json.loads(text)
            return cls(key["public_key"], key.get("id", ""), key.get("service_account_id", ""))
        except (OSError, ValueError, KeyError) as error:
            raise ServerError(f"{path} holds no public key: {type(error).__name__}: {error}") from error


class Issuer:
    """Issues tokens and checks them.

    Args:
        public_key: file of the key that verifies signed requests, JSON or PEM; None: they are not accepted.
        oauth_tokens: OAuth tokens that can be exchanged for the token of a user.
        for_everybody: whether every OAuth token can be exchanged.
        for_machine: whether the metadata service issues tokens, to every caller.
        seconds: how long a token is valid.
        clock: seconds since 1970.

    Raises:
        ServerError: if the key cannot be read.
        MissingExtra: if the package that verifies signatures is not installed.
    """

    def __init__(
        self,
        public_key: Path | None = None,
        oauth_tokens: Iterable[str] = (),
        *,
        for_everybody: bool = False,
        for_machine: bool = False,
        seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if public_key is not None and find_spec("jwt") is None:
            raise MissingExtra("an IAM endpoint with keys", "pyjwt[crypto]", "auth")
        self._public_key = None if public_key is None else PublicKey.read(public_key)
        self._oauth_tokens = frozenset(oauth_tokens)
        self._for_everybody, self._for_machine = for_everybody, for_machine
        self._seconds, self._clock = seconds, clock
        self._tokens: dict[str, Token] = {}
        self.is_active = bool(public_key or self._oauth_tokens or for_everybody or for_machine)

    def exchange(self, body: Mapping[str, Any], own_url: str) -> dict[str, str]:
        """`CreateIamToken`: a signed request of a service account, or an OAuth token of a user.

        Args:
            body: with `jwt` or `yandexPassportOauthToken`.
            own_url: URL of the request; a signed request may name it as its audience.

        Raises:
            StatusError: UNAUTHENTICATED if the credentials are not accepted.
        """
        match body:
            case {"jwt": str(signed)}:
                self._check_signed(signed, own_url)
                token = self._issue(is_service_account=True)
            case {"yandexPassportOauthToken": str(oauth)}:
                if not self._for_everybody and oauth not in self._oauth_tokens:
                    raise unauthenticated("the OAuth token is invalid or has expired")
                token = self._issue(is_service_account=False)
            case _:
                raise invalid_argument("one of jwt and yandexPassportOauthToken must be set, as text")
        expires_at = time.gmtime(self._tokens[token].expires_at)
        return {"iamToken": token, "expiresAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", expires_at)}

    def machine_token(self) -> dict[str, Any]:
        """The answer of the metadata service of a virtual machine.

        Raises:
            StatusError: NOT_FOUND if the metadata service is not switched on.
        """
        if not self._for_machine:
            raise StatusError(Code.NOT_FOUND, "no service account is bound to this machine")
        token = self._issue(is_service_account=True)
        return {"access_token": token, "expires_in": round(self._seconds), "token_type": "Bearer"}

    def is_service_account(self, token: str) -> bool:
        """Whether a token belongs to a service account; otherwise it belongs to a user.

        Raises:
            StatusError: UNAUTHENTICATED if this server did not issue it, or it has expired.
        """
        found = self._tokens.get(token)
        if found is None:
            raise unauthenticated("the token is invalid")
        if found.expires_at <= self._clock():
            raise unauthenticated("the token has expired")
        return found.is_service_account

    def _issue(self, is_service_account: bool) -> str:
        token = f"t1.{secrets.token_urlsafe(48)}"
        if len(self._tokens) >= MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[token] = Token(self._clock() + self._seconds, is_service_account)
        return token

    def _check_signed(self, signed: str, own_url: str) -> None:
        if self._public_key is None:
            raise unauthenticated("this server knows no key of a service account")
        import jwt

        required: Any = {"require": ["iss", "aud", "iat", "exp"]}
        try:
            found = jwt.decode_complete(
                signed, self._public_key.pem, ["PS256"], options=required, audience=[AUDIENCE, own_url]
            )
            claims = found["payload"]
            seconds = float(claims["exp"]) - float(claims["iat"])
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise unauthenticated(f"the JWT is not accepted: {error}") from None
        if self._public_key.key_id not in ("", found["header"].get("kid")):
            raise unauthenticated("the header kid of the JWT names no key that is known here")
        if self._public_key.account_id not in ("", claims["iss"]):
            raise unauthenticated("the claim iss of the JWT is not the account of its key")
        if not seconds <= LONGEST_JWT_SECONDS:  # also if it is no number
            raise unauthenticated(f"the JWT must expire within {LONGEST_JWT_SECONDS} s of its time iat")
