"""The service over gRPC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc

from ... import errors
from ...wire import Method, methods, operation, v3
from ..clock import steady_clock
from . import retry as calls
from .base import closed
from .endpoints import address
from .grpc_stream import GrpcStream
from .retry import Answer
from .v3 import V3Transport

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


class GrpcTransport(V3Transport):
    """STT v3 over gRPC channels, and what v2 needs of them."""

    inline_limit = INLINE_LIMIT

    def submit(self, request: Any, request_id: str) -> str:
        return self._started(RECOGNIZER["RecognizeFile"], request, self._endpoints.stt, request_id)

    def submit_v2(self, request: Any, request_id: str) -> str:
        method = SERVICE_V2["LongRunningRecognize"]
        return self._started(method, request, self._endpoints.transcribe, request_id)

    def streamer(self) -> GrpcTransport:
        return self

    def check(self, options: Any) -> None:
        """v3 can do whatever `StreamingOptions` ask for."""

    def stream(self, requests: Iterator[Any], request_id: str) -> GrpcStream:
        """Open a session of `Recognizer` with `StreamingRequest`s; answers with serialized messages."""
        return self._stream(STREAMS["RecognizeStreaming"], requests, request_id)

    def stream_v2(self, requests: Iterator[Any], request_id: str) -> GrpcStream:
        """The same with the messages of v2."""
        return self._stream(SERVICE_V2["StreamingRecognize"], requests, request_id)

    def renew(self) -> bool:
        """Called once after credentials were refused; whether there are others now."""
        return self._identity.renew()

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()

    def _open(self, ca: bytes | None) -> None:
        hosts = self._endpoints
        urls = {hosts.stt, hosts.operation, hosts.transcribe} - {None}
        self._channels = {url: open_channel(str(url), ca) for url in urls}
        self._channel = self._channels[hosts.stt]
        self._calls: dict[str, Any] = {}

    @property
    def _has_operations(self) -> bool:
        return self._endpoints.operation is not None

    def _operation(self, operation_id: str) -> Any:
        request = operation.GetOperationRequest(operation_id=operation_id)
        return self._unary(OPERATIONS["Get"], request, self._endpoints.operation)

    def _responses(self, operation_id: str) -> Answer:
        method = RECOGNIZER["GetRecognition"]
        call = self._channel.unary_stream(method.path, method.request.SerializeToString)  # answers stay bytes
        request = method.request(operation_id=operation_id)
        clock = steady_clock()

        def fetch(metadata: Metadata) -> Answer:
            answer = call(request, timeout=calls.FETCH_DEADLINE, metadata=metadata)
            return [(message, clock()) for message in answer]

        return self._called(fetch)

    def _cancel(self, operation_id: str) -> None:
        request = operation.CancelOperationRequest(operation_id=operation_id)
        self._unary(OPERATIONS["Cancel"], request, self._endpoints.operation)

    def _delete(self, operation_id: str) -> None:
        request = v3.DeleteRecognitionRequest(operation_id=operation_id)
        self._unary(RECOGNIZER["DeleteRecognition"], request, self._endpoints.stt)

    def _started(self, method: Method, request: Any, url: str | None, request_id: str) -> str:
        """The id of the operation that a request has started."""
        deadline = calls.SUBMIT_DEADLINE
        return str(self._submitted(lambda: self._unary(method, request, url, deadline, request_id)).id)

    def _unary(
        self,
        method: Method,
        request: Any,
        url: str | None,
        deadline: float = calls.CALL_DEADLINE,
        request_id: str | None = None,
    ) -> Any:
        if method.path not in self._calls:
            serialize, deserialize = method.request.SerializeToString, method.response.FromString
            self._calls[method.path] = self._channels[url].unary_unary(method.path, serialize, deserialize)
        call = self._calls[method.path]
        return self._called(lambda metadata: call(request, timeout=deadline, metadata=metadata), request_id)

    def _stream(self, method: Method, requests: Iterator[Any], request_id: str) -> GrpcStream:
        def opened(metadata: Metadata) -> GrpcStream:
            return GrpcStream(
                self._channel, method, requests, metadata, lambda error: self._translated(error, metadata)
            )

        return self._called(opened, request_id)

    def _called(self, call: Callable[[Metadata], T], request_id: str | None = None) -> T:
        """The answer of one call, its failure in our errors."""
        metadata = self._identity.metadata(request_id)
        try:
            return call(metadata)
        except grpc.RpcError as error:
            raise self._translated(error, metadata) from None
        except ValueError as error:
            if "closed channel" not in str(error):
                raise
            raise closed(self.name) from None

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
