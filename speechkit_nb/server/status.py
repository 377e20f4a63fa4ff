"""gRPC status codes and errors, which REST translates to HTTP."""

from __future__ import annotations

import traceback
from enum import IntEnum
from typing import Any

from ..errors import MissingExtra, ServerError
from ..wire import rpc


class Code(IntEnum):
    """The numbers of `google.rpc.Code`."""

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
        """The HTTP status of the same error over REST.

        >>> Code.NOT_FOUND.http
        404
        """
        return HTTP.get(self, 500)


LONGEST_MESSAGE = 1000
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
"""The translation of gRPC gateways; every other code is a 500."""


class StatusError(Exception):
    """A call is answered with this error, or an operation ends with it.

    >>> StatusError(Code.NOT_FOUND, "operation ID not found").status().code
    5
    """

    def __init__(self, code: Code, message: str) -> None:
        # gRPC refuses an error that is longer than its metadata may be, or no valid Unicode
        message = message.encode("utf-8", "replace").decode("utf-8")
        self.code = code
        self.message = message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}..."
        super().__init__(code, self.message)

    def __str__(self) -> str:
        return self.message

    def status(self) -> Any:
        """The error as a `google.rpc.Status` message."""
        return rpc.Status(code=int(self.code), message=self.message)


def invalid_argument(message: str) -> StatusError:
    """The error for a request that has a wrong value."""
    return StatusError(Code.INVALID_ARGUMENT, message)


def internal_error(who: str, error: Exception) -> StatusError:
    """The error for an exception that nobody expected; or for a model or package that is gone.

    >>> internal_error("the engine", ValueError("no sound")).message
    'the engine failed: ValueError: no sound'
    """
    if isinstance(error, ServerError | MissingExtra):
        return StatusError(Code.FAILED_PRECONDITION, str(error))
    return StatusError(Code.INTERNAL, f"{who} failed: {type(error).__name__}: {error}")


def release_memory(error: BaseException) -> None:
    """Forget the variables of the functions that an error has left: they may hold megabytes of audio."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__cause__ or cause.__context__


def unauthenticated(message: str) -> StatusError:
    """The error for missing or wrong credentials; the message must not contain them."""
    return StatusError(Code.UNAUTHENTICATED, message)
