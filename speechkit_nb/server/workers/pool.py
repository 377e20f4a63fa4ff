"""Processes in which engines run, and listeners that live in them.

pocketsphinx holds the interpreter lock while it decodes: in threads, two channels take twice the time of one.
A worker is a child process, spoken to through its standard input and output; it ends when its input closes,
so none is left behind however the server ends. Several listeners share a worker. Files take turns (`seat`),
a seat a worker, so that live listeners beside them are not kept waiting for long.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import struct
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

from .. import engines
from ..engines.base import EngineSpec, Hearing, Hypothesis
from ..engines.base import Listener as EngineListener
from ..status import Code, Refusal

log = logging.getLogger(__name__)
LENGTH = struct.Struct("<I")


class Worker:
    """One child process. Answers come in the order of the questions."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._reader = asyncio.create_task(self._read())
        self.n_listeners = 0

    @classmethod
    async def start(cls) -> Worker:
        """Starts a process; it loads an engine only when one is asked for."""
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", f"{__package__}.process")
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe))

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return not self._reader.done()

    async def ask(self, *question: Any) -> Any:
        """Calls the worker: `(name, *arguments)` of a method of `worker_process.Desk`.

        Raises:
            Refusal: as raised by the engine, or INTERNAL if the process died.
        """
        answer = self._send(question)
        with suppress(OSError):  # the reader notices, and ends `answer`
            await self._input.drain()
        return await answer

    def tell(self, *question: Any) -> None:
        """Calls the worker without waiting for an answer."""
        self._send(question).add_done_callback(_ignore)

    def _send(self, question: tuple[Any, ...]) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self.alive:
            answer.set_exception(died())
            return answer
        self._waiting.append(answer)
        data = pickle.dumps(question)
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
                _settle(self._waiting.popleft(), value, is_error)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            while self._waiting:
                _settle(self._waiting.popleft(), died(), is_error=True)

    async def close(self) -> None:
        """Ends the process: it is asked by closing its input, and made to if it is slow."""
        self._input.close()
        try:
            await asyncio.wait_for(self._process.wait(), 0.5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)


def died() -> Refusal:
    """What an operation fails with whose worker is gone."""
    return Refusal(Code.INTERNAL, "the process of the recognition engine ended unexpectedly; submit again")


def _settle(answer: asyncio.Future[Any], value: Any, is_error: bool) -> None:
    if answer.done():  # nobody waits any more
        return
    if is_error:
        answer.set_exception(value)
    else:
        answer.set_result(value)


def _ignore(answer: asyncio.Future[Any]) -> None:
    if not answer.cancelled():
        answer.exception()


class RemoteListener:
    """A listener of an engine in a worker."""

    _numbers = count()

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._number = next(self._numbers)

    async def open(self, spec: EngineSpec, hearing: Hearing) -> None:
        """Makes the listener."""
        await self._worker.ask("open", self._number, spec, hearing)

    async def feed(self, pcm: bytes) -> list[Hypothesis]:
        """As `engines.base.Listener.feed`."""
        heard: list[Hypothesis] = await self._worker.ask("feed", self._number, pcm)
        return heard

    async def cut(self) -> list[Hypothesis]:
        """As `engines.base.Listener.cut`."""
        heard: list[Hypothesis] = await self._worker.ask("cut", self._number)
        return heard

    async def finish(self) -> list[Hypothesis]:
        """As `engines.base.Listener.finish`."""
        heard: list[Hypothesis] = await self._worker.ask("finish", self._number)
        return heard

    def close(self) -> None:
        """As `engines.base.Listener.close`; does not wait."""
        self._worker.tell("close", self._number)


class LocalListener:
    """A listener of an engine that needs no process of its own."""

    def __init__(self, listener: EngineListener) -> None:
        self._listener = listener

    async def feed(self, pcm: bytes) -> list[Hypothesis]:
        """As `engines.base.Listener.feed`."""
        return self._listener.feed(pcm)

    async def cut(self) -> list[Hypothesis]:
        """As `engines.base.Listener.cut`."""
        return self._listener.cut()

    async def finish(self) -> list[Hypothesis]:
        """As `engines.base.Listener.finish`."""
        return self._listener.finish()


class Pool:
    """The workers of a server, started when they are needed, kept warm, replaced when they die.

    Args:
        size: how many processes at most.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._workers: list[Worker] = []
        self._starting = asyncio.Lock()
        self._seats = asyncio.Semaphore(size)

    async def warm_up(self, spec: EngineSpec) -> None:
        """Loads an engine before it is needed."""
        if engines.entry(spec).own_process:
            await (await self._pick()).ask("warm_up", spec)

    @asynccontextmanager
    async def listen(
        self, spec: EngineSpec, hearing: Hearing
    ) -> AsyncIterator[RemoteListener | LocalListener]:
        """A listener; it is closed at the end.

        Raises:
            Refusal: INTERNAL if its process dies.
        """
        if not engines.entry(spec).own_process:
            yield LocalListener(engines.create(spec).listen(hearing))
            return
        worker = await self._pick()
        worker.n_listeners += 1
        listener = RemoteListener(worker)
        try:
            await listener.open(spec, hearing)
            yield listener
        finally:
            worker.n_listeners -= 1
            listener.close()

    @asynccontextmanager
    async def seat(self, spec: EngineSpec) -> AsyncIterator[None]:
        """A turn for a channel of a file: there are as many as processes."""
        if not engines.entry(spec).own_process:
            yield
            return
        async with self._seats:
            yield

    async def close(self) -> None:
        """Ends all processes."""
        await asyncio.gather(*(worker.close() for worker in self._workers))

    async def _pick(self) -> Worker:
        """The worker with the fewest listeners; a new one before one is shared."""
        async with self._starting:
            for worker in [worker for worker in self._workers if not worker.alive]:
                log.error("worker process %d ended unexpectedly; it is replaced", worker.pid)
                self._workers.remove(worker)
                await worker.close()
            idle = [worker for worker in self._workers if not worker.n_listeners]
            if not idle and len(self._workers) < self._size:
                self._workers.append(await Worker.start())
            return min(self._workers, key=lambda worker: worker.n_listeners)
