"""The service over gRPC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import grpc

from ... import errors
from ...wire import Method, methods, operation, v3
from ..clock import steady_clock
from .base import Message, TimedMessages, make_closed_error
from .endpoints import ServiceUrl
from .retry import (
    CALL_DEADLINE,
    FETCH_DEADLINE,
    SUBMIT_DEADLINE,
    find_request_id,
    make_service_error,
    make_size_error,
    redact,
)
from .v3 import V3Transport

MESSAGE_LIMIT = 64 * 1024 * 1024
INLINE_LIMIT = 60_000_000
NEVER_SENT = ("failed to connect to all addresses", "DNS resolution failed")
"""First words of gRPC's message for a call that found no connection; there is no code for that."""
OWN_LIMIT = "message larger than max"
"""Part of gRPC's message for a message above its own limit, which has the code of a quota."""

STREAMS = methods("speechkit.stt.v3.Recognizer")
RECOGNIZER = methods("speechkit.stt.v3.AsyncRecognizer")
OPERATIONS = methods("yandex.cloud.operation.OperationService")
SERVICE_V2 = methods("yandex.cloud.ai.stt.v2.SttService")
Metadata = list[tuple[str, str]]
T = TypeVar("T")


class GrpcTransport(V3Transport):
    """API v3 over gRPC channels, and the calls that v2 needs."""

    inline_limit = INLINE_LIMIT

    def submit(self, request: Message, request_id: str) -> str:
        return self._start(RECOGNIZER["RecognizeFile"], request, "stt", request_id)

    def submit_v2(self, request: Message, request_id: str) -> str:
        return self._start(SERVICE_V2["LongRunningRecognize"], request, "transcribe", request_id)

    def streamer(self) -> GrpcTransport:
        return self

    def check(self, options: Message) -> None:
        """v3 supports everything that `StreamingOptions` may contain."""

    def stream(self, requests: Iterator[Message], request_id: str) -> GrpcStreamCall:
        """Open a session of `Recognizer` with `StreamingRequest`s; yields serialized messages."""
        return self._stream(STREAMS["RecognizeStreaming"], requests, request_id)

    def stream_v2(self, requests: Iterator[Message], request_id: str) -> GrpcStreamCall:
        """The same with the messages of v2."""
        return self._stream(SERVICE_V2["StreamingRecognize"], requests, request_id)

    def renew(self) -> bool:
        """Called once after credentials were refused; returns whether there are new ones."""
        return self._identity.renew()

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()

    def _open(self, ca: bytes | None) -> None:
        urls = {name: self._endpoints.parsed(name) for name in ("stt", "operation", "transcribe")}
        opened = {url: open_channel(url, ca) for url in set(urls.values()) if url is not None}
        self._channels = {name: opened[url] for name, url in urls.items() if url is not None}
        self._calls: dict[str, Callable[..., Message]] = {}

    @property
    def _has_operations(self) -> bool:
        return self._endpoints.operation is not None

    def _operation(self, operation_id: str) -> Message:
        request = operation.GetOperationRequest(operation_id=operation_id)
        return self._call_unary(OPERATIONS["Get"], request, "operation")

    def _responses(self, operation_id: str) -> TimedMessages:
        method = RECOGNIZER["GetRecognition"]
        channel = self._channels["stt"]
        # without a deserializer the messages stay bytes, as they are stored
        call = channel.unary_stream(method.path, method.request.SerializeToString)
        request = method.request(operation_id=operation_id)
        now = steady_clock()

        def fetch(metadata: Metadata) -> TimedMessages:
            messages = call(request, timeout=FETCH_DEADLINE, metadata=metadata)
            return [(message, now()) for message in messages]

        return self._call(fetch)

    def _cancel(self, operation_id: str) -> None:
        request = operation.CancelOperationRequest(operation_id=operation_id)
        self._call_unary(OPERATIONS["Cancel"], request, "operation")

    def _delete(self, operation_id: str) -> None:
        request = v3.DeleteRecognitionRequest(operation_id=operation_id)
        self._call_unary(RECOGNIZER["DeleteRecognition"], request, "stt")

    def _start(self, method: Method, request: Message, endpoint: str, request_id: str) -> str:
        """The id of the operation that a request has started."""
        started = self._submit_once(
            lambda: self._call_unary(method, request, endpoint, SUBMIT_DEADLINE, request_id)
        )
        return str(started.id)

    def _call_unary(
        self,
        method: Method,
        request: Message,
        endpoint: str,
        deadline: float = CALL_DEADLINE,
        request_id: str | None = None,
    ) -> Message:
        if method.path not in self._calls:
            serialize, deserialize = method.request.SerializeToString, method.response.FromString
            channel = self._channels[endpoint]
            self._calls[method.path] = channel.unary_unary(method.path, serialize, deserialize)
        call = self._calls[method.path]
        return self._call(lambda metadata: call(request, timeout=deadline, metadata=metadata), request_id)

    def _stream(self, method: Method, requests: Iterator[Message], request_id: str) -> GrpcStreamCall:
        def open_call(metadata: Metadata) -> GrpcStreamCall:
            return GrpcStreamCall(
                self._channels["stt"],
                method,
                requests,
                metadata,
                lambda error: self._translate(error, metadata),
            )

        return self._call(open_call, request_id)

    def _call(self, call: Callable[[Metadata], T], request_id: str | None = None) -> T:
        """The result of one call; a failure becomes an error of the toolkit."""
        metadata = self._identity.metadata(request_id)
        try:
            return call(metadata)
        except grpc.RpcError as error:
            raise self._translate(error, metadata) from None
        except ValueError as error:
            if "closed channel" not in str(error):
                raise
            raise make_closed_error(self.name) from None

    def _translate(self, error: grpc.RpcError, metadata: Metadata) -> errors.ServiceError:
        code, details = error.code().name, redact(error.details() or "", metadata)
        if code == "RESOURCE_EXHAUSTED" and OWN_LIMIT in details:
            return make_size_error(details)
        received = [*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())]
        request_id = find_request_id(received)
        if code != "UNAVAILABLE":
            return make_service_error(code, details, request_id=request_id)
        if details.startswith(NEVER_SENT):
            message = f"cannot connect to {self.name} ({details}){self._hint}"
            return errors.Unreachable(message, code=code, details=details)
        message = f"{self.name} did not answer ({code}: {details})"
        return errors.NoAnswer(message, code=code, details=details, request_id=request_id)


class GrpcStreamCall:
    """One session of a stream: requests are sent as they are made, messages come in as bytes.

    Args:
        channel: of the service.
        method: the method to call.
        requests: the requests; a thread of gRPC takes them.
        metadata: of the call.
        translate: turns a failure of gRPC into an error of the toolkit.
    """

    def __init__(
        self,
        channel: grpc.Channel,
        method: Method,
        requests: Iterator[Message],
        metadata: Metadata,
        translate: Callable[[grpc.RpcError], errors.ServiceError],
    ) -> None:
        make_call = channel.stream_stream(method.path, method.request.SerializeToString)
        self._call = make_call(requests, metadata=metadata)
        self._translate = translate

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._call
        except grpc.RpcError as error:
            raise self._translate(error) from None

    def cancel(self) -> None:
        """End the session at once; messages that have not arrived yet are lost."""
        self._call.cancel()


def open_channel(url: ServiceUrl, ca: bytes | None = None) -> grpc.Channel:
    """A channel to `grpc://HOST:PORT`, or with TLS to `grpcs://HOST:PORT`.

    Args:
        ca: certificates of the authorities to trust in place of the usual ones.
    """
    options = [
        ("grpc.max_send_message_length", MESSAGE_LIMIT),
        ("grpc.max_receive_message_length", MESSAGE_LIMIT),
        ("grpc.enable_http_proxy", int(not url.loopback)),
    ]
    if not url.tls:
        return grpc.insecure_channel(url.netloc, options)
    return grpc.secure_channel(url.netloc, grpc.ssl_channel_credentials(ca), options)
