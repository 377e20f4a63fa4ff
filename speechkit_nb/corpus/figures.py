"""Figures of a corpus from its sums."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..evaluate import COUNTS, add_rates, compare_pairs, estimate_intervals, summarize_timing
from .statistics import Statistics

TIMING = ("coverage", "start_bias", "start_mae", "end_bias", "end_mae", "aas", "corrected_aas", "iou")
"""Columns of `timing` that a summary has."""


def summary_of(sums: Statistics, systems: Sequence[str], level: float) -> pd.DataFrame:
    """A row a system, see `Scores.summary`; `sums` is not split by anything."""
    sure = estimate_intervals(sums.evidence(tuple(systems)), level=level, method="ratio")
    counts = sums.counts.set_index("system").reindex(sure.index, fill_value=0)
    rates = add_rates(counts[list(COUNTS)])
    some = counts["n_characters"] > 0
    frame = sure[["n_words", "errors", "wer", "wer_low", "wer_high"]].assign(
        cer=(counts["character_errors"] / counts["n_characters"]).where(some),
        ser=(counts["n_wrong"] / counts["n_utterances"]).where(counts["n_utterances"] > 0),
        mer=rates["mer"],
        wil=rates["wil"],
        **{name: counts[name] for name in COUNTS},
        n_utterances=counts["n_utterances"],
        n_groups=sure["n_groups"],
        method=sure["method"],
    )
    return frame.join(timing_of(sums, systems)[list(TIMING)]) if len(sums.timing) else frame


def timing_of(sums: Statistics, systems: Sequence[str], collar: float = 0.05) -> pd.DataFrame:
    """As `timing.timing`, a row a system."""
    return summarize_timing(sums.timing, collar=collar).reindex(
        pd.Index(list(systems), name="system", dtype="str")
    )


def pairs_of(sums: Statistics, systems: Sequence[str], level: float) -> pd.DataFrame:
    """As `significance.pairs`."""
    return compare_pairs(sums.evidence(tuple(systems)), level=level, method="ratio")


def split_of(sums: Statistics, systems: Sequence[str], level: float) -> pd.DataFrame:
    """As `summary_of` for each value of what `sums` is split by, with which the frame begins."""
    parts = []
    for values, part in sums.each():
        frame = summary_of(part, systems, level).reset_index()
        for place, (name, value) in enumerate(zip(sums.by, values, strict=True)):
            frame.insert(place, name, pd.Series([value] * len(frame), dtype=sums.counts[name].dtype))
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)
