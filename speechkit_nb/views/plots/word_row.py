"""A row of words that fits itself, when drawn, to the space it has: boxes with texts, boxes, or a density."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.font_manager import FontProperties
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

from ..scene.palette import GREY
from .density import covered, mean_in
from .label_placement import placed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

STYLES = (  # size of the words by that of all other text, and number of lines; the best first
    *((size, 1) for size in (0.83, 0.75, 0.67, 0.58)),
    *((size, 2) for size in (0.67, 0.58, 0.5)),
)
SMALLEST = 5.0  # points; journals print nothing smaller
MOST_TEXTS = 400  # words of one row in view; above that none is written
NEARLY_ALL, MOST = 0.97, 0.5  # shares of the words in view
THINNEST_BOX = 1.5  # points; where the median word is thinner a density takes the place of boxes
DENSITY_STEP = 2.0  # points
SLIT = 0.7  # points left free between a box and the next
THINNEST_MARK = 0.8  # points; a word that takes no time is as wide as that
PADDING = 1.0  # points between a text and either side of its box
HALO = 1.5  # points around a text that reaches over boxes of other colours
PALE, DEEP = 0.45, 0.75  # opacity of what stands behind black and behind white texts
UNKNOWN = 0.25  # opacity of a word without a number among words with colours
MIDDLE_LIGHT = 0.18  # luminance on which black and white are read equally well
LEAST = 0.12  # height of the density where there is any speech at all


class Label(NamedTuple):
    """A word and where it is written, in pixels: the middle of its base line."""

    word: str
    x: float
    y: float
    size: float  # of the font, points
    colour: str | None = None  # None: that of texts
    halo: Any = None  # what keeps it apart from the boxes it reaches over


class WordRow(Artist):
    """The words of one lane, as one artist.

    All rows of a figure write their words in one size. Words stand on one line, or in turn on two.

    Args:
        words: the texts, in any order.
        starts, ends: seconds, finite, as many as words. A word that ends before it starts is a thin mark.
        low, high: y of the row's lower and upper side.
        colour: of the boxes, which are paler than it.
        values, scale: numbers that colour the words instead, as many as words, and what makes colours of
            them; a word without a number is pale grey.
        overhang: whether a text may be wider than its box, where that leaves room for the others. Not where
            rows share a place, since a row knows its own words only.
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
        overhang: bool = False,
    ) -> None:
        super().__init__()
        first = np.asarray(starts, float)
        order = np.argsort(first, kind="stable")
        self.words = np.asarray(list(words), object)[order]
        self.starts, self.ends = first[order], np.maximum(first, np.asarray(ends, float))[order]
        self.room = np.minimum(self.ends, np.r_[self.starts[1:], np.inf])  # where its text has to end
        self.low, self.high, self.colour, self.scale = low, high, colour, scale
        self.values = None if values is None else np.asarray(values, float)[order]
        self.overhang = overhang
        self.styles = [(max(SMALLEST, size * mpl.rcParams["font.size"]), lines) for size, lines in STYLES]
        self._font, self._ink = FontProperties(), mpl.rcParams["text.color"]
        self._remembered: tuple[Any, dict[float, list[Label]]] = None, {}
        self.set_in_layout(False)

    def in_view(self) -> NDArray[np.intp]:
        """Numbers of the words that are in view, at least in part."""
        first, last = self._view()
        return np.flatnonzero((self.ends >= first) & (self.starts < last))

    def named(self) -> NDArray[np.intp]:
        """Numbers of the words to be written: their middle is in view, or they fill half of the view."""
        first, last = self._view()
        shown = self.in_view()
        starts, ends = self.starts[shown], self.ends[shown]
        middles, seen = (starts + ends) / 2, np.minimum(ends, last) - np.maximum(starts, first)
        inside = (first <= middles) & (middles < last)
        return cast("NDArray[np.intp]", shown[inside | (2 * seen >= last - first)])

    def n_unknown(self) -> int:
        """How many of these have no number, where numbers are what colours the others."""
        return 0 if self.values is None else int(np.isnan(self.values[self.named()]).sum())

    def draw(self, renderer: RendererBase) -> None:
        """Draw the boxes or the density, then the texts that have room."""
        if not (self.get_visible() and self.in_view().size):
            return
        shapes = PolyCollection(self.shapes(), edgecolor="none", snap=False)
        shapes.set_transform(self._drawn_on().transData)
        self._place(shapes)
        for colour, alpha in ((self._behind(), None), (self.colours(), self._opacity())):
            shapes.set(facecolor=colour, alpha=alpha)
            shapes.draw(renderer)
        text = self._text(SMALLEST)
        for label in self.labels(renderer):
            text.set(text=label.word, position=(label.x, label.y), fontsize=label.size)
            text.set_color(label.colour or self._ink)
            text.set_path_effects(
                [] if label.halo is None else [withStroke(linewidth=2 * HALO, foreground=label.halo)]
            )
            text.draw(renderer)

    def shapes(self) -> list[Floats]:
        """Corners of what is drawn, seconds and y: a box a word in view, or one outline of the density."""
        shown = self.in_view()
        starts, ends = self.starts[shown], self.ends[shown]
        if self.is_dense():
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
        if self.is_dense():
            edges, spoken = self._bins(self.starts[shown], self.ends[shown])
            values = mean_in(edges, self.starts[shown], self.ends[shown], values)[spoken > 0]
        return self._coloured(values)

    def is_dense(self) -> bool:
        """Whether the words in view are drawn as one density, since boxes would be too thin."""
        shown = self.in_view()
        lengths = self.ends[shown] - self.starts[shown]
        return bool(shown.size > 1 and np.median(lengths) < THINNEST_BOX * self._point())

    def is_writable(self) -> bool:
        """Whether there are words to write, and not too many to try."""
        return 0 < self.named().size <= MOST_TEXTS

    def is_low(self) -> bool:
        """Whether the boxes are too low for a text of any size."""
        (_, bottom), (_, top) = self._drawn_on().transData.transform([(0, self.low), (0, self.high)])
        return bool(top - bottom < self._pixels(1.2 * SMALLEST))

    def labels(self, renderer: RendererBase | None = None) -> list[Label]:
        """The words that are written, in the style of the figure.

        None are written where that leaves out most of them, or too many are in view.
        """
        if not self.is_writable():
            return []
        figure = cast("Figure", self._drawn_on().get_figure(root=True))
        return self.written(agreed_style(rows_in(figure), renderer), renderer)

    def written(self, style: int, renderer: RendererBase | None = None) -> list[Label]:
        """The words that are written in style number `style`; none unless these are most of them."""
        ax = self._drawn_on()
        key = (ax.viewLim.bounds, ax.bbox.bounds, self._pixels(1), type(renderer))
        if self._remembered[0] != key:
            self._remembered = key, {}
        labels = self._remembered[1]
        if style not in labels:
            named = self.named()
            found = self._fitting(named, *self.styles[style], renderer) if self.is_writable() else []
            labels[style] = found if len(found) >= MOST * named.size else []
        return labels[style]

    def _fitting(
        self, named: NDArray[np.intp], size: float, n_lines: int, renderer: RendererBase | None
    ) -> list[Label]:
        """The words that have room in a font of `size` points, in turn on each of the lines."""
        (first, last), padding = self._view(), self._pixels(PADDING)
        left, right = (self._across(times[named]) for times in (self.starts, self.room))
        widths, heights = self._measured(named, self._text(size), renderer)
        wide = widths + 2 * padding > right - left
        top, bottom = self._drawn_on().transData.transform([(0, self.high), (0, self.low)])[:, 1]
        fits = (n_lines * heights <= top - bottom) & (self.overhang | ~wide)
        inks, labels = self._inks(named), []
        for line in range(n_lines):
            here = np.flatnonzero(fits & (np.arange(named.size) % n_lines == line))
            edges = tuple(self._across(np.array([first, last])))
            at = placed(left[here], right[here], widths[here], edges, padding)
            y = top - (top - bottom) * (line + 0.5) / n_lines - self._pixels(0.36 * size)
            for k, x in zip(here[np.isfinite(at)], at[np.isfinite(at)], strict=True):
                ink, behind = inks[k]
                labels.append(Label(self.words[named[k]], x, y, size, ink, behind if wide[k] else None))
        return sorted(labels, key=lambda label: label.x)

    def _across(self, times: Floats) -> Floats:
        """Where times are, pixels; at the edge of the axes if they are out of view."""
        corners = np.c_[np.clip(times, *self._view()), np.full(len(times), self.low)]
        return np.asarray(self._drawn_on().transData.transform(corners)[:, 0])

    def _measured(
        self, named: NDArray[np.intp], text: Text, renderer: RendererBase | None
    ) -> tuple[Floats, Floats]:
        """Widths and heights of the words when written like `text`, pixels."""
        sizes = np.empty((named.size, 2))
        for k, number in enumerate(named):
            text.set_text(self.words[number])
            sizes[k] = text.get_window_extent(renderer).size
        return sizes[:, 0], sizes[:, 1]

    def _inks(self, named: NDArray[np.intp]) -> list[tuple[str | None, Any]]:
        """What each word is written in, and the colour behind it: black or white on a colour of its own."""
        if self.values is None or self.scale is None:
            return [(None, None)] * named.size
        colours, known = self._coloured(self.values[named]), np.isfinite(self.values[named])
        light = colours[:, :3] ** 2.2 @ [0.2126, 0.7152, 0.0722] > MIDDLE_LIGHT
        behind = self._behind()
        return [
            ("black" if is_light else "white", colour) if has_one else (None, behind)
            for colour, is_light, has_one in zip(map(tuple, colours), light, known, strict=True)
        ]

    def _coloured(self, values: Floats) -> Floats:
        """A colour a value; where there is none a pale grey."""
        colours = cast("ScalarMappable", self.scale).to_rgba(np.ma.masked_invalid(values))
        colours[~np.isfinite(values)] = to_rgba(GREY, UNKNOWN)
        return np.asarray(colours)

    def _opacity(self) -> float | None:
        """Of the boxes: their texts have the colour of all others, black or white."""
        if self.values is not None and self.scale is not None:
            return None
        return PALE if sum(to_rgba(self._ink)[:3]) < 1.5 else DEEP

    def _behind(self) -> Any:
        """What hides the grid behind the boxes, so that its lines are not taken for gaps between words."""
        ax = self._drawn_on()
        grounds = ax.get_facecolor(), cast("Figure", ax.get_figure(root=True)).get_facecolor()
        return next((ground for ground in map(to_rgba, grounds) if ground[3] == 1), "none")

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

    def _text(self, size: float) -> Text:
        text = Text(ha="center", va="baseline", fontproperties=self._font, parse_math=False, usetex=False)
        text.set_fontsize(size)
        self._place(text)
        return text

    def _place(self, artist: Artist) -> None:
        ax = self._drawn_on()
        artist.axes = ax
        artist.set_figure(cast("Figure", ax.get_figure(root=False)))
        artist.set_clip_box(ax.bbox)


def rows_in(figure: Figure) -> list[WordRow]:
    """All rows of words in a figure."""
    return [artist for ax in figure.axes for artist in ax.artists if isinstance(artist, WordRow)]


def agreed_style(rows: Sequence[WordRow], renderer: RendererBase | None = None) -> int:
    """Number of the best style in which nearly all words of all rows have room, or else the most of them.

    A row that has no room for most of its words in any style has no say.
    """
    styles = range(len(STYLES))
    rows = [row for row in rows if row.get_visible() and row.is_writable()]
    rows = [row for row in rows if any(row.written(style, renderer) for style in styles[::-1])]
    enough = NEARLY_ALL * sum(row.named().size for row in rows)
    counts: list[int] = []
    for style in styles:
        counts.append(sum(len(row.written(style, renderer)) for row in rows))
        if counts[-1] >= enough:
            return style
    return int(np.argmax(counts))
