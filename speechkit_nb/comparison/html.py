"""A comparison as HTML: the verdict, a small table and the problems. All input text is escaped."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from math import isnan

import pandas as pd

MOST_PROBLEMS = 8
Cell = Callable[[pd.Series], str]


def page(verdict: str, summary: pd.DataFrame, problems: Sequence[str], made: str) -> str:
    """The verdict above the table of systems; `made` describes how the results were computed."""
    shown = list(problems[:MOST_PROBLEMS])
    if len(problems) > len(shown):
        shown.append(f"... and {len(problems) - len(shown)} more, see .problems")
    listed = "".join(f"<li>{html.escape(problem)}</li>" for problem in shown)
    notes = f"<ul style='margin:.4em 0'>{listed}</ul>" if listed else ""
    answer = "".join(f"<p dir='auto'><b>{html.escape(line)}</b></p>" for line in verdict.splitlines())
    return (
        f"<div>{answer}{_table(summary)}{notes}"
        f"<p style='opacity:.7;font-size:90%'>{html.escape(made)}</p></div>"
    )


def _table(summary: pd.DataFrame) -> str:
    columns = _COLUMNS if "wer" in summary else _DIFFERING
    known = {
        head: cell
        for head, (needs, cell) in columns.items()
        if needs in summary and summary[needs].notna().any()
    }
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("", *known))
    rows = "".join(
        f"<tr><th style='text-align:start' dir='auto'>{html.escape(str(name))}</th>"
        + "".join(f"<td>{cell(row)}</td>" for cell in known.values())
        + "</tr>"
        for name, row in summary.iterrows()
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _percent(column: str, decimals: int = 1) -> Cell:
    return lambda row: _number(100 * row[column], f".{decimals}f", " %")


def _ms(column: str, sign: str = "") -> Cell:
    return lambda row: _number(1000 * row[column], f"{sign}.0f", " ms")


def _number(value: float, form: str, unit: str) -> str:
    return "unknown" if isnan(value) else f"{value:{form}}{unit}"


def _interval(row: pd.Series) -> str:
    if isnan(row["wer_low"]):
        return "none"
    return f"{100 * row['wer_low']:.1f} to {100 * row['wer_high']:.1f} %"


def _count(column: str) -> Cell:
    return lambda row: f"{int(row[column]):,}"


_COLUMNS: dict[str, tuple[str, Cell]] = {
    "words": ("n_words", _count("n_words")),
    "errors": ("errors", _count("errors")),
    "WER": ("wer", _percent("wer")),
    "interval": ("wer", _interval),
    "CER": ("cer", _percent("cer")),
    "coverage": ("aas", _percent("coverage", 0)),
    "AAS": ("aas", _ms("aas")),
    "start bias": ("aas", _ms("start_bias", "+")),
    "AAS without bias": ("aas", _ms("corrected_aas")),
}
_DIFFERING: dict[str, tuple[str, Cell]] = {
    "words": ("n_words", _count("n_words")),
    "where systems differ": ("n_differing", _count("n_differing")),
    "share": ("differing", _percent("differing")),
}
