"""Never scored on different sets: sides that lack recordings or utterances are refused, filled or cut.

A frame of texts has a row an utterance, so that what it lacks is known, and so are recordings. A frame of
words has no row for an utterance in which nothing was heard: there a lack cannot be told from silence, and is
said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import pandas as pd

from ...errors import ConfigError, EvaluationError, few
from ...formats import WordInput

REFERENCE = "the reference"

Missing = Literal["raise", "empty", "common"]
Key = tuple[Any, ...]


def called(name: str) -> str:
    """
    >>> called("general"), called(REFERENCE)
    ("system 'general'", 'the reference')
    """
    return name if name == REFERENCE else f"system {name!r}"


def same_files(
    sides: dict[str, WordInput], missing: Missing, by: Sequence[str] | None
) -> tuple[dict[str, WordInput], tuple[str, ...], list[str]]:
    """The sides about the same recordings, these, and what was done to get there.

    Raises:
        ConfigError: if `missing` has no such value.
        EvaluationError: if a side lacks recordings, and `missing` is `"raise"`; or if none is common to all.
    """
    if missing not in ("raise", "empty", "common"):
        raise ConfigError(f"missing={missing!r}; there are 'raise', 'empty' and 'common'")
    if by is not None and "recording" not in by:
        return sides, (), []
    own = {name: side.find_recordings() for name, side in sides.items()}
    every = list(dict.fromkeys(file for files in own.values() for file in sorted(files)))
    lacking = _lacking(own, every)
    kept, said = _settled(lacking, every, missing, "recording", repr)
    if len(kept) == len(every):
        return sides, tuple(kept), said
    return {name: _only_files(side, kept) for name, side in sides.items()}, tuple(kept), said


def same_utterances(
    sides: dict[str, WordInput], missing: Missing, keys: Sequence[str]
) -> tuple[dict[str, WordInput], list[str]]:
    """The sides about the same utterances, and what was done, or is to be known.

    Args:
        keys: columns that tell utterances apart.

    Raises:
        EvaluationError: if a frame of texts lacks utterances that another side has, and `missing` is
            `"raise"`; or if none is common to all.
    """
    if not keys:
        return sides, []
    own = {name: _utterances(side, keys) for name, side in sides.items()}
    every = list(dict.fromkeys(key for there in own.values() for key in there))
    lacking = _lacking(own, every)
    lacking = {name: _of_its_files(gone, sides[name], keys) for name, gone in lacking.items()}
    texts = {name: gone for name, gone in lacking.items() if gone and sides[name].is_text}
    kept, said = _settled(texts, every, missing, "utterance", lambda key: _told(key, keys))
    silent = {name: gone for name, gone in lacking.items() if own[name] and name not in texts}
    said += _silent(silent, kept, keys)
    if len(kept) == len(every):
        return sides, said
    return {name: _only_utterances(side, kept, keys) for name, side in sides.items()}, said


def _lacking(own: Mapping[str, Iterable[Any]], every: Sequence[Any]) -> dict[str, list[Any]]:
    """Of each side what it lacks; only sides that lack something."""
    lacking = {name: [thing for thing in every if thing not in there] for name, there in own.items()}
    return {name: gone for name, gone in lacking.items() if gone}


def _settled(
    lacking: Mapping[str, Sequence[Any]],
    every: Sequence[Any],
    missing: Missing,
    what: str,
    show: Callable[[Any], str],
) -> tuple[list[Any], list[str]]:
    """What remains to be compared, and what is said of it."""
    if not lacking:
        return list(every), []
    n_every = len(every)
    if missing == "empty":
        return list(every), [
            f"{called(name)} lacks {len(gone)} of {n_every} {what}s ({few(gone, show)}), taken as empty"
            for name, gone in lacking.items()
        ]
    parts = [f"{called(name)} lacks {len(gone)} ({few(gone, show)})" for name, gone in lacking.items()]
    refusal = f"of {n_every} {what}s {', '.join(parts)}: {_ADVICE[what]}"
    left_out = {thing for gone in lacking.values() for thing in gone}
    kept = [thing for thing in every if thing not in left_out]
    if missing == "raise":
        raise EvaluationError(refusal)
    if not kept:
        raise EvaluationError(f"no {what} is common to all: {refusal}")
    shown = few([thing for thing in every if thing in left_out], show)
    return kept, [f"{len(left_out)} of {n_every} {what}s are left out, because not all have them ({shown})"]


def _silent(lacking: Mapping[str, Sequence[Key]], kept: Sequence[Key], keys: Sequence[str]) -> list[str]:
    """What is said of sides of words, which may have heard nothing there."""
    compared, said = set(kept), []
    for name, gone in lacking.items():
        if still := [key for key in gone if key in compared]:
            which = few(still, lambda key: _told(key, keys))
            said.append(f"{called(name)} has no words in {len(still)} of {len(kept)} utterances ({which})")
    return said


_EITHER = (
    "give all of them, or say missing='common' to compare on those that all have, or missing='empty' if "
    "nothing was heard there"
)
_ADVICE = {
    "recording": f"{_EITHER}; if it is one recording under two names, give {{recording: ...}}",
    "utterance": _EITHER,
}


def _utterances(side: WordInput, keys: Sequence[str]) -> dict[Key, None]:
    """What tells its utterances apart, in the order of the frame."""
    table = side.frame[list(keys)].dropna().drop_duplicates()
    return dict.fromkeys(table.itertuples(index=False, name=None))


def _of_its_files(gone: Sequence[Key], side: WordInput, keys: Sequence[str]) -> list[Key]:
    """Without those of recordings that it lacks altogether, of which it is said already."""
    files = side.find_recordings()
    if "recording" not in keys or not files:
        return list(gone)
    place = keys.index("recording")
    return [key for key in gone if key[place] in files]


def _told(key: Key, keys: Sequence[str]) -> str:
    """
    >>> _told(("talk.wav", 3), ["recording", "utt"])
    "recording 'talk.wav' utt 3"
    """
    return " ".join(f"{column} {value!r}" for column, value in zip(keys, key, strict=True))


def _only_files(side: WordInput, files: Sequence[str]) -> WordInput:
    frame = side.frame[side.frame["recording"].isin(files)].reset_index(drop=True)
    return replace(side, frame=frame, recordings=side.recordings & set(files))


def _only_utterances(side: WordInput, kept: Sequence[Key], keys: Sequence[str]) -> WordInput:
    table = side.frame[list(keys)]
    there = pd.MultiIndex.from_frame(table).isin(list(kept)) | table.isna().any(axis=1)  # refused by `align`
    return replace(side, frame=side.frame[there].reset_index(drop=True))
