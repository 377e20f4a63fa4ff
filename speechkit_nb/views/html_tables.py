"""Tables as HTML for notebooks: numbers at the right, texts in their own direction, everything escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Literal

import pandas as pd

MOST_ROWS, FIRST_ROWS = 15, 12
STYLES = {"text": "style='text-align:start' dir='auto'", "number": "style='text-align:end'"}
WORD_COLUMNS: dict[str, Literal["text", "number"]] = {
    "start, s": "number",
    "end, s": "number",
    "channel": "text",
}


def render_table(
    columns: Mapping[str, Literal["text", "number"]], rows: Iterable[Sequence[str | float]]
) -> str:
    """A table. Floats have two decimals, NaN is an empty cell.

    Args:
        columns: kind of each column by its title.
        rows: one cell per column.

    >>> render_table({"word": "text", "start, s": "number"}, [("<b>", 0.5)]).partition("<tbody>")[2]
    "<tr><td style='text-align:start' dir='auto'>&lt;b&gt;</td><td style='text-align:end'>0.50</td>..."
    """
    styles = [STYLES[kind] for kind in columns.values()]
    head = _render_row("th scope='col'", "th", styles, columns)
    body = "".join(_render_row("td", "td", styles, row) for row in rows)
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _render_row(tag: str, end: str, styles: Sequence[str], cells: Iterable[str | float]) -> str:
    rendered = (f"<{tag} {style}>{_format(cell)}</{end}>" for style, cell in zip(styles, cells, strict=True))
    return f"<tr>{''.join(rendered)}</tr>"


def _format(cell: str | float) -> str:
    if isinstance(cell, str):
        return escape(cell)
    return "" if math.isnan(cell) else f"{cell:.2f}"


def render_finals(title: str, finals: pd.DataFrame) -> str:
    """Times, channel and best text of the first finals, below the title."""
    shown = finals if len(finals) <= MOST_ROWS else finals.head(FIRST_ROWS)
    times = (shown[f"speech_{bound}"].fillna(shown[bound]) for bound in ("start", "end"))
    rows = zip(*times, shown["channel_tag"], shown["refined_text"].fillna(shown["text"]), strict=True)
    more = f"<p>… {len(finals) - len(shown)} more</p>" if len(finals) > len(shown) else ""
    return f"<div>{title}{render_table({**WORD_COLUMNS, 'text': 'text'}, rows)}{more}</div>"


def render_words(words: pd.DataFrame) -> str:
    """Times, channel and text of all words."""
    columns = words[["start", "end", "channel_tag", "word"]]
    return render_table({**WORD_COLUMNS, "word": "text"}, columns.itertuples(index=False))
