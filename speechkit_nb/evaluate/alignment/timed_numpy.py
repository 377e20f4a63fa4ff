"""Dynamic programming of timed alignments in numpy: one row of all pairs at a time."""

from __future__ import annotations

import numpy as np

from ..arrays import Bytes, Ints
from .timed_table import DELETED, PAIRED, Table

_AT_ONCE = 1 << 17


def fill(table: Table, first: int, last: int, columns: Ints) -> Bytes:
    """Computes rows `first` to `last`, not included.

    Args:
        columns: the previous row, shape (n_pairs, most hypothesis words + 1). It is overwritten with the
            last computed row.

    Returns:
        Flags of each cell, shape (last - first, n_pairs, widest band + 1): whether a best path to it pairs
        its words (`PAIRED`), and whether one deletes the reference word (`DELETED`).
    """
    low, high = table.low[first:last].tolist(), table.high[first:last].tolist()
    shape = last - first, len(columns), int(table.sizes[first:last].max())
    paired, deleted = np.zeros(shape, bool), np.zeros(shape, bool)
    reached = int(table.high[first - 1]) if first else 0
    # A row of a narrow band is too short for numpy, so the gains of many rows are computed in one call.
    step = max(1, _AT_ONCE // (shape[1] * shape[2]))
    for begin in range(0, last - first, step):
        gains = table.gain(first + begin, min(first + begin + step, last))
        for row, gain in enumerate(gains, begin):
            lo, hi = low[row], high[row]
            if hi > reached:  # the previous row's band ends here; insertions fill the rest
                columns[:, reached + 1 : hi + 1] = columns[:, reached, None]
                reached = hi
            here, width = columns[:, lo : hi + 1], hi - lo
            above = here.copy()
            diagonal = above[:, :-1] + gain[:, :width]
            np.maximum(here[:, 1:], diagonal, out=here[:, 1:])
            # An insertion gains nothing, so the best path from the left is the running maximum.
            np.maximum.accumulate(here, axis=1, out=here)
            np.equal(here, above, out=deleted[row, :, : width + 1])
            np.equal(here[:, 1:], diagonal, out=paired[row, :, 1 : width + 1])
    return np.asarray(paired.view(np.uint8) * np.uint8(PAIRED) + deleted.view(np.uint8) * np.uint8(DELETED))
