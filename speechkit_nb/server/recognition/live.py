"""One REAL_TIME session: events are sent while audio comes in.

It has four tasks: one receives audio, one feeds the listener and writes events, one sends status messages,
and one loads the grammar of refinements.
If the listener is slower than the audio, it gets larger pieces.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass

from ..engines.base import SAMPLE_RATE, Hypothesis, LanguageEstimate, ListenRequest, Word
from ..workers.pool import Pool
from .analysis import compute_analyses
from .decoder import Resampler, Samples, take_channel
from .events import EventWriter, Final
from .options import Options
from .refinement import explain_refinement, refine

LARGEST_PIECE = SAMPLE_RATE * 2  # bytes: one second
AHEAD_MS = 3000
"""If audio comes this much earlier than real time, the client gets a warning."""


@dataclass(frozen=True)
class StreamAudio:
    """Audio of a session: shape (n_samples, n_channels), rate in Hz. `received_ms` includes these samples."""

    samples: Samples
    sample_rate: int
    received_ms: int
    warning: str = ""


@dataclass(frozen=True)
class EndOfUtterance:
    """The client ends the utterance here."""

    at_ms: int


StreamItem = StreamAudio | EndOfUtterance


class LiveSession:
    """Answers one session.

    Args:
        options: how to recognize.
        writer: writes the events.
        status_seconds: time between two status messages.
        external: whether the client decides where utterances end.
        pause_ms: otherwise, the silence that ends an utterance.
        clock: returns seconds.
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
        self._messages: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self._queue: deque[bytes | EndOfUtterance | None] = deque()
        self._has_items = asyncio.Event()
        self._received_ms = self._processed = 0
        self._open_words: tuple[Word, ...] = ()  # recognized; the client has not ended the utterance yet
        self._languages: tuple[LanguageEstimate, ...] = ()  # of the newest hypothesis
        self._is_warned = False
        self._explained = {""}
        self._finals: list[Final] = []  # for the statistics

    async def events(self, items: AsyncIterator[StreamItem], pool: Pool) -> AsyncGenerator[bytes]:
        """The messages of the session, until it ends."""
        if self._options.warning:
            self._messages.put_nowait(self._writer.status("WARNING", self._options.warning))
        work = (self._receive(items), self._listen(pool), self._keep_alive(), self._load_grammar())
        tasks = [asyncio.create_task(self._report_errors(each)) for each in work]
        try:
            while (message := await self._messages.get()) is not None:
                if isinstance(message, Exception):
                    raise message
                yield message
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _report_errors(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:
            self._messages.put_nowait(error)

    async def _load_grammar(self) -> None:
        """Load what refinements need, in a thread: with the first refinement it would stop all sessions."""
        await asyncio.to_thread(refine, (Word("", 0, 0),), self._options)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._status_seconds)
            self._messages.put_nowait(self._writer.status("WORKING"))

    async def _receive(self, items: AsyncIterator[StreamItem]) -> None:
        resampler = None
        async for item in items:
            if isinstance(item, EndOfUtterance):
                self._enqueue(item)
                continue
            if item.sample_rate and resampler is None:
                resampler = Resampler(item.sample_rate)
            self._count(item)
            if resampler and len(item.samples):
                # a message may hold minutes of audio
                self._enqueue(await asyncio.to_thread(resampler.feed, take_channel(item.samples)))
        if resampler:
            self._enqueue(resampler.end())
        self._enqueue(None)

    def _count(self, item: StreamAudio) -> None:
        """Update how much audio was received, and warn about its format or speed."""
        self._received_ms = item.received_ms
        self._writer.receive(item.received_ms)
        if item.warning:
            self._messages.put_nowait(self._writer.status("WARNING", item.warning))
        ahead_ms = item.received_ms - (self._clock() - self._began) * 1000
        if ahead_ms > AHEAD_MS and not self._is_warned:
            self._is_warned = True
            self._messages.put_nowait(self._writer.status("WARNING", "the audio is not sent in real time"))

    def _enqueue(self, item: bytes | EndOfUtterance | None) -> None:
        self._queue.append(item)
        self._has_items.set()

    async def _next(self) -> bytes | EndOfUtterance | None:
        """The next item for the listener; queued audio is joined to pieces of up to one second."""
        await asyncio.sleep(0)  # a listener in this process never waits, so other tasks would not run
        while not self._queue:
            self._has_items.clear()
            await self._has_items.wait()
        item = self._queue.popleft()
        if not isinstance(item, bytes):
            return item
        pieces, size = [item], len(item)
        while self._queue and isinstance(more := self._queue[0], bytes) and size < LARGEST_PIECE:
            pieces.append(more)
            size += len(more)
            self._queue.popleft()
        return b"".join(pieces)

    async def _listen(self, pool: Pool) -> None:
        request = self._options.complete(ListenRequest(partials=True, pause_ms=self._pause_ms))
        item = await self._next()  # a session that sends nothing gets no listener
        async with pool.listen(self._options.engine, request) as listener:
            while item is not None:
                if isinstance(item, EndOfUtterance):
                    self._write_hypotheses(await listener.cut())
                    self._end_open_utterance(item.at_ms)
                else:
                    hypotheses = await listener.feed(item) if item else []
                    self._processed += len(item) // 2
                    self._write_hypotheses(hypotheses)
                item = await self._next()
            self._write_hypotheses(await listener.finish())
        if self._open_words:
            self._end_open_utterance(self._received_ms)
        for channel, event in compute_analyses(self._finals, 1, self._received_ms, self._options):
            self._messages.put_nowait(self._writer.analysis(channel, event))
        self._messages.put_nowait(self._writer.status("CLOSED"))
        self._messages.put_nowait(None)

    @property
    def _processed_ms(self) -> int:
        return min(self._processed * 1000 // SAMPLE_RATE, self._received_ms)

    def _write_hypotheses(self, hypotheses: list[Hypothesis]) -> None:
        for hypothesis in hypotheses:
            self._languages = hypothesis.languages
            if hypothesis.kind == "partial":
                words = self._open_words + hypothesis.words
                partial = self._writer.partial(0, words, self._processed_ms, self._languages)
                self._put(partial)
            elif self._external:
                self._open_words += hypothesis.words
            else:
                self._end_utterance(hypothesis.words, hypothesis.end_ms)

    def _end_open_utterance(self, at_ms: int) -> None:
        words, self._open_words = self._open_words, ()
        self._end_utterance(words, at_ms)

    def _end_utterance(self, words: tuple[Word, ...], end_ms: int) -> None:
        """Write the end of an utterance: final, refinement unless it is empty, end of utterance."""
        end_ms = max(min(end_ms, self._received_ms), self._writer.final_ms)
        within = tuple(word._replace(end_ms=min(word.end_ms, end_ms)) for word in words)
        final = Final(0, within, self._writer.final_ms, end_ms, self._languages)
        lacking = explain_refinement(self._options, final.languages) if words else ""
        if lacking not in self._explained:
            self._explained.add(lacking)
            self._messages.put_nowait(self._writer.status("WARNING", lacking))
        self._put(self._writer.final(final))
        if words:
            refinement = refine(final.words, self._options, final.languages)
            self._messages.put_nowait(self._writer.refinement(final, refinement))
        self._put(self._writer.eou(final))
        if self._options.analysis or self._options.summarization:
            self._finals.append(final)

    def _put(self, messages: Iterable[bytes]) -> None:
        for message in messages:
            self._messages.put_nowait(message)
