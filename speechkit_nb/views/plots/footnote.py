"""What a picture does not show, said below it."""

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

NARROW = 5.0  # inches; in narrower axes each note has a line of its own


class Note(Artist):
    """Keeps the label of the time axis true: words are counted each time that the axes are drawn.

    A label that someone else has written is left as it is.

    Args:
        rows: all that the note speaks of.
        before, after: what is said before and after the words, whatever is drawn.
        values: what the numbers are called that colour the words.
    """

    zorder = -1  # drawn before the label is

    def __init__(self, rows: Sequence[WordRow], before: str, after: Sequence[str], values: str) -> None:
        super().__init__()
        self.rows, self.before, self.after, self.values = rows, before, after, values
        self._said = before
        self.set_in_layout(False)

    def draw(self, renderer: RendererBase) -> None:
        """Write the label, which is drawn later."""
        self.write(renderer)

    def write(self, renderer: RendererBase | None = None) -> None:
        """Write the label as the axes are now."""
        ax = cast("Axes", self.axes)
        if ax.get_xlabel() != self._said:
            return
        wide = ax.bbox.width > NARROW * cast("Figure", ax.get_figure(root=True)).dpi
        self._said = ("  ·  " if wide else "\n").join([self.before, *self._of_words(renderer), *self.after])
        ax.set_xlabel(self._said)

    def _of_words(self, renderer: RendererBase | None) -> list[str]:
        if not any(row.in_view().size for row in self.rows):
            return ["no words"]
        count = sum(row.named().size for row in self.rows)
        written = sum(len(row.labels(renderer)) for row in self.rows)
        unknown = sum(row.n_unknown() for row in self.rows)
        notes = [f"{count_noun(unknown, 'word')} without {self.values}"] if unknown else []
        if written == count:
            return notes
        if written:
            return [f"{count - written:,} of {count_noun(count, 'word')} too narrow to be written", *notes]
        if any(row.is_dense() for row in self.rows):
            return [f"{count_noun(count, 'word')}; the height is the share of speech", *notes]
        how = "higher figure" if all(row.is_low() for row in self.rows) else "shorter stretch"
        return [f"{count_noun(count, 'word')}, legible in a {how}", *notes]
