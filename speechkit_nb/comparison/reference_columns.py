"""Adds columns of the reference, such as a noise level, to an alignment."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..errors import SchemaError


def add_columns(
    alignment: pd.DataFrame, names: Sequence[str], by: Sequence[str], reference: pd.DataFrame
) -> pd.DataFrame:
    """Add the columns `names` of the reference, unless the alignment already has them.

    Args:
        by: utterance key columns.

    Returns:
        A frame with the same rows; values are missing in utterances that only systems have.

    Raises:
        SchemaError: if neither frame has a column, or it changes within an utterance.

    >>> from speechkit_nb.evaluate import align
    >>> reference = pd.DataFrame({"recording": ["r", "s"], "text": ["a", "b"], "noise": ["low", "high"]})
    >>> heard = align(reference, {"one": reference.drop(columns="noise")})
    >>> add_columns(heard, ["noise"], ["recording"], reference)["noise"].tolist()
    ['low', 'high']
    """
    own = [name for name in dict.fromkeys(names) if name not in alignment]
    for name in own:
        if name not in reference:
            raise SchemaError(
                f"no column {name!r} to group by; the alignment has {', '.join(map(str, alignment))}, the "
                f"reference {', '.join(map(str, reference))}"
            )
    if not own:
        return alignment
    table = reference[[*by, *own]].drop_duplicates()
    _check_whole(table, own, by)
    if by:
        return alignment.merge(table, on=list(by), how="left")
    return alignment.assign(**{name: table[name].iloc[0] if len(table) else None for name in own})


def _check_whole(table: pd.DataFrame, own: Sequence[str], by: Sequence[str]) -> None:
    """Raise SchemaError if a column changes within an utterance: an inserted word has no reference word, so
    its value is that of its utterance."""
    doubled = table[table.duplicated(list(by))] if by else table.iloc[1:]
    if len(doubled):
        where = " ".join(f"{key} {doubled.iloc[0][key]!r}" for key in by) or "the only one"
        raise SchemaError(
            f"{', '.join(own)} changes within an utterance ({where}), and an inserted word has none: compare "
            "again with more utterance key columns in by=, which the reference and every system must have"
        )
