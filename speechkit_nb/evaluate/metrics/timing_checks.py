"""Checks for impossible times: words without duration, overlapping, or outside the recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

SANITY = ("no_length", "overlapping", "outside")
SLACK = 0.001
"""Seconds by which a word may end after its recording, because times are whole milliseconds."""


def check_times(
    alignment: pd.DataFrame, places: Sequence[str], durations: Mapping[Any, float] | None = None
) -> pd.DataFrame:
    """One row per word of a system with times, with the index of the alignment.

    The columns are boolean: `no_length` (the end is not after the start), `overlapping` (the end is after the
    start of the next word), `outside` (a part of the word is outside the recording).

    Args:
        places: utterance key columns.
        durations: seconds by `recording`, or of the only recording. Default: only words that start before 0
            are `outside`.

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
