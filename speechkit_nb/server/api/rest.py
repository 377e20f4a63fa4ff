"""The service over REST: routes, JSON bodies, and refusals as HTTP statuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from ...wire import message_to_json, operation_to_json, v2, v3
from ..operations.service import SpeechService
from ..ports import Address
from ..status import Code, Refusal
from ..testing.faults import Faults
from ..testing.iam import Issuer
from ..testing.rest_faults import spoil
from . import discovery
from .auth import Gate
from .request_ids import Traced
from .rest_json import lines, loosened, message_of, no_such_route, parsed, read_body, refused

METADATA_TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"
Answer = Callable[[Request], Awaitable[Response]]
IN_STREAM = ("GetRecognition",)
"""Methods that answer with a stream, whose errors have a form of their own."""


class RestApi:
    """The routes and what they call.

    Args:
        service: answers the calls.
        gate: checks credentials.
        issuer: gives out tokens.
        faults: failures that were asked for.
    """

    def __init__(self, service: SpeechService, gate: Gate, issuer: Issuer, faults: Faults) -> None:
        self._service, self._gate, self._issuer, self._faults = service, gate, issuer, faults

    def app(self) -> ASGIApp:
        """The ASGI application."""
        get, post, both = ["GET"], ["POST"], ["GET", "POST"]
        routes = [
            self._route("/stt/v3/recognizeFileAsync", post, "RecognizeFile", self._recognize_file),
            self._route("/stt/v3/getRecognition", get, "GetRecognition", self._get_recognition),
            self._route("/stt/v3/deleteRecognition", ["DELETE"], "DeleteRecognition", self._delete),
            self._route(
                "/speech/stt/v2/longRunningRecognize", post, "LongRunningRecognize", self._recognize_v2
            ),
            self._route("/operations/{operation_id}:cancel", both, "Cancel", self._cancel),
            self._route("/operations/{operation_id}", get, "Get", self._operation),
            self._route("/endpoints", get, "List", self._endpoints, is_open=True),
            self._route("/endpoints/{service}", get, "GetEndpoint", self._endpoint, is_open=True),
            self._route("/iam/v1/tokens", post, "Token", self._token, is_open=True),
            self._route(METADATA_TOKEN, get, "MachineToken", self._machine_token, is_open=True),
        ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: no_such_route})
        app.router.redirect_slashes = False
        return Traced(GZipMiddleware(app) if self._faults.gzip else app)

    def _route(
        self, path: str, verbs: list[str], method: str, answer: Answer, *, is_open: bool = False
    ) -> Route:
        """A route; `is_open` ones need no credentials."""

        async def endpoint(request: Request) -> Response:
            try:
                self._refuse_strangers(request)
                if not is_open:
                    self._gate.check(request.headers)
                if spoiled := self._faults.spoils(method):
                    return await spoil(spoiled, lambda: answer(request))
                return await answer(request)
            except Exception as error:
                return refused(error, in_stream=method in IN_STREAM)

        return Route(path, endpoint, methods=verbs)

    def _refuse_strangers(self, request: Request) -> None:
        """A web page whose own name was made to lead here could else read what the server knows."""
        host = request.url.hostname or ""
        if not self._gate.closed and not Address(host, 0).is_loopback:
            raise Refusal(
                Code.PERMISSION_DENIED,
                f"the header Host names {host!r}, and a server without keys is for this machine: 127.0.0.1",
            )

    async def _recognize_file(self, request: Request) -> Response:
        asked = await asyncio.to_thread(message_of, await read_body(request), v3.RecognizeFileRequest())
        return await _operation(await self._service.recognize_file(asked, _client_request_id(request)))

    async def _recognize_v2(self, request: Request) -> Response:
        body = await read_body(request)
        asked = await asyncio.to_thread(message_of, body, v2.LongRunningRecognitionRequest(), loosened)
        self._gate.check(request.headers, asked.config.folder_id)
        started = await self._service.long_running_recognize(asked, _client_request_id(request))
        return await _operation(started)

    async def _get_recognition(self, request: Request) -> Response:
        found = lines(self._service.get_recognition(_operation_id(request)))
        first = await anext(found)  # a refusal comes before anything is sent, and gets its own status
        return StreamingResponse(_chain(first, found), media_type="application/json")

    async def _delete(self, request: Request) -> Response:
        await self._service.delete_recognition(_operation_id(request))
        return JSONResponse({})

    async def _operation(self, request: Request) -> Response:
        return await _operation(await self._service.get_operation(request.path_params["operation_id"]))

    async def _cancel(self, request: Request) -> Response:
        return await _operation(await self._service.cancel_operation(request.path_params["operation_id"]))

    async def _endpoints(self, request: Request) -> Response:
        return JSONResponse(message_to_json(discovery.list_all(request.url.netloc)))

    async def _endpoint(self, request: Request) -> Response:
        found = discovery.get(request.path_params["service"], request.url.netloc)
        return JSONResponse(message_to_json(found))

    async def _token(self, request: Request) -> Response:
        body = parsed(await read_body(request))
        return JSONResponse(self._issuer.exchange(body, str(request.url)))

    async def _machine_token(self, request: Request) -> Response:
        if request.headers.get("metadata-flavor") != "Google":
            raise Refusal(Code.PERMISSION_DENIED, "the header Metadata-Flavor: Google is missing")
        return JSONResponse(self._issuer.machine_token())


async def _operation(message: Any) -> Response:
    return JSONResponse(await asyncio.to_thread(operation_to_json, message))


def _operation_id(request: Request) -> str:
    return request.query_params.get("operation_id") or request.query_params.get("operationId") or ""


def _client_request_id(request: Request) -> str:
    return request.headers.get("x-client-request-id", "")


async def _chain(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for line in rest:
        yield line
