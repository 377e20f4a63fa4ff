"""The key of a service account, and the requests for tokens that it signs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import ConfigError, MissingExtra, check_path, show_value
from ..transport.base import Secret

FIELDS = ("id", "service_account_id", "private_key")
LIFETIME = 600
"""Seconds for which a signed request is valid; the service accepts at most an hour."""


class ServiceAccountKey(NamedTuple):
    """A key from `yc iam key create`: its id, the id of the account, a private RSA key in PEM format."""

    id: str
    account: str
    private_key: str

    @classmethod
    def read(cls, source: str | os.PathLike[str], name: str) -> ServiceAccountKey:
        """Read a key from a JSON file, or from JSON.

        Raises:
            ConfigError: if it cannot be read, or a field is missing or wrong.
            MissingExtra: if the packages for signing are not installed.
        """
        label, text = name, Secret(source)
        if not text.lstrip().startswith("{"):
            label = f"{name} {show_value(str(source))}"
            text = _read_text(check_path(name, str(source)), label)
        parts = _parse_parts(text, label)
        if not all(isinstance(part, str) and part for part in parts):
            raise ConfigError(
                f"{label} is no key of a service account, which has id, service_account_id and private_key; "
                "yc iam key create --output key.json makes one"
            )
        key = cls(str(parts[0]), str(parts[1]), parts[2])
        try:
            key.make_jwt("https://example.org", 0.0)
        except MissingExtra:
            raise
        except Exception:  # two libraries may raise, each its own classes
            raise ConfigError(f"the private_key of {label} is no RSA key in PEM format") from None
        return key

    def make_jwt(self, audience: str, now: float) -> Secret:
        """A request for a token, signed with the key."""
        try:
            import cryptography  # noqa: F401  (pyjwt signs with it)
            import jwt
        except ImportError as error:
            raise MissingExtra("a service account's key", "pyjwt[crypto]", "auth") from error
        claims = {"iss": self.account, "aud": audience, "iat": int(now), "exp": int(now) + LIFETIME}
        start = max(self.private_key.find("-----BEGIN"), 0)  # the cloud puts a line of warning before it
        pem = Secret(self.private_key[start:])
        return Secret(jwt.encode(claims, pem, algorithm="PS256", headers={"kid": self.id}))

    def __repr__(self) -> str:
        return f"ServiceAccountKey({self.id!r}, {self.account!r})"


def _read_text(path: Path, label: str) -> Secret:
    try:
        return Secret(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{label} cannot be read: {error.strerror}") from None
    except ValueError:  # it is no text, or no name of a file
        raise ConfigError(f"{label} is not a JSON file") from None


def _parse_parts(text: Secret, label: str) -> list[Any]:
    """The three parts of a key, each None if it is missing."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = text
    if content is text:
        raise ConfigError(f"{label} is not a JSON file")
    known = content if isinstance(content, dict) else {}
    return [Secret(part) if isinstance(part, str) else None for part in map(known.get, FIELDS)]
