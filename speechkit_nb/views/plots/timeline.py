"""Static timelines with matplotlib: one lane per channel, its waveform above the words of each system."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ...audio import Recording
from ...errors import PlotError, check_number, check_type
from ...tables import warn_problems
from ..scene.scene import Scene, open_recording
from ..scene.systems import LATEST, System, TranscriptLike, read_systems
from .axes import get_axes
from .marks import draw_marks
from .picture import Picture, draw_pictures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEFT_OF_LEGEND = 0.6  # of the width of the axes
SOFTEST, LOUDEST = 1e-6, 1e6  # sample values; 1 is full scale


def plot_timeline(
    words: pd.DataFrame | TranscriptLike | Mapping[str, pd.DataFrame | TranscriptLike],
    recording: Recording | str | PathLike[str] | None = None,
    ax: Axes | None = None,
    *,
    finals: pd.DataFrame | None = None,
    start: float | None = None,
    end: float | None = None,
    color: str = "channel",
    loudest: float | None = None,
    title: str | None = None,
) -> Axes:
    """Draw when each word was spoken: one lane per channel, below its waveform if there is a recording.

    Only the first alternative is drawn. Words are written if they fit, all in one size, on two lines if one
    is too short. A long stretch shows the share of time that is speech instead: pass `start` and `end` to
    read the words, or use `plot_timeline_rows`. The label of the time axis tells what is not drawn.

    Args:
        words: the frame `words` of one recording, times in seconds; a transcript; or a mapping of names to
            these, which are drawn below one another.
        recording: its sound, or the path of it. Default: None, only words are drawn.
        ax: where to draw. Default: None, a new figure 10 inches wide.
        finals: the frame `finals`; dotted lines mark the bounds of the finals.
        start, end: the stretch to draw, seconds. Default: None, all of it.
        color: `"channel"`, `"system"`, or the name of a numeric column of the frames.
        loudest: the sample value that fills a lane. Default: None, the largest one of the stretch.
        title: text above the axes, at the left.

    Raises:
        PlotError: if there is nothing to draw, the words belong to several recordings, or an argument has
            another type or lies outside of its range.
        AudioError: if the recording cannot be read.
        SchemaError: if a frame lacks a column, or the column has another dtype.

    >>> import matplotlib.pyplot as plt
    >>> words = pd.DataFrame([("0", "hello", 0.2, 0.6)], columns=["channel_tag", "word", "start", "end"])
    >>> ax = plot_timeline(words)
    >>> [text.get_text() for text in ax.get_yticklabels()], ax.get_xlabel()
    (['channel 0'], 'time (s)')
    >>> plt.close(ax.figure)
    """
    if loudest is not None:
        check_number("loudest", loudest, SOFTEST, LOUDEST, PlotError)
    scene = Scene(open_recording(recording), _read_systems(words, finals), title)
    first, last = _choose_range(scene, start, end)
    picture = Picture(scene, first, last, color)
    axes = get_axes(ax, 10, picture.height)
    draw_pictures([picture], [axes], loudest, fix_layout=ax is None)
    return axes


def plot_scene(
    scene: Scene,
    start: float,
    end: float,
    *,
    color: str,
    width: float,
    marks: pd.DataFrame | None = None,
) -> Figure:
    """A stretch of a scene as a figure that pyplot does not manage, `width` inches wide.

    `marks` are drawn below their words; see `TimelineView.mark`.

    Raises:
        PlotError: if there is nothing to draw, or `color` names no column of numbers.
        AudioError: if the recording cannot be read.
    """
    picture = Picture(scene, *_choose_range(scene, start, end), color)
    figure = NotebookFigure(figsize=(width, picture.height), layout="constrained")
    ax = figure.subplots()
    draw_pictures([picture], [ax])
    if marks is not None:
        draw_marks(ax, picture.lanes, marks, right=1.0 if picture.scale is None else LEFT_OF_LEGEND)
    return figure


class NotebookFigure(Figure):
    """A figure that a notebook shows although pyplot does not manage it."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def plot_timeline_rows(
    words: pd.DataFrame,
    recording: Recording,
    *,
    finals: pd.DataFrame | None = None,
    title: str | None = None,
    seconds: float = 10.0,
    most: int = 12,
) -> Figure:
    """The timeline of a whole recording, broken into rows like the lines of a page, so that it can be read.

    Args:
        words, recording, finals, title: as for `plot_timeline`.
        seconds: length of a row.
        most: largest number of rows; a longer recording is drawn in one row.

    Returns:
        A figure 12 inches wide that pyplot does not manage; `savefig` writes it.

    Raises:
        PlotError: as `plot_timeline`.
    """
    check_number("seconds", seconds, 0.1, LATEST, PlotError)
    check_number("most", most, 1, 100, PlotError)
    check_type("recording", recording, Recording, "a Recording", PlotError)
    scene = Scene(recording, _read_systems(words, finals), title)
    title, scene = scene.title, replace(scene, title=None)  # above all rows, not above each
    n_rows = math.ceil(round(scene.duration / seconds, 6))
    if not 1 < n_rows <= most:
        n_rows, seconds = 1, scene.duration
    else:  # short enough for memory, and decoded once instead of once per row
        sound = Recording(recording.read(), recording.sample_rate, id=recording.id)
        scene = replace(scene, recording=sound)
    pictures = [Picture(scene, k * seconds, (k + 1) * seconds, "channel") for k in range(n_rows)]
    height = 0.4 + 1.15 * pictures[0].lanes[-1].bottom
    figure = Figure(figsize=(12, height * n_rows + 0.6), layout="constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left", parse_math=False)
    loudest = float(np.abs(recording.envelope(1)).max())
    draw_pictures(pictures, list(figure.subplots(n_rows, squeeze=False)[:, 0]), loudest)
    return figure


def _read_systems(
    words: pd.DataFrame | TranscriptLike | Mapping[str, pd.DataFrame | TranscriptLike],
    finals: pd.DataFrame | None,
) -> list[System]:
    """The systems to draw. A picture has no place for problems of their frames, so these are warnings."""
    systems = read_systems(words, finals)
    for system in systems:
        warn_problems(system.frame_problems)
    return systems


def _choose_range(scene: Scene, start: float | None, end: float | None) -> tuple[float, float]:
    """First and last second to draw."""
    recording, frames = scene.recording, [f for s in scene.systems for f in (s.words, s.finals)]
    times = np.concatenate([np.empty(0), *(f[["start", "end"]].to_numpy(float).ravel() for f in frames)])
    if recording is None and not times.size:
        untimed = sum(system.untimed for system in scene.systems)
        found = f"none of the {untimed} words has times" if untimed else "there are no words"
        raise PlotError(f"nothing to draw: {found} and no recording; pass recording= to see its sound")
    if recording is not None:
        low, high = 0.0, times.max(initial=recording.duration)
    else:
        margin = 0.01 * float(np.ptp(times)) or 0.5
        low, high = max(0.0, times.min() - margin), times.max() + margin
    first = low if start is None else check_number("start", start, 0, LATEST, PlotError)
    last = high if end is None else check_number("end", end, 0, LATEST, PlotError)
    if recording is not None and first >= high:
        raise PlotError(f"{recording.id!r} is {high:g} s long, there is nothing from start={first:g} on")
    if not first < last:
        raise PlotError(f"start must be before end, not start={first:g} with end={last:g}")
    return float(first), float(last)
