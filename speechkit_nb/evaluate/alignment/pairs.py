"""Many pairs of word sequences in columns, and the edit operations that turn one into the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Bytes, Ids, Ints, make_offsets, make_ranges

OPS = ("ok", "sub", "ins", "del")
OK, SUB, INS, DEL = range(4)


@dataclass(frozen=True)
class TokenColumns:
    """One side of all pairs: the words of pair `p` are those from `offsets[p]` to `offsets[p + 1]`.

    Attributes:
        ids: one number per word; equal numbers are equal words, on both sides. Any kind of integer.
        offsets: shape (n_pairs + 1,), from 0 to the number of words.
        start, end: times of the words in microseconds; None if they have none.
    """

    ids: Ids
    offsets: Ints
    start: Ints | None = None
    end: Ints | None = None

    @property
    def counts(self) -> Ints:
        return np.diff(self.offsets)

    def take(self, pairs: Ints) -> TokenColumns:
        """Only these pairs, in this order."""
        counts = self.counts[pairs]
        rows = make_ranges(self.offsets[pairs], counts)
        times = (None if time is None else time[rows] for time in (self.start, self.end))
        return TokenColumns(self.ids[rows], make_offsets(counts), *times)


@dataclass(frozen=True)
class Edits:
    """The edit operations of many pairs, one after another.

    Attributes:
        ops: numbers of `OPS`, in the order of the words.
        counts: how many operations each pair has.
    """

    ops: Bytes
    counts: Ints

    @staticmethod
    def join(parts: Iterable[tuple[Any, Edits]], n_pairs: int) -> Edits:
        """Edits of all pairs from edits of some of them, each part with the numbers of its pairs."""
        parts = list(parts)
        counts = np.zeros(n_pairs, np.int64)
        for pairs, edits in parts:
            counts[pairs] = edits.counts
        ops, offsets = np.empty(counts.sum(), np.uint8), make_offsets(counts)
        for pairs, edits in parts:
            ops[make_ranges(offsets[pairs], edits.counts)] = edits.ops
        return Edits(ops, counts)

    @staticmethod
    def concat(each: Iterable[Bytes]) -> Edits:
        """Edits from one array of operations per pair."""
        arrays = list(each)
        counts = np.array([len(ops) for ops in arrays], np.int64)
        return Edits(np.concatenate([np.empty(0, np.uint8), *arrays]), counts)


def mark_substitutions(path: Bytes, ref: Ids, hyp: Ids) -> Bytes:
    """The operations of `path` with pairs of different words called substitutions.

    >>> mark_substitutions(np.array([OK, OK, DEL], np.uint8), np.array([7, 8, 9]), np.array([7, 9])).tolist()
    [0, 1, 3]
    """
    paired = (path == OK) | (path == SUB)
    row, column = (np.cumsum(path != gap)[paired] - 1 for gap in (INS, DEL))
    ops = path.copy()
    ops[paired] = np.where(ref[row] == hyp[column], OK, SUB)
    return ops
