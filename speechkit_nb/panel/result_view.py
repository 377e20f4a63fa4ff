"""An opened result: its text, its picture and its words."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable
from html import escape
from typing import Any, Protocol

import ipywidgets as widgets
import pandas as pd
from matplotlib.figure import Figure

from ..errors import AudioError, PlotError
from .controls import button, heading, label_of

MOST_WORDS = 500
WIDTH = 10.0
"""Inches."""
_drawing = threading.Lock()  # matplotlib is not made for several threads


class Result(Protocol):
    """What the panel needs of a transcript."""

    @property
    def recording(self) -> str: ...

    @property
    def words(self) -> pd.DataFrame: ...

    @property
    def finals(self) -> pd.DataFrame: ...

    @property
    def refined_text(self) -> str: ...

    def plot(self, ax: Any = None, **options: Any) -> Any: ...


class ResultView(widgets.VBox):  # type: ignore[misc]
    """Shows one transcript, or nothing."""

    def __init__(self) -> None:
        self.title, self.text, self.picture, self.words = (widgets.HTML() for _ in range(4))
        self.shut = button("Close result", "Hide the result", align_self="flex-start")
        self.shut.on_click(lambda _: self.clear())
        super().__init__([self.title, self.text, self.picture, self.words, self.shut])
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self.layout.display = "none"
        for part in (self.title, self.text, self.picture, self.words):
            part.value = ""

    def show(self, transcript: Result, lines: str) -> None:
        """Show a transcript. `lines` is HTML that says how to get it into a variable."""
        self.clear()
        self.title.value = heading(f"Result of {transcript.recording}") + lines
        self.text.value = text_html(transcript.refined_text)
        self.words.value = words_html(transcript.words)
        self.layout.display = None
        self.picture.value = picture_html(transcript)


def text_html(text: str) -> str:
    """What was said, a paragraph a channel."""
    if not text:
        return label_of("Nothing was said")
    paragraphs = "".join(f'<p dir="auto">{escape(line)}</p>' for line in text.splitlines())
    return f'<div class="sk-scroll sk-text" tabindex="0" role="region" aria-label="text">{paragraphs}</div>'


def words_html(words: pd.DataFrame, most: int = MOST_WORDS) -> str:
    """The words as a table that scrolls; every text is escaped."""
    columns = words.head(most)[["start", "end", "channel_tag", "word"]]
    rows = "".join(
        f'<tr><td class="sk-number">{start:.2f}</td><td class="sk-number">{end:.2f}</td>'
        f'<td>{escape(tag)}</td><td dir="auto">{escape(word)}</td></tr>'
        for start, end, tag, word in columns.itertuples(index=False)
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("start, s", "end, s", "channel", "word"))
    rest = len(words) - len(columns)
    more = label_of(f"{rest} more in the frame `words`") if rest else ""
    return (
        f"<details open><summary>{len(words)} words</summary>"
        '<div class="sk-scroll" tabindex="0" role="region" aria-label="words">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{more}</details>"
    )


def picture_html(transcript: Result) -> str:
    """The timeline as a picture inside the page; words instead of it where it cannot be drawn."""
    try:
        png = _png(transcript.plot, len(transcript.words["channel_tag"].unique()))
    except (AudioError, PlotError) as error:
        return label_of(f"No picture: {error}")
    data = base64.b64encode(png).decode("ascii")
    alt = escape(
        f"Timeline of {transcript.recording}: when each of its words was said; the table has the same"
    )
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'


def _png(plot: Callable[..., Any], n_lanes: int) -> bytes:
    figure = Figure(figsize=(WIDTH, 0.85 + 1.25 * max(n_lanes, 1)), layout="constrained")
    file = io.BytesIO()
    with _drawing:
        plot(ax=figure.subplots())
        figure.savefig(file, format="png", dpi=110)
    return file.getvalue()
