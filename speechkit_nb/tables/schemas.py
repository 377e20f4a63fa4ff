"""Columns and dtypes of every frame, and the columns that identify its rows.

Frames are plain pandas with a RangeIndex and the dtypes declared here, also when they are empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ..errors import SchemaError, check_type

Schema = Mapping[str, str]
"""Columns in their order, each with its dtype."""

UTTERANCE_KEYS = ("recording", "channel_tag")
"""Columns that identify an utterance that is scored as a whole, as far as a frame has them."""

FINAL_KEYS = (*UTTERANCE_KEYS, "final_index", "alternative")
"""Columns that identify a row of `FINALS`."""

WORD_KEYS = (*FINAL_KEYS, "word_index")
"""Columns that identify a row of `WORDS`."""

WORDS: Schema = {
    "recording": "str",
    "channel_tag": "str",
    "final_index": "int64",
    "alternative": "int64",
    "word_index": "int64",
    "word": "str",
    "start": "float64",
    "end": "float64",
}
PARTIAL_WORDS: Schema = {"seq": "int64", **WORDS}
FINALS: Schema = {
    "recording": "str",
    "channel_tag": "str",
    "final_index": "int64",
    "alternative": "int64",
    "text": "str",
    "refined_text": "str",
    "text_kind": "str",
    "start": "float64",
    "end": "float64",
    "speech_start": "float64",
    "speech_end": "float64",
    "confidence": "float64",
    "language": "str",
}
TEXT_KINDS = RAW, NORMALIZED, UNKNOWN = ("raw", "normalized", "unknown")
"""Values of `text_kind`: the recognized words; these words with figures, capitals or masks; not known."""
LANGUAGES: Schema = {
    "recording": "str",
    "channel_tag": "str",
    "final_index": "int64",
    "alternative": "int64",
    "language": "str",
    "probability": "float64",
}
PARTIAL_LANGUAGES: Schema = {"seq": "int64", **LANGUAGES}
CURSORS = ("received_data", "reset_time", "partial_time", "final_time", "eou_time")
EVENTS: Schema = {
    "recording": "str",
    "seq": "int64",
    "event": "str",
    "channel_tag": "str",
    "final_index": "int64",
    "text": "str",
    "status": "str",
    **dict.fromkeys(CURSORS, "float64"),
    "server_time": "float64",
    "received_at": "float64",
    "sent_until": "float64",
    "session": "str",
}

MOMENTS = ("min", "max", "mean", "std")


def _statistic(*names: str) -> dict[str, str]:
    return {f"{name}_{part}": "float64" for name in names for part in MOMENTS}


SPEAKERS: Schema = {
    "recording": "str",
    "speaker_tag": "str",
    "window": "str",
    "start": "float64",
    "end": "float64",
    "total_speech": "float64",
    "speech_ratio": "float64",
    "total_silence": "float64",
    "silence_ratio": "float64",
    "words_count": "int64",
    "letters_count": "int64",
    "utterance_count": "int64",
    **_statistic(
        "words_per_second",
        "letters_per_second",
        "words_per_utterance",
        "letters_per_utterance",
        "utterance_duration",
    ),
}
CONVERSATIONS: Schema = {
    "recording": "str",
    "start": "float64",
    "end": "float64",
    "total_speech": "float64",
    "total_speech_ratio": "float64",
    "total_simultaneous_silence": "float64",
    "total_simultaneous_silence_ratio": "float64",
    "total_simultaneous_speech": "float64",
    "total_simultaneous_speech_ratio": "float64",
    **_statistic("simultaneous_silence_duration", "simultaneous_speech_duration"),
}
INTERRUPTS: Schema = {"recording": "str", "speaker_tag": "str", "start": "float64", "end": "float64"}
QUANTILES: Schema = {
    "recording": "str",
    "speaker_tag": "str",
    "window": "str",
    "statistic": "str",
    "level": "float64",
    "value": "float64",
}
CLASSIFIERS: Schema = {
    "recording": "str",
    "seq": "int64",
    "channel_tag": "str",
    "classifier": "str",
    "window": "str",
    "start": "float64",
    "end": "float64",
    "label": "str",
    "confidence": "float64",
    "text": "str",
    "text_start": "float64",
    "text_end": "float64",
}
SUMMARIES: Schema = {"recording": "str", "seq": "int64", "property_index": "int64", "response": "str"}
SUMMARY_TOKENS: Schema = {
    "recording": "str",
    "seq": "int64",
    "input_text_tokens": "int64",
    "completion_tokens": "int64",
    "total_tokens": "int64",
}


def check(frame: pd.DataFrame, schema: Schema, name: str = "frame") -> pd.DataFrame:
    """`frame` itself, if it has every column of `schema` with its dtype.

    Raises:
        SchemaError: if a column is missing or has another dtype; the message names it.

    >>> check(pd.DataFrame({"word": [1]}), {"word": "str"}, "words")
    Traceback (most recent call last):
        ...
    speechkit_nb.errors.SchemaError: words: column 'word' is int64, not str
    """
    check_columns(frame, name, list(schema))
    for column, dtype in schema.items():
        if frame[column].dtype != dtype:
            raise SchemaError(f"{name}: column {column!r} is {frame[column].dtype}, not {dtype}")
    return frame


def check_columns(frame: pd.DataFrame, name: str, needed: Sequence[str] = ()) -> None:
    """
    Raises:
        SchemaError: if it is no frame, its columns have several levels, a column is there twice, or one of
            those `needed` is missing.
    """
    check_type(name, frame, pd.DataFrame, "a frame", SchemaError)
    if frame.columns.nlevels > 1:
        raise SchemaError(
            f"{name}: the columns have {frame.columns.nlevels} levels; a frame of words has one"
        )
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise SchemaError(
            f"{name}: column {twice[0]!r} is there twice; keep one, such as by "
            "frame.loc[:, ~frame.columns.duplicated()]"
        )
    for column in needed:
        if column not in frame:
            found = ", ".join(map(str, frame)) or "none"
            raise SchemaError(f"{name}: column {column!r} is missing; there are {found}")


def empty(schema: Schema) -> pd.DataFrame:
    """A frame of `schema` without rows."""
    return pd.DataFrame({column: pd.Series(dtype=dtype) for column, dtype in schema.items()})
