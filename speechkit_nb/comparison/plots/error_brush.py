"""A histogram of boundary errors with a range slider; words in its range are marked in a timeline."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING

import ipywidgets as widgets
import pandas as pd
from matplotlib.figure import Figure

from ...audio import Recording
from ...views import lane_colour
from .boundary_errors import check, plot_boundary_errors, reach
from .target import find_target, locate, look, make_view

if TYPE_CHECKING:
    from ..comparison import Comparison

WIDTH, HEIGHT = 900, 260  # pixels
LEFT, RIGHT = 0.07, 0.98
"""Ends of the histogram's axis as a share of its width; the slider is placed on the axis."""

KNOBS = 4, 8  # pixels of a slider to the left and to the right of the range of its handles


def brush(
    comparison: Comparison, recording: Recording | str | PathLike[str] | None = None, *, side: str = "start"
) -> widgets.VBox:
    """Make a histogram, a range slider on its axis, and a timeline. The words in the selected range are
    marked in the timeline, which goes to the one with the largest error.

    Args:
        comparison: a comparison with a reference and times.
        recording: name or audio of a recording of it; default: the one with the worst place.
        side: `"start"` or `"end"`.

    Returns:
        A VBox; its `children` are the slider, the histogram, a line with the number of selected words and a
        button that selects all, and the timeline.

    Raises:
        PlotError: if there is nothing to draw, or the recording does not exist, or `side` is invalid.
        ConfigError: if there is no reference.
    """
    place = find_target(comparison, recording)
    errors = check(place.rows(comparison.timing_errors), side)
    farthest = errors.loc[errors[f"{side}_error"].abs().sort_values(ascending=False, kind="stable").index]
    view = make_view(comparison, recording, farthest, None, {})
    colours = {name: lane_colour(k) for k, name in enumerate(view.spec["systems"])}
    slider = _slider(errors, side)
    picture = widgets.Image(format="png", layout=widgets.Layout(width="100%", max_width=f"{WIDTH}px"))
    count = widgets.HTML(layout=widgets.Layout(flex="1 1 auto"))
    clear = widgets.Button(description="All words", tooltip="Choose all words again", icon="times")

    def choose(_: object = None) -> None:
        inside = farthest[_chosen(farthest[f"{side}_error"], slider)]
        marks = place.marks(inside)
        view.mark(marks)
        span = locate(marks)
        if span is not None:
            look(view, span)
        low, high = slider.value
        clear.disabled = (low, high) == (slider.min, slider.max)
        chosen = None if clear.disabled else (low / 1000, high / 1000)
        picture.value = _png(errors, side, chosen, colours)
        count.value = _describe_selection(low, high, len(inside), len(errors))

    slider.observe(choose, "value")
    clear.on_click(lambda _: slider.set_trait("value", (slider.min, slider.max)))
    choose()
    line = widgets.HBox([count, clear], layout=widgets.Layout(width="100%", max_width=f"{WIDTH}px"))
    return widgets.VBox([slider, picture, line, view])


def _slider(errors: pd.DataFrame, side: str) -> widgets.IntRangeSlider:
    first, last = (round(end) for end in reach(errors[f"{side}_error"]))
    # the histogram is at most WIDTH pixels wide and shrinks with the page; min() does the same for the slider
    left, width, more = 100 * LEFT, 100 * (RIGHT - LEFT), sum(KNOBS)  # % of the histogram, and pixels
    at = f"min({left:g}% - {KNOBS[0]}px, {WIDTH * LEFT - KNOBS[0]:g}px)"
    wide = f"min({width:g}% + {more}px, {WIDTH * (RIGHT - LEFT) + more:g}px)"
    return widgets.IntRangeSlider(
        value=(first, last),
        min=first,
        max=last,
        readout=False,
        continuous_update=False,
        layout=widgets.Layout(margin=f"0 0 0 {at}", width=wide),
    )


def _chosen(errors: pd.Series, slider: widgets.IntRangeSlider) -> pd.Series[bool]:
    """Whether each error is in the selected range. A handle at its limit includes all errors beyond it."""
    low, high = slider.value
    least = -math.inf if low == slider.min else low / 1000
    return errors.between(least, math.inf if high == slider.max else high / 1000)


def _describe_selection(low: int, high: int, n: int, n_all: int) -> str:
    """The line with the selected range and the number of marked words."""
    return (
        f"{low:+d} to {high:+d} ms: {n:,} of {n_all:,} words are marked; "
        "in the timeline W goes to the farthest off, M to the next in time"
    )


def _png(
    errors: pd.DataFrame, side: str, chosen: tuple[float, float] | None, colours: Mapping[str, str]
) -> bytes:
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100))
    figure.subplots_adjust(LEFT, 0.2, RIGHT, 0.9)
    plot_boundary_errors(errors, figure.subplots(), side=side, chosen=chosen, colours=colours)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=144)
    return file.getvalue()
