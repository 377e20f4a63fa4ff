"""The ledger as a notebook shows it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import pandas as pd

SHOWN = 20
"""The newest rows; a ledger of thousands would fill the notebook."""
HEAD = (
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
    """A frame of jobs that shows itself shortly. What is made of it, as by `frame[frame.status == "done"]`,
    is a plain frame.

    >>> type(JobFrame({"status": ["done"]}).head()).__name__
    'DataFrame'
    """

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    def _repr_html_(self) -> str:
        return html_of(self)


def html_of(frame: pd.DataFrame, title: str = "") -> str:
    """A title, by default how many jobs are in which state, and the newest ones; every text is escaped."""
    counts = ", ".join(f"{n} {state}" for state, n in frame["status"].value_counts(sort=False).items())
    title = title or f"{len(frame)} job{'s' * (len(frame) != 1)}{': ' if counts else ''}{counts}"
    newest = frame.tail(SHOWN)
    if len(newest) < len(frame):
        title += f"; the newest {SHOWN} are shown"
    head = "".join(f'<th style="text-align:start">{name}</th>' for name in HEAD)
    rows = "".join(_row(row) for row in newest.to_dict("records"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    return f"<div><p>{escape(title)}</p>{table}</div>"


def _row(row: dict[Any, Any]) -> str:
    took = (row["finished"] - row["submitted"]).total_seconds()
    submitted = "" if pd.isna(row["submitted"]) else f"{row['submitted']:%Y-%m-%d %H:%M}"
    cells = [
        *(row[name] for name in ("recording", "status", "model", "service")),
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
