"""The service over REST: routes, and the HTTP server for them."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ...wire import message_to_json, operation_to_json, v2, v3
from ..operations.service import SpeechService
from ..ports import BACKLOG, Address
from ..status import Code, StatusError, invalid_argument
from .auth import Authenticator
from .common import find_endpoint, list_endpoints, make_request_ids, read_request_id
from .rest_json import BodyReader, accept_text_flags, error_response, json_lines, no_such_route, parse_message
from .rest_server import HttpConnection

STOP_SECONDS = 1
Answer = Callable[[Request], Awaitable[Response]]
STREAM_METHODS = ("GetRecognition",)
"""Methods that answer with a stream. Their errors have another JSON form."""


class Endpoint(NamedTuple):
    """One route: HTTP verbs, path, the method of the service, and what answers; `is_open`: no credentials."""

    verbs: str
    path: str
    method: str
    answer: Answer
    is_open: bool = False


class RestApi:
    """The routes and what they call.

    Args:
        service: answers the calls.
        authenticator: checks credentials.
    """

    def __init__(self, service: SpeechService, authenticator: Authenticator) -> None:
        self._service, self._authenticator = service, authenticator
        self.bodies = BodyReader()

    def endpoints(self) -> list[Endpoint]:
        """One entry per route."""
        return [
            Endpoint("POST", "/stt/v3/recognizeFileAsync", "RecognizeFile", self._submit_v3),
            Endpoint("GET", "/stt/v3/getRecognition", "GetRecognition", self._get_recognition),
            Endpoint("DELETE", "/stt/v3/deleteRecognition", "DeleteRecognition", self._delete),
            Endpoint("POST", "/speech/stt/v2/longRunningRecognize", "LongRunningRecognize", self._submit_v2),
            Endpoint("GET POST", "/operations/{operation_id}:cancel", "Cancel", self._cancel),
            Endpoint("GET", "/operations/{operation_id}", "Get", self._operation),
            Endpoint("GET", "/endpoints", "List", self._list_endpoints, is_open=True),
            Endpoint("GET", "/endpoints/{service}", "GetEndpoint", self._find_endpoint, is_open=True),
        ]

    def app(self) -> ASGIApp:
        """The ASGI application."""
        routes = [self._route(endpoint) for endpoint in self.endpoints()]
        app = Starlette(routes=routes, exception_handlers={HTTPException: no_such_route})
        app.router.redirect_slashes = False
        return _RequestIds(app)

    async def respond(self, endpoint: Endpoint, request: Request) -> Response:
        """Answer a request that has valid credentials."""
        return await endpoint.answer(request)

    def _route(self, endpoint: Endpoint) -> Route:
        async def handle(request: Request) -> Response:
            try:
                self._check_host(request)
                if not endpoint.is_open:
                    self._authenticator.check(request.headers)
                return await self.respond(endpoint, request)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody reads it
            except Exception as error:
                return error_response(error, in_stream=endpoint.method in STREAM_METHODS)

        return Route(endpoint.path, handle, methods=endpoint.verbs.split())

    def _check_host(self, request: Request) -> None:
        # A web page can make its own host name resolve to 127.0.0.1 (DNS rebinding), and could then read
        # what this server knows: a server without keys answers only if it is called by a loopback name.
        try:
            host = request.url.hostname or ""
        except ValueError:
            raise invalid_argument(f"the header Host is no address: {request.headers['host']!r}") from None
        if not self._authenticator.is_required and not Address(host, 0).is_loopback:
            raise StatusError(
                Code.PERMISSION_DENIED,
                f"the header Host names {host!r}, and a server without keys is for this machine: 127.0.0.1",
            )

    async def _submit_v3(self, request: Request) -> Response:
        request_id = read_request_id(request.headers)
        parse = partial(parse_message, message=v3.RecognizeFileRequest())
        async with self.bodies.read(request, parse) as message:
            return await _operation(await self._service.recognize_file(message, request_id))

    async def _submit_v2(self, request: Request) -> Response:
        request_id = read_request_id(request.headers)
        empty = v2.LongRunningRecognitionRequest()
        parse = partial(parse_message, message=empty, prepare=accept_text_flags)
        async with self.bodies.read(request, parse) as message:
            self._authenticator.check(request.headers, message.config.folder_id)
            return await _operation(await self._service.long_running_recognize(message, request_id))

    async def _get_recognition(self, request: Request) -> Response:
        lines = json_lines(self._service.get_recognition(_operation_id(request)))
        first = await anext(lines)  # an error here comes before anything is sent, and sets the HTTP status
        return StreamingResponse(_chain(first, lines), media_type="application/json")

    async def _delete(self, request: Request) -> Response:
        await self._service.delete_recognition(_operation_id(request))
        return JSONResponse({})

    async def _operation(self, request: Request) -> Response:
        return await _operation(await self._service.get_operation(request.path_params["operation_id"]))

    async def _cancel(self, request: Request) -> Response:
        return await _operation(await self._service.cancel_operation(request.path_params["operation_id"]))

    async def _list_endpoints(self, request: Request) -> Response:
        return JSONResponse(message_to_json(list_endpoints(request.url.netloc)))

    async def _find_endpoint(self, request: Request) -> Response:
        found = find_endpoint(request.path_params["service"], request.url.netloc)
        return JSONResponse(message_to_json(found))


async def _operation(message: Any) -> Response:
    return JSONResponse(await asyncio.to_thread(operation_to_json, message))


def _operation_id(request: Request) -> str:
    return request.query_params.get("operation_id") or request.query_params.get("operationId") or ""


async def _chain(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for line in rest:
        yield line


class _RequestIds:
    """An ASGI application that adds `x-request-id` and `x-server-trace-id` to the answers of another one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_ids(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                ids = [(name.encode(), value.encode()) for name, value in make_request_ids()]
                message["headers"] = [*message["headers"], *ids]
            await send(message)

        await self._app(scope, receive, send_with_ids)


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: `lifetime` handles signals, for gRPC and REST at once."""
        yield


@asynccontextmanager
async def run_http(
    app: ASGIApp, listener: socket.socket, tls: tuple[Path, Path] | None
) -> AsyncIterator[None]:
    """Answer at a bound socket while the block runs; at its end, open calls get a second to finish."""
    # `error_response` logs calls that fail; what uvicorn would log besides are connections cut on purpose.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    files: dict[str, Any] = {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]} if tls else {}
    config = uvicorn.Config(
        app,
        http=HttpConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        backlog=BACKLOG,
        **files,
    )
    server = _Uvicorn(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
