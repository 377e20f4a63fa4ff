"""IAM tokens: from the IAM service in exchange for a secret, or from the virtual machine this runs on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from ...errors import Denied, NoAnswer, ServiceError, Unreachable
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

    value: str
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
        url = parse_service_url(self.url)
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
        return self._make_token(host, answer.get("iamToken"), answer.get("expiresAt"))

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
        end = self._clock() + (lifetime if isinstance(lifetime, (int, float)) else LIFETIME)
        return self._make_token(
            name, answer.get("access_token"), datetime.fromtimestamp(end, UTC).isoformat()
        )

    def _make_token(self, host: str, value: Any, end: Any) -> Token:
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value:
            raise make_no_answer(host, "an answer without a token")
        try:
            return Token(value, datetime.fromisoformat(end).timestamp())
        except (TypeError, ValueError):  # no expiry, or in another format
            return Token(value, self._clock() + LIFETIME)
