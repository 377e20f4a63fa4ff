"""An opened result: its text, its picture and its words."""

from __future__ import annotations

import base64
import io
import threading
from html import escape

import ipywidgets as widgets
import pandas as pd
from matplotlib.figure import Figure

from ..errors import AudioError, PlotError, count_noun
from ..transcript import Transcript
from ..views import render_words
from .controls import heading_html, help_html, make_button

MAX_WORDS = 500
FIGURE_WIDTH = 10.0
"""Inches."""
_drawing = threading.Lock()  # matplotlib is not thread-safe


class ResultView(widgets.VBox):  # type: ignore[misc]
    """Shows one transcript, or nothing."""

    def __init__(self) -> None:
        self.title, self.text, self.picture, self.words = (widgets.HTML() for _ in range(4))
        self.close_result = make_button("Close result", "Hide the result", align_self="flex-start")
        self.close_result.on_click(lambda _: self.clear())
        super().__init__([self.title, self.text, self.picture, self.words, self.close_result])
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self.layout.display = "none"
        for part in (self.title, self.text, self.picture, self.words):
            part.value = ""

    def show(self, transcript: Transcript, code_html: str) -> None:
        """Show a transcript, with the code that gets it into a variable."""
        self.clear()
        self.title.value = heading_html(f"Result of {transcript.recording}") + code_html
        self.text.value = text_html(transcript.refined_text)
        self.words.value = words_html(transcript.words)
        self.layout.display = None  # the picture takes longest
        self.picture.value = picture_html(transcript)


def text_html(text: str) -> str:
    """The text as HTML, one paragraph per channel."""
    if not text:
        return help_html("No speech was recognized")
    paragraphs = "".join(f'<p dir="auto">{escape(line)}</p>' for line in text.splitlines())
    return f'<div class="sk-scroll sk-text" tabindex="0" role="region" aria-label="text">{paragraphs}</div>'


def words_html(words: pd.DataFrame, limit: int = MAX_WORDS) -> str:
    """The words as a table that scrolls; every text is escaped."""
    n_more = max(len(words) - limit, 0)
    more = help_html(f"{n_more} more in the frame `words` of the transcript") if n_more else ""
    return (
        f"<details open><summary>{count_noun(len(words), 'word')}</summary>"
        '<div class="sk-scroll" tabindex="0" role="region" aria-label="words">'
        f"{render_words(words.head(limit))}</div>{more}</details>"
    )


def picture_html(transcript: Transcript) -> str:
    """The timeline as a picture inside the page, or the reason why it cannot be drawn."""
    n_lanes = max(len(transcript.words["channel_tag"].unique()), 1)
    figure = Figure(figsize=(FIGURE_WIDTH, 0.85 + 1.25 * n_lanes), layout="constrained")
    file = io.BytesIO()
    try:
        with _drawing:
            transcript.plot(ax=figure.subplots())
            figure.savefig(file, format="png", dpi=110)
    except (AudioError, PlotError) as error:
        return help_html(f"No picture: {error}")
    data = base64.b64encode(file.getvalue()).decode("ascii")
    alt = escape(f"Timeline of {transcript.recording}: the times of its words, which are also in the table")
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'
