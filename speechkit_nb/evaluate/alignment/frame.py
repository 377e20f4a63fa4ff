"""The `alignment` frame: one row per edit operation."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ..arrays import Floats
from ..normalization.tokens import Tokens
from .pairs import DEL, INS, OPS, Edits

_OP = pd.CategoricalDtype(list(OPS))


def build_alignment(keys: pd.DataFrame, system: str, ref: Tokens, hyp: Tokens, edits: Edits) -> pd.DataFrame:
    """Edit operations as a frame: the columns of `keys`, then those of schema `ALIGNMENT`.

    Args:
        keys: one row per utterance.
        ref, hyp: the words of the same utterances.
    """
    pair = np.repeat(np.arange(len(keys), dtype=np.int32), edits.counts)
    sides = {"ref": _Rows(ref, edits.ops != INS), "hyp": _Rows(hyp, edits.ops != DEL)}
    columns: dict[Any, Any] = {key: column.array.take(pair) for key, column in keys.items()}
    columns |= {
        "system": _strings(pa.repeat(pa.scalar(system, pa.large_string()), len(pair))),
        "position": np.arange(len(pair)),
        "op": pd.Categorical.from_codes(edits.ops.view(np.int8), dtype=_OP),
    }
    columns |= {f"{side}_word": rows.words() for side, rows in sides.items()}
    for side, rows in sides.items():
        columns |= {f"{side}_start": rows.times("start"), f"{side}_end": rows.times("end")}
    return pd.DataFrame(columns, copy=False)


class _Rows:
    """The words and times of one side by row of the frame; missing or NaN in rows without a word of it."""

    def __init__(self, tokens: Tokens, there: NDArray[np.bool_]) -> None:
        self.tokens, self.there = tokens, there
        self.before = np.zeros(len(there) + 1, np.int32)
        np.cumsum(there, dtype=np.int32, out=self.before[1:])

    def words(self) -> Any:
        """A missing word has no characters, so the text buffer is reused, and only the offsets are new."""
        word, n_rows = self.tokens.word, len(self.there)
        begins = np.frombuffer(word.buffers()[1], np.int64)[word.offset :][self.before]
        valid = pa.py_buffer(np.packbits(self.there, bitorder="little"))
        letters = word.buffers()[2] or pa.py_buffer(b"")
        return _strings(pa.LargeStringArray.from_buffers(n_rows, pa.py_buffer(begins), letters, valid))

    def times(self, which: Literal["start", "end"]) -> Floats:
        times = np.full(len(self.there), np.nan)
        seconds = getattr(self.tokens, which)
        if seconds is not None:
            times[self.there] = seconds
        return times


def number_words(alignment: pd.DataFrame, side: Literal["ref", "hyp"]) -> pd.Series[int]:
    """The number of each row's word of this side within its system, from 0; -1 in rows without one.

    Rows of several systems with the same number of the reference word refer to the same word, unless the
    reference has alternatives, for which different choices may be made for different systems.

    >>> from speechkit_nb.evaluate import align
    >>> number_words(align("a b c", {"one": "a x b", "two": "b c"}), "ref").tolist()
    [0, -1, 1, 2, 0, 1, 2]
    """
    there = alignment["op"] != ("ins" if side == "ref" else "del")
    numbers = there.groupby(alignment["system"], sort=False).cumsum() - 1
    return numbers.where(there, -1)


def _strings(strings: Any) -> Any:
    return pd.array(strings.cast(pa.large_string()), dtype="str")
