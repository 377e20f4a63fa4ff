"""Small pieces of HTML that the panel is made of."""

from __future__ import annotations

from html import escape

DESCRIPTION = {"description_width": "90px"}


def label_of(text: str) -> str:
    """A line of help."""
    return f'<span class="sk-help">{escape(text)}</span>'


def heading(text: str) -> str:
    """The title of a part."""
    return f"<h3>{escape(text)}</h3>"
