"""The result of one recording: the messages of the service, and the frames and texts made from them."""

from __future__ import annotations

import html
import json
import math
import os
import textwrap
import warnings
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from . import tables
from .errors import (
    ConfigError,
    PartialAnalysis,
    ServiceError,
    TranscriptError,
    UnreadableMessage,
    check_path,
    count_noun,
    make_encodable,
    make_printable,
    show_value,
)
from .paths import remove_signature, write_atomically
from .text_options import TEXT_OPTIONS, find_effects

LARGEST_FILE = 2**30
"""Number of bytes; the messages of a day of speech take about 100 MB."""

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .views import TimelineView


@dataclass(frozen=True, eq=False)
class Transcript:
    """The result of one recording.

    Attributes:
        responses: serialized v3 `StreamingResponse`s in the order of their arrival.
        recording: id of the recording, written into every frame.
        source: the recording or its path; `plot` takes the waveform from it. None if unknown.
        received_at: when each message arrived, in seconds since the epoch; empty if unknown.
        info: more facts, such as `model`, `operation_id`, `service`.
        sent_until: only for a stream: seconds of its audio that had been sent when each message arrived.
        sends: only for a stream: pairs of a position in its audio (seconds) and the time when the audio up to
            there had been sent (seconds since the epoch); ascending.

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
        """One row per word of the finals; schema `tables.WORDS`."""
        return self.words_of("final")

    def words_of(self, stage: str) -> pd.DataFrame:
        """One row per word of one stage: `"partial"`, `"final"` or `"refinement"`."""
        if isinstance(stage, str) and stage == "final":
            return self._words.copy(deep=False)
        return self._make_frame(tables.make_words, stage)

    @property
    def finals(self) -> pd.DataFrame:
        """One row per final, with its refinement; schema `tables.FINALS`."""
        return self._finals.copy(deep=False)

    @property
    def languages(self) -> pd.DataFrame:
        """One row per language that the service estimated for a final; schema `tables.LANGUAGES`."""
        return self.languages_of("final")

    def languages_of(self, stage: str) -> pd.DataFrame:
        """One row per language estimated for a `"partial"`, a `"final"` or a `"refinement"`."""
        return self._make_frame(tables.make_languages, stage)

    @property
    def events(self) -> pd.DataFrame:
        """One row per message; schema `tables.EVENTS`."""
        return self._make_frame(tables.make_events, self.received_at or None, self.sent_until or None)

    def sent_at(self, position: float) -> float:
        """The time when the audio of a stream had been sent up to `position` (seconds); NaN if it never was.

        The delay of an event is its `received_at` minus the time of the position that the event is about.

        >>> Transcript([], sends=[(0.1, 1000.0), (0.2, 1000.5)]).sent_at(0.15)
        1000.5
        """
        if not isinstance(position, Real):
            raise ConfigError(f"position must be a number of seconds, not {show_value(position)}")
        index = bisect_left(self.sends, (position - 1e-6,))  # tolerates rounding of the position
        return self.sends[index][1] if index < len(self.sends) else math.nan

    @property
    def speaker_analysis(self) -> pd.DataFrame:
        """One row per analysis of a speaker; see `tables.make_speakers`."""
        return self._make_analysis(tables.make_speakers)

    @property
    def conversation_analysis(self) -> pd.DataFrame:
        """One row per analysis of the whole dialogue; see `tables.make_conversations`."""
        return self._make_analysis(tables.make_conversations)

    @property
    def interrupts(self) -> pd.DataFrame:
        """One row per interruption; see `tables.make_interrupts`."""
        return self._make_analysis(tables.make_interrupts)

    @property
    def quantiles(self) -> pd.DataFrame:
        """One row per quantile of an analysis; see `tables.make_quantiles`."""
        return self._make_analysis(tables.make_quantiles)

    @property
    def classifiers(self) -> pd.DataFrame:
        """One row per label or phrase that a classifier found; see `tables.make_classifiers`."""
        return tables.make_classifiers(self.responses, self.recording)

    @property
    def summaries(self) -> pd.DataFrame:
        """One row per answer of the language model; see `tables.make_summaries`."""
        return self._make_analysis(tables.make_summaries)

    @property
    def summary_tokens(self) -> pd.DataFrame:
        """One row per message with summaries: the tokens they used; see `tables.make_summary_tokens`."""
        return self._make_analysis(tables.make_summary_tokens)

    @property
    def text(self) -> str:
        """The text of the finals in order of time; with several channels one line per final.

        With API v2 and normalization it is what v3 calls refined: see `text_kind` in `finals`.
        """
        return self._join_texts("text")

    @property
    def refined_text(self) -> str:
        """As `text`, with each final replaced by its refinement if there is one."""
        return self._join_texts("refined_text")

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Plot words and utterances over the waveform; options as for `plot_timeline`."""
        from .views import plot_timeline

        defaults = {"finals": self.finals, "title": self.recording}
        source = None if self._missing_file() else self.source
        return plot_timeline(self.words, source, ax=ax, **{**defaults, **options})

    def view(self, **options: Any) -> TimelineView:
        """Show words over the sound in a notebook, with playback; options as for `TimelineView`.

        For several results of one recording use `TimelineView` itself.
        """
        from .views import TimelineView

        path = self._missing_file()
        timeline = TimelineView(None if path else self.source, self, **{"title": self.recording, **options})
        if path:
            english = f"there is no file {path}, so there is no sound"
            timeline.add_problem(tables.Problem(english, f"файла {path} нет, поэтому нет звука"))
        return timeline

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write one file, completely or not at all; missing folders are made.

        Args:
            path: its suffix decides what is written: `.parquet`, or none, is everything, and `load` returns
                an equal transcript; `.json` are the messages as the REST API prints them, which `load` reads
                too; `.csv` are the words, and `.txt` is `refined_text`.

        Raises:
            TranscriptError: if there is no such format, or the file cannot be written.
        """
        path = check_path("path", path, TranscriptError)
        suffix = path.suffix.lower()
        if suffix not in ("", ".parquet", *_WRITERS):
            raise TranscriptError(
                f"{path.name!r} names no format of a transcript: use .parquet for everything, .json for the "
                "messages, .csv for the words, .txt for the text; for other formats write the frames, as "
                "with transcript.words.to_excel(path)"
            )
        try:
            if suffix not in _WRITERS:
                return self._save_all(path)
            with write_atomically(path) as unfinished:
                _WRITERS[suffix](self, unfinished)
        except OSError as error:
            raise TranscriptError(
                f"cannot write {os.fspath(path)!r}: {error.strerror or error}; save it in a folder where you "
                "may write"
            ) from None
        return path

    def _save_all(self, path: Path) -> Path:
        source = self.source if isinstance(self.source, (str, os.PathLike)) else _path_of(self.source)
        saved = tables.SavedTranscript(
            self.responses,
            self.recording,
            None if source is None else remove_signature(os.fspath(source)),
            self.received_at,
            self.info,
            self.sent_until,
            self.sends,
        )
        tables.write_saved(saved, path)
        return path

    def _missing_file(self) -> str | None:
        """The path of the audio if there is no such file."""
        is_path = isinstance(self.source, (str, os.PathLike))
        is_missing = is_path and not os.path.exists(self.source)
        return make_encodable(remove_signature(os.fspath(self.source))) if is_missing else None

    @cached_property
    def _words(self) -> pd.DataFrame:
        return self._make_frame(tables.make_words)

    @cached_property
    def _finals(self) -> pd.DataFrame:
        return self._make_frame(tables.make_finals, self._v2_text_kind())

    def _make_frame(self, make: Callable[..., pd.DataFrame], *options: Any) -> pd.DataFrame:
        """A frame of the messages. Unreadable messages are warned of only once, with the first frame."""
        with warnings.catch_warnings():
            if "_has_warned" in self.__dict__:
                warnings.simplefilter("ignore", UnreadableMessage)
            self.__dict__["_has_warned"] = True
            return make(self.responses, self.recording, *options)

    def _v2_text_kind(self) -> str:
        """The kind of a text of API v2 by the options of the recognition; empty if they are not known."""
        if "model" not in self.info:
            return ""
        languages = self.info.get("language", ())
        options = [name for name in TEXT_OPTIONS if self.info.get(name)]
        languages = [languages] if isinstance(languages, str) else languages
        is_changed = find_effects("v2 stream" if self.sends else "v2", options, languages)
        return tables.NORMALIZED if is_changed else tables.RAW

    def _make_analysis(self, make: Callable[..., pd.DataFrame]) -> pd.DataFrame:
        """A frame of events that the service sends once, at the end of a session, about the whole session."""
        frame: pd.DataFrame = make(self.responses, self.recording)
        if len(frame) and (n_sessions := tables.count_sessions(self.responses)) > 1:
            warnings.warn(
                f"{self.recording!r} was streamed in {n_sessions} sessions, and each session is analysed "
                "separately: a row is about one session, and sessions that were cut short have no row. "
                "Submit the recording as a file to analyse all of it",
                PartialAnalysis,
                stacklevel=3,
            )
        return frame

    def _join_texts(self, column: str) -> str:
        finals = self._first_alternatives()
        texts = finals[column].fillna(finals["text"])
        return ("\n" if finals["channel_tag"].nunique() > 1 else " ").join(text for text in texts if text)

    def _first_alternatives(self) -> pd.DataFrame:
        finals = self._finals
        return finals[finals["alternative"] == 0].sort_values("start", kind="stable")

    def __repr__(self) -> str:
        text = textwrap.shorten(" / ".join(self.refined_text.splitlines()), 60, placeholder=" …")
        return make_printable(f"Transcript({remove_signature(self.recording)!r}, {self._counts()}: {text})")

    def _counts(self) -> str:
        return f"{count_noun(len(self._words), 'word')} in {count_noun(len(self._finals), 'final')}"

    def _repr_html_(self) -> str:
        from .views import render_finals

        title = f"<b>{html.escape(remove_signature(self.recording))}</b> · {self._counts()}"
        return render_finals(title, self._first_alternatives())


def _write_messages(transcript: Transcript, path: Path) -> None:
    from .wire import responses_to_json

    messages = responses_to_json(transcript.responses)
    lines = (json.dumps(message, ensure_ascii=False) + "\n" for message in messages)
    path.write_text("".join(lines), encoding="utf-8")


_WRITERS: dict[str, Callable[[Transcript, Path], Any]] = {
    ".json": _write_messages,
    ".csv": lambda transcript, path: transcript.words.to_csv(path, index=False),
    ".txt": lambda transcript, path: path.write_text(transcript.refined_text + "\n", encoding="utf-8"),
}


def load(path: str | os.PathLike[str]) -> Transcript:
    """Read a saved transcript, or an answer of the REST API that was saved as JSON.

    Args:
        path: a file written by `Transcript.save`, or the body of getRecognition (v3) or of a finished
            operation (v2).

    Raises:
        TranscriptError: if the file is neither, is cut off, or cannot be read.
        ServiceError: if an error status of the service was saved in place of an answer; it has the code.
    """
    path = check_path("path", path, TranscriptError)
    name = os.fspath(path)
    try:
        if path.exists() and not path.is_file():
            raise TranscriptError(f"{name!r} is no file; a transcript is saved by Transcript.save(path)")
        if path.stat().st_size > LARGEST_FILE:
            raise TranscriptError(f"{name!r} is larger than {LARGEST_FILE:,} bytes, as no transcript is")
        content = path.read_bytes()
    except OSError as error:
        raise TranscriptError(f"cannot read {name!r}: {error.strerror}") from None
    if content[:4] == b"PAR1":
        return Transcript(*tables.read_saved(content, path))
    if not content.strip():
        raise TranscriptError(
            f"{name!r} is empty ({len(content)} bytes): no answer was saved in it; fetch it again"
        )
    # PowerShell saves text as UTF-16
    start = content[:1000].decode(json.detect_encoding(content), "replace").lstrip("\ufeff \t\r\n")
    if start[:1] not in ("{", "["):
        raise TranscriptError(
            f"{name!r} is neither a saved transcript nor an answer of the service in JSON; "
            "a transcript is saved by Transcript.save(path)"
        )
    from .wire import responses_from_json

    try:
        return Transcript(responses_from_json(content), recording=make_encodable(path.stem))
    except ServiceError as error:
        raise ServiceError(
            f"{name!r} has an error status of the service, no transcript: {error}",
            code=error.code,
            details=error.details,
        ) from None


def _path_of(source: Any) -> Any:
    return getattr(source, "source", None)


Transcript.__module__ = "speechkit_nb"  # it prints under the name that users import
