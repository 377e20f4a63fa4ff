"""What one alignment may gain where: weights, bands, and the table of one pair.

Three wishes, fewest errors, then most matches, then closest in time, are packed into one integer, so that
one comparison decides. A cell is counted as what it gains over deleting every reference word and inserting
every hypothesis word: a match gains two errors, a substitution one, deleting and inserting gain nothing.
Words that may not be paired gain less than nothing.

Where several alignments are equal in all three, the one is taken that, read from the end, pairs before it
deletes, and deletes before it inserts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Ids, Ints
from .pairs import TokenColumns

CAP_MS = 60_000
PAIRED, DELETED = 1, 2


@dataclass(frozen=True)
class Weights:
    """What the three wishes weigh in one integer.

    Attributes:
        error: of one error; more than all substitutions and all times together.
        substitution: of pairing two different words; more than all times together.
        cap: milliseconds apart from which on pairs count as equally far apart.
    """

    error: int
    substitution: int
    cap: int

    @staticmethod
    def of(n_pairs: int) -> Weights:
        """For at most so many paired words. The cap is a minute up to 33,000 words, then it shrinks.

        >>> Weights.of(33_000).cap, Weights.of(100_000).cap
        (60000, 2305)
        """
        n = n_pairs + 1
        cap = min(CAP_MS, (1 << 61) // n**3)
        return Weights(n * (n * cap + 1), n * cap + 1, cap)

    def gain(self, same: np.ndarray, apart: Ints) -> Ints:
        """What pairing words gains that are equal or not, and so many milliseconds apart."""
        gain: Ints = np.where(same, 2 * self.error, self.error - self.substitution)
        gain -= np.minimum(apart, self.cap)
        return gain


@dataclass(frozen=True)
class Clock:
    """Times of the words of one side or of one pair's side.

    Attributes:
        middle: of each word, in milliseconds.
        start, end: in microseconds; those of a hypothesis with the collar added.
    """

    middle: Ints
    start: Ints
    end: Ints

    @staticmethod
    def of(side: TokenColumns, collar_us: int = 0) -> Clock | None:
        if side.start is None or side.end is None:
            return None
        return Clock((side.start + side.end) // 2000, side.start - collar_us, side.end + collar_us)


@dataclass(frozen=True)
class Table:
    """One pair, and which of its words may be paired.

    Attributes:
        ref, hyp: word numbers.
        times: of both sides; None without times.
        low, high: the hypothesis words that each reference word may be paired with, `high` not
            included. Neither ever decreases.
        overlap: whether only words are paired that overlap in time.
        weights: of the three wishes.
    """

    ref: Ids
    hyp: Ids
    times: tuple[Clock, Clock] | None
    low: Ints
    high: Ints
    overlap: bool
    weights: Weights

    @property
    def sizes(self) -> Ints:
        """Cells of each row, the one left of the first pair included."""
        return self.high - self.low + 1

    def gain(self, row: Ints | int, column: Ints | slice) -> Ints:
        """What pairing these words gains."""
        same = self.ref[row] == self.hyp[column]
        if self.times is None:
            return self.weights.gain(same, np.zeros((), np.int64))
        ref, hyp = self.times
        gain = self.weights.gain(same, np.abs(ref.middle[row] - hyp.middle[column]))
        if self.overlap:
            gain[(ref.start[row] >= hyp.end[column]) | (ref.end[row] <= hyp.start[column])] = -1
        return gain


def band_by_errors(n_ref: int, n_hyp: int, errors: int) -> tuple[Ints, Ints]:
    """`low` and `high` that hold every alignment with so many errors.

    Of the errors, at most (errors + n_hyp - n_ref) / 2 are insertions; the rest, as many fewer, deletions.
    """
    row = np.arange(n_ref)
    most_deleted, most_inserted = (errors + n_ref - n_hyp) // 2, (errors + n_hyp - n_ref) // 2
    low = np.clip(row - most_deleted, 0, n_hyp)
    return low, np.clip(row + 1 + most_inserted, 0, n_hyp)


def band_by_time(ref: Clock, hyp: Clock) -> tuple[Ints, Ints]:
    """`low` and `high` that hold every pair of words that overlap, in whatever order they stand."""
    begins = np.minimum.accumulate(ref.start[::-1])[::-1]
    low = np.searchsorted(np.maximum.accumulate(hyp.end), begins, side="right")
    hyp_begins = np.minimum.accumulate(hyp.start[::-1])[::-1]
    high = np.searchsorted(hyp_begins, np.maximum.accumulate(ref.end), side="left")
    return low.astype(np.int64), np.maximum(low, high).astype(np.int64)
