"""A comparison as HTML: the verdict, a small table and the problems. All input text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isnan

import pandas as pd

from ..evaluate import SUMMARY
from ..views import render_table

MOST_PROBLEMS = 8
FIGURES = {  # names of the columns of `summary` in the table, in its order
    "n_words": "words",
    "errors": "errors",
    "wer": "WER",
    "wer_low": "interval",
    "cer": "CER",
    "coverage": "coverage",
    "aas": "AAS",
    "start_bias": "start bias",
    "corrected_aas": "AAS without bias",
    "n_differing": "where systems differ",
    "differing": "share",
}
NEEDED = {"wer_low": "wer", "coverage": "aas", "start_bias": "aas", "corrected_aas": "aas"}
"""The column without which a column says nothing; others need themselves."""


def page(verdict: str, summary: pd.DataFrame, problems: Sequence[str], made: str) -> str:
    """The verdict above the table of systems; `made` describes how the results were computed."""
    shown = list(problems[:MOST_PROBLEMS])
    if len(problems) > len(shown):
        shown.append(f"... and {len(problems) - len(shown)} more, see .problems")
    listed = "".join(f"<li>{escape(problem)}</li>" for problem in shown)
    notes = f"<ul style='margin:.4em 0'>{listed}</ul>" if listed else ""
    answer = "".join(f"<p dir='auto'><b>{escape(line)}</b></p>" for line in verdict.splitlines())
    return (
        f"<div>{answer}{_render_summary(summary)}{notes}"
        f"<p style='opacity:.7;font-size:90%'>{escape(made)}</p></div>"
    )


def _render_summary(summary: pd.DataFrame) -> str:
    known = summary.columns[summary.notna().any()]
    columns = [name for name in FIGURES if name in summary and NEEDED.get(name, name) in known]
    rows = [[str(system), *(_format(name, row) for name in columns)] for system, row in summary.iterrows()]
    return render_table({"": "text", **{FIGURES[name]: "number" for name in columns}}, rows)


def _format(name: str, row: pd.Series) -> str:
    value = row[name]
    if name == "wer_low":
        return "none" if isnan(value) else f"{100 * value:.1f} to {100 * row['wer_high']:.1f} %"
    if isnan(value):
        return "unknown"
    unit = SUMMARY[name].unit if name in SUMMARY else "share" if name == "differing" else "number"
    if unit == "share":
        return f"{100 * value:.{0 if name == 'coverage' else 1}f} %"
    return (
        f"{1000 * value:{'+' if name == 'start_bias' else ''}.0f} ms"
        if unit == "seconds"
        else f"{value:,.0f}"
    )
