"""The answer no: a status code and words that say what is wrong, whatever the transport."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from ..wire import rpc


class Code(IntEnum):
    """The numbers of google.rpc.Code."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @property
    def http(self) -> int:
        """The HTTP status that REST answers with.

        >>> Code.NOT_FOUND.http
        404
        """
        return HTTP.get(self, 500)


HTTP = {
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}
"""As gRPC gateways translate them; what is not here is a 500."""


class Refusal(Exception):
    """A call that is answered with an error, or an operation that ends in one.

    >>> Refusal(Code.NOT_FOUND, "operation ID not found").status().code
    5
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message

    def status(self) -> Any:
        """The same as a google.rpc.Status message."""
        return rpc.Status(code=int(self.code), message=self.message)


def invalid(message: str) -> Refusal:
    """The request itself is at fault."""
    return Refusal(Code.INVALID_ARGUMENT, message)


def internal(who: str, error: Exception) -> Refusal:
    """Something went wrong that nobody has foreseen.

    >>> internal("the engine", ValueError("no sound")).message
    'the engine failed: ValueError: no sound'
    """
    return Refusal(Code.INTERNAL, f"{who} failed: {type(error).__name__}: {error}")


def unauthenticated(message: str) -> Refusal:
    """The credentials are missing or not good; the message must not hold them."""
    return Refusal(Code.UNAUTHENTICATED, message)
