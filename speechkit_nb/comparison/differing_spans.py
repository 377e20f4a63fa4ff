"""Finds spans in which systems differ, the worst first."""

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
    """One row per span of consecutive places at which systems differ.

    Args:
        grid: a grid, see the module `grid`.
        by: utterance key columns.

    Returns:
        Frame of `by`, `start`, `end` (seconds, of all words in the span; NaN if unknown), `size` (the largest
        edit distance between two systems, in words), `reference` if there is one, and one column per system
        with its words. Rows are sorted by size, the largest first, then by length, then by time.
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
    """For each row the number of its run; a run has equal `differs` within one utterance."""
    changed = (grid["differs"] != grid["differs"].shift()) | (grid[UNIT] != grid[UNIT].shift())
    return changed.cumsum()


def _joined(words: pd.Series, bounds: list[int]) -> list[str]:
    """The words between each two bounds, joined to a text."""
    known = words.fillna("").tolist()
    return [" ".join(filter(None, known[first:last])) for first, last in pairwise(bounds)]


def _sizes(texts: pd.DataFrame) -> list[int]:
    """The largest edit distance between two systems in each row, in words."""
    words = [[text.split() for text in row] for row in texts.itertuples(index=False)]
    return [max((Levenshtein.distance(a, b) for a, b in combinations(row, 2)), default=0) for row in words]
