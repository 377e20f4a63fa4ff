"""What is wrong with a frame of words before it is compared: put right where one can, and said."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...errors import SchemaError

OVERLAP = 0.01
"""Seconds that a word may reach into the next without being spoken of."""

_UTTERANCE = "\0utterance"
"""A column of our own, beside those that a frame may have."""

PLACE = ("recording", "channel_tag", "final_index", "alternative", "word_index")


def checked(frame: pd.DataFrame, by: Sequence[str], name: str) -> tuple[pd.DataFrame, list[str]]:
    """The words of each utterance in the order of their starts, and what was found.

    Args:
        by: columns that tell utterances apart.
        name: what is said of it.

    Raises:
        SchemaError: if rows are there twice.
    """
    if "word" not in frame:
        said = [] if frame["text"].str.strip().any() else [f"{name} has no words"]
        return frame, said
    _check_doubled(frame, by, name)
    if not len(frame):
        return frame, [f"{name} has no words"]
    frame, said = _sorted(frame, by, name)
    return frame, said + _doubtful_times(frame, by, name)


def _check_doubled(frame: pd.DataFrame, by: Sequence[str], name: str) -> None:
    """The same word at the same place twice: a frame that was put together twice."""
    place = [column for column in PLACE if column in frame]
    if "word_index" not in place:
        place = [*by, "word", "start", "end"]
    timed = frame.dropna(subset=[column for column in ("start", "end") if column in place])
    twice = timed[timed.duplicated(place)]
    if len(twice):
        first = twice.iloc[0]
        where = ", ".join(f"{column} {first[column]}" for column in dict.fromkeys(("word", *place)))
        raise SchemaError(f"{name}: {len(twice)} of {len(frame)} words are there twice, such as {where}")


def _sorted(frame: pd.DataFrame, by: Sequence[str], name: str) -> tuple[pd.DataFrame, list[str]]:
    """By start within each utterance, these as they first appear; words without times stay where they are."""
    before = _shifted(frame, "start", by)
    n_wrong = int((frame["start"] < before).sum())
    if not n_wrong:
        return frame, []
    attrs = frame.attrs
    untimed = frame["start"].isna()
    if untimed.any():
        said = f"{name}: {n_wrong} words start before the one before them, and are left so, because others "
        return frame, [said + "have no times"]
    number = frame.groupby(list(by), sort=False, observed=True).ngroup() if by else 0
    order = frame.assign(**{_UTTERANCE: number}).sort_values([_UTTERANCE, "start"], kind="stable").index
    frame = frame.loc[order].reset_index(drop=True)
    frame.attrs = attrs
    return frame, [f"{name}: {n_wrong} words stood out of the order of their starts, and were sorted"]


def _doubtful_times(frame: pd.DataFrame, by: Sequence[str], name: str) -> list[str]:
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
    before = _shifted(frame.assign(end=ends), "end", by)
    n_over = int((before - frame["start"] > OVERLAP).sum())
    if n_over:
        said.append(f"{name}: {n_over} of {n_words} words begin before the one before them has ended")
    return said


def _shifted(frame: pd.DataFrame, column: str, by: Sequence[str]) -> pd.Series:
    """Of the word before in the same utterance."""
    values = frame[column]
    return values.groupby([frame[key] for key in by], sort=False).shift() if by else values.shift()
