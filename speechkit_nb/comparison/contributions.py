"""How much words, or groups of words, contribute to the difference between two systems."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from ..errors import SchemaError, list_names

WORD = "word"


def error_contributions(alignment: pd.DataFrame, by: str | Sequence[str] = WORD) -> pd.DataFrame:
    """One row per pair of systems and word or group: the errors of both, the largest difference first.

    Args:
        alignment: frame `alignment` of several systems against one reference.
        by: `"word"`, which is the reference word or the inserted word; or columns of the frame.

    Returns:
        Frame of `a`, `b`, the columns `by`, `n_words` (of the reference), `errors_a`, `errors_b`, `delta`
        (`errors_a` - `errors_b`) and `share` of the total difference (NaN if the total is 0). Rows in which
        neither system has errors are left out.

    Raises:
        SchemaError: if a column does not exist.

    >>> from speechkit_nb.evaluate import align
    >>> both = align("he lived here", {"one": "you live here", "two": "he lived here"})
    >>> error_contributions(both)[["word", "errors_a", "errors_b", "delta", "share"]].to_numpy().tolist()
    [['he', 1, 0, 1, 0.5], ['lived', 1, 0, 1, 0.5]]
    """
    columns = list(list_names("by", by, SchemaError)) or [WORD]
    frame = alignment
    if columns == [WORD]:
        frame = alignment.assign(word=alignment["ref_word"].fillna(alignment["hyp_word"]))
    for column in columns:
        if column not in frame:
            there = ", ".join(["word", *map(str, alignment)])
            raise SchemaError(f"carried_by: no column {column!r}; there are {there}")
    counts = _counts(frame, columns)
    systems = alignment["system"].unique()
    parts = [_pair(counts, a, b, columns) for a, b in combinations(systems, 2)]
    empty = pd.DataFrame(columns=["a", "b", *columns, "n_words", "errors_a", "errors_b", "delta", "share"])
    return pd.concat(parts, ignore_index=True) if parts else empty


def _counts(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    marked = frame[["system", *columns]].assign(
        errors=(frame["op"] != "ok").astype("int64"), n_words=(frame["op"] != "ins").astype("int64")
    )
    return marked.groupby(["system", *columns], sort=False, observed=True, dropna=False).sum()


def _pair(counts: pd.DataFrame, a: str, b: str, columns: list[str]) -> pd.DataFrame:
    both = pd.concat([counts.loc[a], counts.loc[b]], axis=1, keys=["a", "b"]).fillna(0).astype("int64")
    delta = both["a", "errors"] - both["b", "errors"]
    total = delta.sum()
    frame = pd.DataFrame(
        {
            "n_words": np.maximum(both["a", "n_words"], both["b", "n_words"]),
            "errors_a": both["a", "errors"],
            "errors_b": both["b", "errors"],
            "delta": delta,
            "share": delta / total if total else float("nan"),
        }
    )
    frame = frame[(frame["errors_a"] + frame["errors_b"]) > 0].reset_index()
    frame = frame.rename(columns={"index": columns[0]}) if len(columns) == 1 else frame
    frame.insert(0, "a", pd.Series(a, frame.index, dtype="str"))
    frame.insert(1, "b", pd.Series(b, frame.index, dtype="str"))
    size = frame["delta"].abs()  # a stable sort keeps the order of words with equal differences
    return frame.iloc[size.sort_values(ascending=False, kind="stable").index]


def top_contributions(carried: pd.DataFrame, column: str, most: int = 3) -> str:
    """The largest contributions with the sign of the total difference: `"he (+3), or (+1)"`."""
    total = carried["delta"].sum()
    same = carried[carried["delta"] * (1 if total > 0 else -1) > 0] if total else carried.iloc[:0]
    return ", ".join(f"{row[column]} ({row['delta']:+d})" for _, row in same.head(most).iterrows())
