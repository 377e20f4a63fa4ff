"""The ids by which a support desk finds an answer again, in the headers of each."""

from __future__ import annotations

import uuid
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send


class Traced:
    """An ASGI application whose answers carry `x-request-id` and `x-server-trace-id`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""

        async def traced(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = str(uuid.uuid4())
                headers["x-server-trace-id"] = uuid.uuid4().hex
            await send(message)

        await self._app(scope, receive, traced)
