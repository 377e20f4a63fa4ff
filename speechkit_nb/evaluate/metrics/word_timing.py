"""Accuracy of word times: errors of the starts and ends of words that were recognized correctly.

Errors can be measured only on correct words, and these are the easier words. So systems are compared on the
reference words that all of them recognized correctly, and `coverage` is the share of these words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..schema import ALIGNMENT, find_utterance_keys, require_columns
from .timing_checks import check_times
from .timing_figures import summarize_timing
from .timing_sums import count_times, round_to_micro

_TIMED = [name for name in ALIGNMENT if name != "op"]
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
    """Errors of word starts and ends, one row per system. Times are in seconds, positive errors are late.

    Args:
        alignment: result of `align`, with one or several systems.
        by: columns to split by, such as `recording` or `channel_tag`.
        collar: seconds; a word counts in `precision`, `recall` and `f1` if both errors are at most this.
        common: whether to compare only the words that all systems recognized correctly, or all correct words
            of each system. Systems without any times are ignored here.
        substitutions: whether substituted words count as correct words, too.
        units: utterance key columns; default: all columns that are not in schema `ALIGNMENT`
            and are not floats.
        durations: duration of each recording in seconds, to find words after its end.

    Returns:
        Frame with the index `system` (and `by`). Columns, where X is `start` or `end`:

        - `n_ref`, `n_right`, `n_untimed`, `n_compared`: numbers of reference words; of correct words; of
          correct words without times on one side; of the words that are compared below.
        - `coverage`: n_compared / n_ref.
        - `X_bias` (median error), `X_mae` and `X_median` (mean and median absolute error), `X_rmse`, `X_p90`,
          `X_p95`, `X_p99` (quantiles of the absolute error).
        - `aas`: accumulated average shift, the mean absolute error over both ends; `corrected_aas`: the same
          after the bias of each end is subtracted, so that only jitter remains.
        - `wbe`: word boundary error, as `aas`, but the mean over utterances of their means.
        - `X_within_20_ms`, also 50, 100, 200, and `both_...`: share of words with errors up to this size.
        - `iou`: mean of intersection / union of the times of a word on both sides.
        - `pcs`: share of correct segments, as in MIREX and mir_eval: of the time from the start of each
          compared word to that of the next one, the share in which the system is between the same two.
        - `precision`, `recall`, `f1`: share of the words of the system, and of the reference, that are
          correct and within the collar at both ends. They do not depend on `common`.
        - `drift_ms_per_hour`: slope of the start error over time (Theil-Sen) in recordings whose compared
          words span five minutes or more; the median over recordings, weighted by their numbers of words.
        - `n_timed`: words of the system with times, correct or not; `no_length` (end not after start),
          `overlapping` (end after the start of the next word) and `outside` (before 0, or after the end of
          the recording if `durations` are given) are shares of these.

        Values are NaN if there are no words for them.

    Raises:
        SchemaError: if the frame lacks a column or has another dtype.
        ConfigError: if the collar is negative.

    >>> from speechkit_nb.evaluate import align
    >>> spoken = pd.DataFrame({"word": ["good", "day"], "start": [0.4, 0.7], "end": [0.7, 1.1]})
    >>> late = spoken.assign(start=spoken["start"] + 0.03)
    >>> found = compute_timing(align(spoken, {"late": late})).loc["late"]
    >>> found[["coverage", "start_bias", "aas"]].round(3).to_dict()
    {'coverage': 1.0, 'start_bias': 0.03, 'aas': 0.015}
    """
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
    """Counts for `compute_timing`. The counts of parts of a corpus are joined by `pd.concat`.

    All utterances of a recording must be in one part. `summarize_timing` computes from counts what
    `compute_timing` returns, with the same numbers as for the whole corpus at once.

    Args:
        alignment, by, common, substitutions, units, durations: as in `compute_timing`.
        systems: the systems for `common`; default: those with times in this part. Needed if a system may have
            no times in a whole part.

    Returns:
        Frame with the columns `system`, `by`, `what`, `value`, `n`.
    """
    units = find_utterance_keys(alignment, units, _TIMED)
    require_columns(alignment, by)
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
    """Timing errors, one row per correct word with times on both sides. For histograms and plots over time.

    Args:
        alignment, substitutions, units, systems: as in `count_timing`.

    Returns:
        These rows of the alignment, with its index: the columns `units`, `system`, `position`, `ref_word`,
        `ref_start`, `ref_end`, and `start_error`, `end_error` (in seconds, positive: late), `iou` (0 to 1),
        `common` (whether all systems recognized the word correctly).

    >>> from speechkit_nb.evaluate import align
    >>> spoken = pd.DataFrame({"word": ["good", "day"], "start": [0.4, 0.7], "end": [0.7, 1.1]})
    >>> late = spoken.assign(start=spoken["start"] + 0.03)
    >>> compute_boundary_errors(align(spoken, {"late": late}))[["ref_word", "start_error", "end_error"]]
      ref_word  start_error  end_error
    0     good         0.03        0.0
    1      day         0.03        0.0
    """
    units = find_utterance_keys(alignment, units, _TIMED)
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
    """Mask of pairs whose reference word all systems have. A word is identified by its text and times."""
    if errors.empty:
        return np.zeros(0, bool)
    word = errors[[*units, "system", "ref_word"]].copy()
    word["start"], word["end"] = round_to_micro(errors["ref_start"]), round_to_micro(errors["ref_end"])
    place = [*units, "ref_word", "start", "end"]
    # Equal words with the same times are numbered, so that each counts once per system.
    word["nth"] = word.groupby(["system", *place], observed=True, dropna=False).cumcount()
    there = word.groupby([*place, "nth"], observed=True, dropna=False)["system"].transform("size")
    n_systems = word["system"].nunique() if systems is None else len(set(systems))
    return np.asarray(there == n_systems)


def _ops(substitutions: bool) -> list[str]:
    return ["ok", "sub"] if substitutions else ["ok"]


def _exact(seconds: np.ndarray) -> np.ndarray:
    """Rounds to microseconds, so that 0.45 - 0.4 is 0.05, and therefore within 50 ms."""
    return np.round(seconds, 6)
