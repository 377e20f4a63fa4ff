"""Counts by utterance and system as arrays, from which the rates of a summary are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

from ..alignment.pairs import DEL, INS, OPS
from ..arrays import Bools, Ints
from ..schema import number_groups
from .word_rates import COUNTS

COUNTED = (*COUNTS, "character_errors", "n_characters", "n_utterances", "n_wrong")
"""Names of the counts: integers that can be added over utterances and over parts of a corpus."""


@dataclass(frozen=True)
class UtteranceCounts:
    """Counts of the utterances in which the reference or a system has words.

    Attributes:
        systems: names.
        keys: one row per utterance: the columns that identify it, and further columns about it.
        counts: shape (n_utterances, n_systems, n_counts), in the order of `COUNTED`. `n_characters`
            counts the reference, with one space between words. `n_utterances` is 1 if either side has words.
        row_unit: number of the utterance of each row of the alignment.
    """

    systems: tuple[str, ...]
    keys: pd.DataFrame
    counts: Ints
    row_unit: Ints

    @staticmethod
    def from_alignment(
        alignment: pd.DataFrame,
        keys: Sequence[str],
        systems: Sequence[str],
        facts: pd.DataFrame | None = None,
    ) -> UtteranceCounts:
        """Counts the rows of an alignment.

        Args:
            alignment: a frame of `align`.
            keys: utterance key columns; if there are none, all rows are one utterance.
            systems: names of all systems, also of those without a row.
            facts: one row per utterance: the columns `keys`, and further columns to add.

        >>> from speechkit_nb.evaluate import align
        >>> counts = UtteranceCounts.from_alignment(align("a b c", {"one": "a x"}), [], ["one"])
        >>> counts.total().loc["one", ["hits", "substitutions", "deletions", "character_errors"]].tolist()
        [1, 1, 1, 3]
        """
        begins = _find_runs(alignment, keys)
        lengths = np.diff(np.r_[begins, len(alignment)])
        runs = alignment[[*keys, "system"]].iloc[begins].reset_index(drop=True)
        unit, table = number_groups(runs, keys)
        table = table.iloc[: len(runs)]  # an alignment without rows has no utterance
        if facts is not None:
            table = table.merge(facts, on=list(keys), how="left")
        op = np.asarray(alignment["op"].cat.codes, np.int8)
        counts = np.zeros((len(table), len(systems), len(COUNTED)), np.int64)
        system = pd.Index(systems).get_indexer(pd.Index(runs["system"]))
        counts[unit, system] = _count_runs(alignment, op, begins)
        return UtteranceCounts(tuple(systems), table, counts, np.repeat(unit, lengths))

    def total(self) -> pd.DataFrame:
        """One row per system, index `system`: the sums, columns `COUNTED`."""
        index = pd.Index(self.systems, name="system", dtype="str")
        return pd.DataFrame(self.counts.sum(axis=0), index=index, columns=list(COUNTED))

    @property
    def errors(self) -> Ints:
        """Errors in words, shape (n_utterances, n_systems)."""
        return np.asarray(self.counts[..., 1 : len(COUNTS)].sum(axis=-1))

    @property
    def n_words(self) -> Ints:
        """Words of the reference, shape (n_utterances, n_systems). They differ if alternatives are chosen."""
        hits, substitutions, _, deletions = np.moveaxis(self.counts[..., : len(COUNTS)], -1, 0)
        return np.asarray(hits + substitutions + deletions)


def _find_runs(alignment: pd.DataFrame, keys: Sequence[str]) -> Ints:
    """First row of each utterance of each system. The rows of an utterance are consecutive."""
    if alignment.empty:
        return np.zeros(0, np.int64)
    new = alignment["position"].to_numpy()[1:] == 0
    for key in keys:
        column = alignment[key].array
        new |= np.asarray(column[1:] != column[:-1], dtype=bool)
    return np.flatnonzero(np.r_[True, new])


def _count_runs(alignment: pd.DataFrame, op: NDArray[np.int8], begins: Ints) -> Ints:
    """Counts of each run, shape (n_runs, n_counts). `op` holds indices into `OPS`, ordered as `COUNTS`."""
    words = [_sum_runs(op == code, begins) for code in range(len(OPS))]
    errors, characters = _count_characters(alignment, op, begins)
    wrong = sum(words[1:], np.zeros_like(begins)) > 0
    return np.stack([*words, errors, characters, np.ones_like(begins), wrong.astype(np.int64)], axis=-1)


def _sum_runs(flags: Bools, begins: Ints) -> Ints:
    return np.add.reduceat(flags.astype(np.int64), begins) if len(begins) else begins


def _count_characters(alignment: pd.DataFrame, op: NDArray[np.int8], begins: Ints) -> tuple[Ints, Ints]:
    """Character errors and reference characters in each run, with one space between words."""
    texts = {
        side: _join_words(alignment[f"{side}_word"], _sum_runs(op != absent, begins))
        for side, absent in (("ref", INS), ("hyp", DEL))
    }
    pairs = texts["ref"].to_pylist(), texts["hyp"].to_pylist()
    errors = cpdist(*pairs, scorer=Levenshtein.distance, dtype=np.int64)
    return errors, pc.utf8_length(texts["ref"]).to_numpy().astype(np.int64)


def _join_words(words: pd.Series, counts: Ints) -> pa.Array:
    """Joins the words that are not missing to texts of `counts` words each."""
    there = pa.array(words, pa.large_string()).drop_null()
    if isinstance(there, pa.ChunkedArray):
        there = there.combine_chunks()
    # Arrow joins each list of a list array; the lists are made from offsets, without copying the words.
    offsets = np.r_[0, np.cumsum(counts)].astype(np.int64)
    return pc.binary_join(pa.LargeListArray.from_arrays(offsets, there), pa.scalar(" ", there.type))
