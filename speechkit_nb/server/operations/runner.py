"""Works on the operations of the store: new ones, and those of servers that have died."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from ...text_options import TextApi
from ...wire import v3
from ..engines.registry import check_engine, parse_engine
from ..recognition.file import recognize
from ..recognition.options import open_recording, read_options
from ..status import Code, StatusError, internal_error, release_memory
from ..workers.pool import Pool
from . import v2
from .store import Store, Work
from .store_threads import StoreThreads

log = logging.getLogger(__name__)
MOST_OPERATIONS = 5000
"""Operations that may wait or run at a time."""
LARGEST_AUDIO = 64 << 20
"""Bytes of stored audio that may be in memory at a time; other operations wait."""
Outcome = TypeVar("Outcome")


class Runner:
    """Runs operations as tasks of the event loop.

    Args:
        store: where operations are kept.
        pool: where engines run.
        heartbeat_seconds: time between two heartbeats.
    """

    def __init__(self, store: StoreThreads, pool: Pool, heartbeat_seconds: float) -> None:
        self._store, self._pool = store, pool
        self._heartbeat_seconds = heartbeat_seconds
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._free_bytes, self._has_free_bytes = LARGEST_AUDIO, asyncio.Condition()

    def check_room(self) -> None:
        """Raise RESOURCE_EXHAUSTED if no operation can be added now."""
        if len(self._tasks) >= MOST_OPERATIONS:
            raise StatusError(
                Code.RESOURCE_EXHAUSTED,
                f"the local server already has {MOST_OPERATIONS} operations to work on; submit more later",
            )

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
        is_failing = False
        while True:
            try:
                await self.maintain_once()
                is_failing = False
            except StatusError as error:
                if not is_failing:  # a full log would not help a full disk
                    log.error("%s; trying again every %.1f s", error, self._heartbeat_seconds)
                is_failing = True
            await asyncio.sleep(self._heartbeat_seconds)

    async def maintain_once(self) -> None:
        """One round of the heartbeat loop."""
        await self._store.write(Store.heartbeat)
        known = set(self._tasks)  # before reading: an operation that is new by then must not be stopped
        for operation_id in known - await self._store.read(Store.owned):
            self.stop(operation_id)
        await self.adopt_orphans()

    async def adopt_orphans(self) -> None:
        """Work on running operations that no live server owns."""
        for operation_id in await self._store.read(Store.orphans):
            if await self._store.write(Store.claim, operation_id):
                log.info("adopting operation %s of a server that is gone", operation_id)
                self.start(operation_id)

    async def _run(self, operation_id: str) -> None:
        try:
            await self._end(Store.finish, operation_id, await self._make_answer(operation_id))
        except StatusError as error:
            log.warning("operation %s failed: %s", operation_id, error)
            release_memory(error)
            await self._end(Store.fail, operation_id, error)
        except Exception as error:
            log.exception("operation %s failed", operation_id)
            await self._end(Store.fail, operation_id, internal_error("the local server", error))

    async def _end(
        self, end: Callable[[Store, str, Outcome], bool], operation_id: str, outcome: Outcome
    ) -> None:
        """Store how an operation ended. While that is not possible, as with a full disk, try again."""
        is_failing = False
        while True:
            try:
                await self._store.write(end, operation_id, outcome)
                return
            except StatusError as error:
                if not is_failing:
                    log.error("operation %s has ended: %s; trying again", operation_id, error)
                is_failing = True
                await asyncio.sleep(self._heartbeat_seconds)

    async def _make_answer(self, operation_id: str) -> list[bytes]:
        """The messages of v3, or the single response message of v2."""
        async with self._reserve(await self._store.read(Store.audio_size, operation_id)):
            work = await self._store.read(Store.work, operation_id)
            request = v3.RecognizeFileRequest.FromString(work.request)
            is_v2 = operation_id.startswith(v2.ID_PREFIX)
            messages = await self._recognize(work, request, "v2" if is_v2 else "v3")
        if not is_v2:
            return messages
        return [v2.build_response(messages, request).SerializeToString()]

    @asynccontextmanager
    async def _reserve(self, n_bytes: int) -> AsyncIterator[None]:
        """Wait until so much audio may be in memory, for as long as the block runs."""
        n_bytes = min(n_bytes, LARGEST_AUDIO)
        async with self._has_free_bytes:
            await self._has_free_bytes.wait_for(lambda: self._free_bytes >= n_bytes)
            self._free_bytes -= n_bytes
        try:
            yield
        finally:
            self._free_bytes += n_bytes
            async with self._has_free_bytes:
                self._has_free_bytes.notify_all()

    async def _recognize(self, work: Work, request: Any, api: TextApi) -> list[bytes]:
        spec = parse_engine(work.engine)
        check_engine(spec)
        options = read_options(request, spec, api)
        recording = await asyncio.to_thread(open_recording, request, work.audio)
        return await recognize(recording, options, self._pool, work.user_request_id)
