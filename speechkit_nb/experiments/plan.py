"""The plan of an experiment: what is sent, and what it costs, before anything is sent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from ..client import (
    Client,
    Estimate,
    Item,
    Prices,
    estimate_job,
    find_day,
    hours_per_day,
    list_items,
    sum_last_day,
)
from ..config import RecognitionConfig
from ..errors import AudioError, ConfigError, LimitError, count_noun, few
from .variants import Variant, make_variants

SEND, USE_AGAIN, REFUSED, UNKNOWN = "send", "use again", "refused", "unknown"
HOUR = 3600.0


@dataclass(frozen=True)
class Cell:
    """One recording with one variant.

    Attributes:
        item: what is sent, with all options.
        variant: name of the combination of options.
        estimate: what happens when it is sent.
        action: what is done: one of `SEND`, `USE_AGAIN`, `REFUSED`, `UNKNOWN`.
    """

    item: Item
    variant: str
    estimate: Estimate
    action: str

    @property
    def recording(self) -> str:
        """Name of the recording."""
        return self.estimate.name

    @property
    def model(self) -> str:
        """Name of the model."""
        return str(self.item.options.get("model", RecognitionConfig().model))

    @property
    def new_seconds(self) -> float | None:
        """Seconds that are billed anew; None if that is not known."""
        return self.estimate.billed if self.action == SEND else 0.0


@dataclass(frozen=True)
class Plan:
    """What an experiment sends, and what it costs.

    Attributes:
        cells: one per recording and variant; the variants of a recording follow each other.
        variants: the combinations of options.
        options: names of the options that are given.
        prices: of the models.
        used: billed seconds of the last 24 hours.
        hours_per_day: the quota of the account; None is no limit.
        problems: what was found, one sentence each.
    """

    cells: Sequence[Cell]
    variants: Sequence[Variant]
    options: Sequence[str]
    prices: Prices
    used: float
    hours_per_day: float | None
    problems: Sequence[str]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per recording and variant: `recording`, `variant`, the options, `action`,
        `duration`, the seconds that are `billed` anew, their `cost`, and `error` if it is refused."""
        frame = self.describe_cells()
        frame["action"] = pd.Series([cell.action for cell in self.cells], dtype="str")
        frame["duration"] = [cell.estimate.duration for cell in self.cells]
        frame["billed"] = [cell.new_seconds for cell in self.cells]
        today = find_day(time.time())
        prices = [self.prices.find(cell.model, today).amount for cell in self.cells]
        frame = frame.astype({"duration": "float64", "billed": "float64"})
        frame["cost"] = frame["billed"] * prices
        frame["error"] = pd.Series([cell.estimate.error for cell in self.cells], dtype="str")
        return frame

    def describe_cells(self) -> pd.DataFrame:
        """The first columns of all frames: `recording`, `variant`, and the options."""
        columns = {
            "recording": pd.Series([cell.recording for cell in self.cells], dtype="str"),
            "variant": pd.Series([cell.variant for cell in self.cells], dtype="str"),
        }
        for option in self.options:
            values = [show_option(cell.item.options.get(option)) for cell in self.cells]
            columns[option] = pd.Series(values, dtype=None if values else "object")
        return pd.DataFrame(columns)

    @property
    def hours(self) -> float:
        """Hours that are billed anew, as far as they are known."""
        return sum(cell.new_seconds or 0.0 for cell in self.cells) / HOUR

    @property
    def n_unknown(self) -> int:
        """Number of jobs to send whose length is not known."""
        return sum(cell.new_seconds is None for cell in self.cells)

    @property
    def summary(self) -> str:
        """Jobs, hours and cost in one sentence."""
        n = Counter(cell.action for cell in self.cells)
        n_recordings = len({cell.recording for cell in self.cells})
        grid = f"{count_noun(n_recordings, 'recording')} × {count_noun(len(self.variants), 'variant')}"
        what = f"{n[SEND]:,} of {count_noun(len(self.cells), 'job')} to send"
        for action, text in ((USE_AGAIN, "used again"), (UNKNOWN, "unknown"), (REFUSED, "refused")):
            what += f", {n[action]:,} {text}" if n[action] else ""
        cost = f", cost {self.frame['cost'].sum():,.2f}" if self.prices.are_given else ", no prices given"
        unknown = f" and {count_noun(self.n_unknown, 'job')} of unknown length" if self.n_unknown else ""
        return f"{grid}: {what}; {format_hours(self.hours)} billed{unknown}{cost}{self._describe_quota()}"

    def _describe_quota(self) -> str:
        if self.hours_per_day is None:
            return ""
        return f"; {format_hours(self.used / HOUR)} of {self.hours_per_day:,} h used in the last 24 hours"

    def explain_excess(self, max_hours: float | None) -> str:
        """Why it should not be sent without a question; empty if it is within the limit."""
        if max_hours is None or (self.hours <= max_hours and not self.n_unknown):
            return ""
        if self.hours <= max_hours:
            return (
                f"{self.summary}. The length of a link is known after its recognition only, so "
                f"max_hours={max_hours:g} cannot be kept: leave it out"
            )
        return f"{self.summary}. That is above max_hours={max_hours:g}: give more, or leave it out"

    def check_quota(self) -> None:
        """
        Raises:
            LimitError: if it exceeds the quota of the account.
        """
        if self.hours_per_day is not None and self.hours + self.used / HOUR > self.hours_per_day:
            raise LimitError(
                f"{self.summary}. That is above the quota of the account, so nothing is sent: take fewer "
                "recordings or wait, or connect(quota=sk.Quota(hours_per_day=...)) if your quota is larger"
            )

    def __repr__(self) -> str:
        return f"Plan({self.summary})"


def format_hours(hours: float) -> str:
    """Hours for a sentence.

    >>> format_hours(0.0125), format_hours(1234.56), format_hours(0.0)
    ('0.0125 h', '1,235 h', '0 h')
    """
    return f"{hours:,.0f} h" if hours >= 1000 else f"{hours:.3g} h"


def make_plan(
    client: Client,
    recordings: Any,
    grid: Mapping[str, Any],
    prices: Any,
    *,
    reuse: bool,
    bucket: str | None,
    format: Mapping[str, Any],
) -> Plan:
    """Combine recordings and options, and look for each in the journal.

    Raises:
        ConfigError: if an option, or a price, is not valid or is given twice.
        AudioError: if there are no recordings, or two have the same name.
    """
    known = Prices(prices)
    variants, problems = make_variants(grid)
    items = list_items(client, recordings, format)
    how = {"reuse": reuse, "bucket": bucket, "format": format}
    cells = list[Cell]()
    for item in items:
        _check_options(item, grid, variants)
        row = list[Cell]()
        for variant in variants:
            row.append(_plan_cell(client, item, variant, how))
            item = replace(item, source=row[-1].estimate.source)  # so that it is opened once
        name = next((cell.recording for cell in row if cell.estimate.key), item.name)
        cells += [replace(cell, estimate=cell.estimate._replace(name=name)) for cell in row]
    cells = _mark_equal(cells)
    _check_names(cells, len(variants))
    known.check(cell.model for cell in cells)
    options = list(dict.fromkeys(option for cell in cells for option in cell.item.options))
    return Plan(cells, variants, options, known, sum_last_day(client), hours_per_day(client), problems)


def _check_options(item: Item, grid: Mapping[str, Any], variants: Sequence[Variant]) -> None:
    """
    Raises:
        ConfigError: if an option is that of a recording and of the grid.
    """
    for option in item.options.keys() & grid.keys():
        if len({repr(variant.options[option]) for variant in variants}) > 1:
            raise ConfigError(
                f"{option} has several values for all recordings, and {item.name} has one of its own: take "
                f"{option} out of the table, or out of the grid"
            )


def _plan_cell(client: Client, item: Item, variant: Variant, how: Mapping[str, Any]) -> Cell:
    options = {**variant.options, **item.options}
    sent = replace(item, options=options, metadata={**item.metadata, "variant": variant.name})
    try:
        config = RecognitionConfig.of(**options)
    except ConfigError as error:
        found = Estimate(item.source, item.name, error=str(error))
    else:
        found = estimate_job(client, item, config, **how)
    action = USE_AGAIN if found.earlier else SEND
    if found.error:
        action = UNKNOWN if found.earlier else REFUSED
    return Cell(replace(sent, source=found.source, id=found.name), variant.name, found, action)


def _mark_equal(cells: Sequence[Cell]) -> list[Cell]:
    """The same sound with the same options, under several names, is sent once."""
    first = dict[str, int]()
    return [
        replace(cell, action=USE_AGAIN)
        if cell.action == SEND and first.setdefault(cell.estimate.key, number) < number
        else cell
        for number, cell in enumerate(cells)
    ]


def _check_names(cells: Sequence[Cell], n_variants: int) -> None:
    """
    Raises:
        AudioError: if there are no recordings, or two have the same name.
    """
    if not cells:
        raise AudioError("an experiment needs a recording, and there is none")
    twice = [name for name, n in Counter(cell.recording for cell in cells).items() if n > n_variants]
    if twice:
        raise AudioError(f"two recordings are called {few(twice)}: give each once, or names as column id")


def show_option(value: Any) -> Any:
    """The value of an option for a cell of a frame; several are joined."""
    if isinstance(value, (list, tuple)):
        return "+".join(map(str, value))
    return value
