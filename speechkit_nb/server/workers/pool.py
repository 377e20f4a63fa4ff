"""Worker processes in which engines run, and listeners in them.

pocketsphinx holds the interpreter lock while it decodes: in threads, two channels would take twice as long as
one. A worker is a child process that is called through its standard input and output. It ends when its input
closes, so none is left behind however the server ends. Several listeners share a worker. Channels of files
wait for a slot, one per worker, so that streams do not wait long behind them.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

from ..engines.base import EngineSpec, Hypothesis, ListenRequest
from ..engines.base import Listener as EngineListener
from ..engines.registry import create_engine, fetch_model, find_entry
from ..status import Code, StatusError
from .framing import LENGTH

log = logging.getLogger(__name__)


class Worker:
    """One child process. It answers calls in order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._pending: deque[asyncio.Future[Any]] = deque()
        self._reader = asyncio.create_task(self._read())
        self.n_listeners = 0

    @classmethod
    async def start(cls) -> Worker:
        """Start a process; it loads an engine when a call needs it."""
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", f"{__package__}.process")
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe))

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can be called."""
        return not self._reader.done()

    async def call(self, *call: Any) -> Any:
        """Call a method of `process.EngineHost`: `(name, *arguments)`.

        Raises:
            StatusError: the error of the engine, or INTERNAL if the process ended.
        """
        answer = self._send(call)
        with suppress(OSError):  # the worker is gone: `_read` notices and ends `answer`
            await self._input.drain()
        return await answer

    def notify(self, *call: Any) -> None:
        """Call a method without waiting for its answer."""
        self._send(call).add_done_callback(_ignore)

    def _send(self, call: tuple[Any, ...]) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self.is_alive:
            answer.set_exception(worker_ended_error())
            return answer
        self._pending.append(answer)
        data = pickle.dumps(call)
        self._input.write(LENGTH.pack(len(data)) + data)
        return answer

    @property
    def _input(self) -> asyncio.StreamWriter:
        assert self._process.stdin is not None
        return self._process.stdin

    async def _read(self) -> None:
        output = self._process.stdout
        assert output is not None
        try:
            while True:
                (length,) = LENGTH.unpack(await output.readexactly(LENGTH.size))
                is_error, value = pickle.loads(await output.readexactly(length))
                _resolve(self._pending.popleft(), value, is_error)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            while self._pending:
                _resolve(self._pending.popleft(), worker_ended_error(), is_error=True)

    async def close(self) -> None:
        """End the process by closing its input; kill it if that takes more than half a second."""
        self._input.close()
        try:
            await asyncio.wait_for(self._process.wait(), 0.5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)


def worker_ended_error() -> StatusError:
    """The error of an operation whose worker process ended."""
    return StatusError(
        Code.INTERNAL, "the process of the recognition engine ended unexpectedly; submit again"
    )


def _resolve(answer: asyncio.Future[Any], value: Any, is_error: bool) -> None:
    if answer.done():  # the caller was cancelled
        return
    if is_error:
        answer.set_exception(value)
    else:
        answer.set_result(value)


def _ignore(answer: asyncio.Future[Any]) -> None:
    if not answer.cancelled():
        answer.exception()


class RemoteListener:
    """A listener in a worker process."""

    _numbers = count()

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._number = next(self._numbers)

    async def open(self, spec: EngineSpec, request: ListenRequest) -> None:
        """Make the listener."""
        await self._worker.call("open", self._number, spec, request)

    async def feed(self, pcm: bytes) -> list[Hypothesis]:
        """See `engines.base.Listener`."""
        found: list[Hypothesis] = await self._worker.call("feed", self._number, pcm)
        return found

    async def cut(self) -> list[Hypothesis]:
        """See `engines.base.Listener`."""
        found: list[Hypothesis] = await self._worker.call("cut", self._number)
        return found

    async def finish(self) -> list[Hypothesis]:
        """See `engines.base.Listener`."""
        found: list[Hypothesis] = await self._worker.call("finish", self._number)
        return found

    def close(self) -> None:
        """See `engines.base.Listener`; does not wait."""
        self._worker.notify("close", self._number)


class LocalListener:
    """A listener of an engine that needs no worker process."""

    def __init__(self, listener: EngineListener) -> None:
        self._listener = listener

    async def feed(self, pcm: bytes) -> list[Hypothesis]:
        """See `engines.base.Listener`."""
        return self._listener.feed(pcm)

    async def cut(self) -> list[Hypothesis]:
        """See `engines.base.Listener`."""
        return self._listener.cut()

    async def finish(self) -> list[Hypothesis]:
        """See `engines.base.Listener`."""
        return self._listener.finish()


class Pool:
    """The workers of a server: started when they are needed, kept, and replaced when they end.

    Args:
        size: the largest number of processes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._workers: list[Worker] = []
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(size)

    async def warm_up(self, spec: EngineSpec) -> None:
        """Load an engine before it is needed."""
        if find_entry(spec).own_process:
            await (await self._choose_worker()).call("warm_up", spec)

    @asynccontextmanager
    async def listen(
        self, spec: EngineSpec, request: ListenRequest
    ) -> AsyncIterator[RemoteListener | LocalListener]:
        """A listener, closed when the block ends.

        Raises:
            StatusError: INTERNAL if its process ends; FAILED_PRECONDITION if it has no model.
        """
        if not find_entry(spec).own_process:
            yield LocalListener(create_engine(spec).listen(request))
            return
        await asyncio.to_thread(fetch_model, spec)  # here, since a worker has other listeners to serve
        worker = await self._choose_worker()
        worker.n_listeners += 1
        listener = RemoteListener(worker)
        try:
            await listener.open(spec, request)
            yield listener
        finally:
            worker.n_listeners -= 1
            listener.close()

    @asynccontextmanager
    async def slot(self, spec: EngineSpec) -> AsyncIterator[None]:
        """A slot for a channel of a file, which waits until one is free: one slot per process."""
        if not find_entry(spec).own_process:
            yield
            return
        async with self._slots:
            yield

    async def close(self) -> None:
        """End all processes."""
        await asyncio.gather(*(worker.close() for worker in self._workers))

    async def _choose_worker(self) -> Worker:
        """The worker with the fewest listeners; a new one is started before one is shared."""
        async with self._starting:
            for worker in [worker for worker in self._workers if not worker.is_alive]:
                log.error("worker process %d ended unexpectedly; it is replaced", worker.pid)
                self._workers.remove(worker)
                await worker.close()
            idle = [worker for worker in self._workers if not worker.n_listeners]
            if not idle and len(self._workers) < self._size:
                self._workers.append(await Worker.start())
            return min(self._workers, key=lambda worker: worker.n_listeners)
