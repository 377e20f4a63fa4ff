"""Failures that only HTTP has: a proxy's page, another place, a body that breaks off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http.client import responses

from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from .faults import Spoiled

PAGE = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n"
    "<center><h1>{0}</h1></center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n"
)


async def spoil(fault: Spoiled, answer: Callable[[], Awaitable[Response]]) -> Response:
    """What a call meets in the place of its answer; only a body that breaks off needs one."""
    if fault.kind == "html":
        status = int(fault.value)
        return HTMLResponse(PAGE.format(f"{status} {responses.get(status, '')}"), status)
    if fault.kind == "redirect":
        return RedirectResponse(fault.value)
    return _Half(await _whole(await answer()))


async def _whole(response: Response) -> bytes:
    if not isinstance(response, StreamingResponse):
        return bytes(response.body)
    pieces = [piece async for piece in response.body_iterator]
    return b"".join(piece.encode() if isinstance(piece, str) else bytes(piece) for piece in pieces)


class _Half(Response):
    """Announces a whole body, sends half of it, and hangs up."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body, media_type="application/json")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        raise ConnectionAbortedError("a fault that was asked for")
