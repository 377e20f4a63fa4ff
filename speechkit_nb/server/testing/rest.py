"""What tests and demonstrations add to the REST API: an IAM endpoint, and failures that only HTTP has."""

from __future__ import annotations

from http.client import responses

from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..api.auth import Authenticator
from ..api.rest import Endpoint, RestApi
from ..api.rest_json import parse_body
from ..operations.service import SpeechService
from ..status import Code, StatusError
from .faults import Faults
from .iam import Issuer

LARGEST_TOKEN_REQUEST = 1 << 16
METADATA_TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"
PAGE = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n"
    "<center><h1>{0}</h1></center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n"
)


class TestingRestApi(RestApi):
    """The REST API with tokens and faults."""

    def __init__(
        self, service: SpeechService, authenticator: Authenticator, faults: Faults, issuer: Issuer
    ) -> None:
        super().__init__(service, authenticator)
        self._faults, self._issuer = faults, issuer

    def endpoints(self) -> list[Endpoint]:
        """One entry per route; the IAM endpoint and the metadata service of a virtual machine are open."""
        return [
            *super().endpoints(),
            Endpoint("POST", "/iam/v1/tokens", "Token", self._token, is_open=True),
            Endpoint("GET", METADATA_TOKEN, "MachineToken", self._machine_token, is_open=True),
        ]

    def app(self) -> ASGIApp:
        """The ASGI application; with the fault `gzip` it compresses answers."""
        return GZipMiddleware(super().app()) if self._faults.gzip else super().app()

    async def respond(self, endpoint: Endpoint, request: Request) -> Response:
        """The answer, or what a fault puts in its place."""
        fault = self._faults.next_rest_fault(endpoint.method)
        if fault is None or fault.kind == "half":
            response = await super().respond(endpoint, request)
            return TruncatedResponse(await _read_all(response)) if fault else response
        if fault.kind == "redirect":
            return RedirectResponse(fault.value)
        status = int(fault.value)
        return HTMLResponse(PAGE.format(f"{status} {responses.get(status, '')}"), status)

    async def _token(self, request: Request) -> Response:
        async with self.bodies.read(request, parse_body, LARGEST_TOKEN_REQUEST) as body:
            return JSONResponse(self._issuer.exchange(body, str(request.url)))

    async def _machine_token(self, request: Request) -> Response:
        if request.headers.get("metadata-flavor") != "Google":
            raise StatusError(Code.PERMISSION_DENIED, "the header Metadata-Flavor: Google is missing")
        return JSONResponse(self._issuer.machine_token())


async def _read_all(response: Response) -> bytes:
    if not isinstance(response, StreamingResponse):
        return bytes(response.body)
    chunks = [chunk async for chunk in response.body_iterator]
    return b"".join(chunk.encode() if isinstance(chunk, str) else bytes(chunk) for chunk in chunks)


class TruncatedResponse(Response):
    """Announces the length of the whole body, sends half of it, and closes the connection."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body, media_type="application/json")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the half; the error makes the HTTP server drop the connection."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        raise ConnectionAbortedError("a fault for tests")
