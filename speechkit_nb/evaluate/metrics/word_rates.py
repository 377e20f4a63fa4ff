"""Error rates of words, characters and utterances, grouped by any columns of an alignment.

Each function takes an `alignment` frame and returns a frame with one row per group. To group by other
columns, such as a speaker or a noise level, merge them into the alignment first, and name them in `by`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rapidfuzz.distance import Levenshtein

from ... import tables
from ...errors import ConfigError, SchemaError
from ..alignment.pairs import OPS
from ..schema import ALIGNMENT
from .error_rate import ErrorRate

COUNTS = ("hits", "substitutions", "insertions", "deletions")
_COUNT_OF = dict(zip(OPS, COUNTS, strict=True))


def count_total(alignment: pd.DataFrame) -> ErrorRate:
    """Counts the words of all rows together.

    >>> from speechkit_nb.evaluate import align
    >>> count_total(align("a b c", {"one": "a x"})).wer
    0.6666666666666666
    """
    _check(alignment, ["system"])
    counts = alignment["op"].value_counts()
    return ErrorRate(**{_COUNT_OF[op]: int(counts.get(op, 0)) for op in OPS})


def compute_word_rates(alignment: pd.DataFrame, by: Sequence[str] = ("system",)) -> pd.DataFrame:
    """Counts and rates of words.

    Args:
        alignment: frame of schema `ALIGNMENT`; it may have other columns.
        by: columns to group by.

    Returns:
        Frame with the columns `by`, `hits`, `substitutions`, `insertions`, `deletions`, `n_words` (of the
        reference), `errors`, `wer`, `mer`, `wil`. The rates are NaN if the reference is empty.

    Raises:
        SchemaError: if a column is missing.
        ConfigError: if `by` is empty.
    """
    return add_rates(count_words(alignment, by))


def count_words(alignment: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Frame of `by` and the four counts. Counts of parts of an alignment can be added."""
    by = list(by)
    _check(alignment, by)
    sizes = alignment.groupby([*by, "op"], sort=False, observed=True, dropna=False).size()
    counts = sizes.unstack("op", fill_value=0).reindex(columns=list(OPS), fill_value=0)
    counts.columns = pd.Index(COUNTS)
    return counts.astype("int64").reset_index()


def compute_character_rates(
    alignment: pd.DataFrame,
    by: Sequence[str] = ("system",),
    *,
    utterance: Sequence[str] | None = None,
    spaces: bool = True,
) -> pd.DataFrame:
    """Counts and rates of characters in the normalized words; the rate is called `cer`.

    Args:
        alignment: as in `compute_word_rates`.
        by: columns to group by.
        utterance: utterance key columns, as given to `align`; default: the columns before `system`.
        spaces: whether a space between words counts as a character.

    Returns:
        Frame with the columns `by`, the four counts, `n_characters`, `errors`, `cer`.
    """
    units = _units(alignment, utterance, by)
    rows = [alignment[key] for key in units]
    joined = {
        side: alignment[f"{side}_word"].dropna().groupby(rows, sort=False, observed=True, dropna=False)
        for side in ("ref", "hyp")
    }
    glue = " " if spaces else ""
    texts = pd.DataFrame({side: words.agg(glue.join) for side, words in joined.items()}).fillna("")
    counts = [_characters(*pair) for pair in texts.itertuples(index=False)]
    frame = pd.DataFrame(counts, columns=list(COUNTS), index=texts.index).reset_index()
    rates = add_rates(
        frame.groupby(list(by), sort=False, observed=True, dropna=False)[list(COUNTS)].sum().reset_index()
    )
    return rates.rename(columns={"n_words": "n_characters", "wer": "cer"}).drop(columns=["mer", "wil"])


def _characters(ref: str, hyp: str) -> tuple[int, int, int, int]:
    tags = [tag for tag, _, _ in Levenshtein.editops(ref, hyp).as_list()]
    substitutions, deletions = tags.count("replace"), tags.count("delete")
    return len(ref) - substitutions - deletions, substitutions, tags.count("insert"), deletions


def compute_utterance_rates(
    alignment: pd.DataFrame, by: Sequence[str] = ("system",), *, utterance: Sequence[str] | None = None
) -> pd.DataFrame:
    """Number of utterances with an error, and their share (sentence error rate).

    Args:
        alignment, by, utterance: as in `compute_character_rates`.

    Returns:
        Frame with the columns `by`, `n_utterances`, `n_wrong`, `ser`. Utterances in which neither side has
        words have no rows in an alignment, and are not counted.
    """
    units = _units(alignment, utterance, by)
    counts = count_words(alignment, units)
    wrong = counts[list(COUNTS[1:])].sum(axis=1) > 0
    groups = counts.assign(wrong=wrong).groupby(list(by), sort=False, observed=True, dropna=False)["wrong"]
    rates = groups.agg(n_utterances="size", n_wrong="sum").reset_index()
    return rates.assign(ser=rates["n_wrong"] / rates["n_utterances"])


def count_confusions(alignment: pd.DataFrame, by: Sequence[str] = ("system",)) -> pd.DataFrame:
    """Counts of each substitution, insertion and deletion, the most frequent first.

    Returns:
        Frame with the columns `by`, `op` (sub, ins, del), `ref_word` and `hyp_word` (missing if a side has no
        word), `count`.
    """
    by = list(by)
    _check(alignment, by)
    wrong = alignment[alignment["op"] != "ok"]
    columns = [*by, "op", "ref_word", "hyp_word"]
    counts = wrong.groupby(columns, sort=False, observed=True, dropna=False).size()
    return (
        counts.rename("count")
        .reset_index()
        .sort_values("count", ascending=False, kind="stable", ignore_index=True)
    )


def add_rates(counts: pd.DataFrame) -> pd.DataFrame:
    """Adds the columns `n_words`, `errors`, `wer`, `mer` and `wil` to counts."""
    hits, substitutions, insertions, deletions = (counts[name] for name in COUNTS)
    n_ref, n_hyp = hits + substitutions + deletions, hits + substitutions + insertions
    errors, some = substitutions + insertions + deletions, n_ref > 0
    lost = 1 - hits**2 / (n_ref * n_hyp).where(n_hyp > 0)
    return counts.assign(
        n_words=n_ref,
        errors=errors,
        wer=(errors / n_ref).where(some),
        mer=(errors / (errors + hits)).where(some),
        wil=lost.fillna(1.0).where(some),
    )


def _units(alignment: pd.DataFrame, utterance: Sequence[str] | None, by: Sequence[str]) -> list[str]:
    columns = list(alignment.columns)
    if utterance is None:
        utterance = columns[: columns.index("system")] if "system" in columns else []
    units = list(dict.fromkeys([*utterance, *by, "system"]))
    _check(alignment, units)
    return units


def _check(alignment: pd.DataFrame, by: Sequence[str]) -> None:
    texts = ("system", "ref_word", "hyp_word")
    tables.check(alignment, {name: ALIGNMENT[name] for name in texts}, "alignment")
    if not by:
        raise ConfigError("by is empty; name the columns to group by, or take count_total() for all rows")
    for name in ("op", *by):
        if name not in alignment:
            there = ", ".join(map(str, alignment.columns))
            raise SchemaError(f"alignment: no column {name!r} to group by; there are {there}")
