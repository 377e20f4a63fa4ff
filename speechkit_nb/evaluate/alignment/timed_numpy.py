"""The table of one long pair, row by row in numpy; a row is three passes over its band."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from ...errors import MissingExtra
from ..arrays import Bytes, Ints, make_offsets, make_ranges
from .pairs import DEL, INS, OK, mark_substitutions
from .timed_table import DELETED, PAIRED, Table

Fill = Callable[[Table, int, int, Ints], Bytes]
Walk = Callable[[Bytes, Ints, Ints, int], tuple[Bytes, int]]

_COMPILE_FROM = 1 << 16
_NARROW = 64


class Kernel(NamedTuple):
    """How rows are filled, how the way back is found, and after about how many cells a block ends."""

    fill: Fill
    walk: Walk
    block: int


def align_long(table: Table, kernel: str = "auto") -> Bytes:
    """Operations of one pair. A large table is not kept whole: it is worked through in blocks of rows,
    forward once to know how each block begins, then from the last to the first to find the way back.

    Args:
        kernel: `"numpy"`, `"numba"`, or `"auto"`, which takes numba for large tables if it is installed.

    Raises:
        MissingExtra: if numba is asked for and not installed.
    """
    fill, walk, block = _kernel(kernel, int(table.sizes.sum()), len(table.ref))
    blocks = list(_blocks(table.sizes, block))
    columns, begins = np.zeros(len(table.hyp) + 1, np.int64), []
    for first, last in blocks[:-1]:
        begins.append(columns.copy())
        fill(table, first, last, columns)
    begins.append(columns)
    steps, column = [], len(table.hyp)
    for first, last in reversed(blocks):
        flags = fill(table, first, last, begins.pop())
        found, column = walk(flags, table.low[first:last], table.high[first:last], column)
        steps.append(found)
    path = np.concatenate([*steps, np.full(column, INS, np.uint8)])[::-1]
    return mark_substitutions(path, table.ref, table.hyp)


def _kernel(name: str, n_cells: int, n_rows: int) -> Kernel:
    if name == "numpy" or (name == "auto" and (n_cells < _COMPILE_FROM or not find_spec("numba"))):
        return _FLAT if n_cells <= _NARROW * n_rows else _WIDE
    if not find_spec("numba"):
        raise MissingExtra("the compiled alignment", "numba", "fast")
    from . import timed_numba

    return Kernel(timed_numba.fill, timed_numba.walk, 1 << 24)


def _blocks(sizes: Ints, n_cells: int) -> Iterator[tuple[int, int]]:
    """First and last row of runs of rows of about so many cells, at least one row each."""
    ends, first = np.cumsum(sizes), 0
    while first < len(sizes):
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + n_cells, side="right")))
        yield first, last
        first = last


def fill_wide(table: Table, first: int, last: int, columns: Ints) -> Bytes:
    """Works through rows `first` to `last`, each row on its own.

    Args:
        columns: the row before them, shape (n_hyp + 1,); the last of them afterwards.

    Returns:
        For each cell of the rows whether the best way to it pairs its words, or deletes.
    """
    reached = int(table.high[first - 1]) if first else 0
    flags, at = np.empty(int(table.sizes[first:last].sum()), np.uint8), 0
    for row, lo, hi in zip(
        range(first, last), table.low[first:last].tolist(), table.high[first:last].tolist(), strict=True
    ):
        if hi > reached:
            columns[reached + 1 : hi + 1] = columns[reached]
            reached = hi
        here = columns[lo : hi + 1]
        above, paired = here.copy(), here[:-1] + table.gain(row, slice(lo, hi))
        np.maximum(here[1:], paired, out=here[1:])
        np.maximum.accumulate(here, out=here)
        look = flags[at : at + hi - lo + 1]
        np.multiply(here == above, np.uint8(DELETED), out=look)
        look[1:] |= here[1:] == paired
        at += hi - lo + 1
    return flags


def fill_flat(table: Table, first: int, last: int, columns: Ints) -> Bytes:
    """As `fill_wide`, but what depends on no other row is done for all rows at once."""
    low, high = table.low[first:last], table.high[first:last]
    reached = int(table.high[first - 1]) if first else 0
    left = min(int(low[0]), reached)
    before = reached - left + 1
    begins = before + make_offsets(high - low + 1)
    gain = np.full(begins[-1], -1)
    inner = make_ranges(begins[:-1] + 1, high - low)
    gain[inner] = table.gain(np.repeat(np.arange(first, last), high - low), make_ranges(low, high - low))
    cells = np.empty(begins[-1], np.int64)
    cells[:before] = columns[left : reached + 1]
    _fill_rows(columns, cells, gain, begins.tolist(), low.tolist(), high.tolist(), reached)
    return _flags(cells, gain, begins, (np.r_[left, low], np.r_[reached, high]))


def _fill_rows(
    columns: Ints, cells: Ints, gain: Ints, begins: list[int], low: list[int], high: list[int], reached: int
) -> None:
    paired = np.empty(len(columns), np.int64)
    for at, lo, hi in zip(begins, low, high, strict=False):
        if hi > reached:
            columns[reached + 1 : hi + 1] = columns[reached]
            reached = hi
        row, width = columns[lo : hi + 1], hi - lo
        np.add(row[:-1], gain[at + 1 : at + width + 1], out=paired[:width])
        np.maximum(row[1:], paired[:width], out=row[1:])
        np.maximum.accumulate(row, out=row)
        cells[at : at + width + 1] = row


def _flags(cells: Ints, gain: Ints, begins: Ints, bounds: tuple[Ints, Ints]) -> Bytes:
    low, high = bounds
    sizes = high[1:] - low[1:] + 1
    columns = make_ranges(low[1:], sizes)
    shift = np.repeat(np.r_[0, begins[:-2]] - low[:-1], sizes)
    last = np.repeat(high[:-1], sizes)
    here = cells[begins[0] :]
    flags: Bytes = (cells[shift + np.minimum(columns, last)] == here) * np.uint8(DELETED)
    first = np.repeat(low[:-1], sizes)
    diagonal = cells[shift + np.maximum(np.minimum(columns - 1, last), first)]
    flags |= (diagonal + gain[begins[0] :] == here) * np.uint8(PAIRED)
    return flags


def walk(flags: Bytes, low: Ints, high: Ints, column: int) -> tuple[Bytes, int]:
    """The best way through a block of rows, from its end: the operations, and the column above it."""
    path, look, at = bytearray(), flags.tobytes(), len(flags)
    for lo, hi in zip(low[::-1].tolist(), high[::-1].tolist(), strict=True):
        at -= hi - lo + 1
        while column > hi and not look[at + hi - lo] & DELETED:
            path.append(INS)
            column -= 1
        while column <= hi and not look[at + column - lo]:
            path.append(INS)
            column -= 1
        if column <= hi and look[at + column - lo] & PAIRED:
            path.append(OK)
            column -= 1
        else:
            path.append(DEL)
    return np.frombuffer(path, np.uint8), column


_FLAT, _WIDE = Kernel(fill_flat, walk, 1 << 19), Kernel(fill_wide, walk, 1 << 24)
