"""Names of array types, and functions for runs of different lengths that are stored in one array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Ids = NDArray[np.integer[Any]]
"""Word numbers, of any integer type."""

MOST_SECONDS = 1e6
"""The largest collar or pause that an option can have."""

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def make_offsets(counts: Ints) -> Ints:
    """The first position of each run, and the end of the last run.

    Args:
        counts: the length of each run, shape (n_runs,).

    Returns:
        Shape (n_runs + 1,); run `i` is `values[offsets[i] : offsets[i + 1]]`.

    >>> make_offsets(np.array([2, 0, 3])).tolist()
    [0, 2, 2, 5]
    """
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def make_ranges(starts: Ints, counts: Ints) -> Ints:
    """For each run, `count` consecutive integers from its start, in one array.

    Args:
        starts, counts: shape (n_runs,).

    Returns:
        Shape (sum of counts,).

    >>> make_ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    offsets = make_offsets(counts)
    return np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts)
