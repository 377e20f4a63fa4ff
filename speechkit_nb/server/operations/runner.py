"""Works on the operations of the store: new ones, and those of servers that have died."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import Any

from ...wire import v3
from ..engines.registry import check_engine, parse_engine
from ..recognition.file import recognize
from ..recognition.options import open_recording, read_options
from ..status import StatusError, internal_error
from ..workers.pool import Pool
from . import v2
from .store import Store, Work

log = logging.getLogger(__name__)


class Runner:
    """Runs operations as tasks of the event loop.

    Args:
        store: where operations are kept.
        pool: where engines run.
        heartbeat_seconds: time between two heartbeats.
    """

    def __init__(self, store: Store, pool: Pool, heartbeat_seconds: float) -> None:
        self._store, self._pool = store, pool
        self._heartbeat_seconds = heartbeat_seconds
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, operation_id: str) -> None:
        """Begin to work on an operation that this server owns."""
        task = asyncio.create_task(self._run(operation_id))
        self._tasks[operation_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(operation_id, None))

    def stop(self, operation_id: str) -> None:
        """Stop working on an operation."""
        if task := self._tasks.get(operation_id):
            task.cancel()

    async def close(self) -> None:
        """Stop working on all operations; the store keeps them as they are."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def maintain(self) -> None:
        """Heartbeat loop: renew leases, drop lost operations, adopt orphans."""
        while True:
            try:
                self.maintain_once()
            except sqlite3.OperationalError:
                log.exception(
                    "cannot read or write the data folder; trying again in %.1f s", self._heartbeat_seconds
                )
            await asyncio.sleep(self._heartbeat_seconds)

    def maintain_once(self) -> None:
        """One round of the heartbeat loop."""
        self._store.heartbeat()
        owned = self._store.owned()
        for operation_id in set(self._tasks) - owned:
            self.stop(operation_id)
        self.adopt_orphans()

    def adopt_orphans(self) -> None:
        """Work on running operations that no live server owns."""
        for operation_id in self._store.orphans():
            if self._store.claim(operation_id):
                log.info("adopting operation %s of a server that is gone", operation_id)
                self.start(operation_id)

    async def _run(self, operation_id: str) -> None:
        try:
            messages = await self._make_answer(operation_id)
        except StatusError as error:
            log.warning("operation %s failed: %s", operation_id, error)
            self._store.fail(operation_id, error)
        except Exception as error:
            log.exception("operation %s failed", operation_id)
            self._store.fail(operation_id, internal_error("the local server", error))
        else:
            self._store.finish(operation_id, messages)

    async def _make_answer(self, operation_id: str) -> list[bytes]:
        """The messages of v3, or the single response message of v2."""
        work = self._store.work(operation_id)
        request = v3.RecognizeFileRequest.FromString(work.request)
        messages = await self._recognize(work, request)
        if not operation_id.startswith(v2.ID_PREFIX):
            return messages
        return [v2.build_response(messages, request).SerializeToString()]

    async def _recognize(self, work: Work, request: Any) -> list[bytes]:
        spec = parse_engine(work.engine)
        check_engine(spec)
        options = read_options(request, spec)
        recording = await asyncio.to_thread(open_recording, request, work.audio)
        return await recognize(recording, options, self._pool, work.user_request_id)
