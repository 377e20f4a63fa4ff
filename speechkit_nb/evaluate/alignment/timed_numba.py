"""`timed_numpy` for one pair, compiled by numba. Imported only if numba is installed."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..arrays import Bytes, Ints
from .timed_table import DELETED, PAIRED, Table


def fill(table: Table, first: int, last: int, columns: Ints) -> Bytes:
    """Same as `timed_numpy.fill`, for a table of one pair."""
    ref, hyp = ([each[0] for each in side] for side in table.words)
    weights = table.weights
    limits = np.array([weights.error, weights.substitution, weights.cap])
    reached = int(table.high[first - 1]) if first else 0
    flags = np.empty((last - first, 1, int(table.sizes[first:last].max())), np.uint8)
    rows = tuple(each[first:last] for each in ref)
    bounds, timed = (
        (table.low[first:last], table.high[first:last]),
        (table.is_timed, table.collar_us is not None),
    )
    _fill(rows, tuple(hyp), bounds, limits, timed, reached, columns[0], flags[:, 0])
    return flags


@njit(cache=True, nogil=True)
def _fill(rows, hyp, bounds, limits, timed, reached, columns, flags):  # type: ignore[no-untyped-def]
    (ref_ids, ref_middle, ref_start, ref_end), (hyp_ids, hyp_middle, hyp_start, hyp_end) = rows, hyp
    (low, high), (error, substitution, cap), (is_timed, overlap) = bounds, limits, timed
    for row in range(len(ref_ids)):
        lo, hi = low[row], high[row]
        # The band of the previous row ends at `reached`; cells after it are reached by insertions.
        for column in range(reached + 1, hi + 1):
            columns[column] = columns[reached]
        reached = max(reached, hi)
        diagonal = best = columns[lo]
        flags[row, 0] = DELETED
        for column in range(lo, hi):
            gain = 2 * error if ref_ids[row] == hyp_ids[column] else error - substitution
            if is_timed:
                gain -= min(abs(ref_middle[row] - hyp_middle[column]), cap)
                if overlap and (ref_start[row] >= hyp_end[column] or ref_end[row] <= hyp_start[column]):
                    gain = -1
            above, paired = columns[column + 1], diagonal + gain
            best = max(best, above, paired)
            flags[row, column + 1 - lo] = (paired == best) * PAIRED + (above == best) * DELETED
            columns[column + 1] = best
            diagonal = above
