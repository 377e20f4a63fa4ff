"""Plots words of several systems below the waveform, with errors marked by colour and letter."""

from __future__ import annotations

from os import PathLike
from types import NoneType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.patches import Patch

from ...audio import Recording
from ...errors import PlotError, check_type
from ...views import GREY, ORANGE, PURPLE, SKY, VERMILLION, WordRow, get_axes, set_lanes
from .error_marks import LETTERS, errors_in_time
from .target import REFERENCE, SHOWN, TimelineTarget, choose_span, find_target

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..comparison import Comparison

COLOURS = {"ok": GREY, "sub": VERMILLION, "ins": PURPLE, "del": ORANGE}
LEGEND = {"sub": "S substituted", "ins": "I inserted", "del": "D deleted"}
SOUND, ROW = 0.8, 0.46
MOST_LETTERS = 400


def plot_alignment(
    comparison: Comparison,
    recording: Recording | str | PathLike[str] | None = None,
    channel_tag: str | None = None,
    start: float | None = None,
    end: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one row of words for the reference and for each system; words are shown normalized.

    Args:
        comparison: a comparison with a reference.
        recording: name or audio of a recording of it; default: the one with the worst place.
        channel_tag: the channel; default: if there are several, the one with the worst place.
        start, end: the span in seconds; default: around the worst place.
        ax: where to draw; default: a new figure.

    Raises:
        PlotError: if there is nothing to draw, or the recording or channel does not exist.
        ConfigError: if there is no reference.
        AudioError: if the recording cannot be read.
    """
    check_type("channel_tag", channel_tag, (str, NoneType), "the tag of a channel", PlotError)
    place = find_target(comparison, recording)
    rows, tag = _of_channel(place.rows(comparison.alignment), place, channel_tag)
    span = _span(place, rows, tag, start, end)
    names = list(comparison.systems)
    top = 0.0 if place.sound is None else SOUND
    height = top + ROW * (len(names) + 1)
    ax = get_axes(ax, 10, 0.9 + 0.85 * height)
    ax.set(xlim=span, ylim=(height, 0))
    _draw_sound(ax, place.sound, span, tag)
    ticks = [_draw_reference(ax, rows[rows["system"] == names[0]], top)]
    for k, name in enumerate(names, 1):
        ticks.append(_draw_system(ax, rows[rows["system"] == name], top + ROW * k, name, span))
    _frame(ax, ticks, span)
    ax.set_title(_title(place, tag), loc="left", fontsize="small", parse_math=False)
    return ax


def _of_channel(
    rows: pd.DataFrame, place: TimelineTarget, asked: str | None
) -> tuple[pd.DataFrame, str | None]:
    """The rows of one channel, and its tag; None if the rows have no channels."""
    if "channel_tag" not in rows:
        return rows, asked
    tags = sorted(rows["channel_tag"].unique())
    worst = place.marks()["channel_tag"].dropna()
    tag = asked if asked is not None else str(worst.iloc[0]) if len(worst) else tags[0]
    if tag not in tags:
        raise PlotError(f"no channel {tag!r} with words; there are {', '.join(map(repr, tags))}")
    return rows[rows["channel_tag"] == tag], tag


def _span(
    place: TimelineTarget, rows: pd.DataFrame, tag: str | None, start: float | None, end: float | None
) -> tuple[float, float]:
    if not rows[["ref_start", "hyp_start"]].notna().any(axis=None):
        raise PlotError("nothing to draw: neither the reference nor a system has times here")
    span = choose_span(place.of_channel(tag), start, end)
    if span is None:
        first = float(np.nanmin(rows[["ref_start", "hyp_start"]].to_numpy()))
        span = max(0.0, first - 0.2), first + SHOWN
    if not span[0] < span[1]:
        raise PlotError(f"start must be before end, not {span[0]:g} with {span[1]:g}")
    return span


def _title(place: TimelineTarget, tag: str | None) -> str:
    channel = (
        f"channel {tag}" if tag is not None and place.sound is not None and place.sound.n_channels > 1 else ""
    )
    return ", ".join(filter(None, [place.name or "", channel]))


def _draw_sound(ax: Axes, sound: Recording | None, span: tuple[float, float], tag: str | None) -> None:
    if sound is None or span[0] >= sound.duration:
        return
    end = min(span[1], sound.duration)
    n_bins = max(1, min(int(ax.bbox.width), int((end - span[0]) * sound.sample_rate)))
    own = int(tag) if tag is not None and tag.isdecimal() else 0
    envelope = sound.envelope(n_bins, start=span[0], end=end)[own if own < sound.n_channels else 0]
    loudest = float(np.abs(envelope).max()) or 1.0
    times = span[0] + (np.arange(n_bins) + 0.5) * (end - span[0]) / n_bins
    low, high = SOUND / 2 - envelope.T / loudest * (SOUND / 2 - 0.05)
    ax.fill_between(times, low, high, color=GREY, alpha=0.7, linewidth=0.6)


def _draw_reference(ax: Axes, rows: pd.DataFrame, top: float) -> tuple[float, str]:
    own = rows[rows["op"] != "ins"].dropna(subset=["ref_start", "ref_end"])
    low, high = top + ROW - 0.05, top + 0.14
    ax.add_artist(WordRow(own["ref_word"], own["ref_start"], own["ref_end"], low, high, colour=SKY))
    return (low + high) / 2, REFERENCE


def _draw_system(
    ax: Axes, rows: pd.DataFrame, top: float, name: str, span: tuple[float, float]
) -> tuple[float, str]:
    """Draw the words of a system coloured by kind, and the letter of each error above its word or gap."""
    low, high = top + ROW - 0.05, top + 0.14
    for op in ("ok", "sub", "ins"):
        own = rows[rows["op"] == op].dropna(subset=["hyp_start", "hyp_end"])
        if len(own):
            ax.add_artist(
                WordRow(own["hyp_word"], own["hyp_start"], own["hyp_end"], low, high, colour=COLOURS[op])
            )
    wrong = errors_in_time(rows)
    wrong = wrong[(wrong["until"] > span[0]) & (wrong["at"] < span[1])]
    gone = wrong[wrong["op"] == "del"]
    ax.hlines(
        np.full(len(gone), high - 0.02),
        gone["at"],
        gone["until"],
        color=COLOURS["del"],
        linestyles="dotted",
        linewidth=2,
    )
    for error in wrong.head(MOST_LETTERS).to_dict("records"):
        _letter(ax, error, high, span)
    return (low + high) / 2, name


def _letter(ax: Axes, error: dict[Any, Any], y: float, span: tuple[float, float]) -> None:
    middle = (max(error["at"], span[0]) + min(error["until"], span[1])) / 2
    op = str(error["op"])
    ax.text(
        middle,
        y - 0.03,
        LETTERS[op],
        ha="center",
        va="bottom",
        fontsize="x-small",
        fontweight="bold",
        clip_on=True,
    )


def _frame(ax: Axes, ticks: list[tuple[float, str]], span: tuple[float, float]) -> None:
    ax.set_xlabel(f"time ({set_lanes(ax, dict(ticks), span[1])})", fontsize="small")
    handles = [Patch(color=COLOURS[op], alpha=0.7, label=text) for op, text in LEGEND.items()]
    ax.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=3,
        frameon=False,
        fontsize="x-small",
        borderaxespad=0.1,
    )
