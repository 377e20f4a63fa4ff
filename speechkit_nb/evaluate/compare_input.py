"""Systems and reference brought to the same recordings, channels and utterances, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ..audio import Recording
from ..errors import AudioError, ConfigError, SchemaError
from .compare_sides import Side, side_of
from .compare_words import checked

REFERENCE = "the reference"
RESERVED = (
    *("reference", "recording", "channel_tag", "start", "end", "place", "size", "differs", "unit", "run"),
    *("stretch", "text", "n_words", "system", "length"),
)
SAME = 0.05
"""Seconds by which the lengths of the same recording may differ, in two encodings."""

Missing = Literal["raise", "empty", "common"]


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


def gathered(
    systems: Mapping[str, Any], reference: Any, by: Sequence[str] | None, missing: Missing
) -> Material:
    """Everything in one form, about the same recordings.

    Raises:
        ConfigError: if there is too little to compare, a name cannot be used, or two systems have different
            sounds under one name.
        SchemaError: if a frame cannot be used, or a side lacks recordings that another one has.
    """
    _check_systems(systems, reference)
    _check_names(systems, by or ())
    sides = {name: side_of(given, f"system {name!r}") for name, given in systems.items()}
    if reference is not None:
        sides[REFERENCE] = side_of(reference, REFERENCE)
    sides = _with_recordings(sides)
    _check_sources(sides)
    sides, files, problems = _same_files(sides, missing, by)
    keys = _keys([side.frame for side in sides.values()]) if by is None else tuple(by)
    _check_keys(sides, keys)
    frames, said = {}, []
    for name, side in sides.items():
        frames[name], found = checked(side.frame, keys, _called(name))
        said += found
    known = {file: source for side in sides.values() for file, source in side.sources.items()}
    pseudo = reference is not None and bool(frames[REFERENCE].attrs.get("pseudo_reference"))
    return Material(
        {name: frame for name, frame in frames.items() if name != REFERENCE},
        frames.get(REFERENCE),
        keys,
        files,
        known,
        (*problems, *said),
        pseudo,
    )


def _called(name: str) -> str:
    return name if name == REFERENCE else f"system {name!r}"


def _check_systems(systems: Any, reference: Any) -> None:
    if not isinstance(systems, Mapping):
        raise ConfigError(
            f"systems are of type {type(systems).__name__}; give {{name: what it heard, ...}}, "
            'such as {"general": transcript, "general:rc": other}'
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


def _with_recordings(sides: Mapping[str, Side]) -> dict[str, Side]:
    """Every side with a column `recording`, if any has one."""
    known = set().union(*(side.files() for name, side in sides.items() if name != REFERENCE))
    known = known or set(sides[REFERENCE].files() if REFERENCE in sides else ())
    if not known:
        return dict(sides)
    return {name: _placed(side, known, name) for name, side in sides.items()}


def _placed(side: Side, known: set[str], name: str) -> Side:
    own = side.files()
    if not own:
        if len(known) > 1:
            raise SchemaError(
                f"{_called(name)} does not say which recording its words are of, and there are {len(known)} "
                f"({few(sorted(known))}): add a column 'recording', or give {{recording: ...}}"
            )
        return side.of(next(iter(known)))
    renamed = _by_stem(own, known) if name == REFERENCE else {}
    if not renamed:
        return side
    frame = side.frame.assign(recording=side.frame["recording"].replace(renamed))
    sources = {renamed.get(file, file): source for file, source in side.sources.items()}
    return Side(frame, frozenset(renamed.get(file, file) for file in own), sources)


def _by_stem(own: Iterable[str], known: set[str]) -> dict[str, str]:
    """Files of other programs name a recording without folder and suffix."""
    stems: dict[str, list[str]] = {}
    for file in known:
        stems.setdefault(Path(file).stem, []).append(file)
    found = {file: stems.get(Path(file).stem, []) for file in own if file not in known}
    return {file: matches[0] for file, matches in found.items() if len(matches) == 1}


def _check_sources(sides: Mapping[str, Side]) -> None:
    """The same name must be the same sound."""
    seen: dict[str, tuple[str, Any]] = {}
    for name, side in sides.items():
        for file, source in side.sources.items():
            first, other = seen.setdefault(file, (name, source))
            lengths = _seconds(other), _seconds(source)
            if abs(lengths[0] - lengths[1]) > SAME:
                raise ConfigError(
                    f"{_called(first)} and {_called(name)} have different recordings under the name "
                    f"{file!r}: one lasts {lengths[0]:.2f} s, the other {lengths[1]:.2f} s; tell them apart "
                    "with {recording: ...}"
                )


def _seconds(source: Any) -> float:
    """Length of the sound; NaN where it cannot be told."""
    try:
        recording = source if isinstance(source, Recording) else Recording(source)
    except AudioError:
        return float("nan")
    return recording.duration


def _same_files(
    sides: dict[str, Side], missing: Missing, by: Sequence[str] | None
) -> tuple[dict[str, Side], tuple[str, ...], list[str]]:
    """Never scored on different sets: sides that lack a recording are refused, filled or cut."""
    if missing not in ("raise", "empty", "common"):
        raise ConfigError(f"missing={missing!r}; there are 'raise', 'empty' and 'common'")
    if by is not None and "recording" not in by:
        return sides, (), []
    files = {name: side.files() for name, side in sides.items()}
    every = tuple(dict.fromkeys(file for own in files.values() for file in sorted(own)))
    lacking = {name: [file for file in every if file not in own] for name, own in files.items()}
    lacking = {name: gone for name, gone in lacking.items() if gone}
    if not lacking or missing == "empty":
        return sides, every, [_said_empty(name, gone, every) for name, gone in lacking.items()]
    if missing == "raise":
        raise SchemaError(_refusal(lacking, every))
    gone = {file for files in lacking.values() for file in files}
    common = tuple(file for file in every if file not in gone)
    if not common:
        raise SchemaError(f"no recording is common to all: {_refusal(lacking, every)}")
    cut = {name: _only(side, common) for name, side in sides.items()}
    left = f"{len(gone)} of {len(every)} recordings are left out, because not all have them"
    return cut, common, [f"{left} ({few(sorted(gone))})"]


def _refusal(lacking: Mapping[str, Sequence[str]], every: Sequence[str]) -> str:
    parts = [f"{_called(name)} lacks {len(gone)} ({few(gone)})" for name, gone in lacking.items()]
    return (
        f"of {len(every)} recordings {', '.join(parts)}: give all of them, or say missing='common' to "
        "compare on those that all have, or missing='empty' if nothing was heard there; if it is "
        "one recording under two names, give {recording: ...}"
    )


def _said_empty(name: str, gone: Sequence[str], every: Sequence[str]) -> str:
    return f"{_called(name)} lacks {len(gone)} of {len(every)} recordings ({few(gone)}), taken as empty"


def _only(side: Side, files: Sequence[str]) -> Side:
    frame = side.frame[side.frame["recording"].isin(files)].reset_index(drop=True)
    return replace(side, frame=frame, recordings=side.recordings & set(files))


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


def _check_keys(sides: Mapping[str, Side], keys: Sequence[str]) -> None:
    for name, side in sides.items():
        for key in keys:
            if key not in side.frame:
                there = ", ".join(map(str, side.frame))
                raise SchemaError(
                    f"{_called(name)}: no column {key!r} to tell utterances apart; there are {there}"
                )


def few(names: Sequence[str]) -> str:
    """The first three of them.

    >>> few(["a", "b", "c", "d"])
    "'a', 'b', 'c', ..."
    """
    return ", ".join(map(repr, names[:3])) + (", ..." if len(names) > 3 else "")
