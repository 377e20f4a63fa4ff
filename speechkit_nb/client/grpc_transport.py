"""The service over gRPC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

import grpc

from .. import errors
from ..wire.messages import Method, methods, operation, v3
from . import calls
from .auth import Identity
from .endpoints import Endpoints, address
from .grpc_stream import GrpcStream
from .quota import Limiter
from .service import OperationStatus
from .tape import steady_clock

MESSAGE_LIMIT = 64 * 1024 * 1024
INLINE_LIMIT = 60_000_000
NEVER_SENT = ("failed to connect to all addresses", "DNS resolution failed")
"""How gRPC begins to say that a call found no connection to go out on; it has no code for it."""
OWN_LIMIT = "message larger than max"
"""What it says of a message above a limit of its own, with the code of a quota."""

STREAMS = methods("speechkit.stt.v3.Recognizer")
RECOGNIZER = methods("speechkit.stt.v3.AsyncRecognizer")
OPERATIONS = methods("yandex.cloud.operation.OperationService")
SERVICE_V2 = methods("yandex.cloud.ai.stt.v2.SttService")
Metadata = list[tuple[str, str]]
T = TypeVar("T")


class GrpcTransport:
    """STT v3 over gRPC channels, and what v2 needs of them.

    Args:
        name: what the user connected to, for messages and for the journal.
        endpoints: hosts; `stt` has to be there.
        identity: who calls.
        ca: certificates of the authorities to trust in place of the usual ones.
        hint: what to do when nobody answers there.
        limiter: gives turns to all calls but submissions.
    """

    inline_limit = INLINE_LIMIT
    takes_wav_links = True

    def __init__(
        self,
        name: str,
        endpoints: Endpoints,
        *,
        identity: Identity | None = None,
        ca: bytes | None = None,
        hint: str = "",
        limiter: Limiter | None = None,
    ) -> None:
        self.name = name
        self._endpoints, self._identity, self._hint = endpoints, identity or Identity(), hint
        urls = {endpoints.stt, endpoints.operation, endpoints.transcribe} - {None}
        self._limiter = limiter or Limiter()
        self._channels = {url: open_channel(str(url), ca) for url in urls}
        self._channel = self._channels[endpoints.stt]
        self._calls: dict[str, Any] = {}

    def check_file(self, request: Any) -> None:
        """v3 can do whatever a `RecognizeFileRequest` asks for."""

    def submit(self, request: Any, request_id: str) -> str:
        call = self._unary(RECOGNIZER["RecognizeFile"], request, self._endpoints.stt)
        return self._start(call, request_id)

    def submit_v2(self, request: Any, request_id: str) -> str:
        """Send a v2 `LongRunningRecognitionRequest`; never repeated. Returns the operation id."""
        call = self._unary(SERVICE_V2["LongRunningRecognize"], request, self._endpoints.transcribe)
        return self._start(call, request_id)

    def operation(self, operation_id: str) -> Any:
        """The `Operation` as it stands."""
        request = operation.GetOperationRequest(operation_id=operation_id)
        call = self._unary(OPERATIONS["Get"], request, self._endpoints.operation)
        return self._repeated(call, self._limiter.check)

    def status(self, operation_id: str) -> OperationStatus:
        if self._endpoints.operation is None:
            return calls.status_by_result(lambda: self.fetch(operation_id))
        return calls.status_of(self.operation(operation_id))

    def fetch(self, operation_id: str) -> list[tuple[bytes, float]]:
        if self._endpoints.operation is None:  # then this is how one asks whether it is done
            return self._repeated(self._stream(operation_id), self._limiter.check)
        return calls.fetched(
            lambda: self._repeated(self._stream(operation_id)), lambda: self.operation(operation_id)
        )

    def cancel(self, operation_id: str) -> None:
        if self._endpoints.operation is None:
            raise calls.no_operations(self.name)
        request = operation.CancelOperationRequest(operation_id=operation_id)
        self._repeated(self._unary(OPERATIONS["Cancel"], request, self._endpoints.operation))

    def delete(self, operation_id: str) -> None:
        request = v3.DeleteRecognitionRequest(operation_id=operation_id)
        self._repeated(self._unary(RECOGNIZER["DeleteRecognition"], request, self._endpoints.stt))

    def streamer(self) -> GrpcTransport:
        """What opens streams."""
        return self

    def check(self, options: Any) -> None:
        """v3 can do whatever `StreamingOptions` ask for."""

    def stream(self, requests: Iterator[Any], request_id: str) -> GrpcStream:
        """Open a session of `Recognizer` with `StreamingRequest`s; answers with serialized messages."""
        return self._open_stream(STREAMS["RecognizeStreaming"], requests, request_id)

    def stream_v2(self, requests: Iterator[Any], request_id: str) -> GrpcStream:
        """The same with the messages of v2."""
        return self._open_stream(SERVICE_V2["StreamingRecognize"], requests, request_id)

    def renew(self) -> bool:
        """Called once after credentials were refused; whether there are others now."""
        return self._identity.renew()

    def _open_stream(self, method: Method, requests: Iterator[Any], request_id: str) -> GrpcStream:
        metadata = self._identity.metadata(request_id)
        try:
            return GrpcStream(
                self._channel, method, requests, metadata, lambda error: self._translated(error, metadata)
            )
        except ValueError as error:
            self._raise_closed(error)

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()

    def _start(self, call: Callable[[Metadata, float], Any], request_id: str) -> str:
        def once() -> Any:
            return self._called(call, calls.SUBMIT_DEADLINE, request_id)

        def submit() -> Any:
            return calls.authorized(self._identity.renew, once)

        return str(calls.submitted(self.name, submit).id)

    def _repeated(self, call: Callable[[Metadata, float], T], take_turn: calls.TakeTurn | None = None) -> T:
        """For calls that are safe to repeat."""

        def once() -> T:
            return self._called(call, calls.CALL_DEADLINE)

        return calls.repeated(
            lambda: calls.authorized(self._identity.renew, once), take_turn or self._limiter.other
        )

    def _unary(self, method: Method, request: Any, url: str | None) -> Callable[[Metadata, float], Any]:
        if method.path not in self._calls:
            serialize, deserialize = method.request.SerializeToString, method.response.FromString
            self._calls[method.path] = self._channels[url].unary_unary(method.path, serialize, deserialize)
        call = self._calls[method.path]
        return lambda metadata, deadline: call(request, timeout=deadline, metadata=metadata)

    def _stream(self, operation_id: str) -> Callable[[Metadata, float], list[tuple[bytes, float]]]:
        method = RECOGNIZER["GetRecognition"]
        call = self._channel.unary_stream(method.path, method.request.SerializeToString)  # answers stay bytes
        request = method.request(operation_id=operation_id)

        def fetch(metadata: Metadata, _: float) -> list[tuple[bytes, float]]:
            clock = steady_clock()
            answer = call(request, timeout=calls.FETCH_DEADLINE, metadata=metadata)
            return [(message, clock()) for message in answer]

        return fetch

    def _called(
        self, call: Callable[[Metadata, float], T], deadline: float, request_id: str | None = None
    ) -> T:
        metadata = self._identity.metadata(request_id)
        try:
            return call(metadata, deadline)
        except grpc.RpcError as error:
            raise self._translated(error, metadata) from None
        except ValueError as error:
            self._raise_closed(error)

    def _translated(self, error: grpc.RpcError, metadata: Metadata) -> errors.ServiceError:
        code, details = error.code().name, calls.redacted(error.details() or "", metadata)
        if code == "RESOURCE_EXHAUSTED" and OWN_LIMIT in details:
            return calls.too_large(details)
        answered = [*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())]
        request_id = calls.request_id_of(answered)
        if code != "UNAVAILABLE":
            return calls.service_error(code, details, request_id=request_id)
        if details.startswith(NEVER_SENT):
            message = f"nobody answers at {self.name} ({details}){self._hint}"
            return errors.Unreachable(message, code=code, details=details)
        message = f"{self.name} did not answer ({code}: {details})"
        return errors.NoAnswer(message, code=code, details=details, request_id=request_id)

    def _raise_closed(self, error: ValueError) -> NoReturn:
        if "closed channel" not in str(error):
            raise error
        message = f"this client of {self.name} was closed; connect({self.name!r}) makes another one"
        raise errors.Rejected(message, code="FAILED_PRECONDITION") from None


def open_channel(url: str, ca: bytes | None = None) -> grpc.Channel:
    """A channel to `grpc://HOST:PORT`, or with TLS to `grpcs://HOST:PORT`.

    Args:
        ca: certificates of the authorities to trust in place of the usual ones.
    """
    where = address(url)
    options = [
        ("grpc.max_send_message_length", MESSAGE_LIMIT),
        ("grpc.max_receive_message_length", MESSAGE_LIMIT),
        ("grpc.enable_http_proxy", int(not where.loopback)),
    ]
    if not where.tls:
        return grpc.insecure_channel(where.netloc, options)
    return grpc.secure_channel(where.netloc, grpc.ssl_channel_credentials(ca), options)
