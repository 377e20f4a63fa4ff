"""Segments with errors of two systems, for the matched-pairs test.

A segment ends where enough consecutive reference words are correct in both systems, without insertions
between them. Segments are taken to be independent (Gillick and Cox 1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import ConfigError
from ...tables import Schema
from ..arrays import Ints
from ..schema import find_utterance_keys, number_groups

SEGMENTS: Schema = {"a": "str", "b": "str", "errors_a": "int64", "errors_b": "int64"}
ERROR_COUNTS: Schema = {"system": "str", "errors": "int64", "n_words": "int64"}


def cut_segments(
    alignment: pd.DataFrame,
    units: Sequence[str] | None = None,
    *,
    min_good: int = 2,
    systems: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Segments with errors, one row per segment of each pair of systems.

    Args:
        alignment: result of `align` for several systems.
        units: utterance key columns; default: all columns that are not in schema `ALIGNMENT`
            and are not floats. The end of an utterance ends a segment.
        min_good: number of consecutive words, correct in both systems, that end a segment; NIST uses 2.
        systems: names of all systems, for a part of a corpus in which some may have no row; default: the
            systems with rows.

    Returns:
        Frame with the columns `units`, then those of schema `SEGMENTS`. An utterance is one segment if
        alternatives of different length were chosen for the two systems.

    Raises:
        SchemaError: if the frame lacks a column or has another dtype.
        ConfigError: if `min_good` is less than 1.

    >>> from speechkit_nb.evaluate import align
    >>> both = align("a b c d e f", {"one": "a x c d e f", "two": "a b c d e"})
    >>> cut_segments(both)[["a", "b", "errors_a", "errors_b"]].to_numpy().tolist()
    [['one', 'two', 1, 0], ['one', 'two', 0, 1]]
    """
    if min_good < 1:
        raise ConfigError(f"min_good={min_good}, but it must be 1 or more")
    errors, lengths = _Errors.from_alignment(alignment, units), _count_reference_words(alignment, units)
    if systems is not None:
        lengths = lengths.reindex(columns=list(systems), fill_value=0)
    pairs = combinations(lengths.columns, 2)
    parts = [errors.shared(a, b, lengths[a].to_numpy() != lengths[b].to_numpy(), min_good) for a, b in pairs]
    if not parts:
        return _set_dtypes(pd.DataFrame(columns=[*errors.units, *SEGMENTS]))
    return _set_dtypes(pd.concat(parts, ignore_index=True))


def count_errors(alignment: pd.DataFrame, units: Sequence[str] | None = None) -> pd.DataFrame:
    """Numbers of errors and reference words, one row per utterance and system.

    Args:
        alignment, units: as in `cut_segments`. Utterances without rows are missing in the result.

    Returns:
        Frame with the columns `units`, then those of schema `ERROR_COUNTS`, in the order of the alignment.

    Raises:
        SchemaError: as in `cut_segments`.

    >>> from speechkit_nb.evaluate import align
    >>> count_errors(align("a b c", {"one": "a x c", "two": "a b c d"}))
      system  errors  n_words
    0    one       1        3
    1    two       1        3
    """
    keys = find_utterance_keys(alignment, units)
    is_error, is_word = alignment["op"] != "ok", alignment["op"] != "ins"
    marked = alignment[[*keys, "system"]].assign(errors=is_error.astype(int), n_words=is_word.astype(int))
    sums = marked.groupby([*keys, "system"], sort=False, observed=True, dropna=False).sum().reset_index()
    return sums.astype({name: dtype for name, dtype in ERROR_COUNTS.items() if name != "system"})


class _Errors:
    """The errors of all systems, in the order of the reference.

    Attributes:
        units: one row per utterance.
        system, unit, place: system, utterance number and position of each error. The position is 2 k + 1 for
            an error in reference word k, and 2 k for an insertion before it.
    """

    def __init__(self, units: pd.DataFrame, system: np.ndarray, unit: Ints, place: Ints) -> None:
        self.units, self.system, self.unit, self.place = units, system, unit, place

    @classmethod
    def from_alignment(cls, alignment: pd.DataFrame, units: Sequence[str] | None) -> _Errors:
        keys = find_utterance_keys(alignment, units)
        unit, table = number_groups(alignment, keys)
        order = np.lexsort((alignment["position"], unit, alignment["system"]))
        frame, unit = alignment.iloc[order], unit[order]
        system, op = frame["system"].to_numpy(), frame["op"].to_numpy()
        # reference words before each row, first counted over all rows, then from the start of its utterance
        is_word = (op != "ins").astype(np.int64)
        before = np.cumsum(is_word) - is_word
        begins = np.flatnonzero(
            np.r_[True, (unit[1:] != unit[:-1]) | (system[1:] != system[:-1])][: len(unit)]
        )
        before -= np.repeat(before[begins], np.diff(np.r_[begins, len(unit)]))
        wrong = op != "ok"
        return cls(table, system[wrong], unit[wrong], (2 * before + is_word)[wrong])

    def shared(self, a: str, b: str, is_whole: NDArray[np.bool_], min_good: int) -> pd.DataFrame:
        """Segments of two systems. Utterances with `is_whole` are not cut."""
        rows = np.flatnonzero((self.system == a) | (self.system == b))
        rows = rows[np.lexsort((self.place[rows], self.unit[rows]))]
        unit, place = self.unit[rows], self.place[rows]
        # reference words between two consecutive errors, by the positions described above
        n_good = place[1:] // 2 - (place[:-1] + 1) // 2
        cut = (unit[1:] != unit[:-1]) | ((n_good >= min_good) & ~is_whole[unit[1:]])
        number = np.cumsum(np.r_[True, cut][: len(rows)]) - 1
        n_segments = int(number[-1]) + 1 if len(rows) else 0
        first = np.searchsorted(number, np.arange(n_segments))  # `number` ascends
        errors_a, errors_b = (
            np.bincount(number[self.system[rows] == name], minlength=n_segments) for name in (a, b)
        )
        utterance = self.units.iloc[unit[first]].reset_index(drop=True)
        return utterance.assign(a=a, b=b, errors_a=errors_a, errors_b=errors_b)


def _count_reference_words(alignment: pd.DataFrame, units: Sequence[str] | None) -> pd.DataFrame:
    """Numbers of reference words, one row per utterance, one column per system."""
    keys = find_utterance_keys(alignment, units)
    unit, table = number_groups(alignment, keys)
    is_word = alignment["op"].to_numpy() != "ins"
    systems = alignment["system"].unique()
    counts = {
        s: np.bincount(unit[is_word & (alignment["system"] == s).to_numpy()], minlength=len(table))
        for s in systems
    }
    return pd.DataFrame(counts, index=range(len(table)), columns=systems)


def _set_dtypes(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict(SEGMENTS))
