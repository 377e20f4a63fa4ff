"""Static timelines with matplotlib: a lane per channel, its waveform above the words of each system."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from ...audio import Recording
from ...errors import PlotError, count_noun
from ..scene.palette import CIVIDIS, GREY
from ..scene.scene import Scene
from ..scene.systems import systems_of, values_of
from .footnote import Note
from .lanes import Lane, Row, lanes_of
from .marks import draw_marks
from .time_axis import TimeFormatter, TimeLocator, time_unit
from .word_row import WordRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ABOVE_LEGEND = 20.0  # points between the axes and a title with a legend below it
LEFT_OF_LEGEND = 0.6  # of the width of the axes
THINNEST_BAND = 1 / 250  # of the width; where the median utterance is thinner no bounds are drawn


def plot_timeline(
    words: pd.DataFrame | Any | Mapping[str, Any],
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
    """Draw when each word was said, a lane per channel, below the waveform where there is a recording.

    Only the first alternative is drawn. Words are written where they fit, all in one size, on two lines where
    one is too short; a long stretch shows the share of time that is speech instead, so pass `start` and `end`
    to read it, or see `plot_timeline_rows`. The label of the time axis says what is left out.

    Args:
        words: the frame `words` of one recording, times in seconds; a transcript; or a mapping of names to
            these, which are drawn below one another.
        recording: its sound, or the path of it; without it only words are drawn.
        ax: where to draw; without it a figure 10 inches wide is made.
        finals: the frame `finals`; dotted lines mark the bounds of the stretches that were decoded.
        start, end: the stretch to draw, seconds. All of it unless given.
        color: `"channel"`, `"system"`, or the name of a numeric column of the frames.
        loudest: the sample value that fills a lane; that of the stretch unless given.
        title: written above, at the left.

    Raises:
        PlotError: there is nothing to draw, or the words are of several recordings.
        AudioError: the recording cannot be read.
        SchemaError: a frame lacks a column, or has it in another dtype.

    >>> words = pd.DataFrame([("0", "hello", 0.2, 0.6)], columns=["channel_tag", "word", "start", "end"])
    >>> ax = plot_timeline(words)
    >>> [text.get_text() for text in ax.get_yticklabels()], ax.get_xlabel()
    (['channel 0'], 'time (s)')
    >>> plt.close(ax.figure)
    """
    if isinstance(recording, (str, PathLike)):
        recording = Recording(recording)
    scene = Scene(recording, systems_of(words, finals), title or "")
    first, last = _stretch(scene, start, end)
    picture = Picture(scene, first, last, color)
    given = ax is not None
    if ax is None:
        ax = plt.subplots(figsize=(10, picture.height), layout="constrained")[1]
    _draw([picture], [ax], loudest, settle=not given)
    return ax


def draw_scene(
    scene: Scene,
    start: float,
    end: float,
    *,
    color: str,
    width: float,
    marks: pd.DataFrame | None = None,
) -> Figure:
    """A stretch of a scene as a figure that pyplot does not know, `width` inches wide.

    `marks` are drawn below the words that they are about; see `TimelineView.mark`.

    Raises:
        PlotError: there is nothing to draw, or nothing to colour it by.
        AudioError: the recording cannot be read.
    """
    picture = Picture(scene, *_stretch(scene, start, end), color)
    figure = OwnFigure(figsize=(width, picture.height), layout="constrained")
    ax = figure.subplots()
    _draw([picture], [ax])
    if marks is not None:
        draw_marks(ax, picture.lanes, marks, right=1.0 if picture.scale is None else LEFT_OF_LEGEND)
    return figure


class OwnFigure(Figure):
    """A figure that a notebook shows even where pyplot, which does not know it, was never used."""

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
    """The timeline of a whole recording, broken into rows like lines of a page, so that it can be read.

    Args:
        words, recording, finals, title: as of `plot_timeline`.
        seconds: length of a row.
        most: number of rows; a longer recording gets one row, with all of it.

    Returns:
        A figure of its own, 12 inches wide; `savefig` writes it.
    """
    scene = Scene(recording, systems_of(words, finals))
    n_rows = math.ceil(round(scene.duration / seconds, 6))
    if not 1 < n_rows <= most:
        n_rows, seconds = 1, scene.duration
    else:  # short enough to be held, and decoded once instead of once a row
        scene = replace(scene, recording=Recording(recording.read(), recording.sample_rate, id=recording.id))
    pictures = [Picture(scene, k * seconds, (k + 1) * seconds, "channel") for k in range(n_rows)]
    height = 0.4 + 1.15 * pictures[0].lanes[-1].bottom
    figure = Figure(figsize=(12, height * n_rows + 0.6), layout="constrained")
    if title is not None:
        figure.suptitle(title, x=0.01, ha="left", parse_math=False)
    loudest = float(np.abs(recording.envelope(1)).max())
    _draw(pictures, list(figure.subplots(n_rows, squeeze=False)[:, 0]), loudest)
    return figure


# --- what to draw


def _stretch(scene: Scene, start: float | None, end: float | None) -> tuple[float, float]:
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
    first, last = low if start is None else start, high if end is None else end
    if recording is not None and first >= high:
        raise PlotError(f"{recording.id!r} is {high:g} s long, there is nothing from start={first:g} on")
    if not 0 <= first < last < np.inf:
        raise PlotError(f"start must be 0 or later and before end, not start={first:g} with end={last:g}")
    return float(first), float(last)


# --- how it is drawn


@dataclass(frozen=True)
class Picture:
    """A scene from `first` to `last` second."""

    scene: Scene
    first: float
    last: float
    color: str

    def __post_init__(self) -> None:
        self.scene.colour(self.color)  # refused before anything is drawn

    @cached_property
    def lanes(self) -> list[Lane]:
        return lanes_of(self.scene, self.color)

    @cached_property
    def scale(self) -> ScalarMappable | None:
        """What makes colours of numbers; None if these are not what colours the words."""
        colour = self.scene.colour(self.color)
        if colour["by"] != "value":
            return None
        colormap = LinearSegmentedColormap.from_list("timeline", CIVIDIS)
        return ScalarMappable(Normalize(colour["low"], colour["high"]), colormap)

    @property
    def height(self) -> float:
        """Of a figure with this alone, inches."""
        return 0.85 + 1.25 * self.lanes[-1].bottom

    def frame(self, ax: Axes) -> None:
        """Draw all around the picture, which decides how much room there is for the rest."""
        scale = self.scale
        self._axes(ax)
        if self.scene.title:
            pad = None if scale is None else ABOVE_LEGEND
            ax.set_title(self.scene.title, loc="left", pad=pad, parse_math=False)
        if scale is not None:
            self._legend(ax, scale)
        ax.xaxis.label.set(fontsize="small", alpha=0.65, parse_math=False)

    def fill(self, ax: Axes, loudest: float | None = None) -> list[WordRow]:
        """Draw sound and words."""
        self._draw_sound(ax, loudest)
        return [self._draw_row(ax, lane, row) for lane in self.lanes for row in lane.rows]

    def _axes(self, ax: Axes) -> None:
        """Limits, time axis and labels of the lanes."""
        lanes = self.lanes
        ax.set(xlim=(self.first, self.last), ylim=(lanes[-1].bottom, lanes[0].top))
        labels = [label for lane in lanes for label in lane.labels]
        ax.set_yticks([y for y, *_ in labels], [text for _, text, *_ in labels])
        for tick, (_, _, colour, is_channel) in zip(ax.get_yticklabels(), labels, strict=True):
            tick.set(parse_math=False, fontsize="small" if is_channel else "x-small")
            tick.set_color(colour if colour != GREY else mpl.rcParams["text.color"])
            tick.set_fontweight("bold" if is_channel else "normal")
        ax.xaxis.set_major_locator(TimeLocator())
        ax.xaxis.set_major_formatter(TimeFormatter(self.last))
        ax.tick_params(axis="y", length=0)
        ax.tick_params(axis="x", labelsize="small")
        ax.spines[["left", "top", "right"]].set_visible(False)
        ax.set_axisbelow(True)
        ax.grid(axis="x", color="0.5", alpha=0.15, linewidth=0.8)
        between = [lane.top for lane in lanes[1:]]
        ax.hlines(between, self.first, self.last, color="0.5", alpha=0.25, linewidth=0.8)

    def _legend(self, ax: Axes, scale: ScalarMappable) -> None:
        """What the colours mean, above the axes at the right."""
        figure = _figure(ax)
        inches = ax.bbox.height / figure.dpi
        place = ax.inset_axes((0.76, 1 + 0.09 / inches, 0.17, 0.09 / inches))
        figure.colorbar(scale, cax=place, orientation="horizontal", ticks=[]).outline.set_visible(False)
        low, high = (f"{number:.4g}" for number in _rounded(*scale.get_clim()))
        style: dict[str, Any] = {"transform": place.transAxes, "va": "center", "fontsize": "small"}
        place.text(-0.04, 0.5, f"{self.color}   {low}", ha="right", parse_math=False, **style)
        place.text(1.04, 0.5, high, ha="left", **style)

    def _draw_sound(self, ax: Axes, loudest: float | None) -> None:
        recording, first, last = self.scene.recording, self.first, self.last
        if recording is None or first >= recording.duration:
            return
        stop = min(last, recording.duration)
        n_samples = round(stop * recording.sample_rate) - round(first * recording.sample_rate)
        n_bins = min(n_samples, int(ax.bbox.width * (stop - first) / (last - first)))
        if n_bins < 1:
            return
        envelope = self.scene.envelope(n_bins, first, stop)
        loudest = loudest or float(np.abs(envelope).max()) or 1.0
        times = first + (np.arange(n_bins) + 0.5) * (stop - first) / n_bins
        for lane in self.lanes:
            if lane.channel.channel is not None:
                top, bottom = lane.sound
                low, high = (top + bottom) / 2 - envelope[lane.channel.channel].T / loudest * (
                    bottom - top
                ) / 2
                ax.fill_between(times, low, high, color=lane.colour, alpha=0.75, linewidth=0.6)

    def _draw_row(self, ax: Axes, lane: Lane, row: Row) -> WordRow:
        """The utterances as pale bands, lines where one ends and the next begins, and the words."""
        words, finals = (
            frame[frame["channel_tag"] == lane.channel.tag] for frame in (row.system.words, row.system.finals)
        )
        spoken = (
            words[words["final_index"] >= 0]
            .groupby("final_index")
            .agg(start=("start", "min"), end=("end", "max"))
        )
        bands = np.c_[spoken["start"], spoken["end"] - spoken["start"]]
        if len(bands) and np.median(bands[:, 1]) >= THINNEST_BAND * (self.last - self.first):
            top, bottom = (lane.at(0.02), lane.at(0.98)) if len(lane.rows) == 1 else (row.top, row.bottom)
            ax.broken_barh(bands, (top, bottom - top), facecolor=row.colour, alpha=0.08, zorder=0.5)
            bounds = np.unique(finals[["start", "end"]])
            ax.vlines(bounds, top, bottom, color=row.colour, alpha=0.45, linewidth=0.8, linestyles="dotted")
        values = values_of(row.system, self.color)
        if values is not None:
            values = values[(row.system.words["channel_tag"] == lane.channel.tag).to_numpy()]
        times = (words["start"], words["end"])
        drawn = WordRow(
            words["word"],
            *times,
            row.bottom,
            row.top,
            colour=row.colour,
            values=values,
            scale=self.scale,
            overhang=True,
        )
        ax.add_artist(drawn)
        return drawn


def _draw(
    pictures: Sequence[Picture], axes: Sequence[Axes], loudest: float | None = None, settle: bool = True
) -> None:
    """Draw pictures of one scene, with notes below the last.

    With `settle` the layout of the figure comes first, so that waveforms have a point a pixel.
    """
    for picture, ax in zip(pictures, axes, strict=True):
        picture.frame(ax)
    last, scene = pictures[-1].last, pictures[-1].scene
    axes[-1].set_xlabel(f"time ({time_unit(last)})")
    if settle:
        _figure(axes[0]).draw_without_rendering()
    rows = [row for picture, ax in zip(pictures, axes, strict=True) for row in picture.fill(ax, loudest)]
    untimed = sum(system.untimed for system in scene.systems)
    left_out = [f"{count_noun(untimed, 'word')} without times left out"] if untimed else []
    note = Note(rows, axes[-1].get_xlabel(), left_out, pictures[-1].color)
    axes[-1].add_artist(note)
    note.write()


def _rounded(low: float, high: float) -> tuple[float, float]:
    """Both to a hundredth of their distance.

    >>> _rounded(0.00001, 0.98765)
    (0.0, 0.988)
    """
    digits = 2 - math.floor(math.log10(high - low)) if high > low else 6
    return round(low, digits), round(high, digits)


def _figure(ax: Axes) -> Figure:
    return cast(Figure, ax.get_figure(root=True))
