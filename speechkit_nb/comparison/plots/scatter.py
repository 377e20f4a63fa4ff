"""Plots errors of one system against errors of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from ...errors import PlotError, check_type
from ...views import BLUE, GREY, get_axes, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_LABELS = 3
BESIDE: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "fontsize": "x-small"}


def plot_scatter(stretches: pd.DataFrame, a: str, b: str, ax: Axes | None = None) -> Axes:
    """Draw one dot per stretch of speech: errors of system `a` against errors of `b`.

    A dot of several stretches is larger and has their number. Below the diagonal `b` has fewer errors. The
    stretches with the largest differences are labelled with their first words.

    Args:
        stretches: frame `Comparison.stretches`.
        a, b: names of systems.
        ax: where to draw; default: a new figure.

    Raises:
        PlotError: if a system does not exist, or `a` and `b` are the same.
    """
    _check_systems(stretches, a, b)
    ax = get_axes(ax, 5.2, 5.0)
    points = stretches.groupby([a, b]).agg(n=("n_words", "size"), text=("text", "first")).reset_index()
    most = max(int(points[[a, b]].to_numpy().max(initial=0)), 1)
    size = 40 * np.sqrt(points["n"])
    ax.plot([-0.5, most + 0.5], [-0.5, most + 0.5], color=GREY, linewidth=1, linestyle="--", zorder=1)
    ax.scatter(points[a], points[b], s=size, color=BLUE, alpha=0.8, linewidth=0)
    for row, area in zip(points.to_dict("records"), size, strict=True):
        if row["n"] > 1:
            ax.annotate(str(row["n"]), (row[a], row[b]), (0, np.sqrt(area) / 2 + 2), **BESIDE)
    _label_points(ax, points, a, b)
    ax.set(xlim=(-0.5, most + 0.5), ylim=(-0.5, most + 0.5), aspect="equal")
    ax.set_xlabel(f"errors of {a} in a stretch of speech", parse_math=False)
    ax.set_ylabel(f"errors of {b}", parse_math=False)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    return style_axes(ax)


def _label_points(ax: Axes, points: pd.DataFrame, a: str, b: str) -> None:
    """Draw the first words of the stretches with the largest differences, one label at each height."""
    alone = points[(points["n"] == 1) & (points[a] != points[b]) & points["text"].notna()]
    order = (alone[a] - alone[b]).abs().sort_values(ascending=False, kind="stable").index
    for row in alone.loc[order].drop_duplicates(b).head(MAX_LABELS).to_dict("records"):
        text = " ".join(str(row["text"]).split()[:3]) + " …"
        ax.annotate(text, (row[a], row[b]), (0, -13), parse_math=False, **BESIDE)


def _check_systems(stretches: pd.DataFrame, a: str, b: str) -> None:
    columns = list(stretches.columns)
    known = columns[columns.index("n_words") + 1 :]
    for name in (a, b):
        check_type("a system", name, str, "its name", PlotError)
        if name not in known:
            raise PlotError(f"no system {name!r}; there are {', '.join(map(repr, known))}")
    if a == b:
        raise PlotError(f"cannot draw {a!r} against itself: name two of {', '.join(map(repr, known))}")
    if not len(stretches):
        raise PlotError("nothing to draw: there is no speech")
