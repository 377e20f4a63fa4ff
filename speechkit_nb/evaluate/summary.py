"""The frames `summary` and `pairs` of `compare` and of `score`.

Each metric is one entry of `SUMMARY`: its unit, and how it is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import pandas as pd

from .metrics.word_rates import COUNTS, add_rates
from .significance.estimators import Method
from .significance.evidence import Evidence
from .significance.intervals import PAIRS, compare_pairs, estimate_intervals

PAIR_COLUMNS = (*PAIRS, "words", "recordings")
"""Columns of `pairs`. The last two are texts, missing if it is not known which words are wrong."""


class Figures(NamedTuple):
    """Input of a summary: frames with one row per system.

    Attributes:
        intervals: result of `estimate_intervals`.
        counts: columns `COUNTED` of `metrics.utterance_counts`, and the rates of `add_rates`.
        timing: result of `compute_timing`; NaN for systems without times.
    """

    intervals: pd.DataFrame
    counts: pd.DataFrame
    timing: pd.DataFrame


class Metric(NamedTuple):
    """A column of the summary.

    Attributes:
        unit: unit of its values.
        compute: computes the column.
        label: its name in plots; default: the name of the column.
        higher_is_better: whether higher values are better.
    """

    unit: Literal["share", "seconds", "number", "text"]
    compute: Callable[[Figures], pd.Series]
    label: str = ""
    higher_is_better: bool = False


def _interval(name: str) -> Callable[[Figures], pd.Series]:
    return lambda figures: figures.intervals[name]


def _count(name: str) -> Callable[[Figures], pd.Series]:
    return lambda figures: figures.counts[name]


def _time(name: str) -> Callable[[Figures], pd.Series]:
    return lambda figures: figures.timing[name]


def _share(part: str, whole: str) -> Callable[[Figures], pd.Series]:
    """A count divided by another one; NaN where the other one is 0."""
    return lambda figures: (figures.counts[part] / figures.counts[whole]).where(figures.counts[whole] > 0)


SUMMARY: dict[str, Metric] = {
    "n_words": Metric("number", _interval("n_words")),
    "errors": Metric("number", _interval("errors")),
    "wer": Metric("share", _interval("wer"), "word error rate"),
    "wer_low": Metric("share", _interval("wer_low")),
    "wer_high": Metric("share", _interval("wer_high")),
    "cer": Metric("share", _share("character_errors", "n_characters"), "character error rate"),
    "coverage": Metric("share", _time("coverage"), higher_is_better=True),
    "start_bias": Metric("seconds", _time("start_bias")),
    "start_mae": Metric("seconds", _time("start_mae")),
    "end_bias": Metric("seconds", _time("end_bias")),
    "end_mae": Metric("seconds", _time("end_mae")),
    "aas": Metric("seconds", _time("aas"), "accumulated average shift"),
    "corrected_aas": Metric("seconds", _time("corrected_aas")),
    "both_within_50_ms": Metric("share", _time("both_within_50_ms"), higher_is_better=True),
    "both_within_200_ms": Metric("share", _time("both_within_200_ms"), higher_is_better=True),
    "iou": Metric("share", _time("iou"), higher_is_better=True),
    "f1": Metric("share", _time("f1"), higher_is_better=True),
    "drift_ms_per_hour": Metric("number", _time("drift_ms_per_hour")),
    "ser": Metric("share", _share("n_wrong", "n_utterances"), "sentence error rate"),
    "mer": Metric("share", _count("mer"), "match error rate"),
    "wil": Metric("share", _count("wil"), "word information lost"),
    **{name: Metric("number", _count(name)) for name in (*COUNTS, "n_utterances")},
    "n_groups": Metric("number", _interval("n_groups")),
    "design_effect": Metric("number", _interval("design_effect"), "design effect"),
    "method": Metric("text", _interval("method")),
}


def summarize_systems(
    evidence: Evidence,
    counts: pd.DataFrame,
    timing: pd.DataFrame,
    *,
    level: float = 0.95,
    method: Method = "auto",
    seed: int = 0,
) -> pd.DataFrame:
    """One row per system, index `system`: the columns `SUMMARY`.

    Args:
        evidence: input of the intervals.
        counts: sums for each system, columns `COUNTED`; 0 for systems without a row.
        timing: result of `compute_timing`; NaN for systems without a row.
        level, method, seed: as in `estimate_intervals`.
    """
    sure = estimate_intervals(evidence, level=level, method=method, seed=seed)
    counts = counts.reindex(sure.index, fill_value=0)
    rates = add_rates(counts[list(COUNTS)])
    times = timing.reindex(sure.index).astype("float64")  # also if no system has times
    figures = Figures(sure, counts.join(rates[[name for name in rates if name not in counts]]), times)
    return pd.DataFrame({name: metric.compute(figures) for name, metric in SUMMARY.items()})


def summarize_pairs(
    evidence: Evidence,
    contributions: Mapping[str, Sequence[str]] | None = None,
    *,
    level: float = 0.95,
    method: Method = "auto",
    seed: int = 0,
) -> pd.DataFrame:
    """One row per pair of systems: the columns `PAIR_COLUMNS`.

    Args:
        evidence: input of the differences and tests.
        contributions: texts of the columns `words` and `recordings`, one per pair; default: missing values.
        level, method, seed: as in `compare_pairs`.
    """
    frame, texts = compare_pairs(evidence, level=level, method=method, seed=seed), contributions or {}
    for column in ("words", "recordings"):
        frame[column] = pd.Series(texts.get(column), frame.index, dtype="str")
    return frame[list(PAIR_COLUMNS)]
