"""Stretches of errors that two systems share or not: what the matched-pairs test counts.

A segment ends where enough reference words in a row are right in both systems, nothing inserted between
them; what lies behind is taken as independent of what lies before (Gillick and Cox 1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ... import tables
from ...errors import ConfigError, SchemaError
from ...tables import Schema
from ..arrays import Ints

SEGMENTS: Schema = {"a": "str", "b": "str", "errors_a": "int64", "errors_b": "int64"}
ERROR_COUNTS: Schema = {"system": "str", "errors": "int64", "n_words": "int64"}
_OWN = {"system", "position", "op", "ref_index", "hyp_index"} | {
    f"{side}_{what}" for side in ("ref", "hyp") for what in ("word", "start", "end")
}


def cut_segments(
    alignment: pd.DataFrame,
    units: Sequence[str] | None = None,
    *,
    min_good: int = 2,
    systems: Sequence[str] | None = None,
) -> pd.DataFrame:
    """One row per segment of each pair of systems; segments without errors are left out.

    Args:
        alignment: frame `alignment` of several systems against one reference.
        units: utterance key columns; by default all that are not of the alignment
            itself and hold no floats. The end of an utterance ends a segment.
        min_good: words in a row that both must have right between two segments; NIST takes 2.
        systems: all systems, in a part of a corpus in which one may have no row; by default those with rows.

    Returns:
        Frame of schema `SEGMENTS`, the columns `units` before it. An utterance of which systems have
        chosen alternatives of different length in the reference is one segment.

    Raises:
        SchemaError: if the frame lacks a column or has another dtype.
        ConfigError: if `min_good` is less than 1.

    >>> from speechkit_nb.evaluate import align
    >>> both = align("a b c d e f", {"one": "a x c d e f", "two": "a b c d e"})
    >>> cut_segments(both)[["a", "b", "errors_a", "errors_b"]].to_numpy().tolist()
    [['one', 'two', 1, 0], ['one', 'two', 0, 1]]
    """
    if min_good < 1:
        raise ConfigError(f"min_good={min_good}; it is 1 or more")
    errors, lengths = _Errors.of(alignment, units), _lengths(alignment, units)
    if systems is not None:
        lengths = lengths.reindex(columns=list(systems), fill_value=0)
    pairs = combinations(lengths.columns, 2)
    parts = [errors.shared(a, b, lengths[a].to_numpy() != lengths[b].to_numpy(), min_good) for a, b in pairs]
    if not parts:
        return _typed(pd.DataFrame(columns=[*errors.units, *SEGMENTS]))
    return _typed(pd.concat(parts, ignore_index=True))


def count_errors(alignment: pd.DataFrame, units: Sequence[str] | None = None) -> pd.DataFrame:
    """One row per utterance and system: errors and reference words.

    Args:
        alignment, units: as of `segments`. Utterances of which no system has a row are not there.

    Returns:
        Frame of schema `COUNTS`, the columns `units` before it; systems stand in the order of the frame.

    Raises:
        SchemaError: as `segments`.

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


def find_utterance_keys(alignment: pd.DataFrame, units: Sequence[str] | None) -> list[str]:
    """The utterance key columns, of an alignment that is what it should be."""
    for column in ("op", *(units or ())):
        if column not in alignment:
            there = ", ".join(map(str, alignment))
            raise SchemaError(f"alignment: column {column!r} is missing; there are {there}")
    tables.check(alignment, {"system": "str", "position": "int64"}, "alignment")
    if units is not None:
        return list(units)
    return [str(name) for name in alignment if name not in _OWN and alignment[name].dtype.kind != "f"]


class _Errors:
    """The errors of all systems, in the order of the reference.

    Attributes:
        units: one row per utterance.
        system, unit, place: of each error; `place` is 2 k + 1 at the reference word k, 2 k before it.
    """

    def __init__(self, units: pd.DataFrame, system: np.ndarray, unit: Ints, place: Ints) -> None:
        self.units, self.system, self.unit, self.place = units, system, unit, place

    @classmethod
    def of(cls, alignment: pd.DataFrame, units: Sequence[str] | None) -> _Errors:
        keys = find_utterance_keys(alignment, units)
        unit, table = _numbered(alignment, keys)
        order = np.lexsort((alignment["position"], unit, alignment["system"]))
        frame, unit = alignment.iloc[order], unit[order]
        system, op = frame["system"].to_numpy(), frame["op"].to_numpy()
        is_word = (op != "ins").astype(np.int64)
        before = np.cumsum(is_word) - is_word
        begins = np.flatnonzero(
            np.r_[True, (unit[1:] != unit[:-1]) | (system[1:] != system[:-1])][: len(unit)]
        )
        before -= np.repeat(before[begins], np.diff(np.r_[begins, len(unit)]))
        wrong = op != "ok"
        return cls(table, system[wrong], unit[wrong], (2 * before + is_word)[wrong])

    def shared(self, a: str, b: str, is_whole: NDArray[np.bool_], min_good: int) -> pd.DataFrame:
        """Segments of two systems; `is_whole` says which utterances are not cut."""
        rows = np.flatnonzero((self.system == a) | (self.system == b))
        rows = rows[np.lexsort((self.place[rows], self.unit[rows]))]
        unit, place = self.unit[rows], self.place[rows]
        n_good = place[1:] // 2 - (place[:-1] + 1) // 2
        cut = (unit[1:] != unit[:-1]) | ((n_good >= min_good) & ~is_whole[unit[1:]])
        number = np.cumsum(np.r_[True, cut][: len(rows)]) - 1
        n_segments = int(number[-1]) + 1 if len(rows) else 0
        first = np.searchsorted(number, np.arange(n_segments))
        errors_a, errors_b = (
            np.bincount(number[self.system[rows] == name], minlength=n_segments) for name in (a, b)
        )
        utterance = self.units.iloc[unit[first]].reset_index(drop=True)
        return utterance.assign(a=a, b=b, errors_a=errors_a, errors_b=errors_b)


def _numbered(alignment: pd.DataFrame, keys: list[str]) -> tuple[Ints, pd.DataFrame]:
    """The number of each row's utterance, and the utterances."""
    if not keys:
        return np.zeros(len(alignment), np.int64), pd.DataFrame(index=range(1))
    groups = alignment.groupby(keys, sort=False, observed=True, dropna=False)
    table = alignment.loc[~alignment.duplicated(keys).to_numpy(), keys].reset_index(drop=True)
    return groups.ngroup().to_numpy().astype(np.int64), table


def _lengths(alignment: pd.DataFrame, units: Sequence[str] | None) -> pd.DataFrame:
    """Reference words, one row per utterance, one column per system."""
    keys = find_utterance_keys(alignment, units)
    unit, table = _numbered(alignment, keys)
    is_word = alignment["op"].to_numpy() != "ins"
    systems = alignment["system"].unique()
    counts = {
        s: np.bincount(unit[is_word & (alignment["system"] == s).to_numpy()], minlength=len(table))
        for s in systems
    }
    return pd.DataFrame(counts, index=range(len(table)), columns=systems)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict(SEGMENTS))
