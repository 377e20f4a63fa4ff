"""The service over gRPC."""

from __future__ import annotations

import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc

from ... import errors
from ...wire import Method, methods, operation, v3
from ..clock import steady_clock, time_left
from .base import Message, TimedMessages, make_closed_error
from .endpoints import ServiceUrl
from .proxies import Proxy, find_proxy
from .retry import (
    CALL_DEADLINE,
    FETCH_DEADLINE,
    SUBMIT_DEADLINE,
    clip,
    find_request_id,
    make_no_answer,
    make_service_error,
    make_size_error,
    redact,
)
from .v3 import V3Transport

MESSAGE_LIMIT = 64 * 1024 * 1024
INLINE_LIMIT = 60_000_000
METADATA_LIMIT = 1_048_577
"""Bytes of the longest text with which the service may refuse a call; gRPC's own limit is 8 to 16 kB."""
ANSWER_LIMIT, MESSAGES_LIMIT = 64_000_000, 500_000
"""Bytes and messages of the largest result; one of four hours has 10 MB and 100,000 messages."""
CONNECT_DEADLINE = 10.0
RECONNECT_MS = 1000
"""Longest pause between two attempts to connect; gRPC's own is two minutes, for all clients of a process."""
RECONNECT_PATIENCE = 1.5
"""Seconds to wait for the next attempt to connect, if an earlier one has failed."""
PROBE = "/grpc.health.v1.Health/Check"
"""A call without effect; a service that does not know it answers, too."""
NOT_CONNECTED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

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

    def stream(self, requests: Iterator[Message], request_id: str, seconds: float) -> GrpcStreamCall:
        """Open a session of `Recognizer` with `StreamingRequest`s; yields serialized messages."""
        return self._stream(STREAMS["RecognizeStreaming"], requests, request_id, seconds)

    def stream_v2(self, requests: Iterator[Message], request_id: str, seconds: float) -> GrpcStreamCall:
        """The same with the messages of v2."""
        return self._stream(SERVICE_V2["StreamingRecognize"], requests, request_id, seconds)

    def renew(self) -> bool:
        """Called once after credentials were refused; returns whether there are new ones."""
        return self._identity.renew()

    def close(self) -> None:
        self._is_closed = True
        for connection in self._connections.values():
            connection.close()

    def _open(self, ca: bytes | None) -> None:
        urls = {name: self._endpoints.parsed(name) for name in ("stt", "operation", "transcribe")}
        opened = {url: Connection(url, ca) for url in set(urls.values()) if url is not None}
        self._connections = {name: opened[url] for name, url in urls.items() if url is not None}
        self._is_closed = False

    @property
    def _has_operations(self) -> bool:
        return self._endpoints.operation is not None

    def _operation(self, operation_id: str) -> Message:
        request = operation.GetOperationRequest(operation_id=operation_id)
        return self._call_unary(OPERATIONS["Get"], request, "operation")

    def _responses(self, operation_id: str) -> TimedMessages:
        method = RECOGNIZER["GetRecognition"]
        request = method.request(operation_id=operation_id)
        now = steady_clock()

        def fetch(channel: grpc.Channel, metadata: Metadata) -> TimedMessages:
            # without a deserializer the messages stay bytes, as they are stored
            call = channel.unary_stream(method.path, method.request.SerializeToString)
            messages = call(request, timeout=time_left(FETCH_DEADLINE), metadata=metadata)
            return [(message, now()) for message in self._limit(messages)]

        return self._call("stt", fetch)

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
        return self._check_id(started.id)

    def _call_unary(
        self,
        method: Method,
        request: Message,
        endpoint: str,
        deadline: float = CALL_DEADLINE,
        request_id: str | None = None,
    ) -> Message:
        if (n_bytes := request.ByteSize()) > MESSAGE_LIMIT:
            raise make_size_error(n_bytes, f"the {MESSAGE_LIMIT / 1e6:.0f} MB of this client")

        def send(channel: grpc.Channel, metadata: Metadata) -> Message:
            call = channel.unary_unary(
                method.path, method.request.SerializeToString, method.response.FromString
            )
            response = call(request, timeout=time_left(deadline), metadata=metadata)
            if response is None:  # a success that has no message
                raise make_no_answer(self.name, "a response without a message")
            return response

        try:
            return self._call(endpoint, send, request_id)
        except errors.ServiceError as error:
            if error.code == "RESOURCE_EXHAUSTED" and "larger than max" in error.details:
                raise make_size_error(n_bytes, f"{self.name} accepts ({error.details})") from None
            raise

    def _stream(
        self, method: Method, requests: Iterator[Message], request_id: str, seconds: float
    ) -> GrpcStreamCall:
        def open_call(channel: grpc.Channel, metadata: Metadata) -> GrpcStreamCall:
            call = channel.stream_stream(method.path, method.request.SerializeToString)
            return GrpcStreamCall(
                call(requests, timeout=seconds, metadata=metadata),
                self._limit,
                lambda error: self._translate(error, metadata),
            )

        return self._call("stt", open_call, request_id)

    def _call(
        self, endpoint: str, call: Callable[[grpc.Channel, Metadata], T], request_id: str | None = None
    ) -> T:
        """The result of one call; a failure becomes an error of the toolkit.

        Args:
            request_id: of a call that is not safe to repeat. It is sent only over a connection, so that
                `Unreachable` certainly means that it was not sent.
        """
        if self._is_closed:
            raise make_closed_error(self.name)
        metadata = self._identity.metadata(request_id)
        connection = self._connections[endpoint]
        try:
            connection.watch()
            if request_id and (reason := connection.connect()) is not None:
                raise self._make_unreachable(connection, reason)
            return call(connection.channel, metadata)
        except grpc.RpcError as error:
            if not request_id and error.code() is grpc.StatusCode.UNAVAILABLE and not connection.is_ready:
                raise self._make_unreachable(connection, str(error.details())) from None
            raise self._translate(error, metadata) from None
        except ValueError as error:
            if "closed channel" not in str(error):
                raise
            raise make_closed_error(self.name) from None

    def _translate(self, error: grpc.RpcError, metadata: Metadata) -> errors.ServiceError:
        """The error for a call that was sent; whether the service has got it is not known."""
        code, details = error.code().name, redact(error.details() or "", metadata)
        # gRPC reports its own limits with the code of a quota; their values tell them from quotas
        if code == "RESOURCE_EXHAUSTED" and re.search(rf"\b({MESSAGE_LIMIT}|{METADATA_LIMIT})\b", details):
            return self._make_answer_size_error(details)
        received = [*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())]
        request_id = find_request_id(received)
        if code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            return make_service_error(code, details, request_id=request_id)
        message = f"{self.name} did not answer ({code}: {clip(details)})"
        return errors.NoAnswer(message, code=code, details=details, request_id=request_id)

    def _limit(self, messages: Any) -> Iterator[bytes]:
        """The messages of a call; it is cancelled when they are too many or too large."""
        n_bytes = 0
        for number, message in enumerate(messages, 1):
            n_bytes += len(message)
            if n_bytes > ANSWER_LIMIT or number > MESSAGES_LIMIT:
                messages.cancel()
                raise self._make_answer_size_error(
                    f"more than {ANSWER_LIMIT / 1e6:g} MB or {MESSAGES_LIMIT:,} messages"
                )
            yield message

    def _make_unreachable(self, connection: Connection, reason: str) -> errors.Unreachable:
        message = f"cannot connect to {self.name}{connection.via} ({clip(reason)}){self._hint}"
        return errors.Unreachable(message, code="UNAVAILABLE", details=reason)

    def _make_answer_size_error(self, details: str) -> errors.ServiceError:
        message = f"{self.name} sent an answer above the limits of this client ({details})"
        return errors.ServiceError(message, details=details)


class GrpcStreamCall:
    """One session of a stream: requests are sent as they are made, messages come in as bytes.

    Args:
        call: of gRPC; a thread of gRPC takes the requests.
        limit: passes the messages on, as long as they are not too many.
        translate: turns a failure of gRPC into an error of the toolkit.
    """

    def __init__(
        self,
        call: Any,
        limit: Callable[[Any], Iterator[bytes]],
        translate: Callable[[grpc.RpcError], errors.ServiceError],
    ) -> None:
        self._call, self._limit, self._translate = call, limit, translate

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._limit(self._call)
        except grpc.RpcError as error:
            raise self._translate(error) from None

    def cancel(self) -> None:
        """End the session at once; messages that have not arrived yet are lost."""
        self._call.cancel()


class Connection:
    """The connection to one host, `grpc://HOST:PORT`, or with TLS `grpcs://HOST:PORT`.

    Args:
        url: of the host.
        ca: certificates of the authorities to trust in place of the usual ones.

    Attributes:
        channel: of gRPC.
        via: the proxy, for messages; empty if there is none.
        close: a function that closes the channel; at the end of the program it is called by itself.

    Raises:
        ConfigError: if the proxy that the environment names cannot be used.
    """

    def __init__(self, url: ServiceUrl, ca: bytes | None = None) -> None:
        proxy = find_proxy(url)
        self.via = "" if proxy is None else f" through the proxy {proxy}"
        if proxy is not None and not proxy.url.lower().startswith("http:"):
            self.via = f" without the proxy {proxy}, which gRPC cannot use and transport='rest' can"
            proxy = None
        self.channel = open_channel(url, ca, proxy)
        self._state = _State()
        self._watched = threading.Lock()
        # also at the end of the program: gRPC waits for ever for the thread that follows an open channel
        self.close = weakref.finalize(self, _close_channel, self.channel, self._state)

    @property
    def is_ready(self) -> bool:
        """Whether there is a connection."""
        return self._state.current is grpc.ChannelConnectivity.READY

    def watch(self) -> None:
        """Follow the state of the channel from now on, if this was not called before."""
        if self._watched.acquire(blocking=False):
            self.channel.subscribe(self._state.set)
        self._state.is_known.wait(CONNECT_DEADLINE)

    def connect(self) -> str | None:
        """Wait until there is a connection. Returns None, or the reason why there is none.

        What is sent only after this was not sent if this fails: an error of gRPC does not tell that.
        """
        # After a failure the next attempt to connect follows in at most a second.
        has_failed = self._state.current is grpc.ChannelConnectivity.TRANSIENT_FAILURE
        give_up = time.monotonic() + (RECONNECT_PATIENCE if has_failed else 0.0)
        while not self.is_ready and (reason := self._try_to_connect()) is not None:
            if time.monotonic() >= give_up:
                return reason
            time.sleep(0.1)
        return None

    def _try_to_connect(self) -> str | None:
        """The same, by an empty call, since the state of a channel has no reason."""
        try:
            self.channel.unary_unary(PROBE)(b"", timeout=time_left(CONNECT_DEADLINE))
        except grpc.RpcError as error:
            if not self.is_ready and error.code() in NOT_CONNECTED:
                return str(error.details())
        return None


class _State:
    """The state of a channel. It does not hold the channel, so that gRPC can free one that is not closed."""

    def __init__(self) -> None:
        self.current: grpc.ChannelConnectivity | None = None
        self.is_known = threading.Event()

    def set(self, state: grpc.ChannelConnectivity) -> None:
        """Called by a thread of gRPC."""
        self.current = state
        self.is_known.set()


def _close_channel(channel: grpc.Channel, state: _State) -> None:
    """Close the channel, when the thread of gRPC that follows its state has let go of it."""
    channel.unsubscribe(state.set)
    time.sleep(0.02)
    channel.close()


def open_channel(url: ServiceUrl, ca: bytes | None = None, proxy: Proxy | None = None) -> grpc.Channel:
    """A channel of gRPC; see `Connection`."""
    options = [
        ("grpc.max_send_message_length", MESSAGE_LIMIT),
        ("grpc.max_receive_message_length", MESSAGE_LIMIT),
        ("grpc.max_metadata_size", METADATA_LIMIT),
        ("grpc.absolute_max_metadata_size", METADATA_LIMIT),
        ("grpc.initial_reconnect_backoff_ms", RECONNECT_MS // 5),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_MS),
        ("grpc.min_reconnect_backoff_ms", round(CONNECT_DEADLINE * 1000)),  # how long one attempt may take
        ("grpc.enable_http_proxy", int(proxy is not None)),
        *([("grpc.http_proxy", proxy.url)] if proxy is not None else []),
    ]
    if not url.tls:
        return grpc.insecure_channel(url.netloc, options)
    return grpc.secure_channel(url.netloc, grpc.ssl_channel_credentials(ca), options)
