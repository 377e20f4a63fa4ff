"""Plots error rates with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter

from ...errors import PlotError, check_type
from ...evaluate import SUMMARY
from ...views import get_axes, lane_colour, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARGIN = 0.16
"""Share of the axis that is reserved for the number at the right."""


def plot_summary(summary: pd.DataFrame, ax: Axes | None = None, *, what: str = "wer") -> Axes:
    """Draw one dot per system with its interval, the best system on top.

    Args:
        summary: frame `Comparison.summary`.
        ax: where to draw; default: a new figure.
        what: a column of numbers; `"wer"` has intervals. Seconds are drawn as milliseconds.

    Raises:
        PlotError: if the column does not exist or has no numbers.
    """
    values = _sort_values(summary, what)
    unit = _get_unit(what)
    ax = get_axes(ax, 6.4, 0.9 + 0.42 * len(values))
    scale, ink = 1000.0 if unit == "seconds" else 1.0, mpl.rcParams["text.color"]
    y = np.arange(len(values))
    low, high = (summary.get(f"{what}_{end}", values).reindex(values.index) for end in ("low", "high"))
    colours = [lane_colour(list(summary.index).index(name)) for name in values.index]
    ax.hlines(y, scale * low, scale * high, color=colours, linewidth=2.2, alpha=0.85)
    ax.scatter(scale * values, y, color=colours, s=46, zorder=3)
    for at, value, right in zip(y, values, high.fillna(values), strict=True):
        place, text = (scale * right, at), _format(value, unit)
        ax.annotate(text, place, (7, 0), textcoords="offset points", va="center", color=ink, fontsize="small")
    ax.set_yticks(y, list(values.index))
    for label in ax.get_yticklabels():
        label.set(parse_math=False)
    ax.set(ylim=(len(values) - 0.5, -0.5), xlabel=_label(summary, what))
    if unit == "share":
        ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    first, last = min(0.0, scale * float(low.fillna(values).min())), scale * float(high.fillna(values).max())
    ax.set_xlim(first - 0.02 * (last - first), last + MARGIN * (last - first) or 1.0)
    return style_axes(ax, "x")


def _sort_values(summary: pd.DataFrame, what: str) -> pd.Series:
    """The numbers of a column, the best first; systems without a number are left out."""
    check_type("what", what, str, "the name of a column", PlotError)
    numbers = [str(name) for name in summary if summary[name].dtype.kind in "fiu"]
    if what not in numbers:
        raise PlotError(f"no column of numbers {what!r}; there are {', '.join(numbers)}")
    ascending = what not in SUMMARY or not SUMMARY[what].higher_is_better
    values = summary[what].dropna().sort_values(ascending=ascending, kind="stable")
    if not len(values):
        raise PlotError(f"nothing to draw: no system has a number in {what!r}")
    return values


def _get_unit(what: str) -> str:
    """The unit of a column. Without a reference, `differing` is the only share that is not in `SUMMARY`."""
    if what in SUMMARY:
        return SUMMARY[what].unit
    return "share" if what == "differing" else "number"


def _format(value: float, unit: str) -> str:
    if unit == "share":
        return f"{100 * value:.1f} %"
    return f"{1000 * value:.0f} ms" if unit == "seconds" else f"{value:g}"


def _label(summary: pd.DataFrame, what: str) -> str:
    name = SUMMARY[what].label if what in SUMMARY else ""
    name = (name or what.replace("_", " ")) + (" (ms)" if _get_unit(what) == "seconds" else "")
    n_groups = summary.get("n_groups")
    if f"{what}_low" not in summary or n_groups is None:
        return name
    if summary[f"{what}_low"].isna().all():
        return f"{name}; one group has no interval"
    return f"{name}, interval over {int(n_groups.iloc[0])} groups"
