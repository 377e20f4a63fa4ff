"""The service over gRPC: handlers are made from the service descriptors, statuses from errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import grpc

from ...wire import Method, methods
from ..operations.service import SpeechService
from ..ports import Address, listen_error
from ..recognition.streaming import StreamService
from ..status import Code, StatusError, invalid_argument
from .auth import Authenticator
from .common import find_endpoint, list_endpoints, make_request_ids, read_request_id, to_status_error
from .v2_streaming import streaming_recognize

LARGEST_MESSAGE = 64 << 20
LARGEST_STREAM_MESSAGE = 16 << 20
MOST_CALLS = 1000
REQUEST_SECONDS = 10.0
"""A call must have sent its request by then; one with audio has more time."""
UPLOAD_SECONDS = 60.0
UPLOADS = ("RecognizeFile", "LongRunningRecognize")
MOST_UPLOADS = 3
REFUSAL_SECONDS = 1.0
"""Before a session ends with an error, its client may go on sending for so long."""
FILE_BYTES_PER_SECOND = 200_000
"""A client that sends faster than any live audio sends a file, and may come to its end."""
LARGEST_REST = 64 << 20
SILENCE_SECONDS = 0.25
"""A client that sends nothing for so long gets the error at once."""
MOST_REFUSALS = 10
"""So many clients at a time; in a flood the others get their errors without delay."""
OPTIONS = [
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.max_concurrent_streams", 200),  # of one connection
    ("grpc.server_handshake_timeout_ms", 10_000),  # a connection that sends nothing is closed
    ("grpc.so_reuseport", 0),  # otherwise a second server would share the port without an error
]
OPEN_METHODS = "/yandex.cloud.endpoint."
"""Endpoint discovery needs no credentials: SDKs call it before they have any."""

Implementation = Callable[[Any, Any], Any]


def make_server(
    service: SpeechService, streams: StreamService, authenticator: Authenticator, address: Callable[[], str]
) -> Any:
    """A `grpc.aio` server with all services, not bound to an address yet.

    Args:
        service: answers the calls.
        streams: answers streaming sessions.
        authenticator: checks credentials.
        address: returns the address of the server, as its callers know it.
    """
    server = grpc.aio.server(
        options=OPTIONS,
        maximum_concurrent_rpcs=MOST_CALLS,
    )
    handlers = _Handlers(authenticator)
    services = {
        "speechkit.stt.v3.AsyncRecognizer": _async_recognizer(service),
        "speechkit.stt.v3.Recognizer": _recognizer(streams),
        "yandex.cloud.ai.stt.v2.SttService": _stt_service(service, streams, authenticator),
        "yandex.cloud.operation.OperationService": _operation_service(service),
        "yandex.cloud.endpoint.ApiEndpointService": _endpoint_service(address),
    }
    server.add_generic_rpc_handlers(
        tuple(handlers.of_service(name, calls) for name, calls in services.items())
    )
    return server


def bind(server: Any, address: Address, tls: tuple[Path, Path] | None) -> Address:
    """Listen at an address, with TLS if there is a certificate; return the address with the real port.

    Raises:
        ServerError: if the port is in use, or the address is not of this machine.
    """
    try:
        if tls is None:
            return address._replace(port=server.add_insecure_port(str(address)))
        cert, key = (path.read_bytes() for path in tls)
        credentials = grpc.ssl_server_credentials([(key, cert)])
        return address._replace(port=server.add_secure_port(str(address), credentials))
    except RuntimeError as error:
        raise listen_error(address) from error


class _Uploads:
    """Lets few requests with audio into memory at a time, and of each connection only one."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MOST_UPLOADS)
        self._connections: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def enter(self, connection: str) -> AsyncIterator[None]:
        """Wait for the turn of this connection; it lasts as long as the block."""
        lock = self._connections.setdefault(connection, asyncio.Lock())
        async with lock, self._slots:
            yield


def _async_recognizer(service: SpeechService) -> dict[str, Implementation]:
    return {
        "RecognizeFile": lambda request, context: service.recognize_file(
            request, read_request_id(metadata(context))
        ),
        "GetRecognition": lambda request, _: service.get_recognition(request.operation_id),
        "DeleteRecognition": lambda request, _: service.delete_recognition(request.operation_id),
    }


def _operation_service(service: SpeechService) -> dict[str, Implementation]:
    return {
        "Get": lambda request, _: service.get_operation(request.operation_id),
        "Cancel": lambda request, _: service.cancel_operation(request.operation_id),
    }


def _recognizer(streams: StreamService) -> dict[str, Implementation]:
    return {
        "RecognizeStreaming": lambda requests, context: streams.recognize_streaming(
            requests, read_request_id(metadata(context))
        )
    }


def _stt_service(
    service: SpeechService, streams: StreamService, authenticator: Authenticator
) -> dict[str, Implementation]:
    async def long_running_recognize(request: Any, context: Any) -> Any:
        sent = metadata(context)
        authenticator.check(sent, request.config.folder_id)
        return await service.long_running_recognize(request, read_request_id(sent))

    def recognize(requests: Any, context: Any) -> AsyncGenerator[bytes]:
        sent = metadata(context)
        name = read_request_id(sent)
        return streaming_recognize(streams, requests, name, lambda folder: authenticator.check(sent, folder))

    return {"LongRunningRecognize": long_running_recognize, "StreamingRecognize": recognize}


def _endpoint_service(address: Callable[[], str]) -> dict[str, Implementation]:
    async def get(request: Any, _: Any) -> Any:
        return find_endpoint(request.api_endpoint_id, address())

    async def list_all(_: Any, __: Any) -> Any:
        return list_endpoints(address())

    return {"Get": get, "List": list_all}


def metadata(context: Any) -> dict[str, str]:
    """The metadata of a call, as text."""
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


class _Handlers:
    """Makes the handlers of methods.

    For gRPC each takes a stream of requests, also where there is only one. On the wire this is the same, but
    gRPC would read the one request itself, without limits of time and number, before it calls the handler.

    Args:
        authenticator: checks the credentials of every call.
    """

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._uploads = _Uploads()
        self._refusals = asyncio.Semaphore(MOST_REFUSALS)

    def of_service(self, name: str, implementations: dict[str, Implementation]) -> Any:
        """The handler of a service, whose methods have these names."""
        found = methods(name)
        handlers = {method: self._of_method(found[method], call) for method, call in implementations.items()}
        return grpc.method_handlers_generic_handler(name, handlers)

    def _of_method(self, method: Method, call: Implementation) -> Any:
        if method.response_streaming:  # answers are serialized already, by the store or by a session
            return grpc.stream_stream_rpc_method_handler(self._handle_stream(method, call), None, None)
        handle = self._handle_unary(method, call)
        return grpc.stream_unary_rpc_method_handler(handle, None, method.response.SerializeToString)

    def _handle_unary(self, method: Method, call: Implementation) -> Callable[[Any, Any], Awaitable[Any]]:
        has_audio = method.path.endswith(UPLOADS)

        async def handle(_: Any, context: Any) -> Any:
            await context.send_initial_metadata(make_request_ids())
            with closing(_Requests(method, context)) as requests:
                try:
                    self._check(method, context)
                    if not has_audio:
                        return await call(await requests.read_only(REQUEST_SECONDS), context)
                    async with self._uploads.enter(context.peer()):
                        return await call(await requests.read_only(UPLOAD_SECONDS), context)
                except Exception as error:
                    return await _abort(context, to_status_error(error))

        return handle

    def _handle_stream(
        self, method: Method, call: Implementation
    ) -> Callable[[Any, Any], AsyncIterator[Any]]:
        async def handle(_: Any, context: Any) -> AsyncIterator[Any]:
            await context.send_initial_metadata(make_request_ids())
            with closing(_Requests(method, context)) as requests:
                try:
                    self._check(method, context)
                    request = (
                        requests if method.request_streaming else await requests.read_only(REQUEST_SECONDS)
                    )
                    async with aclosing(call(request, context)) as messages:
                        async for message in messages:
                            yield message
                except Exception as error:
                    status = to_status_error(error)
                    if method.request_streaming and not self._refusals.locked():
                        async with self._refusals:
                            await requests.drop_rest()
                    await _abort(context, status)

        return handle

    def _check(self, method: Method, context: Any) -> None:
        if not method.path.startswith(OPEN_METHODS):
            self._authenticator.check(metadata(context))


class _Requests:
    """The requests of a call, in order.

    gRPC lets a call read one message at a time and cannot stop a read. So where nobody waits for a read any
    longer, it goes on, and its message is the next one.
    """

    def __init__(self, method: Method, context: Any) -> None:
        self._method, self._context = method, context
        self._read: asyncio.Task[Any] | None = None

    def __aiter__(self) -> _Requests:
        return self

    async def __anext__(self) -> Any:
        data = await self._receive()
        if data is grpc.aio.EOF:
            raise StopAsyncIteration
        if self._method.request_streaming and len(data) > LARGEST_STREAM_MESSAGE:
            raise StatusError(
                Code.OUT_OF_RANGE,
                f"a message of the stream has {len(data)} bytes; at most {LARGEST_STREAM_MESSAGE} may be",
            )
        try:
            return self._method.request.FromString(data)
        except Exception as error:  # protobuf's DecodeError has a class for each implementation
            name = self._method.request.DESCRIPTOR.name
            raise invalid_argument(f"the request is no {name}: {error}") from None

    async def _receive(self) -> Any:
        """The next message as bytes, or `EOF`."""
        self._read = self._read or asyncio.create_task(self._context.read())
        data = await asyncio.shield(self._read)
        self._read = None
        return data

    async def read_only(self, seconds: float) -> Any:
        """The only request of a call, which must come in time."""
        try:
            async with asyncio.timeout(seconds):
                return await anext(self)
        except TimeoutError:
            raise StatusError(
                Code.DEADLINE_EXCEEDED, f"the request did not come within {seconds:g} s"
            ) from None
        except StopAsyncIteration:
            raise invalid_argument("the call ended without a request") from None

    async def drop_rest(self) -> None:
        """Read what the client still sends, until it ends or pauses, within limits.

        A client that is writing when a call ends may see that its write failed, and not the error that the
        call ended with: asyncio clients of gRPC then say "Internal error from Core".
        """
        began, seconds, n_bytes = time.monotonic(), 0.0, 0
        with suppress(TimeoutError):
            while seconds < max(REFUSAL_SECONDS, n_bytes / FILE_BYTES_PER_SECOND) and n_bytes < LARGEST_REST:
                async with asyncio.timeout(SILENCE_SECONDS):
                    data = await self._receive()
                if data is grpc.aio.EOF:
                    return
                n_bytes += len(data)
                seconds = time.monotonic() - began

    def close(self) -> None:
        """Forget the read that nobody waits for."""
        if self._read:
            self._read.cancel()


async def _abort(context: Any, error: StatusError) -> None:
    await context.abort(grpc.StatusCode[error.code.name], error.message)
