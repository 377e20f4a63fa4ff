"""A row of words that fits itself, when drawn, to the space it has: boxes with texts, boxes, or a density."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from .palette import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

SIZES = ("small", "x-small", "xx-small")
MOST_TEXTS = 400  # words of one row in view; above that none is written
NEARLY_ALL, MOST = 0.8, 0.5  # shares of the words in view
THINNEST_BOX = 1.5  # points; where the median word is thinner a density takes the place of boxes
DENSITY_STEP = 2.0  # points
SLIT = 0.7  # points left free between a box and the next
THINNEST_MARK = 0.8  # points; a word that takes no time is as wide as that
PADDING = 1.0  # points between a text and either side of its box
PALE = 0.45  # opacity of what stands behind the texts
MIDDLE_LIGHT = 0.18  # luminance on which black and white are read equally well
LEAST = 0.12  # height of the density where there is any speech at all


def covered(edges: Floats, starts: Floats, ends: Floats) -> Floats:
    """Share of each bin between `edges` that lies in spans; overlapping spans add up, to 1 at most.

    >>> covered(np.array([0.0, 1, 2, 3]), np.array([0.5]), np.array([2.0])).tolist()
    [0.5, 1.0, 0.0]
    """
    return np.clip(_weight(edges, starts, ends, np.ones(len(starts))), 0.0, 1.0)


def mean_in(edges: Floats, starts: Floats, ends: Floats, values: Floats) -> Floats:
    """Mean of the values in each bin between `edges`, each as long as its span; NaN where there is none.

    >>> mean_in(np.array([0.0, 1, 2, 3]), np.array([0, 0.5]), np.array([1, 1.5]), np.array([1.0, 4])).tolist()
    [2.0, 4.0, nan]
    """
    known = np.isfinite(values)
    starts, ends, values = starts[known], ends[known], values[known]
    whole = _weight(edges, starts, ends, np.ones(len(values)))
    lowest = values.min(initial=0.0)
    summed = _weight(edges, starts, ends, values - lowest)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 1e-9, lowest + summed / whole, np.nan))


def _weight(edges: Floats, starts: Floats, ends: Floats, weights: Floats) -> Floats:
    """Weight times share of each bin, summed over all spans."""

    def passed(times: Floats) -> Floats:
        """Seconds since each of `times`, weighted and summed, at every edge."""
        order = np.argsort(times, kind="stable")
        times, weight = times[order], weights[order]
        at = np.searchsorted(times, edges)
        sums = np.r_[0.0, np.cumsum(weight)], np.r_[0.0, np.cumsum(weight * times)]
        return np.asarray(sums[0][at] * edges - sums[1][at])

    return np.asarray(np.diff(passed(starts) - passed(ends)) / np.diff(edges))


class Label(NamedTuple):
    """A word and where it is written, in pixels: the middle of its base line."""

    word: str
    x: float
    y: float
    size: float  # of the font, points
    colour: str | None = None  # None: that of texts


class WordRow(Artist):
    """The words of one lane, as one artist.

    Args:
        words: the texts, in any order.
        starts, ends: seconds, finite, as many as words. A word that ends before it starts is a thin mark.
        low, high: y of the row's lower and upper side.
        colour: of the boxes, which are paler than it.
        values, scale: numbers that colour the words instead, as many as words, and what makes colours of
            them; a word without a number is grey.
    """

    zorder = 2

    def __init__(
        self,
        words: Iterable[str],
        starts: ArrayLike,
        ends: ArrayLike,
        low: float,
        high: float,
        *,
        colour: str,
        values: ArrayLike | None = None,
        scale: ScalarMappable | None = None,
    ) -> None:
        super().__init__()
        first = np.asarray(starts, float)
        order = np.argsort(first, kind="stable")
        self.words = np.asarray(list(words), object)[order]
        self.starts, self.ends = first[order], np.maximum(first, np.asarray(ends, float))[order]
        self.room = np.minimum(self.ends, np.r_[self.starts[1:], np.inf])  # where its text has to end
        self.low, self.high, self.colour, self.scale = low, high, colour, scale
        self.values = None if values is None else np.asarray(values, float)[order]
        self.set_in_layout(False)

    def in_view(self) -> NDArray[np.intp]:
        """Numbers of the words that are in view, at least in part."""
        first, last = self._view()
        return np.flatnonzero((self.ends >= first) & (self.starts < last))

    def draw(self, renderer: RendererBase) -> None:
        """Draw the boxes or the density, then the texts that have room."""
        if not (self.get_visible() and self.in_view().size):
            return
        alpha = PALE if self.scale is None else 1.0
        shapes = PolyCollection(
            self.shapes(), facecolor=self.colours(), edgecolor="none", alpha=alpha, snap=False
        )
        shapes.set_transform(self._drawn_on().transData)
        self._place(shapes)
        shapes.draw(renderer)
        for label in self.labels(renderer):
            text = self._text(label.size)
            text.set(text=label.word, position=(label.x, label.y))
            if label.colour is not None:
                text.set_color(label.colour)
            text.draw(renderer)

    def shapes(self) -> list[Floats]:
        """Corners of what is drawn, seconds and y: a box a word in view, or one outline of the density."""
        shown = self.in_view()
        starts, ends = self.starts[shown], self.ends[shown]
        if self._is_dense(shown):
            return self._density(starts, ends)
        ends = np.maximum(ends - SLIT * self._point(), starts + THINNEST_MARK * self._point())
        x = np.stack([starts, starts, ends, ends], axis=1)
        y = np.broadcast_to([self.low, self.high, self.high, self.low], x.shape)
        return list(np.stack([x, y], axis=2))

    def colours(self) -> Any:
        """Of what is drawn: one for all, or an array with one a shape."""
        if self.values is None or self.scale is None:
            return self.colour
        shown = self.in_view()
        values = self.values[shown]
        if self._is_dense(shown):
            edges, spoken = self._bins(self.starts[shown], self.ends[shown])
            values = mean_in(edges, self.starts[shown], self.ends[shown], values)[spoken > 0]
        colours = self.scale.to_rgba(np.ma.masked_invalid(values))
        colours[~np.isfinite(values)] = to_rgba(GREY)
        return colours

    def labels(self, renderer: RendererBase | None = None) -> list[Label]:
        """The words that are written, in the largest size in which nearly all in view have room.

        None are written where even the smallest leaves out most of them, or too many are in view.
        """
        shown = self.in_view()
        labels: list[Label] = []
        for size in SIZES if 0 < shown.size <= MOST_TEXTS else ():
            labels = self._fitting(shown, self._text(size), renderer)
            if len(labels) >= NEARLY_ALL * shown.size:
                break
        return labels if len(labels) >= MOST * shown.size else []

    def _fitting(self, shown: NDArray[np.intp], text: Text, renderer: RendererBase | None) -> list[Label]:
        """The words that have room when written like `text`."""
        to_pixels, (first, last) = self._drawn_on().transData.transform, self._view()
        left = to_pixels([(x, self.low) for x in np.clip(self.starts[shown], first, last)])[:, 0]
        right = to_pixels([(x, self.low) for x in np.clip(self.room[shown], first, last)])[:, 0]
        (bottom, top), size = to_pixels([(0, self.low), (0, self.high)])[:, 1], float(text.get_fontsize())
        base, padding = (bottom + top) / 2 - self._pixels(0.36 * size), self._pixels(PADDING)
        labels = []
        inks = self._inks(shown.size)
        for word, x0, x1, ink in zip(self.words[shown], left, right, inks, strict=True):
            text.set_text(word)
            extent = text.get_window_extent(renderer)
            if extent.width + 2 * padding <= x1 - x0 and extent.height <= top - bottom:
                labels.append(Label(word, (x0 + x1) / 2, base, size, ink))
        return labels

    def _inks(self, n_words: int) -> Sequence[str | None]:
        """What the words in view are written in: black or white on boxes with colours of their own."""
        colours = self.colours()
        if isinstance(colours, str) or len(colours) != n_words:
            return [None] * n_words
        light = colours[:, :3] ** 2.2 @ [0.2126, 0.7152, 0.0722] > MIDDLE_LIGHT
        return [str(ink) for ink in np.where(light, "black", "white")]

    def _is_dense(self, shown: NDArray[np.intp]) -> bool:
        """Whether boxes would be too thin to be seen apart."""
        lengths = self.ends[shown] - self.starts[shown]
        return bool(shown.size > 1 and np.median(lengths) < THINNEST_BOX * self._point())

    def _density(self, starts: Floats, ends: Floats) -> list[Floats]:
        """One outline, or with values a bar a bin with speech in it."""
        edges, share = self._bins(starts, ends)
        height = np.where(share > 0, LEAST + (1 - LEAST) * share, 0.0)
        top = self.low + (self.high - self.low) * height
        if self.values is None:
            y = np.r_[self.low, np.repeat(top, 2), self.low]
            return [np.stack([np.repeat(edges, 2), y], axis=1)]
        left, right, low = edges[:-1], edges[1:], np.full_like(top, self.low)
        corners = [np.stack(xy, axis=1) for xy in ((left, low), (left, top), (right, top), (right, low))]
        return list(np.stack(corners, axis=1)[share > 0])

    def _bins(self, starts: Floats, ends: Floats) -> tuple[Floats, Floats]:
        """Edges of the bins of the density, and the share of each that is speech."""
        first, last = self._view()
        edges = np.linspace(first, last, max(2, round((last - first) / self._point() / DENSITY_STEP)))
        return edges, covered(edges, starts, ends)

    def _drawn_on(self) -> Axes:
        return cast("Axes", self.axes)  # set by Axes.add_artist

    def _view(self) -> tuple[float, float]:
        first, last = sorted(self._drawn_on().get_xlim())
        return first, last

    def _pixels(self, points: float) -> float:
        return points * cast("Figure", self._drawn_on().get_figure(root=True)).dpi / 72

    def _point(self) -> float:
        """Seconds in a point of width."""
        first, last = self._view()
        return (last - first) / self._drawn_on().bbox.width * self._pixels(1)

    def _text(self, size: float | str) -> Text:
        text = Text(ha="center", va="baseline", fontsize=size, parse_math=False, usetex=False)
        self._place(text)
        return text

    def _place(self, artist: Artist) -> None:
        ax = self._drawn_on()
        artist.axes = ax
        artist.set_figure(cast("Figure", ax.get_figure(root=False)))
        artist.set_clip_box(ax.bbox)
