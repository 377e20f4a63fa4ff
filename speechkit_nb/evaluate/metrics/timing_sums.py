"""Timing errors as counts that can be added, and the figures that come from counts.

A row says how often a `value` was seen. `what` is one of

- `ref`, `hyp`, `right`: words of the reference, of the system, and those that count as right; `value` is 0;
- `start`, `end`: error of a compared word, `widest` the larger of the sizes of both; microseconds;
- `own`: as `widest`, for every timed word of the system, compared or not;
- `iou`: of a compared word, in millionths;
- `timed`: words of the system that have times, and `no_length`, `overlapping`, `outside` of these; `value`
  is 0;
- `utterance`: mean size of both errors of the compared words of an utterance, microseconds;
- `span`, `shared`: `n` is microseconds, from compared words to the next ones, and those of them that lie
  between the same words of the system; `value` is 0;
- `drift`: of a recording, in microseconds an hour; `n` is the number of its compared words.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from ..arrays import Floats, Ints
from .timing_checks import SANITY
from .timing_utterances import MILLION, tally_utterances

WITHIN_MS = (20, 50, 100, 200)
SHORTEST_SPAN = 300.0
"""Seconds from first to last word from which on a recording has a drift; below, jitter looks like it."""

MOST_POINTS = 1000
COUNTED = ("what", "value", "n")
_QUANTILES = {"p90": 0.9, "p95": 0.95, "p99": 0.99}


def count_times(
    alignment: pd.DataFrame,
    errors: pd.DataFrame,
    ops: Sequence[str],
    by: Sequence[str],
    places: Sequence[str],
    sane: pd.DataFrame,
) -> pd.DataFrame:
    """Counts of an alignment and of its boundary errors, of which those that are `common` are compared.

    Args:
        ops: operations whose words count as right.
        by: columns to split by.
        places: columns that tell recordings apart.
        sane: of `sanity_of`.
    """
    keys = ["system", *by]
    op, compared = alignment["op"], errors[errors["common"]]
    words = pd.DataFrame({"ref": op != "ins", "hyp": op != "del", "right": op.isin(ops)})
    words = words.join(sane.assign(timed=True)).fillna(value=False)
    parts = [_sums(alignment[keys], words)]
    widest = errors[["start_error", "end_error"]].abs().max(axis=1)
    parts.append(_histogram(errors, keys, "own", widest))
    values = {
        "start": compared["start_error"],
        "end": compared["end_error"],
        "widest": widest.loc[compared.index],
        "iou": compared["iou"],
    }
    parts += [_histogram(compared, keys, what, value) for what, value in values.items()]
    parts.append(tally_utterances(compared, keys, places))
    parts.append(_drifts(compared, keys, places))
    return _summed(pd.concat(parts, ignore_index=True))


def summarize_timing(tally: pd.DataFrame, *, collar: float = 0.05) -> pd.DataFrame:
    """What `timing.timing` returns, from one tally, or from several put together by `pd.concat`."""
    keys = [name for name in tally if name not in COUNTED]
    groups = _summed(tally).groupby(keys, sort=False, observed=True, dropna=False)
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

    def of(self, what: str) -> tuple[Ints, Ints]:
        """Values in rising order, and how often each was seen."""
        nothing = np.zeros(0, np.int64)
        return self._parts.get(what, (nothing, nothing))

    def total(self, what: str) -> int:
        return int(self.of(what)[1].sum())

    def within(self, what: str, seconds: float) -> int:
        values, n = self.of(what)
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
        values, n = counts.of(side)
        figures |= {f"{side}_{name}": figure for name, figure in _errors(values, n).items()}
        sizes.append(figures[f"{side}_mae"])
        jitters.append(mean(np.abs(values / MILLION - figures[f"{side}_bias"]), n))
    figures |= {"aas": sum(sizes) / 2, "corrected_aas": sum(jitters) / 2}
    shifts, n = counts.of("utterance")
    figures["wbe"] = mean(shifts / MILLION, n)
    for side, what in (("start", "start"), ("end", "end"), ("both", "widest")):
        for ms in WITHIN_MS:
            figures[f"{side}_within_{ms}_ms"] = _share(counts.within(what, ms / 1000), n_compared)
    iou, n = counts.of("iou")
    figures["iou"] = mean(iou / MILLION, n)
    figures["pcs"] = _share(counts.total("shared"), counts.total("span"))
    n_true = counts.within("own", collar)
    figures |= {"precision": _share(n_true, n_hyp), "recall": _share(n_true, n_ref)}
    figures["f1"] = _share(2 * n_true, n_hyp + n_ref)
    drift, n = counts.of("drift")
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
    """Of values that were seen so often; NaN of none."""
    return _share(float(values @ n), int(n.sum()))


def quantile(values: Floats, n: Ints, level: float) -> float:
    """As `numpy.quantile` of the values, each repeated as often as it was seen; NaN of none.

    Args:
        values: in rising order.

    >>> quantile(np.array([1.0, 5.0]), np.array([3, 2]), 0.75)
    5.0
    """
    if not n.sum():
        return float("nan")
    place = (int(n.sum()) - 1) * level
    low, high = values[np.searchsorted(np.cumsum(n), [np.floor(place), np.ceil(place)], side="right")]
    return float(low + (high - low) * (place % 1))


def theil_sen(time: Floats, error: Floats) -> float:
    """Median of the slopes of all pairs of points; NaN if all have the same time.

    Of more than 1000 points, stretches of points that follow one another are taken together first, each as
    the medians of its times and of its errors.

    >>> theil_sen(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.5, 1.0]))
    0.5
    """
    order = np.argsort(time, kind="stable")
    time, error = time[order], error[order]
    if len(time) > MOST_POINTS:
        edges = np.linspace(0, len(time), MOST_POINTS + 1).round().astype(int)
        blocks = [slice(*edge) for edge in pairwise(edges)]
        time, error = (np.array([np.median(side[block]) for block in blocks]) for side in (time, error))
    first, second = np.triu_indices(len(time), 1)
    apart = time[second] - time[first]
    rises = (error[second] - error[first])[apart > 0] / apart[apart > 0]
    return float(np.median(rises)) if len(rises) else float("nan")


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _sums(places: pd.DataFrame, words: pd.DataFrame) -> pd.DataFrame:
    """How many of the rows are each kind of `words`."""
    keys = list(places)
    rows = places.join(words.astype("int64"))
    sums = rows.groupby(keys, sort=False, observed=True, dropna=False).sum().reset_index()
    counts = sums.melt(keys, list(words), "what", "n")
    return counts[counts["n"] > 0].assign(value=0).astype({"what": "str", "value": "int64"})


def _histogram(rows: pd.DataFrame, keys: list[str], what: str, value: pd.Series) -> pd.DataFrame:
    """Counts of `value`, in millionths."""
    counted = rows[keys].assign(value=value)
    counted["value"] = (counted["value"] * MILLION).round().astype("int64")
    counts = counted.groupby([*keys, "value"], sort=False, observed=True, dropna=False).size()
    return counts.rename("n").reset_index().assign(what=what)


def _drifts(compared: pd.DataFrame, keys: list[str], places: Sequence[str]) -> pd.DataFrame:
    columns = list(dict.fromkeys([*keys, *places]))
    by_recording = compared.groupby(columns, sort=False, observed=True, dropna=False)["ref_start"]
    long = compared[by_recording.transform("max") - by_recording.transform("min") >= SHORTEST_SPAN]
    rows = []
    for key, recording in long.groupby(columns, sort=False, observed=True, dropna=False):
        slope = theil_sen(recording["ref_start"].to_numpy(), recording["start_error"].to_numpy())
        rows.append((*key[: len(keys)], "drift", round(slope * 3600 * MILLION), len(recording)))
    return pd.DataFrame(rows, columns=[*keys, *COUNTED])


def _summed(tally: pd.DataFrame) -> pd.DataFrame:
    keys = [name for name in tally if name != "n"]
    return tally.groupby(keys, sort=False, observed=True, dropna=False)["n"].sum().reset_index()
