"""Words as binary columns: the data of the timeline's JavaScript.

This page is the contract between `TimelineView` and `widget/js/data/data.js`. A page of `to_html` holds the
same names, with bytes as base64. Seconds are floats; `*_ms` and columns are whole milliseconds. All times
count from the start of the recording.

Synced traits:

    spec           JSON, see below; replaced as a whole when it changes
    columns        bytes; offsets in `spec`, except those of peaks, are byte offsets into it, multiples of 4
    peaks          bytes; int8 pairs (low, high), channel after channel; 127 is the loudest sample of all
    sound          bytes of an encoded file, b"" until JavaScript requests it
    sound_type     MIME type of `sound`
    sound_urls     list of {url, type}; url is relative to the base URL of the Jupyter server
                   ("files/data/talk%20one.wav"); the original file, to be probed with a Range request
    current_time   s            playing        bool         playback_rate  0.25 to 4
    selection      [start, end] s, or null                  loop           bool: repeat the selection
    view_range     [start, end] s                           search         str, as typed
    active_word    [number of the lane, number of the word in it], or null
    muted, solo    lists of tags of channels with sound

spec:

    version        1
    title          str
    duration       s; the end of sound and words, whichever is later
    bin_seconds    s of sound in one pair of peaks
    loudest        the sample value (1 is full scale) that 127 stands for in the peaks; null: there are none
    channels       [{tag, label, channel, peaks}], every channel with sound or words, from top to bottom:
                   channel is its number in the recording, null: no sound; peaks is [byte offset, number of
                   bins], null: no waveform
    systems        [name], as given; one unnamed system is called "words"
    lanes          [{id (str), system, channel_tag, label, n_words, start, end, text_offsets, text,
                   text_bytes, final, value}], by channel, then by system. Offsets of:
                   start and end int32 ms, ascending by start, end >= start; text_offsets uint32,
                   n_words + 1, into the UTF-8 at text; final int32, row of `finals`; value float32 or NaN,
                   null: no column
    finals         {n, lane, start, end, text_offsets, text, text_bytes}: the utterances, by lane, then start;
                   words without a known utterance are grouped by pauses of 0.5 s.
                   Offsets of: lane int32, start, end int32 ms, text_offsets uint32 (n + 1); text is the
                   refined text, empty if there is none
    eou            {n, lane, time}: ends of utterances. Offsets of: lane int32, time int32 ms
    colour         {by: "channel" | "system" | "value", name, low, high, stops}: name of the numeric column,
                   its range, and "#rrggbb" at equal distances from low to high
    marks          null or {n, lane, start, end, kind, kinds, order, text_offsets, text, text_bytes}: marked
                   places, by start. Offsets as in finals; lane -1: all lanes; kind int32, number in
                   kinds [{id, label}]; order int32, by importance, 0 the worst
    locale         null (that of the browser), "en" or "ru"
    sound          null (there is none) or {duration, sample_rate, n_channels, whole, mixed, window_seconds}:
                   whole: `sound` may be requested; mixed: its channels are mixed to one and cannot be
                   muted; window_seconds: longest window
    problems       [str]: problems and what was left out; shown as text
    russian        {problem: its Russian translation}, for problems with a translation

Messages from JavaScript, and the answers:

    {kind: "encoding", wanted: [MIME types that the browser plays]}
        -> {kind: "encoding", begun: true} at once; then the traits sound_type and sound are set, or
           {kind: "encoding", error: str}
    {kind: "window", id, start, end, channels?: [numbers]}
        -> {kind: "window", id, start, end, channels, sample_rate} with [WAV], 16 bit, these channels
           (default: all), or {kind: "window", id, error: str}

Messages to JavaScript:

    {kind: "play", start, end}   play from start; stop at end (s), or at the end of the recording if null
    {kind: "problem", text}      show one more problem
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ...errors import LeftOut, SchemaError, count_noun, warn
from .systems import (
    LATEST,
    Channel,
    System,
    check_time_columns,
    select_channel,
    select_values,
    select_word_channels,
)

VERSION = 1
PAUSE = 0.5  # s


class Packed(NamedTuple):
    """The words of a scene as columns.

    Attributes:
        spec: the parts `channels` (without peaks), `systems`, `lanes`, `finals` and `eou` of the spec.
        columns: all columns, one after another.
        words: the words of each lane, in the order of its columns.
    """

    spec: dict[str, Any]
    columns: bytes
    words: list[pd.DataFrame]


def pack(systems: Sequence[System], channels: Sequence[Channel], value: str | None = None) -> Packed:
    """The words of all systems: one lane per channel and system.

    Args:
        systems, channels: as returned by `read_systems` and `list_channels`.
        value: the numeric column that colours the words, in the frames that have it.
    """
    pairs = [(channel, system) for channel in select_word_channels(systems, channels) for system in systems]
    blob, lanes, lane_words = _Blob(), [], []
    utterances: list[pd.DataFrame] = []
    ends: list[pd.DataFrame] = []
    for number, (channel, system) in enumerate(pairs):
        words, finals, eou = (
            select_channel(frame, channel) for frame in (system.words, system.finals, system.eou)
        )
        words = words.assign(final_index=_group_by_pauses(words))
        n_before = sum(map(len, utterances))
        utterances.append(_find_utterances(words, finals).assign(lane=number))
        ends.append(eou[["time"]].sort_values("time").assign(lane=number))
        row_of_final = pd.Series(np.arange(len(utterances[-1])) + n_before, utterances[-1].index)
        final = row_of_final[words["final_index"]]
        label = system.name if len(systems) > 1 else ""
        lane = {"id": str(number), "system": system.name, "channel_tag": channel.tag, "label": label}
        values = None if value is None else select_values(words, value)
        lanes.append(lane | _pack_lane(blob, words, final, values))
        lane_words.append(words)
    spec = {
        "channels": [channel._asdict() for channel in channels],
        "systems": [system.name for system in systems],
        "lanes": lanes,
        "finals": _pack_finals(blob, utterances),
        "eou": _pack_eou(blob, ends),
    }
    return Packed(spec, blob.join(), lane_words)


def _group_by_pauses(words: pd.DataFrame) -> pd.Series:
    """The `final_index` of the words; if not known, a negative number per stretch between two pauses."""
    latest = words["end"].cummax().shift()
    pauses = (words["start"] - latest > PAUSE).cumsum()
    return words["final_index"].where(words["final_index"] >= 0, -1 - pauses)


def _find_utterances(words: pd.DataFrame, finals: pd.DataFrame) -> pd.DataFrame:
    """`start`, `end` and refined `text` of each utterance, by start; the index is `final_index`.

    The bounds are those of the final, or of the words if there is no final.
    """
    known = finals.drop_duplicates("final_index").set_index("final_index")
    of_words = words.groupby("final_index").agg(start=("start", "min"), end=("end", "max"))
    bounds = known[["start", "end"]].combine_first(of_words)
    refined = known.get("refined_text", pd.Series(dtype="str"))
    return bounds.assign(text=refined.reindex(bounds.index).fillna("")).sort_values("start", kind="stable")


def _pack_lane(
    blob: _Blob, words: pd.DataFrame, final: pd.Series, values: npt.NDArray[np.float64] | None
) -> dict[str, Any]:
    start, end = _to_ms(words["start"]), _to_ms(words["end"])
    return {
        "n_words": len(words),
        "start": blob.add(start),
        "end": blob.add(np.maximum(start, end)),
        **_pack_texts(blob, words["word"]),
        "final": blob.add(final.to_numpy("<i4")),
        "value": None if values is None else blob.add(values.astype("<f4")),
    }


def _pack_finals(blob: _Blob, utterances: Sequence[pd.DataFrame]) -> dict[str, Any]:
    together = (
        pd.concat(utterances)
        if utterances
        else pd.DataFrame({"lane": [], "start": [], "end": [], "text": []})
    )
    start, end = _to_ms(together["start"]), _to_ms(together["end"])
    return {
        "n": len(together),
        "lane": blob.add(together["lane"].to_numpy("<i4")),
        "start": blob.add(start),
        "end": blob.add(np.maximum(start, end)),
        **_pack_texts(blob, together["text"]),
    }


def _pack_eou(blob: _Blob, ends: Sequence[pd.DataFrame]) -> dict[str, Any]:
    together = pd.concat(ends) if ends else pd.DataFrame({"lane": [], "time": []})
    lane = together["lane"].to_numpy("<i4")
    return {"n": len(together), "lane": blob.add(lane), "time": blob.add(_to_ms(together["time"]))}


def _to_ms(seconds: pd.Series) -> npt.NDArray[np.int32]:
    milliseconds: npt.NDArray[np.int32] = np.rint(seconds.to_numpy("float64") * 1000).astype("<i4")
    return milliseconds


def _pack_texts(blob: _Blob, texts: pd.Series) -> dict[str, int]:
    """Offsets and bytes of the texts, in the layout of Arrow."""
    strings = pa.array(texts, pa.string(), from_pandas=True)
    chunks = strings.chunks if isinstance(strings, pa.ChunkedArray) else [strings]
    strings = pa.concat_arrays([pa.array([], pa.string()), *(c.cast(pa.string()) for c in chunks)])
    strings = pa.compute.fill_null(strings, "").take(
        pa.array(np.arange(len(strings)))
    )  # a copy that begins at byte 0
    _, offsets, data = strings.buffers()
    offsets = np.frombuffer(offsets, "<u4", len(strings) + 1) if len(strings) else np.zeros(1, "<u4")
    n_bytes = int(offsets[-1])
    text = blob.add(np.frombuffer(data, np.uint8, n_bytes) if n_bytes else np.empty(0, np.uint8))
    return {"text_offsets": blob.add(offsets), "text": text, "text_bytes": n_bytes}


def pack_marks(
    marks: pd.DataFrame | None, lanes: Sequence[Mapping[str, Any]], at: int, duration: float
) -> tuple[dict[str, Any] | None, bytes]:
    """The part `marks` of the spec, and the bytes to append to the columns.

    Args:
        marks: `start`, `end` (seconds), `kind`, `text`, the most important row first; optionally `system` and
            `channel_tag`, which choose lanes (default: all).
        lanes: of the spec.
        at: size of the columns so far.
        duration: of the timeline, seconds. Marks outside of it are left out, with a warning.

    Raises:
        SchemaError: if a column is missing, times are not numbers, or a kind is neither a text nor a number.
    """
    if marks is None:
        return None, b""
    check_time_columns("marks", marks, ("start", "end", "kind", "text"))
    known = marks[marks["start"].between(0, duration) & marks["end"].le(LATEST)]
    if len(known) < len(marks):
        warn(
            LeftOut(
                f"{len(marks) - len(known)} of {count_noun(len(marks), 'mark')} left out: without times, or "
                f"not inside of this timeline, which goes from 0 to {duration:g} s"
            )
        )
    rows = [
        (lane, number)
        for number, mark in enumerate(known.to_dict("records"))
        for lane in _find_lanes(mark, lanes)
    ]
    numbers = [number for _, number in rows]
    frame = known.iloc[numbers].assign(lane=[lane for lane, _ in rows], order=numbers)
    frame = frame.sort_values("start", kind="stable")
    kinds, start, end = list_kinds(marks["kind"]), _to_ms(frame["start"]), _to_ms(frame["end"])
    blob = _Blob(at)
    spec = {
        "n": len(frame),
        "lane": blob.add(frame["lane"].to_numpy("<i4")),
        "start": blob.add(start),
        "end": blob.add(np.maximum(start, end)),
        "kind": blob.add(np.array([kinds.index(kind) for kind in frame["kind"]], "<i4")),
        "order": blob.add(frame["order"].to_numpy("<i4")),
        "kinds": [{"id": str(kind), "label": str(kind)} for kind in kinds],
        **_pack_texts(blob, frame["text"].astype("str")),
    }
    return spec, blob.join()


def list_kinds(kinds: pd.Series) -> list[Any]:
    """The kinds of marks, each once, in the order of the categories, or else of their first rows."""
    order = kinds.cat.categories if isinstance(kinds.dtype, pd.CategoricalDtype) else kinds
    try:
        used = set(kinds)
    except TypeError:
        raise SchemaError("marks: column 'kind' must hold a text or a number in each row") from None
    return [kind for kind in dict.fromkeys(order) if kind in used]


def _find_lanes(mark: Mapping[Any, Any], lanes: Sequence[Mapping[str, Any]]) -> list[int]:
    """Numbers of the lanes of a mark; [-1] for all."""
    wanted = {name: mark.get(name) for name in ("system", "channel_tag")}
    wanted = {name: value for name, value in wanted.items() if isinstance(value, str)}
    if not wanted:
        return [-1]
    return [i for i, lane in enumerate(lanes) if all(lane[name] == value for name, value in wanted.items())]


class _Blob:
    """Columns joined to bytes; each column begins at a multiple of 4."""

    def __init__(self, size: int = 0) -> None:
        self._columns: list[bytes] = []
        self._size = size

    def add(self, column: npt.NDArray[Any]) -> int:
        """Append a column; its byte offset is returned."""
        offset, padding = self._size, -column.nbytes % 4
        self._columns += [column.tobytes(), bytes(padding)]
        self._size += column.nbytes + padding
        return offset

    def join(self) -> bytes:
        return b"".join(self._columns)
