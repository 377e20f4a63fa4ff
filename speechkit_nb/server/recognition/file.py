"""Recognition of a file: one listener per channel, whose hypotheses become messages with refined text.

Channels are recognized at the same time and do not wait for each other. So a dialogue, where one speaker is
silent while the other speaks, keeps two workers busy.
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
from ..engines.base import SAMPLE_RATE, Hypothesis, ListenRequest, Word
from ..engines.registry import create_engine, find_entry
from ..status import invalid_argument
from ..workers.decoding import read_channel
from ..workers.pool import Pool
from .analysis import compute_analyses
from .events import EventWriter, Final, interleave
from .options import Options
from .refinement import explain_refinement, refine

BLOCK_SECONDS = 1.0


async def recognize(
    recording: Recording,
    options: Options,
    pool: Pool,
    user_request_id: str,
    listen_request: ListenRequest | None = None,
) -> list[bytes]:
    """The answer to a recording: serialized `StreamingResponse`s in order.

    Silence has no utterances, so a silent channel has no messages.

    Args:
        recording: what to recognize.
        options: how to recognize it.
        pool: runs the engine.
        user_request_id: the caller's name for the request.
        listen_request: how an engine may know the recording; default: by its file name, or its digest.

    Raises:
        StatusError: if the audio is damaged, or the engine fails.
    """
    duration_ms = round(recording.duration * 1000)
    writer = EventWriter(user_request_id, duration_ms, options.detects_language, options.classifiers)
    if listen_request is None:
        listen_request = await asyncio.to_thread(_identify, recording)
    request = options.complete(listen_request)
    if not find_entry(options.engine).own_process:
        recorded = create_engine(options.engine).find_recorded(request)
        if recorded is not None:
            return recorded
    channels = await _recognize_channels(recording, options, pool, request)
    if options.labels_speakers:
        from .speakers import label_speakers

        channels = await asyncio.to_thread(label_speakers, channels[0], read_pcm(recording, 0))
    return await asyncio.to_thread(_write_messages, channels, options, writer, duration_ms)


def _write_messages(
    channels: Sequence[Sequence[Hypothesis]], options: Options, writer: EventWriter, duration_ms: int
) -> list[bytes]:
    finals = interleave([tile_finals(found, channel, duration_ms) for channel, found in enumerate(channels)])
    lacking = (explain_refinement(options, final.languages) for final in finals)
    warning = "; ".join(text for text in dict.fromkeys((options.warning, *lacking)) if text)
    messages = [writer.status("WARNING", warning)] if warning else []
    for final in finals:
        messages += writer.utterance(final, refine(final.words, options, final.languages))
    analyses = compute_analyses(finals, len(channels), duration_ms, options)
    return messages + [writer.analysis(channel, event) for channel, event in analyses]


def tile_finals(hypotheses: Sequence[Hypothesis], channel: int, duration_ms: int) -> list[Final]:
    """Finals that cover the channel without gaps: each starts where the one before it ends.

    >>> [(f.start_ms, f.end_ms) for f in tile_finals([Hypothesis("final", (), 300, 900)], 0, 2000)]
    [(0, 2000)]
    """
    ends = [min(hypothesis.end_ms, duration_ms) for hypothesis in hypotheses[:-1]] + [duration_ms]
    return [
        Final(channel, _clip_words(hypothesis, end), start, end, hypothesis.languages)
        for hypothesis, (start, end) in zip(hypotheses, pairwise([0, *ends]), strict=False)
    ]


def read_pcm(recording: Recording, channel: int) -> Iterator[bytes]:
    """One channel as listeners take it: 16 kHz, 16 bit, in blocks of about one second.

    Raises:
        StatusError: if the audio is damaged.
    """
    stream = soxr.ResampleStream(recording.sample_rate, SAMPLE_RATE, 1, dtype="float32")
    try:
        for samples in read_channel(recording, channel, BLOCK_SECONDS):
            yield _to_pcm(stream.resample_chunk(samples))
    except AudioError as error:
        raise invalid_argument(f"Invalid audio received: {error}") from error
    yield _to_pcm(stream.resample_chunk(np.zeros(0, np.float32), last=True))


def _to_pcm(samples: npt.NDArray[np.float32]) -> bytes:
    return bytes((np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes())


def _clip_words(hypothesis: Hypothesis, end_ms: int) -> tuple[Word, ...]:
    return tuple(
        word._replace(start_ms=min(word.start_ms, end_ms), end_ms=min(word.end_ms, end_ms))
        for word in hypothesis.words
    )


def _identify(recording: Recording) -> ListenRequest:
    if recording.source is not None:
        return ListenRequest(name=recording.source.name)
    with recording.open() as file:
        return ListenRequest(sha256=hashlib.file_digest(file, "sha256").hexdigest())


async def _recognize_channels(
    recording: Recording, options: Options, pool: Pool, request: ListenRequest
) -> list[list[Hypothesis]]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    _recognize_channel(recording, options, pool, replace(request, channel=channel))
                )
                for channel in range(recording.n_channels)
            ]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return [task.result() for task in tasks]


async def _recognize_channel(
    recording: Recording, options: Options, pool: Pool, request: ListenRequest
) -> list[Hypothesis]:
    """The finals of one channel."""
    finals: list[Hypothesis] = []
    async with pool.slot(options.engine), pool.listen(options.engine, request) as listener:
        blocks = read_pcm(recording, request.channel)
        while (pcm := await asyncio.to_thread(next, blocks, None)) is not None:
            finals += await listener.feed(pcm)
        return finals + await listener.finish()
