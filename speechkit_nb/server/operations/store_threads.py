"""Calls the store in threads, so that a slow disk or a locked file does not stop the server."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from ..status import Code, StatusError
from .store import Store

log = logging.getLogger(__name__)
P = ParamSpec("P")
Result = TypeVar("Result")


class StoreThreads:
    """One thread that writes, and one that reads if the store allows it. Closing this closes the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._reader = ThreadPoolExecutor(1, "store-reader") if store.is_shared else self._writer

    async def read(
        self, call: Callable[Concatenate[Store, P], Result], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """The result of a method of the store that only reads.

        Raises:
            StatusError: the one of the method, or UNAVAILABLE if the file cannot be read.
        """
        return await self._run(self._reader, lambda: call(self._store, *args, **kwargs))

    async def write(
        self, call: Callable[Concatenate[Store, P], Result], *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """The result of a method of the store that may write. A cancelled call is made all the same.

        Raises:
            StatusError: the one of the method, or UNAVAILABLE if nothing could be written: the disk is full,
                or another process has locked the file.
        """
        return await self._run(self._writer, lambda: call(self._store, *args, **kwargs))

    async def _run(self, executor: ThreadPoolExecutor, call: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, call)
        except sqlite3.OperationalError as error:
            raise StatusError(
                Code.UNAVAILABLE, f"the local server cannot read or write its operations now: {error}"
            ) from error

    async def close(self) -> None:
        """Finish the calls that have begun, and close the store."""
        try:
            await self._run(self._reader, lambda: None)
            await self._run(self._writer, self._store.close)
        except StatusError as error:
            log.warning("%s; another server can take over the operations only when the lease ends", error)
        self._reader.shutdown()
        self._writer.shutdown()
