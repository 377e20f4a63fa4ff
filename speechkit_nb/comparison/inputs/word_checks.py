"""Checks a frame of words before it is compared; problems are corrected if possible, and reported."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...errors import SchemaError

OVERLAP = 0.01
"""Seconds by which a word may overlap the next one without a message."""

_UTTERANCE = "\0utterance"
_INTERVAL = "\0interval"
"""Temporary columns, with names that no frame has."""

PLACE = ("recording", "channel_tag", "final_index", "alternative", "word_index")


def check_words(frame: pd.DataFrame, by: Sequence[str], name: str) -> tuple[pd.DataFrame, list[str]]:
    """Sort the words of each utterance by start; returns the frame and messages.

    Args:
        by: utterance key columns.
        name: name of the input in messages.

    Raises:
        SchemaError: if there are duplicate words.
    """
    if "word" not in frame:
        said = [] if frame["text"].str.strip().any() else [f"{name} has no words"]
        return frame, said
    _check_duplicates(frame, by, name)
    if not len(frame):
        return frame, [f"{name} has no words"]
    frame, said = _sort(frame, by, name)
    return frame, said + _check_times(frame, by, name)


def _check_duplicates(frame: pd.DataFrame, by: Sequence[str], name: str) -> None:
    """Raise SchemaError if a word occurs twice at the same time, as in a frame concatenated with itself.

    A word may be twice among neighbours with the same times, as in an interval with "yes no yes", unless
    every word of the frame is there twice.
    """
    place = [column for column in PLACE if column in frame]
    if "word_index" not in place:
        place = [*by, "word", "start", "end"]
    timed = frame.dropna(subset=[column for column in ("start", "end") if column in place])
    twice = timed[timed.duplicated(place)]
    if not timed.duplicated(place, keep=False).all() and {"start", "end"} <= set(place):
        times = timed[[*by, "start", "end"]]
        interval = (times != times.shift()).any(axis=1).cumsum()
        once = timed[~timed.assign(**{_INTERVAL: interval}).duplicated([*place, _INTERVAL])]
        twice = once[once.duplicated(place)]
    if len(twice):
        first = twice.iloc[0]
        where = ", ".join(f"{column} {first[column]}" for column in dict.fromkeys(("word", *place)))
        raise SchemaError(f"{name}: {len(twice)} of {len(frame)} words are duplicate words, such as {where}")


def _sort(frame: pd.DataFrame, by: Sequence[str], name: str) -> tuple[pd.DataFrame, list[str]]:
    """Sort by start within each utterance; nothing is moved if some words have no times."""
    before = _shift(frame, "start", by)
    n_wrong = int((frame["start"] < before).sum())
    if not n_wrong:
        return frame, []
    attrs = frame.attrs
    untimed = frame["start"].isna()
    if untimed.any():
        said = f"{name}: {n_wrong} words were not sorted by start, and stay so because others have no times"
        return frame, [said]
    number = frame.groupby(list(by), sort=False, observed=True).ngroup() if by else 0
    order = frame.assign(**{_UTTERANCE: number}).sort_values([_UTTERANCE, "start"], kind="stable").index
    frame = frame.loc[order].reset_index(drop=True)
    frame.attrs = attrs
    return frame, [f"{name}: {n_wrong} words were not sorted by start and have been sorted"]


def _check_times(frame: pd.DataFrame, by: Sequence[str], name: str) -> list[str]:
    n_words, n_untimed = len(frame), int(frame[["start", "end"]].isna().any(axis=1).sum())
    if n_untimed == n_words:
        return []
    said = [f"{name}: {n_untimed} of {n_words} words have no times"] if n_untimed else []
    n_backwards = int((frame["end"] < frame["start"]).sum())
    if n_backwards:
        said.append(f"{name}: {n_backwards} of {n_words} words end before they start")
    ends = (
        frame["end"].groupby([frame[key] for key in by], sort=False).cummax() if by else frame["end"].cummax()
    )
    before = _shift(frame.assign(end=ends), "end", by)
    n_over = int((before - frame["start"] > OVERLAP).sum())
    if n_over:
        said.append(f"{name}: {n_over} of {n_words} words start before the previous word ends")
    return said


def _shift(frame: pd.DataFrame, column: str, by: Sequence[str]) -> pd.Series:
    """The values of the previous word in the same utterance."""
    values = frame[column]
    return values.groupby([frame[key] for key in by], sort=False).shift() if by else values.shift()
