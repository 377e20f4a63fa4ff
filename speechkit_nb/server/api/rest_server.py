"""HTTP in the event loop of the server."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from ..ports import BACKLOG

STOP_SECONDS = 1


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are heard in `lifetime`, for all doors at once."""
        yield


@asynccontextmanager
async def serving(app: Any, listener: socket.socket, tls: tuple[Path, Path] | None) -> AsyncIterator[None]:
    """Answers at a bound socket while the block runs; at its end, calls get a moment to end."""
    # Calls that fail are logged by `rest_api`; what is left are connections cut on purpose.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    files = {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]} if tls else {}
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        backlog=BACKLOG,
        **files,  # type: ignore[arg-type]
    )
    server = _Uvicorn(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
