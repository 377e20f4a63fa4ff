"""A row of words that fits itself, when drawn, to the space it has: boxes with texts, boxes, or a density."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import PolyCollection
from matplotlib.text import Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
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
LEAST = 0.12  # height of the density where there is any speech at all


def covered(edges: Floats, starts: Floats, ends: Floats) -> Floats:
    """Share of each bin between `edges` that lies in spans; overlapping spans add up, to 1 at most.

    >>> covered(np.array([0.0, 1, 2, 3]), np.array([0.5]), np.array([2.0])).tolist()
    [0.5, 1.0, 0.0]
    """

    def passed(times: Floats) -> Floats:
        """Seconds since each of `times`, summed, at every edge."""
        times = np.sort(times)
        count = np.searchsorted(times, edges)
        return np.asarray(count * edges - np.r_[0.0, np.cumsum(times)][count])

    share = np.diff(passed(starts) - passed(ends)) / np.diff(edges)
    return np.clip(share, 0.0, 1.0)


class Label(NamedTuple):
    """A word and where it is written, in pixels: the middle of its base line."""

    word: str
    x: float
    y: float
    size: float  # of the font, points


class WordRow(Artist):
    """The words of one lane, as one artist.

    Args:
        words: the texts, in any order.
        starts, ends: seconds, finite, as many as words. A word that ends before it starts is a thin mark.
        low, high: y of the row's lower and upper side.
        colour: of the boxes, which are paler than it.
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
    ) -> None:
        super().__init__()
        first = np.asarray(starts, float)
        order = np.argsort(first, kind="stable")
        self.words = np.asarray(list(words), object)[order]
        self.starts, self.ends = first[order], np.maximum(first, np.asarray(ends, float))[order]
        self.room = np.minimum(self.ends, np.r_[self.starts[1:], np.inf])  # where its text has to end
        self.low, self.high, self.colour = low, high, colour
        self.set_in_layout(False)

    def in_view(self) -> NDArray[np.intp]:
        """Numbers of the words that are in view, at least in part."""
        first, last = self._view()
        return np.flatnonzero((self.ends >= first) & (self.starts < last))

    def draw(self, renderer: RendererBase) -> None:
        """Draw the boxes or the density, then the texts that have room."""
        if not (self.get_visible() and self.in_view().size):
            return
        shapes = PolyCollection(
            self.shapes(), facecolor=self.colour, edgecolor="none", alpha=0.45, snap=False
        )
        shapes.set_transform(self._drawn_on().transData)
        self._place(shapes)
        shapes.draw(renderer)
        for label in self.labels(renderer):
            text = self._text(label.size)
            text.set(text=label.word, position=(label.x, label.y))
            text.draw(renderer)

    def shapes(self) -> list[Floats]:
        """Corners of what is drawn, seconds and y: a box a word in view, or one outline of the density."""
        shown = self.in_view()
        starts, ends = self.starts[shown], self.ends[shown]
        if np.median(ends - starts) < THINNEST_BOX * self._point() and shown.size > 1:
            return [self._density(starts, ends)]
        ends = np.maximum(ends - SLIT * self._point(), starts + THINNEST_MARK * self._point())
        x = np.stack([starts, starts, ends, ends], axis=1)
        y = np.broadcast_to([self.low, self.high, self.high, self.low], x.shape)
        return list(np.stack([x, y], axis=2))

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
        for word, x0, x1 in zip(self.words[shown], left, right, strict=True):
            text.set_text(word)
            extent = text.get_window_extent(renderer)
            if extent.width + 2 * padding <= x1 - x0 and extent.height <= top - bottom:
                labels.append(Label(word, (x0 + x1) / 2, base, size))
        return labels

    def _density(self, starts: Floats, ends: Floats) -> Floats:
        first, last = self._view()
        edges = np.linspace(first, last, max(2, round((last - first) / self._point() / DENSITY_STEP)))
        share = covered(edges, starts, ends)
        height = np.where(share > 0, LEAST + (1 - LEAST) * share, 0.0)
        y = self.low + (self.high - self.low) * np.r_[0.0, np.repeat(height, 2), 0.0]
        return np.stack([np.repeat(edges, 2), y], axis=1)

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
