"""Alignment of words with times: fewest errors, then most exact matches, then closest in time.

Short pairs are computed together, whole tables side by side. A long pair is computed on its own in a band: of
the cells that an alignment with so many errors can reach, or of the words that overlap in time.
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
from .timed_table import Table, build_table, limit_by_errors, limit_by_time

_SHORT = 1 << 15
"""Cells up to which a pair is computed together with others."""

_BATCH = 1 << 21
_COMPILE_FROM = 1 << 16


class Kernel(NamedTuple):
    """How rows are computed, how the way back is found, and after about how many cells a block ends."""

    fill: Callable[[Table, int, int, Ints], Bytes]
    trace: Callable[[Bytes, Ints, Ints, int], tuple[bytes, int]]
    block: int


def align_timed(
    ref: TokenColumns, hyp: TokenColumns, *, errors: Ints | None, collar_us: int | None = None
) -> Edits:
    """Operations of all pairs; words between two pairs of words stand in the order of their starts.

    Args:
        errors: fewest errors of each pair, without a collar; None with one.
        collar_us: pair only words that overlap in time, those of the hypothesis extended at both ends by so
            many microseconds; None pairs any words.
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

    A large table is not kept whole. It is computed in blocks of rows: forward once to know how each block
    begins, then again from the last block to the first, to find the way back.

    Args:
        kernel: `"numpy"`, `"numba"` (for one pair), or `"auto"`, which takes numba for a large table of one
            pair if it is installed.

    Raises:
        MissingExtra: if numba is asked for and not installed.
    """
    fill, trace, block = _choose_kernel(kernel, int(table.sizes.sum()))
    blocks = list(_split_rows(table.sizes * table.n_pairs, block))
    columns, begins = np.zeros((table.n_pairs, int(table.hyp.counts.max(initial=0)) + 1), np.int64), []
    for first, last in blocks[:-1]:
        begins.append(columns.copy())
        fill(table, first, last, columns)
    begins.append(columns)
    column, paths = table.hyp.counts.tolist(), [bytearray() for _ in range(table.n_pairs)]
    for first, last in reversed(blocks):
        flags = fill(table, first, last, begins.pop())
        low, high = table.low[first:last], table.high[first:last]
        for pair, n_rows in enumerate((np.clip(table.ref.counts, first, last) - first).tolist()):
            found, column[pair] = trace(flags[:n_rows, pair], low[:n_rows], high[:n_rows], column[pair])
            paths[pair] += found
    for path, n_left in zip(paths, column, strict=True):
        path += bytes([INS]) * n_left  # what is left of the hypothesis is before the first reference word
        path.reverse()
    ops = mark_substitutions(np.frombuffer(b"".join(paths), np.uint8), table.ref.ids, table.hyp.ids)
    return Edits(ops, np.array([len(path) for path in paths], np.int64))


def _choose_kernel(name: str, n_cells: int) -> Kernel:
    if name == "numpy" or (name == "auto" and (n_cells < _COMPILE_FROM or not find_spec("numba"))):
        return Kernel(timed_numpy.fill, timed_numpy.trace, 1 << 22)
    if not find_spec("numba"):
        raise MissingExtra("the compiled alignment", "numba", "fast")
    from . import timed_numba

    return Kernel(timed_numba.fill, timed_numba.trace, 1 << 24)


def _split_rows(sizes: Ints, n_cells: int) -> Iterator[tuple[int, int]]:
    """First and last row of blocks that fit into rectangles of about `n_cells`, at least one row each."""
    first = 0
    while first < len(sizes):
        widest = np.maximum.accumulate(sizes[first : first + n_cells])
        fits = widest * np.arange(1, len(widest) + 1) <= n_cells
        last = first + max(1, int(np.count_nonzero(fits)))
        yield first, last
        first = last


def _split_batches(pairs: Ints, cells: Ints) -> Iterator[Ints]:
    """Pairs of like size together, so many that their tables have about `_BATCH` cells."""
    pairs = pairs[np.argsort(cells[pairs], kind="stable")]
    while len(pairs):
        n_pairs = max(1, int(np.searchsorted(np.arange(1, len(pairs) + 1) * cells[pairs], _BATCH)))
        yield pairs[:n_pairs]
        pairs = pairs[n_pairs:]


def _sort_gaps(edits: Edits, ref: TokenColumns, hyp: TokenColumns) -> Edits:
    """The same alignment with the deletions and insertions of each gap in the order of their times.

    Each side keeps its order: a word counts as no earlier than those before it in the gap.
    """
    if ref.start is None or hyp.start is None or not len(ref.ids) or not len(hyp.ids):
        return edits
    paired = (edits.ops == OK) | (edits.ops == SUB)
    # Gaps are numbered through all pairs; `gap * span + start` sorts by gap first, so one sort does them all.
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
