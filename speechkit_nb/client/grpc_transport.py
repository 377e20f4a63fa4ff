"""The service over gRPC."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import grpc
import stamina

from .. import errors
from ..wire.messages import Method, methods, operation, v3
from .service import OperationStatus

MESSAGE_LIMIT = 64 * 1024 * 1024
SUBMIT_DEADLINE = 180.0
CALL_DEADLINE = 30.0
FETCH_DEADLINE = 300.0
NOT_READY = "operation data is not ready"
NEVER_SENT = ("failed to connect to all addresses", "DNS resolution failed")
"""How gRPC begins to say that a call found no connection to go out on; it has no code for it."""

CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}
REFUSED = {
    "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED", "UNAUTHENTICATED",
}  # fmt: skip
"""Codes that say the service has not taken a job; after any other it may have."""

T = TypeVar("T")

_CLASSES: dict[str, type[errors.ServiceError]] = {
    "NOT_FOUND": errors.NotFound,
    "INVALID_ARGUMENT": errors.Rejected,
    "FAILED_PRECONDITION": errors.Rejected,
    "UNIMPLEMENTED": errors.Rejected,
    "OUT_OF_RANGE": errors.Rejected,
    "UNAUTHENTICATED": errors.Denied,
    "PERMISSION_DENIED": errors.Denied,
    "RESOURCE_EXHAUSTED": errors.Exhausted,
    "UNAVAILABLE": errors.Unreachable,
}


class GrpcTransport:
    """STT v3 over a gRPC channel.

    Args:
        name: what the user connected to, for messages and for the journal.
        address: `host:port` to call.
        credentials: of the channel; None for plain text, which only loopback gets.
        hint: what to do when nobody answers there.
    """

    def __init__(
        self, name: str, address: str, *, credentials: grpc.ChannelCredentials | None = None, hint: str = ""
    ) -> None:
        self.name = name
        self._hint = hint
        options = [
            ("grpc.max_send_message_length", MESSAGE_LIMIT),
            ("grpc.max_receive_message_length", MESSAGE_LIMIT),
        ]
        if credentials is None:
            self._channel = grpc.insecure_channel(address, options)
        else:
            self._channel = grpc.secure_channel(address, credentials, options)
        self._recognizer = methods("speechkit.stt.v3.AsyncRecognizer")
        self._operations = methods("yandex.cloud.operation.OperationService")

    def submit(self, request: Any, request_id: str) -> str:
        metadata = [("x-client-request-id", request_id)]
        try:
            started = self._unary(self._recognizer["RecognizeFile"], request, SUBMIT_DEADLINE, metadata)
        except errors.ServiceError as error:
            if error.code in REFUSED or error.details.startswith(NEVER_SENT):
                raise
            message = f"{self.name} did not answer the submission ({error.code}: {error.details})"
            raise errors.NoAnswer(message, code=error.code, details=error.details) from None
        return str(started.id)

    def status(self, operation_id: str) -> OperationStatus:
        request = operation.GetOperationRequest(operation_id=operation_id)
        found = self._retried(lambda: self._unary(self._operations["Get"], request))
        if found.HasField("error"):
            failure = _error(CODE_NAMES.get(found.error.code, "UNKNOWN"), found.error.message)
            return OperationStatus(True, failure, failure.code == "CANCELLED")
        return OperationStatus(found.done)

    def fetch(self, operation_id: str) -> list[tuple[bytes, float]]:
        return self._retried(lambda: self._stream(operation_id))

    def cancel(self, operation_id: str) -> None:
        request = operation.CancelOperationRequest(operation_id=operation_id)
        self._retried(lambda: self._unary(self._operations["Cancel"], request))

    def delete(self, operation_id: str) -> None:
        request = v3.DeleteRecognitionRequest(operation_id=operation_id)
        self._retried(lambda: self._unary(self._recognizer["DeleteRecognition"], request))

    def close(self) -> None:
        self._channel.close()

    def _stream(self, operation_id: str) -> list[tuple[bytes, float]]:
        method = self._recognizer["GetRecognition"]
        call = self._channel.unary_stream(method.path, method.request.SerializeToString)  # answers stay bytes
        request = method.request(operation_id=operation_id)
        try:
            return [(message, time.time()) for message in call(request, timeout=FETCH_DEADLINE)]
        except grpc.RpcError as error:
            raise self._translated(error) from None

    def _unary(
        self, method: Method, request: Any, deadline: float = CALL_DEADLINE, metadata: Any = ()
    ) -> Any:
        serialize, deserialize = method.request.SerializeToString, method.response.FromString
        call = self._channel.unary_unary(method.path, serialize, deserialize)
        try:
            return call(request, timeout=deadline, metadata=metadata)
        except grpc.RpcError as error:
            raise self._translated(error) from None

    def _retried(self, call: Callable[[], T]) -> T:
        """For calls that are safe to repeat."""
        for attempt in stamina.retry_context(
            on=_may_pass, attempts=5, timeout=45, wait_initial=0.2, wait_max=10
        ):
            with attempt:
                return call()
        raise AssertionError("stamina either returns or raises")

    def _translated(self, error: grpc.RpcError) -> errors.ServiceError:
        code, details = error.code().name, error.details() or ""
        return self._unreachable(details) if code == "UNAVAILABLE" else _error(code, details)

    def _unreachable(self, details: str) -> errors.Unreachable:
        message = f"nobody answers at {self.name} ({details}){self._hint}"
        return errors.Unreachable(message, code="UNAVAILABLE", details=details)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, (errors.Unreachable, errors.Exhausted))


def _error(code: str, details: str) -> errors.ServiceError:
    if code == "NOT_FOUND" and NOT_READY in details:
        return errors.NotReady(details, code=code, details=details)
    kind = _CLASSES.get(code, errors.ServiceError)
    return kind(f"the service answered {code}: {details}", code=code, details=details)
