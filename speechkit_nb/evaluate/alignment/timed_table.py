"""Input of the dynamic programming of timed alignments: weights, times, and which words may be paired.

The cost of an alignment is lexicographic: fewest errors, then most exact matches, then the smallest sum of
time differences. All three are packed into one integer, so one comparison is enough. A cell holds the gain
over deleting every reference word and inserting every hypothesis word: a match avoids two errors, a
substitution one; deletions and insertions gain nothing. Words that may not be paired have a negative gain.

Of alignments with the same cost, one is chosen from the end of the table: pairing is preferred to deletion,
and deletion to insertion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..arrays import Ids, Ints
from .pairs import TokenColumns

CAP_MS = 60_000
PAIRED, DELETED = 1, 2


@dataclass(frozen=True)
class Weights:
    """Weights that pack the lexicographic cost into one integer.

    Attributes:
        error: weight of one error; more than all substitutions and all times together.
        substitution: weight of pairing two different words; more than all times together.
        cap: the largest time difference of two words, in milliseconds; larger ones count as this.
    """

    error: int
    substitution: int
    cap: int

    @staticmethod
    def for_pairs(n_pairs: int) -> Weights:
        """Weights for at most `n_pairs` paired words. From about 33,000 on, the cap is below a minute.

        >>> Weights.for_pairs(33_000).cap, Weights.for_pairs(100_000).cap
        (60000, 2305)
        """
        n = n_pairs + 1
        # the largest sum is below 2 * n * error, which is about 2 * n ** 3 * cap: so it fits into 64 bits
        cap = min(CAP_MS, (1 << 61) // n**3)
        return Weights(n * (n * cap + 1), n * cap + 1, cap)

    def gain(self, same: np.ndarray, apart: Ints) -> Ints:
        """The gain of pairing words.

        Args:
            same: whether the words are equal.
            apart: distance of their middles in milliseconds.
        """
        gain: Ints = np.where(same, 2 * self.error, self.error - self.substitution)
        gain -= np.minimum(apart, self.cap)
        return gain


class PaddedWords(NamedTuple):
    """One side of all pairs, padded to rectangles of shape (n_pairs, most words); times are empty if unknown.

    Attributes:
        ids: numbers of the words.
        middle: of each word, in milliseconds.
        start, end: in microseconds; those of a hypothesis with the collar added.
    """

    ids: Ids
    middle: Ints
    start: Ints
    end: Ints


@dataclass(frozen=True)
class Table:
    """Pairs of word sequences, and the cells of their tables that are computed.

    Attributes:
        ref, hyp: the words of all pairs.
        low, high: the band: the hypothesis words that each reference word may be paired with, `high` not
            included, shape (most reference words,). It is the same for all pairs. Both never decrease.
        collar_us: pair only words that overlap in time with this collar, in microseconds; None: any words.
    """

    ref: TokenColumns
    hyp: TokenColumns
    low: Ints
    high: Ints
    collar_us: int | None

    @property
    def n_pairs(self) -> int:
        return len(self.ref.counts)

    @property
    def is_timed(self) -> bool:
        """Whether the words of both sides have times."""
        return self.ref.start is not None and self.hyp.start is not None

    @property
    def sizes(self) -> Ints:
        """Cells in each row of one pair, including the cell before the first hypothesis word."""
        return self.high - self.low + 1

    @cached_property
    def weights(self) -> Weights:
        return Weights.for_pairs(int(np.minimum(self.ref.counts, self.hyp.counts).max(initial=0)))

    @cached_property
    def words(self) -> tuple[PaddedWords, PaddedWords]:
        """Both sides as rectangles. The hypothesis is padded because a band may extend past its end."""
        padding = int(self.sizes.max(initial=1))
        return _pad_words(self.ref), _pad_words(self.hyp, self.collar_us or 0, padding)

    def gain(self, first: int, last: int) -> Ints:
        """The gain of pairing each word of rows `first` to `last` with the words of its band.

        Returns:
            Shape (last - first, n_pairs, widest band). Values after the end of a row's band are undefined.
        """
        low = self.low[first:last]
        width = max(1, int(self.sizes[first:last].max()) - 1)
        ref, hyp = self.words

        def rows(values: Ids) -> Ids:
            return values[:, first:last, None]

        def bands(values: Ids) -> Ids:
            # a view, not a copy, until `low` selects one window per row
            return sliding_window_view(values, width, axis=1)[:, low]

        same = rows(ref.ids) == bands(hyp.ids)
        if not self.is_timed:
            return self.weights.gain(same, np.zeros((), np.int64)).swapaxes(0, 1)
        gain = self.weights.gain(same, np.abs(rows(ref.middle) - bands(hyp.middle)))
        if self.collar_us is not None:
            gain[(rows(ref.start) >= bands(hyp.end)) | (rows(ref.end) <= bands(hyp.start))] = -1
        return gain.swapaxes(0, 1)


def build_table(ref: TokenColumns, hyp: TokenColumns, collar_us: int | None = None) -> Table:
    """The whole table of all pairs, without a band."""
    n_rows, n_columns = (int(side.counts.max(initial=0)) for side in (ref, hyp))
    return Table(ref, hyp, np.zeros(n_rows, np.int64), np.full(n_rows, n_columns), collar_us)


def limit_by_errors(table: Table, errors: int) -> Table:
    """The table of one pair with the band that contains every alignment with this many errors.

    Of the errors, at most (errors + n_hyp - n_ref) / 2 are insertions, and at most
    (errors + n_ref - n_hyp) / 2 are deletions.
    """
    n_ref, n_hyp = len(table.ref.ids), len(table.hyp.ids)
    row = np.arange(n_ref)
    most_deleted, most_inserted = (errors + n_ref - n_hyp) // 2, (errors + n_hyp - n_ref) // 2
    low = np.clip(row - most_deleted, 0, n_hyp)
    return replace(table, low=low, high=np.clip(row + 1 + most_inserted, 0, n_hyp))


def limit_by_time(table: Table) -> Table:
    """The table of one pair with the band that contains all words that overlap in time.

    Words need not be sorted by time. So, in place of a word's own times, the earliest start of this and all
    later words and the latest end of this and all earlier words are compared.
    """
    ref, hyp = table.ref, table.hyp
    if ref.start is None or ref.end is None or hyp.start is None or hyp.end is None:
        return table
    collar = table.collar_us or 0
    earliest_ref, earliest_hyp = (
        np.minimum.accumulate(start[::-1])[::-1] for start in (ref.start, hyp.start - collar)
    )
    low = np.searchsorted(np.maximum.accumulate(hyp.end + collar), earliest_ref, side="right")
    high = np.searchsorted(earliest_hyp, np.maximum.accumulate(ref.end), side="left")
    return replace(table, low=low.astype(np.int64), high=np.maximum(low, high).astype(np.int64))


def _pad_words(side: TokenColumns, collar_us: int = 0, padding: int = 0) -> PaddedWords:
    columns = np.arange(int(side.counts.max(initial=0)) + padding)
    place = np.minimum(side.offsets[:-1, None] + columns, max(len(side.ids) - 1, 0))

    def pad(values: Ids) -> Ids:
        return values[place] if len(values) else np.zeros(place.shape, np.int64)

    if side.start is None or side.end is None:
        nothing = np.zeros((len(place), 0), np.int64)
        return PaddedWords(pad(side.ids), nothing, nothing, nothing)
    times = (side.start + side.end) // 2000, side.start - collar_us, side.end + collar_us
    return PaddedWords(pad(side.ids), *(pad(time).astype(np.int64) for time in times))
