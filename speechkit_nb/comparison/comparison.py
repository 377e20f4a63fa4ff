"""`Comparison`, the result of `compare`; it connects `evaluate` and `views`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..errors import ConfigError, EvaluationError, SchemaError, count_noun, list_names, make_printable
from ..evaluate import (
    Normalizer,
    compute_boundary_errors,
    compute_timing,
    compute_word_rates,
    count_confusions,
    summarize_pairs,
    summarize_systems,
)
from . import tables, verdict
from .contributions import WORD, error_contributions
from .differing_spans import disagreements
from .grid import build_grid, normalize_words, vote_on_words
from .groups import time_evidence, word_evidence
from .html import page
from .inputs.collect import ComparisonInput
from .reference_columns import add_columns
from .verdict import HeavyStretch
from .vote import consensus

if TYPE_CHECKING:
    from ipywidgets import VBox
    from matplotlib.axes import Axes

    from ..audio import Recording
    from ..evaluate import Evidence
    from ..views import TimelineView


@dataclass(frozen=True)
class Options:
    """Options of `compare`; `groups` are the names of the group columns."""

    normalizer: Normalizer
    collar: float | None
    groups: tuple[str, ...]
    pause: float | None
    level: float
    seed: int


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """The result of `compare`: errors of systems on the same recordings, in words and in time.

    Frames are computed on first access; `attrs` of each has the normalizer, its hash and the collar. Times
    are in seconds; a positive timing error is late.

    Attributes:
        material: the words that are compared, in a common form.
        aligned: the alignment, with `stretch` and the group columns; None without a reference.
        options: options of `compare`.
    """

    material: ComparisonInput
    aligned: pd.DataFrame | None
    options: Options

    # --- summary in text

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems, in the given order."""
        return tuple(self.material.systems)

    @property
    def by(self) -> tuple[str, ...]:
        """Utterance key columns."""
        return self.material.by

    @cached_property
    def verdict(self) -> str:
        """Which system has fewer word errors, and on a second line which has smaller timing errors.

        If no difference is significant, the verdict reports this.
        """
        if self.aligned is None:
            return verdict.disagreement_verdict(self.pairs, self.disagreements)
        same = len(self.systems) > 1 and not self._grid["differs"].any()
        level, groups = self.options.level, self.options.groups
        in_words = verdict.word_verdict(self.summary, self.pairs, level, same, groups)
        in_time = verdict.timing_verdict(self.summary, self.timing_pairs, level, groups)
        in_time = in_time and verdict.describe_origins(self.material.origins) + in_time
        heavy = "; ".join(map(str, self._heavy_stretches))
        in_words += f" {heavy[0].upper()}{heavy[1:]}." if heavy else ""
        voters = verdict.describe_voters(self._voters) if self.material.pseudo else ""
        return f"{voters}{in_words}\n{in_time}".rstrip()

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """What was left out of files and frames, or corrected, and warnings about the results; one sentence
        each."""
        if self.aligned is None:
            return self.material.problems
        found = verdict.findings(self.aligned, self.systems, self._grid)
        return (*self.material.problems, *found, *map(str, self._heavy_stretches))

    # --- words

    @property
    def alignment(self) -> pd.DataFrame:
        """The words of the reference paired with those of each system: the columns `by`, those of the schema
        `ALIGNMENT`, `stretch` and the group columns.

        Raises:
            EvaluationError: if there is no reference, like all properties and methods that need one.
        """
        if self.aligned is None:
            raise EvaluationError(
                "there is no reference, so nothing is right or wrong: see .disagreements, or compare again "
                "with reference=, for which .consensus makes a pseudo-reference of three systems or more"
            )
        return self._signed(self.aligned)

    @property
    def summary(self) -> pd.DataFrame:
        """One row per system, index `system`: the columns of `evaluate.SUMMARY`.

        `n_words` (of the reference), `errors`, `wer`, its interval `wer_low`, `wer_high`, `cer`; some columns
        of `timing`; the rates `ser` (utterances with an error), `mer`, `wil`; the counts from which the rates
        are computed; `n_groups` and `method` of the interval.

        Without a reference: `n_words` (of the system), `n_differing` and the rate `differing`.
        """
        return self._signed(self._summary)

    @property
    def pairs(self) -> pd.DataFrame:
        """One row per pair of systems: `a`, `b`, `wer_delta` (a minus b: below 0 a is better), `delta_low`,
        `delta_high`, the tests of `compare_pairs`, and the `words` and, if there are several, `recordings`
        that contribute most to the difference.

        Without a reference: `n_a`, `n_b`, `n_different`, `disagreement`.
        """
        return self._signed(self._pairs)

    def carried_by(self, by: str | Sequence[str] = WORD) -> pd.DataFrame:
        """How words, or columns of `alignment` or of the reference, contribute to the differences between
        systems; see `error_contributions`."""
        columns = list(list_names("by", by, SchemaError))
        frame = self.alignment if columns == [WORD] else self._with(columns)
        return self._signed(error_contributions(frame, columns))

    def rates(self, by: str | Sequence[str] = ()) -> pd.DataFrame:
        """Counts and rates of words by system and by columns of `alignment` or of the reference. A column of
        the reference must be constant within an utterance, such as a noise level; see `word_rates`."""
        columns = list(list_names("by", by, SchemaError))
        return self._signed(compute_word_rates(self._with(columns), ["system", *columns]))

    @property
    def confusions(self) -> pd.DataFrame:
        """Which words each system confuses, the most frequent first."""
        return self._signed(count_confusions(self.alignment))

    @property
    def stretches(self) -> pd.DataFrame:
        """One row per stretch of speech between pauses: times, text, `n_words`, errors of each system."""
        return self._signed(tables.list_stretches(self.alignment, self.by, self.systems))

    # --- timing

    @cached_property
    def _timing(self) -> pd.DataFrame:
        return compute_timing(self.alignment, units=self.by, durations=self.material.durations())

    @property
    def timing(self) -> pd.DataFrame:
        """One row per system: bias, size and spread of the errors of starts and ends, on words that all
        systems got right; see `compute_timing`."""
        return self._signed(self._timing)

    @property
    def timing_errors(self) -> pd.DataFrame:
        """One row per correct word: its errors at start and end; see `boundary_errors`."""
        return self._signed(compute_boundary_errors(self.alignment, units=self.by))

    @cached_property
    def timing_pairs(self) -> pd.DataFrame:
        """One row per pair of systems: the difference of their average shifts, and its tests."""
        evidence = time_evidence(self.alignment, self.by, self.options.groups)
        return self._signed(tables.compare_timing(evidence, self.options.level, self.options.seed))

    # --- places where systems differ

    @property
    def disagreements(self) -> pd.DataFrame:
        """One row per span in which systems differ, the worst first: `start`, `end`, `size` (words),
        `reference`, and one column per system with its words."""
        return self._signed(self._disagreements)

    @cached_property
    def consensus(self) -> pd.DataFrame:
        """A pseudo-reference: the words that most of at least three systems have. See `vote.consensus`."""
        return self._signed(consensus(self._normalized, self.by))

    # --- plots

    def plot_summary(self, ax: Axes | None = None, what: str = "wer") -> Axes:
        """Error rates with their intervals; or another column of `summary`."""
        from .plots.rates import plot_summary

        if self.aligned is None and isinstance(what, str) and what not in self._summary:
            _ = self.alignment  # raises EvaluationError: there is no reference
        return plot_summary(self.summary, ax, what=what)

    def plot_scatter(self, a: str | None = None, b: str | None = None, ax: Axes | None = None) -> Axes:
        """One dot per stretch of speech: errors of one system against errors of another."""
        from .plots.scatter import plot_scatter

        names = self.systems
        if len(names) < 2:
            raise ConfigError(
                f"there is only one system, {names[0]!r}; a scatter is of two: compare it with another"
            )
        return plot_scatter(self.stretches, names[0] if a is None else a, names[-1] if b is None else b, ax)

    def plot_boundary_errors(
        self,
        ax: Axes | None = None,
        *,
        side: str = "start",
        over_time: bool = False,
        recording: str | None = None,
    ) -> Axes:
        """Errors of word starts or ends as histograms, or over the time of a recording, which shows drift."""
        from .plots.boundary_errors import plot_boundary_errors
        from .plots.target import find_target

        errors = self.timing_errors
        shown = errors if recording is None else find_target(self, recording).rows(errors)
        return plot_boundary_errors(shown, ax, side=side, over_time=over_time)

    def plot_alignment(
        self,
        start: float | None = None,
        end: float | None = None,
        ax: Axes | None = None,
        *,
        recording: Recording | str | PathLike[str] | None = None,
        channel_tag: str | None = None,
    ) -> Axes:
        """Words of reference and systems below the waveform, errors by colour and letter (S, I, D); default:
        around the worst place."""
        from .plots.alignment import plot_alignment

        return plot_alignment(self, recording, channel_tag, start, end, ax)

    def view(
        self,
        recording: Recording | str | PathLike[str] | None = None,
        *,
        where: pd.DataFrame | None = None,
        at: Mapping[Any, Any] | pd.Series | None = None,
        **options: Any,
    ) -> TimelineView:
        """A timeline with one lane per system below the audio, and marks for errors and disagreements.

        Keys: M goes to the next mark in time, W to the worst and then to the next worst; Shift+M and Shift+W
        go back.

        Args:
            recording: name or audio of one of the compared recordings; default: the one with the worst place.
            where: rows of `alignment`, `timing_errors` or `disagreements`; only these are marked, and W
                follows their order.
            at: a row of these frames at which the view opens, such as `disagreements.iloc[2]`; default: the
                worst place.
            **options: options of `TimelineView`.
        """
        from .plots.target import make_view

        row = at.to_dict() if isinstance(at, pd.Series) else at
        return make_view(self, recording, where, row, options)

    def brush(self, recording: Recording | str | PathLike[str] | None = None, *, side: str = "start") -> VBox:
        """A histogram of the boundary errors of a recording with a range slider, above a timeline that marks
        only the words in the selected range, the largest errors first."""
        from .plots.error_brush import brush

        return brush(self, recording, side=side)

    # --- representation

    def __repr__(self) -> str:
        return make_printable(f"Comparison({', '.join(map(repr, self.systems))}): {self.verdict}")

    def _repr_html_(self) -> str:
        return page(self.verdict, self._summary, self.problems, self._made)

    @property
    def _made(self) -> str:
        how = self.options.normalizer
        facts = [f"normalizer {how.name} ({how.hash})"]
        if self.options.collar is not None:
            facts.append(f"collar {self.options.collar:g} s")
        if self.aligned is not None:
            n_groups = int(self._summary["n_groups"].iloc[0])
            over = count_noun(n_groups, verdict.name_unit(self.options.groups))
            facts.append(f"{self.options.level * 100:g} % intervals over {over}")
            effect = self._summary["design_effect"].max()
            if effect == effect and n_groups > 1:
                facts.append(f"design effect up to {effect:.1f}")
        return ", ".join(facts)

    # --- metadata of frames

    @cached_property
    def _how(self) -> dict[Any, Any]:
        """How words were compared: `normalizer`, `normalizer_hash`, `collar`, and more `attrs` of `align`."""
        how = self.options.normalizer
        made = {"normalizer": how.name, "normalizer_hash": how.hash, "collar": self.options.collar}
        return {**made, **({} if self.aligned is None else self.aligned.attrs)}

    def _signed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A copy of the frame, with `_how` as its `attrs`; callers may change it."""
        own = frame.copy(deep=False)
        own.attrs = {**self._how, **frame.attrs}
        return own

    def _with(self, columns: Sequence[str]) -> pd.DataFrame:
        """The alignment with columns of the reference."""
        alignment, reference = self.alignment, self.material.reference
        assert reference is not None
        return add_columns(alignment, columns, self.by, reference)

    # --- computed once

    @cached_property
    def _summary(self) -> pd.DataFrame:
        if self.aligned is None:
            return tables.count_differences(self._normalized, self._grid)
        counts = tables.count_systems(self.aligned, self.by, self.systems)
        level, seed = self.options.level, self.options.seed
        return summarize_systems(self._evidence, counts, self._timing, level=level, seed=seed)

    @cached_property
    def _pairs(self) -> pd.DataFrame:
        if self.aligned is None:
            return tables.disagreement_pairs(self._normalized, self.by)
        contributions = tables.list_contributions(self.aligned, self.by, self.systems)
        level, seed = self.options.level, self.options.seed
        return summarize_pairs(self._evidence, contributions, level=level, seed=seed)

    @cached_property
    def _evidence(self) -> Evidence:
        return word_evidence(self.alignment, self.systems, self.by, self.options.groups)

    @cached_property
    def _heavy_stretches(self) -> list[HeavyStretch]:
        return verdict.find_heavy_stretches(self.stretches, self.systems)

    @cached_property
    def _disagreements(self) -> pd.DataFrame:
        return disagreements(self._grid, self.by, self.systems, has_reference=self.aligned is not None)

    @cached_property
    def _grid(self) -> pd.DataFrame:
        """The words of each system at each place."""
        if self.aligned is None:
            return vote_on_words(self._normalized, self.by).grid
        return build_grid(self.aligned, self.by, self.systems)

    @cached_property
    def _normalized(self) -> dict[str, pd.DataFrame]:
        how = self.options.normalizer
        frames = self.material.systems.items()
        return {name: normalize_words(frame, self.by, how, f"system {name!r}") for name, frame in frames}

    @property
    def _voters(self) -> Sequence[str]:
        reference = self.material.reference
        return reference.attrs["pseudo_reference"] if reference is not None else ()


Comparison.__module__ = "speechkit_nb"  # it prints under the name that users import
