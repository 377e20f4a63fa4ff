"""Smallest samples for significance, and texts that explain if there are too few data."""

from __future__ import annotations

from math import comb

from ...errors import count_noun
from .evidence import Evidence


def smallest_p(n: int) -> float:
    """The smallest p-value of `n` differences: that of a sign test if all have the same sign.

    >>> smallest_p(5), smallest_p(6)
    (0.0625, 0.03125)
    """
    return 2.0 ** (1 - n)


def minimum_sample(level: float, n_pairs: int = 1) -> int:
    """How many differences are needed for a significant result, after the correction for several pairs.

    >>> minimum_sample(0.95), minimum_sample(0.95, n_pairs=3)
    (6, 7)
    """
    n = 1
    while n_pairs * smallest_p(n) >= 1 - level:
        n += 1
    return n


def explain_shortage(evidence: Evidence, level: float) -> str:
    """Why there is no interval, or why no difference can be significant; empty if there are enough data.

    >>> from speechkit_nb.evaluate import align, count_errors
    >>> both = align("a b", {"one": "a x", "two": "a b"})
    >>> explain_shortage(Evidence.from_counts(count_errors(both)), 0.95)
    '1 utterance is too few for an interval or a significant difference, which needs 6'
    """
    k = len(evidence.systems)
    unit = "group" if evidence.is_grouped else "utterance"
    least = minimum_sample(level, max(comb(k, 2), 1))
    return describe_shortage(evidence.moments.n, unit, least) if evidence.moments.n < least else ""


def describe_shortage(n: int, unit: str, least: int) -> str:
    """
    >>> describe_shortage(2, "recording", 6)
    '2 recordings are too few for an interval or a significant difference, which needs 6'
    """
    are = "is" if n == 1 else "are"
    few = f"{count_noun(n, unit)} {are} too few for an interval or a significant difference"
    return f"{few}, which needs {least}"
