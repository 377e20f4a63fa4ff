"""The form for what to ask a recognizer for, made from a list of options and their help."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from ..errors import ConfigError
from .controls import DESCRIPTION, button, label_of

WIDE = {"description_width": "210px"}

MORE, FEWER = "More options", "Fewer options"


@dataclass(frozen=True)
class Option:
    """One thing that can be asked for.

    Attributes:
        name: as the service says it.
        kind: `"text"`, `"lines"` (a text a line), `"list"` (texts between commas), `"numbers"` (numbers
            between commas), `"number"` or `"flag"`.
        default: what holds if nothing else is said; it is not sent.
        help: a line for the user.
        choices: suggestions for a text or list.
        first: whether it is shown at once, not among the others.
    """

    name: str
    kind: str
    default: Any = None
    help: str = ""
    choices: Sequence[str] = ()
    first: bool = False


class OptionForm(widgets.VBox):  # type: ignore[misc]
    """A control for each option, with its help beside it."""

    def __init__(self, options: Sequence[Option]) -> None:
        self._options = list(options)
        self.controls = {option.name: _control(option) for option in options}
        first = [self._line(option) for option in options if option.first]
        others = [self._line(option) for option in options if not option.first]
        self.others = widgets.VBox(others, layout=widgets.Layout(display="none")).add_class("sk-others")
        self.more = button(MORE)
        self.more.on_click(lambda _: self._turn())
        super().__init__([*first, widgets.HBox([self.more]).add_class("sk-indent"), self.others])

    def values(self) -> dict[str, Any]:
        """The options that are not as they are by default.

        Raises:
            ConfigError: if a control holds no value of its kind.
        """
        found = {option.name: _value(option, self.controls[option.name].value) for option in self._options}
        return {
            option.name: found[option.name]
            for option in self._options
            if found[option.name] != option.default
        }

    def _turn(self) -> None:
        """Show the other options, or hide them."""
        shown = self.more.description == FEWER
        self.more.description = MORE if shown else FEWER
        self.others.layout.display = "none" if shown else None

    def _line(self, option: Option) -> widgets.HBox:
        help = widgets.HTML(
            label_of(option.help), layout=widgets.Layout(flex="1 1 16em", min_width="0", width="auto")
        )
        wrap = widgets.Layout(flex_flow="row wrap", align_items="center")
        return widgets.HBox([self.controls[option.name], help], layout=wrap)


def _control(option: Option) -> Any:
    narrow = option.first
    common = {
        "description": option.name,
        "tooltip": option.help,
        "style": DESCRIPTION if narrow else WIDE,
        "layout": widgets.Layout(width="auto", flex=f"0 1 {'290px' if narrow else '410px'}"),
    }
    if option.kind == "flag":
        return widgets.Checkbox(option.default, **common)
    if option.kind == "lines":
        return widgets.Textarea("", rows=2, placeholder="one a line", **common)
    if option.choices:
        return widgets.Combobox(
            value=option.default or "", options=list(option.choices), placeholder=_example(option), **common
        )
    return widgets.Text(option.default or "", placeholder=_example(option), **common)


def _example(option: Option) -> str:
    return {"list": "several: between commas", "numbers": "0.5, 0.9", "number": "seconds"}.get(
        option.kind, ""
    )


def _value(option: Option, given: Any) -> Any:
    """What a control holds, as the client takes it; the default if it is empty."""
    if option.kind == "flag":
        return given
    text = given.strip()
    if not text:
        return option.default
    if option.kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if option.kind == "text":
        return text
    parts = [part for part in re.split(r"[,;\s]+", text) if part]
    if option.kind == "list":
        return parts
    numbers = [_number(option.name, part) for part in parts]
    return numbers if option.kind == "numbers" else numbers[0]


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{name}: {text!r} is no number, such as 0.5") from None
