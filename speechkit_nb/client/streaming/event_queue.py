"""From the thread that receives to whoever asks, blocking or awaiting."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Over(Exception):
    """Nothing more will come."""


class Mailbox(Generic[T]):
    """Items in the order in which they were put, each given out once."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._error: BaseException | None = None
        self._is_closed = False

    def put(self, item: T) -> None:
        """Add an item."""
        with self._changed:
            self._items.append(item)
            self._wake()

    def close(self, error: BaseException | None = None) -> None:
        """Nothing more will come; `error` is raised to whoever asks when all is taken."""
        with self._changed:
            if not self._is_closed:
                self._is_closed, self._error = True, error
            self._wake()

    def get(self) -> T:
        """The next item; waits for it. Raises `Over`, or the error it was closed with."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._is_closed)
            return self._take()

    async def aget(self) -> T:
        """As `get`, without blocking the event loop."""
        loop = asyncio.get_running_loop()
        while True:
            with self._changed:
                if self._items or self._is_closed:
                    return self._take()
                waiter = (loop, loop.create_future())
                self._waiting.append(waiter)
            try:
                await waiter[1]
            finally:
                with self._changed, suppress(ValueError):
                    self._waiting.remove(waiter)

    def _take(self) -> T:
        if self._items:
            return self._items.popleft()
        raise self._error or Over

    def _wake(self) -> None:
        self._changed.notify_all()
        for loop, future in self._waiting:
            with suppress(RuntimeError):  # its loop is closed
                loop.call_soon_threadsafe(_settle, future)


def _settle(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(None)
