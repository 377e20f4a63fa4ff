"""The service over gRPC: handlers made from the service descriptors, and statuses made from refusals."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from ..errors import ServerError
from ..wire.messages import Method, methods
from .service import SpeechService
from .status import Code, Refusal

log = logging.getLogger(__name__)
LARGEST_MESSAGE = 64 << 20
OPTIONS = [
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.so_reuseport", 0),  # or a second server would share the port instead of being refused
]
Implementation = Callable[[Any, Any], Any]


def make_server(service: SpeechService) -> Any:
    """A `grpc.aio` server with all services, not bound to an address yet."""
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers(
        (
            _service_handler("speechkit.stt.v3.AsyncRecognizer", _async_recognizer(service)),
            _service_handler("yandex.cloud.operation.OperationService", _operation_service(service)),
        )
    )
    return server


def bind(server: Any, host: str, port: int) -> int:
    """Listens at an address without TLS; the port, which for 0 is chosen by the system.

    Raises:
        ServerError: if the port is taken, or the address is not of this machine.
    """
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound: int = server.add_insecure_port(address)
    except RuntimeError as error:
        raise ServerError(
            f"cannot listen at {address}: the port is in use, or the address is not of this machine; "
            "port 0 takes a free one"
        ) from error
    return bound


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


def metadata(context: Any) -> dict[str, str]:
    """What came with a call beside its message."""
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


def _service_handler(name: str, implementations: dict[str, Implementation]) -> Any:
    found = methods(name)
    handlers = {method: _handler(found[method], call) for method, call in implementations.items()}
    return grpc.method_handlers_generic_handler(name, handlers)


def _handler(method: Method, call: Implementation) -> Any:
    if method.response_streaming:
        # The store holds the messages as bytes, and as these bytes they are sent.
        return grpc.unary_stream_rpc_method_handler(_streaming(call), method.request.FromString, None)
    return grpc.unary_unary_rpc_method_handler(
        _unary(call), method.request.FromString, method.response.SerializeToString
    )


def _unary(call: Implementation) -> Callable[[Any, Any], Awaitable[Any]]:
    async def handle(request: Any, context: Any) -> Any:
        try:
            return await call(request, context)
        except Exception as error:
            return await _abort(context, error)

    return handle


def _streaming(call: Implementation) -> Callable[[Any, Any], AsyncIterator[Any]]:
    async def handle(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            async for message in call(request, context):
                yield message
        except Exception as error:
            await _abort(context, error)

    return handle


async def _abort(context: Any, error: Exception) -> None:
    if not isinstance(error, Refusal):
        log.error("a call failed", exc_info=error)
        error = Refusal(Code.INTERNAL, f"the local server failed: {type(error).__name__}: {error}")
    await context.abort(grpc.StatusCode[error.code.name], error.message)
