"""The figures of `compute_timing`, from the counts of `timing_sums`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...errors import check_number
from ..arrays import MOST_SECONDS, Floats, Ints
from .timing_checks import SANITY
from .timing_sums import MILLION, TALLY_COLUMNS, sum_counts

WITHIN_MS = (20, 50, 100, 200)
_QUANTILES = {"p90": 0.9, "p95": 0.95, "p99": 0.99}


def summarize_timing(tally: pd.DataFrame, *, collar: float = 0.05) -> pd.DataFrame:
    """The result of `compute_timing`, from one or several results of `count_timing` joined by `pd.concat`."""
    check_number("collar", collar, 0, MOST_SECONDS)
    keys = [name for name in tally if name not in TALLY_COLUMNS]
    groups = sum_counts(tally).groupby(keys, sort=False, observed=True, dropna=False)
    rows = [{**dict(zip(keys, key, strict=True)), **_figures(_Counts(part), collar)} for key, part in groups]
    columns = [*keys, *_figures(_Counts(tally.iloc[:0]), collar)]
    return pd.DataFrame(rows, columns=columns).set_index(keys if len(keys) > 1 else keys[0])


class _Counts:
    """The counts of one system."""

    def __init__(self, group: pd.DataFrame) -> None:
        self._parts = {
            str(what): (part["value"].to_numpy(), part["n"].to_numpy())
            for what, part in group.sort_values("value").groupby("what")
        }

    def histogram(self, what: str) -> tuple[Ints, Ints]:
        """Values in ascending order, and the number of times each occurs."""
        nothing = np.zeros(0, np.int64)
        return self._parts.get(what, (nothing, nothing))

    def total(self, what: str) -> int:
        return int(self.histogram(what)[1].sum())

    def within(self, what: str, seconds: float) -> int:
        values, n = self.histogram(what)
        return int(n[np.abs(values) <= round(seconds * MILLION)].sum())


def _figures(counts: _Counts, collar: float) -> dict[str, float]:
    n_ref, n_hyp, n_compared = (counts.total(what) for what in ("ref", "hyp", "start"))
    figures: dict[str, float] = {
        "n_ref": n_ref,
        "n_right": counts.total("right"),
        "n_untimed": counts.total("right") - counts.total("own"),
        "n_compared": n_compared,
        "coverage": _share(n_compared, n_ref),
    }
    sizes, jitters = [], []
    for side in ("start", "end"):
        values, n = counts.histogram(side)
        figures |= {f"{side}_{name}": figure for name, figure in _errors(values, n).items()}
        sizes.append(figures[f"{side}_mae"])
        jitters.append(mean(np.abs(values / MILLION - figures[f"{side}_bias"]), n))
    figures |= {"aas": sum(sizes) / 2, "corrected_aas": sum(jitters) / 2}
    shifts, n = counts.histogram("utterance")
    figures["wbe"] = mean(shifts / MILLION, n)
    for side, what in (("start", "start"), ("end", "end"), ("both", "widest")):
        for ms in WITHIN_MS:
            figures[f"{side}_within_{ms}_ms"] = _share(counts.within(what, ms / 1000), n_compared)
    iou, n = counts.histogram("iou")
    figures["iou"] = mean(iou / MILLION, n)
    figures["pcs"] = _share(counts.total("shared"), counts.total("span"))
    n_true = counts.within("own", collar)
    figures |= {"precision": _share(n_true, n_hyp), "recall": _share(n_true, n_ref)}
    figures["f1"] = _share(2 * n_true, n_hyp + n_ref)
    drift, n = counts.histogram("drift")
    figures["drift_ms_per_hour"] = quantile(drift / 1000, n, 0.5)
    figures["n_timed"] = counts.total("timed")
    return figures | {what: _share(counts.total(what), figures["n_timed"]) for what in SANITY}


def _errors(values: Ints, n: Ints) -> dict[str, float]:
    error = values / MILLION
    order = np.argsort(np.abs(error), kind="stable")
    size, n_size = np.abs(error)[order], n[order]
    return {
        "bias": quantile(error, n, 0.5),
        "mae": mean(size, n_size),
        "median": quantile(size, n_size, 0.5),
        "rmse": float(np.sqrt(mean(size**2, n_size))),
        **{name: quantile(size, n_size, level) for name, level in _QUANTILES.items()},
    }


def mean(values: Floats, n: Ints) -> float:
    """Mean of `values` that occur `n` times each; NaN if there are none."""
    return _share(float(values @ n), int(n.sum()))


def quantile(values: Floats, n: Ints, level: float) -> float:
    """`numpy.quantile` of `values` that occur `n` times each, without repeating them; NaN if there are none.

    Args:
        values: in ascending order.

    >>> quantile(np.array([1.0, 5.0]), np.array([3, 2]), 0.75)
    5.0
    """
    if not n.sum():
        return float("nan")
    place = (int(n.sum()) - 1) * level
    # The element at index k of the repeated values is the first whose cumulative count is above k.
    low, high = values[np.searchsorted(np.cumsum(n), [np.floor(place), np.ceil(place)], side="right")]
    return float(low + (high - low) * (place % 1))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
