"""What a comparison comes to, in sentences: which system is better, or that the data cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from typing import Any

import pandas as pd

from .compare_input import few

Unit = Callable[[float], str]
Test = dict[str, Any]
NAMES = {"mapsswe": "matched pairs", "bootstrap": "bootstrap", "ratio": "ratio estimator"}


def in_words(summary: pd.DataFrame, pairs: pd.DataFrame, level: float, same: bool) -> str:
    """Which system has fewer errors.

    Args:
        summary, pairs: of a comparison with a reference.
        same: whether all systems say the same.
    """
    if not summary["n_words"].any():
        return "The reference has no words, so there is no error rate."
    if len(summary) == 1:
        return _alone(summary.iloc[0], level)
    names = list(summary["wer"].sort_values(kind="stable").index)
    if same:
        return f"{_listed(names)} say the same, word for word: WER {percent(summary['wer'].iloc[0])}."
    rates = ", ".join(f"{name} {percent(summary['wer'][name])}" for name in names)
    return _ranking(names, pairs, "wer_delta", level, "in words", f"WER {rates}", _points)


def in_time(summary: pd.DataFrame, pairs: pd.DataFrame, level: float) -> str:
    """Which system places words better; empty if there is nothing to compare.

    Args:
        pairs: `timing_pairs` of a comparison.
    """
    if not len(pairs):
        return ""
    names = list(summary["aas"].dropna().sort_values(kind="stable").index)
    off = ", ".join(f"{name} {_ms(summary['aas'][name])}" for name in names)
    share = percent(summary["coverage"].max(), 0)
    facts = f"starts and ends are off by {off} on the {share} of words that all of them got right"
    return _ranking(names, pairs, "aas_delta", level, "in time", facts, _ms)


def of_disagreement(pairs: pd.DataFrame, spans: pd.DataFrame) -> str:
    """Without a reference."""
    if not len(spans):
        return f"There is no reference; {_listed([pairs['a'].iloc[0], *pairs['b'].unique()])} say the same."
    rates = "; ".join(
        f"{row['a']} and {row['b']} differ in {percent(row['disagreement'])} of their words"
        for row in pairs.to_dict("records")
    )
    worst = spans.iloc[0]
    at = f", the largest at {worst['start']:.1f} s" if not isnan(worst["start"]) else ""
    at += f" of {worst['recording']}" if at and "recording" in spans else ""
    places = f"{len(spans)} place{'s' * (len(spans) != 1)}"
    return f"There is no reference, so nothing says which is better: {rates}, in {places}{at}."


def warning_of(voters: Sequence[str]) -> str:
    """What is said of a pseudo-reference before all else."""
    return (
        f"Against a pseudo-reference, a vote of {_listed(list(voters))}, which is no truth and favours "
        "systems that resemble each other: "
    )


def percent(rate: float, decimals: int = 1) -> str:
    """
    >>> percent(0.0123)
    '1.2 %'
    """
    return "unknown" if isnan(rate) else f"{100 * rate:.{decimals}f} %"


def _alone(row: pd.Series, level: float) -> str:
    between = "one stretch of speech gives no interval"
    if not isnan(row["wer_low"]):
        between = f"{level * 100:g} % interval {percent(row['wer_low'])} to {percent(row['wer_high'])}"
    n_errors, n_words = int(row["errors"]), int(row["n_words"])
    said = f"{row.name} makes {n_errors} error{'s' * (n_errors != 1)} in {n_words} word{'s' * (n_words != 1)}"
    return f"{said}: WER {percent(row['wer'])} ({between})."


def _ranking(
    names: list[str], pairs: pd.DataFrame, delta: str, level: float, where: str, facts: str, unit: Unit
) -> str:
    """Best first in `names`: what it is surely better than, and what it is not."""
    best = names[0]
    tests = {other: _oriented(pairs, best, other, delta) for other in names[1:]}
    beaten = [other for other, row in tests.items() if _is_sure(row, level)]
    if not beaten:
        return f"The data cannot tell which is better {where}: {facts} ({_doubt(tests, level, unit)})."
    text = (
        f"{best} is better {where} than {_listed(beaten)}: {facts} ({_sure(tests[beaten[0]], level, unit)})"
    )
    others = [other for other in names[1:] if other not in beaten]
    return text + (f"; the data cannot tell it from {_listed(others)}." if others else ".")


def _is_sure(row: Test, level: float) -> bool:
    """Whether the test says so, and the interval does not say otherwise."""
    return bool(row["p"] < 1 - level and not row["low"] <= 0)


def _oriented(pairs: pd.DataFrame, best: str, other: str, delta: str) -> Test:
    """The pair as differences of the other less the best: how much better the best is."""
    row = pairs[pairs["a"].isin([best, other]) & pairs["b"].isin([best, other])].iloc[0]
    by, low, high = row[delta], row["delta_low"], row["delta_high"]
    if row["a"] == best:
        by, low, high = -by, -high, -low
    return {"by": by, "low": low, "high": high, "p": row["p_holm"], "of": NAMES[row["holm_of"]]}


def _sure(row: Test, level: float, unit: Unit) -> str:
    text = f"a difference of {unit(row['by'])}"
    if not isnan(row["low"]):
        text += f", {level * 100:g} % interval {unit(row['low'])} to {unit(row['high'])}"
    test = "too few errors for a test" if isnan(row["p"]) else f"{row['of']}: {_p(row['p'])}"
    return f"{text}; {test}"


def _doubt(tests: dict[str, Test], level: float, unit: Unit) -> str:
    row = next(iter(tests.values()))
    if isnan(row["p"]) and isnan(row["low"]):
        return "there is too little for an interval or a test"
    return _sure(row, level, unit)


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _points(rate: float) -> str:
    return f"{100 * rate:.1f} points".replace("-0.0", "0.0")


def _ms(seconds: float) -> str:
    return f"{round(1000 * seconds)} ms"


def _listed(names: list[str]) -> str:
    """
    >>> _listed(["a", "b", "c"])
    'a, b and c'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def findings(alignment: pd.DataFrame, systems: Sequence[str], grid: pd.DataFrame) -> list[str]:
    """What one should know before believing the figures of a comparison with a reference."""
    said = []
    timed = bool(alignment["ref_start"].notna().any())
    if not timed and alignment["ref_word"].notna().any() and alignment["hyp_start"].notna().any():
        said.append("the reference has no times, so words are aligned without, and nothing is said of timing")
    for name in systems:
        rows = alignment[alignment["system"] == name]
        words = rows["hyp_word"].notna()
        if words.any() and rows["ref_word"].notna().any() and "ok" not in set(rows["op"]):
            said.append(
                f"system {name!r} has no word in common with the reference: is it another recording, "
                "language or script?"
            )
        if timed and words.any() and rows["hyp_start"].isna().all():
            said.append(f"system {name!r} has no times: it is aligned without, and left out of timing")
    if len(systems) > 1 and not grid["differs"].any():
        said.append(f"the systems are identical, word for word: {few(list(systems))}")
    return said
