"""Rules of a call that hold for gRPC and REST: the error of each code, which calls are retried, and how."""

from __future__ import annotations

import itertools
import logging
import random
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ... import errors
from ...wire import CODES
from ..clock import time_left
from .base import Message, OperationStatus, TimedMessages
from .rate_limit import Permit

log = logging.getLogger(__name__)
SUBMIT_DEADLINE = 180.0
CALL_DEADLINE = 20.0
FETCH_DEADLINE = 300.0
RETRY_BUDGET = 45.0
"""Seconds after which a call is no longer retried; a longer `Retry-After` is not waited for."""
ATTEMPTS = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds before a retry; doubled each time."""
SHOWN = 1000
"""Characters of the service's message that are part of the message of an error."""
NOT_READY = "operation data is not ready"
REFUSED = {
    "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED", "UNAUTHENTICATED",
}  # fmt: skip
"""Codes after which the service has certainly not accepted a job; after any other code it may have."""

T = TypeVar("T")
AcquirePermit = Callable[[float], Permit]

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
    "UNAUTHENTICATED": ". Is the key or the token correct, and not expired?",
    "PERMISSION_DENIED": ". The account needs the role ai.speechkit-stt.user; a service account no folder_id",
}


def make_service_error(
    code: str, details: str, retry_after: float | None = None, request_id: str = ""
) -> errors.ServiceError:
    """The error for a status code and the message of the service.

    >>> make_service_error("NOT_FOUND", "operation data is not ready f8d")
    NotReady('operation data is not ready f8d')
    """
    if code == "NOT_FOUND" and NOT_READY in details:
        return errors.NotReady(details, code=code, details=details, request_id=request_id)
    kind = _CLASSES.get(code, errors.ServiceError)
    wait = "" if retry_after is None else f"; it asks to wait {retry_after:.0f} s"
    message = f"the service answered {code}: {clip(details)}{wait}{_HINTS.get(code, '')}"
    return kind(message, code=code, details=details, retry_after=retry_after, request_id=request_id)


def make_no_answer(name: str, reason: str, code: str = "UNAVAILABLE") -> errors.NoAnswer:
    """The error for a request that was sent without getting a complete response."""
    return errors.NoAnswer(f"{name} did not answer ({clip(reason)})", code=code, details=reason)


def make_size_error(n_bytes: int, limit: str) -> errors.Rejected:
    """The error for a request that is too large for a message."""
    message = (
        f"a request of {n_bytes / 1e6:.1f} MB is larger than {limit}, which is no quota of the service: "
        "upload the recording to Object Storage and submit its link, or compress it to Ogg Opus"
    )
    return errors.Rejected(message, code="RESOURCE_EXHAUSTED", details=message)


def clip(details: str) -> str:
    """The beginning of a message of the service, without control characters.

    >>> clip("no \x1b[31mmodel"), clip("x" * 5000)[-23:]
    ('no ?[31mmodel', 'x... (5,000 characters)')
    """
    shown = "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in details[:SHOWN])
    return shown if len(details) <= SHOWN else f"{shown}... ({len(details):,} characters)"


def retry_call(call: Callable[[], T], acquire: AcquirePermit) -> T:
    """The result of a call that is safe to repeat; it is retried while the failure may be temporary.

    Args:
        acquire: waits for a permit for each attempt, at most for the given seconds.
    """
    until = time.monotonic() + time_left(RETRY_BUDGET)
    for attempt in itertools.count(1):
        try:
            return _call_with_permit(call, acquire, until)
        except (errors.Unreachable, errors.NoAnswer) as error:
            pause = error.retry_after
            if pause is None:  # a random part, so that many clients do not come back at the same moment
                pause = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1.0)
            if attempt == ATTEMPTS or time.monotonic() + pause >= until:
                raise
            log.info("%s; it is called again in %.1f s", error, pause)
        time.sleep(pause)
    raise AssertionError("the loop has no end")


def _call_with_permit(call: Callable[[], T], acquire: AcquirePermit, until: float) -> T:
    """The result of a call; it is repeated after each refusal for a quota, until the deadline."""
    refusal: errors.Exhausted | None = None
    while True:
        try:
            permit = acquire(until - time.monotonic())
        except errors.Exhausted as error:  # the wait would be too long; the refusal has more details
            raise refusal or error from None
        try:
            with permit:
                return call()
        except errors.Exhausted as error:
            refusal = error


def call_with_reauth(renew: Callable[[], bool], call: Callable[[], T]) -> T:
    """The result of a call; it is repeated once if its credentials were refused and could be renewed."""
    try:
        return call()
    except errors.Denied as error:
        if error.code != "UNAUTHENTICATED" or not renew():
            raise
    return call()


def submit_once(name: str, call: Callable[[], T]) -> T:
    """The result of a call that is never retried.

    Args:
        name: of the service, for the message.

    Raises:
        NoAnswer: if it was sent, and it is unknown whether the service has accepted it.
    """
    try:
        return call()
    except errors.ServiceError as error:
        if error.code in REFUSED or isinstance(error, errors.Unreachable):
            raise
        message = f"{name} did not answer the submission ({error.code}: {clip(error.details)})"
        raise errors.NoAnswer(
            message, code=error.code, details=error.details, request_id=error.request_id
        ) from None


def redact(details: str, metadata: Iterable[tuple[str, str]]) -> str:
    """The message of the service without the secret that was sent, in case it quotes that.

    >>> redact("unknown key abc", [("authorization", "Api-Key abc")])
    'unknown key ***'
    """
    for name, value in metadata:
        if name == "authorization":
            details = details.replace(value.rpartition(" ")[2], "***")
    return details


def find_request_id(pairs: Iterable[tuple[str, Any]]) -> str:
    """The id by which the support of the service finds a call, from its headers or metadata.

    >>> find_request_id([("Date", "today"), ("X-Request-Id", "7c2")])
    '7c2'
    """
    values = {name.lower(): value for name, value in pairs}
    return clip(str(values.get("x-request-id") or values.get("x-server-trace-id") or "")[:100])


def add_timestamps(messages: list[bytes]) -> TimedMessages:
    """Messages that arrived all at once, each with the present time."""
    now = time.time()
    return [(message, now) for message in messages]


def read_status(operation: Message) -> OperationStatus:
    """The state of an `Operation`. An error counts even if the operation is not marked as done."""
    if operation.HasField("error"):
        failure = make_service_error(CODES.get(operation.error.code, "UNKNOWN"), operation.error.message)
        return OperationStatus(True, failure, failure.code == "CANCELLED")
    return OperationStatus(operation.done)
