"""Smallest samples for significance, and texts that explain if there are too few data."""

from __future__ import annotations

from math import comb

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

    >>> from speechkit_nb.evaluate import cut_segments, count_errors
    >>> from speechkit_nb.evaluate import align
    >>> both = align("a b", {"one": "a x", "two": "a b"})
    >>> explain_shortage(Evidence.from_counts(count_errors(both), cut_segments(both)), 0.95)
    'one utterance gives no interval; 1 segment with errors is too few to tell systems apart, it takes 6'
    """
    n, k = evidence.moments.n, len(evidence.systems)
    over = "groups" if evidence.is_grouped else "utterances"
    said = [f"one {over.removesuffix('s')} gives no interval"] if n == 1 else []
    if evidence.is_segmented and not evidence.is_grouped:
        n, over = int(evidence.n_segments.max(initial=0)), "segments with errors"
    least = minimum_sample(level, comb(k, 2))
    if k > 1 and 0 < n < least:
        said.append(f"{too_few(n, over)} to tell systems apart, it takes {least}")
    return "; ".join(said)


def too_few(n: int, plural: str) -> str:
    """The part of a message that a number of things is too small.

    >>> too_few(2, "stretches of speech")
    '2 stretches of speech are too few'
    """
    return f"{counted(n, plural)} {'is' if n == 1 else 'are'} too few"


def counted(n: int, plural: str) -> str:
    """A number with its noun, in the singular for 1.

    >>> counted(1, "stretches of speech"), counted(2, "errors")
    ('1 stretch of speech', '2 errors')
    """
    noun, *rest = plural.split(" ")
    one = noun.removesuffix("es" if noun.endswith("ches") else "s")
    return " ".join([str(n), one if n == 1 else noun, *rest])
