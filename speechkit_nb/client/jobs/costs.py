"""What jobs cost: prices of models, and totals of jobs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from numbers import Real
from typing import Any, NamedTuple

import pandas as pd

from ...errors import ConfigError, few, join_names, show_value
from ..journal.record import JobRecord
from .table import billed_seconds, name_model

HOUR = 3600.0
COSTS = {
    "day": "datetime64[s]",
    "folder": "str",
    "model": "str",
    "n_jobs": "int64",
    "n_unknown": "int64",
    "billed": "float64",
    "hours": "float64",
    "price": "float64",
    "priced": "datetime64[s]",
    "cost": "float64",
}
"""Column -> dtype of `sum_costs`."""
PRICES = (
    "a price per billed second, {model: price}, or a frame with the columns model and price, and date if a "
    "price has changed"
)


class Price(NamedTuple):
    """A price per billed second, and since when it holds: NaT if that is not known."""

    amount: float
    date: Any = pd.NaT


class Prices:
    """Prices per billed second, by model and day.

    Args:
        given: a number for all models, a mapping of models to numbers, or a frame with `model`, `price` and
            perhaps `date`, the first day of a price; None if there are no prices.

    Raises:
        ConfigError: if it is none of these.

    >>> table = {"model": ["general"] * 2, "price": [1, 2], "date": ["2026-01-01", "2026-07-01"]}
    >>> Prices(pd.DataFrame(table)).find("general", pd.Timestamp("2026-06-30")).amount
    1.0
    """

    def __init__(self, given: Any = None) -> None:
        self._of_all: Price | None = None
        self._of_model: dict[str, list[Price]] = {}
        if isinstance(given, pd.Series):
            given = given.to_dict()
        if isinstance(given, pd.DataFrame):
            self._read_frame(given)
        elif isinstance(given, Mapping):
            for model, amount in given.items():
                self._add(model, amount)
        elif given is not None:
            self._of_all = Price(_check_amount("the price", given))
        if given is not None and self._of_all is None and not self._of_model:
            raise ConfigError(f"prices has no price; it is {PRICES}")

    @property
    def are_given(self) -> bool:
        """Whether there are any."""
        return self._of_all is not None or bool(self._of_model)

    def check(self, models: Iterable[str]) -> None:
        """
        Raises:
            ConfigError: if there are prices, but not of all these models.
        """
        lacking = sorted(set(models) - set(self._of_model)) if self._of_model else []
        if lacking:
            raise ConfigError(
                f"prices has no price of {join_names([*map(repr, lacking)])}; there are prices of "
                f"{', '.join(self._of_model)}: add what is missing, or give one number for all models"
            )

    def find(self, model: str, day: Any) -> Price:
        """The price of a model on a day; the first one for the days before it. NaN if there is none."""
        if self._of_all is not None:
            return self._of_all
        prices = self._of_model.get(model, [Price(math.nan)])
        return next((price for price in reversed(prices) if not price.date > day), prices[0])

    def _add(self, model: Any, amount: Any, date: Any = pd.NaT) -> None:
        if not isinstance(model, str) or not model:
            raise ConfigError(f"prices has {show_value(model)} in place of a model; it is {PRICES}")
        known = self._of_model.setdefault(model, [])
        if any(price.date is date or price.date == date for price in known):
            raise ConfigError(f"prices has two prices of {model!r} for the same time: keep one")
        known.append(Price(_check_amount(f"the price of {model!r}", amount), date))

    def _read_frame(self, frame: pd.DataFrame) -> None:
        missing = [name for name in ("model", "price") if name not in frame]
        if missing:
            there = ", ".join(map(str, frame))
            raise ConfigError(f"prices has no column {few(missing)}, only {there}; it is {PRICES}")
        days: list[Any] = [pd.NaT] * len(frame)
        if "date" in frame:
            # of 01.11.2026 nobody knows which number is the month, and numbers would be nanoseconds
            is_number = frame["date"].map(lambda date: isinstance(date, Real))
            given_dates = frame["date"].mask(is_number)
            dates = pd.to_datetime(given_dates, format="ISO8601", errors="coerce", utc=True)
            if dates.isna().any():
                wrong = frame["date"][dates.isna()].tolist()[0]
                raise ConfigError(f"prices has the date {show_value(wrong)}; write it as 2026-11-28")
            days = dates.dt.tz_localize(None).tolist()
        rows = zip(days, frame["model"], frame["price"], strict=True)
        for date, model, amount in sorted(rows, key=lambda row: row[0]):
            self._add(model, amount, date)


def _check_amount(what: str, amount: Any) -> float:
    is_number = isinstance(amount, (Real, Decimal)) and not isinstance(amount, bool)
    if not is_number or not 0 <= float(amount) < math.inf:
        raise ConfigError(f"prices: {what} is {show_value(amount)}, but it must be a number from 0 up")
    return float(amount)


def sum_costs(records: Sequence[JobRecord], given: Any = None) -> pd.DataFrame:
    """Totals of the billed jobs by day, folder and model; see `Client.costs`."""
    prices = Prices(given)
    billed = [(record, billed_seconds(replace(record, is_reused=False))) for record in records]
    totals: dict[Any, list[float | None]] = {}
    for record, seconds in billed:
        if seconds != 0:
            key = find_day(record.submitted_at or record.created_at), record.folder or "", name_model(record)
            totals.setdefault(key, []).append(seconds)
    prices.check(model for _, _, model in totals if model)  # a damaged row has none
    rows = []
    for (day, folder, model), parts in sorted(totals.items(), key=lambda total: tuple(map(str, total[0]))):
        known = [seconds for seconds in parts if seconds is not None]
        counts, total, price = (len(parts), len(parts) - len(known)), sum(known), prices.find(model, day)
        rows.append((day, folder, model, *counts, total, total / HOUR, *price, total * price.amount))
    return pd.DataFrame(rows, columns=list(COSTS)).astype(COSTS)


def find_day(at: float) -> Any:
    """The day in UTC, without a time zone, of a time in seconds since the epoch; NaT for NaN.

    >>> find_day(1764288001.0)
    Timestamp('2025-11-28 00:00:00')
    """
    return pd.Timestamp(at, unit="s").floor("D") if math.isfinite(at) else pd.NaT
