"""Small pieces that the panel is made of: controls, rows of them, and HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

DESCRIPTION = {"description_width": "90px"}


def label_of(text: str) -> str:
    """A line of help."""
    return f'<span class="sk-help">{escape(text)}</span>'


def heading(text: str) -> str:
    """The title of a part."""
    return f"<h3>{escape(text)}</h3>"


def button(words: str, help: str | None = None, **layout: str) -> widgets.Button:
    """A button as wide as its words."""
    return widgets.Button(description=words, tooltip=help, layout={"width": "auto", **layout})


def control(kind: Any, name: str, help: str, layout: dict[str, str] | None = None, **options: Any) -> Any:
    """A control of that class with its name before it, as wide as its place."""
    look = {"width": "auto", **(layout or {})}
    return kind(description=name, tooltip=help, style=DESCRIPTION, layout=look, **options)


def beside(parts: Sequence[widgets.Widget]) -> widgets.HBox:
    """Parts beside one another, and below where there is no room."""
    return widgets.HBox(parts, layout={"flex_flow": "row wrap"})
