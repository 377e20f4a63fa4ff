"""IAM tokens: from the IAM service in exchange for a secret, or from the virtual machine this runs on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from ...errors import Denied, NoAnswer, ServiceError, Unreachable
from ..transport.base import Secret
from ..transport.endpoints import parse_service_url
from ..transport.http import HttpClient, read_json
from ..transport.proxies import find_proxy
from ..transport.rate_limit import CallLimiter
from ..transport.retry import make_no_answer, retry_call

DEADLINE = 10.0
PROBE_DEADLINE = 0.5
LIFETIME = 12 * 3600.0
"""Seconds for which a token is valid if the service does not report it."""
METADATA_HOST = "169.254.169.254"
METADATA_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"


class Token(NamedTuple):
    """A token, and when it expires in seconds since the epoch."""

    value: Secret
    expires_at: float

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at:.0f})"


class IamClient:
    """Fetches IAM tokens.

    Args:
        url: URL of the IAM service where tokens are exchanged.
        ca: certificates to trust in place of the usual ones.
        metadata_host: host of the metadata service of a virtual machine; default: `$YC_METADATA_ADDR`, or
            the one of the cloud.
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
        """A token for a secret, which is sent as `field`; retried while the failure may be temporary.

        Args:
            name: name of the secret, for messages.

        Raises:
            Denied: if the service refuses.
            Unreachable, NoAnswer: if the service does not answer.
        """
        url, secret = parse_service_url(self.url), Secret(secret)
        host = url.netloc

        def post() -> dict[str, Any]:
            client = HttpClient(host, find_proxy(url), self._ca)
            try:
                return read_json(host, client.send("POST", self.url, deadline=DEADLINE, json={field: secret}))
            finally:
                client.close()

        try:
            answer = retry_call(post, partial(CallLimiter().acquire, "other"))
        except (Unreachable, NoAnswer):
            raise
        except ServiceError as error:
            details = error.details.replace(secret, "***")
            message = f"{host} gives no token for the {name} ({error.code}: {details})"
            raise Denied(
                message, code="UNAUTHENTICATED", details=details, request_id=error.request_id
            ) from None
        return self._make_token(host, answer.pop("iamToken", None), _parse_time(answer.get("expiresAt")))

    def is_on_virtual_machine(self) -> bool:
        """Whether there is a metadata service that gives tokens; if there is one, it answers at once."""
        try:
            self.fetch_machine_token(PROBE_DEADLINE)
        except ServiceError:
            return False
        return True

    def fetch_machine_token(self, deadline: float = DEADLINE) -> Token:
        """A token of the service account of the virtual machine this runs on."""
        name, headers = "the metadata service", [("Metadata-Flavor", "Google")]
        client = HttpClient(name)
        try:
            answer = read_json(name, client.send("GET", self._metadata, headers=headers, deadline=deadline))
        finally:
            client.close()
        lifetime = answer.get("expires_in")
        if not isinstance(lifetime, (int, float)) or not 0 < lifetime <= LIFETIME:
            lifetime = LIFETIME
        return self._make_token(name, answer.pop("access_token", None), self._clock() + lifetime)

    def _make_token(self, host: str, value: Any, expires_at: float | None) -> Token:
        value = Secret(value if isinstance(value, str) else "")
        if not value.isascii() or not value.isprintable() or not value:
            raise make_no_answer(host, "an answer without a token")
        return Token(value, self._clock() + LIFETIME if expires_at is None else expires_at)


def _parse_time(text: Any) -> float | None:
    """Seconds since the epoch of a time in ISO format; None for anything else."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
