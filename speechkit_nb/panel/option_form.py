"""The form for the options of a recognition: one control per option, with its help beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from ..errors import ConfigError
from .controls import LABEL_WIDTH, help_html, make_button, make_row
from .options import Option

WIDE_LABELS = {"description_width": "210px"}
MORE, FEWER = "More options", "Fewer options"
PLACEHOLDERS = {
    "numbers": "0.5, 0.9",
    "number": "seconds",
    "lines": "one per line",
}


class OptionForm(widgets.VBox):  # type: ignore[misc]
    """A control for each option."""

    def __init__(self, options: Sequence[Option]) -> None:
        self._options = list(options)
        self.controls = {option.name: _make_control(option) for option in options}
        first = [self._make_line(option) for option in options if option.first]
        others = [self._make_line(option) for option in options if not option.first]
        self.others = widgets.VBox(others, layout={"display": "none"}).add_class("sk-more")
        self.more = make_button(MORE)
        self.more.on_click(lambda _: self._toggle_others())
        super().__init__([*first, widgets.HBox([self.more]).add_class("sk-indent"), self.others])

    def values(self) -> dict[str, Any]:
        """The options that differ from their default.

        Raises:
            ConfigError: if a control for numbers holds another text.
        """
        values = {option.name: _parse(option, self.controls[option.name].value) for option in self._options}
        return {
            option.name: values[option.name]
            for option in self._options
            if values[option.name] != option.default
        }

    def _toggle_others(self) -> None:
        is_shown = self.more.description == FEWER
        self.more.description = MORE if is_shown else FEWER
        self.others.layout.display = "none" if is_shown else None

    def _make_line(self, option: Option) -> widgets.HBox:
        layout = {"flex": "1 1 16em", "min_width": "0", "width": "auto"}
        line = make_row([self.controls[option.name], widgets.HTML(help_html(option.help), layout=layout)])
        line.layout.align_items = "center"
        return line


def _make_control(option: Option) -> Any:
    common = {
        "description": option.name,
        "tooltip": option.help,
        "style": LABEL_WIDTH if option.first else WIDE_LABELS,
        "layout": {"width": "auto", "flex": f"0 1 {'290px' if option.first else '410px'}"},
    }
    examples = ", ".join(option.choices[-2:]) if option.kind == "list" else ""
    placeholder = examples or PLACEHOLDERS.get(option.kind, "")
    if option.kind == "flag":
        return widgets.Checkbox(option.default, **common)
    if option.kind == "lines":
        return widgets.Textarea("", rows=2, placeholder=placeholder, **common)
    value = option.default or ""
    if option.choices:
        return widgets.Combobox(value=value, options=list(option.choices), placeholder=placeholder, **common)
    return widgets.Text(value, placeholder=placeholder, **common)


def _parse(option: Option, value: Any) -> Any:
    """The value of a control as the client takes it; the default if it is empty."""
    if option.kind == "flag":
        return value
    text = value.strip()
    if not text:
        return option.default
    if option.kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if option.kind == "text":
        return text
    parts = [part for part in re.split(r"[,;\s]+", text) if part]
    if option.kind == "list":
        return parts
    numbers = [_parse_number(option.name, part) for part in parts]
    return numbers if option.kind == "numbers" else numbers[0]


def _parse_number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{name}: {text!r} is not a number, for example 0.5") from None
