"""One recognition: the sound of each channel through a listener, and what was heard written as messages.

Channels are independent of each other: a dialogue, where one is silent while the other speaks, keeps two
workers busy only if neither waits for the other.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import soxr

from ...audio import Recording
from ...errors import AudioError
from .. import engines
from ..engines.base import SAMPLE_RATE, Hearing, Hypothesis, Word
from ..status import invalid
from ..workers.pool import Pool
from .analysis import analyses
from .events import EventWriter, Final, interleave
from .options import Options
from .refinement import refine

BLOCK_SECONDS = 1.0


async def recognize(
    recording: Recording,
    options: Options,
    pool: Pool,
    user_request_id: str,
    hearing: Hearing | None = None,
) -> list[bytes]:
    """The answer to a recording: serialized `StreamingResponse`s in order.

    Silence has no utterances, so a silent channel has no messages. A `hearing` says how the recording may be
    known to an engine; by default by its name, or its bytes.

    Raises:
        Refusal: if the audio turns out to be damaged, or the engine fails.
    """
    duration_ms = round(recording.duration * 1000)
    language = options.language if options.detects_language else ""
    writer = EventWriter(user_request_id, duration_ms, language)
    known = await asyncio.to_thread(_hearing, recording) if hearing is None else hearing
    hearing = replace(known, language=options.language)
    if not engines.entry(options.engine).own_process:
        recorded = engines.create(options.engine).recorded(hearing)
        if recorded is not None:
            return recorded
    heard = await _hear_all(recording, options, pool, hearing)
    finals = interleave([tile(hypotheses, channel, duration_ms) for channel, hypotheses in enumerate(heard)])
    messages = [m for final in finals for m in writer.utterance(final, refined(final.text, options))]
    wanted = analyses(finals, recording.n_channels, duration_ms, options.analysis) if options.analysis else ()
    return messages + [writer.analysis(channel, event) for channel, event in wanted]


def tile(hypotheses: Sequence[Hypothesis], channel: int, duration_ms: int) -> list[Final]:
    """Finals that cover the channel without gaps: each begins where the one before it ends.

    >>> [(f.start_ms, f.end_ms) for f in tile([Hypothesis("final", (), 300, 900)], 0, 2000)]
    [(0, 2000)]
    """
    ends = [min(hypothesis.end_ms, duration_ms) for hypothesis in hypotheses[:-1]] + [duration_ms]
    return [
        Final(channel, _within(hypothesis, end), start, end)
        for hypothesis, (start, end) in zip(hypotheses, pairwise([0, *ends]), strict=False)
    ]


def pcm_blocks(recording: Recording, channel: int) -> Iterator[bytes]:
    """One channel as the listeners want it: 16 kHz, 16 bit, about a second a block.

    Raises:
        Refusal: if the audio is damaged.
    """
    stream = soxr.ResampleStream(recording.sample_rate, SAMPLE_RATE, 1, dtype="float32")
    try:
        for block in recording.blocks(BLOCK_SECONDS):
            yield _pcm(stream.resample_chunk(np.ascontiguousarray(block[channel])))
    except AudioError as error:
        raise invalid(f"Invalid audio received: {error}") from error
    yield _pcm(stream.resample_chunk(np.zeros(0, np.float32), last=True))


def _pcm(samples: npt.NDArray[np.float32]) -> bytes:
    return bytes((np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes())


def _within(hypothesis: Hypothesis, end_ms: int) -> tuple[Word, ...]:
    return tuple(
        word._replace(start_ms=min(word.start_ms, end_ms), end_ms=min(word.end_ms, end_ms))
        for word in hypothesis.words
    )


def refined(text: str, options: Options) -> str:
    """Where the language is detected, the refinement is a copy of the final, as it is with the service."""
    return text if options.detects_language else refine(text, options.language, digits=options.digits)


def _hearing(recording: Recording) -> Hearing:
    if recording.source is not None:
        return Hearing(name=recording.source.name)
    with recording.open() as file:
        return Hearing(sha256=hashlib.sha256(file.read()).hexdigest())


async def _hear_all(
    recording: Recording, options: Options, pool: Pool, hearing: Hearing
) -> list[list[Hypothesis]]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_hear(recording, options, pool, replace(hearing, channel=channel)))
                for channel in range(recording.n_channels)
            ]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return [task.result() for task in tasks]


async def _hear(recording: Recording, options: Options, pool: Pool, hearing: Hearing) -> list[Hypothesis]:
    """The finals of one channel."""
    finals: list[Hypothesis] = []
    async with pool.seat(options.engine), pool.listen(options.engine, hearing) as listener:
        blocks = pcm_blocks(recording, hearing.channel)
        while (pcm := await asyncio.to_thread(next, blocks, None)) is not None:
            finals += await listener.feed(pcm)
        return finals + await listener.finish()
