"""Many short pairs at once: their tables lie side by side, and a row is made in all of them together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Bytes, Ids, Ints
from .pairs import DEL, INS, OK, Edits, TokenColumns, mark_substitutions
from .timed_table import DELETED, PAIRED, Clock, Weights


def align_batch(ref: TokenColumns, hyp: TokenColumns, collar_us: int | None = None) -> Edits:
    """Operations of all pairs. A byte is kept for each cell of the largest table, times the pairs.

    Args:
        collar_us: pair only words that overlap in time, those of the hypothesis made longer by so many
            microseconds at both ends; None pairs whatever words.
    """
    pairs = _Rectangles(ref, hyp, collar_us)
    n_rows, n_columns = pairs.ref.shape[1], pairs.hyp.shape[1]
    flags = np.zeros((n_rows, len(ref.counts), n_columns + 1), np.uint8)
    above = np.zeros(flags.shape[1:], np.int64)
    for row in range(n_rows):
        paired = above[:, :-1] + pairs.gain(row)
        here = above.copy()
        np.maximum(here[:, 1:], paired, out=here[:, 1:])
        np.maximum.accumulate(here, axis=1, out=here)
        flags[row] = (here == above) * np.uint8(DELETED)
        flags[row, :, 1:] |= (here[:, 1:] == paired) * np.uint8(PAIRED)
        above = here
    path = _walk(flags, ref.counts, hyp.counts)
    return Edits(mark_substitutions(path.ops, ref.ids, hyp.ids), path.counts)


class _Rectangles:
    """Both sides as arrays of shape (n_pairs, most words), filled up behind the last word of each pair."""

    def __init__(self, ref: TokenColumns, hyp: TokenColumns, collar_us: int | None) -> None:
        self.n_ref, self.n_hyp = ref.counts, hyp.counts
        self.weights = Weights.of(int(np.minimum(self.n_ref, self.n_hyp).max(initial=0)))
        self.ref, self.hyp = _rectangle(ref, ref.ids), _rectangle(hyp, hyp.ids)
        self.overlap = collar_us is not None
        self.times = None
        ref_clock, hyp_clock = Clock.of(ref), Clock.of(hyp, collar_us or 0)
        if ref_clock is not None and hyp_clock is not None:
            self.times = _clock(ref, ref_clock), _clock(hyp, hyp_clock)

    def gain(self, row: int) -> Ints:
        """What pairing each pair's reference word `row` gains, shape (n_pairs, most hypothesis words)."""
        same, apart = self.ref[:, row, None] == self.hyp, np.zeros((), np.int64)
        forbidden: NDArray[np.bool_] = np.arange(self.hyp.shape[1]) >= self.n_hyp[:, None]
        forbidden |= (row >= self.n_ref)[:, None]
        if self.times is not None:
            ref, hyp = self.times
            apart = np.abs(ref.middle[:, row, None] - hyp.middle)
            if self.overlap:
                forbidden |= ref.start[:, row, None] >= hyp.end
                forbidden |= ref.end[:, row, None] <= hyp.start
        gain = self.weights.gain(same, apart)
        gain[forbidden] = -1
        return gain


def _clock(side: TokenColumns, clock: Clock) -> Clock:
    parts = (_rectangle(side, part) for part in (clock.middle, clock.start, clock.end))
    return Clock(*(part.astype(np.int64, copy=False) for part in parts))


def _rectangle(side: TokenColumns, values: Ids) -> Ids:
    columns = np.arange(int(side.counts.max(initial=0)))
    positions = np.minimum(side.offsets[:-1, None] + columns, max(len(values) - 1, 0))
    return values[positions] if len(values) else np.zeros(positions.shape, np.int64)


def _walk(flags: Bytes, n_ref: Ints, n_hyp: Ints) -> Edits:
    """All ways back at once, each from the corner of its pair; every step moves those that are not done."""
    row, column = n_ref.copy(), n_hyp.copy()
    counts = np.zeros(len(row), np.int64)
    path = np.empty((len(row), int((row + column).max(initial=0))), np.uint8)
    left = np.flatnonzero(row + column)
    while len(left):
        step = np.full(len(left), INS, np.uint8)
        below = row[left] > 0
        look = flags[row[left[below]] - 1, left[below], column[left[below]]]
        step[below] = np.select([look & PAIRED > 0, look & DELETED > 0], [OK, DEL], INS)
        path[left, counts[left]] = step
        counts[left] += 1
        row[left] -= step != INS
        column[left] -= step != DEL
        left = left[row[left] + column[left] > 0]
    ends = counts[:, None] - 1 - np.arange(path.shape[1])
    pair, place = np.nonzero(ends >= 0)
    return Edits(path[pair, ends[pair, place]], counts)
