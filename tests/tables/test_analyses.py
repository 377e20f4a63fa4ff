"""Frames of speaker and conversation analysis, classifiers and summaries."""

import pandas as pd
import pytest
from answers import final, serialized

import speechkit_nb as sk
from speechkit_nb import tables

STAT = {
    "min": 1.0,
    "max": 3.0,
    "mean": 2.0,
    "std": 0.5,
    "quantiles": [{"level": 0.5, "value": 1.5}, {"level": 0.9, "value": 2.5}],
}
SPEAKER = serialized(
    speaker_analysis={
        "speaker_tag": "1",
        "window_type": "TOTAL",
        "speech_boundaries": {"start_time_ms": 250, "end_time_ms": 9000},
        "total_speech_ms": 4000,
        "speech_ratio": 0.4,
        "total_silence_ms": 6000,
        "silence_ratio": 0.6,
        "words_count": 12,
        "letters_count": 50,
        "utterance_count": 3,
        "words_per_second": STAT,
        "utterance_duration_estimation": {"min": 800.0, "quantiles": [{"level": 0.5, "value": 1200.0}]},
    }
)
DIALOGUE = serialized(
    conversation_analysis={
        "conversation_boundaries": {"end_time_ms": 10000},
        "total_simultaneous_silence_duration_ms": 1500,
        "total_speech_duration_ms": 8500,
        "total_speech_ratio": 0.85,
        "simultaneous_speech_duration_estimation": {"max": 700.0},
        "speaker_interrupts": [
            {"speaker_tag": "0", "interrupts": [{"start_time_ms": 100, "end_time_ms": 300}]},
            {
                "speaker_tag": "1",
                "interrupts": [
                    {"start_time_ms": 5, "end_time_ms": 6},
                    {"start_time_ms": 7, "end_time_ms": 8},
                ],
            },
        ],
    }
)
CLASSIFIED = serialized(
    channel_tag="1",
    classifier_update={
        "window_type": "LAST_UTTERANCE",
        "start_time_ms": 1000,
        "end_time_ms": 2000,
        "classifier_result": {
            "classifier": "gender",
            "labels": [{"label": "male", "confidence": 0.2}, {"label": "female", "confidence": 0.8}],
            "highlights": [{"text": "hello", "start_time_ms": 1100, "end_time_ms": 1400}],
        },
    },
)
SUMMARY = serialized(
    summarization={
        "results": [{"response": "Two people met."}, {"response": "{}"}],
        "content_usage": {"input_text_tokens": 90, "completion_tokens": 10, "total_tokens": 100},
    }
)
ANSWER = sk.Transcript([final(0, "a"), SPEAKER, CLASSIFIED, DIALOGUE, b"\xff", SUMMARY], "call.wav")


def test_a_speaker_is_a_row_in_seconds():
    """Milliseconds become seconds; counts and ratios are unchanged."""
    row = ANSWER.speaker_analysis.iloc[0]
    assert row[["recording", "speaker_tag", "window"]].tolist() == ["call.wav", "1", "total"]
    assert row[["start", "end", "total_speech", "speech_ratio"]].tolist() == [0.25, 9.0, 4.0, 0.4]
    assert row[["words_count", "letters_count", "utterance_count"]].tolist() == [12, 50, 3]
    assert row[["words_per_second_min", "words_per_second_mean"]].tolist() == [1.0, 2.0]
    assert row["utterance_duration_min"] == 0.8


def test_a_dialogue_is_a_row_and_each_interruption_one():
    """Interruptions have a speaker and times."""
    row = ANSWER.conversation_analysis.iloc[0]
    assert row[["end", "total_speech", "total_simultaneous_silence"]].tolist() == [10.0, 8.5, 1.5]
    assert row["simultaneous_speech_duration_max"] == 0.7
    assert ANSWER.interrupts[["speaker_tag", "start", "end"]].values.tolist() == [
        ["0", 0.1, 0.3],
        ["1", 0.005, 0.006],
        ["1", 0.007, 0.008],
    ]


def test_quantiles_are_long_so_that_any_level_fits():
    """One row per level; durations are in seconds."""
    frame = ANSWER.quantiles
    assert frame[["statistic", "level", "value"]].values.tolist() == [
        ["words_per_second", 0.5, 1.5],
        ["words_per_second", 0.9, 2.5],
        ["utterance_duration", 0.5, 1.2],
    ]
    assert set(frame.speaker_tag) == {"1"}


def test_labels_and_phrases_of_a_classifier_are_rows():
    """Labels have a confidence, phrases have times; the other columns are missing."""
    frame = ANSWER.classifiers
    assert frame[["seq", "channel_tag", "classifier", "window"]].drop_duplicates().values.tolist() == [
        [2, "1", "gender", "last_utterance"]
    ]
    assert frame.label.fillna("-").tolist() == ["male", "female", "-"]
    assert frame.text.fillna("-").tolist() == ["-", "-", "hello"]
    assert frame.text_start.tolist()[-1] == 1.1
    assert frame.confidence.isna().tolist() == [False, False, True]


def test_summaries_answer_in_the_order_of_the_questions():
    """One row per instruction."""
    assert ANSWER.summaries[["property_index", "response"]].values.tolist() == [
        [0, "Two people met."],
        [1, "{}"],
    ]


def test_tokens_are_those_of_all_summaries_of_a_message():
    """They are not repeated in the row of each answer, so that their sum is what was used."""
    frame = ANSWER.summary_tokens
    assert frame[["input_text_tokens", "completion_tokens", "total_tokens"]].values.tolist() == [
        [90, 10, 100]
    ]
    assert frame.seq.tolist() == ANSWER.summaries.seq.unique().tolist() == [5]


def test_a_classifier_that_has_found_nothing_keeps_its_row():
    """What was classified, and by which classifier, is in the answer."""
    nothing = {"window_type": "LAST_FINAL", "end_time_ms": 500, "classifier_result": {"classifier": "insult"}}
    (row,) = sk.Transcript([serialized(classifier_update=nothing)]).classifiers.to_dict("records")
    assert (row["classifier"], row["window"], row["end"]) == ("insult", "last_final", 0.5)
    assert pd.isna(row["label"])
    assert pd.isna(row["text"])


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("speaker_analysis", tables.SPEAKERS),
        ("conversation_analysis", tables.CONVERSATIONS),
        ("interrupts", tables.INTERRUPTS),
        ("quantiles", tables.QUANTILES),
        ("classifiers", tables.CLASSIFIERS),
        ("summaries", tables.SUMMARIES),
        ("summary_tokens", tables.SUMMARY_TOKENS),
    ],
)
@pytest.mark.parametrize("answer", [ANSWER, sk.Transcript([])], ids=["full", "empty"])
def test_the_frames_keep_their_schemas(name, schema, answer):
    """Columns and dtypes are the same with and without rows."""
    frame = tables.check(getattr(answer, name), schema, name)
    assert list(frame) == list(schema)
    assert frame.empty == (answer is not ANSWER)
