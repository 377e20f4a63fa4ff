"""Where the services are: the ids that SDKs look up, each at the door the question came by."""

from __future__ import annotations

from typing import Any

from ...wire import endpoint
from ..status import Code, Refusal

SERVICES = ("ai-stt", "ai-stt-v3", "endpoint", "iam", "operation")


def get(service: str, address: str) -> Any:
    """The `ApiEndpoint` of one service.

    Raises:
        Refusal: NOT_FOUND if this server has no such service.

    >>> get("ai-stt-v3", "127.0.0.1:50051").address
    '127.0.0.1:50051'
    """
    if service not in SERVICES:
        raise Refusal(Code.NOT_FOUND, f"no API endpoint {service!r}; there are {', '.join(SERVICES)}")
    return endpoint.ApiEndpoint(id=service, address=address)


def list_all(address: str) -> Any:
    """All services, as `ListApiEndpointsResponse`."""
    return endpoint.ListApiEndpointsResponse(endpoints=[get(service, address) for service in SERVICES])
