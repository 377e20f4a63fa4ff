"""An utterance lies in one part: what is there twice would count twice, and nobody would see it.

Parts are looked through one after another. What tells an utterance apart becomes a number of 64 bits, and
the numbers go to files by their first bits, so that equal ones meet in one file, and only one part or one
file is in memory at a time, however many utterances there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa

from ..errors import EvaluationError, SchemaError
from .parts import Hashes, Part, hashes_of
from .plan import Plan

BITS = 6
"""First bits of a number that tell its file: 64 files, of 10 million utterances 1.2 MB each."""

LOOKED_FOR = 1000


def check_once(parts: Sequence[Part], plan: Plan) -> None:
    """Looks for utterances that are in several parts; parts that cannot be read are left out.

    Raises:
        EvaluationError: if there are some; one of them is named, and where it is.
    """
    if len(parts) < 2:
        return
    with TemporaryDirectory(prefix="speechkit-nb-") as folder:
        paths = [Path(folder) / f"{number:02}" for number in range(1 << BITS)]
        _write(parts, plan, paths)
        several = np.concatenate([_several(path) for path in paths])
    found = _named(parts, plan, several[:LOOKED_FOR])
    if found is not None:
        which, first, second = found
        raise EvaluationError(
            f"an utterance ({which}) is in the parts {first!r} and {second!r}, and so are {len(several)} in "
            "several parts: each lies in one. Take it out of the others, or name with utterance= what tells "
            "utterances apart"
        )


def _write(parts: Sequence[Part], plan: Plan, paths: Sequence[Path]) -> None:
    firsts = np.arange(len(paths), dtype=np.uint64) << np.uint64(64 - BITS)
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        for part in parts:
            numbers = np.unique(np.concatenate([np.zeros(0, np.uint64), *map(hashes_of, _keys(part, plan))]))
            pieces = np.split(numbers, np.searchsorted(numbers, firsts[1:]))
            for file, piece in zip(files, pieces, strict=True):
                file.write(piece.tobytes())


def _several(path: Path) -> Hashes:
    """The numbers that are there more than once."""
    numbers = np.sort(np.fromfile(path, np.uint64))
    return np.unique(numbers[1:][numbers[1:] == numbers[:-1]])


def _named(parts: Sequence[Part], plan: Plan, numbers: Hashes) -> tuple[str, str, str] | None:
    """An utterance with one of these numbers, and two parts with it; None if only the numbers are equal."""
    if not len(numbers):
        return None
    seen = dict[str, str]()
    for part in parts:
        for keys in _keys(part, plan):
            for row in keys[np.isin(hashes_of(keys), numbers)].to_dict("records"):
                which = ", ".join(f"{key} {value!r}" for key, value in row.items())
                if seen.setdefault(which, part.name) != part.name:
                    return which, seen[which], part.name
    return None


def _keys(part: Part, plan: Plan) -> Iterator[pd.DataFrame]:
    """What can be read; why the rest cannot is told when the part is scored."""
    try:
        yield from part.utterances(plan)
    except (SchemaError, OSError, pa.ArrowException):
        return
