"""The rules of a call, whatever the wire: which error a code is, what is repeated, and what never is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import stamina

from ... import errors
from ...wire import CODES
from .base import OperationStatus
from .rate_limit import Turn

SUBMIT_DEADLINE = 180.0
CALL_DEADLINE = 30.0
FETCH_DEADLINE = 300.0
RETRY_BUDGET = 45.0
"""Seconds after which a call is no longer repeated; a longer `Retry-After` is not waited for."""
NOT_READY = "operation data is not ready"
REFUSED = {
    "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED", "UNAUTHENTICATED",
}  # fmt: skip
"""Codes that say the service has not taken a job; after any other it may have."""

T = TypeVar("T")
TakeTurn = Callable[[float], Turn]
Answer = list[tuple[bytes, float]]
"""Messages, and when each arrived (seconds since the epoch)."""

_CLASSES: dict[str, type[errors.ServiceError]] = {
    "NOT_FOUND": errors.NotFound,
    "INVALID_ARGUMENT": errors.Rejected,
    "FAILED_PRECONDITION": errors.Rejected,
    "UNIMPLEMENTED": errors.Rejected,
    "OUT_OF_RANGE": errors.Rejected,
    "UNAUTHENTICATED": errors.Denied,
    "PERMISSION_DENIED": errors.Denied,
    "RESOURCE_EXHAUSTED": errors.Exhausted,
    "UNAVAILABLE": errors.NoAnswer,
}
_HINTS = {
    "UNAUTHENTICATED": ". Is the key or the token right, and not expired?",
    "PERMISSION_DENIED": ". The account needs the role ai.speechkit-stt.user; a service account no folder_id",
}


def service_error(
    code: str, details: str, retry_after: float | None = None, request_id: str = ""
) -> errors.ServiceError:
    """The error that a code and the service's own words are.

    >>> service_error("NOT_FOUND", "operation data is not ready f8d")
    NotReady('operation data is not ready f8d')
    """
    if code == "NOT_FOUND" and NOT_READY in details:
        return errors.NotReady(details, code=code, details=details, request_id=request_id)
    kind = _CLASSES.get(code, errors.ServiceError)
    wait = "" if retry_after is None else f"; it asks to wait {retry_after:.0f} s"
    message = f"the service answered {code}: {details}{wait}{_HINTS.get(code, '')}"
    return kind(message, code=code, details=details, retry_after=retry_after, request_id=request_id)


def too_large(details: str) -> errors.Rejected:
    """What gRPC calls RESOURCE_EXHAUSTED, but is this client's own limit and no quota."""
    message = (
        f"the message is larger than this client's limit, which is no quota of the service ({details}): "
        "upload the recording to Object Storage and submit its link, or compress it to Ogg Opus"
    )
    return errors.Rejected(message, code="RESOURCE_EXHAUSTED", details=details)


def repeated(call: Callable[[], T], take_turn: TakeTurn) -> T:
    """The answer of a call that is safe to repeat, which it is while its failure may pass.

    Args:
        take_turn: waits for the turn of each time that it is made, with so much patience (seconds).
    """
    until = time.monotonic() + RETRY_BUDGET

    def may_pass(error: Exception) -> bool | float:
        if not isinstance(error, (errors.Unreachable, errors.NoAnswer)):
            return False
        if error.retry_after is None:
            return True
        return error.retry_after if error.retry_after <= until - time.monotonic() else False

    context = stamina.retry_context(
        on=may_pass, attempts=5, timeout=RETRY_BUDGET, wait_initial=0.2, wait_max=10
    )
    for attempt in context:
        with attempt:
            return _in_turn(call, take_turn, until)
    raise AssertionError("stamina either returns or raises")


def _in_turn(call: Callable[[], T], take_turn: TakeTurn, until: float) -> T:
    """The answer of a call; again in its next turn while a quota is used up, but not for ever."""
    refusal: errors.Exhausted | None = None
    while True:
        try:
            turn = take_turn(until - time.monotonic())
        except errors.Exhausted as error:
            raise refusal or error from None
        try:
            with turn:
                return call()
        except errors.Exhausted as error:
            refusal = error


def authorized(renew: Callable[[], bool], call: Callable[[], T]) -> T:
    """The answer of a call; once more if its credentials were refused and could be renewed."""
    try:
        return call()
    except errors.Denied as error:
        if error.code != "UNAUTHENTICATED" or not renew():
            raise
    return call()


def redacted(details: str, metadata: Iterable[tuple[str, str]]) -> str:
    """The service's words without the secret that was sent to it, should it have quoted that.

    >>> redacted("unknown key abc", [("authorization", "Api-Key abc")])
    'unknown key ***'
    """
    for name, value in metadata:
        if name == "authorization":
            details = details.replace(value.rpartition(" ")[2], "***")
    return details


def request_id_of(pairs: Iterable[tuple[str, Any]]) -> str:
    """The id by which the service's support finds a call, from its headers or its metadata.

    >>> request_id_of([("Date", "today"), ("X-Request-Id", "7c2")])
    '7c2'
    """
    found = {name.lower(): value for name, value in pairs}
    return str(found.get("x-request-id") or found.get("x-server-trace-id") or "")


def submitted(name: str, call: Callable[[], T]) -> T:
    """The answer of a call that is never repeated.

    Raises:
        NoAnswer: if it was sent, and it is not known whether the service has taken it.
    """
    try:
        return call()
    except errors.ServiceError as error:
        if error.code in REFUSED or isinstance(error, errors.Unreachable):
            raise
        message = f"{name} did not answer the submission ({error.code}: {error.details})"
        raise errors.NoAnswer(
            message, code=error.code, details=error.details, request_id=error.request_id
        ) from None


def stamped(messages: list[bytes]) -> Answer:
    """Messages that arrived just now, all at once."""
    now = time.time()
    return [(message, now) for message in messages]


def status_of(operation: Any) -> OperationStatus:
    """Where an `Operation` stands. Its error counts, even before it is called done."""
    if operation.HasField("error"):
        failure = service_error(CODES.get(operation.error.code, "UNKNOWN"), operation.error.message)
        return OperationStatus(True, failure, failure.code == "CANCELLED")
    return OperationStatus(operation.done)
