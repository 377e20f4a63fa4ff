"""Checks that systems have the same audio, and that the times of words lie within it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ...audio import Recording
from ...errors import AudioError, EvaluationError
from ...formats import WordInput
from .missing import display_name

SAME = 0.05
"""Seconds by which the lengths of the same recording may differ, in two encodings."""

LATE = 0.5
"""Seconds by which a word may end after the audio without a message."""

HASHED = 1 << 28
"""Largest size in bytes of samples that are compared by content, if length and encoding are the same."""


def check_audio(inputs: Mapping[str, WordInput]) -> list[str]:
    """Check the audio of the inputs, and that times of words lie within it; returns messages.

    Raises:
        EvaluationError: if two inputs have audio of different length under one name.
    """
    opened: dict[Any, Recording | None] = {}
    first: dict[str, tuple[str, Recording]] = {}
    messages = []
    for name, given in inputs.items():
        for file, source in given.sources.items():
            sound = _open(source, opened)
            if sound is not None:
                other_name, other = first.setdefault(file, (name, sound))
                messages += _check_same_audio(file, other_name, other, name, sound)
    lengths = {file: sound.duration for file, (_, sound) in first.items()}
    for name, given in inputs.items():
        if "word" in given.frame and given.frame["end"].notna().any():
            messages += _find_late_words(given.frame, lengths, display_name(name))
    return messages


def read_duration(source: Any) -> float:
    """Length of the audio in seconds; NaN if it cannot be read."""
    sound = _open(source, {})
    return float("nan") if sound is None else sound.duration


def _open(source: Any, opened: dict[Any, Recording | None]) -> Recording | None:
    """The audio; None if it cannot be read. Each file is opened once."""
    if isinstance(source, Recording):
        return source
    known = os.fspath(source) if isinstance(source, (str, os.PathLike)) else id(source)
    if known not in opened:
        try:
            opened[known] = Recording(source)
        except AudioError:
            opened[known] = None
    return opened[known]


def _check_same_audio(file: str, first: str, a: Recording, second: str, b: Recording) -> list[str]:
    """Messages about two recordings under one name."""
    if abs(a.duration - b.duration) > SAME:
        raise EvaluationError(
            f"{display_name(first)} and {display_name(second)} have different recordings under the name "
            f"{file!r}: one lasts {a.duration:.2f} s, the other {b.duration:.2f} s; give them different "
            "names with {recording: ...}"
        )
    if _has_same_content(a, b):
        return []
    return [
        f"{display_name(first)} and {display_name(second)} have audio of the same length but different "
        f"content under the name {file!r}: is it the same recording?"
    ]


def _has_same_content(a: Recording, b: Recording) -> bool:
    """Whether the content is the same, or cannot be compared: two encodings never have the same bytes."""
    if a is b or (a.source is not None and a.source == b.source):
        return True
    outlines = [(r.container, r.n_samples, r.n_channels, r.sample_rate) for r in (a, b)]
    if outlines[0] != outlines[1] or 2 * a.n_samples * a.n_channels > HASHED:
        return True
    try:
        return a.sha256 == b.sha256
    except (AudioError, OSError):  # deleted after it was opened
        return True


def _find_late_words(frame: pd.DataFrame, lengths: Mapping[str, float], name: str) -> list[str]:
    """A message about words after the end of the audio, for the recording with the largest excess."""
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
        f"{name} ends {excess.max():.1f} s after the audio of {worst!r}, which lasts {lengths[worst]:.1f} s"
        f"{others}; {after} of {len(frame)} words begin after the end of their recording: wrong "
        "recording, or times not in seconds?"
    ]
