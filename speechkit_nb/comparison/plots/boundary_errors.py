"""Plots errors of word boundaries: their distribution, and their change over the time of a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from ...errors import PlotError, check_choice, check_type
from ...evaluate import theil_sen
from ...views import GREY, get_axes, lane_colour, set_time_axis, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 0.98
"""Share of the errors that the axis covers; the others are counted at its ends."""

BINS = 60
SHORTEST_LINE = 30.0
"""Shortest time in seconds from first to last word for which a line of drift is drawn."""

MOST_POINTS = 1500


def plot_boundary_errors(
    errors: pd.DataFrame,
    ax: Axes | None = None,
    *,
    side: str = "start",
    over_time: bool = False,
    chosen: tuple[float, float] | None = None,
    colours: Mapping[str, str] | None = None,
) -> Axes:
    """Draw errors of word starts or ends in milliseconds; positive errors are late.

    Args:
        errors: frame `Comparison.timing_errors`. Only words that all systems have correct are drawn, so that
            all systems are shown on the same words.
        ax: where to draw; default: a new figure.
        side: `"start"` or `"end"`.
        over_time: False draws histograms with the median as a line. True draws errors against the time in the
            recording; for one recording with at least half a minute of speech also a line (Theil-Sen), whose
            slope is the drift.
        chosen: range in seconds; errors outside it are drawn pale.
        colours: colours of the systems in the histogram; default: those of the lanes of a timeline.

    Raises:
        PlotError: if there is nothing to draw, or `side` is invalid.
    """
    shown = check(errors, side)
    check_type("over_time", over_time, bool, "True or False", PlotError)
    ax = style_axes(get_axes(ax, 8, 3.4))
    if over_time:
        _scatter(ax, shown, f"{side}_error", side)
    else:
        _histograms(ax, shown, side, chosen, colours or {})
    n_words = len(shown) // max(1, shown["system"].nunique())
    ax.set_title(f"{n_words:,} words that all got right", loc="left", fontsize="small")
    legend = ax.legend(frameon=False, fontsize="small", loc="best")
    for text in legend.get_texts():
        text.set(parse_math=False)
    return ax


def check(errors: pd.DataFrame, side: str) -> pd.DataFrame:
    """The words that are drawn: those that all systems have correct.

    Raises:
        PlotError: if there are no such words, or `side` is invalid.
    """
    check_choice("side", side, ("start", "end"), PlotError)
    shown: pd.DataFrame = errors[errors["common"]]
    if not len(shown):
        raise PlotError("nothing to draw: no word that all systems got right has times on both sides")
    return shown


def reach(errors: pd.Series) -> tuple[float, float]:
    """The range of errors that the axis covers, in milliseconds; it includes 0."""
    low, high = np.quantile(1000 * errors, [(1 - SHOWN) / 2, (1 + SHOWN) / 2])
    margin = max(5.0, 0.1 * (high - low))
    return min(float(low), 0.0) - margin, max(float(high), 0.0) + margin


def _histograms(
    ax: Axes,
    shown: pd.DataFrame,
    side: str,
    chosen: tuple[float, float] | None,
    colours: Mapping[str, str],
) -> None:
    column = f"{side}_error"
    first, last = reach(shown[column])
    edges = np.linspace(first, last, BINS + 1)
    for k, (name, part) in enumerate(shown.groupby("system", sort=False)):
        values = 1000 * part[column].to_numpy()
        counts = np.histogram(np.clip(values, first, last), edges)[0]
        colour, middle = colours.get(str(name), lane_colour(k)), float(np.median(values))
        ax.stairs(counts, edges, fill=True, color=colour, alpha=0.22)
        ax.stairs(counts, edges, color=colour, linewidth=1.4, label=f"{name}: median {middle:+.0f} ms")
        ax.axvline(middle, color=colour, linewidth=1.4, linestyle=("-", "--", ":", "-.")[k % 4])
    ax.axvline(0, color=GREY, linewidth=0.8)
    if chosen is not None:
        for low, high in ((first, 1000 * chosen[0]), (1000 * chosen[1], last)):
            ax.axvspan(low, max(low, high), color=mpl.rcParams["axes.facecolor"], alpha=0.75, zorder=4)
    ax.set(xlim=(first, last), xlabel=f"error of the {side} of a word (ms), + is late", ylabel="words")


def _scatter(ax: Axes, shown: pd.DataFrame, column: str, side: str) -> None:
    first, last = reach(shown[column])
    longest = float(shown["ref_end"].max())
    is_one = "recording" not in shown or shown["recording"].nunique() == 1
    for k, (name, part) in enumerate(shown.groupby("system", sort=False)):
        time, value = part["ref_start"].to_numpy(), 1000 * part[column].to_numpy()
        colour, marker = lane_colour(k), "os^D"[k % 4]
        some = np.linspace(0, len(time) - 1, min(len(time), MOST_POINTS)).astype(int)
        inside = np.clip(value[some], first, last)
        ax.scatter(
            time[some], inside, s=11, color=colour, alpha=0.6, marker=marker, linewidth=0, label=str(name)
        )
        if is_one:
            _draw_trend(ax, time, value, colour)
    ax.axhline(0, color=GREY, linewidth=0.8)
    unit = set_time_axis(ax, longest)
    ax.set(xlim=(0, longest), ylim=(first, last), xlabel=f"time in the recording ({unit})")
    ax.set_ylabel(f"error of the {side} (ms)")


def _draw_trend(ax: Axes, time: np.ndarray, value: np.ndarray, colour: str) -> None:
    """Draw the Theil-Sen line, computed from a sample if there are many words."""
    if np.ptp(time) < SHORTEST_LINE:
        return
    some = np.linspace(0, len(time) - 1, min(len(time), 400)).astype(int)
    # the median slope over all pairs of points: few words with large errors do not change it much
    slope = theil_sen(time[some], value[some])
    middle = float(np.median(value[some] - slope * time[some]))
    ends = np.array([time.min(), time.max()])
    ax.plot(ends, middle + slope * ends, color=colour, linewidth=1.6)
