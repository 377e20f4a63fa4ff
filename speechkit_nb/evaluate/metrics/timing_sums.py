"""Timing errors as counts that can be added.

A row holds the number of times `n` that a `value` occurs. `what` is one of

- `ref`, `hyp`, `right`: words of the reference, of the system, and those that count as right; `value` is 0;
- `start`, `end`: error of a compared word in microseconds; `widest`: the larger of their absolute values;
- `own`: as `widest`, for every right word with times on both sides, compared or not;
- `iou`: intersection over union of a compared word, in millionths;
- `timed`: words of the system that have times, and those of them that are `no_length`, `overlapping` or
  `outside`; `value` is 0;
- `utterance`: mean absolute error of the compared words of an utterance, over both sides, in microseconds;
- `span`, `shared`: `n` is the time from compared words to the next ones in microseconds, and the part of it
  between the same words of the system; `value` is 0;
- `drift`: drift of a recording in microseconds per hour; `n` is the number of its compared words.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from ..arrays import Floats

MILLION = 1_000_000
"""Times are whole microseconds and shares whole millionths, so that sums over parts of a corpus are exact."""

SHORTEST_SPAN = 300.0
"""Shortest time from first to last word, in seconds, for a drift; below, jitter looks like drift."""

MOST_POINTS = 1000
TALLY_COLUMNS = ("what", "value", "n")


def count_times(
    alignment: pd.DataFrame,
    errors: pd.DataFrame,
    ops: Sequence[str],
    by: Sequence[str],
    places: Sequence[str],
    sane: pd.DataFrame,
) -> pd.DataFrame:
    """Counts of an alignment and of its boundary errors. Words with `common` are compared.

    Args:
        ops: operations whose words count as right.
        by: columns to split by.
        places: columns that identify recordings.
        sane: result of `check_times`.
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
    parts.append(_count_utterances(compared, keys, places))
    parts.append(_drifts(compared, keys, places))
    return sum_counts(pd.concat(parts, ignore_index=True))


def theil_sen(time: Floats, error: Floats) -> float:
    """Median of the slopes of all pairs of points; NaN if all have the same time.

    More than 1000 points are first reduced to 1000 blocks of consecutive points, each represented by the
    medians of its times and errors.

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


def _sums(places: pd.DataFrame, words: pd.DataFrame) -> pd.DataFrame:
    """Number of rows with each of the flags `words`."""
    keys = list(places)
    rows = places.join(words.astype("int64"))
    sums = rows.groupby(keys, sort=False, observed=True, dropna=False).sum().reset_index()
    counts = sums.melt(keys, list(words), "what", "n")
    return counts[counts["n"] > 0].assign(value=0).astype({"what": "str", "value": "int64"})


def _histogram(rows: pd.DataFrame, keys: list[str], what: str, value: pd.Series) -> pd.DataFrame:
    """Counts of `value`, converted to integers in millionths."""
    counted = rows[keys].assign(value=value)
    counted["value"] = round_to_micro(counted["value"])
    counts = counted.groupby([*keys, "value"], sort=False, observed=True, dropna=False).size()
    return counts.rename("n").reset_index().assign(what=what)


def _count_utterances(compared: pd.DataFrame, keys: Sequence[str], places: Sequence[str]) -> pd.DataFrame:
    """Rows `utterance`, `shared` and `span` of the counts.

    Args:
        compared: rows of `compute_boundary_errors`, with the columns `keys`.
        keys: columns that the counts are split by.
        places: utterance key columns.
    """
    columns = list(dict.fromkeys([*keys, *places]))
    return pd.concat(
        [_shifts(compared, keys, columns), _segments(compared, keys, columns)], ignore_index=True
    )


def _shifts(compared: pd.DataFrame, keys: Sequence[str], columns: list[str]) -> pd.DataFrame:
    """One row per utterance: the mean absolute error over both sides."""
    sizes = compared[["start_error", "end_error"]].abs().mean(axis=1)
    groups = compared[columns].assign(size=sizes).groupby(columns, sort=False, observed=True, dropna=False)
    means = groups["size"].mean().reset_index()
    value = round_to_micro(means["size"])
    return means[[*keys]].assign(what="utterance", value=value, n=np.ones(len(means), np.int64))


def _segments(compared: pd.DataFrame, keys: Sequence[str], columns: list[str]) -> pd.DataFrame:
    """Microseconds from each compared word to the next one, and the part of them that is between the same
    two words of the system."""
    words = compared[columns].assign(
        ref=round_to_micro(compared["ref_start"]), off=round_to_micro(compared["start_error"])
    )
    words = words.sort_values("ref", kind="stable")
    words["hyp"] = words["ref"] + words["off"]
    after = words.groupby(columns, sort=False, observed=True, dropna=False)[["ref", "hyp"]].shift(-1)
    pairs, after = words[after["ref"].notna()], after.dropna().astype("int64")
    spans = pairs[[*keys]].assign(span=after["ref"] - pairs["ref"])
    shared = after.min(axis=1) - pairs[["ref", "hyp"]].max(axis=1)
    spans["shared"] = shared.clip(lower=0)
    counts = spans.melt([*keys], ["shared", "span"], "what", "n")
    return counts.assign(value=np.zeros(len(counts), np.int64)).astype({"what": "str", "n": "int64"})


def round_to_micro(seconds: pd.Series) -> pd.Series:
    """Seconds as whole microseconds, or shares as whole millionths."""
    return (seconds * MILLION).round().astype("int64")


def _drifts(compared: pd.DataFrame, keys: list[str], places: Sequence[str]) -> pd.DataFrame:
    columns = list(dict.fromkeys([*keys, *places]))
    by_recording = compared.groupby(columns, sort=False, observed=True, dropna=False)["ref_start"]
    long = compared[by_recording.transform("max") - by_recording.transform("min") >= SHORTEST_SPAN]
    rows = []
    for key, recording in long.groupby(columns, sort=False, observed=True, dropna=False):
        slope = theil_sen(recording["ref_start"].to_numpy(), recording["start_error"].to_numpy())
        rows.append((*key[: len(keys)], "drift", round(slope * 3600 * MILLION), len(recording)))
    return pd.DataFrame(rows, columns=[*keys, *TALLY_COLUMNS])


def sum_counts(tally: pd.DataFrame) -> pd.DataFrame:
    keys = [name for name in tally if name != "n"]
    return tally.groupby(keys, sort=False, observed=True, dropna=False)["n"].sum().reset_index()
