"""Systems and reference brought to the same recordings, channels and utterances, or refused."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import ConfigError, SchemaError, few
from ...formats import WordInput, read_words
from .check_audio import checked_sounds, seconds_of
from .check_words import checked
from .missing import REFERENCE, Missing, called, same_files, same_utterances

RESERVED = (
    *("reference", "recording", "channel_tag", "start", "end", "place", "size", "differs", "unit", "run"),
    *("stretch", "text", "n_words", "system", "length"),
)


@dataclass(frozen=True)
class Material:
    """What is compared.

    Attributes:
        systems: frames with `word`, `start`, `end`, or with `text`, and the columns `by`.
        reference: such a frame, or None.
        by: columns that tell utterances apart.
        files: the recordings; empty if nobody names them.
        sources: sound by recording, where known.
        problems: what was found and put right, a sentence each.
        pseudo: whether the reference is a vote of systems.
    """

    systems: Mapping[str, pd.DataFrame]
    reference: pd.DataFrame | None
    by: tuple[str, ...]
    files: tuple[str, ...]
    sources: Mapping[str, Any]
    problems: tuple[str, ...]
    pseudo: bool = False

    def durations(self) -> dict[str, float]:
        """Seconds by recording, of those whose sound is at hand."""
        return {name: seconds_of(source) for name, source in self.sources.items()}


def gathered(
    systems: Mapping[str, Any], reference: Any, by: str | Sequence[str] | None, missing: Missing
) -> Material:
    """Everything in one form, about the same recordings and utterances.

    Raises:
        ConfigError: if there is too little to compare, or a name cannot be used.
        SchemaError: if a frame cannot be used.
        EvaluationError: if two systems have different sounds under one name, or a side lacks recordings or
            utterances that another one has.
    """
    by = (by,) if isinstance(by, str) else by
    _check_systems(systems, reference)
    _check_names(systems, by or ())
    sides = {name: read_words(given, f"system {name!r}") for name, given in systems.items()}
    if reference is not None:
        sides[REFERENCE] = read_words(reference, REFERENCE)
    sides = _with_recordings(sides)
    heard = checked_sounds(sides)
    sides, files, problems = same_files(sides, missing, by)
    keys = _keys([side.frame for side in sides.values()]) if by is None else tuple(by)
    _check_keys(sides, keys)
    sides, lacking = same_utterances(sides, missing, keys)
    frames, said = {}, []
    for name, side in sides.items():
        frames[name], found = checked(side.frame, keys, called(name))
        said += found
    known = {file: source for side in sides.values() for file, source in side.sources.items()}
    pseudo = reference is not None and bool(frames[REFERENCE].attrs.get("pseudo_reference"))
    return Material(
        {name: frame for name, frame in frames.items() if name != REFERENCE},
        frames.get(REFERENCE),
        keys,
        files,
        known,
        (*problems, *lacking, *heard, *said),
        pseudo,
    )


def _check_systems(systems: Any, reference: Any) -> None:
    if not isinstance(systems, Mapping):
        whole = "; a folder or file with several systems is for sk.score(...)"
        raise ConfigError(
            f"systems are of type {type(systems).__name__}; give {{name: what it heard, ...}}, "
            'such as {"general": transcript, "general:rc": other}'
            + (whole if isinstance(systems, (str, os.PathLike)) else "")
        )
    if not systems:
        raise ConfigError("there is no system to compare: give {name: what it heard, ...}")
    if len(systems) == 1 and reference is None:
        raise ConfigError(
            f"there is only one system, {next(iter(systems))!r}, and no reference: give a second system, "
            "or reference="
        )


def _check_names(systems: Mapping[str, Any], by: Sequence[str]) -> None:
    for name in systems:
        if not isinstance(name, str) or not name.strip():
            raise ConfigError(f"a system is called {name!r}; its name is a text that is not empty")
        if name in (*RESERVED, REFERENCE, *by):
            raise ConfigError(f"a system cannot be called {name!r}: a column of the results has this name")


# --- recordings


def _with_recordings(sides: Mapping[str, WordInput]) -> dict[str, WordInput]:
    """Every side with a column `recording`, if any has one."""
    known = set().union(*(side.find_recordings() for name, side in sides.items() if name != REFERENCE))
    known = known or set(sides[REFERENCE].find_recordings() if REFERENCE in sides else ())
    if not known:
        return dict(sides)
    return {name: _placed(side, known, name) for name, side in sides.items()}


def _placed(side: WordInput, known: set[str], name: str) -> WordInput:
    own = side.find_recordings()
    if not own:
        if len(known) > 1:
            raise SchemaError(
                f"{called(name)} does not say which recording its words are of, and there are {len(known)} "
                f"({few(sorted(known))}): add a column 'recording', or give {{recording: ...}}"
            )
        return side.assign_recording(next(iter(known)))
    renamed = _by_stem(own, known) if name == REFERENCE else {}
    if not renamed:
        return side
    frame = side.frame.assign(recording=side.frame["recording"].replace(renamed))
    sources = {renamed.get(file, file): source for file, source in side.sources.items()}
    return WordInput(frame, frozenset(renamed.get(file, file) for file in own), sources)


def _by_stem(own: Iterable[str], known: set[str]) -> dict[str, str]:
    """Files of other programs name a recording without folder and suffix."""
    stems: dict[str, list[str]] = {}
    for file in known:
        stems.setdefault(Path(file).stem, []).append(file)
    found = {file: stems.get(Path(file).stem, []) for file in own if file not in known}
    return {file: matches[0] for file, matches in found.items() if len(matches) == 1}


# --- utterances


def _keys(frames: Sequence[pd.DataFrame]) -> tuple[str, ...]:
    """`recording` and `channel_tag` if all have them; one channel is compared with one, whatever its tag."""
    keys = [key for key in ("recording", "channel_tag") if all(key in frame for frame in frames)]
    if "channel_tag" in keys and len({frozenset(frame["channel_tag"].unique()) for frame in frames}) > 1:
        group = [key for key in keys if key != "channel_tag"]
        if all(_most_channels(frame, group) <= 1 for frame in frames):
            keys.remove("channel_tag")
    return tuple(keys)


def _most_channels(frame: pd.DataFrame, group: Sequence[str]) -> int:
    if not len(frame):
        return 0
    tags = frame["channel_tag"]
    return int(tags.groupby([frame[key] for key in group]).nunique().max()) if group else tags.nunique()


def _check_keys(sides: Mapping[str, WordInput], keys: Sequence[str]) -> None:
    for name, side in sides.items():
        for key in keys:
            if key not in side.frame:
                there = ", ".join(map(str, side.frame))
                raise SchemaError(
                    f"{called(name)}: no column {key!r} to tell utterances apart; there are {there}"
                )
