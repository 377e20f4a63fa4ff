"""The ids by which a support desk finds an answer again, in the headers or metadata of each."""

from __future__ import annotations

import uuid
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # only the REST door needs the package
    from starlette.types import ASGIApp, Receive, Scope, Send


def new_ids() -> tuple[tuple[str, str], ...]:
    """Names and values for one answer."""
    return ("x-request-id", str(uuid.uuid4())), ("x-server-trace-id", uuid.uuid4().hex)


class Traced:
    """An ASGI application whose answers carry `x-request-id` and `x-server-trace-id`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""

        async def traced(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                ids = [(name.encode(), value.encode()) for name, value in new_ids()]
                message["headers"] = [*message["headers"], *ids]
            await send(message)

        await self._app(scope, receive, traced)
