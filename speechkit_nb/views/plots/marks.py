"""Marks in a static timeline: lines under the words, with one colour and line style per kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from ..scene.packing import list_kinds
from .lanes import Lane, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#C2185B", "#8E5A00", "#5E35B1", "#00695C")  # the same as in the widget
LINES = ("-", (0, (5, 2)), (0, (2, 2)), (0, (8, 2, 2, 2)))
WIDTH = 2.5  # points
BELOW = 0.035  # distance below a row of words, in the unit of `Lane`
SHORTEST = 0.002  # of the width of the axes


def draw_marks(ax: Axes, lanes: Sequence[Lane], marks: pd.DataFrame, right: float = 1.0) -> None:
    """Draw the marks within the limits of the time axis, and a legend above the axes.

    Args:
        marks: as for `TimelineView.mark`.
        right: right end of the legend, as a share of the width.
    """
    first, last = ax.get_xlim()
    visible = marks[(marks["start"] < last) & (marks["end"] > first)]
    keys = []
    for number, kind in enumerate(list_kinds(marks["kind"])):
        of_kind = visible[visible["kind"] == kind]
        style: dict[str, Any] = {
            "color": COLOURS[number % len(COLOURS)],
            "linestyle": LINES[number % len(LINES)],
            "linewidth": WIDTH,
        }
        for lane in lanes:
            for row in lane.rows:
                here = of_kind[_is_about(of_kind, lane, row)]
                ends = np.maximum(here["end"], here["start"] + SHORTEST * (last - first))
                ax.hlines([row.bottom + BELOW] * len(here), here["start"], ends, **style)
        if len(of_kind):
            keys.append(Line2D([], [], label=str(kind), **style))
    if keys:
        place: dict[str, Any] = {
            "loc": "lower right",
            "bbox_to_anchor": (right, 1),
            "ncols": len(keys),
            "borderaxespad": 0.2,
        }
        ax.legend(handles=keys, frameon=False, fontsize="small", handlelength=3, **place)


def _is_about(marks: pd.DataFrame, lane: Lane, row: Row) -> pd.Series:
    """Whether each mark belongs to a row: it names the row's system and channel, or none."""
    about = pd.Series(True, marks.index)
    for column, value in (("system", row.system.name), ("channel_tag", lane.channel.tag)):
        if column in marks:
            about &= (marks[column] == value) | marks[column].isna()
    return about
