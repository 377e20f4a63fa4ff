"""One HTTP connection, with limits on time and number that uvicorn does not have."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
MOST_CONNECTIONS = 200


class HttpConnection(H11Protocol):
    """A connection that is closed if it sends no complete request, or if there are too many others.

    A client that opens many connections and sends little would otherwise lock out all others. So a connection
    must send the head of a request within ten seconds, and if there are too many, the one is closed that has
    been silent longest; one that waits for the answer to a whole request only if all do.
    """

    _timer: asyncio.TimerHandle | None = None
    _active_at = 0.0

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) > MOST_CONNECTIONS:
            others = (c for c in self.connections if isinstance(c, HttpConnection))
            min(others, key=lambda c: (c._waits_for_answer, c._active_at)).transport.abort()

    @property
    def _waits_for_answer(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._active_at = self.loop.time()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Called by uvicorn after each answer."""
        super().on_response_complete()
        self._wait_for_head()

    def _wait_for_head(self) -> None:
        self._active_at = self.loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._close_without_request)

    def _close_without_request(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
