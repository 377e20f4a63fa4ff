"""Pairs of word sequences in columns, and the edit operations that turn the first into the second."""

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
    """One side of all pairs. The words of pair `p` are `ids[offsets[p] : offsets[p + 1]]`.

    Attributes:
        ids: one number per word. Equal words have equal numbers, on both sides. Any integer type.
        offsets: shape (n_pairs + 1,), from 0 to the number of words.
        start, end: times of the words in microseconds; None if the words have no times.
    """

    ids: Ids
    offsets: Ints
    start: Ints | None = None
    end: Ints | None = None

    @property
    def counts(self) -> Ints:
        return np.diff(self.offsets)

    def take(self, pairs: Ints) -> TokenColumns:
        """Selects these pairs, in this order."""
        counts = self.counts[pairs]
        rows = make_ranges(self.offsets[pairs], counts)
        times = (None if time is None else time[rows] for time in (self.start, self.end))
        return TokenColumns(self.ids[rows], make_offsets(counts), *times)


@dataclass(frozen=True)
class Edits:
    """The edit operations of many pairs, one after another.

    Attributes:
        ops: indices into `OPS`, in the order of the words.
        counts: number of operations of each pair.
    """

    ops: Bytes
    counts: Ints

    @staticmethod
    def join(parts: Iterable[tuple[Any, Edits]], n_pairs: int) -> Edits:
        """Joins the edits of parts of the pairs. Each part is given with the numbers of its pairs."""
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
        """Joins one array of operations per pair."""
        arrays = list(each)
        counts = np.array([len(ops) for ops in arrays], np.int64)
        return Edits(np.concatenate([np.empty(0, np.uint8), *arrays]), counts)


def mark_substitutions(path: Bytes, ref: Ids, hyp: Ids) -> Bytes:
    """The operations of `path`, where each pair of different words becomes a substitution.

    >>> mark_substitutions(np.array([OK, OK, DEL], np.uint8), np.array([7, 8, 9]), np.array([7, 9])).tolist()
    [0, 1, 3]
    """
    paired = (path == OK) | (path == SUB)
    # A pair's word is found by counting the operations before it that use up a word of that side.
    row, column = (np.cumsum(path != gap)[paired] - 1 for gap in (INS, DEL))
    ops = path.copy()
    ops[paired] = np.where(ref[row] == hyp[column], OK, SUB)
    return ops
