"""Stretches in which systems differ, the worst first, to be listened to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
from rapidfuzz.distance import Levenshtein

from .grid import UNIT


def disagreements(
    grid: pd.DataFrame, by: Sequence[str], systems: Sequence[str], *, has_reference: bool = True
) -> pd.DataFrame:
    """One row per stretch of places in a row at which not all systems have the same.

    Args:
        grid: of `compare_grid`.
        by: utterance key columns.

    Returns:
        Frame of `by`, `start`, `end` (seconds, of all words in it; NaN if unknown), `size` (words by which
        the two systems differ that differ most), `reference` if there is one, and one column per system
        with its words.
        The largest first, of equal ones the longest, then in the order of time.
    """
    run = _runs(grid)
    rows = grid[grid["differs"]].assign(run=run[grid["differs"]])
    groups = rows.groupby("run", sort=False)
    spans = groups[[*by, UNIT]].first()
    spans = spans.assign(start=groups["start"].min(), end=groups["end"].max())
    bounds = np.r_[0, np.cumsum(groups.size())].tolist()
    columns = {name: _joined(rows[name], bounds) for name in ("reference", *systems)}
    texts = pd.DataFrame(columns, index=spans.index, dtype="str")
    spans = spans.assign(size=_sizes(texts[list(systems)])).join(texts)
    if not has_reference:
        spans = spans.drop(columns="reference")
    order = spans.assign(length=spans["end"] - spans["start"]).sort_values(
        ["size", "length", UNIT, "start"], ascending=[False, False, True, True], kind="stable"
    )
    return order.drop(columns=[UNIT, "length"]).reset_index(drop=True)


def _runs(grid: pd.DataFrame) -> pd.Series:
    """The number of each row's run of equal `differs` in an utterance."""
    changed = (grid["differs"] != grid["differs"].shift()) | (grid[UNIT] != grid[UNIT].shift())
    return changed.cumsum()


def _joined(words: pd.Series, bounds: list[int]) -> list[str]:
    """The words from each bound to the next as one text."""
    said = words.fillna("").tolist()
    return [" ".join(filter(None, said[first:last])) for first, last in pairwise(bounds)]


def _sizes(texts: pd.DataFrame) -> list[int]:
    said = [[text.split() for text in row] for row in texts.itertuples(index=False)]
    return [max((Levenshtein.distance(a, b) for a, b in combinations(row, 2)), default=0) for row in said]
