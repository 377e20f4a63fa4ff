"""Checks a frame of words before it is compared; problems are corrected if possible, and reported."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...errors import SchemaError, count_noun
from ...tables import WORD_KEYS

OVERLAP = 0.01
"""Seconds by which a word may overlap the next one without a message."""


def check_words(frame: pd.DataFrame, by: Sequence[str], name: str) -> tuple[pd.DataFrame, list[str]]:
    """Sort the words of each utterance by start; returns the frame and messages.

    Args:
        by: utterance key columns.
        name: name of the input in messages.

    Raises:
        SchemaError: if there are duplicate words.
    """
    column = "word" if "word" in frame else "text"
    if not frame[column].str.strip().any():
        return frame, [f"{name} has no words"]
    if column == "text":
        return frame, []
    problems = _check_duplicates(frame, by, name)
    # the number of each word's utterance, whether there are several key columns or none
    unit = frame.groupby(list(by), sort=False, observed=True).ngroup() if by else pd.Series(0, frame.index)
    n_unsorted = int((frame["start"] < frame["start"].groupby(unit).shift()).sum())
    words = f"{count_noun(n_unsorted, 'word')} {'was' if n_unsorted == 1 else 'were'}"
    if n_unsorted and frame["start"].isna().any():
        problems.append(f"{name}: {words} not sorted by start, and stay so because others have no times")
    elif n_unsorted:
        problems.append(f"{name}: {words} not sorted by start and have been sorted")
        order = np.lexsort((frame["start"], unit))
        frame, unit = frame.iloc[order].reset_index(drop=True), unit.iloc[order].reset_index(drop=True)
    return frame, problems + _check_times(frame, unit, name)


def _check_duplicates(frame: pd.DataFrame, by: Sequence[str], name: str) -> list[str]:
    """Raise SchemaError if words occur twice, as in a frame concatenated with itself.

    A word may be repeated within the time of one interval, as "no no" in an annotation whose intervals have
    several words; this is only reported.
    """
    place = [column for column in WORD_KEYS if column in frame]
    is_numbered = "word_index" in frame and not (frame["word_index"] < 0).any()
    if not is_numbered:
        place = [*by, "word", "start", "end"]
    timed = frame.dropna(subset=[column for column in ("start", "end") if column in place])
    twice = timed.duplicated(place)
    if not twice.any():
        return []
    interval = timed.groupby([*by, "start", "end"], sort=False, observed=True, dropna=False).ngroup()
    run = (interval != interval.shift()).cumsum()  # consecutive words with the same start and end
    repeated = timed.assign(word_index=run).duplicated([*place, "word_index"])
    # in a frame that was doubled and then sorted, each word stands beside its copy
    is_doubled = 2 * int(repeated.sum()) >= len(timed) and run.nunique() > 1
    if is_numbered or is_doubled or (twice & ~repeated).any():
        first = timed[twice].iloc[0]
        where = ", ".join(f"{column} {first[column]}" for column in dict.fromkeys(("word", *place)))
        raise SchemaError(
            f"{name}: {int(twice.sum())} of {len(frame)} words are duplicate words, such as {where}"
        )
    n = int(repeated.sum())
    return [
        f"{name}: {count_noun(n, 'word')} {'repeats' if n == 1 else 'repeat'} another word of the same start "
        "and end"
    ]


def _check_times(frame: pd.DataFrame, unit: pd.Series, name: str) -> list[str]:
    n_words, n_untimed = len(frame), int(frame[["start", "end"]].isna().any(axis=1).sum())
    if n_untimed == n_words:
        return []
    latest = frame["end"].groupby(unit).cummax().groupby(unit).shift()
    counts = {
        "have no times": n_untimed,
        "end before they start": int((frame["end"] < frame["start"]).sum()),
        "start before the previous word ends": int((latest - frame["start"] > OVERLAP).sum()),
    }
    return [f"{name}: {n} of {n_words} words {problem}" for problem, n in counts.items() if n]
