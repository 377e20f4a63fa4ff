"""Every field of the messages of the service, and the column in which its value is found."""

from collections.abc import Iterator
from typing import Any

import pytest

import speechkit_nb as sk
from speechkit_nb.tables.schemas import MOMENTS
from speechkit_nb.wire import v3

STAGES = {"partial": "partial", "final": "final", "refinement": "final_refinement.normalized_text"}
SPEAKER_STATISTICS = (
    "words_per_second", "letters_per_second", "words_per_utterance", "letters_per_utterance",
    "utterance_duration_estimation",
)  # fmt: skip
DIALOGUE_STATISTICS = ("simultaneous_silence_duration_estimation", "simultaneous_speech_duration_estimation")

FRAMES = {
    **{f"{stage} words": lambda t, stage=stage: t.words_of(stage) for stage in STAGES},
    **{f"{stage} languages": lambda t, stage=stage: t.languages_of(stage) for stage in STAGES},
    **{
        name: lambda t, name=name: getattr(t, name)
        for name in (
            "finals", "events", "classifiers", "speaker_analysis", "conversation_analysis", "interrupts",
            "quantiles", "summaries", "summary_tokens",
        )
    },
}  # fmt: skip


def _statistic(path: str, frame: str) -> dict[str, str]:
    column = path.rpartition(".")[2].removesuffix("_estimation")
    return {
        **{f"{path}.{part}": f"{frame}.{column}_{part}" for part in MOMENTS},
        f"{path}.quantiles.level": "quantiles.level",
        f"{path}.quantiles.value": "quantiles.value",
    }


def _alternative(stage: str, update: str) -> dict[str, str]:
    return {
        f"{update}.channel_tag": "events.channel_tag",
        f"{update}.alternatives.text": "events.text",
        f"{update}.alternatives.words.text": f"{stage} words.word",
        f"{update}.alternatives.words.start_time_ms": f"{stage} words.start",
        f"{update}.alternatives.words.end_time_ms": f"{stage} words.end",
        f"{update}.alternatives.languages.language_code": f"{stage} languages.language",
        f"{update}.alternatives.languages.probability": f"{stage} languages.probability",
    }


KEPT = {
    "audio_cursors.received_data_ms": "events.received_data",
    "audio_cursors.reset_time_ms": "events.reset_time",
    "audio_cursors.partial_time_ms": "events.partial_time",
    "audio_cursors.final_time_ms": "events.final_time",
    "audio_cursors.eou_time_ms": "events.eou_time",
    "audio_cursors.final_index": "events.final_index",
    "response_wall_time_ms": "events.server_time",
    "channel_tag": "events.channel_tag",
    "session_uuid.uuid": "events.session",
    "status_code.code_type": "events.status",
    "status_code.message": "events.text",
    **{
        path: column
        for stage, update in STAGES.items()
        for path, column in _alternative(stage, update).items()
    },
    "final.alternatives.start_time_ms": "finals.start",
    "final.alternatives.end_time_ms": "finals.end",
    "final.alternatives.confidence": "finals.confidence",
    "final_refinement.final_index": "events.final_index",
    "classifier_update.window_type": "classifiers.window",
    "classifier_update.start_time_ms": "classifiers.start",
    "classifier_update.end_time_ms": "classifiers.end",
    "classifier_update.classifier_result.classifier": "classifiers.classifier",
    "classifier_update.classifier_result.labels.label": "classifiers.label",
    "classifier_update.classifier_result.labels.confidence": "classifiers.confidence",
    "classifier_update.classifier_result.highlights.text": "classifiers.text",
    "classifier_update.classifier_result.highlights.start_time_ms": "classifiers.text_start",
    "classifier_update.classifier_result.highlights.end_time_ms": "classifiers.text_end",
    "speaker_analysis.speaker_tag": "speaker_analysis.speaker_tag",
    "speaker_analysis.window_type": "speaker_analysis.window",
    "speaker_analysis.speech_boundaries.start_time_ms": "speaker_analysis.start",
    "speaker_analysis.speech_boundaries.end_time_ms": "speaker_analysis.end",
    "speaker_analysis.total_speech_ms": "speaker_analysis.total_speech",
    "speaker_analysis.speech_ratio": "speaker_analysis.speech_ratio",
    "speaker_analysis.total_silence_ms": "speaker_analysis.total_silence",
    "speaker_analysis.silence_ratio": "speaker_analysis.silence_ratio",
    "speaker_analysis.words_count": "speaker_analysis.words_count",
    "speaker_analysis.letters_count": "speaker_analysis.letters_count",
    "speaker_analysis.utterance_count": "speaker_analysis.utterance_count",
    **{
        path: column
        for name in SPEAKER_STATISTICS
        for path, column in _statistic(f"speaker_analysis.{name}", "speaker_analysis").items()
    },
    "conversation_analysis.conversation_boundaries.start_time_ms": "conversation_analysis.start",
    "conversation_analysis.conversation_boundaries.end_time_ms": "conversation_analysis.end",
    "conversation_analysis.total_speech_duration_ms": "conversation_analysis.total_speech",
    "conversation_analysis.total_speech_ratio": "conversation_analysis.total_speech_ratio",
    **{
        f"conversation_analysis.total_simultaneous_{what}_{field}": (
            f"conversation_analysis.total_simultaneous_{what}{column}"
        )
        for what in ("silence", "speech")
        for field, column in (("duration_ms", ""), ("ratio", "_ratio"))
    },
    **{
        path: column
        for name in DIALOGUE_STATISTICS
        for path, column in _statistic(f"conversation_analysis.{name}", "conversation_analysis").items()
    },
    "conversation_analysis.speaker_interrupts.speaker_tag": "interrupts.speaker_tag",
    "conversation_analysis.speaker_interrupts.interrupts.start_time_ms": "interrupts.start",
    "conversation_analysis.speaker_interrupts.interrupts.end_time_ms": "interrupts.end",
    "summarization.results.response": "summaries.response",
    **{
        f"summarization.content_usage.{name}": f"summary_tokens.{name}"
        for name in ("input_text_tokens", "completion_tokens", "total_tokens")
    },
}
"""Path of a field -> frame and column of its value. Times of the frames are in seconds."""

_SPAN = "the span of a partial or a refinement is that of the cursors of its event, or of its final"
_CONFIDENCE = "the service always sends 0; that of a final is kept"
NOT_KEPT = {
    "session_uuid.user_request_id": "the client's own name for the call, with which errors are reported",
    "eou_update.time_ms": "the same as the cursor, `events.eou_time`",
    **dict.fromkeys(
        [
            f"{STAGES[stage]}.alternatives.{name}"
            for stage in ("partial", "refinement")
            for name in ("start_time_ms", "end_time_ms")
        ],
        _SPAN,
    ),
    **dict.fromkeys(
        [f"{STAGES[stage]}.alternatives.confidence" for stage in ("partial", "refinement")], _CONFIDENCE
    ),
    "conversation_analysis.speaker_interrupts.interrupts_count": "the number of rows of `interrupts`",
    "conversation_analysis.speaker_interrupts.interrupts_duration_ms": "the sum of the rows of `interrupts`",
}
"""Path of a field that has no column -> why."""


def walk(descriptor: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each field that holds a value, with its path."""
    for field in descriptor.fields:
        inner = f"{path}.{field.name}".lstrip(".")
        if field.message_type is None:
            yield inner, field
        else:
            yield from walk(field.message_type, inner)


FIELDS = dict(walk(v3.StreamingResponse.DESCRIPTOR))


def test_every_field_has_a_place_or_a_reason() -> None:
    """A field that a new version of the protocol brings is missing from both lists."""
    assert {*KEPT, *NOT_KEPT} == set(FIELDS)
    assert not {*KEPT} & {*NOT_KEPT}


def make_message(path: str, field: Any) -> tuple[bytes, Any]:
    """A message in which only this field is set, and its value as the frames show it."""
    kinds = {field.CPPTYPE_STRING: "here", field.CPPTYPE_DOUBLE: 0.125, field.CPPTYPE_ENUM: 1}
    value: Any = kinds.get(field.cpp_type, 4000)
    shown = value
    is_duration = "_duration_estimation." in path and not path.endswith(".level")
    if path.endswith("_ms"):
        shown = 4.0
    elif is_duration:
        shown = value / 1000
    elif field.enum_type:
        shown = field.enum_type.values_by_number[1].name.lower()
    message = v3.StreamingResponse()
    part, names = message, path.split(".")
    for name in names[:-1]:
        inner = getattr(part, name)
        part = inner if hasattr(inner, "DESCRIPTOR") else inner.add()
    setattr(part, names[-1], value)
    if "speaker_interrupts.speaker_tag" in path:
        part.interrupts.add()
    return message.SerializeToString(), shown


@pytest.mark.parametrize("path", KEPT)
def test_the_value_of_a_field_is_in_its_column(path: str) -> None:
    """Also if nothing else is set in the message."""
    message, shown = make_message(path, FIELDS[path])
    frame, _, column = KEPT[path].rpartition(".")
    assert shown in FRAMES[frame](sk.Transcript([message]))[column].tolist()
