"""Words as binary columns: what the timeline's JavaScript is given.

This page is the contract between `views/timeline.py` and `views/js/data.js`; an exported page
(`views/export.py`) carries the same names, blobs as base64. Seconds are floats, `*_ms` and columns are
whole milliseconds. All is relative to the start of the recording.

Synced traits:

    spec           JSON, see below; replaced as a whole when it changes
    columns        bytes; every offset of `spec` but those of peaks is a byte offset into it, a multiple of 4
    peaks          bytes; int8 pairs (low, high), channel after channel; 127 is the loudest sample of all
    sound          bytes of an encoded file, b"" until JavaScript asks for it
    sound_type     MIME type of `sound`
    sound_urls     list of {url, type}; url is relative to the base URL of the Jupyter server
                   ("files/data/talk%20one.wav"); the file as it lies on the disk. To be probed with Range
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
    loudest        the sample, of 1, that 127 stands for in the peaks; null: there are none
    channels       [{tag, label, channel, peaks}], every channel that has sound or words, from top to bottom:
                   channel is its number in the recording, null: no sound; peaks is [byte offset, number of
                   bins], null: no waveform
    systems        [name], as given; one unnamed system is called "words"
    lanes          [{id (str), system, channel_tag, label, n_words, start, end, text_offsets, text,
                   text_bytes, final, value}], channel after channel, in it system after system. Offsets of:
                   start and end int32 ms, ascending by start, end >= start; text_offsets uint32,
                   n_words + 1, into the UTF-8 at text; final int32, row of `finals`; value float32 or NaN,
                   null: no column
    finals         {n, lane, start, end, text_offsets, text, text_bytes}: the utterances, by lane, then start;
                   where it is not known which word belongs to which, those between two pauses of 0.5 s.
                   Offsets of: lane int32, start, end int32 ms, text_offsets uint32 (n + 1); text is the
                   refined text, empty where there is none
    eou            {n, lane, time}: ends of utterances. Offsets of: lane int32, time int32 ms
    colour         {by: "channel" | "system" | "value", name, low, high, stops}: name of the numeric column,
                   its range, and "#rrggbb" at equal distances from low to high
    marks          null or {n, lane, start, end, kind, kinds, order, text_offsets, text, text_bytes}: places
                   pointed at, by start. Offsets as of finals, lane -1: all lanes; kind int32, number in
                   kinds [{id, label}]; order int32, by importance, 0 the worst
    locale         null (that of the browser), "en" or "ru"
    sound          null (there is none) or {duration, sample_rate, n_channels, whole, mixed, window_seconds}:
                   whole: `sound` may be asked for; mixed: its channels are mixed to one and can not be
                   muted; window_seconds: most that one window may hold
    problems       [str]: what is wrong and what was left out; to be shown as text
    russian        {problem: how it is said in Russian}, of those problems where that is known

Messages from JavaScript, and what comes back:

    {kind: "encoding", wanted: [MIME types that the browser plays]}
        -> {kind: "encoding", begun: true} at once; then the traits sound_type and sound are set, or
           {kind: "encoding", error: str}
    {kind: "window", id, start, end, channels?: [numbers]}
        -> {kind: "window", id, start, end, channels, sample_rate} with [WAV], 16 bit, the channels asked for
           (all unless said), or {kind: "window", id, error: str}

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

from ...errors import SchemaError
from .systems import LATEST, Channel, System, spoken, values_of

VERSION = 1
PAUSE = 0.5  # s


class Packed(NamedTuple):
    """What `pack` makes.

    Attributes:
        spec: the parts `channels` (without peaks), `systems`, `lanes`, `finals` and `eou` of the spec.
        columns: the blob.
        rows: of each lane the words, in the order of its columns.
    """

    spec: dict[str, Any]
    columns: bytes
    rows: list[pd.DataFrame]


def pack(systems: Sequence[System], channels: Sequence[Channel], value: str | None = None) -> Packed:
    """The words of all systems, a lane a channel and system.

    Args:
        systems, channels: as of `systems_of` and `channels_of`.
        value: the numeric column that colours the words, in the frames that have it.
    """
    places = [(channel, system) for channel in spoken(systems, channels) for system in systems]
    blob, lanes, rows, spans, ends = _Blob(), [], [], [], []
    for number, (channel, system) in enumerate(places):
        words, finals, eou = (_of(channel, frame) for frame in (system.words, system.finals, system.eou))
        words = words.assign(final_index=_final_index(words))
        spans.append(_utterances(words, finals).assign(lane=number))
        ends.append(eou[["time"]].sort_values("time").assign(lane=number))
        row_of = pd.Series(np.arange(len(spans[-1])) + sum(map(len, spans[:-1])), spans[-1].index)
        final = row_of[words["final_index"]]
        label = system.name if len(systems) > 1 else ""
        lane = {"id": str(number), "system": system.name, "channel_tag": channel.tag, "label": label}
        lanes.append(lane | _lane(blob, words, final, None if value is None else values_of(system, value)))
        rows.append(words)
    spec = {
        "channels": [channel._asdict() for channel in channels],
        "systems": [system.name for system in systems],
        "lanes": lanes,
        "finals": _finals(blob, spans),
        "eou": _ends(blob, ends),
    }
    return Packed(spec, blob.join(), rows)


def _of(channel: Channel, frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["channel_tag"] == channel.tag]


def _final_index(words: pd.DataFrame) -> pd.Series:
    """As in the frame; where it is not known, a negative number for each stretch between two pauses."""
    latest = words["end"].cummax().shift()
    pauses = (words["start"] - latest > PAUSE).cumsum()
    return words["final_index"].where(words["final_index"] >= 0, -1 - pauses)


def _utterances(words: pd.DataFrame, finals: pd.DataFrame) -> pd.DataFrame:
    """By final_index and in the order of their starts: `start` and `end`, those of the words where nothing
    else is known, and the text of the refinement."""
    known = finals.drop_duplicates("final_index").set_index("final_index")
    spoken = words.groupby("final_index")
    bounds = known[["start", "end"]].combine_first(spoken.agg(start=("start", "min"), end=("end", "max")))
    refined = known.get("refined_text", pd.Series(dtype="str"))
    return bounds.assign(text=refined.reindex(bounds.index).fillna("")).sort_values("start", kind="stable")


def _lane(blob: _Blob, words: pd.DataFrame, final: pd.Series, values: Any) -> dict[str, Any]:
    start, end = _ms(words["start"]), _ms(words["end"])
    return {
        "n_words": len(words),
        "start": blob.add(start),
        "end": blob.add(np.maximum(start, end)),
        **_texts(blob, words["word"]),
        "final": blob.add(final.to_numpy("<i4")),
        "value": None if values is None else blob.add(values.astype("<f4")),
    }


def _finals(blob: _Blob, spans: Sequence[pd.DataFrame]) -> dict[str, Any]:
    together = pd.concat(spans) if spans else pd.DataFrame({"lane": [], "start": [], "end": [], "text": []})
    start, end = _ms(together["start"]), _ms(together["end"])
    return {
        "n": len(together),
        "lane": blob.add(together["lane"].to_numpy("<i4")),
        "start": blob.add(start),
        "end": blob.add(np.maximum(start, end)),
        **_texts(blob, together["text"]),
    }


def _ends(blob: _Blob, ends: Sequence[pd.DataFrame]) -> dict[str, Any]:
    together = pd.concat(ends) if ends else pd.DataFrame({"lane": [], "time": []})
    lane = together["lane"].to_numpy("<i4")
    return {"n": len(together), "lane": blob.add(lane), "time": blob.add(_ms(together["time"]))}


def _ms(seconds: pd.Series) -> npt.NDArray[np.int32]:
    milliseconds: npt.NDArray[np.int32] = np.rint(seconds.to_numpy("float64") * 1000).astype("<i4")
    return milliseconds


def _texts(blob: _Blob, texts: pd.Series) -> dict[str, int]:
    """Offsets and bytes of the texts, as Arrow has them."""
    strings = pa.array(texts, pa.string(), from_pandas=True)
    chunks = strings.chunks if isinstance(strings, pa.ChunkedArray) else [strings]
    strings = pa.concat_arrays([pa.array([], pa.string()), *(c.cast(pa.string()) for c in chunks)])
    strings = pa.compute.fill_null(strings, "").take(pa.array(np.arange(len(strings))))  # begins at byte 0
    _, offsets, data = strings.buffers()
    offsets = np.frombuffer(offsets, "<u4", len(strings) + 1) if len(strings) else np.zeros(1, "<u4")
    n_bytes = int(offsets[-1])
    text = blob.add(np.frombuffer(data, np.uint8, n_bytes) if n_bytes else np.empty(0, np.uint8))
    return {"text_offsets": blob.add(offsets), "text": text, "text_bytes": n_bytes}


def pack_marks(
    marks: pd.DataFrame | None, lanes: Sequence[Mapping[str, Any]], at: int
) -> tuple[dict[str, Any] | None, bytes]:
    """The part `marks` of the spec, and what is to be put behind the blob.

    Args:
        marks: `start`, `end` (seconds), `kind`, `text`; and `system`, `channel_tag` of the lanes that it is
            about, all where they are missing. The rows stand in the order of their importance. Kinds have
            the order of their first rows, or of the categories.
        lanes: of the spec.
        at: size of the blob.

    Raises:
        SchemaError: a column is missing, or times are none.
    """
    if marks is None:
        return None, b""
    _check_marks(marks)
    known = marks[marks["start"].ge(0) & marks["end"].le(LATEST)]
    rows = [
        (lane, number) for number, mark in enumerate(known.to_dict("records")) for lane in _lanes(mark, lanes)
    ]
    numbers = [number for _, number in rows]
    frame = known.iloc[numbers].assign(lane=[lane for lane, _ in rows], order=numbers)
    frame = frame.sort_values("start", kind="stable")
    kinds, start, end = kinds_of(marks["kind"]), _ms(frame["start"]), _ms(frame["end"])
    blob = _Blob(at)
    spec = {
        "n": len(frame),
        "lane": blob.add(frame["lane"].to_numpy("<i4")),
        "start": blob.add(start),
        "end": blob.add(np.maximum(start, end)),
        "kind": blob.add(np.array([kinds.index(kind) for kind in frame["kind"]], "<i4")),
        "order": blob.add(frame["order"].to_numpy("<i4")),
        "kinds": [{"id": str(kind), "label": str(kind)} for kind in kinds],
        **_texts(blob, frame["text"].astype("str")),
    }
    return spec, blob.join()


def kinds_of(kinds: pd.Series) -> list[Any]:
    """The kinds of marks, each once, in the order of their categories or else of their first rows."""
    order = kinds.cat.categories if isinstance(kinds.dtype, pd.CategoricalDtype) else kinds
    there = set(kinds)
    return [kind for kind in dict.fromkeys(order) if kind in there]


def _check_marks(marks: pd.DataFrame) -> None:
    for column in ("start", "end", "kind", "text"):
        if column not in marks:
            there = ", ".join(map(str, marks)) or "none"
            raise SchemaError(f"marks: column {column!r} is missing; there are {there}")
    for column in ("start", "end"):
        if len(marks) and marks[column].dtype.kind not in "fiu":
            raise SchemaError(f"marks: column {column!r} is {marks[column].dtype}, not seconds as float64")


def _lanes(mark: Mapping[Any, Any], lanes: Sequence[Mapping[str, Any]]) -> list[int]:
    """Numbers of the lanes that a mark is about; [-1] for all."""
    wanted = {name: mark.get(name) for name in ("system", "channel_tag")}
    wanted = {name: value for name, value in wanted.items() if isinstance(value, str)}
    if not wanted:
        return [-1]
    return [i for i, lane in enumerate(lanes) if all(lane[name] == value for name, value in wanted.items())]


class _Blob:
    """Bytes that grow by pieces; each begins at a multiple of 4."""

    def __init__(self, size: int = 0) -> None:
        self._pieces: list[bytes] = []
        self._size = size

    def add(self, piece: npt.NDArray[Any]) -> int:
        """Where the piece begins."""
        at, padding = self._size, -piece.nbytes % 4
        self._pieces += [piece.tobytes(), bytes(padding)]
        self._size += piece.nbytes + padding
        return at

    def join(self) -> bytes:
        return b"".join(self._pieces)
