"""The key of a service account, and the requests for tokens that it signs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import ConfigError, MissingExtra

LIFETIME = 600
"""Seconds for which a signed request is valid; the service accepts at most an hour."""


class ServiceAccountKey(NamedTuple):
    """A key from `yc iam key create`: its id, the id of the account, a private RSA key in PEM format."""

    id: str
    account: str
    private_key: str

    @classmethod
    def read(cls, source: str | os.PathLike[str] | Mapping[str, Any], name: str) -> ServiceAccountKey:
        """Read a key from a JSON file, or from its content as a dict.

        Raises:
            ConfigError: if it cannot be read, or a field is missing or wrong.
            MissingExtra: if the packages for signing are not installed.
        """
        label = name if isinstance(source, Mapping) else f"{name} {os.fspath(source)!r}"
        content = source if isinstance(source, Mapping) else _read_json(Path(source).expanduser(), label)
        parts = [content.get(field) for field in ("id", "service_account_id", "private_key")]
        if not all(isinstance(part, str) and part for part in parts):
            raise ConfigError(
                f"{label} is no key of a service account, which has id, service_account_id and private_key; "
                "yc iam key create --output key.json makes one"
            )
        key = cls(*map(str, parts))
        try:
            key.make_jwt("https://example.org", 0.0)
        except MissingExtra:
            raise
        except Exception:  # two libraries may raise, each its own classes
            raise ConfigError(f"the private_key of {label} is no RSA key in PEM format") from None
        return key

    def make_jwt(self, audience: str, now: float) -> str:
        """A request for a token, signed with the key."""
        try:
            import cryptography  # noqa: F401  (pyjwt signs with it)
            import jwt
        except ImportError as error:
            raise MissingExtra("a service account's key", "pyjwt[crypto]", "auth") from error
        claims = {"iss": self.account, "aud": audience, "iat": int(now), "exp": int(now) + LIFETIME}
        pem = self.private_key[
            max(self.private_key.find("-----BEGIN"), 0) :
        ]  # the cloud puts a line of warning before it
        return jwt.encode(claims, pem, algorithm="PS256", headers={"kid": self.id})

    def __repr__(self) -> str:
        return f"ServiceAccountKey({self.id!r}, {self.account!r})"


def _read_json(path: Path, label: str) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{label} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"{label} is not a JSON file") from None
    return content if isinstance(content, dict) else {}
