"""All that figures of a corpus are computed from, as sums: those of parts are added, in any order.

Every number is an integer, so that the sum is the same whoever added up what first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..evaluate import COUNTS, Evidence, Moments
from .utterance_counts import Utterances

Ints = NDArray[np.int64]

COUNTED = (*COUNTS, "character_errors", "n_characters", "n_utterances", "n_wrong")
PRODUCTS = ("errors_errors", "errors_words", "words_words", "only")
SEGMENTS = ("n_segments", "differences", "squares")
TABLES = {
    "counts": COUNTED,
    "pairs": ("n", *PRODUCTS, *SEGMENTS),
    "groups": ("errors", "n_words"),
    "timing": ("n",),
}
"""The columns of each table that are added up; the others tell its rows apart."""


@dataclass(frozen=True)
class Statistics:
    """Sums over utterances; all numbers are int64.

    Attributes:
        by: columns that results are split by, with which each frame begins.
        group: columns that say which utterances belong together; none if each stands for itself.
        counts: a row a system: the four counts of words, `character_errors`, `n_characters` (of the
            reference; a space between words is one), `n_utterances`, and `n_wrong` of them.
        pairs: a row an ordered pair of systems: `n` utterances; sums of the products of errors of `a` with
            errors and with words of `b`, and of the words of both; `only`, how many `a` has right
            and `b` wrong; and of `a` before `b` the sums over segments.
        groups: a row a group and system: `errors`, `n_words`; no rows without `group`.
        timing: a row a value of an error in time, see `timing_tally`; no rows without times.
    """

    by: tuple[str, ...]
    group: tuple[str, ...]
    counts: pd.DataFrame
    pairs: pd.DataFrame
    groups: pd.DataFrame
    timing: pd.DataFrame

    @staticmethod
    def of(
        utterances: Utterances,
        segments: pd.DataFrame,
        tally: pd.DataFrame,
        by: Sequence[str],
        group: Sequence[str],
    ) -> Statistics:
        """Of some utterances.

        Args:
            segments: of the same alignment, with the utterance of each as `unit`.
            tally: of `tally_timing`, split by `by`, or without rows.
            by, group: columns of the facts of utterances.
        """
        tables = {
            "counts": _counts(utterances, by),
            "pairs": _pairs(utterances, segments, by),
            "groups": _groups(utterances, by, group),
            "timing": tally,
        }
        return Statistics(tuple(by), tuple(group), **tables)

    @staticmethod
    def sum(parts: Sequence[Statistics]) -> Statistics:
        """Of parts of a corpus; of at least one."""
        first = parts[0]
        if len(parts) == 1:
            return first
        tables = {name: _added([getattr(part, name) for part in parts], name) for name in TABLES}
        return Statistics(first.by, first.group, **tables)

    def whole(self) -> Statistics:
        """Not split by anything."""
        dropped = {name: list(self.by) for name in TABLES}
        dropped["groups"] = [name for name in self.by if name not in self.group]
        tables = {name: _added([getattr(self, name).drop(columns=dropped[name])], name) for name in TABLES}
        return Statistics((), self.group, **tables)

    def each(self) -> Iterator[tuple[tuple[Any, ...], Statistics]]:
        """The values of `by`, and what belongs to them."""
        values = self.counts[[*self.by]].drop_duplicates()
        for row in values.sort_values([*self.by]).itertuples(index=False):
            tables = {name: _only(getattr(self, name), self.by, row) for name in TABLES}
            yield tuple(row), Statistics(self.by, self.group, **tables).whole()

    def evidence(self, systems: tuple[str, ...]) -> Evidence:
        """For intervals and tests; of what is not split by anything."""
        order, k = pd.Index(systems), len(systems)
        place = order.get_indexer(pd.Index(self.pairs["a"])), order.get_indexer(pd.Index(self.pairs["b"]))
        square = {name: np.zeros((k, k), np.int64) for name in (*PRODUCTS, *SEGMENTS)}
        for name, matrix in square.items():
            matrix[place] = self.pairs[name]
        moments = self._group_moments(systems) if self.group else self._moments(systems, square)
        sums = {name: square[name] for name in ("only", *SEGMENTS)}
        return Evidence(systems, moments, **sums, groups=None, is_grouped=bool(self.group), is_segmented=True)

    def _moments(self, systems: tuple[str, ...], square: dict[str, Ints]) -> Moments:
        counts = self.counts.set_index("system").reindex(list(systems), fill_value=0)
        errors = counts[list(COUNTS[1:])].sum(axis=1)
        words = counts[[COUNTS[0], COUNTS[1], COUNTS[3]]].sum(axis=1)
        mixed = square["errors_words"]
        cross = np.block([[square["errors_errors"], mixed], [mixed.T, square["words_words"]]])
        n = int(self.pairs["n"].max()) if len(self.pairs) else 0
        return Moments(systems, n, np.r_[errors, words].astype(float), cross.astype(float))

    def _group_moments(self, systems: tuple[str, ...]) -> Moments:
        rows = self.groups.set_index([*self.group, "system"])
        sides = (
            pd.DataFrame(rows[name].unstack("system", fill_value=0)).reindex(columns=list(systems)).to_numpy()
            for name in ("errors", "n_words")
        )
        return Moments.from_groups(systems, *sides)


def _counts(utterances: Utterances, by: Sequence[str]) -> pd.DataFrame:
    errors = utterances.errors > 0
    there = utterances.counts.sum(axis=-1) > 0
    each = [utterances.counts, utterances.characters, there[..., None], errors[..., None]]
    return _table(utterances, by, np.concatenate(each, axis=-1, dtype=np.int64), "counts")


def _groups(utterances: Utterances, by: Sequence[str], group: Sequence[str]) -> pd.DataFrame:
    both = np.stack([utterances.errors, utterances.n_words], axis=-1)
    columns = [*(name for name in by if name not in group), *group]
    return _table(utterances, columns, both, "groups").iloc[: None if group else 0]


def _table(utterances: Utterances, columns: Sequence[str], values: Ints, name: str) -> pd.DataFrame:
    """Sums of `values`, shape (n_utterances, n_systems, n), as a table of this name."""
    code, places = _coded(utterances.facts, columns)
    sums, k = _sums(code, len(places), values), len(utterances.systems)
    frame = places.loc[places.index.repeat(k)].reset_index(drop=True)
    frame["system"] = pd.Series(list(utterances.systems) * len(places), dtype="str")
    frame[list(TABLES[name])] = sums.reshape(len(frame), len(TABLES[name]))
    return frame


def _pairs(utterances: Utterances, segments: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    code, places = _coded(utterances.facts, by)
    errors, words, systems = utterances.errors, utterances.n_words, pd.Index(utterances.systems)
    right = errors == 0
    sides = {
        "errors_errors": (errors, errors),
        "errors_words": (errors, words),
        "words_words": (words, words),
    }
    sides |= {"n": (right | True, right | True), "only": (right, ~right)}
    products = {name: (a[:, :, None] * b[:, None, :]).astype(np.int64) for name, (a, b) in sides.items()}
    sums = {name: _sums(code, len(places), product) for name, product in products.items()}
    index = code[segments["unit"]], *(systems.get_indexer(pd.Index(segments[name])) for name in ("a", "b"))
    difference = (segments["errors_a"] - segments["errors_b"]).to_numpy()
    for name, values in zip(SEGMENTS, (np.ones_like(difference), difference, difference**2), strict=True):
        sums[name] = np.zeros_like(sums["n"])
        np.add.at(sums[name], index, values)
    k = len(systems)
    frame = places.loc[places.index.repeat(k * k)].reset_index(drop=True)
    frame["a"] = pd.Series(np.tile(np.repeat(systems, k), len(places)), dtype="str")
    frame["b"] = pd.Series(np.tile(systems, k * len(places)), dtype="str")
    return frame.assign(**{name: sums[name].ravel() for name in TABLES["pairs"]})


def _coded(facts: pd.DataFrame, by: Sequence[str]) -> tuple[Ints, pd.DataFrame]:
    """The number of the place of each row, and the places: distinct values of `by`."""
    if not by:
        return np.zeros(len(facts), np.int64), pd.DataFrame(index=pd.RangeIndex(1))
    code = facts.groupby([*by], sort=False, dropna=False).ngroup().to_numpy().astype(np.int64)
    return code, facts.loc[~facts.duplicated([*by]), [*by]].reset_index(drop=True)


def _sums(code: Ints, n: int, values: Ints) -> Ints:
    sums = np.zeros((n, *values.shape[1:]), np.int64)
    np.add.at(sums, code, values)
    return sums


def _added(frames: Sequence[pd.DataFrame], name: str) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)] or list(frames[:1])
    table = pd.concat(filled, ignore_index=True)
    keys = [column for column in table if column not in TABLES[name]]
    sums = table.groupby(keys, sort=False, dropna=False)[list(TABLES[name])].sum()
    return sums.reset_index()


def _only(frame: pd.DataFrame, by: Sequence[str], values: Sequence[Any]) -> pd.DataFrame:
    rows: NDArray[np.bool_] = np.ones(len(frame), bool)
    for name, value in zip(by, values, strict=True):
        same = frame[name].isna() if pd.isna(value) else frame[name] == value
        rows &= np.asarray(same, bool)
    return frame.loc[rows]
