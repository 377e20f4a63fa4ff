"""Scores of a corpus of any size: file by file, on this machine or on a cluster."""

from __future__ import annotations

import html
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import pandas as pd

from ..errors import ConfigError, EvaluationError
from ..evaluate import Missing, Normalizer, explain_shortage
from ..formats import read_frame
from .duplicates import check_once
from .executor import outcomes
from .layout import Corpus, parts_of, timed_systems
from .part_scores import Outcome, alignment_path, score_part, written
from .parts import Part
from .plan import Plan
from .statistics import Statistics

_MERGED = 32
"""Sums of parts that are added up at once."""


@dataclass(frozen=True, eq=False)
class Scores:
    """What came out, as sums from which everything else is computed.

    Attributes:
        systems: names, in the order they were given.
        by: columns that results are split by.
        parts: a row a part: `part`, `status` (`"scored"`, or `"kept"` from an earlier run).
        failed: a row a part that is in none of the figures: `part`, `error`.
        statistics: the sums.
        out: where alignments and the sums of each part are, if they were written.
        level: share of the intervals; `dataclasses.replace` it for others.
    """

    systems: tuple[str, ...]
    by: tuple[str, ...]
    parts: pd.DataFrame
    failed: pd.DataFrame
    statistics: Statistics
    out: Path | None = None
    level: float = 0.95

    @cached_property
    def _whole(self) -> Statistics:
        return self.statistics.whole()

    @property
    def summary(self) -> pd.DataFrame:
        """One row per system, with the columns of `Comparison.summary`.

        The interval `wer_low` to `wer_high` is by the ratio estimator with Student's t, see
        `estimate_intervals`: never below 0, above 0 where there is no error, and NaN for one utterance or
        group alone. Timing is NaN for systems without word times.
        """
        return self._whole.summarize(self.systems, self.level)

    @property
    def groups(self) -> pd.DataFrame:
        """As `summary`, for each value of the columns `by`, with which it begins."""
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

        What sums cannot tell is missing: tests that draw groups at random (`bootstrap_p`, `swap_p`), and the
        `words` and `recordings` that contribute to the difference.
        """
        return self._whole.summarize_pairs(self.systems, self.level)

    @property
    def timing(self) -> pd.DataFrame:
        """A row a system, see `timing.timing`; NaN of systems without word times."""
        return self.timing_at(0.05)

    def timing_at(self, collar: float) -> pd.DataFrame:
        """As `timing`, `precision`, `recall` and `f1` at another collar (seconds)."""
        return self._whole.summarize_timing(self.systems, collar)

    def alignment(
        self, parts: str | Sequence[str] | None = None, systems: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """The aligned words of some parts, or of all; `position` counts the rows of a system in its part.

        Raises:
            ConfigError: if none were written, or there is no such part or system.
        """
        return pd.concat(self.alignments(parts, systems), ignore_index=True)

    def alignments(
        self, parts: str | Sequence[str] | None = None, systems: Sequence[str] | None = None
    ) -> Iterator[pd.DataFrame]:
        """As `alignment`, a frame a part, one at a time."""
        if self.out is None:
            raise ConfigError("no alignments were written; give score(..., out=folder) a place for them")
        there = self.parts["part"].tolist()
        wanted = [parts] if isinstance(parts, str) else there if parts is None else list(parts)
        names = self.systems if systems is None else tuple(systems)
        for asked, known, what in ((wanted, there, "part"), (names, self.systems, "system")):
            for name in asked:
                if name not in known:
                    few = ", ".join(map(repr, known[:5])) + ", ..." * (len(known) > 5)
                    raise ConfigError(f"no {what} {name!r} was scored; there are {few}")
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

    def _said(self) -> str:
        n, n_failed = len(self.parts), len(self.failed)
        more = f"; {n_failed} could not be scored and are in no figure, see .failed" if n_failed else ""
        little = explain_shortage(self._whole.evidence(self.systems), self.level)
        return f"{len(self.systems)} systems on {n} parts{more}" + (f"; {little}" if little else "")

    def __repr__(self) -> str:
        return f"Scores({self._said()})\n{self.summary.to_string()}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self._said())}</p>{self.summary.to_html()}"


def score(
    corpus: Corpus,
    *,
    reference: str = "reference",
    systems: Mapping[str, str] | Sequence[str],
    utterance: Sequence[str] | None = None,
    by: str | Sequence[str] = (),
    group: str | Sequence[str] | None = None,
    normalizer: str | Callable[[str], str] | Normalizer = "none",
    collar: float | None = None,
    missing: Missing = "raise",
    executor: Executor | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Scores:
    """Scores the systems of a corpus against its reference, one part after another or many at once.

    Each part is read, aligned and counted by itself, and only sums come back, so that memory does not grow
    with the number of parts. With `out`, a second run goes on where the first one ended: what has been scored
    from the same files with the same options is kept.

    Args:
        corpus: a table of utterances: a frame, a Parquet file, several, or a folder of them, with a row an
            utterance and texts in columns; or the folder of a corpus of words, see `write_part`.
        reference: the column, or the name in a corpus of words, of the reference.
        systems: columns, or names in a corpus of words; `{name: column}` to call them otherwise.
        utterance: columns that tell utterances apart, by default those of `recording` and `channel_tag` that
            there are. An utterance lies in one part.
        by: columns of the reference's rows to split results by, such as a noise level.
        group: columns that say which utterances are alike, such as the speaker; intervals then draw no false
            certainty from them. By default each utterance stands for itself.
        normalizer, collar: as of `align`.
        missing: what to do with parts, recordings and texts (null) that a system lacks: `"raise"`, or
            `"empty"`, which takes them as empty.
        executor: of `concurrent.futures`, such as a `ProcessPoolExecutor`; on a cluster that of
            `dask.distributed.Client(...).get_executor()`, whose workers must see the same files. By default
            all is done in this thread.
        out: folder for the alignments and sums of each part.

    Returns:
        `Scores`. Parts that could not be scored are in `failed`, and a warning tells of them.

    Raises:
        ConfigError: if an option has no such value.
        SchemaError: if there is nothing to score.
        EvaluationError: if a system lacks parts, an utterance is in two parts, or no part could be scored.

    >>> table = pd.DataFrame({"recording": [f"r{k}" for k in range(20)], "reference": "one two three four"})
    >>> table["one"] = ["one too three four"] * 4 + ["one two three four"] * 16
    >>> score(table, systems=["one"]).summary[["errors", "wer", "wer_low", "wer_high"]].round(2)
            errors   wer  wer_low  wer_high
    system
    one          4  0.05      0.0       0.1
    """
    plan = Plan.of(reference, systems, utterance, by, group, normalizer, collar, missing)
    parts = parts_of(corpus, plan)
    check_once(parts, plan)
    plan = replace(plan, timed=timed_systems(corpus, plan))
    folder = None if out is None else Path(out).absolute()
    work = partial(score_part, plan=plan, out=folder)
    return _gathered(parts, plan, folder, outcomes(parts, work, executor))


def _gathered(parts: Sequence[Part], plan: Plan, out: Path | None, answers: Iterator[Outcome]) -> Scores:
    """Sums of all parts that have some; few of them are held at once."""
    sums, status, errors = list[Statistics](), dict[str, str](), dict[str, str]()
    for answer in answers:
        if answer.error:
            errors[answer.part] = answer.error
            continue
        status[answer.part] = "kept" if answer.is_kept else "scored"
        sums.append(answer.statistics or written(answer.part, plan, _place(out)))
        if len(sums) == _MERGED:
            sums = [Statistics.sum(sums)]
    names = [part.name for part in parts]
    done = pd.DataFrame(
        [(name, status[name]) for name in names if name in status], columns=["part", "status"]
    )
    lost = pd.DataFrame([(name, errors[name]) for name in names if name in errors], columns=["part", "error"])
    _tell(errors, len(parts), out)
    return Scores(plan.systems, plan.by, done.astype("str"), lost.astype("str"), Statistics.sum(sums), out)


def _place(out: Path | None) -> Path:
    assert out is not None, "an outcome has its sums, or they are written"
    return out


def _tell(errors: Mapping[str, str], n_parts: int, out: Path | None) -> None:
    if not errors:
        return
    name, error = next(iter(sorted(errors.items())))
    if len(errors) == n_parts:
        raise EvaluationError(f"none of {n_parts} parts could be scored; {name!r}: {error}")
    again = "; a second run scores only these" if out is not None else ""
    warnings.warn(
        f"{len(errors)} of {n_parts} parts could not be scored and are in no figure, see .failed; "
        f"{name!r}: {error}{again}",
        UserWarning,
        stacklevel=4,
    )


Scores.__module__ = "speechkit_nb"  # it prints under the name that users import
