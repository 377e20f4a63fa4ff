"""A note below a timeline: how many words there are, and what is not drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from matplotlib.artist import Artist

from ...errors import count_noun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.figure import Figure

    from .word_row import WordRow

NARROW = 5.0  # inches; in narrower axes each part of the note has its own line


class Footnote(Artist):
    """Writes the label of the time axis each time the axes are drawn, since words are counted as drawn.

    A label that was changed by other code is not overwritten.

    Args:
        rows: the rows of words that the note describes.
        before, after: texts before and after the count of words.
        value_name: name of the numbers that colour the words.
    """

    zorder = -1  # drawn before the label

    def __init__(self, rows: Sequence[WordRow], before: str, after: Sequence[str], value_name: str) -> None:
        super().__init__()
        self.rows, self.before, self.after, self.value_name = rows, before, after, value_name
        self._written = before
        self.set_in_layout(False)

    def draw(self, renderer: RendererBase) -> None:
        """Write the label, which is drawn later."""
        self.write(renderer)

    def write(self, renderer: RendererBase | None = None) -> None:
        """Write the label for the current size and limits of the axes."""
        ax = cast("Axes", self.axes)
        if ax.get_xlabel() != self._written:
            return
        is_wide = ax.bbox.width > NARROW * cast("Figure", ax.get_figure(root=True)).dpi
        parts = [self.before, *self._describe_words(renderer), *self.after]
        self._written = ("  ·  " if is_wide else "\n").join(parts)
        ax.set_xlabel(self._written)

    def _describe_words(self, renderer: RendererBase | None) -> list[str]:
        if not any(row.in_view().size for row in self.rows):
            return ["no words"]
        count = sum(row.to_write().size for row in self.rows)
        n_written = sum(len(row.labels(renderer)) for row in self.rows)
        n_unknown = sum(row.count_unknown() for row in self.rows)
        unknown = [f"{count_noun(n_unknown, 'word')} without {self.value_name}"] if n_unknown else []
        if n_written == count:
            return unknown
        words = count_noun(count, "word")
        if n_written:
            return [f"{count - n_written:,} of {words} too narrow to be written", *unknown]
        if any(row.is_dense() for row in self.rows):
            return [f"{words}; the height is the share of speech", *unknown]
        how = "higher figure" if all(row.is_low() for row in self.rows) else "shorter stretch"
        return [f"{words}, legible in a {how}", *unknown]
