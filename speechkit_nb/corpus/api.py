"""Scores of a corpus of any size: file by file, on this machine or on a cluster."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import pandas as pd

from ..errors import ConfigError, EvaluationError, check_type, count_noun, few, list_names, show_value, warn
from ..evaluate import How, Missing, explain_shortage
from ..formats import read_frame
from ..tables import warn_problems
from .duplicates import check_once
from .executor import run_parts
from .layout import Corpus, find_timed_systems, list_parts
from .part_scores import Outcome, alignment_path, read_statistics, score_part
from .parts import Part
from .plan import Plan
from .statistics import Statistics

_MERGED = 32
"""Number of `Statistics` that are collected before they are added, which limits memory."""


@dataclass(frozen=True, eq=False)
class Scores:
    """The result of `score`: sums from which all tables are computed.

    Attributes:
        systems: names, in the given order.
        by: columns that results are split by.
        parts: one row per scored part: `part`, `status` (`"scored"`, or `"kept"` from an earlier run).
        failed: one row per part that could not be scored and is not in the results: `part`, `error`.
        problems: rows and times that were left out or look wrong in the parts that were scored: `part`,
            `problem`.
        statistics: the sums.
        out: the folder with the alignments and sums of each part; None if they were not written.
        level: confidence level of the intervals; use `dataclasses.replace` to change it.
    """

    systems: tuple[str, ...]
    by: tuple[str, ...]
    parts: pd.DataFrame
    failed: pd.DataFrame
    statistics: Statistics
    out: Path | None = None
    level: float = 0.95
    problems: pd.DataFrame = field(default_factory=lambda: _make_table([], "problem"))

    @cached_property
    def _whole(self) -> Statistics:
        return self.statistics.whole()

    @property
    def summary(self) -> pd.DataFrame:
        """One row per system, with the columns of `Comparison.summary`.

        The interval `wer_low` to `wer_high` uses the ratio estimator with Student's t, see
        `estimate_intervals`. `wer_low` is never below 0, and `wer_high` is above 0 even without errors. Both
        are NaN if there is only one utterance or group. Timing is NaN for systems without word times.
        """
        return self._whole.summarize(self.systems, self.level)

    @property
    def groups(self) -> pd.DataFrame:
        """One row per value of the columns `by` and system: the columns `by`, then those of `summary`.

        Raises:
            ConfigError: if `by` is empty.
        """
        if not self.by:
            raise ConfigError(
                "these scores are not split by anything; give score(..., by=[...]) some columns"
            )
        parts = []
        for values, sums in self.statistics.split():
            frame = sums.summarize(self.systems, self.level).reset_index()
            for place, (name, value) in enumerate(zip(self.by, values, strict=True)):
                dtype = self.statistics.counts[name].dtype
                frame.insert(place, name, pd.Series([value] * len(frame), dtype=dtype))
            parts.append(frame)
        return pd.concat(parts, ignore_index=True)

    @property
    def pairs(self) -> pd.DataFrame:
        """One row per pair of systems, with the columns of `Comparison.pairs`; see `compare_pairs`.

        Values that cannot be computed from sums are missing: resampling tests (`bootstrap_p`, `swap_p`), and
        the `words` and `recordings` that contribute to the difference.
        """
        return self._whole.summarize_pairs(self.systems, self.level)

    @property
    def timing(self) -> pd.DataFrame:
        """One row per system, see `compute_timing`; NaN for systems without word times."""
        return self.timing_at(0.05)

    def timing_at(self, collar: float) -> pd.DataFrame:
        """The same as `timing`, with `precision`, `recall` and `f1` at another collar (seconds)."""
        return self._whole.summarize_timing(self.systems, collar)

    def alignment(
        self, parts: str | Sequence[str] | None = None, systems: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """The aligned words as one frame; `position` counts the rows of a system in its part.

        Args:
            parts: names of parts; default: all.
            systems: names of systems; default: all.

        Raises:
            ConfigError: if alignments were not written, or a part or system does not exist.
        """
        return pd.concat(self.alignments(parts, systems), ignore_index=True)

    def alignments(
        self, parts: str | Sequence[str] | None = None, systems: Sequence[str] | None = None
    ) -> Iterator[pd.DataFrame]:
        """The same as `alignment`, but yields one frame per part, so that only one is in memory."""
        if self.out is None:
            raise ConfigError("no alignments were written; give score(..., out=folder) a place for them")
        there = self.parts["part"].tolist()
        wanted = there if parts is None else list_names("parts", parts)
        names = self.systems if systems is None else list_names("systems", systems)
        for asked, known, what in ((wanted, there, "part"), (names, self.systems, "system")):
            for name in asked:
                if name not in known:
                    raise ConfigError(f"no {what} {name!r} was scored; there are {few(known)}")
        return (self._alignment(part, names) for part in wanted)

    def _alignment(self, part: str, systems: Sequence[str]) -> pd.DataFrame:
        assert self.out is not None
        frames = []
        for system in systems:
            frame = read_frame(alignment_path(self.out, system, part))
            place = frame.columns.get_loc("position")
            frame.insert(int(str(place)), "system", pd.Series(system, frame.index, dtype="str"))
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def _describe(self) -> str:
        """A summary in one line: numbers of systems and parts, failed parts, and too few data."""
        n, n_failed = len(self.parts), len(self.failed)
        more = f"; {n_failed} could not be scored and are in no figure, see .failed" if n_failed else ""
        little = explain_shortage(self._whole.evidence(self.systems), self.level)
        systems, parts = count_noun(len(self.systems), "system"), count_noun(n, "part")
        return f"{systems} on {parts}{more}" + (f"; {little}" if little else "")

    def __repr__(self) -> str:
        return f"Scores({self._describe()})\n{self.summary.to_string()}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self._describe())}</p>{self.summary.to_html()}"


def score(
    corpus: Corpus,
    *,
    reference: str = "reference",
    systems: Mapping[str, str] | Sequence[str],
    utterance: Sequence[str] | None = None,
    by: str | Sequence[str] = (),
    group: str | Sequence[str] | None = None,
    normalizer: How = "none",
    collar: float | None = None,
    missing: Missing = "raise",
    executor: Executor | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Scores:
    """Score the systems of a corpus against its reference, sequentially or in parallel.

    Each part is read, aligned and counted independently, and only sums are returned, so memory does not grow
    with the number of parts. With `out`, a second run continues the first one: parts that were scored from
    the same files with the same options are kept.

    Args:
        corpus: a table of utterances with one row per utterance and texts in columns: a frame, a Parquet
            file, a list of Parquet files, or a folder of them; or the folder of a corpus of words, see
            `write_part`.
        reference: the column of the reference, or its name in a corpus of words.
        systems: columns, or names in a corpus of words; a mapping `{name: column}` renames them.
        utterance: utterance key columns; default: `recording` and `channel_tag`, if they exist. All rows of
            an utterance must be in the same part.
        by: columns of the reference that results are split by, such as a noise level.
        group: columns that define groups of dependent utterances, such as the speaker. Intervals and tests
            are computed over groups, which avoids intervals that are too narrow. Default: each utterance is
            independent.
        normalizer, collar: as in `align`.
        missing: what to do with parts, recordings and texts (null) that a system lacks: `"raise"` raises
            EvaluationError, `"empty"` scores them as empty.
        executor: an executor of `concurrent.futures`, such as `ProcessPoolExecutor`; on a cluster
            `dask.distributed.Client(...).get_executor()`, whose workers must have access to the same files.
            Default: the current thread.
        out: folder for the alignments and sums of each part; default: they are not written.

    Returns:
        `Scores`. Parts that could not be scored are in `failed`, and a warning is issued.

    Raises:
        ConfigError: if an option has an invalid value.
        SchemaError: if there is nothing to score.
        EvaluationError: if a system lacks parts, an utterance is in two parts, or no part could be scored.

    >>> table = pd.DataFrame({"recording": [f"r{k}" for k in range(20)], "reference": "one two three four"})
    >>> table["one"] = ["one too three four"] * 4 + ["one two three four"] * 16
    >>> score(table, systems=["one"]).summary[["errors", "wer", "wer_low", "wer_high"]].round(2)
            errors   wer  wer_low  wer_high
    system
    one          4  0.05     0.02      0.14
    """
    if executor is not None:
        check_type("executor", executor, Executor, "an executor of concurrent.futures")
    if not isinstance(out, (str, os.PathLike, type(None))):
        raise ConfigError(f"out must be a folder, not {show_value(out)}")
    plan = Plan.from_options(reference, systems, utterance, by, group, normalizer, collar, missing)
    parts = list_parts(corpus, plan)
    check_once(parts, plan)
    plan = replace(plan, timed=find_timed_systems(corpus, plan))
    folder = None if out is None else Path(out).absolute()
    work = partial(score_part, plan=plan, out=folder)
    return _collect(parts, plan, folder, run_parts(parts, work, executor))


def _collect(parts: Sequence[Part], plan: Plan, out: Path | None, answers: Iterator[Outcome]) -> Scores:
    """Add the sums of all scored parts; at most `_MERGED` are in memory."""
    sums, status, errors = list[Statistics](), dict[str, str](), dict[str, str]()
    problems = list[tuple[str, str]]()
    for answer in answers:
        if answer.error:
            errors[answer.part] = answer.error
            continue
        status[answer.part] = "kept" if answer.is_kept else "scored"
        problems += [(answer.part, problem) for problem in answer.problems]
        sums.append(answer.statistics or read_statistics(answer.part, plan, _place(out)))
        if len(sums) == _MERGED:
            sums = [Statistics.sum(sums)]
    names = [part.name for part in parts]
    done = _make_table([(name, status[name]) for name in names if name in status], "status")
    lost = _make_table([(name, errors[name]) for name in names if name in errors], "error")
    found = _make_table(sorted(problems, key=lambda problem: names.index(problem[0])), "problem")
    _warn(errors, len(parts), out)
    if problems:
        n_others = f", and {len(found) - 1} more in .problems" if len(found) > 1 else ""
        warn_problems([f"{': '.join(found.iloc[0])}{n_others}"])
    return Scores(plan.systems, plan.by, done, lost, Statistics.sum(sums), out, problems=found)


def _make_table(rows: Sequence[tuple[str, str]], column: str) -> pd.DataFrame:
    """A frame of parts and texts."""
    return pd.DataFrame(rows, columns=["part", column]).astype("str")


def _place(out: Path | None) -> Path:
    assert out is not None, "an outcome has its sums, or they are written"
    return out


def _warn(errors: Mapping[str, str], n_parts: int, out: Path | None) -> None:
    """Warn about failed parts; raise EvaluationError if all parts failed."""
    if not errors:
        return
    name, error = next(iter(sorted(errors.items())))
    if len(errors) == n_parts:
        raise EvaluationError(f"none of {n_parts} parts could be scored; {name!r}: {error}")
    again = "; a second run scores only these" if out is not None else ""
    warn(
        UserWarning(
            f"{len(errors)} of {n_parts} parts could not be scored and are in no figure, see .failed; "
            f"{name!r}: {error}{again}"
        )
    )


Scores.__module__ = "speechkit_nb"  # it prints under the name that users import
