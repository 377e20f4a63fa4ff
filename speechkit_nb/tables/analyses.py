"""Frames of analyses: statistics of speakers and of the dialogue, classifiers, summaries.

Each function takes serialized messages and returns a frame of its schema, without rows if the messages have
no such events. Times and durations are in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from ..wire import v3
from .schemas import (
    CLASSIFIERS,
    CONVERSATIONS,
    INTERRUPTS,
    MOMENTS,
    QUANTILES,
    SPEAKERS,
    SUMMARIES,
    SUMMARY_TOKENS,
    Schema,
)


def count_sessions(responses: Sequence[bytes]) -> int:
    """The number of sessions that the messages come from. Unreadable messages are not counted."""
    return len({message.session_uuid.uuid for _, message in _readable(responses)})


def make_speakers(responses: Sequence[bytes], recording: str = "") -> pd.DataFrame:
    """One row per analysis of a speaker; schema `SPEAKERS`. `window` is total or last_utterance."""
    rows = []
    for _, message in _of_kind(responses, "speaker_analysis"):
        found = message.speaker_analysis
        rows.append(
            {
                "recording": recording,
                "speaker_tag": found.speaker_tag,
                "window": _window(found),
                **_bounds(found.speech_boundaries),
                "total_speech": found.total_speech_ms / 1000,
                "speech_ratio": found.speech_ratio,
                "total_silence": found.total_silence_ms / 1000,
                "silence_ratio": found.silence_ratio,
                "words_count": found.words_count,
                "letters_count": found.letters_count,
                "utterance_count": found.utterance_count,
                **{k: v for name, stat in _statistics(found) for k, v in _summary(name, stat).items()},
            }
        )
    return _frame(rows, SPEAKERS)


def make_conversations(responses: Sequence[bytes], recording: str = "") -> pd.DataFrame:
    """One row per analysis of the whole dialogue; schema `CONVERSATIONS`."""
    rows = []
    for _, message in _of_kind(responses, "conversation_analysis"):
        found = message.conversation_analysis
        rows.append(
            {
                "recording": recording,
                **_bounds(found.conversation_boundaries),
                "total_speech": found.total_speech_duration_ms / 1000,
                "total_speech_ratio": found.total_speech_ratio,
                "total_simultaneous_silence": found.total_simultaneous_silence_duration_ms / 1000,
                "total_simultaneous_silence_ratio": found.total_simultaneous_silence_ratio,
                "total_simultaneous_speech": found.total_simultaneous_speech_duration_ms / 1000,
                "total_simultaneous_speech_ratio": found.total_simultaneous_speech_ratio,
                **{k: v for name, stat in _statistics(found) for k, v in _summary(name, stat).items()},
            }
        )
    return _frame(rows, CONVERSATIONS)


def make_interrupts(responses: Sequence[bytes], recording: str = "") -> pd.DataFrame:
    """One row per interruption of another speaker; schema `INTERRUPTS`."""
    rows = [
        {"recording": recording, "speaker_tag": speaker.speaker_tag, **_bounds(stretch)}
        for _, message in _of_kind(responses, "conversation_analysis")
        for speaker in message.conversation_analysis.speaker_interrupts
        for stretch in speaker.interrupts
    ]
    return _frame(rows, INTERRUPTS)


def make_quantiles(responses: Sequence[bytes], recording: str = "") -> pd.DataFrame:
    """One row per requested quantile; schema `QUANTILES`. Quantiles of the dialogue have no speaker."""
    rows = [
        {
            "recording": recording,
            "speaker_tag": getattr(found, "speaker_tag", ""),
            "window": _window(found) if kind == "speaker_analysis" else "total",
            "statistic": name,
            "level": quantile.level,
            "value": quantile.value / (1000 if name.endswith("_duration") else 1),
        }
        for kind in ("speaker_analysis", "conversation_analysis")
        for _, message in _of_kind(responses, kind)
        for found in [getattr(message, kind)]
        for name, statistic in _statistics(found)
        for quantile in statistic.quantiles
    ]
    return _frame(rows, QUANTILES)


def make_classifiers(responses: Sequence[bytes], recording: str = "") -> pd.DataFrame:
    """One row per label or highlighted phrase; schema `CLASSIFIERS`.

    A label has `label` and `confidence`; a phrase has `text`, `text_start` and `text_end`. The other columns
    are missing; a result without labels and phrases has one row, where all of them are. `window` is what was
    classified: last_utterance, last_final or last_partial; a value that this version does not know is
    `unknown` and its number.
    """
    rows = []
    for seq, message in _of_kind(responses, "classifier_update"):
        found = message.classifier_update
        where = {
            "recording": recording,
            "seq": seq,
            "channel_tag": message.channel_tag,
            "classifier": found.classifier_result.classifier,
            "window": _window(found),
            **_bounds(found),
        }
        result = found.classifier_result
        rows += [where | {"label": label.label, "confidence": label.confidence} for label in result.labels]
        rows += [where | {"text": phrase.text, **_bounds(phrase, "text_")} for phrase in result.highlights]
        rows += [] if result.labels or result.highlights else [where]
    return _frame(rows, CLASSIFIERS)


def make_summaries(responses: Sequence[bytes], recording: str = "") -> pd.DataFrame:
    """One row per answer of the language model, in the order of the instructions; schema `SUMMARIES`."""
    rows = [
        {"recording": recording, "seq": seq, "property_index": index, "response": result.response}
        for seq, message in _of_kind(responses, "summarization")
        for index, result in enumerate(message.summarization.results)
    ]
    return _frame(rows, SUMMARIES)


def make_summary_tokens(responses: Sequence[bytes], recording: str = "") -> pd.DataFrame:
    """One row per message with answers of the language model: the tokens that all of them used together.

    Schema `SUMMARY_TOKENS`; `seq` is the same as in `SUMMARIES`.
    """
    rows = [
        {
            "recording": recording,
            "seq": seq,
            **{name: getattr(message.summarization.content_usage, name) for name in list(SUMMARY_TOKENS)[2:]},
        }
        for seq, message in _of_kind(responses, "summarization")
        if message.summarization.HasField("content_usage")
    ]
    return _frame(rows, SUMMARY_TOKENS)


def _of_kind(responses: Sequence[bytes], kind: str) -> Iterator[tuple[int, Any]]:
    """The position and the message of each readable message with an event of this kind."""
    for seq, message in _readable(responses):
        if message.WhichOneof("Event") == kind:
            yield seq, message


def _readable(responses: Sequence[bytes]) -> Iterator[tuple[int, Any]]:
    for seq, response in enumerate(responses):
        message = v3.StreamingResponse()
        try:
            message.ParseFromString(response)
        except Exception:  # protobuf's DecodeError has a class for each implementation; `events` reports it
            continue
        yield seq, message


def _statistics(analysis: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of each `DescriptiveStatistics`; names of durations end in `_estimation` in messages."""
    for field in analysis.DESCRIPTOR.fields:
        if field.message_type is not None and field.message_type.name == "DescriptiveStatistics":
            yield field.name.removesuffix("_estimation"), getattr(analysis, field.name)


def _summary(name: str, statistic: Any) -> dict[str, float]:
    """The columns of one statistic. Messages have durations in milliseconds."""
    scale = 1000 if name.endswith("_duration") else 1
    return {f"{name}_{part}": getattr(statistic, part) / scale for part in MOMENTS}


def _bounds(stretch: Any, prefix: str = "") -> dict[str, float]:
    times = {"start": stretch.start_time_ms, "end": stretch.end_time_ms}
    return {f"{prefix}{name}": value / 1000 for name, value in times.items()}


def _window(found: Any) -> str:
    known = type(found).WindowType.DESCRIPTOR.values_by_number.get(found.window_type)
    return f"unknown {found.window_type}" if known is None else str(known.name).lower()


def _frame(rows: Sequence[Mapping[str, Any]], schema: Schema) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(schema)).astype(dict(schema))
