"""Tables of jobs as a notebook shows them."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import pandas as pd

from ..journal.states import STATES

SHOWN = 20
"""Maximum number of rows; a journal of thousands of jobs would fill the notebook."""
WRONG = tuple(name for name, state in STATES.items() if state.needs_attention)
HEAD = (
    "number",
    "recording",
    "status",
    "model",
    "service",
    "duration, s",
    "billed, s",
    "submitted, UTC",
    "took, s",
    "error",
)


class JobFrame(pd.DataFrame):
    """A frame of jobs with a short HTML table. A frame made from it, for example
    `frame[frame.status == "done"]`, is a plain DataFrame.

    >>> type(JobFrame({"status": ["done"]}).head()).__name__
    'DataFrame'
    """

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    def _repr_html_(self) -> str:
        return ledger_html(self)


def ledger_html(frame: pd.DataFrame) -> str:
    """HTML with the number of jobs in each state, and the newest jobs."""
    counts = ", ".join(f"{n} {state}" for state, n in frame["status"].value_counts(sort=False).items())
    title = f"{len(frame)} job{'s' * (len(frame) != 1)}{': ' if counts else ''}{counts}"
    if len(frame) > SHOWN:
        title += f"; the newest {SHOWN} are shown"
    return _page(title, frame.tail(SHOWN))


def set_html(frame: pd.DataFrame, title: str) -> str:
    """HTML of the jobs of a set; if not all are shown, failed and unknown jobs first, then the newest."""
    if len(frame) <= SHOWN:
        return _page(title, frame)
    is_wrong = frame["status"].isin(WRONG)
    wrong, others = frame.index[is_wrong], frame.index[~is_wrong]
    n_others = max(SHOWN - len(wrong), 0)
    rows = [*wrong[:SHOWN], *others[len(others) - n_others :]]
    title += f"; {SHOWN} of {len(frame)} are shown, {'what went wrong first' if len(wrong) else 'the newest'}"
    if len(wrong) > SHOWN:
        title += f"; {len(wrong) - SHOWN} more went wrong: see jobs.failed and jobs.unknown"
    return _page(title, frame.loc[rows])


def _page(title: str, frame: pd.DataFrame) -> str:
    """A title and a table; every text is escaped."""
    head = "".join(f'<th style="text-align:start">{name}</th>' for name in HEAD)
    rows = "".join(_row(row) for row in frame.to_dict("records"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    return f"<div><p>{escape(title)}</p>{table}</div>"


def _row(row: dict[Any, Any]) -> str:
    took = (row["finished"] - row["submitted"]).total_seconds()
    submitted = "" if pd.isna(row["submitted"]) else f"{row['submitted']:%Y-%m-%d %H:%M}"
    cells = [
        *(row[name] for name in ("number", "recording", "status", "model", "service")),
        *map(_number, (row["duration"], row["billed"])),
        submitted,
        _number(took),
        row["error"],
    ]
    texts = (f"<td dir='auto' style='text-align:start'>{_text(cell)}</td>" for cell in cells)
    return f"<tr>{''.join(texts)}</tr>"


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.0f}"


def _text(value: Any) -> str:
    return "" if pd.isna(value) else escape(str(value))
