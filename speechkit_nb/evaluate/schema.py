"""The columns of an alignment, and its utterances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .. import tables
from ..errors import SchemaError
from ..tables import Schema
from .arrays import Ints

ALIGNMENT: Schema = {
    "system": "str",
    "position": "int64",
    "op": "category",
    "ref_word": "str",
    "hyp_word": "str",
    "ref_start": "float64",
    "ref_end": "float64",
    "hyp_start": "float64",
    "hyp_end": "float64",
}
_NO_KEYS = {*ALIGNMENT, "ref_index", "hyp_index"}


def find_utterance_keys(
    alignment: pd.DataFrame, units: Sequence[str] | None, needed: Sequence[str] = ("system", "position")
) -> list[str]:
    """Checks an alignment, and returns its utterance key columns.

    Args:
        units: these columns; default: all that are not in schema `ALIGNMENT` and are not floats.
        needed: columns of the schema whose dtypes are checked.

    Raises:
        SchemaError: if the frame lacks a column or has another dtype.
    """
    require_columns(alignment, ["op", *(units or ())])
    tables.check(alignment, {name: ALIGNMENT[name] for name in needed}, "alignment")
    if units is not None:
        return list(units)
    return [str(name) for name in alignment if name not in _NO_KEYS and alignment[name].dtype.kind != "f"]


def require_columns(alignment: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raises SchemaError if the alignment lacks a column."""
    for column in columns:
        if column not in alignment:
            there = ", ".join(map(str, alignment))
            raise SchemaError(f"alignment: column {column!r} is missing; there are {there}")


def number_groups(frame: pd.DataFrame, keys: Sequence[str]) -> tuple[Ints, pd.DataFrame]:
    """The number of each row's group, and the keys of the groups, in the order of their first rows.

    A missing value is a value, too. Without keys there is one group.

    >>> numbers, groups = number_groups(pd.DataFrame({"recording": ["b", "a", "b"]}), ["recording"])
    >>> numbers.tolist(), groups["recording"].tolist()
    ([0, 1, 0], ['b', 'a'])
    """
    if not keys:
        return np.zeros(len(frame), np.int64), pd.DataFrame(index=pd.RangeIndex(1))
    keys = list(keys)
    numbers = frame.groupby(keys, sort=False, observed=True, dropna=False).ngroup()
    groups = frame.loc[~frame.duplicated(keys).to_numpy(), keys].reset_index(drop=True)
    return numbers.to_numpy().astype(np.int64), groups
