"""How exactly words are placed in time: errors of their starts and ends, on words that were recognized right.

Only words with the right text say something about times, and these are the easier words; so systems are
compared on the reference words that all of them got right, and `coverage` says how many these are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ... import tables
from ...errors import ConfigError, SchemaError
from .timing_checks import check_times
from .timing_figures import summarize_timing
from .timing_sums import count_times

ALIGNED = {
    "system": "str",
    "position": "int64",
    "ref_word": "str",
    "hyp_word": "str",
    "ref_start": "float64",
    "ref_end": "float64",
    "hyp_start": "float64",
    "hyp_end": "float64",
}
_OWN = {*ALIGNED, "op", "ref_index", "hyp_index"}
_TIMES = ["ref_start", "ref_end", "hyp_start", "hyp_end"]


def compute_timing(
    alignment: pd.DataFrame,
    by: Sequence[str] = (),
    *,
    collar: float = 0.05,
    common: bool = True,
    substitutions: bool = False,
    units: Sequence[str] | None = None,
    durations: Mapping[Any, float] | None = None,
) -> pd.DataFrame:
    """One row per system: how far starts and ends of words are off. Times are seconds, + is late.

    Args:
        alignment: frame `alignment` of one or several systems against one reference.
        by: columns to split by, such as `recording` or `channel_tag`.
        collar: seconds that both ends of a word may be off to count in `precision`, `recall` and `f1`.
        common: whether only words count that all systems got right; else each has its own. Systems that
            have no times at all are left out of this.
        substitutions: whether words that were taken for others count, too.
        units: utterance key columns; by default all that are not of the alignment
            itself and hold no floats.
        durations: seconds by recording, so that words after its end are known.

    Returns:
        Frame with the index `system` (and `by`). Columns, where X is `start` or `end`:

        - `n_ref`, `n_right`, `n_untimed`, `n_compared`: reference words; those that the system got right;
          those of them that lack a time on one side; those that the errors below are of.
        - `coverage`: n_compared / n_ref.
        - `X_bias` (median error, with its sign), `X_mae` and `X_median` (mean and median of its size),
          `X_rmse`, `X_p90`, `X_p95`, `X_p99` (quantiles of its size).
        - `aas`: accumulated average shift, mean of the sizes of both errors; `corrected_aas` after the bias
          of each is taken off, so that only the jitter is left.
        - `wbe`: word boundary error, as `aas`, but the mean over utterances of their means.
        - `X_within_20_ms`, also 50, 100, 200, and `both_...`: share of words off by at most so much.
        - `iou`: mean of intersection / union of the two stretches of a word.
        - `pcs`: share of correct segments, as of MIREX and mir_eval: of the time from the start of each
          compared word to that of the next one, the share in which the system is between the same two.
        - `precision`, `recall`, `f1`: of all words of the system, of the reference, the share that is right
          and within the collar at both ends; these are of each system's own words.
        - `drift_ms_per_hour`: slope of the start error over time (Theil-Sen) in recordings whose compared
          words span five minutes or more; of several recordings the median, each weighing as much as it
          has words.
        - `n_timed`: words of the system with times, right or wrong; of these are the shares `no_length` (end
          not after start), `overlapping` (end after the start of the next one), `outside` (of the recording:
          before 0, or after its end if `durations` are given).

        NaN where there is no word to tell.

    Raises:
        SchemaError: if the frame lacks a column or has another dtype.
        ConfigError: if the collar is negative.

    >>> from speechkit_nb.evaluate import align
    >>> said = pd.DataFrame({"word": ["good", "day"], "start": [0.4, 0.7], "end": [0.7, 1.1]})
    >>> late = said.assign(start=said["start"] + 0.03)
    >>> found = compute_timing(align(said, {"late": late})).loc["late"]
    >>> found[["coverage", "start_bias", "aas"]].round(3).to_dict()
    {'coverage': 1.0, 'start_bias': 0.03, 'aas': 0.015}
    """
    if not collar >= 0:
        raise ConfigError(f"collar={collar} seconds; it is 0 or more")
    tally = count_timing(
        alignment, by, common=common, substitutions=substitutions, units=units, durations=durations
    )
    return summarize_timing(tally, collar=collar)


def count_timing(
    alignment: pd.DataFrame,
    by: Sequence[str] = (),
    *,
    common: bool = True,
    substitutions: bool = False,
    units: Sequence[str] | None = None,
    systems: Sequence[str] | None = None,
    durations: Mapping[Any, float] | None = None,
) -> pd.DataFrame:
    """What `timing` is computed from, as counts: those of parts of a corpus are merged by `pd.concat`.

    All utterances of a recording belong into one part. `summarize_timing` turns counts into what
    `timing` returns, with the same numbers as if the parts had been one.

    Args:
        alignment, by, common, substitutions, units, durations: as of `timing`.
        systems: what `common` refers to; by default all that have times in this part. Say it if a system may
            lack the times of a whole part.

    Returns:
        Frame with `system`, the columns `by`, and `what`, `value`, `n`.
    """
    units = _units(alignment, units)
    _check_columns(alignment, by)
    alignment = alignment.reset_index(drop=True)
    errors = compute_boundary_errors(alignment, substitutions=substitutions, units=units, systems=systems)
    errors = errors.assign(**alignment.loc[errors.index, [*by]], common=errors["common"] | (not common))
    sane = check_times(alignment, units, durations)
    return count_times(alignment, errors, _ops(substitutions), by, units, sane)


def compute_boundary_errors(
    alignment: pd.DataFrame,
    *,
    substitutions: bool = False,
    units: Sequence[str] | None = None,
    systems: Sequence[str] | None = None,
) -> pd.DataFrame:
    """One row per word that was recognized right and has times on both sides; for histograms and over time.

    Args:
        alignment, substitutions, units, systems: as of `tally_timing`.

    Returns:
        These rows of the alignment, with its index: the columns `units`, `system`, `position`, `ref_word`,
        `ref_start`, `ref_end`, and `start_error`, `end_error` (seconds, + is late), `iou` (0 to 1),
        `common` (whether all systems got it right).

    >>> from speechkit_nb.evaluate import align
    >>> said = pd.DataFrame({"word": ["good", "day"], "start": [0.4, 0.7], "end": [0.7, 1.1]})
    >>> late = said.assign(start=said["start"] + 0.03)
    >>> compute_boundary_errors(align(said, {"late": late}))[["ref_word", "start_error", "end_error"]]
      ref_word  start_error  end_error
    0     good         0.03        0.0
    1      day         0.03        0.0
    """
    units = _units(alignment, units)
    pairs = alignment[alignment["op"].isin(_ops(substitutions))].dropna(subset=_TIMES)
    ref_start, ref_end, hyp_start, hyp_end = (pairs[time].to_numpy() for time in _TIMES)
    kept = [*units, "system", "position", "ref_word", "ref_start", "ref_end"]
    errors = pairs[kept].copy()
    errors["start_error"] = _exact(hyp_start - ref_start)
    errors["end_error"] = _exact(hyp_end - ref_end)
    shared = _exact(np.maximum(np.minimum(ref_end, hyp_end) - np.maximum(ref_start, hyp_start), 0))
    union = _exact((ref_end - ref_start) + (hyp_end - hyp_start)) - shared
    same = (errors["start_error"] == 0) & (errors["end_error"] == 0)
    errors["iou"] = np.where(union > 0, shared / np.where(union > 0, union, 1), same.astype(float))
    errors["common"] = _common(errors, units, systems)
    return errors


def _common(errors: pd.DataFrame, units: Sequence[str], systems: Sequence[str] | None) -> np.ndarray:
    """Which pairs are of reference words that all systems have: the same word at the same time."""
    if errors.empty:
        return np.zeros(0, bool)
    word = errors[[*units, "system", "ref_word"]].copy()
    word["start"], word["end"] = _micro(errors["ref_start"]), _micro(errors["ref_end"])
    place = [*units, "ref_word", "start", "end"]
    word["nth"] = word.groupby(["system", *place], observed=True, dropna=False).cumcount()
    there = word.groupby([*place, "nth"], observed=True, dropna=False)["system"].transform("size")
    n_systems = word["system"].nunique() if systems is None else len(set(systems))
    return np.asarray(there == n_systems)


def _ops(substitutions: bool) -> list[str]:
    return ["ok", "sub"] if substitutions else ["ok"]


def _units(alignment: pd.DataFrame, units: Sequence[str] | None) -> list[str]:
    """The utterance key columns, of a frame that is what it should be."""
    _check_columns(alignment, ["op", *(units or ())])
    tables.check(alignment, ALIGNED, "alignment")
    if units is not None:
        return list(units)
    return [str(name) for name in alignment if name not in _OWN and alignment[name].dtype.kind != "f"]


def _check_columns(alignment: pd.DataFrame, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in alignment:
            raise SchemaError(
                f"alignment: column {column!r} is missing; there are {', '.join(map(str, alignment))}"
            )


def _exact(seconds: np.ndarray) -> np.ndarray:
    """Whole microseconds: 0.45 - 0.4 is 0.05, as it is within 50 ms."""
    return np.round(seconds, 6)


def _micro(seconds: pd.Series) -> pd.Series:
    return (seconds * 1e6).round().astype("int64")
