"""Selects what plots and timelines of a comparison show: a recording, its audio, and a span of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

import pandas as pd

from ...audio import Recording
from ...errors import PlotError, check_number, check_type, few
from ...views import LATEST, TimelineView
from .error_marks import error_runs, errors_in_time, make_marks

if TYPE_CHECKING:
    from ..comparison import Comparison

AROUND = 1.5
"""Seconds shown before and after the selected place."""

SHOWN = 6.0
"""Seconds shown by default."""

REFERENCE = "reference"
TIMES = (("start", "end"), ("ref_start", "ref_end"), ("hyp_start", "hyp_end"))


@dataclass(frozen=True)
class TimelineTarget:
    """One recording of a comparison.

    Attributes:
        comparison: the comparison.
        name: name of the recording; None if no input names recordings.
        sound: its audio; None if it is not available.
        tag: tag of the channel that is shown; None: all channels.
    """

    comparison: Comparison
    name: str | None
    sound: Recording | None
    tag: str | None = None

    def of_channel(self, tag: str | None) -> TimelineTarget:
        """The same recording with one channel."""
        return replace(self, tag=tag)

    def rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of the frame that belong to this recording."""
        return frame[frame["recording"] == self.name] if "recording" in frame and self.name else frame

    def marks(self, where: pd.DataFrame | None = None, lane: str | None = None) -> pd.DataFrame:
        """Marks of errors and disagreements, the worst first, or of the rows `where`; see `make_marks`."""
        aligned = self.comparison.aligned
        return make_marks(
            None if aligned is None else self._own(aligned),
            self._own(self.comparison.disagreements),
            None if where is None else self._own(where),
            lane=lane,
        )

    def _own(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of this recording and, if it is given, of this channel."""
        frame = self.rows(frame)
        is_split = self.tag is not None and "channel_tag" in frame
        return frame[frame["channel_tag"] == self.tag] if is_split else frame

    def frames(self) -> dict[str, pd.DataFrame]:
        """The words with times of the reference and of each system that has times."""
        material = self.comparison.material
        sides = {} if material.reference is None else {REFERENCE: material.reference}
        found = {}
        for name, frame in (sides | dict(material.systems)).items():
            if "word" in frame and len(rows := self.rows(frame)) and rows["start"].notna().any():
                found[name] = rows.drop(columns=["final_index"], errors="ignore")
        return found


def find_target(comparison: Comparison, recording: Recording | str | PathLike[str] | None) -> TimelineTarget:
    """The given recording; default: the one with the worst place.

    Raises:
        PlotError: if it is not one of the compared recordings.
        AudioError: if it cannot be read.
    """
    files, sources = comparison.material.files, comparison.material.sources
    if recording is None:
        name = _worst(comparison, files)
        return TimelineTarget(comparison, name, _sound(None if name is None else sources.get(name)))
    if isinstance(recording, str) and recording in files:
        return TimelineTarget(comparison, recording, _sound(sources.get(recording)))
    expected = "the name, the audio or the path of one of the compared recordings"
    check_type("recording", recording, (Recording, str, PathLike), expected, PlotError)
    sound = recording if isinstance(recording, Recording) else _file(recording, files)
    name = sound.id if sound.id in files else files[0] if len(files) == 1 else None
    if name is None and files:
        raise PlotError(f"{sound.id!r} is none of the {len(files)} recordings compared ({few(files)})")
    return TimelineTarget(comparison, name, sound)


def locate(marks: pd.DataFrame, at: Mapping[Any, Any] | None = None) -> tuple[float, float] | None:
    """Start and end in seconds of the row `at`, or of the first mark; None if they are unknown."""
    known = None if at is None else _times(at)
    if known is None and len(marks):
        known = float(marks["start"].iloc[0]), float(marks["end"].iloc[0])
    return known


def choose_span(place: TimelineTarget, start: float | None, end: float | None) -> tuple[float, float] | None:
    """The span to show, in seconds: the given one, or around the worst place; None if there is neither."""
    if start is None and end is None:
        worst = locate(place.marks())
        return None if worst is None else add_margin(worst)
    last = None if end is None else check_number("end", end, 0, LATEST, PlotError)
    if start is None:
        first = max(0.0, (last or 0.0) - SHOWN)
    else:
        first = check_number("start", start, 0, LATEST, PlotError)
    return first, first + SHOWN if last is None else last


def add_margin(span: tuple[float, float]) -> tuple[float, float]:
    """The span with `AROUND` seconds more before and after it."""
    return max(0.0, span[0] - AROUND), span[1] + AROUND


def look(view: TimelineView, span: tuple[float, float]) -> None:
    """Move the view to a span, and the playhead to its start."""
    duration = float(view.spec["duration"])
    first, last = add_margin(span)
    view.view_range = max(0.0, min(first, duration - AROUND)), min(last, duration)
    view.current_time = min(span[0], duration)


def make_view(
    comparison: Comparison,
    recording: Recording | str | PathLike[str] | None,
    where: pd.DataFrame | None,
    at: Mapping[Any, Any] | None,
    options: Mapping[str, Any],
) -> TimelineView:
    """Make the timeline of a comparison, see `Comparison.view`."""
    check_type("where", where, (pd.DataFrame, NoneType), "rows of a frame of this comparison", PlotError)
    check_type("at", at, (Mapping, NoneType), "a row of a frame of this comparison", PlotError)
    if recording is None and at is not None and isinstance(at.get("recording"), str):
        recording = at["recording"]
    place = find_target(comparison, recording)
    frames = place.frames()
    if not frames and place.sound is None:
        raise PlotError("nothing to show: no word has times, and there is no sound; pass the recording")
    marks = place.marks(where, REFERENCE if REFERENCE in frames else None)
    title = place.name if place.name is not None else (place.sound.id if place.sound else "")
    given = {"color": "system", "title": title, **options}
    view = TimelineView(place.sound, frames or None, marks=marks, **given)
    span = locate(marks, at)
    if span is not None and "view_range" not in options:
        look(view, span)
    for name in comparison.systems:
        if name not in frames:
            view.add_problem(f"{name} has no words with times here, so it is not shown")
    if place.sound is None:
        view.add_problem("the sound is not at hand: pass the recording, view('talk.wav')")
    return view


def _worst(comparison: Comparison, files: tuple[str, ...]) -> str | None:
    """The recording of the largest disagreement or, if systems agree, of the longest run of errors."""
    if len(files) < 2:
        return files[0] if files else None
    worst, aligned = comparison.disagreements.dropna(subset=["start"]), comparison.aligned
    if not len(worst) and aligned is not None:
        runs = error_runs(aligned)[errors_in_time(aligned)["at"].notna()]
        worst = aligned.loc[runs.nlargest(1).index]
    return str(worst["recording"].iloc[0]) if len(worst) else files[0]


def _sound(source: object) -> Recording | None:
    if isinstance(source, (str, PathLike)):
        return Recording(source) if Path(source).is_file() else None
    return source if isinstance(source, Recording) else None


def _file(recording: str | PathLike[str], files: tuple[str, ...]) -> Recording:
    if isinstance(recording, str) and not Path(recording).is_file():
        there = f"there are {few(files)}" if files else "the recordings compared have no names"
        raise PlotError(f"{recording!r} is neither a recording of this comparison nor a file; {there}")
    return Recording(fspath(recording))


def _times(at: Mapping[Any, Any]) -> tuple[float, float] | None:
    """Start and end of a row of any frame of a comparison."""
    for first, last in TIMES:
        if first in at and at[first] == at[first] and at[last] == at[last]:
            return float(at[first]), float(at[last])
    return None
