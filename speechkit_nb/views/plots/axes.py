"""Axes to draw on: those that the user gives or those of a new figure, and what all plots have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from ...errors import PlotError, check_type
from .time_axis import TimeFormatter, TimeLocator, time_unit


def get_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """The given axes; None: those of a new figure of this size in inches.

    Raises:
        PlotError: if it is something else.
    """
    if ax is None:
        return plt.subplots(figsize=(width, height), layout="constrained")[1]
    check_type("ax", ax, Axes, "Axes of matplotlib or None", PlotError)
    return ax


def style_axes(ax: Axes, grid: Literal["x", "y", "both"] = "both") -> Axes:
    """Pale grid lines behind the content, small numbers, and no frame at the top and at the right."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_axisbelow(True)
    ax.grid(axis=grid, color="0.5", alpha=0.15, linewidth=0.8)
    ax.tick_params(labelsize="small")
    return ax


def set_time_axis(ax: Axes, longest: float) -> str:
    """Write the numbers of the x axis as times up to `longest` seconds; returns their unit."""
    ax.xaxis.set_major_locator(TimeLocator())
    ax.xaxis.set_major_formatter(TimeFormatter(longest))
    return time_unit(longest)


def set_lanes(ax: Axes, labels: Mapping[float, str], longest: float) -> str:
    """Style axes with lanes below one another over time; returns the unit of the times.

    Args:
        labels: name of each lane by its y.
        longest: the latest time, seconds.
    """
    style_axes(ax, "x").spines["left"].set_visible(False)
    ax.set_yticks(list(labels), list(labels.values()))
    for label in ax.get_yticklabels():
        label.set(parse_math=False, fontsize="small")
    ax.tick_params(axis="y", length=0)
    return set_time_axis(ax, longest)
