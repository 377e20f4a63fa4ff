"""Scores one part of a corpus: reads, aligns, counts and, with `out`, writes it. This runs on workers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import SchemaError
from ..evaluate import UtteranceCounts, align, count_timing, cut_segments
from ..formats import RowGroupWriter, format_part_name, read_frame, system_folder, write_frame
from ..tables import read_metadata
from .parts import Batch, Part
from .plan import Plan
from .statistics import TABLES, Statistics

_TALLY = {"system": "str", "what": "str", "value": "int64", "n": "int64"}


@dataclass(frozen=True)
class Outcome:
    """The result of scoring one part.

    Attributes:
        part: name of the part.
        statistics: its sums; None if they were written to files or there is an error.
        error: why the part could not be scored; "" if it was.
        problems: what was left out or changed in its words, one sentence each.
        is_kept: whether the scores of an earlier run are used.
    """

    part: str
    statistics: Statistics | None = None
    error: str = ""
    problems: tuple[str, ...] = ()
    is_kept: bool = False


def score_part(part: Part, plan: Plan, out: Path | None) -> Outcome:
    """Score a part, unless `out` has its scores.

    Errors are returned as text and not raised, because not every exception can be sent between processes.
    """
    try:
        problems = dict[str, None]()
        if out is None:
            sums = (_count_batch(*each, plan) for each in _align_batches(part, plan, problems))
            return Outcome(part.name, reduce(add, sums), problems=tuple(problems))
        facts = {**plan.facts, "part": part.name, "key": _key(part, plan)}
        if _is_done(part.name, plan, out, facts["key"]):
            return Outcome(part.name, is_kept=True)
        _delete_scores(part.name, out)
        _write(part, plan, out, facts, problems)
        return Outcome(part.name, problems=tuple(problems))
    except Exception as error:
        return Outcome(part.name, error=f"{type(error).__name__}: {error}")


def read_statistics(part: str, plan: Plan, out: Path) -> Statistics:
    """Read the sums of a part that were written to `out`."""
    tables = {name: read_frame(out / name / format_part_name(part)).drop(columns="part") for name in TABLES}
    return Statistics(plan.by, plan.group, **tables)


def alignment_path(out: Path, system: str, part: str) -> Path:
    """The path of the alignment of a part."""
    return system_folder(out / "alignment", system) / format_part_name(part)


def _key(part: Part, plan: Plan) -> str:
    """A hash of the content of the part and of the plan; equal keys mean equal results."""
    return hashlib.sha256(f"{part.digest()} {plan.hash}".encode()).hexdigest()


def _is_done(part: str, plan: Plan, out: Path, key: str) -> bool:
    """Whether all result files of the part exist and have this key."""
    paths = [out / name / format_part_name(part) for name in TABLES]
    paths += [alignment_path(out, system, part) for system in plan.systems]
    return all(read_metadata(path).get("key") == key for path in paths)


def _delete_scores(part: str, out: Path) -> None:
    """Delete the scores of an earlier version of the part."""
    for name in TABLES:
        (out / name / format_part_name(part)).unlink(missing_ok=True)
    for path in (out / "alignment").glob(f"system=*/{format_part_name(part)}"):
        path.unlink()


def _align_batches(part: Part, plan: Plan, problems: dict[str, None]) -> Iterator[tuple[pd.DataFrame, Batch]]:
    """Yield the alignment of each batch; its problems are added to `problems`."""
    for batch in part.batches(plan):
        for words in (batch.reference, *batch.systems.values()):
            problems |= dict.fromkeys(map(str, words.problems))
        alignment = align(
            batch.reference,
            batch.systems,
            by=batch.keys,
            normalizer=plan.normalizer,
            collar=plan.collar,
            missing="empty",
            allow_vanished=True,
        )
        yield alignment, batch


def _count_batch(alignment: pd.DataFrame, batch: Batch, plan: Plan) -> Statistics:
    facts = _list_facts(batch, plan)
    utterances = UtteranceCounts.from_alignment(alignment, batch.keys, plan.systems, facts)
    marked = alignment.assign(unit=utterances.row_unit)
    compared = marked if len(plan.systems) > 1 else marked.iloc[:0]  # segments are of pairs
    shared = cut_segments(compared, ["unit"], systems=plan.systems)
    tally = _count_timing(marked, utterances, plan)
    return Statistics.from_counts(utterances, shared, tally, plan.by, plan.group)


def _list_facts(batch: Batch, plan: Plan) -> pd.DataFrame:
    """One row per utterance of the reference: its keys and metadata.

    Raises:
        SchemaError: if an utterance has several values in a column.
    """
    columns = list(dict.fromkeys([*batch.keys, *plan.metadata]))
    facts = batch.reference.frame[columns].drop_duplicates()
    twice = facts[facts.duplicated(list(batch.keys))]
    if len(twice):
        which = ", ".join(f"{key} {twice.iloc[0][key]!r}" for key in batch.keys)
        raise SchemaError(
            f"an utterance ({which}) has several values of {', '.join(plan.metadata)}; it must have one"
        )
    return facts


def _count_timing(marked: pd.DataFrame, utterances: UtteranceCounts, plan: Plan) -> pd.DataFrame:
    """Counts of timing errors, see `count_timing`; no rows if no system has times."""
    if not plan.timed:
        return pd.DataFrame(columns=[*plan.by, *_TALLY]).astype(_TALLY)
    facts = utterances.keys.iloc[utterances.row_unit].reset_index(drop=True)
    marked = marked.assign(**{name: facts[name] for name in plan.by})
    tally = count_timing(marked, plan.by, units=["unit"], systems=plan.timed)
    return tally[[*plan.by, *_TALLY]].astype(_TALLY)


def _write(part: Part, plan: Plan, out: Path, facts: dict[str, Any], problems: dict[str, None]) -> None:
    """Write the alignments, one row group per batch, and then the sums.

    The sums are written last: a run that was interrupted has no complete set of files, see `_is_done`.
    """
    sums = list[Statistics]()
    with ExitStack() as stack:
        paths = {system: alignment_path(out, system, part.name) for system in plan.systems}
        files = {name: stack.enter_context(RowGroupWriter(path, facts)) for name, path in paths.items()}
        for alignment, batch in _align_batches(part, plan, problems):
            for system, file in files.items():
                file.write(
                    _continue_positions(
                        alignment[alignment["system"] == system].drop(columns="system"), file.n_rows
                    )
                )
            sums = [reduce(add, [*sums, _count_batch(alignment, batch, plan)])]
    for name in TABLES:
        table = getattr(sums[0], name)
        table.insert(0, "part", pd.Series(part.name, table.index, dtype="str"))
        write_frame(table, out / name / format_part_name(part.name), facts)


def _continue_positions(alignment: pd.DataFrame, n_before: int) -> pd.DataFrame:
    """The alignment with `position` counted over all batches of the part."""
    return alignment.assign(position=alignment["position"] + n_before)
