"""Alignment of words with times: fewest errors, then most exact matches, then closest in time.

Short pairs are worked through together, long ones each in a band: of the cells that so many errors can
reach, or of the words that overlap in time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..arrays import Ints
from .pairs import DEL, INS, OK, SUB, Edits, TokenColumns
from .timed_batch import align_batch
from .timed_numpy import align_long
from .timed_table import Clock, Table, Weights, band_by_errors, band_by_time

_SHORT = 1 << 15
_BATCH = 1 << 21


def align_timed(
    ref: TokenColumns, hyp: TokenColumns, *, errors: Ints | None, collar_us: int | None = None
) -> Edits:
    """Operations of all pairs; words between two pairs of words stand in the order of their starts.

    Args:
        errors: fewest errors of each pair, without a collar; None with one.
        collar_us: pair only words that overlap in time, those of the hypothesis made longer by so many
            microseconds at both ends; None pairs whatever words.
    """
    cells = (ref.counts + 1) * (hyp.counts + 1)
    equal = np.zeros(len(cells), bool) if errors is None else errors == 0
    long = ~equal & (cells > _SHORT)
    same = np.flatnonzero(equal)
    parts = [(same, Edits(np.full(ref.counts[same].sum(), OK, np.uint8), ref.counts[same]))]
    parts += (
        (pairs, align_batch(ref.take(pairs), hyp.take(pairs), collar_us))
        for pairs in _batches(np.flatnonzero(~equal & ~long), cells)
    )
    for pair in np.flatnonzero(long).tolist():
        only = np.array([pair])
        fewest = None if errors is None else int(errors[pair])
        ops = align_long(build_table(ref.take(only), hyp.take(only), fewest, collar_us))
        parts.append((only, Edits(ops, np.array([len(ops)]))))
    return _by_start(Edits.join(parts, len(cells)), ref, hyp)


def build_table(
    ref: TokenColumns, hyp: TokenColumns, errors: int | None, collar_us: int | None = None
) -> Table:
    """The table of one pair, with the band of its errors or of its times."""
    times = Clock.of(ref), Clock.of(hyp, collar_us or 0)
    known = (times[0], times[1]) if times[0] is not None and times[1] is not None else None
    n_ref, n_hyp = len(ref.ids), len(hyp.ids)
    if collar_us is not None and known is not None:
        low, high = band_by_time(*known)
    else:
        low, high = band_by_errors(n_ref, n_hyp, n_ref + n_hyp if errors is None else errors)
    weights = Weights.of(min(n_ref, n_hyp))
    return Table(ref.ids, hyp.ids, known, low, high, collar_us is not None, weights)


def _by_start(edits: Edits, ref: TokenColumns, hyp: TokenColumns) -> Edits:
    """The same alignment, deletions and insertions of each gap in the order of their times.

    Each side keeps its order: a word counts as no earlier than those before it in the gap.
    """
    if ref.start is None or hyp.start is None or not len(ref.ids) or not len(hyp.ids):
        return edits
    paired = (edits.ops == OK) | (edits.ops == SUB)
    gap = np.cumsum(paired) + np.repeat(np.arange(len(edits.counts)), edits.counts)
    span = int(max(ref.start.max(), hyp.start.max()) - min(ref.start.min(), hyp.start.min())) + 1
    when = np.zeros(len(gap), np.int64)
    for op, other, side in ((DEL, INS, ref.start), (INS, DEL, hyp.start)):
        lone = edits.ops == op
        place = np.cumsum(edits.ops != other)[lone] - 1
        when[lone] = np.maximum.accumulate(gap[lone] * span + side[place])
    ops, lone = edits.ops.copy(), np.flatnonzero(~paired)
    ops[lone] = ops[lone][np.argsort(when[lone], kind="stable")]
    return Edits(ops, edits.counts)


def _batches(pairs: Ints, cells: Ints) -> Iterator[Ints]:
    """Pairs of like size together, so many that their tables have about `_BATCH` cells."""
    pairs = pairs[np.argsort(cells[pairs], kind="stable")]
    while len(pairs):
        n_pairs = max(1, int(np.searchsorted(np.arange(1, len(pairs) + 1) * cells[pairs], _BATCH)))
        yield pairs[:n_pairs]
        pairs = pairs[n_pairs:]
