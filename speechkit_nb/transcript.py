"""The answer to one recording: the messages as they came, and the frames and text made of them."""

from __future__ import annotations

import base64
import html
import json
import math
import os
import textwrap
import warnings
import zlib
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from . import tables
from .errors import PartialAnalysis, TranscriptError, UnreadableMessage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .views import TimelineView

_METADATA = b"speechkit_nb"
_FORMAT = 2  # 2 added what was sent when; a file of format 1 has none of it


@dataclass(frozen=True, eq=False)
class Transcript:
    """What a service answered about one recording.

    Attributes:
        responses: serialized v3 `StreamingResponse`s in the order of their arrival.
        recording: id of the recording, written into every frame.
        source: the recording itself or its path, where known; the waveform of `plot` comes from it.
        received_at: when each message arrived, seconds since the epoch; empty where nobody noted it.
        info: further facts, such as `model`, `operation_id`, `service`.
        sent_until: of a stream, up to where its audio (seconds) had been sent when each message arrived.
        sends: of a stream, each position in its audio (seconds) and when the audio up to there had been sent,
            seconds since the epoch; ascending.

    >>> t = Transcript([], recording="silence.wav")
    >>> t.text, len(t.words)
    ('', 0)
    """

    responses: Sequence[bytes]
    recording: str = ""
    source: Any = None
    received_at: Sequence[float] = ()
    info: Mapping[str, Any] = field(default_factory=dict)
    sent_until: Sequence[float] = ()
    sends: Sequence[tuple[float, float]] = ()

    @property
    def words(self) -> pd.DataFrame:
        """A row a word of the finals, as frame of schema `tables.WORDS`."""
        return self.words_of("final")

    def words_of(self, stage: str) -> pd.DataFrame:
        """A row a word of one stage: `"partial"`, `"final"` or `"refinement"`."""
        if stage == "final":
            return self._words.copy(deep=False)
        return self._made(tables.make_words, stage)

    @property
    def finals(self) -> pd.DataFrame:
        """A row a final with its refinement, as frame of schema `tables.FINALS`."""
        return self._finals.copy(deep=False)

    @property
    def events(self) -> pd.DataFrame:
        """A row a message, as frame of schema `tables.EVENTS`."""
        return self._made(tables.make_events, self.received_at or None, self.sent_until or None)

    def sent_at(self, position: float) -> float:
        """When the audio of a stream had been sent up to `position` (seconds); NaN if it never was.

        What an event is late by is its `received_at` less this, for the position that it is about.

        >>> Transcript([], sends=[(0.1, 1000.0), (0.2, 1000.5)]).sent_at(0.15)
        1000.5
        """
        index = bisect_left(self.sends, (position - 1e-6,))  # the same moment, whoever computed it
        return self.sends[index][1] if index < len(self.sends) else math.nan

    @property
    def speaker_analysis(self) -> pd.DataFrame:
        """A row a speaker that was analysed; see `tables.make_speakers`."""
        return self._analysed(tables.make_speakers)

    @property
    def conversation_analysis(self) -> pd.DataFrame:
        """A row a dialogue that was analysed; see `tables.make_conversations`."""
        return self._analysed(tables.make_conversations)

    @property
    def interrupts(self) -> pd.DataFrame:
        """A row an interruption; see `tables.make_interrupts`."""
        return self._analysed(tables.make_interrupts)

    @property
    def quantiles(self) -> pd.DataFrame:
        """A row a quantile of an analysis; see `tables.make_quantiles`."""
        return self._analysed(tables.make_quantiles)

    @property
    def classifiers(self) -> pd.DataFrame:
        """A row a label or phrase a classifier found; see `tables.make_classifiers`."""
        return tables.make_classifiers(self.responses, self.recording)

    @property
    def summaries(self) -> pd.DataFrame:
        """A row an answer of the language model; see `tables.make_summaries`."""
        return self._analysed(tables.make_summaries)

    @property
    def text(self) -> str:
        """The finals in the order of their times; with several channels a line each."""
        return self._joined("text")

    @property
    def refined_text(self) -> str:
        """As `text`, each final replaced by its refinement where one came."""
        return self._joined("refined_text")

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Words and utterances against the waveform; options as of `plot_timeline`."""
        from .views import plot_timeline

        source = self.source
        if isinstance(source, (str, os.PathLike)) and not Path(source).exists():
            source = None
        options.setdefault("finals", self.finals)
        options.setdefault("title", self.recording)
        return plot_timeline(self.words, source, ax=ax, **options)

    def view(self, **options: Any) -> TimelineView:
        """Words over the sound, to look at and listen to in a notebook; options as of `TimelineView`.

        For several results on one recording see `TimelineView` itself.
        """
        from .views import Problem, TimelineView

        source = self.source
        lost = isinstance(source, (str, os.PathLike)) and not Path(source).exists()
        timeline = TimelineView(None if lost else source, self, **{"title": self.recording, **options})
        if lost:
            path = os.fspath(source)
            english = f"there is no file {path}, so there is no sound"
            timeline.add_problem(Problem(english, f"файла {path} нет, поэтому нет звука"))
        return timeline

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to one Parquet file, from which `load` brings it back as it was.

        Folders that are missing are made. Raises TranscriptError if the file cannot be written.
        """
        nobody_noted = [math.nan] * len(self.responses)
        source = self.source if isinstance(self.source, (str, os.PathLike)) else _path_of(self.source)
        facts = {
            "format": _FORMAT,
            "recording": self.recording,
            "source": None if source is None else os.fspath(source),
            "info": dict(self.info),
            "sends": _packed(self.sends),
        }
        table = pa.table(
            {
                "response": pa.array(self.responses, pa.large_binary()),
                "received_at": pa.array(self.received_at or nobody_noted, pa.float64()),
                "sent_until": pa.array(self.sent_until or nobody_noted, pa.float64()),
            }
        ).replace_schema_metadata({_METADATA: json.dumps(facts)})
        return _write(table, Path(path))

    @cached_property
    def _words(self) -> pd.DataFrame:
        return self._made(tables.make_words)

    @cached_property
    def _finals(self) -> pd.DataFrame:
        return self._made(tables.make_finals)

    def _made(self, make: Callable[..., pd.DataFrame], *options: Any) -> pd.DataFrame:
        """A frame of the messages; those that cannot be read are told of with the first one only."""
        with warnings.catch_warnings():
            if "_has_told" in self.__dict__:
                warnings.simplefilter("ignore", UnreadableMessage)
            self.__dict__["_has_told"] = True
            return make(self.responses, self.recording, *options)

    def _analysed(self, make: Callable[..., pd.DataFrame]) -> pd.DataFrame:
        """A frame of what the service says at the end of a session about all of it."""
        frame: pd.DataFrame = make(self.responses, self.recording)
        if len(frame) and (n_sessions := tables.count_sessions(self.responses)) > 1:
            warnings.warn(
                f"{self.recording!r} was streamed in {n_sessions} sessions, each of which is analysed for "
                "itself: a row is about one of them, and those that were cut short have none. Submit the "
                "recording to have the whole of it analysed",
                PartialAnalysis,
                stacklevel=3,
            )
        return frame

    def _joined(self, column: str) -> str:
        best = self._best()
        texts = best[column].fillna(best["text"])
        return ("\n" if best["channel_tag"].nunique() > 1 else " ").join(text for text in texts if text)

    def _best(self) -> pd.DataFrame:
        finals = self._finals
        return finals[finals["alternative"] == 0].sort_values("start", kind="stable")

    def __repr__(self) -> str:
        said = textwrap.shorten(" / ".join(self.refined_text.splitlines()), 60, placeholder=" …")
        return f"Transcript({self.recording!r}, {self._counts()}: {said})"

    def _counts(self) -> str:
        n_words, n_finals = len(self._words), len(self._finals)
        return f"{n_words} word{'s' * (n_words != 1)} in {n_finals} final{'s' * (n_finals != 1)}"

    def _repr_html_(self) -> str:
        best = self._best()
        shown = best if len(best) <= 15 else best.head(12)
        times = (shown[f"speech_{bound}"].fillna(shown[bound]) for bound in ("start", "end"))
        texts = shown["refined_text"].fillna(shown["text"])
        rows = "".join(map(_html_row, *times, shown["channel_tag"], texts))
        more = f"<p>… {len(best) - len(shown)} more</p>" if len(best) > len(shown) else ""
        head = "<th>start, s</th><th>end, s</th><th>channel</th><th style='text-align:start'>text</th>"
        return (
            f"<div><b>{html.escape(self.recording)}</b> · {self._counts()}"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}</div>"
        )


def _html_row(start: float, end: float, tag: str, text: str) -> str:
    return (
        f"<tr><td>{start:.2f}</td><td>{end:.2f}</td><td>{html.escape(tag)}</td>"
        f"<td dir='auto' style='text-align:start'>{html.escape(text)}</td></tr>"
    )


def load(path: str | os.PathLike[str]) -> Transcript:
    """Read a saved transcript, or an answer of the REST API that was saved as JSON.

    Args:
        path: a file written by `Transcript.save`, or the body of getRecognition (v3) or of a finished
            operation (v2).

    Raises:
        TranscriptError: if it is neither, or was cut off.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TranscriptError(f"cannot read {os.fspath(path)!r}: {error.strerror}") from None
    if content[:4] == b"PAR1":
        return _from_parquet(content, path)
    if not content.strip():
        raise TranscriptError(
            f"{os.fspath(path)!r} is empty ({len(content)} bytes): no answer was saved in it; fetch it again"
        )
    if content.lstrip()[:1] in (b"{", b"[", b"\xef"):
        from .wire import responses_from_json

        return Transcript(responses_from_json(content), recording=path.stem)
    raise TranscriptError(
        f"{os.fspath(path)!r} is no saved transcript and no JSON answer of the service; "
        "a transcript is saved by Transcript.save(path)"
    )


def _from_parquet(content: bytes, path: Path) -> Transcript:
    from pyarrow import parquet

    try:
        table = parquet.read_table(pa.BufferReader(content))
        facts = json.loads((table.schema.metadata or {})[_METADATA])
        responses = table["response"].to_pylist()
        received_at, sent_until = (_noted(table, name) for name in ("received_at", "sent_until"))
    except (pa.ArrowException, OSError, KeyError) as error:
        raise TranscriptError(
            f"{os.fspath(path)!r} is damaged or was not written by Transcript.save: {error}"
        ) from None
    if facts["format"] > _FORMAT:
        raise TranscriptError(
            f"{os.fspath(path)!r} was written by a newer speechkit_nb (format {facts['format']}, "
            f"this one reads up to {_FORMAT}): pip install -U speechkit-nb"
        )
    sends = _unpacked(facts.get("sends", ""))
    source, info = facts["source"], facts["info"]
    return Transcript(responses, facts["recording"], source, received_at, info, sent_until, sends)


def _noted(table: pa.Table, column: str) -> list[float]:
    """A column of times; empty if nobody noted them."""
    times: list[float] = table[column].to_pylist() if column in table.column_names else []
    return [] if any(map(math.isnan, times)) else times


def _packed(sends: Sequence[tuple[float, float]]) -> str:
    pairs = np.asarray(sends, "<f8").reshape(-1, 2)
    return base64.b64encode(zlib.compress(pairs.tobytes())).decode() if len(pairs) else ""


def _unpacked(text: str) -> list[tuple[float, float]]:
    """
    >>> _unpacked(_packed([(0.5, 1000.25)]))
    [(0.5, 1000.25)]
    """
    pairs = np.frombuffer(zlib.decompress(base64.b64decode(text)) if text else b"", "<f8").reshape(-1, 2)
    return [(position, at) for position, at in pairs.tolist()]


def _path_of(recording: Any) -> Any:
    return getattr(recording, "source", None)


def _write(table: pa.Table, path: Path) -> Path:
    """Whole or not at all: a crash leaves the file that was there before."""
    from pyarrow import parquet

    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            parquet.write_table(table, unfinished, compression="zstd")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise TranscriptError(
            f"cannot write {os.fspath(path)!r}: {reason}; save it into a folder that you may write to"
        ) from None
    return path
