"""Timing of utterances as counts, see `timing_tally`: their mean shifts, and what their segments share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

MILLION = 1_000_000


def tally_utterances(compared: pd.DataFrame, keys: Sequence[str], places: Sequence[str]) -> pd.DataFrame:
    """Rows `utterance`, `shared` and `span` of a tally.

    Args:
        compared: of `boundary_errors`, with the columns `keys`.
        keys: columns that the tally is split by.
        places: columns that tell utterances apart.
    """
    columns = list(dict.fromkeys([*keys, *places]))
    return pd.concat(
        [_shifts(compared, keys, columns), _segments(compared, keys, columns)], ignore_index=True
    )


def _shifts(compared: pd.DataFrame, keys: Sequence[str], columns: list[str]) -> pd.DataFrame:
    """A row an utterance: the mean size of both errors."""
    sizes = compared[["start_error", "end_error"]].abs().mean(axis=1)
    groups = compared[columns].assign(size=sizes).groupby(columns, sort=False, observed=True, dropna=False)
    means = groups["size"].mean().reset_index()
    value = (means["size"] * MILLION).round().astype("int64")
    return means[[*keys]].assign(what="utterance", value=value, n=np.ones(len(means), np.int64))


def _segments(compared: pd.DataFrame, keys: Sequence[str], columns: list[str]) -> pd.DataFrame:
    """Microseconds from each compared word to the next one, and how much of them lies between the same two
    words of the system."""
    words = compared[columns].assign(ref=_micro(compared["ref_start"]), off=_micro(compared["start_error"]))
    words = words.sort_values("ref", kind="stable")
    words["hyp"] = words["ref"] + words["off"]
    after = words.groupby(columns, sort=False, observed=True, dropna=False)[["ref", "hyp"]].shift(-1)
    pairs, after = words[after["ref"].notna()], after.dropna().astype("int64")
    spans = pairs[[*keys]].assign(span=after["ref"] - pairs["ref"])
    shared = after.min(axis=1) - pairs[["ref", "hyp"]].max(axis=1)
    spans["shared"] = shared.clip(lower=0)
    counts = spans.melt([*keys], ["shared", "span"], "what", "n")
    return counts.assign(value=np.zeros(len(counts), np.int64)).astype({"what": "str", "n": "int64"})


def _micro(seconds: pd.Series) -> pd.Series:
    return (seconds * MILLION).round().astype("int64")
