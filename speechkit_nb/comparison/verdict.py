"""The result of a comparison in sentences: which system is better, or that no difference is significant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan
from typing import NamedTuple

import pandas as pd

from ..errors import count_noun, few, join_names
from ..evaluate import describe_shortage, minimum_sample
from .groups import STRETCH

NAMES = {"swap": "permutation test", "ratio": "ratio estimator"}


LEAST_HEAVY = 10
"""Fewer errors in one stretch are not worth a sentence."""

FEWEST_STRETCHES = 6
"""With fewer stretches, it is no surprise that one of them has most errors."""


class Unit(NamedTuple):
    """A format of numbers: multiplied by `scale`, with at least this many decimals."""

    scale: float
    decimals: int
    name: str

    def distinguish(self, values: Iterable[float]) -> Unit:
        """The unit with enough decimals to show different values differently, at most three more.

        >>> MS.distinguish([0, 0.0003]).format(0.0003), MS.distinguish([0.02, 0.021]).format(0.02)
        ('0.3 ms', '20 ms')
        """
        known = {round(self.scale * value, 9) for value in values if not isnan(value)}
        for decimals in range(self.decimals, self.decimals + 3):
            if len({round(value, decimals) for value in known}) == len(known):
                return self._replace(decimals=decimals)
        return self._replace(decimals=self.decimals + 3)

    def format(self, value: float) -> str:
        """The value as text with its unit; 0 has no sign."""
        if isnan(value):
            return "unknown"
        return f"{round(self.scale * value, self.decimals) + 0.0:.{self.decimals}f} {self.name}"


PERCENT, MS = Unit(100, 1, "%"), Unit(1000, 0, "ms")


class PairTest(NamedTuple):
    """A pair of systems: how much better the first is, and the result of its test.

    `unit` names a unit of the test; `n` is their number, and `least` the number needed.
    """

    by: float
    low: float
    high: float
    p: float
    name: str
    n: int
    unit: str
    least: int


def word_verdict(
    summary: pd.DataFrame, pairs: pd.DataFrame, level: float, same: bool, groups: Sequence[str] = ()
) -> str:
    """A sentence about which system has fewer word errors.

    Args:
        summary, pairs: frames of a comparison with a reference.
        same: whether all systems have the same words.
        groups: names of the group columns.
    """
    if not summary["n_words"].any():
        return "The reference has no words, so there is no error rate."
    if len(summary) == 1:
        return _alone(summary.iloc[0], level, groups)
    names = list(summary["wer"].sort_values(kind="stable").index)
    if same:
        return f"{join_names(names)} have the same words: WER {percent(summary['wer'].iloc[0])}."
    unit = PERCENT.distinguish(summary["wer"])
    facts = f"WER {_figures(summary['wer'], names, unit)}"
    tests = _tests(pairs, "wer_delta", level, groups, names[0])
    return _ranking(names, tests, level, "in words", facts, unit._replace(name="points"))


def timing_verdict(
    summary: pd.DataFrame, pairs: pd.DataFrame, level: float, groups: Sequence[str] = ()
) -> str:
    """A sentence about which system has smaller timing errors; empty if there is nothing to compare.

    Args:
        pairs: `timing_pairs` of a comparison.
        groups: as in `word_verdict`.
    """
    if not len(pairs):
        return ""
    names = list(summary["aas"].dropna().sort_values(kind="stable").index)
    share = percent(summary["coverage"].max(), 0)
    unit = MS.distinguish(summary["aas"])
    off = _figures(summary["aas"], names, unit)
    facts = f"starts and ends are off by {off} on the {share} of words that all of them got right"
    tests = _tests(pairs, "aas_delta", level, groups, names[0])
    return _ranking(names, tests, level, "in time", facts, unit)


def disagreement_verdict(pairs: pd.DataFrame, spans: pd.DataFrame) -> str:
    """The verdict without a reference: how much systems differ, and where most."""
    if not len(spans):
        names = join_names([pairs["a"].iloc[0], *pairs["b"].unique()])
        return f"There is no reference; {names} have the same words."
    rates = "; ".join(
        f"{row['a']} and {row['b']} differ in {percent(row['disagreement'])} of their words"
        for row in pairs.to_dict("records")
    )
    worst = spans.iloc[0]
    at = f", the largest at {worst['start']:.1f} s" if not isnan(worst["start"]) else ""
    at += f" of {worst['recording']}" if at and "recording" in spans else ""
    places = count_noun(len(spans), "place")
    return f"There is no reference, so no system is better: {rates}, in {places}{at}."


def describe_voters(voters: Sequence[str]) -> str:
    """The warning before a verdict against a pseudo-reference."""
    return (
        f"Against a pseudo-reference, a vote of {join_names(voters)}, which is not the truth and favours "
        "systems that are similar: "
    )


def describe_origins(origins: Sequence[str]) -> str:
    """The warning before a verdict on times, if those of the reference are from an acoustic model."""
    computed = [origin for origin in origins if origin.startswith("force_align")]
    if not computed:
        return ""
    return (
        f"Against times from {join_names(computed)}, which favour systems with this acoustic model or a "
        "similar one: "
    )


def percent(rate: float, decimals: int = 1) -> str:
    """
    >>> percent(0.0123)
    '1.2 %'
    """
    return PERCENT._replace(decimals=decimals).format(rate)


def _figures(values: pd.Series, names: list[str], unit: Unit) -> str:
    return ", ".join(f"{name} {unit.format(values[name])}" for name in names)


def _alone(row: pd.Series, level: float, groups: Sequence[str]) -> str:
    """The verdict for a single system: its word error rate and the interval."""
    n, unit = int(row["n_groups"]), name_unit(groups)
    between = describe_shortage(n, unit, minimum_sample(level))
    if not isnan(row["wer_low"]):
        low, high = percent(row["wer_low"]), percent(row["wer_high"])
        between = f"{level * 100:g} % interval {low} to {high} over {count_noun(n, unit)}"
    errors, words = count_noun(int(row["errors"]), "error"), count_noun(int(row["n_words"]), "word")
    return f"{row.name} makes {errors} in {words}: WER {percent(row['wer'])} ({between})."


def name_unit(groups: Sequence[str]) -> str:
    """The name of a unit of a test.

    >>> name_unit(()), name_unit(("recording", "stretch")), name_unit(("speaker",))
    ('recording', 'stretch of speech', 'group (speaker)')
    """
    if STRETCH in groups:
        return "stretch of speech"
    return "recording" if tuple(groups) in ((), ("recording",)) else f"group ({' and '.join(groups)})"


def _tests(
    pairs: pd.DataFrame, delta: str, level: float, groups: Sequence[str], best: str
) -> dict[str, PairTest]:
    """The tests of the best system against each other one; differences are the other minus the best."""
    found, least = {}, minimum_sample(level, len(pairs))
    for row in pairs.to_dict("records"):
        if best not in (row["a"], row["b"]):
            continue
        by, low, high = row[delta], row["delta_low"], row["delta_high"]
        if row["a"] == best:
            by, low, high = -by, -high, -low
        n, unit = row["n_groups"], name_unit(groups)
        other = row["b"] if row["a"] == best else row["a"]
        found[other] = PairTest(by, low, high, row["p_holm"], NAMES[row["holm_of"]], int(n), unit, least)
    return found


def _ranking(
    names: list[str], tests: dict[str, PairTest], level: float, where: str, facts: str, unit: Unit
) -> str:
    """A sentence about which systems the best one is significantly better than; it is first in `names`."""
    best, *others = names
    beaten = [other for other in others if _is_sure(tests[other], level)]
    if not beaten:
        differing = next((other for other in others if tests[other].by), others[0])
        doubt = _doubt(tests[differing], level, unit)
        if tests[differing].n < tests[differing].least:
            return f"Cannot tell which one is better {where}: {facts} ({doubt})."
        return f"No significant difference {where}: {facts} ({doubt})."
    sure = _figured(tests[beaten[0]], level, unit)
    text = f"{best} is better {where} than {join_names(beaten)}: {facts} ({sure})"
    rest = [other for other in others if other not in beaten]
    return text + (f"; no significant difference from {join_names(rest)}." if rest else ".")


def _is_sure(test: PairTest, level: float) -> bool:
    """Whether the test is significant and the interval does not contradict it."""
    return bool(test.p < 1 - level and not test.low <= 0)


def _figured(test: PairTest, level: float, unit: Unit) -> str:
    """The difference, its interval and the result of the test."""
    unit = unit.distinguish([0, test.by, test.low, test.high])
    text = f"a difference of {unit.format(test.by)}"
    if not isnan(test.low):
        text += f", {level * 100:g} % interval {unit.format(test.low)} to {unit.format(test.high)}"
    if isnan(test.p):
        return f"{text}; too few errors for a test"
    return f"{text}; {test.name}: {_p(test.p)} over {count_noun(test.n, test.unit)}"


def _doubt(test: PairTest, level: float, unit: Unit) -> str:
    """Why a difference is not significant."""
    if test.n < test.least:
        by = unit.distinguish([0, test.by]).format(test.by)
        shortage = describe_shortage(test.n, test.unit, test.least)
        way = (
            "; groups='stretch' takes stretches of speech as independent" if test.unit == "recording" else ""
        )
        return f"a difference of {by}, but {shortage}{way}"
    if isnan(test.p) and isnan(test.low):
        return "too little data for an interval or a test"
    if not (test.by or test.low or test.high):
        return f"no difference in any of {count_noun(test.n, test.unit)}"
    return _figured(test, level, unit)


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


class HeavyStretch(NamedTuple):
    """The stretch of speech that has most errors of a system; see `find_heavy_stretches`."""

    system: str
    place: str
    errors: int
    all_errors: int
    rest: float

    def __str__(self) -> str:
        return (
            f"one stretch of speech{self.place} has {self.errors} of the {self.all_errors} errors of "
            f"{self.system}: its WER is {percent(self.rest)} without it"
        )


def find_heavy_stretches(stretches: pd.DataFrame, systems: Sequence[str]) -> list[HeavyStretch]:
    """Stretches that have more than half of the errors of a system, and at least ten, among six or more.

    A loop of a recognizer, or a passage without a reference, may be such a stretch.

    Args:
        stretches: frame `Comparison.stretches`.
    """
    found = []
    for name in systems if len(stretches) >= FEWEST_STRETCHES else ():
        errors = stretches[name]
        worst = stretches.iloc[int(errors.to_numpy().argmax())]
        rest = stretches["n_words"].sum() - worst["n_words"]
        if worst[name] >= LEAST_HEAVY and 2 * worst[name] > errors.sum() and rest > 0:
            place = f" at {worst['start']:.1f} s" if not isnan(worst["start"]) else ""
            place += f" of {worst['recording']}" if "recording" in stretches else ""
            left = (errors.sum() - worst[name]) / rest
            found.append(HeavyStretch(name, place, int(worst[name]), int(errors.sum()), float(left)))
    return found


def findings(alignment: pd.DataFrame, systems: Sequence[str], grid: pd.DataFrame) -> list[str]:
    """What to know before trusting the figures of a comparison with a reference."""
    found = []
    timed = bool(alignment["ref_start"].notna().any())
    if not timed and alignment["ref_word"].notna().any() and alignment["hyp_start"].notna().any():
        found.append(
            "the reference has no times, so words are aligned without times, and timing is not compared"
        )
    untimed = []
    for name in systems:
        rows = alignment[alignment["system"] == name]
        words = rows["hyp_word"].notna()
        if words.any() and rows["ref_word"].notna().any() and "ok" not in set(rows["op"]):
            found.append(
                f"system {name!r} has no word in common with the reference: another recording, "
                "language or script?"
            )
        if timed and words.any() and rows["hyp_start"].isna().all():
            untimed.append(repr(name))
    if untimed:
        they, are = ("it", "is") if len(untimed) == 1 else ("they", "are")
        have = f"system {untimed[0]} has" if len(untimed) == 1 else f"systems {join_names(untimed)} have"
        found.append(f"{have} no times: {they} {are} aligned without times, and timing is not compared")
    if len(systems) > 1 and not grid["differs"].any():
        how = ", word for word" if _same_times(alignment, systems) else " in words, but not in times"
        found.append(f"the systems are identical{how}: {few(list(systems))}")
    return found


def _same_times(alignment: pd.DataFrame, systems: Sequence[str]) -> bool:
    """Whether systems with the same words have them at the same times."""
    words = alignment[alignment["hyp_word"].notna()]
    times = [words.loc[words["system"] == name, ["hyp_start", "hyp_end"]] for name in systems]
    first, *others = (rows.reset_index(drop=True) for rows in times)
    return all(first.equals(other) for other in others)
