"""Converts input to columns of words. Input is a text, a frame of words, or a frame of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ... import tables
from ...errors import EvaluationError, SchemaError
from ..arrays import Ints, make_offsets
from ..normalization.tokens import Tokens
from ..schema import number_groups

Words = str | pd.DataFrame | tables.HasWords | tables.WordFrame
"""Input of `align`. A `WordFrame` is not read again."""

Missing = Literal["raise", "empty"]


class Utterances(NamedTuple):
    """Words by utterance, and the utterance keys: one row per utterance; no column if there is only one."""

    keys: pd.DataFrame
    tokens: Tokens


def find_keys(given: Sequence[str | pd.DataFrame]) -> tuple[str, ...]:
    """The usual utterance key columns that all frames have; none if one of the inputs is a text."""
    frames = [words for words in given if isinstance(words, pd.DataFrame)]
    return tuple(
        key
        for key in tables.UTTERANCE_KEYS
        if len(frames) == len(given) and all(key in frame for frame in frames)
    )


def collect_utterances(given: str | pd.DataFrame, by: Sequence[str], name: str) -> Utterances:
    """Raw words, grouped by the columns `by` in the order of their first appearance.

    Args:
        given: one utterance as text; or a frame with `word`, one row per word, and optionally `start`
            and `end` in seconds; or a frame with `text`, one row per utterance.
        name: its name in error messages.

    Raises:
        SchemaError: if a column is missing, or has the wrong dtype or missing values; if there are
            several recordings or channels, and `by` does not contain their column.
    """
    if isinstance(given, str):
        given = tables.read_word_frame(pd.DataFrame({"text": [given]}, dtype="object"), name).frame
    column = "word" if "word" in given else "text"
    schema = {column: "str"} | {
        time: "float64" for time in ("start", "end") if column == "word" and time in given
    }
    tables.check(given, schema, name)
    _check_keys(given, by, column, name)
    return _collect_words(given, by) if column == "word" else _collect_texts(given, by)


def match_utterances(
    ref: Utterances, hyps: Mapping[str, Utterances], missing: Missing
) -> tuple[Utterances, dict[str, Utterances]]:
    """Both sides with the same utterances, in the order of the reference.

    Raises:
        EvaluationError: if an utterance is missing on one side, and `missing` is `"raise"`.
    """
    keys = ref.keys
    _check_single(keys, "the reference")
    for name, hyp in hyps.items():
        if not keys.equals(hyp.keys):
            _check_single(hyp.keys, f"system {name!r}")
            if missing == "raise":
                _check_same(keys, hyp.keys, name)
    if missing == "empty" and not keys.columns.empty:
        every = [keys, *(hyp.keys for hyp in hyps.values())]
        keys = pd.concat(every, ignore_index=True).drop_duplicates(ignore_index=True)
    return _reorder(ref, keys), {name: _reorder(hyp, keys) for name, hyp in hyps.items()}


def _check_single(keys: pd.DataFrame, name: str) -> None:
    by = list(keys.columns)
    twice = keys.duplicated() if by else keys.index > 0
    if twice.any():
        which = ", ".join(map(repr, keys[twice].iloc[0])) if by else "no key"
        raise SchemaError(
            f"{name} has several texts with {', '.join(by) or 'no key'}: {which}; join them, or name "
            "more utterance key columns in by="
        )


def _check_same(ref: pd.DataFrame, hyp: pd.DataFrame, name: str) -> None:
    ref_index, hyp_index = pd.MultiIndex.from_frame(ref), pd.MultiIndex.from_frame(hyp)
    for lacking, others, whose in (
        (ref_index.difference(hyp_index), len(ref), f"system {name!r} lacks"),
        (hyp_index.difference(ref_index), len(hyp), f"the reference lacks, for system {name!r},"),
    ):
        if len(lacking):
            few = ", ".join(map(str, lacking[:3].tolist())) + ", ..." * (len(lacking) > 3)
            keys = ", ".join(map(str, ref.columns))
            raise EvaluationError(
                f"{whose} {len(lacking)} of {others} utterances (by {keys}: {few}): leave them out on both "
                "sides, or take them as empty with missing='empty'"
            )


def _reorder(side: Utterances, keys: pd.DataFrame) -> Utterances:
    if keys.columns.empty or keys.equals(side.keys):
        return side
    index = pd.MultiIndex.from_frame(side.keys)
    order: Ints = index.get_indexer(pd.MultiIndex.from_frame(keys)).astype(np.int64)
    return Utterances(keys, side.tokens.take(order))


def _check_keys(frame: pd.DataFrame, by: Sequence[str], column: str, name: str) -> None:
    for key in by:
        if key not in frame:
            there = ", ".join(map(str, frame.columns))
            raise SchemaError(f"{name}: there is no utterance key column {key!r}; there are {there}")
    for needed in (column, *by):
        missing = int(frame[needed].isna().sum())
        if missing:
            raise SchemaError(f"{name}: {missing} of {len(frame)} rows have no {needed}")
    for key in tables.UTTERANCE_KEYS:
        if key in frame and key not in by and frame[key].nunique() > 1:
            few = ", ".join(map(repr, frame[key].unique()[:3].tolist()))
            raise SchemaError(
                f"{name} has several of {key!r} ({few}, ...), but not everything compared with it has this "
                f"column: add it there, or choose one"
            )


def _collect_words(frame: pd.DataFrame, by: Sequence[str]) -> Utterances:
    start, end = (frame[time].to_numpy() if time in frame else None for time in ("start", "end"))
    if start is None or end is None:
        start = end = None
    if not by:
        offsets = np.array([0, len(frame)])
        return Utterances(pd.DataFrame(index=[0]), Tokens.raw(_to_arrow(frame["word"]), offsets, start, end))
    number, keys = number_groups(frame, by)
    tokens = Tokens.raw(_to_arrow(frame["word"]), np.array([0, len(frame)]), start, end)
    return Utterances(keys, _group_tokens(tokens, number, len(keys)))


def _group_tokens(tokens: Tokens, number: Ints, n_groups: int) -> Tokens:
    order = np.argsort(number, kind="stable")
    start, end = (None if time is None else time[order] for time in (tokens.start, tokens.end))
    offsets = make_offsets(np.bincount(number, minlength=n_groups))
    return Tokens(tokens.word.take(pa.array(order)), offsets, order, order, start, end)


def _collect_texts(frame: pd.DataFrame, by: Sequence[str]) -> Utterances:
    keys = pd.DataFrame({key: frame[key].array for key in by}, index=pd.RangeIndex(len(frame)), copy=False)
    texts = pc.ascii_trim_whitespace(_to_arrow(frame["text"]))
    lists = pc.ascii_split_whitespace(texts)
    counts = np.where(pc.equal(texts, ""), 0, pc.list_value_length(lists))
    words = pc.list_flatten(lists)
    if (counts == 0).any():
        words = words.filter(pc.not_equal(words, ""))
    return Utterances(keys, Tokens.raw(words, make_offsets(counts)))


def _to_arrow(column: pd.Series[str]) -> Any:
    found = pa.array(column, pa.large_string())
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
