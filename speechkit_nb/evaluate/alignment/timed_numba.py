"""The same as `timed_rows`, compiled; imported only where numba is installed."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..arrays import Bytes, Ints
from .pairs import DEL, INS, OK
from .timed_table import DELETED, PAIRED, Table

_NONE = np.zeros(0, np.int64)


def fill(table: Table, first: int, last: int, columns: Ints) -> Bytes:
    """As `timed_rows.fill_wide`."""
    clocks = [_NONE] * 6
    if table.times is not None:
        clocks = [part for clock in table.times for part in (clock.middle, clock.start, clock.end)]
    weights = table.weights
    limits = np.array([weights.error, weights.substitution, weights.cap])
    reached = int(table.high[first - 1]) if first else 0
    flags = np.empty(int(table.sizes[first:last].sum()), np.uint8)
    bounds = table.low[first:last], table.high[first:last]
    words = table.ref[first:last], table.hyp
    if table.times is not None:
        clocks[:3] = [part[first:last] for part in clocks[:3]]
    _fill(words, tuple(clocks), bounds, limits, table.overlap, reached, columns, flags)
    return flags


def walk(flags: Bytes, low: Ints, high: Ints, column: int) -> tuple[Bytes, int]:
    """As `timed_rows.walk`."""
    path = np.empty(len(low) + column, np.uint8)
    n_steps, column = _walk(flags, low, high, column, path)
    return path[:n_steps], column


@njit(cache=True, nogil=True)
def _fill(words, clocks, bounds, limits, overlap, reached, columns, flags):  # type: ignore[no-untyped-def]
    (ref, hyp), (low, high) = words, bounds
    ref_middle, ref_start, ref_end, hyp_middle, hyp_start, hyp_end = clocks
    error, substitution, cap = limits
    at = 0
    for row in range(len(ref)):
        lo, hi = low[row], high[row]
        for column in range(reached + 1, hi + 1):
            columns[column] = columns[reached]
        reached = max(reached, hi)
        diagonal = best = columns[lo]
        flags[at] = DELETED
        at += 1
        for column in range(lo, hi):
            gain = 2 * error if ref[row] == hyp[column] else error - substitution
            if len(ref_middle):
                gain -= min(abs(ref_middle[row] - hyp_middle[column]), cap)
                if overlap and (ref_start[row] >= hyp_end[column] or ref_end[row] <= hyp_start[column]):
                    gain = -1
            above, paired = columns[column + 1], diagonal + gain
            best = max(best, above, paired)
            flags[at] = (paired == best) * PAIRED + (above == best) * DELETED
            columns[column + 1] = best
            diagonal = above
            at += 1


@njit(cache=True, nogil=True)
def _walk(flags, low, high, column, path):  # type: ignore[no-untyped-def]
    at, step = len(flags), 0
    for row in range(len(low) - 1, -1, -1):
        lo, hi = low[row], high[row]
        at -= hi - lo + 1
        while True:
            flag = flags[at + min(column, hi) - lo]
            if column <= hi and flag & PAIRED:
                path[step] = OK
            elif flag & DELETED:
                path[step] = DEL
            else:
                path[step] = INS
            step += 1
            if path[step - 1] != DEL:
                column -= 1
            if path[step - 1] != INS:
                break
    return step, column
