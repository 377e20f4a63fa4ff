"""What gRPC and REST share: endpoint discovery, request ids, and errors that nobody expected."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from typing import Any

from ...wire import endpoint
from ..status import Code, StatusError, internal_error, invalid_argument, release_memory

log = logging.getLogger(__name__)
LONGEST_REQUEST_ID = 200
SERVICES = ("ai-stt", "ai-stt-v3", "endpoint", "iam", "operation")
"""The ids that SDKs look up; all services are at the address where the caller asked."""


def find_endpoint(service: str, address: str) -> Any:
    """The `ApiEndpoint` of one service.

    Raises:
        StatusError: NOT_FOUND if this server has no such service.

    >>> find_endpoint("ai-stt-v3", "127.0.0.1:50051").address
    '127.0.0.1:50051'
    """
    if service not in SERVICES:
        raise StatusError(Code.NOT_FOUND, f"no API endpoint {service!r}; there are {', '.join(SERVICES)}")
    return endpoint.ApiEndpoint(id=service, address=address)


def list_endpoints(address: str) -> Any:
    """All services, as `ListApiEndpointsResponse`."""
    return endpoint.ListApiEndpointsResponse(endpoints=[find_endpoint(id, address) for id in SERVICES])


def make_request_ids() -> tuple[tuple[str, str], ...]:
    """Header names and values for one answer, by which the support of a service finds the call."""
    return ("x-request-id", str(uuid.uuid4())), ("x-server-trace-id", uuid.uuid4().hex)


def read_request_id(headers: Mapping[str, str]) -> str:
    """The name that the caller gives to a request; every message of the answer repeats it.

    Raises:
        StatusError: INVALID_ARGUMENT if it is too long.
    """
    name = headers.get("x-client-request-id", "")
    if len(name) > LONGEST_REQUEST_ID:
        raise invalid_argument(
            f"x-client-request-id has {len(name)} characters; at most {LONGEST_REQUEST_ID} are taken"
        )
    return name


def to_status_error(error: Exception) -> StatusError:
    """The error itself if it is a `StatusError`; any other one is logged and becomes INTERNAL."""
    if not isinstance(error, StatusError):
        log.error("a call failed", exc_info=error)
    release_memory(error)
    return error if isinstance(error, StatusError) else internal_error("the local server", error)
