"""Tokens: from the IAM endpoint in exchange for what lives longer, or from the virtual machine one is on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx

from ...errors import Denied, NoAnswer, ServiceError, Unreachable
from ..transport.endpoints import address
from ..transport.http import json_of, no_answer, open_client, send
from ..transport.rate_limit import Limiter
from ..transport.retry import repeated

DEADLINE = 10.0
PROBE = 0.5
LIFE = 12 * 3600.0
"""Seconds that a token lives if its end is not told."""
METADATA_HOST = "169.254.169.254"
METADATA_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"


class Token(NamedTuple):
    """A token, and when it ends in seconds since the epoch."""

    value: str
    expires_at: float

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at:.0f})"


class Iam:
    """The places where tokens are had.

    Args:
        url: of the tokens of the IAM service.
        ca: certificates to trust in place of the usual ones.
        metadata_host: of the metadata service of a virtual machine; by default `$YC_METADATA_ADDR`, or
            where the cloud has it.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        url: str,
        ca: bytes | None = None,
        metadata_host: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.url = url
        self._ca, self._clock = ca, clock
        host = metadata_host or os.environ.get("YC_METADATA_ADDR") or METADATA_HOST
        self._metadata = f"http://{host}{METADATA_PATH}"

    def exchange(self, field: str, secret: str, name: str) -> Token:
        """A token for a secret, which is sent as `field`; it is asked for again while the failure may pass.

        Raises:
            Denied: if there is none for it.
            Unreachable, NoAnswer: if the IAM service does not answer.
        """
        host = address(self.url).netloc

        def ask() -> Any:
            with open_client(self.url, self._ca) as client:
                response = send(client, host, "POST", self.url, deadline=DEADLINE, json={field: secret})
                return json_of(host, response)

        try:
            answer = repeated(ask, Limiter().other)
        except (Unreachable, NoAnswer):
            raise
        except ServiceError as error:
            words = error.details.replace(secret, "***")
            message = f"{host} gives no token for the {name} ({error.code}: {words})"
            raise Denied(
                message, code="UNAUTHENTICATED", details=words, request_id=error.request_id
            ) from None
        return self._token(host, answer.get("iamToken"), answer.get("expiresAt"))

    def on_virtual_machine(self) -> bool:
        """Whether a metadata service hands out tokens here; it answers at once, or there is none."""
        try:
            self.of_virtual_machine(PROBE)
        except ServiceError:
            return False
        return True

    def of_virtual_machine(self, deadline: float = DEADLINE) -> Token:
        """A token of the service account of the virtual machine this runs on."""
        with httpx.Client(trust_env=False) as client:
            headers = [("Metadata-Flavor", "Google")]
            name = "the metadata service"
            answer = json_of(
                name, send(client, name, "GET", self._metadata, headers=headers, deadline=deadline)
            )
        life = answer.get("expires_in")
        end = self._clock() + (life if isinstance(life, (int, float)) else LIFE)
        return self._token(name, answer.get("access_token"), datetime.fromtimestamp(end, UTC).isoformat())

    def _token(self, host: str, value: Any, end: Any) -> Token:
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value:
            raise no_answer(host, "an answer without a token")
        try:
            return Token(value, datetime.fromisoformat(end).timestamp())
        except (TypeError, ValueError):  # it does not say, or not in this form
            return Token(value, self._clock() + LIFE)
