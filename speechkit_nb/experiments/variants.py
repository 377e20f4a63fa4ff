"""The grid of an experiment: options with one or several values each, and their combinations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..config import RecognitionConfig
from ..errors import ConfigError, count_noun, show_value

NAMED_BY_VALUE = ("model", "language")
"""Options whose values say which option they belong to."""
LONGEST_VALUE = 60
"""Number of characters of a value in the name of a variant."""


@dataclass(frozen=True)
class Variant:
    """One combination of options.

    Attributes:
        name: the values of the options in which variants differ.
        options: all options of the grid.
    """

    name: str
    options: Mapping[str, Any]


def make_variants(grid: Mapping[str, Any]) -> tuple[list[Variant], list[str]]:
    """All combinations, the last option changing fastest, and what was found: one sentence each.

    Args:
        grid: value of each option, or several. A list, a tuple or any other iterable is several values, of
            which each may be a list again; a text and a mapping are one value.

    Raises:
        ConfigError: if an option has no values, or one that no request can have.

    >>> variants, _ = make_variants({"model": ["general", "general:rc"], "normalize": [False, True]})
    >>> [variant.name for variant in variants][:2]
    ['general normalize=False', 'general normalize=True']
    """
    values = {option: _list_values(option, given) for option, given in grid.items()}
    combinations = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
    _check_values(values, combinations)
    distinct: dict[str, dict[str, Any]] = {}
    for options in combinations:
        distinct.setdefault(_describe(options), options)
    varying = [option for option in values if len({repr(one[option]) for one in distinct.values()}) > 1]
    names: dict[str, Variant] = {}
    for options in distinct.values():
        parts = [_name_value(option, options[option]) for option in varying]
        base = " ".join(parts) or _name_value("model", options.get("model", RecognitionConfig().model))
        name, number = base, 2
        while name in names:
            name, number = f"{base} ({number})", number + 1
        names[name] = Variant(name, options)
    n_equal = len(combinations) - len(distinct)
    problems = [f"{count_noun(n_equal, 'variant')} equal to another one left out"] if n_equal else []
    return list(names.values()), problems


def _list_values(option: str, given: Any) -> list[Any]:
    given = given.item() if isinstance(given, np.ndarray) and given.ndim == 0 else given
    is_one = isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable)
    values = [given] if is_one else list(given)
    if not values:
        raise ConfigError(f"{option}={show_value(given)} has no value: give one, or leave it out")
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _check_values(values: Mapping[str, list[Any]], combinations: list[dict[str, Any]]) -> None:
    """
    Raises:
        ConfigError: if a value is wrong by itself, not only in some combinations.
    """
    valid = [options for options in combinations if not explain_refusal(options)]
    for option, given in values.items():
        for value in given:
            used = any(options[option] is value for options in valid)
            if not used and (wrong := explain_refusal({option: value})):
                is_list = len(given) > 1 and not explain_refusal({option: given})
                advice = f"; for all of them in one request write {option}=[{show_value(given)}]"
                raise ConfigError(wrong + advice * is_list)


def explain_refusal(options: Mapping[str, Any]) -> str:
    """Why no request can have these options; empty if one can."""
    try:
        RecognitionConfig.of(**options)
    except ConfigError as error:
        return str(error)
    return ""


def _describe(options: Mapping[str, Any]) -> str:
    """A text that is the same for equal requests."""
    try:
        return repr(RecognitionConfig.of(**options))
    except ConfigError:
        return repr(options)


def _name_value(option: str, value: Any) -> str:
    is_list = isinstance(value, (list, tuple)) and all(isinstance(part, (str, float)) for part in value)
    text = "+".join(map(str, value)) if is_list else value if isinstance(value, str) else show_value(value)
    text = " ".join(text.split())
    text = text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
    if option in NAMED_BY_VALUE:
        return text or f"default {option}"
    return f"{option}={text}"
