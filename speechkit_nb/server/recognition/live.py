"""One REAL_TIME session: sound comes in, and events go out while it does.

Three tasks share it. One takes what the client sends, one hands it to the listener and writes what was heard,
one gives signs of life. What the listener is behind with is handed to it in larger pieces.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..engines.base import SAMPLE_RATE, Hearing, Hypothesis, Word
from ..workers.pool import Pool
from .analysis import analyses
from .decoder import Resampler, Samples, mono
from .events import EventWriter, Final
from .file import refined
from .options import Options

AT_ONCE = SAMPLE_RATE * 2  # bytes: a second
AHEAD_MS = 3000
"""Sound may come this much faster than it is spoken before the client is warned."""


@dataclass(frozen=True)
class Sounding:
    """Sound of a session: shape (n_samples, n_channels), rate in Hz; `received_ms` counts it in."""

    samples: Samples
    sample_rate: int
    received_ms: int
    notice: str = ""


@dataclass(frozen=True)
class Eou:
    """The client says that an utterance ends here."""

    at_ms: int


Item = Sounding | Eou


class LiveSession:
    """Answers one session.

    Args:
        options: how to recognize.
        writer: of its events.
        status_seconds: between two signs of life.
        external: whether the client says where utterances end.
        pause_ms: silence that ends one if it does not.
        clock: seconds.
    """

    def __init__(
        self,
        options: Options,
        writer: EventWriter,
        status_seconds: float,
        external: bool,
        pause_ms: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options, self._writer = options, writer
        self._status_seconds, self._external, self._pause_ms = status_seconds, external, pause_ms
        self._clock, self._began = clock, clock()
        self._out: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self._waiting: deque[bytes | Eou | None] = deque()
        self._news = asyncio.Event()
        self._received_ms = self._processed = 0
        self._held: tuple[Word, ...] = ()  # heard, and waiting for the client to end the utterance
        self._is_warned = False
        self._finals: list[Final] = []  # for the statistics

    async def events(self, items: AsyncIterator[Item], pool: Pool) -> AsyncIterator[bytes]:
        """The messages of the session, until it is over."""
        work = (self._receive(items), self._listen(pool), self._keep_alive())
        tasks = [asyncio.create_task(self._guarded(each)) for each in work]
        try:
            while (message := await self._out.get()) is not None:
                if isinstance(message, Exception):
                    raise message
                yield message
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:
            self._out.put_nowait(error)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._status_seconds)
            self._out.put_nowait(self._writer.status("WORKING"))

    async def _receive(self, items: AsyncIterator[Item]) -> None:
        resampler = None
        async for item in items:
            if isinstance(item, Eou):
                self._hand_on(item)
                continue
            if item.sample_rate and resampler is None:
                resampler = Resampler(item.sample_rate)
            self._note(item)
            if resampler and len(item.samples):
                self._hand_on(resampler.feed(mono(item.samples)))
        if resampler:
            self._hand_on(resampler.end())
        self._hand_on(None)

    def _note(self, item: Sounding) -> None:
        """Counts sound in, and warns of what is odd about it."""
        self._received_ms = item.received_ms
        self._writer.receive(item.received_ms)
        if item.notice:
            self._out.put_nowait(self._writer.status("WARNING", item.notice))
        ahead_ms = item.received_ms - (self._clock() - self._began) * 1000
        if ahead_ms > AHEAD_MS and not self._is_warned:
            self._is_warned = True
            self._out.put_nowait(self._writer.status("WARNING", "the audio is not sent in real time"))

    def _hand_on(self, item: bytes | Eou | None) -> None:
        self._waiting.append(item)
        self._news.set()

    async def _next(self) -> bytes | Eou | None:
        """What the listener has to hear next; up to a second of sound if there is that much."""
        await asyncio.sleep(0)  # a listener without a process of its own would not let others speak
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        item = self._waiting.popleft()
        if not isinstance(item, bytes):
            return item
        pieces, size = [item], len(item)
        while self._waiting and isinstance(more := self._waiting[0], bytes) and size < AT_ONCE:
            pieces.append(more)
            size += len(more)
            self._waiting.popleft()
        return b"".join(pieces)

    async def _listen(self, pool: Pool) -> None:
        hearing = Hearing(partials=True, pause_ms=self._pause_ms, language=self._options.language)
        async with pool.listen(self._options.engine, hearing) as listener:
            while (item := await self._next()) is not None:
                if isinstance(item, Eou):
                    self._hear(await listener.cut())
                    self._end_held(item.at_ms)
                else:
                    heard = await listener.feed(item) if item else []
                    self._processed += len(item) // 2
                    self._hear(heard)
            self._hear(await listener.finish())
        if self._held:
            self._end_held(self._received_ms)
        for channel, event in self._analyses():
            self._out.put_nowait(self._writer.analysis(channel, event))
        self._out.put_nowait(self._writer.status("CLOSED"))
        self._out.put_nowait(None)

    @property
    def _processed_ms(self) -> int:
        return min(self._processed * 1000 // SAMPLE_RATE, self._received_ms)

    def _hear(self, heard: list[Hypothesis]) -> None:
        for hypothesis in heard:
            if hypothesis.kind == "partial":
                words = self._held + hypothesis.words
                self._out.put_nowait(self._writer.partial(0, words, self._processed_ms))
            elif self._external:
                self._held += hypothesis.words
            else:
                self._end(hypothesis.words, hypothesis.end_ms)

    def _end_held(self, at_ms: int) -> None:
        words, self._held = self._held, ()
        self._end(words, at_ms)

    def _end(self, words: tuple[Word, ...], end_ms: int) -> None:
        """An utterance is over: final, refinement unless it is empty, end of utterance."""
        end_ms = max(min(end_ms, self._received_ms), self._writer.final_ms)
        within = tuple(word._replace(end_ms=min(word.end_ms, end_ms)) for word in words)
        final = Final(0, within, self._writer.final_ms, end_ms)
        self._out.put_nowait(self._writer.final(final))
        if words:
            self._out.put_nowait(self._writer.refinement(final, refined(final.text, self._options)))
        self._out.put_nowait(self._writer.eou(final))
        if self._options.analysis:
            self._finals.append(final)

    def _analyses(self) -> Iterable[tuple[int, dict[str, Any]]]:
        """The statistics of the whole session, if they were asked for."""
        asked = self._options.analysis
        return analyses(self._finals, 1, self._received_ms, asked) if asked else ()
