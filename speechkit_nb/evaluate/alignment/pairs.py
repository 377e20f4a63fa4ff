"""Many pairs of word sequences in columns, and the edit operations that turn one into the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Ids = NDArray[np.integer[Any]]
Bytes = NDArray[np.uint8]

OPS = ("ok", "sub", "ins", "del")
OK, SUB, INS, DEL = range(4)


@dataclass(frozen=True)
class Side:
    """One side of all pairs: the words of pair `p` are those from `offsets[p]` to `offsets[p + 1]`.

    Attributes:
        ids: a number a word; equal numbers are equal words, on both sides. Any kind of integer.
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

    def take(self, pairs: Ints) -> Side:
        """Only these pairs, in this order."""
        counts = self.counts[pairs]
        rows = ragged(self.offsets[pairs], counts)
        times = (None if time is None else time[rows] for time in (self.start, self.end))
        return Side(self.ids[rows], offsets_of(counts), *times)


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
        ops, offsets = np.empty(counts.sum(), np.uint8), offsets_of(counts)
        for pairs, edits in parts:
            ops[ragged(offsets[pairs], edits.counts)] = edits.ops
        return Edits(ops, counts)

    @staticmethod
    def concat(each: Iterable[Bytes]) -> Edits:
        """Edits from one array of operations a pair."""
        arrays = list(each)
        counts = np.array([len(ops) for ops in arrays], np.int64)
        return Edits(np.concatenate([np.empty(0, np.uint8), *arrays]), counts)


def offsets_of(counts: Ints) -> Ints:
    """Where each of the runs begins that have these lengths, and where the last one ends.

    >>> offsets_of(np.array([2, 0, 3])).tolist()
    [0, 2, 2, 5]
    """
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def ragged(starts: Ints, counts: Ints) -> Ints:
    """The numbers from each start on, as many as its count.

    >>> ragged(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    offsets = offsets_of(counts)
    return np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts)


def named(path: Bytes, ref: Ids, hyp: Ids) -> Bytes:
    """The operations of `path` with pairs of different words called substitutions.

    >>> named(np.array([OK, OK, DEL], np.uint8), np.array([7, 8, 9]), np.array([7, 9])).tolist()
    [0, 1, 3]
    """
    paired = (path == OK) | (path == SUB)
    row, column = (np.cumsum(path != gap)[paired] - 1 for gap in (INS, DEL))
    ops = path.copy()
    ops[paired] = np.where(ref[row] == hyp[column], OK, SUB)
    return ops
