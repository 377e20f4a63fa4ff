"""A row of words that adapts to its space when drawn: boxes with texts, boxes alone, or a density."""

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
from .density import density_shapes, mean_values, speech_share
from .label_placement import place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Colour = str | tuple[float, ...]

STYLES = (  # size of the words relative to other text, and number of lines; the best first
    *((size, 1) for size in (0.83, 0.75, 0.67, 0.58)),
    *((size, 2) for size in (0.67, 0.58, 0.5)),
)
SMALLEST = 5.0  # points; journals print nothing smaller
MOST_TEXTS = 400  # words of one row in view; if there are more, none is written
NEARLY_ALL, MOST = 0.97, 0.5  # shares of the words in view
THINNEST_BOX = 1.5  # points; if the median word is thinner, a density is drawn instead of boxes
DENSITY_STEP = 2.0  # points
GAP = 0.7  # points between a box and the next
THINNEST_MARK = 0.8  # points; width of a word without duration
PADDING = 1.0  # points between a text and either side of its box
HALO = 1.5  # points around a text that reaches over boxes of other colours
PALE, DEEP = 0.45, 0.75  # opacity of boxes behind black and behind white texts
UNKNOWN = 0.25  # opacity of a word without a number, if numbers colour the words
MIDDLE_LIGHT = 0.18  # luminance on which black and white are equally legible


class Label(NamedTuple):
    """A word and where it is written, in pixels: the middle of its base line."""

    word: str
    x: float
    y: float
    size: float  # of the font, points
    colour: str | None = None  # None: that of other texts
    halo: Colour | None = None  # colour around the letters, if the text reaches over other boxes


class WordRow(Artist):
    """The words of one lane, as one artist.

    All rows of a figure write their words in one size, on one line or alternately on two lines.

    Args:
        words: the texts, in any order.
        starts, ends: finite seconds, one per word. A word that ends before it starts is a thin mark.
        low, high: y of the lower and upper side of the row.
        colour: of the boxes, which are paler.
        values, scale: one number per word, and the colour map for them; they replace `colour`. A word without
            a number is pale grey.
        overhang: whether a text may be wider than its box, if other texts have room. Set False where rows
            overlap, since a row knows only its own words.
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
        self.limits = np.minimum(self.ends, np.r_[self.starts[1:], np.inf])  # where each text has to end
        self.low, self.high, self.colour, self.scale = low, high, colour, scale
        self.values = None if values is None or scale is None else np.asarray(values, float)[order]
        self.overhang = overhang
        self.styles = [(max(SMALLEST, size * mpl.rcParams["font.size"]), lines) for size, lines in STYLES]
        self._font, self._text_colour = FontProperties(), mpl.rcParams["text.color"]
        self._cache: tuple[Any, dict[int, list[Label]]] = None, {}
        self.set_in_layout(False)

    # --- which words, and how

    def in_view(self) -> NDArray[np.intp]:
        """Numbers of the words that are in view, at least in part."""
        first, last = self._view()
        return np.flatnonzero((self.ends >= first) & (self.starts < last))

    def to_write(self) -> NDArray[np.intp]:
        """Numbers of the words to write: their middle is in view, or they fill half of the view."""
        first, last = self._view()
        shown = self.in_view()
        starts, ends = self.starts[shown], self.ends[shown]
        middles, seen = (starts + ends) / 2, np.minimum(ends, last) - np.maximum(starts, first)
        inside = (first <= middles) & (middles < last)
        return np.asarray(shown[inside | (2 * seen >= last - first)])

    def count_unknown(self) -> int:
        """Number of words to write that have no value, if values colour the words."""
        return 0 if self.values is None else int(np.isnan(self.values[self.to_write()]).sum())

    def is_dense(self) -> bool:
        """Whether a density is drawn, since boxes would be too thin."""
        shown = self.in_view()
        lengths = self.ends[shown] - self.starts[shown]
        return bool(shown.size > 1 and np.median(lengths) < THINNEST_BOX * self._seconds_per_point())

    def is_writable(self) -> bool:
        """Whether there are words to write, and not too many to try."""
        return 0 < self.to_write().size <= MOST_TEXTS

    def is_low(self) -> bool:
        """Whether the boxes are too low for a text of any size."""
        top, bottom = self._sides()
        return bool(top - bottom < self._pixels(1.2 * SMALLEST))

    # --- what is drawn

    def draw(self, renderer: RendererBase) -> None:
        """Draw the boxes or the density, then the texts that have room."""
        if not (self.get_visible() and self.in_view().size):
            return
        shapes = PolyCollection(self.shapes(), edgecolor="none", snap=False)
        shapes.set_transform(self._ax.transData)
        self._attach(shapes)
        # the background first: it hides the grid, whose lines would look like gaps between words
        for colour, alpha in ((self._background(), None), (self.colours(), self._opacity())):
            shapes.set(facecolor=colour, alpha=alpha)
            shapes.draw(renderer)
        text = self._make_text(SMALLEST)
        for label in self.labels(renderer):
            text.set(text=label.word, position=(label.x, label.y), fontsize=label.size)
            text.set_color(label.colour or self._text_colour)
            stroke = withStroke(linewidth=2 * HALO, foreground=label.halo or "none")
            text.set_path_effects([stroke] if label.halo else [])
            text.draw(renderer)

    def shapes(self) -> list[Floats]:
        """Corners (seconds, y) of the shapes: one box per word in view, or the density."""
        shown = self.in_view()
        starts, ends = self.starts[shown], self.ends[shown]
        if self.is_dense():
            by_value = self.values is not None
            return density_shapes(*self._density(), self.low, self.high, one_per_bin=by_value)
        point = self._seconds_per_point()
        ends = np.maximum(ends - GAP * point, starts + THINNEST_MARK * point)
        x = np.stack([starts, starts, ends, ends], axis=1)
        y = np.broadcast_to([self.low, self.high, self.high, self.low], x.shape)
        return list(np.stack([x, y], axis=2))

    def colours(self) -> str | Floats:
        """Colours of the shapes: one for all, or an array with one row per shape."""
        if self.values is None:
            return self.colour
        shown = self.in_view()
        values = self.values[shown]
        if self.is_dense():
            edges, share = self._density()
            values = mean_values(edges, self.starts[shown], self.ends[shown], values)[share > 0]
        return self._colour_values(values)

    def labels(self, renderer: RendererBase | None = None) -> list[Label]:
        """The words that are written, in the style of the figure.

        No words are written if too many are in view, or if most of them have no room.
        """
        if not self.is_writable():
            return []
        figure = cast("Figure", self._ax.get_figure(root=True))
        return self.labels_in_style(choose_style(find_rows(figure), renderer), renderer)

    def labels_in_style(self, style: int, renderer: RendererBase | None = None) -> list[Label]:
        """The words that are written in style number `style`; empty if most have no room."""
        key = (self._ax.viewLim.bounds, self._ax.bbox.bounds, self._pixels(1), type(renderer))
        if self._cache[0] != key:
            self._cache = key, {}
        known = self._cache[1]
        if style not in known:
            labels = self._place_words(*self.styles[style], renderer) if self.is_writable() else []
            known[style] = labels if len(labels) >= MOST * self.to_write().size else []
        return known[style]

    def _place_words(self, size: float, n_lines: int, renderer: RendererBase | None) -> list[Label]:
        """The words that have room in a font of `size` points, alternately on each of the lines."""
        numbers, padding = self.to_write(), self._pixels(PADDING)
        left, right = self._to_pixels(self.starts[numbers]), self._to_pixels(self.limits[numbers])
        edges = tuple(self._to_pixels(np.array(self._view())))
        widths, heights = self._measure_words(numbers, size, renderer)
        is_wide = widths + 2 * padding > right - left
        top, bottom = self._sides()
        fits = (n_lines * heights <= top - bottom) & (self.overhang | ~is_wide)
        colours, labels = self._text_colours(numbers), []
        for line in range(n_lines):
            on_line = np.flatnonzero(fits & (np.arange(numbers.size) % n_lines == line))
            middles = place_labels(left[on_line], right[on_line], widths[on_line], edges, padding)
            y = top - (top - bottom) * (line + 0.5) / n_lines - self._pixels(0.36 * size)
            for k, x in zip(on_line, middles, strict=True):
                if np.isfinite(x):
                    colour, behind = colours[k]
                    halo = behind if is_wide[k] else None
                    labels.append(Label(self.words[numbers[k]], x, y, size, colour, halo))
        return sorted(labels, key=lambda label: label.x)

    def _measure_words(
        self, numbers: NDArray[np.intp], size: float, renderer: RendererBase | None
    ) -> tuple[Floats, Floats]:
        """Widths and heights of the words in pixels."""
        text, sizes = self._make_text(size), np.empty((numbers.size, 2))
        for k, number in enumerate(numbers):
            text.set_text(self.words[number])
            sizes[k] = text.get_window_extent(renderer).size
        return sizes[:, 0], sizes[:, 1]

    def _density(self) -> tuple[Floats, Floats]:
        """Edges of the bins of the density, and the share of each bin that is speech."""
        first, last = self._view()
        n_bins = max(2, round((last - first) / self._seconds_per_point() / DENSITY_STEP))
        edges, shown = np.linspace(first, last, n_bins), self.in_view()
        return edges, speech_share(edges, self.starts[shown], self.ends[shown])

    # --- colours

    def _text_colours(self, numbers: NDArray[np.intp]) -> list[tuple[str | None, Colour | None]]:
        """Colour of each text, and the colour behind it: black or white on a colour of the scale."""
        if self.values is None:
            return [(None, None)] * numbers.size
        values = self.values[numbers]
        colours = self._colour_values(values)
        # relative luminance, with a gamma of 2.2
        is_light = colours[:, :3] ** 2.2 @ [0.2126, 0.7152, 0.0722] > MIDDLE_LIGHT
        return [
            ("black" if light else "white", tuple(colour)) if known else (None, self._background())
            for colour, light, known in zip(colours, is_light, np.isfinite(values), strict=True)
        ]

    def _colour_values(self, values: Floats) -> Floats:
        """One colour per value; pale grey for NaN."""
        colours = cast("ScalarMappable", self.scale).to_rgba(np.ma.masked_invalid(values))
        colours[~np.isfinite(values)] = to_rgba(GREY, UNKNOWN)
        return np.asarray(colours)

    def _opacity(self) -> float | None:
        """Opacity of boxes in one colour, on which texts have the colour of all other texts."""
        if self.values is not None:
            return None
        return PALE if sum(to_rgba(self._text_colour)[:3]) < 1.5 else DEEP

    def _background(self) -> Colour:
        """The opaque colour of the axes, or else of the figure."""
        figure = cast("Figure", self._ax.get_figure(root=True))
        colours = map(to_rgba, (self._ax.get_facecolor(), figure.get_facecolor()))
        return next((colour for colour in colours if colour[3] == 1), "none")

    # --- where

    @property
    def _ax(self) -> Axes:
        return cast("Axes", self.axes)  # set by Axes.add_artist

    def _view(self) -> tuple[float, float]:
        first, last = sorted(self._ax.get_xlim())
        return first, last

    def _sides(self) -> tuple[float, float]:
        """Upper and lower side of the boxes, pixels."""
        (_, top), (_, bottom) = self._ax.transData.transform([(0, self.high), (0, self.low)])
        return top, bottom

    def _to_pixels(self, times: Floats) -> Floats:
        """x of times in pixels; at the edge of the axes if they are out of view."""
        corners = np.c_[np.clip(times, *self._view()), np.full(len(times), self.low)]
        return np.asarray(self._ax.transData.transform(corners)[:, 0])

    def _pixels(self, points: float) -> float:
        return points * cast("Figure", self._ax.get_figure(root=True)).dpi / 72

    def _seconds_per_point(self) -> float:
        first, last = self._view()
        return (last - first) / self._ax.bbox.width * self._pixels(1)

    def _make_text(self, size: float) -> Text:
        text = Text(ha="center", va="baseline", fontproperties=self._font, parse_math=False, usetex=False)
        text.set_fontsize(size)
        self._attach(text)
        return text

    def _attach(self, artist: Artist) -> None:
        """Draw the artist as a part of the axes."""
        artist.axes = self._ax
        artist.set_figure(cast("Figure", self._ax.get_figure(root=False)))
        artist.set_clip_box(self._ax.bbox)


def find_rows(figure: Figure) -> list[WordRow]:
    """All rows of words in a figure."""
    return [artist for ax in figure.axes for artist in ax.artists if isinstance(artist, WordRow)]


def choose_style(rows: Sequence[WordRow], renderer: RendererBase | None = None) -> int:
    """Number of the first style in which nearly all words have room, or else of that with the most words.

    Rows in which most words have no room in any style do not count.
    """
    styles = range(len(STYLES))
    rows = [row for row in rows if row.get_visible() and row.is_writable()]
    # from the smallest style on, in which most rows have room: no row is measured more often than needed
    rows = [row for row in rows if any(row.labels_in_style(style, renderer) for style in styles[::-1])]
    enough = NEARLY_ALL * sum(row.to_write().size for row in rows)
    counts: list[int] = []
    for style in styles:
        counts.append(sum(len(row.labels_in_style(style, renderer)) for row in rows))
        if counts[-1] >= enough:
            return style
    return int(np.argmax(counts))
