"""The answer no: a status code and words that say what is wrong, whatever the transport."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from ..wire.messages import rpc


class Code(IntEnum):
    """The numbers of google.rpc.Code that this server answers with."""

    CANCELLED = 1
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


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
