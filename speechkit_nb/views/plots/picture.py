"""Draws one stretch of a scene on axes: lanes, waveforms, utterances, words, and what the colours mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from ...errors import count_noun
from ..scene.palette import CIVIDIS, GREY
from ..scene.scene import Scene
from ..scene.systems import select_channel, select_values
from .axes import set_lanes
from .footnote import Footnote
from .lanes import Lane, Row, layout_lanes
from .time_axis import time_unit
from .word_row import WordRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ABOVE_LEGEND = 20.0  # points between the axes and a title with a legend below it
THINNEST_BAND = 1 / 250  # of the width; if the median utterance is thinner, no bounds are drawn


@dataclass(frozen=True)
class Picture:
    """A scene from `first` to `last` second.

    Raises:
        PlotError: if `color` is neither "channel" nor "system" nor a column of numbers.
    """

    scene: Scene
    first: float
    last: float
    color: str

    def __post_init__(self) -> None:
        self.scene.choose_colours(self.color)  # raises before anything is drawn

    @cached_property
    def lanes(self) -> list[Lane]:
        return layout_lanes(self.scene, self.color)

    @cached_property
    def scale(self) -> ScalarMappable | None:
        """The colour map of the values; None if values do not colour the words."""
        colour = self.scene.choose_colours(self.color)
        if colour.by != "value":
            return None
        colormap = LinearSegmentedColormap.from_list("timeline", CIVIDIS)
        return ScalarMappable(Normalize(colour.low, colour.high), colormap)

    @property
    def height(self) -> float:
        """Inches of a figure with this picture only."""
        return 0.85 + 1.25 * self.lanes[-1].bottom

    def draw_frame(self, ax: Axes) -> None:
        """Draw everything around the picture; this decides how much room the picture has."""
        self._draw_axes(ax)
        if self.scene.title:
            pad = None if self.scale is None else ABOVE_LEGEND
            ax.set_title(self.scene.title, loc="left", pad=pad, parse_math=False)
        if self.scale is not None:
            self._draw_legend(ax, self.scale)
        ax.xaxis.label.set(fontsize="small", alpha=0.65, parse_math=False)

    def draw_content(self, ax: Axes, loudest: float | None = None) -> list[WordRow]:
        """Draw waveforms and words."""
        self._draw_sound(ax, loudest)
        return [self._draw_row(ax, lane, row) for lane in self.lanes for row in lane.rows]

    def _draw_axes(self, ax: Axes) -> None:
        """Limits, time axis and labels of the lanes."""
        lanes = self.lanes
        ax.set(xlim=(self.first, self.last), ylim=(lanes[-1].bottom, lanes[0].top))
        labels = [label for lane in lanes for label in lane.labels]
        set_lanes(ax, {label.y: label.text for label in labels}, self.last)
        for tick, label in zip(ax.get_yticklabels(), labels, strict=True):
            tick.set_color(label.colour if label.colour != GREY else mpl.rcParams["text.color"])
            if label.is_channel:
                tick.set_fontweight("bold")
            else:
                tick.set_fontsize("x-small")
        between = [lane.top for lane in lanes[1:]]
        ax.hlines(between, self.first, self.last, color="0.5", alpha=0.25, linewidth=0.8)

    def _draw_legend(self, ax: Axes, scale: ScalarMappable) -> None:
        """The colour scale, above the axes at the right."""
        figure = get_figure(ax)
        inches = ax.bbox.height / figure.dpi
        place = ax.inset_axes((0.76, 1 + 0.09 / inches, 0.17, 0.09 / inches))
        figure.colorbar(scale, cax=place, orientation="horizontal", ticks=[]).outline.set_visible(False)
        low, high = (f"{number:.4g}" for number in _round_range(*scale.get_clim()))
        style: dict[str, Any] = {"transform": place.transAxes, "va": "center", "fontsize": "small"}
        place.text(-0.04, 0.5, f"{self.color}   {low}", ha="right", parse_math=False, **style)
        place.text(1.04, 0.5, high, ha="left", **style)

    def _draw_sound(self, ax: Axes, loudest: float | None) -> None:
        recording, first = self.scene.recording, self.first
        if recording is None or first >= recording.duration:
            return
        stop = min(self.last, recording.duration)
        n_samples = round(stop * recording.sample_rate) - round(first * recording.sample_rate)
        n_bins = min(n_samples, int(ax.bbox.width * (stop - first) / (self.last - first)))
        if n_bins < 1:
            return
        envelope = self.scene.read_envelope(n_bins, first, stop)
        loudest = loudest or float(np.abs(envelope).max()) or 1.0
        times = first + (np.arange(n_bins) + 0.5) * (stop - first) / n_bins
        for lane in self.lanes:
            if lane.channel.channel is not None:
                top, bottom = lane.sound
                heights = envelope[lane.channel.channel].T / loudest * (bottom - top) / 2
                low, high = (top + bottom) / 2 - heights
                ax.fill_between(times, low, high, color=lane.colour, alpha=0.75, linewidth=0.6)

    def _draw_row(self, ax: Axes, lane: Lane, row: Row) -> WordRow:
        """The words, on pale bands for the utterances, with dotted lines at the bounds of the finals."""
        words = select_channel(row.system.words, lane.channel)
        utterances = words[words["final_index"] >= 0].groupby("final_index")
        spans = utterances.agg(start=("start", "min"), end=("end", "max"))
        bands = np.c_[spans["start"], spans["end"] - spans["start"]]
        if len(bands) and np.median(bands[:, 1]) >= THINNEST_BAND * (self.last - self.first):
            margin = 0.02 * (lane.bottom - lane.top)
            is_only = len(lane.rows) == 1
            top, bottom = (lane.top + margin, lane.bottom - margin) if is_only else (row.top, row.bottom)
            ax.broken_barh(bands, (top, bottom - top), facecolor=row.colour, alpha=0.08, zorder=0.5)
            bounds = np.unique(select_channel(row.system.finals, lane.channel)[["start", "end"]])
            ax.vlines(bounds, top, bottom, color=row.colour, alpha=0.45, linewidth=0.8, linestyles="dotted")
        drawn = WordRow(
            words["word"],
            words["start"],
            words["end"],
            row.bottom,
            row.top,
            colour=row.colour,
            values=select_values(words, self.color),
            scale=self.scale,
            overhang=True,
        )
        ax.add_artist(drawn)
        return drawn


def draw_pictures(
    pictures: Sequence[Picture],
    axes: Sequence[Axes],
    loudest: float | None = None,
    *,
    fix_layout: bool = True,
) -> None:
    """Draw pictures of one scene, one on each of the axes, and a footnote below the last.

    Args:
        loudest: the sample value that fills a lane; that of each stretch unless given.
        fix_layout: whether to lay out the figure first, so that a waveform has one point per pixel.
    """
    for picture, ax in zip(pictures, axes, strict=True):
        picture.draw_frame(ax)
    last, scene = pictures[-1].last, pictures[-1].scene
    axes[-1].set_xlabel(f"time ({time_unit(last)})")
    if fix_layout:
        get_figure(axes[0]).draw_without_rendering()
    rows = [
        row for picture, ax in zip(pictures, axes, strict=True) for row in picture.draw_content(ax, loudest)
    ]
    untimed = sum(system.untimed for system in scene.systems)
    left_out = [f"{count_noun(untimed, 'word')} without times left out"] if untimed else []
    footnote = Footnote(rows, axes[-1].get_xlabel(), left_out, pictures[-1].color)
    axes[-1].add_artist(footnote)
    footnote.write()


def get_figure(ax: Axes) -> Figure:
    return cast(Figure, ax.get_figure(root=True))


def _round_range(low: float, high: float) -> tuple[float, float]:
    """Both rounded to a hundredth of their distance.

    >>> _round_range(0.00001, 0.98765)
    (0.0, 0.988)
    """
    digits = 2 - math.floor(math.log10(high - low)) if high > low else 6
    return round(low, digits), round(high, digits)
