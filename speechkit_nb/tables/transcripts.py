"""Frames of words, finals, languages and events, made from serialized messages.

Frames have a RangeIndex and the dtypes of their schema, also when they are empty. Rows are in the order in
which the service sent them. Times are in seconds from the start of the recording.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import UnreadableMessage, check_choice, warn
from ..wire import decode_columns, find_unreadable, v3
from .schemas import (
    CURSORS,
    EVENTS,
    FINALS,
    LANGUAGES,
    NORMALIZED,
    PARTIAL_LANGUAGES,
    PARTIAL_WORDS,
    RAW,
    UNKNOWN,
    WORDS,
    Schema,
)

STAGES = {"partial": "partial", "final": "final", "refinement": "final_refinement.normalized_text"}
_KINDS = {
    "partial": "partial.alternatives.text",
    "final": "final.alternatives.text",
    "final_refinement": "final_refinement.normalized_text.alternatives.text",
    "eou_update": "eou_update.time_ms",
    "status_code": "status_code.message",
    "classifier_update": "classifier_update.window_type",
    "speaker_analysis": "speaker_analysis.speaker_tag",
    "conversation_analysis": "conversation_analysis.total_speech_ratio",
    "summarization": "summarization.results.response",
}


def make_words(responses: Sequence[bytes], recording: str = "", stage: str = "final") -> pd.DataFrame:
    """One row per recognized word.

    Args:
        responses: serialized v3 `StreamingResponse`s in the order of their arrival.
        recording: id written into every row.
        stage: `"final"`, `"refinement"`, or `"partial"`. A partial replaces the one before, so its rows
            begin with `seq`, the position of its message.

    Returns:
        Frame of schema `WORDS`, or `PARTIAL_WORDS` for partials.

    Raises:
        ConfigError: if there is no such stage.
    """
    keys, word = _flatten_lists(responses, recording, stage, "words")
    frame = {
        **keys,
        "word": _text(pc.struct_field(word, "text")),
        "start": _seconds(pc.struct_field(word, "start_time_ms")),
        "end": _seconds(pc.struct_field(word, "end_time_ms")),
    }
    return _frame(frame, PARTIAL_WORDS if stage == "partial" else WORDS)


def make_finals(responses: Sequence[bytes], recording: str = "", v2_text_kind: str = "") -> pd.DataFrame:
    """One row per alternative of a final, with its refinement.

    Args:
        responses: serialized v3 `StreamingResponse`s in the order of their arrival.
        recording: id written into every row.
        v2_text_kind: the kind of a text that came by API v2, which has one text where v3 has two; default:
            raw if it is the words, unknown if there are none, else normalized.

    Returns:
        Frame of schema `FINALS`. `start` and `end` are those of the decoded audio, `speech_start` and
        `speech_end` those of the words in it (NaN without words). `refined_text` and `language` are
        missing if the service sent none. `text_kind` is one of `TEXT_KINDS`. `confidence` is NaN if the
        service sent 0, which means unknown.
        Refinements are joined by (`channel_tag`, `final_index`, `alternative`); one without a final is
        left out here, but is in `make_events`.
    """
    paths = ["channel_tag", "final.channel_tag", "audio_cursors.final_index", "session_uuid.uuid"]
    fields = ("text", "start_time_ms", "end_time_ms", "confidence", "languages")
    times = ("words.start_time_ms", "words.end_time_ms")
    _, table = _decode(responses, [*paths, *(f"final.alternatives.{name}" for name in (*fields, *times))])
    rows = _Alternatives(table, "final")
    confidence = rows.column("confidence").to_numpy()
    speech_start, speech_end = _speech_bounds(rows.column("words"))
    frame = {
        "recording": _constant(recording, len(rows.message)),
        "channel_tag": _text(rows.channel_tag),
        "final_index": rows.final_index,
        "alternative": rows.alternative,
        "text": _text(rows.column("text")),
        "start": _seconds(rows.column("start_time_ms")),
        "end": _seconds(rows.column("end_time_ms")),
        "speech_start": speech_start,
        "speech_end": speech_end,
        "confidence": np.where(confidence == 0, np.nan, confidence),
        "language": _likeliest(rows.column("languages")),
    }
    key = ["channel_tag", "final_index", "alternative"]
    is_v2 = pc.is_null(table.column("session_uuid")).to_numpy()[rows.message]
    frame["text_kind"] = _text_kinds(responses, is_v2, v2_text_kind)
    joined = _frame(frame, {name: dtype for name, dtype in FINALS.items() if name != "refined_text"})
    joined = joined.merge(_refinements(responses), how="left", on=key)
    return joined[list(FINALS)].astype(dict(FINALS))


def _text_kinds(responses: Sequence[bytes], is_v2: np.ndarray, v2_text_kind: str) -> pd.Series:
    """The kind of the text of each alternative of a final."""
    kinds = np.full(len(is_v2), RAW, object)
    if v2_text_kind or not is_v2.any():
        kinds[is_v2] = v2_text_kind
        return pd.Series(kinds, dtype="str")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreadableMessage)
        parts = ("channel_tag", "alternatives.text", "alternatives.words.text")
        paths = ["channel_tag", "audio_cursors.final_index", *(f"final.{part}" for part in parts)]
        _, table = _decode(responses, paths)
    rows = _Alternatives(table, "final")
    texts, words = rows.column("text").to_pylist(), rows.column("words").to_pylist()
    for row in np.flatnonzero(is_v2):
        said = " ".join(word["text"] for word in words[row])
        kinds[row] = RAW if texts[row] == said else NORMALIZED if said else UNKNOWN
    return pd.Series(kinds, dtype="str")


def make_languages(responses: Sequence[bytes], recording: str = "", stage: str = "final") -> pd.DataFrame:
    """One row per language that the service estimated for an alternative, as it sent them.

    Args:
        responses: serialized v3 `StreamingResponse`s in the order of their arrival.
        recording: id written into every row.
        stage: as for `make_words`.

    Returns:
        Frame of schema `LANGUAGES`, or `PARTIAL_LANGUAGES` for partials; without rows if the service was
        told the language.

    Raises:
        ConfigError: if there is no such stage.
    """
    keys, guess = _flatten_lists(responses, recording, stage, "languages")
    frame = {
        **keys,
        "language": _text(pc.struct_field(guess, "language_code")),
        "probability": pc.struct_field(guess, "probability").to_numpy(),
    }
    return _frame(frame, PARTIAL_LANGUAGES if stage == "partial" else LANGUAGES)


def make_events(
    responses: Sequence[bytes],
    recording: str = "",
    received_at: Sequence[float] | None = None,
    sent_until: Sequence[float] | None = None,
) -> pd.DataFrame:
    """One row per message of any kind.

    Args:
        responses: serialized v3 `StreamingResponse`s in the order of their arrival.
        recording: id written into every row.
        received_at: when each message arrived, in seconds since the epoch; default: None, which gives NaN.
        sent_until: seconds of audio of a stream that had been sent by then; default: None, which gives NaN.

    Returns:
        Frame of schema `EVENTS`. `event` is the name of the event in the message, `"unknown"` for a
        kind that this version does not know, `"unreadable"` for a message that could not be parsed.
        `final_index` is that of the refined final for a refinement, else that of the last final so far.
        `status` is missing in all other events than a `status_code`; `session` is the service's id.
    """
    cursors = [f"audio_cursors.{name}_ms" for name in CURSORS]
    nested = [f"{update}.channel_tag" for update in STAGES.values()]
    paths = ["channel_tag", *nested, "audio_cursors.final_index", *cursors, "response_wall_time_ms"]
    paths += ["final_refinement.final_index", "status_code.code_type", "session_uuid.uuid", *_KINDS.values()]
    seq, table = _decode(responses, paths)
    refined, current = (
        _nested(table, f"{part}.final_index") for part in ("final_refinement", "audio_cursors")
    )
    index = pc.coalesce(refined, current, 0)
    clocks = {
        name: np.full(len(responses), np.nan) if given is None else np.asarray(given, float)
        for name, given in (("received_at", received_at), ("sent_until", sent_until))
    }
    frame = {
        "recording": _constant(recording, len(table)),
        "seq": seq,
        "event": _event_kinds(table),
        "channel_tag": _text(_channel_tag(table, *STAGES.values())),
        "final_index": index.to_numpy(),
        "text": _event_texts(table),
        "status": _statuses(table),
        **{name: _seconds(_nested(table, path)) for name, path in zip(CURSORS, cursors, strict=True)},
        "server_time": _seconds(table.column("response_wall_time_ms")),
        **{name: clock[seq] for name, clock in clocks.items()},
        "session": _repeat(pc.fill_null(_nested(table, "session_uuid.uuid"), ""), np.ones(len(table), int)),
    }
    return _with_unreadable(_frame(frame, EVENTS), recording, clocks)


class _Alternatives:
    """One row per alternative of one stage, with columns of its message.

    Attributes:
        message: row of the message in the table, int array of shape (n_alternatives,).
        alternative: position within the message, from 0.
        final_index, channel_tag: those of the message.
    """

    def __init__(self, table: pa.Table, stage: str) -> None:
        update = STAGES[stage]
        lists = _nested(table, f"{update}.alternatives")
        counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
        first = np.cumsum(counts) - counts
        self._values = pc.list_flatten(lists)
        self.message = np.repeat(np.arange(len(table)), counts)
        self.alternative = np.arange(len(self.message)) - np.repeat(first, counts)
        index = pc.fill_null(_nested(table, _index_path(stage)), 0).to_numpy()
        self.final_index = index[self.message]
        self.channel_tag = _channel_tag(table, update).take(pa.array(self.message))

    def column(self, name: str) -> Any:
        return pc.struct_field(self._values, name)


def _flatten_lists(
    responses: Sequence[bytes], recording: str, stage: str, field: str
) -> tuple[dict[str, Any], Any]:
    """One row per entry of a list in each alternative: columns that tell its place, and the entries."""
    check_choice("stage", stage, tuple(STAGES))
    update = STAGES[stage]
    paths = ["channel_tag", f"{update}.channel_tag", f"{update}.alternatives.{field}", _index_path(stage)]
    seq, table = _decode(responses, paths)
    rows = _Alternatives(table, stage)
    lists = rows.column(field)
    counts = pc.list_value_length(lists).to_numpy()
    n_rows = int(counts.sum())
    # an entry's index in its list is its row minus the row of the first entry of the list
    index = np.arange(n_rows)
    index -= np.repeat(np.cumsum(counts) - counts, counts)
    keys = {
        "seq": np.repeat(seq[rows.message], counts),
        "recording": _constant(recording, n_rows),
        "channel_tag": _repeat(rows.channel_tag, counts),
        "final_index": np.repeat(rows.final_index, counts),
        "alternative": np.repeat(rows.alternative, counts),
        "word_index": index,
    }
    return keys, pc.list_flatten(lists)


def _index_path(stage: str) -> str:
    return "final_refinement.final_index" if stage == "refinement" else "audio_cursors.final_index"


def _decode(responses: Sequence[bytes], paths: Sequence[str]) -> tuple[np.ndarray, pa.Table]:
    """The position of each readable message in `responses`, and these messages as columns."""
    seq = np.arange(len(responses))
    try:
        return seq, decode_columns(responses, *paths)
    except ValueError:
        bad = find_unreadable(responses)
    warn(
        UnreadableMessage(
            f"message{'s' * (len(bad) > 1)} {', '.join(map(str, bad))} of {len(responses)} cannot be parsed, "
            "perhaps cut in the middle; the others are in the frames. Fetch the result again to get all"
        )
    )
    seq = np.delete(seq, bad)
    return seq, decode_columns([responses[position] for position in seq.tolist()], *paths)


def _nested(table: pa.Table, path: str) -> Any:
    """A field of nested structs; null where one of the structs is null."""
    first, *names = path.split(".")
    column = table.column(first)
    for name in names:
        column = pc.struct_field(column, name)
    return column


def _channel_tag(table: pa.Table, *updates: str) -> Any:
    """The tag of the message, or the deprecated tag of its event if that is empty."""
    outer = table.column("channel_tag")
    inner = (pc.fill_null(_nested(table, f"{update}.channel_tag"), "") for update in updates)
    for tag in inner:
        outer = pc.if_else(pc.equal(outer, ""), tag, outer)
    return outer


def _refinements(responses: Sequence[bytes]) -> pd.DataFrame:
    update = STAGES["refinement"]
    paths = ["channel_tag", f"{update}.channel_tag", f"{update}.alternatives.text", _index_path("refinement")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreadableMessage)
        _, table = _decode(responses, paths)
    rows = _Alternatives(table, "refinement")
    frame = pd.DataFrame(
        {
            "channel_tag": _text(rows.channel_tag),
            "final_index": rows.final_index,
            "alternative": rows.alternative,
            "refined_text": _text(rows.column("text")),
        }
    )
    return frame.drop_duplicates(["channel_tag", "final_index", "alternative"], keep="last")


def _speech_bounds(words: Any) -> tuple[np.ndarray, np.ndarray]:
    """Start of the first and end of the last word of each list; NaN for an empty list."""
    counts = pc.list_value_length(words).to_numpy()
    word = pc.list_flatten(words)
    last = np.cumsum(counts) - 1  # position of the last word of each list in the flat array
    start, end = np.full((2, len(counts)), np.nan)
    spoken = counts > 0
    start[spoken] = _seconds(pc.struct_field(word, "start_time_ms"))[(last - counts + 1)[spoken]]
    end[spoken] = _seconds(pc.struct_field(word, "end_time_ms"))[last[spoken]]
    return start, end


def _likeliest(languages: Any) -> pd.Series:
    rows = languages.to_pylist()
    guesses = [max(row, key=lambda guess: guess["probability"]) if row else None for row in rows]
    return pd.Series([guess and guess["language_code"] for guess in guesses], dtype="str")


def _event_kinds(table: pa.Table) -> pd.Series:
    present = [pc.is_valid(table.column(kind)).to_numpy() for kind in _KINDS]
    return pd.Series(np.select(present, list(_KINDS), "unknown"), dtype="str")


def _event_texts(table: pa.Table) -> pd.Series:
    """The text of the first alternative, or the message of a status."""
    texts = []
    for stage in STAGES:
        rows = _Alternatives(table, stage)
        first = np.full(len(table), -1)
        # In reverse order, so that the first alternative of a message is assigned last and stays.
        first[rows.message[::-1]] = np.arange(len(rows.message))[::-1]
        texts.append(rows.column("text").take(pa.array(first, mask=first < 0)))
    return _text(pc.coalesce(*texts, _nested(table, "status_code.message")))


def _statuses(table: pa.Table) -> pd.Series:
    """The name of the code in small letters, such as `closed`; an unknown code as its number."""
    codes = _nested(table, "status_code.code_type").combine_chunks().dictionary_encode()
    known = v3.StatusCode.DESCRIPTOR.fields_by_name["code_type"].enum_type.values_by_number
    present = codes.dictionary.to_pylist()
    names = [known[code].name.lower() if code in known else str(code) for code in present]
    return _text(pa.array(names, pa.large_string()).take(codes.indices))


def _with_unreadable(frame: pd.DataFrame, recording: str, clocks: dict[str, np.ndarray]) -> pd.DataFrame:
    bad = np.setdiff1d(np.arange(len(clocks["received_at"])), frame["seq"])
    if not len(bad):
        return frame
    rows = {"recording": recording, "seq": bad, "event": "unreadable", "channel_tag": "", "final_index": 0}
    rows |= {name: clock[bad] for name, clock in clocks.items()}
    lost = pd.DataFrame(rows).reindex(columns=list(EVENTS)).astype(dict(EVENTS))
    return pd.concat([frame, lost]).sort_values("seq", ignore_index=True)


def _seconds(milliseconds: pa.ChunkedArray) -> np.ndarray:
    """Arrow integers in ms as float64 seconds; null becomes NaN."""
    seconds, at = np.empty(len(milliseconds)), 0
    for chunk in milliseconds.chunks:
        stop = at + len(chunk)
        np.divide(chunk.to_numpy(zero_copy_only=False), 1000, out=seconds[at:stop])
        at = stop
    return seconds


def _text(strings: Any) -> pd.Series:
    return pd.Series(pd.array(strings.cast(pa.large_string()), dtype="str"), copy=False)


def _constant(value: str, n_rows: int) -> pd.Series:
    """`value` in every row. Chunks of the array share one buffer, which saves memory."""
    piece = pa.repeat(pa.scalar(value, pa.large_string()), min(n_rows, 4096))
    n_whole, rest = divmod(n_rows, len(piece) or 1)
    return _text(pa.chunked_array([piece] * n_whole + [piece[:rest]], pa.large_string()))


def _repeat(strings: Any, counts: np.ndarray) -> pd.Series:
    coded = strings.combine_chunks().dictionary_encode()
    if len(coded.dictionary) == 1:
        return _constant(coded.dictionary[0].as_py(), int(counts.sum()))
    codes = np.repeat(coded.indices.to_numpy(), counts)
    return _text(coded.dictionary.take(pa.array(codes)))


def _frame(columns_: Mapping[str, Any], schema: Schema) -> pd.DataFrame:
    return pd.DataFrame({name: columns_[name] for name in schema}, copy=False)
