"""Finds utterances that are in several parts, which would be counted twice.

Parts are read one after another. The key of each utterance is hashed to 64 bits, and hashes are written to
files by their first bits. Equal hashes are in the same file, so only one part or one file is in memory at a
time, for any number of utterances.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa

from ..errors import EvaluationError, SchemaError, count_noun
from .parts import Hashes, Part, hash_rows
from .plan import Plan

BITS = 6
"""Bits of a hash that select its file: 64 files, 1.2 MB each for 10 million utterances."""

LOOKED_FOR = 1000
"""Number of equal hashes that are checked for equal keys."""


def check_once(parts: Sequence[Part], plan: Plan) -> None:
    """Check that no utterance is in several parts; parts that cannot be read are skipped.

    Raises:
        EvaluationError: if an utterance is in several parts; the message has its key and two of its parts.
    """
    if len(parts) < 2:
        return
    with TemporaryDirectory(prefix="speechkit-nb-") as folder:
        paths = [Path(folder) / f"{number:02}" for number in range(1 << BITS)]
        _write(parts, plan, paths)
        several = np.concatenate([_find_repeated(path) for path in paths])
    found = _find_example(parts, plan, several[:LOOKED_FOR])
    if found is not None:
        which, first, second = found
        raise EvaluationError(
            f"{count_noun(len(several), 'utterance')} in several parts, such as {which} in {first!r} and "
            f"{second!r}: remove them from all parts but one, or name more utterance key columns in "
            "utterance="
        )


def _write(parts: Sequence[Part], plan: Plan, paths: Sequence[Path]) -> None:
    """Write the hashes of all parts to the files; each part writes a hash once."""
    # the smallest hash of each file: sorted hashes are split at these
    firsts = np.arange(len(paths), dtype=np.uint64) << np.uint64(64 - BITS)
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        for part in parts:
            numbers = np.unique(np.concatenate([np.zeros(0, np.uint64), *map(hash_rows, _keys(part, plan))]))
            pieces = np.split(numbers, np.searchsorted(numbers, firsts[1:]))
            for file, piece in zip(files, pieces, strict=True):
                file.write(piece.tobytes())


def _find_repeated(path: Path) -> Hashes:
    """The hashes that are in the file more than once, which is in more than one part."""
    numbers = np.sort(np.fromfile(path, np.uint64))
    return np.unique(numbers[1:][numbers[1:] == numbers[:-1]])


def _find_example(parts: Sequence[Part], plan: Plan, numbers: Hashes) -> tuple[str, str, str] | None:
    """The key of an utterance with one of the hashes and two of its parts; None if only hashes are equal."""
    if not len(numbers):
        return None
    seen = dict[str, str]()
    for part in parts:
        for keys in _keys(part, plan):
            for row in keys[np.isin(hash_rows(keys), numbers)].to_dict("records"):
                which = ", ".join(f"{key} {value!r}" for key, value in row.items())
                if seen.setdefault(which, part.name) != part.name:
                    return which, seen[which], part.name
    return None


def _keys(part: Part, plan: Plan) -> Iterator[pd.DataFrame]:
    """The keys that can be read; errors of reading are reported when the part is scored."""
    try:
        yield from part.utterances(plan)
    except (SchemaError, OSError, pa.ArrowException):
        return
