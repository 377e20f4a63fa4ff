"""A histogram of boundary errors with a slider on it: what is chosen there is marked in a timeline."""

from __future__ import annotations

import io
from os import PathLike
from typing import Any

import ipywidgets as widgets
import pandas as pd
from matplotlib.figure import Figure

from ..audio import Recording
from .compare_boundaries import check, plot_boundary_errors, reach
from .compare_marks import marks_of
from .compare_place import look, place_of, view_of

WIDTH = 900  # pixels


def brush(
    comparison: Any, recording: Recording | str | PathLike[str] | None = None, *, side: str = "start"
) -> widgets.VBox:
    """The histogram, a slider of two ends, and the timeline, whose marks are the words between the two; it
    goes to the one that is farthest off.

    Args:
        comparison: with a reference and times.
        recording: one of it, by name, or its sound; the one with the worst place unless given.
        side: `"start"` or `"end"`.

    Returns:
        A VBox; its `children` are the slider, the histogram, a line that counts, and the timeline.

    Raises:
        PlotError: if there is nothing to draw, or no such recording or side.
        ConfigError: if there is no reference.
    """
    place = place_of(comparison, recording)
    errors = place.rows(comparison.timing_errors)
    check(errors, side)
    view = view_of(comparison, recording, errors, None, {})
    column = f"{side}_error"
    first, last = (round(end) for end in reach(errors[errors["common"]][column]))
    slider = widgets.IntRangeSlider(
        value=(first, last),
        min=first,
        max=last,
        description=f"{side}, ms",
        continuous_update=False,
        layout=widgets.Layout(width="100%"),
    )
    picture = widgets.Image(format="png", layout=widgets.Layout(width="100%", max_width=f"{WIDTH}px"))
    count = widgets.HTML()

    def choose(_: object = None) -> None:
        low, high = (end / 1000 for end in slider.value)
        at_ends = slider.value[0] == first, slider.value[1] == last
        inside = errors[((errors[column] >= low) | at_ends[0]) & ((errors[column] <= high) | at_ends[1])]
        view.mark(marks_of(None, errors.iloc[:0], inside))
        if len(inside):
            worst = inside.loc[inside[column].abs().idxmax()]
            look(view, (worst["ref_start"], worst["ref_end"]))
        picture.value = _png(errors, side, (low, high))
        count.value = f"{len(inside):,} of {len(errors):,} words are marked; M goes to the next"

    slider.observe(choose, "value")
    choose()
    return widgets.VBox([slider, picture, count, view])


def _png(errors: pd.DataFrame, side: str, chosen: tuple[float, float]) -> bytes:
    figure = Figure(figsize=(WIDTH / 100, 2.6), layout="constrained")
    plot_boundary_errors(errors, figure.subplots(), side=side, chosen=chosen)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=144)
    return file.getvalue()
