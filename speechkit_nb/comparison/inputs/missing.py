"""Gives all inputs the same recordings and utterances; missing ones raise, are filled, or are dropped.

Missing recordings are always known, and so are missing utterances of a frame of texts, which has one row per
utterance. A frame of words has no row for an utterance without words: it may be missing or silent, which is
reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import pandas as pd

from ...errors import EvaluationError, check_choice, few
from ...formats import WordInput

REFERENCE = "the reference"

Missing = Literal["raise", "empty", "common"]
Key = tuple[Any, ...]


def display_name(name: str) -> str:
    """
    >>> display_name("general"), display_name(REFERENCE)
    ("system 'general'", 'the reference')
    """
    return name if name == REFERENCE else f"system {name!r}"


def align_recordings(
    inputs: dict[str, WordInput], missing: Missing, by: Sequence[str] | None
) -> tuple[dict[str, WordInput], tuple[str, ...], list[str]]:
    """Keep the same recordings in all inputs; returns the inputs, the recordings, and messages.

    Raises:
        ConfigError: if `missing` has no such value.
        EvaluationError: if an input lacks recordings and `missing` is `"raise"`, or if no recording is common
            to all.
    """
    check_choice("missing", missing, ("raise", "empty", "common"))
    if by is not None and "recording" not in by:
        return inputs, (), []
    own = {name: given.find_recordings() for name, given in inputs.items()}
    every = list(dict.fromkeys(file for files in own.values() for file in sorted(files)))
    lacking = _find_missing(own, every)
    kept, said = _apply_policy(lacking, every, missing, "recording", repr)
    if len(kept) == len(every):
        return inputs, tuple(kept), said
    return {name: _select_recordings(given, kept) for name, given in inputs.items()}, tuple(kept), said


def align_utterances(
    inputs: dict[str, WordInput], missing: Missing, keys: Sequence[str]
) -> tuple[dict[str, WordInput], list[str]]:
    """Keep the same utterances in all inputs; returns the inputs and messages.

    Args:
        keys: utterance key columns.

    Raises:
        EvaluationError: if a frame of texts lacks utterances that another input has, and `missing` is
            `"raise"`; or if no utterance is common to all.
    """
    if not keys:
        return inputs, []
    own = {name: _list_utterances(given, keys) for name, given in inputs.items()}
    every = list(dict.fromkeys(key for there in own.values() for key in there))
    lacking = _find_missing(own, every)
    lacking = {name: _drop_missing_recordings(gone, inputs[name], keys) for name, gone in lacking.items()}
    texts = {name: gone for name, gone in lacking.items() if gone and inputs[name].is_text}
    kept, said = _apply_policy(texts, every, missing, "utterance", lambda key: _format_key(key, keys))
    silent = {name: gone for name, gone in lacking.items() if own[name] and name not in texts}
    said += _report_silent(silent, kept, keys)
    if len(kept) == len(every):
        return inputs, said
    return {name: _select_utterances(given, kept, keys) for name, given in inputs.items()}, said


def _find_missing(own: Mapping[str, Iterable[Any]], every: Sequence[Any]) -> dict[str, list[Any]]:
    """The missing items of each input that lacks any."""
    lacking = {name: [thing for thing in every if thing not in there] for name, there in own.items()}
    return {name: gone for name, gone in lacking.items() if gone}


def _apply_policy(
    lacking: Mapping[str, Sequence[Any]],
    every: Sequence[Any],
    missing: Missing,
    what: str,
    show: Callable[[Any], str],
) -> tuple[list[Any], list[str]]:
    """The items to compare according to `missing`, and messages."""
    if not lacking:
        return list(every), []
    n_every = len(every)
    if missing == "empty":
        return list(every), [
            f"{display_name(name)} lacks {len(gone)} of {n_every} {what}s ({few(gone, show)}), taken as empty"
            for name, gone in lacking.items()
        ]
    parts = [f"{display_name(name)} lacks {len(gone)} ({few(gone, show)})" for name, gone in lacking.items()]
    refusal = f"of {n_every} {what}s {', '.join(parts)}: {_ADVICE[what]}"
    left_out = {thing for gone in lacking.values() for thing in gone}
    kept = [thing for thing in every if thing not in left_out]
    if missing == "raise":
        raise EvaluationError(refusal)
    if not kept:
        raise EvaluationError(f"no {what} is common to all: {refusal}")
    shown = few([thing for thing in every if thing in left_out], show)
    return kept, [f"{len(left_out)} of {n_every} {what}s are left out, because not all have them ({shown})"]


def _report_silent(
    lacking: Mapping[str, Sequence[Key]], kept: Sequence[Key], keys: Sequence[str]
) -> list[str]:
    """Messages about utterances without words in frames of words, which may be silent."""
    compared, said = set(kept), []
    for name, gone in lacking.items():
        if still := [key for key in gone if key in compared]:
            which = few(still, lambda key: _format_key(key, keys))
            said.append(
                f"{display_name(name)} has no words in {len(still)} of {len(kept)} utterances ({which})"
            )
    return said


_EITHER = (
    "add them, or set missing='common' to compare those that all have, or missing='empty' if "
    "there are no words"
)
_ADVICE = {
    "recording": f"{_EITHER}; if it is one recording under two names, give {{recording: ...}}",
    "utterance": _EITHER,
}


def _list_utterances(given: WordInput, keys: Sequence[str]) -> dict[Key, None]:
    """The keys of the utterances, in the order of the frame."""
    table = given.frame[list(keys)].dropna().drop_duplicates()
    return dict.fromkeys(table.itertuples(index=False, name=None))


def _drop_missing_recordings(gone: Sequence[Key], given: WordInput, keys: Sequence[str]) -> list[Key]:
    """Drop utterances of recordings that are missing completely; these are reported already."""
    files = given.find_recordings()
    if "recording" not in keys or not files:
        return list(gone)
    place = keys.index("recording")
    return [key for key in gone if key[place] in files]


def _format_key(key: Key, keys: Sequence[str]) -> str:
    """
    >>> _format_key(("talk.wav", 3), ["recording", "utt"])
    "recording 'talk.wav' utt 3"
    """
    return " ".join(f"{column} {value!r}" for column, value in zip(keys, key, strict=True))


def _select_recordings(given: WordInput, files: Sequence[str]) -> WordInput:
    frame = given.frame[given.frame["recording"].isin(files)].reset_index(drop=True)
    return replace(given, frame=frame, recordings=given.recordings & set(files))


def _select_utterances(given: WordInput, kept: Sequence[Key], keys: Sequence[str]) -> WordInput:
    table = given.frame[list(keys)]
    # rows without a key stay: `align` raises for them
    there = pd.MultiIndex.from_frame(table).isin(list(kept)) | table.isna().any(axis=1)
    return replace(given, frame=given.frame[there].reset_index(drop=True))
