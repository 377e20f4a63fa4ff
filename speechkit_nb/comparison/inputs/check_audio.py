"""The sounds that were heard, held against each other and against the times of words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ...audio import Recording
from ...errors import AudioError, EvaluationError
from ...formats import WordInput
from .missing import called

SAME = 0.05
"""Seconds by which the lengths of the same recording may differ, in two encodings."""

LATE = 0.5
"""Seconds by which a word may end after the sound without being spoken of."""

HASHED = 1 << 28
"""Bytes of samples up to which two sounds of the same length and encoding are told apart by their content."""

LONG = 30.0
"""Seconds that half of all words last only if they are no seconds."""


def checked_sounds(sides: Mapping[str, WordInput]) -> list[str]:
    """What is wrong with the sounds of the sides, and with times that lie outside them.

    Raises:
        EvaluationError: if two sides have sounds of different length under one name.
    """
    opened: dict[Any, Recording | None] = {}
    first: dict[str, tuple[str, Recording]] = {}
    said = []
    for name, side in sides.items():
        for file, source in side.sources.items():
            sound = _opened(source, opened)
            if sound is not None:
                other_name, other = first.setdefault(file, (name, sound))
                said += _different(file, other_name, other, name, sound)
    lengths = {file: sound.duration for file, (_, sound) in first.items()}
    for name, side in sides.items():
        if "word" in side.frame and side.frame["end"].notna().any():
            said += _beyond(side.frame, lengths, called(name)) + _long(side.frame, called(name))
    return said


def seconds_of(source: Any) -> float:
    """Length of the sound; NaN where it cannot be read."""
    sound = _opened(source, {})
    return float("nan") if sound is None else sound.duration


def _opened(source: Any, opened: dict[Any, Recording | None]) -> Recording | None:
    """The sound; None where it cannot be read. One file is looked at once."""
    if isinstance(source, Recording):
        return source
    known = os.fspath(source) if isinstance(source, (str, os.PathLike)) else id(source)
    if known not in opened:
        try:
            opened[known] = Recording(source)
        except AudioError:
            opened[known] = None
    return opened[known]


def _different(file: str, first: str, a: Recording, second: str, b: Recording) -> list[str]:
    """Of two sounds under one name."""
    if abs(a.duration - b.duration) > SAME:
        raise EvaluationError(
            f"{called(first)} and {called(second)} have different recordings under the name {file!r}: one "
            f"lasts {a.duration:.2f} s, the other {b.duration:.2f} s; tell them apart with {{recording: ...}}"
        )
    if _same_content(a, b):
        return []
    return [
        f"{called(first)} and {called(second)} heard sounds of the same length but different content under "
        f"the name {file!r}: is it the same recording?"
    ]


def _same_content(a: Recording, b: Recording) -> bool:
    """Whether it is, as far as can be told cheaply: two encodings of a sound are never the same bytes."""
    if a is b or (a.source is not None and a.source == b.source):
        return True
    outlines = [(r.container, r.n_samples, r.n_channels, r.sample_rate) for r in (a, b)]
    if outlines[0] != outlines[1] or 2 * a.n_samples * a.n_channels > HASHED:
        return True
    try:
        return a.sha256 == b.sha256
    except (AudioError, OSError):  # gone since it was opened
        return True


def _beyond(frame: pd.DataFrame, lengths: Mapping[str, float], name: str) -> list[str]:
    """Words after the end of the sound, a sentence for the recording that is worst."""
    if "recording" not in frame:
        return []
    length = frame["recording"].map(dict(lengths)).astype("float64")
    excess = frame["end"] - length
    late = excess > LATE
    if not late.any():
        return []
    worst = str(frame["recording"].iloc[int(excess.argmax())])
    after = int((frame["start"] > length).sum())
    n_files = frame.loc[late, "recording"].nunique()
    others = f", and so in {n_files - 1} other recordings" if n_files > 1 else ""
    return [
        f"{name} ends {excess.max():.1f} s after the sound of {worst!r}, which lasts {lengths[worst]:.1f} s"
        f"{others}; {after} of {len(frame)} words begin after the end of their recording: is it about "
        "another recording, or are its times no seconds?"
    ]


def _long(frame: pd.DataFrame, name: str) -> list[str]:
    """Milliseconds that were given as seconds."""
    length = float((frame["end"] - frame["start"]).median())
    if not length > LONG:
        return []
    return [
        f"{name}: half of its words last longer than {length:.0f} s; start and end are seconds: divide "
        "milliseconds by 1000"
    ]
