"""The units of intervals and tests: recordings, or what is named as groups.

Each has one or several stretches of speech between pauses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ConfigError, SchemaError, check_number, list_names
from ..evaluate import MOST_SECONDS, Evidence, compute_boundary_errors, count_errors, cut_segments
from .reference_columns import add_columns

STRETCH = "stretch"
Groups = str | Sequence[str] | Mapping[str, Any] | None


def add_stretches(alignment: pd.DataFrame, by: Sequence[str], pause: float | None) -> pd.DataFrame:
    """Add the column `stretch`: the number of earlier pauses of the reference in the same utterance.

    Args:
        by: utterance key columns.
        pause: shortest pause in seconds, from the end of a reference word to the start of the next; None:
            each utterance is one stretch.

    >>> from speechkit_nb.evaluate import align
    >>> spoken = pd.DataFrame({"word": ["one", "two"], "start": [0.0, 3.0], "end": [1.0, 4.0]})
    >>> add_stretches(align(spoken, {"a": "one two"}), [], 0.5)["stretch"].tolist()
    [0, 1]
    """
    if pause is not None and not check_number("pause", pause, 0, MOST_SECONDS) > 0:
        raise ConfigError(f"pause={pause} seconds, but it must be more than 0, or None")
    number: np.ndarray = np.zeros(len(alignment), np.int64)
    if pause is not None and len(alignment):
        number = _stretches(alignment, list(by), pause)
    return alignment.assign(**{STRETCH: number})


def _stretches(alignment: pd.DataFrame, by: list[str], pause: float) -> np.ndarray:
    """The stretch of each row. Reference words of all systems are used together: systems may be aligned with
    different reference alternatives, but must have the same stretches."""
    rows = alignment.reset_index(drop=True)
    words = rows[rows["ref_start"].notna()].sort_values("ref_start", kind="stable")
    unit = pd.Series(0, words.index)
    if by:
        unit = words.groupby(by, sort=False, observed=True, dropna=False).ngroup()
    latest = words["ref_end"].groupby(unit).cummax()
    before = latest.groupby(unit).ffill().groupby(unit).shift()
    cut = (words["ref_start"] - before).round(6) >= pause
    number = cut.groupby(unit).cumsum().reindex(rows.index)
    runs = [rows[key] for key in ("system", *by)]
    return number.groupby(runs, sort=False, observed=True, dropna=False).ffill().fillna(0).to_numpy(np.int64)


def add_groups(
    alignment: pd.DataFrame, groups: Groups, by: Sequence[str], reference: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Add the group columns; returns the alignment and the names of these columns.

    Args:
        groups: columns of `by` or of the reference, constant within an utterance; `"stretch"`; or a mapping
            of recordings to groups, which becomes the column `group`. None: `recording`, or all of `by` if
            it has no `recording`; no column if there are no utterance keys, so that all is one group.

    Raises:
        ConfigError: if a recording has no group.
        SchemaError: if a column does not exist, or changes within an utterance.
    """
    if groups is None:
        return alignment, ("recording",) if "recording" in by else tuple(by)
    if isinstance(groups, Mapping):
        return _map_groups(alignment, groups), ("group",)
    names = list_names("groups", groups)
    if STRETCH in names:  # they are numbered in each utterance anew
        return alignment, (*by, STRETCH)
    own = [name for name in names if name not in by]
    for name in own:
        if name not in reference:
            there = ", ".join(map(str, reference))
            raise SchemaError(
                f"groups: the reference has no column {name!r}; there are {there}, and {STRETCH!r}, a "
                "stretch of speech between pauses"
            )
    joined = add_columns(alignment, own, by, reference)
    joined.attrs = alignment.attrs
    return joined, names


def _map_groups(alignment: pd.DataFrame, groups: Mapping[str, Any]) -> pd.DataFrame:
    if "recording" not in alignment:
        raise ConfigError("groups= maps recordings to groups, but no recording is named")
    lacking = [name for name in alignment["recording"].unique() if name not in groups]
    if lacking:
        raise ConfigError(f"groups= has no group for {len(lacking)} recordings, such as {lacking[0]!r}")
    return alignment.assign(group=alignment["recording"].map(dict(groups)).astype("str"))


def word_evidence(
    alignment: pd.DataFrame, systems: Sequence[str], by: Sequence[str], groups: Sequence[str]
) -> Evidence:
    """Numbers of errors and words by group, for intervals and tests."""
    units = [*by, STRETCH]
    counts = _complete(count_errors(alignment, units), systems, units)
    counts, groups = _add_group_columns(counts, alignment, units, groups)
    return Evidence.from_counts(counts, cut_segments(alignment, units), groups)


def time_evidence(alignment: pd.DataFrame, by: Sequence[str], groups: Sequence[str]) -> Evidence | None:
    """Evidence of timing: microseconds of shift instead of errors; None if no word is correct in all systems.

    Only words that all systems have correct are used. The shift of a word is the mean of the absolute errors
    of its start and end, so the rate of a system is its accumulated average shift (AAS).
    """
    units = [*by, STRETCH]
    found = compute_boundary_errors(alignment, units=list(by))
    found = found.assign(**{STRETCH: alignment.loc[found.index, STRETCH]})
    found = found[found["common"]]
    if not len(found):
        return None
    shift = found[["start_error", "end_error"]].abs().sum(axis=1) / 2 * 1e6
    marked = found[[*units, "system"]].assign(errors=shift.round().astype("int64"), n_words=1)
    counts = marked.groupby([*units, "system"], sort=False, observed=True, dropna=False).sum().reset_index()
    counts = _in_order(counts, list(alignment["system"].unique()))
    counts, groups = _add_group_columns(counts, alignment, units, groups)
    return Evidence.from_counts(counts, None, groups)


def _complete(counts: pd.DataFrame, systems: Sequence[str], units: Sequence[str]) -> pd.DataFrame:
    """Add missing rows of stretches and systems: an alignment has no rows if neither side has words, or if
    the chosen alternative is empty. All systems have the same recordings already."""
    places = counts[[*units]].drop_duplicates() if len(counts) else pd.DataFrame(0, [0], [*units])
    names = pd.DataFrame({"system": pd.Series(list(systems), dtype="str")})
    every = names.merge(places, how="cross")
    full = every.merge(counts.astype(every.dtypes), on=[*units, "system"], how="left")
    return full.fillna({"errors": 0, "n_words": 0}).astype({"errors": "int64", "n_words": "int64"})


def _in_order(counts: pd.DataFrame, systems: list[str]) -> pd.DataFrame:
    """The rows sorted by system, in the given order of systems."""
    order = counts["system"].map({name: i for i, name in enumerate(systems)})
    return counts.iloc[np.argsort(order.to_numpy(), kind="stable")]


def _add_group_columns(
    counts: pd.DataFrame, alignment: pd.DataFrame, units: Sequence[str], groups: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Add the group columns that are not among the units; without groups, one that is the same everywhere."""
    if not groups:
        return counts.assign(recording=""), ["recording"]
    own = [name for name in groups if name not in units]
    if own:
        counts = counts.merge(alignment[[*units, *own]].drop_duplicates(), on=list(units), how="left")
    return counts, list(groups)
