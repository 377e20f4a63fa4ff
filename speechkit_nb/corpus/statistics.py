"""The sums from which the results of a corpus are computed. The sums of its parts are added.

All sums are integers, so the result does not depend on the order in which parts are added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..evaluate import (
    COUNTED,
    Evidence,
    GroupCounts,
    Ints,
    Moments,
    UtteranceCounts,
    number_groups,
    summarize_pairs,
    summarize_systems,
    summarize_timing,
)

PRODUCTS = ("errors_errors", "errors_words", "words_words", "only")
SEGMENTS = ("n_segments", "differences", "squares")
TABLES = {
    "counts": COUNTED,
    "pairs": ("n", *PRODUCTS, *SEGMENTS),
    "groups": ("errors", "n_words"),
    "timing": ("n",),
}
"""The columns of each table that are added; its other columns identify the row."""


@dataclass(frozen=True)
class Statistics:
    """Sums over utterances; all numbers are int64.

    Attributes:
        by: columns that results are split by; each frame begins with them.
        group: columns that define groups of dependent utterances; empty if utterances are independent.
        counts: one row per system: columns `COUNTED`.
        pairs: one row per ordered pair of systems: `n` utterances; the sums of products `errors_errors`,
            `errors_words` and `words_words`, where the first factor is of `a` and the second of `b`; `only`,
            the number of utterances without errors of `a` and with errors of `b`; and, if `a` comes before
            `b`, the sums over segments.
        groups: one row per group and system: `errors`, `n_words`; no rows without `group`.
        timing: one row per value of a timing error, see `count_timing`; no rows without times.
    """

    by: tuple[str, ...]
    group: tuple[str, ...]
    counts: pd.DataFrame
    pairs: pd.DataFrame
    groups: pd.DataFrame
    timing: pd.DataFrame

    @staticmethod
    def from_counts(
        utterances: UtteranceCounts,
        segments: pd.DataFrame,
        tally: pd.DataFrame,
        by: Sequence[str],
        group: Sequence[str],
    ) -> Statistics:
        """Compute the sums of some utterances.

        Args:
            utterances: counts; the keys include the columns `by` and `group`.
            segments: segments of the same alignment; `unit` is the number of the utterance.
            tally: result of `count_timing`, split by `by`, or a frame without rows.
            by, group: as in the class.
        """
        words = np.stack([utterances.errors, utterances.n_words], axis=-1)
        columns = [*(name for name in by if name not in group), *group]
        tables = {
            "counts": _sum_table(utterances, by, utterances.counts, "counts"),
            "pairs": _sum_pairs(utterances, segments, by),
            "groups": _sum_table(utterances, columns, words, "groups").iloc[: None if group else 0],
            "timing": tally,
        }
        return Statistics(tuple(by), tuple(group), **tables)

    @staticmethod
    def sum(parts: Sequence[Statistics]) -> Statistics:
        """Add the statistics of one or several parts."""
        first = parts[0]
        if len(parts) == 1:
            return first
        tables = {name: _add([getattr(part, name) for part in parts], name) for name in TABLES}
        return Statistics(first.by, first.group, **tables)

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics.sum([self, other])

    def whole(self) -> Statistics:
        """The sums over all values of `by`."""
        dropped = {name: list(self.by) for name in TABLES}
        dropped["groups"] = [name for name in self.by if name not in self.group]
        tables = {name: _add([getattr(self, name).drop(columns=dropped[name])], name) for name in TABLES}
        return Statistics((), self.group, **tables)

    def split(self) -> Iterator[tuple[tuple[Any, ...], Statistics]]:
        """Yield each value of `by` with its sums."""
        values = self.counts[[*self.by]].drop_duplicates()
        for row in values.sort_values([*self.by]).itertuples(index=False):
            tables = {name: _select(getattr(self, name), self.by, row) for name in TABLES}
            yield tuple(row), Statistics(self.by, self.group, **tables).whole()

    # results; these methods need statistics with an empty `by`

    def summarize(self, systems: tuple[str, ...], level: float) -> pd.DataFrame:
        """One row per system, see `Scores.summary`."""
        counts, timing = self.counts.set_index("system"), self.summarize_timing(systems)
        return summarize_systems(self.evidence(systems), counts, timing, level=level, method="ratio")

    def summarize_pairs(self, systems: tuple[str, ...], level: float) -> pd.DataFrame:
        """One row per pair of systems, see `Scores.pairs`."""
        return summarize_pairs(self.evidence(systems), level=level, method="ratio")

    def summarize_timing(self, systems: tuple[str, ...], collar: float = 0.05) -> pd.DataFrame:
        """One row per system, see `Scores.timing`."""
        index = pd.Index(systems, name="system", dtype="str")
        tally = self.timing if len(self.timing) else self._count_untimed()
        return summarize_timing(tally, collar=collar).reindex(index)

    def _count_untimed(self) -> pd.DataFrame:
        """The result of `count_timing` for words without times: only the numbers of words."""
        counts = self.counts[["hits", "substitutions", "insertions", "deletions"]]
        numbers = {
            "ref": counts["hits"] + counts["substitutions"] + counts["deletions"],
            "hyp": counts["hits"] + counts["substitutions"] + counts["insertions"],
            "right": counts["hits"],
        }
        rows = [self.counts[["system"]].assign(what=what, value=0, n=n) for what, n in numbers.items()]
        return pd.concat(rows, ignore_index=True)

    def evidence(self, systems: tuple[str, ...]) -> Evidence:
        """The evidence for intervals and tests."""
        order, k = pd.Index(systems), len(systems)
        place = order.get_indexer(pd.Index(self.pairs["a"])), order.get_indexer(pd.Index(self.pairs["b"]))
        square = {name: np.zeros((k, k), np.int64) for name in (*PRODUCTS, *SEGMENTS)}
        for name, matrix in square.items():
            matrix[place] = self.pairs[name]
        moments, groups, ungrouped = self._moments(systems, square), None, None
        if self.group:
            groups, ungrouped = self._collect_groups(systems), moments
            moments = Moments.from_groups(systems, groups.errors, groups.words)
        sums = {name: square[name] for name in ("only", *SEGMENTS)}
        return Evidence(systems, moments, **sums, groups=groups, ungrouped=ungrouped, is_segmented=True)

    def _moments(self, systems: tuple[str, ...], square: dict[str, Ints]) -> Moments:
        """Moments over independent utterances."""
        counts = self.counts.set_index("system").reindex(list(systems), fill_value=0)
        errors = counts[["substitutions", "insertions", "deletions"]].sum(axis=1)
        words = counts[["hits", "substitutions", "deletions"]].sum(axis=1)
        # the variables are the errors of each system, then the words of each system
        mixed = square["errors_words"]
        cross = np.block([[square["errors_errors"], mixed], [mixed.T, square["words_words"]]])
        n = int(self.pairs["n"].max()) if len(self.pairs) else 0
        return Moments(systems, n, np.r_[errors, words].astype(float), cross.astype(float))

    def _collect_groups(self, systems: tuple[str, ...]) -> GroupCounts:
        """Errors and words of each group of utterances."""
        rows = self.groups.set_index([*self.group, "system"])
        sides = (
            pd.DataFrame(rows[name].unstack("system", fill_value=0)).reindex(columns=list(systems)).to_numpy()
            for name in ("errors", "n_words")
        )
        return GroupCounts(*sides)


def _sum_table(utterances: UtteranceCounts, columns: Sequence[str], values: Ints, name: str) -> pd.DataFrame:
    """Sums of `values`, shape (n_utterances, n_systems, n), with the columns of this table in `TABLES`."""
    code, places = number_groups(utterances.keys, columns)
    sums, k = _sum_rows(code, len(places), values), len(utterances.systems)
    frame = places.loc[places.index.repeat(k)].reset_index(drop=True)
    frame["system"] = pd.Series(list(utterances.systems) * len(places), dtype="str")
    frame[list(TABLES[name])] = sums.reshape(len(frame), len(TABLES[name]))
    return frame


def _sum_pairs(utterances: UtteranceCounts, segments: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The table `pairs` of some utterances."""
    code, places = number_groups(utterances.keys, by)
    errors, words, systems = utterances.errors, utterances.n_words, pd.Index(utterances.systems)
    right = errors == 0
    sides = {
        "errors_errors": (errors, errors),
        "errors_words": (errors, words),
        "words_words": (words, words),
    }
    sides |= {"n": (right | True, right | True), "only": (right, ~right)}
    # (n_utterances, k, 1) * (n_utterances, 1, k): the product of each ordered pair of systems
    products = {name: (a[:, :, None] * b[:, None, :]).astype(np.int64) for name, (a, b) in sides.items()}
    sums = {name: _sum_rows(code, len(places), product) for name, product in products.items()}
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


def _sum_rows(code: Ints, n: int, values: Ints) -> Ints:
    """The sum of the rows of `values` for each code from 0 to n - 1."""
    sums = np.zeros((n, *values.shape[1:]), np.int64)
    np.add.at(sums, code, values)
    return sums


def _add(frames: Sequence[pd.DataFrame], name: str) -> pd.DataFrame:
    """Add tables of this name; frames without rows are skipped, as their dtypes may differ."""
    filled = [frame for frame in frames if len(frame)] or list(frames[:1])
    table = pd.concat(filled, ignore_index=True)
    keys = [column for column in table if column not in TABLES[name]]
    sums = table.groupby(keys, sort=False, dropna=False)[list(TABLES[name])].sum()
    return sums.reset_index()


def _select(frame: pd.DataFrame, by: Sequence[str], values: Sequence[Any]) -> pd.DataFrame:
    """The rows with these values; missing values are equal."""
    rows: NDArray[np.bool_] = np.ones(len(frame), bool)
    for name, value in zip(by, values, strict=True):
        same = frame[name].isna() if pd.isna(value) else frame[name] == value
        rows &= np.asarray(same, bool)
    return frame.loc[rows]
