"""Counts of each utterance and system, as arrays."""

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

from ..evaluate import DEL, INS, OPS

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Utterances:
    """Utterances in which the reference or a system has words.

    Attributes:
        systems: names.
        facts: a row an utterance: what tells it apart, and what else is known of it.
        counts: shape (n_utterances, n_systems, 4), in the order of `metrics.COUNTS`.
        characters: shape (n_utterances, n_systems, 2): errors, and characters of the reference.
        row_unit: the utterance of each row of the alignment.
    """

    systems: tuple[str, ...]
    facts: pd.DataFrame
    counts: Ints
    characters: Ints
    row_unit: Ints

    @staticmethod
    def of(
        alignment: pd.DataFrame, keys: Sequence[str], systems: Sequence[str], facts: pd.DataFrame
    ) -> Utterances:
        """From what `align` returned.

        Args:
            keys: columns that tell utterances apart.
            systems: all names, also of systems without any row.
            facts: a row an utterance: `keys`, and further columns.
        """
        begins = _begins(alignment, keys)
        lengths = np.diff(np.r_[begins, len(alignment)])
        rows = alignment[[*keys, "system"]].iloc[begins].reset_index(drop=True)
        unit = rows.groupby(list(keys), sort=False).ngroup().to_numpy().astype(np.int64)
        system = pd.Index(systems).get_indexer(pd.Index(rows["system"]))
        op = np.asarray(alignment["op"].cat.codes, np.int8)
        table = rows.loc[~rows.duplicated(list(keys)), list(keys)].merge(facts, on=list(keys), how="left")
        shape = len(table), len(systems)
        counts, characters = np.zeros((*shape, len(OPS)), np.int64), np.zeros((*shape, 2), np.int64)
        for place in range(len(OPS)):
            counts[unit, system, place] = _summed(op == place, begins)
        characters[unit, system] = _characters(alignment, op, begins)
        return Utterances(tuple(systems), table, counts, characters, np.repeat(unit, lengths))

    @property
    def errors(self) -> Ints:
        """Shape (n_utterances, n_systems)."""
        return np.asarray(self.counts[..., 1:].sum(axis=-1))

    @property
    def n_words(self) -> Ints:
        """Of the reference, shape (n_utterances, n_systems): alternatives may be chosen differently."""
        hits, substitutions, _, deletions = np.moveaxis(self.counts, -1, 0)
        return np.asarray(hits + substitutions + deletions)


def _begins(alignment: pd.DataFrame, keys: Sequence[str]) -> Ints:
    """Rows at which an utterance of a system begins; its rows stand together."""
    if alignment.empty:
        return np.zeros(0, np.int64)
    new = alignment["position"].to_numpy()[1:] == 0
    for key in keys:
        column = alignment[key].array
        new |= np.asarray(column[1:] != column[:-1], dtype=bool)
    return np.flatnonzero(np.r_[True, new])


def _summed(flags: NDArray[np.bool_], begins: Ints) -> Ints:
    return np.add.reduceat(flags.astype(np.int64), begins) if len(begins) else begins


def _characters(alignment: pd.DataFrame, op: NDArray[np.int8], begins: Ints) -> Ints:
    """Errors, and characters of the reference, in each run; a space stands between words."""
    texts = {
        side: _joined(alignment[f"{side}_word"], _summed(op != absent, begins))
        for side, absent in (("ref", INS), ("hyp", DEL))
    }
    errors = cpdist(
        texts["ref"].to_pylist(), texts["hyp"].to_pylist(), scorer=Levenshtein.distance, dtype=np.int64
    )
    return np.stack([errors, pc.utf8_length(texts["ref"]).to_numpy()], axis=-1).astype(np.int64)


def _joined(words: pd.Series, counts: Ints) -> pa.Array:
    """Words that are there, as many to a text as `counts` says."""
    there = pa.array(words, pa.large_string()).drop_null()
    if isinstance(there, pa.ChunkedArray):
        there = there.combine_chunks()
    offsets = np.r_[0, np.cumsum(counts)].astype(np.int64)
    return pc.binary_join(pa.LargeListArray.from_arrays(offsets, there), pa.scalar(" ", there.type))
