"""Stretches in which systems differ, the worst first, to be listened to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pandas as pd
from rapidfuzz.distance import Levenshtein

from .compare_grid import UNIT


def disagreements(grid: pd.DataFrame, by: Sequence[str], systems: Sequence[str]) -> pd.DataFrame:
    """A row a stretch of places in a row at which not all systems have the same.

    Args:
        grid: of `compare_grid`.
        by: columns that tell utterances apart.

    Returns:
        Frame of `by`, `start`, `end` (seconds, of all words in it; NaN if unknown), `size` (words by which
        the two systems differ that differ most), `reference`, and a column a system with what it has there.
        The largest first, of equal ones the longest, then in the order of time.
    """
    run = _runs(grid)
    rows = grid[grid["differs"]].assign(run=run[grid["differs"]])
    groups = rows.groupby("run", sort=False)
    spans = groups[[*by, UNIT]].first()
    spans = spans.assign(start=groups["start"].min(), end=groups["end"].max())
    texts = groups[["reference", *systems]].agg(_joined)
    spans = spans.assign(size=_sizes(texts[list(systems)])).join(texts)
    if grid["reference"].isna().all():
        spans["reference"] = pd.Series(None, spans.index, dtype="str")
    order = spans.assign(length=spans["end"] - spans["start"]).sort_values(
        ["size", "length", UNIT, "start"], ascending=[False, False, True, True], kind="stable"
    )
    return order.drop(columns=[UNIT, "length"]).reset_index(drop=True)


def _runs(grid: pd.DataFrame) -> pd.Series:
    """The number of each row's run of equal `differs` in an utterance."""
    changed = (grid["differs"] != grid["differs"].shift()) | (grid[UNIT] != grid[UNIT].shift())
    return changed.cumsum()


def _joined(words: pd.Series) -> str:
    return " ".join(word for word in words.dropna() if word)


def _sizes(texts: pd.DataFrame) -> list[int]:
    said = [[text.split() for text in row] for row in texts.itertuples(index=False)]
    return [max((Levenshtein.distance(a, b) for a, b in combinations(row, 2)), default=0) for row in said]
