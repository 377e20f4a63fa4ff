"""The service over gRPC: handlers are made from the service descriptors, statuses from errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, cast
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
        interceptors=[_CheckCredentials(authenticator)] if authenticator.is_required else [],
        maximum_concurrent_rpcs=MOST_CALLS,
    )
    uploads = _Uploads()
    services = {
        "speechkit.stt.v3.AsyncRecognizer": _async_recognizer(service),
        "speechkit.stt.v3.Recognizer": _recognizer(streams),
        "yandex.cloud.ai.stt.v2.SttService": _stt_service(service, streams, authenticator),
        "yandex.cloud.operation.OperationService": _operation_service(service),
        "yandex.cloud.endpoint.ApiEndpointService": _endpoint_service(address),
    }
    server.add_generic_rpc_handlers(
        tuple(_service_handler(name, calls, uploads) for name, calls in services.items())
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


class _CheckCredentials(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Answers calls without valid credentials with an error, whatever they call."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        """The handler of a call, or one that answers with the error."""
        handler = await continuation(details)
        if details.method.startswith(OPEN_METHODS):
            return handler
        try:
            self._authenticator.check(_select_texts(details.invocation_metadata))
        except StatusError as error:
            return handler and _make_failing_handler(handler, error)
        return handler


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


def _make_failing_handler(handler: Any, error: StatusError) -> Any:
    """A handler of the same kind that always answers with the error."""

    async def unary(_: Any, context: Any) -> None:
        await context.send_initial_metadata(make_request_ids())
        await _abort(context, error)

    async def stream(_: Any, context: Any) -> AsyncIterator[Any]:
        await context.send_initial_metadata(make_request_ids())
        await _abort(context, error)
        yield  # never reached: it makes the function an async generator

    kind = f"{_arity(handler.request_streaming)}_{_arity(handler.response_streaming)}"
    make = getattr(grpc, f"{kind}_rpc_method_handler")
    return make(stream if handler.response_streaming else unary, handler.request_deserializer)


def _arity(streaming: bool) -> str:
    return "stream" if streaming else "unary"


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
    return _select_texts(context.invocation_metadata())


def _select_texts(pairs: Any) -> dict[str, str]:
    return {key: value for key, value in pairs or () if isinstance(value, str)}


def _service_handler(name: str, implementations: dict[str, Implementation], uploads: _Uploads) -> Any:
    found = methods(name)
    handlers = {method: _handler(found[method], call, uploads) for method, call in implementations.items()}
    return grpc.method_handlers_generic_handler(name, handlers)


def _handler(method: Method, call: Implementation, uploads: _Uploads) -> Any:
    """The handler of a method.

    For gRPC it takes a stream of requests, also where there is only one. On the wire this is the same, but
    gRPC would read the one request itself, without limits of time and number, before it calls the handler.
    """
    if method.response_streaming:  # answers are serialized already, by the store or by a session
        return grpc.stream_stream_rpc_method_handler(_handle_stream(method, call), None, None)
    handle = _handle_unary(method, call, uploads if method.path.endswith(UPLOADS) else None)
    return grpc.stream_unary_rpc_method_handler(handle, None, method.response.SerializeToString)


def _handle_unary(
    method: Method, call: Implementation, uploads: _Uploads | None
) -> Callable[[Any, Any], Awaitable[Any]]:
    async def handle(requests: AsyncIterable[bytes], context: Any) -> Any:
        await context.send_initial_metadata(make_request_ids())
        try:
            if uploads is None:
                return await call(await _receive(method, requests, REQUEST_SECONDS), context)
            async with uploads.enter(context.peer()):
                return await call(await _receive(method, requests, UPLOAD_SECONDS), context)
        except Exception as error:
            return await _abort(context, error)

    return handle


def _handle_stream(method: Method, call: Implementation) -> Callable[[Any, Any], AsyncIterator[Any]]:
    async def handle(requests: AsyncIterable[bytes], context: Any) -> AsyncIterator[Any]:
        await context.send_initial_metadata(make_request_ids())
        try:
            async with AsyncExitStack() as stack:
                if method.request_streaming:
                    request = await stack.enter_async_context(aclosing(_parse_each(method, requests)))
                else:
                    request = await _receive(method, requests, REQUEST_SECONDS)
                async for message in await stack.enter_async_context(aclosing(call(request, context))):
                    yield message
        except Exception as error:
            await _abort(context, error)

    return handle


async def _receive(method: Method, requests: AsyncIterable[bytes], seconds: float) -> Any:
    """The only request of a call."""
    try:
        async with asyncio.timeout(seconds), _closing(requests) as messages:
            data = await anext(messages, None)
    except TimeoutError:
        raise StatusError(Code.DEADLINE_EXCEEDED, f"the request did not come within {seconds:g} s") from None
    if data is None:
        raise invalid_argument("the call ended without a request")
    return _parse(method, data)


async def _parse_each(method: Method, requests: AsyncIterable[bytes]) -> AsyncGenerator[Any]:
    async with _closing(requests) as messages:
        async for data in messages:
            if len(data) > LARGEST_STREAM_MESSAGE:
                raise StatusError(
                    Code.OUT_OF_RANGE,
                    f"a message of the stream has {len(data)} bytes; at most {LARGEST_STREAM_MESSAGE} may be",
                )
            yield _parse(method, data)


def _closing(requests: AsyncIterable[bytes]) -> aclosing[Any]:
    """The messages of a call. gRPC's generator keeps the last one in memory until it is closed."""
    return aclosing(cast("AsyncGenerator[bytes]", aiter(requests)))


def _parse(method: Method, data: bytes) -> Any:
    try:
        return method.request.FromString(data)
    except Exception as error:  # protobuf's DecodeError has a class for each implementation
        raise invalid_argument(f"the request is no {method.request.DESCRIPTOR.name}: {error}") from None


async def _abort(context: Any, error: Exception) -> None:
    error = to_status_error(error)
    await context.abort(grpc.StatusCode[error.code.name], error.message)
