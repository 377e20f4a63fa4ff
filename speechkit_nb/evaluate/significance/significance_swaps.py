"""The test that swaps systems: what if each group had been given the answers of the other system?

If two systems are equally good, whichever of the two names stands on which answer is chance, so that all ways
of swapping them, group by group, are equally likely. The p is the share of these in which the difference is
at least as large as it was seen (Fisher 1935; approximate randomization: Noreen 1989, Yeh 2000). It assumes
nothing about how errors are distributed, and is right for few groups: of n it says no less than 2 ** (1 - n).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats

MOST_EXACT = 12
"""Groups up to which all ways are tried; above, some are drawn at random."""
_AT_ONCE = 1 << 21
_SAME = 1e-9


def swap_p(differences: Floats, n_draws: int, seed: int) -> float:
    """Two-sided p that the sum of the differences is 0, by changing signs.

    Args:
        differences: first system less second, a number a group; groups without any say nothing.
        n_draws: so many swaps are drawn if there are more than 12 groups with a difference; the p is then at
            least 1 / (n_draws + 1).

    >>> swap_p(np.array([1.0, 1.0, 2.0, 1.0, 1.0]), 1000, seed=0)
    0.0625
    """
    some = differences[differences != 0]
    if not len(some):
        return 1.0
    least = abs(some.sum()) * (1 - _SAME) - _SAME * np.abs(some).max()
    if len(some) <= MOST_EXACT:
        numbers = np.arange(2 ** (len(some) - 1))[:, None]  # the other half mirrors these
        every = (numbers >> np.arange(len(some))) & 1 > 0
        return float((np.abs(_sums(every, some)) >= least).mean())
    rng = np.random.default_rng(seed)
    step, n_bytes = max(1, _AT_ONCE // len(some)), -(-len(some) // 8)
    n_larger = 0
    for first in range(0, n_draws, step):
        drawn = rng.integers(0, 256, (min(step, n_draws - first), n_bytes), dtype=np.uint8)
        swapped = np.unpackbits(drawn, axis=1, count=len(some)) > 0
        n_larger += int((np.abs(_sums(swapped, some)) >= least).sum())
    return (n_larger + 1) / (n_draws + 1)


def _sums(swapped: NDArray[np.bool_], differences: Floats) -> Floats:
    return np.asarray(differences.sum() - 2 * (swapped.astype(float) @ differences))
