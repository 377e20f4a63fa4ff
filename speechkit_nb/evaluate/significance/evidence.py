"""Input of intervals and tests, as sums. The evidence of parts of a corpus can be added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd

from ... import tables
from ...errors import EvaluationError, SchemaError
from ..arrays import Ints
from .ratio import Moments
from .segments import ERROR_COUNTS, SEGMENTS


@dataclass(frozen=True)
class GroupCounts:
    """Errors and reference words in each group, shape (n_groups, n_systems)."""

    errors: Ints
    words: Ints


@dataclass(frozen=True)
class Evidence:
    """Sums of the errors of several systems on the same utterances.

    Attributes:
        systems: names.
        moments: sums for the ratio estimator.
        only: shape (k, k) for k systems: number of utterances that are correct in the row's system and wrong
            in the column's.
        n_segments, differences, squares: shape (k, k), used above the diagonal: for each pair of systems, the
            number of segments, the sum of the differences of errors, and the sum of their squares.
        groups: the groups that the bootstrap draws from; None if they were not kept.
        ungrouped: the sums over utterances, if there are groups of several utterances; otherwise None.
        is_segmented: whether segments were given.

    >>> from speechkit_nb.evaluate import align
    >>> from speechkit_nb.evaluate import cut_segments, count_errors
    >>> both = align("a b c", {"one": "a x c", "two": "a b c"})
    >>> evidence = Evidence.from_counts(count_errors(both), cut_segments(both))
    >>> (evidence + evidence).only.tolist()
    [[0, 0], [2, 0]]
    """

    systems: tuple[str, ...]
    moments: Moments
    only: Ints
    n_segments: Ints
    differences: Ints
    squares: Ints
    groups: GroupCounts | None
    ungrouped: Moments | None = None
    is_segmented: bool = False

    @staticmethod
    def from_counts(
        counts: pd.DataFrame,
        segments: pd.DataFrame | None = None,
        group: str | Sequence[str] | None = None,
        *,
        keep_groups: bool = True,
    ) -> Evidence:
        """Computes the sums from frames.

        Args:
            counts: one row per utterance and system, schema `ERROR_COUNTS`; the other columns are keys.
            segments: one row per segment and pair of systems, schema `SEGMENTS`; default: None, no test of
                segments.
            group: columns of `counts` that define groups, such as speaker or call; default: each utterance
                is a group. Utterances of one speaker are similar, and intervals that ignore it are too
                narrow. All of a group must be in one part of a corpus.
            keep_groups: whether to keep the groups for the bootstrap, which needs memory for each of them.

        A missing row means that the system has no reference words and no errors in the utterance. If another
        system has reference words there, the row must be present, even if it has no words and no errors.

        Raises:
            SchemaError: if a frame cannot be used.
            EvaluationError: if a system lacks utterances that another one has.
        """
        tables.check(counts, ERROR_COUNTS, "counts")
        systems = tuple(counts["system"].unique())
        wide = _pivot(counts, systems)
        right = (wide["errors"].to_numpy() == 0).astype(np.int64)
        grouped = _sum_groups(wide, [group] if isinstance(group, str) else list(group or ()))
        groups = GroupCounts(grouped["errors"].to_numpy(), grouped["n_words"].to_numpy())
        moments = _sum_moments(systems, grouped)
        # the product sums over utterances: row's system right (1), column's system wrong (1 - 0)
        only, matched = right.T @ (1 - right), _segment_sums(segments, systems)
        return Evidence(
            systems,
            moments,
            only,
            *matched,
            groups=groups if keep_groups else None,
            ungrouped=_sum_moments(systems, wide) if len(grouped) < len(wide) else None,
            is_segmented=segments is not None,
        )

    @property
    def is_grouped(self) -> bool:
        """Whether there are groups of several utterances."""
        return self.ungrouped is not None

    def design_effect(self, system: int) -> float:
        """The variance of the rate of a system, divided by that which it has if utterances are independent.

        It is 1 without groups of several utterances, and NaN if there is no variance.
        """
        if self.ungrouped is None:
            return 1.0
        alone = self.ungrouped.error(system)
        return (self.moments.error(system) / alone) ** 2 if alone else nan

    def __add__(self, other: Evidence) -> Evidence:
        if self.systems != other.systems:
            raise SchemaError(
                f"evidence of the systems {', '.join(self.systems)} and of {', '.join(other.systems)} cannot "
                "be added: it takes the same systems in the same order"
            )
        both = None
        if self.groups is not None and other.groups is not None:
            pairs = ((getattr(part.groups, side) for part in (self, other)) for side in ("errors", "words"))
            both = GroupCounts(*(np.concatenate(list(pair)) for pair in pairs))
        return Evidence(
            self.systems,
            self.moments + other.moments,
            self.only + other.only,
            self.n_segments + other.n_segments,
            self.differences + other.differences,
            self.squares + other.squares,
            both,
            _add_moments(self.ungrouped, other.ungrouped),
            self.is_segmented and other.is_segmented,
        )


def _sum_moments(systems: tuple[str, ...], counts: pd.DataFrame) -> Moments:
    return Moments.from_groups(systems, counts["errors"].to_numpy(), counts["n_words"].to_numpy())


def _add_moments(a: Moments | None, b: Moments | None) -> Moments | None:
    return None if a is None or b is None else a + b


def _pivot(counts: pd.DataFrame, systems: tuple[str, ...]) -> pd.DataFrame:
    """One row per utterance. A missing row of a system counts as no errors and no words."""
    keys = [str(name) for name in counts if name not in ERROR_COUNTS]
    table = counts if keys else counts.assign(utterance=0)
    index = [*(keys or ["utterance"]), "system"]
    twice = table[table.duplicated(index)]
    if len(twice):
        where = ", ".join(f"{key} {twice.iloc[0][key]}" for key in index)
        raise SchemaError(
            f"counts: {len(twice)} duplicate rows, such as {where}; add a column that is "
            "different for each utterance"
        )
    rows = table.set_index(index)
    sides = {
        side: rows[side].unstack("system", sort=False, fill_value=0).reindex(columns=list(systems))
        for side in ("errors", "n_words")
    }
    _check_same(sides["n_words"], rows["n_words"].unstack("system", sort=False))
    return pd.concat(sides, axis=1)


def _check_same(words: pd.DataFrame, given: pd.DataFrame) -> None:
    """Raises EvaluationError if a system has no row for an utterance in which others have words.

    A row without words is valid: an empty alternative of the reference may have been chosen.
    """
    for system in words:
        lacking = given[system].isna() & (words.max(axis=1) > 0)
        if lacking.any():
            few = ", ".join(map(str, words.index[lacking.to_numpy()][:3].tolist()))
            raise EvaluationError(
                f"system {system!r} lacks {int(lacking.sum())} of {len(words)} utterances that others have "
                f"({few}): score all systems on the same utterances"
            )


def _sum_groups(wide: pd.DataFrame, group: list[str]) -> pd.DataFrame:
    for column in group:
        if column not in wide.index.names:
            there = ", ".join(map(str, wide.index.names))
            raise SchemaError(f"counts: no column {column!r} to group by; there are {there}")
    return wide.groupby(level=group, sort=False, observed=True, dropna=False).sum() if group else wide


def _segment_sums(segments: pd.DataFrame | None, systems: tuple[str, ...]) -> tuple[Ints, Ints, Ints]:
    """Number of segments, sum of differences and sum of their squares, by pair of systems."""
    shape = len(systems), len(systems)
    sums = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    if segments is None:
        return sums
    tables.check(segments, SEGMENTS, "segments")
    index = pd.Index(systems)
    place = index.get_indexer(pd.Index(segments["a"])), index.get_indexer(pd.Index(segments["b"]))
    if (np.minimum(*place) < 0).any():
        raise SchemaError(f"segments are of systems that counts do not have; these are {', '.join(systems)}")
    difference = (segments["errors_a"] - segments["errors_b"]).to_numpy()
    for total, value in zip(sums, (np.ones_like(difference), difference, difference**2), strict=True):
        np.add.at(total, place, value)
    return sums
