"""Whether times can be true at all: words without length, that overlap, that lie outside of the recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

SANITY = ("no_length", "overlapping", "outside")
SLACK = 0.001
"""Seconds by which a word may reach over the end of its recording: times are whole milliseconds."""


def check_times(
    alignment: pd.DataFrame, places: Sequence[str], durations: Mapping[Any, float] | None = None
) -> pd.DataFrame:
    """One row per word of a system that has times, with the index of the alignment: whether it has
    `no_length` (ends at its start, or before), is `overlapping` (ends after the next one starts),
    lies `outside` of the recording, at least in part.

    Args:
        places: utterance key columns.
        durations: seconds by `recording`, or of the only one; without them only what begins before 0 is
            outside.

    >>> from speechkit_nb.evaluate import align
    >>> heard = pd.DataFrame({"word": ["a", "b", "c"], "start": [0.0, 0.3, 0.9], "end": [0.4, 0.3, 1.2]})
    >>> check_times(align("a b c", {"one": heard}), [], {"talk.wav": 1.0}).sum().to_dict()
    {'no_length': 1, 'overlapping': 1, 'outside': 1}
    """
    words = alignment.dropna(subset=["hyp_start", "hyp_end"])
    groups = words.groupby(["system", *places], sort=False, observed=True, dropna=False)
    start, end = words["hyp_start"], words["hyp_end"]
    after = groups["hyp_start"].shift(-1)
    return pd.DataFrame(
        {
            "no_length": end <= start,
            "overlapping": end > after,
            "outside": (start < 0) | (end > _last(words, durations or {}) + SLACK),
        }
    )


def _last(words: pd.DataFrame, durations: Mapping[Any, float]) -> pd.Series | float:
    if "recording" in words:
        return words["recording"].map(durations).astype("float64")
    return next(iter(durations.values())) if len(durations) == 1 else np.inf
