"""Alignment of words with times: fewest errors, then most exact matches, then closest in time.

Short pairs are computed in batches, with their whole tables. A long pair is computed alone and only within a
band of its table: the cells that an alignment with the known number of errors can reach, or, with a collar,
the words that overlap in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from ...errors import MissingExtra
from ..arrays import Bytes, Ints
from . import timed_numpy
from .pairs import DEL, INS, OK, SUB, Edits, TokenColumns, mark_substitutions
from .timed_table import DELETED, PAIRED, Table, build_table, limit_by_errors, limit_by_time

_SHORT = 1 << 15
"""Pairs with at most this many cells are computed in batches."""

_BATCH = 1 << 21
_COMPILE_FROM = 1 << 16


class Kernel(NamedTuple):
    """The function that computes rows, and the number of cells in a block, about."""

    fill: Callable[[Table, int, int, Ints], Bytes]
    block: int


def align_timed(
    ref: TokenColumns, hyp: TokenColumns, *, errors: Ints | None, collar_us: int | None = None
) -> Edits:
    """Operations of all pairs. Insertions and deletions between two paired words are sorted by start.

    Args:
        errors: the edit distance of each pair if there is no collar; None if there is one.
        collar_us: pair only words that overlap in time, with those of the hypothesis extended at both ends
            by this many microseconds; None: pair any words.
    """
    cells = (ref.counts + 1) * (hyp.counts + 1)
    equal = np.zeros(len(cells), bool) if errors is None else errors == 0
    long = ~equal & (cells > _SHORT)
    same = np.flatnonzero(equal)
    parts = [(same, Edits(np.full(ref.counts[same].sum(), OK, np.uint8), ref.counts[same]))]
    parts += (
        (pairs, align_table(build_table(ref.take(pairs), hyp.take(pairs), collar_us), "numpy"))
        for pairs in _split_batches(np.flatnonzero(~equal & ~long), cells)
    )
    for pair in np.flatnonzero(long):
        only = np.array([pair])
        table = build_table(ref.take(only), hyp.take(only), collar_us)
        banded = limit_by_time(table) if errors is None else limit_by_errors(table, int(errors[pair]))
        parts.append((only, align_table(banded)))
    return _sort_gaps(Edits.join(parts, len(cells)), ref, hyp)


def align_table(table: Table, kernel: str = "auto") -> Edits:
    """Operations of the pairs of a table.

    To save memory, a large table is computed in blocks of rows, twice: first forward, keeping only the row
    before each block, then from the last block to the first, tracing the path through each.

    Args:
        kernel: `"numpy"`, `"numba"` (for one pair), or `"auto"`, which uses numba for a large table of
            one pair if it is installed.

    Raises:
        MissingExtra: if `kernel` is `"numba"` and numba is not installed.
    """
    fill, block = _choose_kernel(kernel, int(table.sizes.sum()))
    blocks = list(_split_rows(table.sizes * table.n_pairs, block))
    columns, begins = np.zeros((table.n_pairs, int(table.hyp.counts.max(initial=0)) + 1), np.int64), []
    for first, last in blocks[:-1]:
        begins.append(columns.copy())
        fill(table, first, last, columns)
    begins.append(columns)
    column, paths = table.hyp.counts.tolist(), [bytearray() for _ in range(table.n_pairs)]
    # the last block is computed only here, the others a second time
    for first, last in reversed(blocks):
        flags = fill(table, first, last, begins.pop())
        low, high = table.low[first:last], table.high[first:last]
        for pair, n_rows in enumerate((np.clip(table.ref.counts, first, last) - first).tolist()):
            found, column[pair] = _trace(flags[:n_rows, pair], low[:n_rows], high[:n_rows], column[pair])
            paths[pair] += found
    for path, n_left in zip(paths, column, strict=True):
        path += bytes([INS]) * n_left  # hypothesis words before the first reference word
        path.reverse()
    ops = mark_substitutions(np.frombuffer(b"".join(paths), np.uint8), table.ref.ids, table.hyp.ids)
    return Edits(ops, np.array([len(path) for path in paths], np.int64))


def _trace(flags: Bytes, low: Ints, high: Ints, column: int) -> tuple[bytes, int]:
    """Traces the best path of one pair through a block of rows, from the last row to the first.

    Args:
        flags: of `timed_numpy.fill`, for this pair: shape (n_rows, widest band + 1).
        low, high: the band of each row.
        column: number of hypothesis words on the path up to its end in this block.

    Returns:
        The operations from the last to the first, and the column in which the path enters the block.
    """
    # one byte of a bytes object is read much faster than one element of an array
    path, look, width = bytearray(), flags.tobytes(), flags.shape[1]
    at = len(look)
    for lo, hi in zip(low[::-1].tolist(), high[::-1].tolist(), strict=True):
        at -= width
        # words after the end of the band are inserted, unless the row's word is deleted there
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
    return bytes(path), column


def _choose_kernel(name: str, n_cells: int) -> Kernel:
    if name == "numpy" or (name == "auto" and (n_cells < _COMPILE_FROM or not find_spec("numba"))):
        return Kernel(timed_numpy.fill, 1 << 22)
    if not find_spec("numba"):
        raise MissingExtra("the compiled alignment", "numba", "fast")
    from . import timed_numba

    return Kernel(timed_numba.fill, 1 << 24)


def _split_rows(sizes: Ints, n_cells: int) -> Iterator[tuple[int, int]]:
    """First and last row (not included) of blocks of at most `n_cells` cells, or of one row."""
    first = 0
    while first < len(sizes):
        # a block is a rectangle as wide as its widest row
        widest = np.maximum.accumulate(sizes[first : first + n_cells])
        fits = widest * np.arange(1, len(widest) + 1) <= n_cells
        last = first + max(1, int(np.count_nonzero(fits)))
        yield first, last
        first = last


def _split_batches(pairs: Ints, cells: Ints) -> Iterator[Ints]:
    """Batches of pairs of similar size, with about `_BATCH` cells in all tables of a batch."""
    pairs = pairs[np.argsort(cells[pairs], kind="stable")]
    while len(pairs):
        n_pairs = max(1, int(np.searchsorted(np.arange(1, len(pairs) + 1) * cells[pairs], _BATCH)))
        yield pairs[:n_pairs]
        pairs = pairs[n_pairs:]


def _sort_gaps(edits: Edits, ref: TokenColumns, hyp: TokenColumns) -> Edits:
    """The same alignment, with the deletions and insertions between two paired words sorted by start.

    The order within each side is kept: a word that starts before an earlier word of its side is treated as
    starting with it.
    """
    if ref.start is None or hyp.start is None or not len(ref.ids) or not len(hyp.ids):
        return edits
    paired = (edits.ops == OK) | (edits.ops == SUB)
    # Gaps are numbered over all pairs. `gap * span + start` orders by gap, then by start, in a single sort.
    gap = np.cumsum(paired) + np.repeat(np.arange(len(edits.counts)), edits.counts)
    span = int(max(ref.start.max(), hyp.start.max()) - min(ref.start.min(), hyp.start.min())) + 1
    when = np.zeros(len(gap), np.int64)
    for op, other, side in ((DEL, INS, ref.start), (INS, DEL, hyp.start)):
        alone = edits.ops == op
        place = np.cumsum(edits.ops != other)[alone] - 1
        when[alone] = np.maximum.accumulate(gap[alone] * span + side[place])
    ops, alone = edits.ops.copy(), np.flatnonzero(~paired)
    ops[alone] = ops[alone][np.argsort(when[alone], kind="stable")]
    return Edits(ops, edits.counts)
