"""The service over gRPC: handlers made from the service descriptors, and statuses made from refusals."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc

from ...wire import Method, methods
from ..operations.service import SpeechService
from ..ports import Address, cannot_listen
from ..recognition.streaming import StreamService
from ..status import Refusal, internal
from . import discovery
from .auth import Gate
from .request_ids import new_ids
from .v2_streaming import streaming_recognize

log = logging.getLogger(__name__)
LARGEST_MESSAGE = 64 << 20
OPTIONS = [
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.so_reuseport", 0),  # or a second server would share the port instead of being refused
]
OPEN = "/yandex.cloud.endpoint."
"""Where services are may be asked without credentials: SDKs do so before they have any."""

Implementation = Callable[[Any, Any], Any]


def make_server(
    service: SpeechService, streams: StreamService, gate: Gate, address: Callable[[], str]
) -> Any:
    """A `grpc.aio` server with all services, not bound to an address yet.

    Args:
        service: answers the calls.
        streams: answers live sessions.
        gate: checks credentials.
        address: where the server is, as its callers know it.
    """
    server = grpc.aio.server(options=OPTIONS, interceptors=[_Guard(gate)] if gate.closed else [])
    server.add_generic_rpc_handlers(
        (
            _service_handler("speechkit.stt.v3.AsyncRecognizer", _async_recognizer(service)),
            _service_handler("speechkit.stt.v3.Recognizer", _recognizer(streams)),
            _service_handler("yandex.cloud.ai.stt.v2.SttService", _stt_service(service, streams, gate)),
            _service_handler("yandex.cloud.operation.OperationService", _operation_service(service)),
            _service_handler("yandex.cloud.endpoint.ApiEndpointService", _endpoint_service(address)),
        )
    )
    return server


def bind(server: Any, address: Address, tls: tuple[Path, Path] | None) -> Address:
    """Listens at an address, with TLS if there is a certificate; the address with the real port.

    Raises:
        ServerError: if the port is taken, or the address is not of this machine.
    """
    try:
        if tls is None:
            return address._replace(port=server.add_insecure_port(str(address)))
        cert, key = (path.read_bytes() for path in tls)
        credentials = grpc.ssl_server_credentials([(key, cert)])
        return address._replace(port=server.add_secure_port(str(address), credentials))
    except RuntimeError as error:
        raise cannot_listen(address) from error


class _Guard(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Turns away calls without good credentials, whatever they call."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        """The handler of a call, or one that refuses it."""
        handler = await continuation(details)
        if details.method.startswith(OPEN):
            return handler
        try:
            self._gate.check(_texts(details.invocation_metadata))
        except Refusal as refusal:
            return handler and _refusing(handler, refusal)
        return handler


def _refusing(handler: Any, refusal: Refusal) -> Any:
    """A handler of the same kind, which refuses."""

    async def one(_: Any, context: Any) -> None:
        await context.send_initial_metadata(new_ids())
        await _abort(context, refusal)

    async def many(_: Any, context: Any) -> AsyncIterator[Any]:
        await context.send_initial_metadata(new_ids())
        await _abort(context, refusal)
        yield  # a generator, though it never comes to this

    kind = f"{_arity(handler.request_streaming)}_{_arity(handler.response_streaming)}"
    make = getattr(grpc, f"{kind}_rpc_method_handler")
    return make(many if handler.response_streaming else one, handler.request_deserializer)


def _arity(streaming: bool) -> str:
    return "stream" if streaming else "unary"


def _async_recognizer(service: SpeechService) -> dict[str, Implementation]:
    return {
        "RecognizeFile": lambda request, context: service.recognize_file(
            request, metadata(context).get("x-client-request-id", "")
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
            requests, metadata(context).get("x-client-request-id", "")
        )
    }


def _stt_service(service: SpeechService, streams: StreamService, gate: Gate) -> dict[str, Implementation]:
    async def long_running_recognize(request: Any, context: Any) -> Any:
        sent = metadata(context)
        gate.check(sent, request.config.folder_id)
        return await service.long_running_recognize(request, sent.get("x-client-request-id", ""))

    def recognize(requests: Any, context: Any) -> AsyncIterator[bytes]:
        sent = metadata(context)
        name = sent.get("x-client-request-id", "")
        return streaming_recognize(streams, requests, name, lambda folder: gate.check(sent, folder))

    return {"LongRunningRecognize": long_running_recognize, "StreamingRecognize": recognize}


def _endpoint_service(address: Callable[[], str]) -> dict[str, Implementation]:
    async def get(request: Any, _: Any) -> Any:
        return discovery.get(request.api_endpoint_id, address())

    async def list_all(_: Any, __: Any) -> Any:
        return discovery.list_all(address())

    return {"Get": get, "List": list_all}


def metadata(context: Any) -> dict[str, str]:
    """What came with a call beside its message."""
    return _texts(context.invocation_metadata())


def _texts(pairs: Any) -> dict[str, str]:
    return {key: value for key, value in pairs or () if isinstance(value, str)}


def _service_handler(name: str, implementations: dict[str, Implementation]) -> Any:
    found = methods(name)
    handlers = {method: _handler(found[method], call) for method, call in implementations.items()}
    return grpc.method_handlers_generic_handler(name, handlers)


def _handler(method: Method, call: Implementation) -> Any:
    # What is streamed is bytes already: those that the store holds, or that a session has written.
    if method.request_streaming:
        return grpc.stream_stream_rpc_method_handler(_streaming(call), method.request.FromString, None)
    if method.response_streaming:
        return grpc.unary_stream_rpc_method_handler(_streaming(call), method.request.FromString, None)
    return grpc.unary_unary_rpc_method_handler(
        _unary(call), method.request.FromString, method.response.SerializeToString
    )


def _unary(call: Implementation) -> Callable[[Any, Any], Awaitable[Any]]:
    async def handle(request: Any, context: Any) -> Any:
        await context.send_initial_metadata(new_ids())
        try:
            return await call(request, context)
        except Exception as error:
            return await _abort(context, error)

    return handle


def _streaming(call: Implementation) -> Callable[[Any, Any], AsyncIterator[Any]]:
    async def handle(request: Any, context: Any) -> AsyncIterator[Any]:
        await context.send_initial_metadata(new_ids())
        try:
            async for message in call(request, context):
                yield message
        except Exception as error:
            await _abort(context, error)

    return handle


async def _abort(context: Any, error: Exception) -> None:
    if not isinstance(error, Refusal):
        log.error("a call failed", exc_info=error)
        error = internal("the local server", error)
    await context.abort(grpc.StatusCode[error.code.name], error.message)
