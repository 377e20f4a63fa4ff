"""Works on the operations of the store: those that come in, and those that another server left behind."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import Any

from ...wire import v3
from .. import engines
from ..recognition.file import recognize
from ..recognition.options import open_recording, read_options
from ..status import Refusal, internal
from ..workers.pool import Pool
from . import v2
from .store import Store, Work

log = logging.getLogger(__name__)


class Runner:
    """Runs operations as tasks of the event loop.

    Args:
        store: where operations are kept.
        pool: where engines run.
        beat: seconds between two signs of life.
        idle: if True nothing is ever worked on.
    """

    def __init__(self, store: Store, pool: Pool, beat: float, idle: bool = False) -> None:
        self._store, self._pool = store, pool
        self._beat, self._idle = beat, idle
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, operation_id: str) -> None:
        """Begins to work on an operation that this server owns."""
        if self._idle:
            return
        task = asyncio.create_task(self._run(operation_id))
        self._tasks[operation_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(operation_id, None))

    def stop(self, operation_id: str) -> None:
        """Stops working on an operation."""
        if task := self._tasks.get(operation_id):
            task.cancel()

    async def close(self) -> None:
        """Stops working on everything; the operations stay as they are in the store."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def tend(self) -> None:
        """For ever: gives signs of life, drops what is not ours any more, takes up what was left behind."""
        while True:
            try:
                self.tend_once()
            except sqlite3.OperationalError:
                log.exception(
                    "the data folder could not be read or written; trying again in %.1f s", self._beat
                )
            await asyncio.sleep(self._beat)

    def tend_once(self) -> None:
        """One round of `tend`."""
        self._store.beat()
        owned = self._store.owned()
        for operation_id in set(self._tasks) - owned:
            self.stop(operation_id)
        for operation_id in [] if self._idle else self._store.orphans():
            if self._store.claim(operation_id):
                log.info("taking up operation %s, which another server left behind", operation_id)
                self.start(operation_id)

    async def _run(self, operation_id: str) -> None:
        try:
            messages = await self._answer(operation_id)
        except Refusal as refusal:
            log.warning("operation %s failed: %s", operation_id, refusal)
            self._store.fail(operation_id, refusal)
        except Exception as error:
            log.exception("operation %s failed", operation_id)
            self._store.fail(operation_id, internal("the local server", error))
        else:
            self._store.finish(operation_id, messages)

    async def _answer(self, operation_id: str) -> list[bytes]:
        """The messages of v3, or the one message that is the response of v2."""
        work = self._store.work(operation_id)
        request = v3.RecognizeFileRequest.FromString(work.request)
        messages = await self._recognize(work, request)
        if not operation_id.startswith(v2.ID_PREFIX):
            return messages
        return [v2.response(messages, request).SerializeToString()]

    async def _recognize(self, work: Work, request: Any) -> list[bytes]:
        spec = engines.parse(work.engine)
        engines.check(spec)
        options = read_options(request, spec)
        recording = await asyncio.to_thread(open_recording, request, work.audio)
        return await recognize(recording, options, self._pool, work.user_request_id)
