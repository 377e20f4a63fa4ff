"""Gives all inputs the same recordings and utterances; missing ones raise, are filled, or are dropped.

Missing recordings are always known, and so are missing utterances of a frame of texts, which has one row per
utterance. A frame of words has no row for an utterance without words: it may be missing or silent, which is
reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    own = {name: [(file,) for file in sorted(given.find_recordings())] for name, given in inputs.items()}
    every, lacking = _find_missing(own)
    kept, messages = _apply_policy(lacking, every, missing, ["recording"])
    return _select(inputs, every, kept, ["recording"]), tuple(file for (file,) in kept), messages


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
    every, lacking = _find_missing(own)
    lacking = {name: _drop_missing_recordings(gone, inputs[name], keys) for name, gone in lacking.items()}
    texts = {name: gone for name, gone in lacking.items() if gone and inputs[name].is_text}
    kept, messages = _apply_policy(texts, every, missing, keys)
    silent = {name: gone for name, gone in lacking.items() if own[name] and name not in texts}
    return _select(inputs, every, kept, keys), messages + _report_silent(silent, kept, keys)


def _find_missing(own: Mapping[str, Sequence[Key]]) -> tuple[list[Key], dict[str, list[Key]]]:
    """The keys of all inputs, and those that are missing in each input that lacks any."""
    every = list(dict.fromkeys(key for there in own.values() for key in there))
    found = {name: set(there) for name, there in own.items()}
    lacking = {name: [key for key in every if key not in there] for name, there in found.items()}
    return every, {name: gone for name, gone in lacking.items() if gone}


def _apply_policy(
    lacking: Mapping[str, Sequence[Key]], every: Sequence[Key], missing: Missing, keys: Sequence[str]
) -> tuple[list[Key], list[str]]:
    """The recordings or utterances to compare according to `missing`, and messages."""
    if not lacking:
        return list(every), []
    what = "recording" if list(keys) == ["recording"] else "utterance"
    of_every = f"of {len(every)} {what}s"
    if missing == "empty":
        return list(every), [
            f"{display_name(name)} lacks {len(gone)} {of_every} ({_show(gone, keys)}), taken as empty"
            for name, gone in lacking.items()
        ]
    parts = [
        f"{display_name(name)} lacks {len(gone)} {of_every} ({_show(gone, keys)})"
        for name, gone in lacking.items()
    ]
    refusal = f"{', '.join(parts)}: {_ADVICE[what]}"
    left_out = {key for gone in lacking.values() for key in gone}
    kept = [key for key in every if key not in left_out]
    if missing == "raise":
        raise EvaluationError(refusal)
    if not kept:
        raise EvaluationError(f"no {what} is common to all: {refusal}")
    shown = _show([key for key in every if key in left_out], keys)
    return kept, [f"{len(left_out)} {of_every} are left out, because not all have them ({shown})"]


def _report_silent(
    lacking: Mapping[str, Sequence[Key]], kept: Sequence[Key], keys: Sequence[str]
) -> list[str]:
    """Messages about utterances without words in frames of words, which may be silent."""
    compared, messages = set(kept), []
    for name, gone in lacking.items():
        if still := [key for key in gone if key in compared]:
            which = few(still, lambda key: _format_key(key, keys))
            messages.append(
                f"{display_name(name)} has no words in {len(still)} of {len(kept)} utterances ({which})"
            )
    return messages


_EITHER = (
    "add them, or set missing='common' to compare those that all have, or missing='empty' if "
    "there are no words"
)
_ADVICE = {
    "recording": f"{_EITHER}; if it is one recording under two names, give {{recording: ...}}",
    "utterance": _EITHER,
}


def _list_utterances(given: WordInput, keys: Sequence[str]) -> list[Key]:
    """The keys of the utterances, in the order of the frame."""
    table = given.frame[list(keys)].dropna().drop_duplicates()
    return list(table.itertuples(index=False, name=None))


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


def _show(gone: Sequence[Key], keys: Sequence[str]) -> str:
    """Some of these recordings or utterances."""
    return few(gone, lambda key: repr(*key) if list(keys) == ["recording"] else _format_key(key, keys))


def _select(
    inputs: dict[str, WordInput], every: Sequence[Key], kept: Sequence[Key], keys: Sequence[str]
) -> dict[str, WordInput]:
    """The inputs with only the rows of these recordings or utterances, and rows without a key, which `align`
    refuses."""
    if len(kept) == len(every):
        return inputs
    selected = {}
    for name, given in inputs.items():
        table = given.frame[list(keys)]
        rows = pd.MultiIndex.from_frame(table).isin(kept) | table.isna().any(axis=1)
        selected[name] = replace(given, frame=given.frame[rows].reset_index(drop=True))
    return selected
