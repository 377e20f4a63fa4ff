"""Static timelines with matplotlib: a lane per channel, its waveform above its words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, cast

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .. import tables
from ..audio import Recording
from ..errors import PlotError
from .palette import GREY, lane_colour
from .rows import WordRow
from .timeaxis import TimeFormatter, TimeLocator, unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

USED = {"recording", "channel_tag", "final_index", "alternative", "word", "start", "end"}
THINNEST_BAND = 1 / 250  # of the width; where the median utterance is thinner no bounds are drawn


@dataclass(frozen=True)
class Lane:
    """One row of the picture. `top` and `bottom` are y positions; y grows downwards."""

    label: str
    colour: str
    tag: str | None  # whose words; None: a lane of sound only
    channel: int | None  # whose waveform; None: a lane of words only
    top: float
    bottom: float

    def at(self, share: float) -> float:
        """The y position `share` of the way down, 0 to 1."""
        return self.top + share * (self.bottom - self.top)

    @property
    def sound(self) -> tuple[float, float]:
        """Top and bottom of the waveform."""
        return self.at(0.06), self.at(0.94 if self.tag is None else 0.62)

    @property
    def row(self) -> tuple[float, float]:
        """Top and bottom of the words."""
        top, bottom = (0.18, 0.82) if self.channel is None else (0.69, 0.92)
        return self.at(top), self.at(bottom)


def plot_timeline(
    words: pd.DataFrame,
    recording: Recording | str | PathLike[str] | None = None,
    ax: Axes | None = None,
    *,
    finals: pd.DataFrame | None = None,
    start: float | None = None,
    end: float | None = None,
    loudest: float | None = None,
    title: str | None = None,
) -> Axes:
    """Draw when each word was said, a lane per channel, below the waveform where there is a recording.

    Only the first alternative is drawn. Words are written where they fit; a long stretch shows the
    share of time that is speech instead, so pass `start` and `end` to read it, or see `figure_in_rows`.

    Args:
        words: the frame `words` of one recording, times in seconds.
        recording: its sound, or the path of it; without it only words are drawn.
        ax: where to draw; without it a figure 10 inches wide is made.
        finals: the frame `finals`; dotted lines mark the bounds of the stretches that were decoded.
        start, end: the stretch to draw, seconds. All of it unless given.
        loudest: the sample value that fills a lane; that of the stretch unless given.
        title: written above, at the left.

    Raises:
        PlotError: there is nothing to draw, or the words are of several recordings.
        AudioError: the recording cannot be read.
        SchemaError: a frame lacks a column, or has it in another dtype.

    >>> words = pd.DataFrame([("talk", "0", 0, 0, 0, "hello", 0.2, 0.6)], columns=list(tables.WORDS))
    >>> ax = plot_timeline(words)
    >>> [text.get_text() for text in ax.get_yticklabels()], ax.get_xlabel()
    (['channel 0'], 'time (s)')
    >>> plt.close(ax.figure)
    """
    if isinstance(recording, (str, PathLike)):
        recording = Recording(recording)
    words = _first_alternative("words", words, tables.WORDS)
    spans = words[:0] if finals is None else _first_alternative("finals", finals, tables.FINALS)
    _check_one_recording(words, spans)
    (words, untimed), (spans, _) = _timed(words), _timed(spans)
    first, last = _stretch(words, spans, recording, start, end, untimed)
    lanes = _lanes(words, spans, recording)
    given, ax = ax, _new_axes(lanes) if ax is None else ax
    _frame(ax, lanes, first, last)
    if given is None:  # the layout settles the width, and that what there is room for
        _figure(ax).draw_without_rendering()
    _draw_sound(ax, lanes, recording, first, last, loudest)
    rows = [_draw_words(ax, lane, words, spans) for lane in lanes if lane.tag is not None]
    between = "  ·  " if ax.bbox.width > 5 * _figure(ax).dpi else "\n"  # wider than five inches
    ax.set_xlabel(between.join(_notes(rows, last, untimed)), fontsize="small", alpha=0.65)
    if title is not None:
        ax.set_title(title, loc="left", parse_math=False)
    return ax


def figure_in_rows(
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
    n_rows = math.ceil(round(recording.duration / seconds, 6))
    if not 1 <= n_rows <= most:
        n_rows, seconds = 1, recording.duration
    height = 0.4 + 1.15 * _lanes(words, words, recording)[-1].bottom
    figure = Figure(figsize=(12, height * n_rows + 0.6), layout="constrained")
    loudest = float(np.abs(recording.envelope(1)).max())
    if n_rows > 1:  # short enough to be held, and decoded once instead of once a row
        recording = Recording(recording.read(), recording.sample_rate, id=recording.id)
    for row, ax in enumerate(figure.subplots(n_rows, squeeze=False)[:, 0]):
        start, end = row * seconds, (row + 1) * seconds
        plot_timeline(words, recording, ax, finals=finals, start=start, end=end, loudest=loudest)
        ax.set_xlabel(ax.get_xlabel() if row == n_rows - 1 else "")
    if title is not None:
        figure.suptitle(title, x=0.01, ha="left", parse_math=False)
    return figure


# --- what to draw


def _first_alternative(name: str, frame: pd.DataFrame, schema: tables.Schema) -> pd.DataFrame:
    used = {column: schema[column] for column in schema if column in USED}
    return tables.check(frame, used, name)[frame["alternative"] == 0]


def _timed(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The rows with both times, and how many have not."""
    known = np.isfinite(frame[["start", "end"]].to_numpy(float)).all(axis=1)
    return frame[known], int((~known).sum())


def _utterances(words: pd.DataFrame) -> pd.DataFrame:
    keys = ["recording", "channel_tag", "final_index"]
    return words.groupby(keys, as_index=False).agg(start=("start", "min"), end=("end", "max"))


def _check_one_recording(*frames: pd.DataFrame) -> None:
    ids = sorted({str(id_) for frame in frames for id_ in frame["recording"].unique()})
    if len(ids) > 1:
        named = ", ".join(map(repr, ids[:5])) + (", ..." if len(ids) > 5 else "")
        raise PlotError(
            f"a timeline shows one recording and the frame has {len(ids)} ({named}); "
            f'choose one: words[words["recording"] == {ids[0]!r}]'
        )


def _stretch(
    words: pd.DataFrame,
    spans: pd.DataFrame,
    recording: Recording | None,
    start: float | None,
    end: float | None,
    untimed: int,
) -> tuple[float, float]:
    """First and last second to draw."""
    times = np.r_[words["start"], words["end"], spans["start"], spans["end"]].astype(float)
    if recording is None and not times.size:
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


def _lanes(words: pd.DataFrame, spans: pd.DataFrame, recording: Recording | None) -> list[Lane]:
    tags = {str(tag) for frame in (words, spans) for tag in frame["channel_tag"].unique()}
    channels = {str(c): c for c in range(recording.n_channels)} if recording is not None else {}
    if len(channels) == 1 and tags - channels.keys():  # speaker labeling: one sound, several speakers
        rows: list[tuple[str, str, str | None, int | None]] = [("audio", GREY, None, 0)]
        rows += [(_name("speaker", t), lane_colour(i), t, None) for i, t in enumerate(in_order(tags))]
    else:
        rows = [
            (_name("channel", t), lane_colour(i), t if tags else None, channels.get(t))
            for i, t in enumerate(in_order(tags | channels.keys()))
        ]
    lanes, top = [], 0.0
    for label, colour, tag, channel in rows:
        bottom = top + (0.42 if channel is None else 0.6 if tag is None else 1.0)
        lanes.append(Lane(label, colour, tag, channel, top, bottom))
        top = bottom
    return lanes


def in_order(tags: set[str]) -> list[str]:
    """Channel tags as people count them: `"2"` before `"10"`, names last."""
    return sorted(tags, key=lambda tag: (not tag.isdecimal(), int(tag) if tag.isdecimal() else 0, tag))


def _name(kind: str, tag: str) -> str:
    return f"{kind} {tag}" if tag.isdecimal() else tag


# --- how it is drawn


def _new_axes(lanes: list[Lane]) -> Axes:
    height = 0.85 + 1.25 * lanes[-1].bottom
    return plt.subplots(figsize=(10, height), layout="constrained")[1]


def _figure(ax: Axes) -> Figure:
    return cast(Figure, ax.get_figure(root=True))


def _frame(ax: Axes, lanes: list[Lane], first: float, last: float) -> None:
    """Limits, time axis and lane labels."""
    ax.set(xlim=(first, last), ylim=(lanes[-1].bottom, lanes[0].top))
    ax.set_yticks([(lane.top + lane.bottom) / 2 for lane in lanes], [lane.label for lane in lanes])
    for text, lane in zip(ax.get_yticklabels(), lanes, strict=True):
        text.set(color=lane.colour, parse_math=False, fontweight="bold", fontsize="small")
    ax.xaxis.set_major_locator(TimeLocator())
    ax.xaxis.set_major_formatter(TimeFormatter(last))
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelsize="small")
    ax.spines[["left", "top", "right"]].set_visible(False)
    ax.set_axisbelow(True)
    ax.grid(axis="x", color="0.5", alpha=0.15, linewidth=0.8)
    between = [lane.top for lane in lanes[1:]]
    ax.hlines(between, first, last, color="0.5", alpha=0.25, linewidth=0.8)


def _draw_sound(
    ax: Axes, lanes: list[Lane], recording: Recording | None, first: float, last: float, loudest: float | None
) -> None:
    if recording is None or first >= recording.duration:
        return
    stop = min(last, recording.duration)
    n_samples = round(stop * recording.sample_rate) - round(first * recording.sample_rate)
    n_bins = min(n_samples, int(ax.bbox.width * (stop - first) / (last - first)))
    if n_bins < 1:
        return
    envelope = recording.envelope(n_bins, start=first, end=stop)
    loudest = loudest or float(np.abs(envelope).max()) or 1.0
    times = first + (np.arange(n_bins) + 0.5) * (stop - first) / n_bins
    for lane in lanes:
        if lane.channel is not None:
            top, bottom = lane.sound
            low, high = (top + bottom) / 2 - envelope[lane.channel].T / loudest * (bottom - top) / 2
            ax.fill_between(times, low, high, color=lane.colour, alpha=0.75, linewidth=0.6)


def _draw_words(ax: Axes, lane: Lane, words: pd.DataFrame, spans: pd.DataFrame) -> WordRow:
    """The utterances as pale bands over the lane, lines where one ends and the next begins, and the words."""
    words = words[words["channel_tag"] == lane.tag]
    spoken = _utterances(words)
    bands = np.c_[spoken["start"], spoken["end"] - spoken["start"]]
    first, last = ax.get_xlim()
    if len(bands) and np.median(bands[:, 1]) >= THINNEST_BAND * (last - first):
        top, bottom = lane.at(0.02), lane.at(0.98)
        ax.broken_barh(bands, (top, bottom - top), facecolor=lane.colour, alpha=0.08, zorder=0.5)
        bounds = np.unique(spans.loc[spans["channel_tag"] == lane.tag, ["start", "end"]])
        ax.vlines(bounds, top, bottom, color=lane.colour, alpha=0.45, linewidth=0.8, linestyles="dotted")
    row = WordRow(words["word"], words["start"], words["end"], *reversed(lane.row), colour=lane.colour)
    ax.add_artist(row)
    return row


def _notes(rows: list[WordRow], last: float, untimed: int) -> list[str]:
    """The unit of time, and what the picture does not show."""
    count = sum(row.in_view().size for row in rows)
    notes = [f"time ({unit(last)})"]
    if count == 0:
        notes.append("no words")
    elif not any(row.labels() for row in rows):
        notes.append(f"{_count(count)}; zoom in to read")
    if untimed:
        notes.append(f"{_count(untimed)} without times left out")
    return notes


def _count(n_words: int) -> str:
    return f"{n_words:,} word" + "s" * (n_words != 1)
