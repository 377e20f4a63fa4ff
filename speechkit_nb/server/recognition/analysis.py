"""What an answer ends with: statistics of who speaks when, and summaries.

The documentation of the service does not define them. Here, words with pauses between them that are shorter
than the silence threshold are one stretch of speech; everything else is silence. A speaker interrupts if a
stretch starts while another speaker speaks; the interruption lasts while both speak. Durations are in
milliseconds.

A summary is a stub, which says so: there is no language model here, and so no tokens are used.
"""

from __future__ import annotations

import json
import textwrap
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ...errors import count_noun
from ...wire import v3
from .events import Final
from .options import Options

SILENCE_MS = 500
"""Shorter pauses between words are no silence, unless the request has another threshold."""

STUB = "This is a stub, no summary: the local server has no language model."
LONGEST_QUOTE = 200
"""Number of characters of an instruction that an answer repeats."""

Span = tuple[int, int]


def compute_analyses(
    finals: Sequence[Final], n_channels: int, duration_ms: int, options: Options
) -> Iterator[tuple[int | None, dict[str, Any]]]:
    """Channel and event of each analysis in the request; a summary belongs to no channel.

    Args:
        finals: of all channels.
        n_channels: channels or speakers of the recording; a silent channel is a speaker as well.
        duration_ms: of the recording.
        options: those of the request.
    """
    if options.analysis:
        yield from _compute_statistics(finals, n_channels, duration_ms, options.analysis)
    if options.summarization:
        yield None, {"summarization": _summarize(finals, options.summarization)}


def _compute_statistics(
    finals: Sequence[Final], n_channels: int, duration_ms: int, options: Any
) -> Iterator[tuple[int, dict[str, Any]]]:
    levels = list(options.descriptive_statistics_quantiles)
    pause = options.speaker_options.silence_threshold_ms or SILENCE_MS
    spoken = [
        find_speech([f for f in finals if f.channel == channel], pause) for channel in range(n_channels)
    ]
    if options.enable_speaker_analysis:
        for channel in range(n_channels):
            own = [final for final in finals if final.channel == channel]
            yield channel, {"speaker_analysis": _speaker(channel, own, spoken[channel], duration_ms, levels)}
    if options.enable_conversation_analysis:
        yield 0, {"conversation_analysis": _conversation(spoken, duration_ms, options, levels)}


def _summarize(finals: Sequence[Final], options: Any) -> Any:
    """An answer to each instruction that says that it is a stub."""
    n_words = sum(len(final.words) for final in finals)
    said = f"{count_noun(n_words, 'word')} in {count_noun(len(finals), 'utterance')}"
    answer = v3.Summarization(content_usage=v3.ContentUsage())
    for each in options.properties:
        asked = textwrap.shorten(each.instruction, LONGEST_QUOTE, placeholder=" ...")
        stub = f"{STUB} Heard: {said}. Asked: {asked}"
        is_json = each.WhichOneof("ResponseFormat") is not None
        answer.results.add(response=json.dumps({"stub": stub}, ensure_ascii=False) if is_json else stub)
    return answer


def find_speech(finals: Iterable[Final], pause_ms: int) -> list[Span]:
    """The stretches of speech: words with shorter pauses than `pause_ms` between them are joined.

    >>> from ..engines.base import Word
    >>> find_speech([Final(0, (Word("a", 0, 100), Word("b", 150, 300), Word("c", 900, 950)), 0, 1000)], 500)
    [(0, 300), (900, 950)]
    """
    spans: list[Span] = []
    for word in sorted((word for final in finals for word in final.words), key=lambda word: word.start_ms):
        if spans and word.start_ms - spans[-1][1] < pause_ms:
            spans[-1] = spans[-1][0], max(spans[-1][1], word.end_ms)
        else:
            spans.append((word.start_ms, word.end_ms))
    return spans


def find_overlaps(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """The stretches that are in both lists, each of which is sorted and has no overlaps.

    >>> find_overlaps([(0, 10), (20, 30)], [(5, 25)])
    [(5, 10), (20, 25)]
    """
    found, i, j = [], 0, 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if start < end:
            found.append((start, end))
        # the span that ends first overlaps none of the later ones
        i, j = (i + 1, j) if one[i][1] < other[j][1] else (i, j + 1)
    return found


def find_gaps(spans: Iterable[Span], duration_ms: int) -> list[Span]:
    """The stretches that no span covers.

    >>> find_gaps([(5, 10), (0, 7)], 20)
    [(10, 20)]
    """
    found, reached = [], 0
    for start, end in [*sorted(spans), (duration_ms, duration_ms)]:
        if start > reached:
            found.append((reached, start))
        reached = max(reached, end)
    return found


def describe(values: Sequence[float], levels: Sequence[float]) -> Any:
    """`DescriptiveStatistics` of some values; zeros if there are none."""
    if not values:
        return v3.DescriptiveStatistics()
    sample = np.asarray(values, float)
    quantiles = [{"level": level, "value": float(np.quantile(sample, level))} for level in levels]
    return v3.DescriptiveStatistics(
        min=sample.min(), max=sample.max(), mean=sample.mean(), std=sample.std(), quantiles=quantiles
    )


def _speaker(
    channel: int, finals: Sequence[Final], spoken: Sequence[Span], duration_ms: int, levels: Sequence[float]
) -> Any:
    total = _length(spoken)
    durations = [max(final.words[-1].end_ms - final.words[0].start_ms, 1) for final in finals]
    words = [len(final.words) for final in finals]
    letters = [sum(len(word.text) for word in final.words) for final in finals]
    return v3.SpeakerAnalysis(
        speaker_tag=str(channel),
        window_type=v3.SpeakerAnalysis.TOTAL,
        speech_boundaries=_bounds(spoken[0][0], spoken[-1][1]) if spoken else _bounds(0, 0),
        total_speech_ms=total,
        speech_ratio=_ratio(total, duration_ms),
        total_silence_ms=duration_ms - total,
        silence_ratio=1 - _ratio(total, duration_ms),
        words_count=sum(words),
        letters_count=sum(letters),
        utterance_count=len(finals),
        words_per_second=describe(_rates(words, durations), levels),
        letters_per_second=describe(_rates(letters, durations), levels),
        words_per_utterance=describe(words, levels),
        letters_per_utterance=describe(letters, levels),
        utterance_duration_estimation=describe(durations, levels),
    )


def _conversation(
    spoken: Sequence[Sequence[Span]], duration_ms: int, options: Any, levels: Sequence[float]
) -> Any:
    thresholds = options.converstation_options
    everyone = [span for spans in spoken for span in spans]
    silent = _select_long(find_gaps(everyone, duration_ms), thresholds.simultaneous_silence_threshold_ms)
    together = [span for one, other in combinations(spoken, 2) for span in find_overlaps(one, other)]
    together = _select_long(together, thresholds.simultaneous_speech_threshold_ms)
    speech_ms = duration_ms - _length(find_gaps(everyone, duration_ms))
    return v3.ConversationAnalysis(
        conversation_boundaries=_bounds(0, duration_ms),
        total_simultaneous_silence_duration_ms=_length(silent),
        total_simultaneous_silence_ratio=_ratio(_length(silent), duration_ms),
        simultaneous_silence_duration_estimation=describe(_lengths(silent), levels),
        total_simultaneous_speech_duration_ms=_length(together),
        total_simultaneous_speech_ratio=_ratio(_length(together), duration_ms),
        simultaneous_speech_duration_estimation=describe(_lengths(together), levels),
        speaker_interrupts=[_interrupts(speaker, spoken) for speaker in range(len(spoken))],
        total_speech_duration_ms=speech_ms,
        total_speech_ratio=_ratio(speech_ms, duration_ms),
    )


def _interrupts(speaker: int, spoken: Sequence[Sequence[Span]]) -> Any:
    """Where a speaker starts while another one speaks."""
    overlapping = []
    for spans in (spans for number, spans in enumerate(spoken) if number != speaker):
        starts = [since for since, _ in spans]
        for start, end in spoken[speaker]:
            k = bisect_left(starts, start) - 1  # the last span that starts earlier
            if k >= 0 and start < spans[k][1]:
                overlapping.append((start, min(end, spans[k][1])))
    overlapping.sort()
    return v3.ConversationAnalysis.InterruptsEvaluation(
        speaker_tag=str(speaker),
        interrupts_count=len(overlapping),
        interrupts_duration_ms=_length(overlapping),
        interrupts=[_bounds(*span) for span in overlapping],
    )


def _rates(counts: Sequence[int], durations: Sequence[int]) -> list[float]:
    return [1000 * count / duration for count, duration in zip(counts, durations, strict=True)]


def _lengths(spans: Iterable[Span]) -> list[int]:
    return [end - start for start, end in spans]


def _length(spans: Iterable[Span]) -> int:
    return sum(_lengths(spans))


def _ratio(part_ms: int, duration_ms: int) -> float:
    return part_ms / duration_ms if duration_ms else 0.0  # a recording may be shorter than 1 ms


def _select_long(spans: Iterable[Span], threshold_ms: int) -> list[Span]:
    return [(start, end) for start, end in spans if end - start >= threshold_ms]


def _bounds(start: int, end: int) -> Any:
    return v3.AudioSegmentBoundaries(start_time_ms=start, end_time_ms=end)
