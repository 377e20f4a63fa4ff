"""Converts systems and reference to one form, with the same recordings, channels and utterances."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import ConfigError, SchemaError, check_system_name, few, join_names, list_names
from ...formats import WordInput, read_words
from ...tables import NORMALIZED, RAW
from .audio_checks import check_audio, read_duration
from .missing import REFERENCE, Missing, align_recordings, align_utterances, display_name
from .word_checks import check_words

RESERVED = (
    *("reference", "recording", "channel_tag", "start", "end", "place", "size", "differs", "unit", "run"),
    *("stretch", "text", "n_words", "system", "length"),
)


@dataclass(frozen=True)
class ComparisonInput:
    """The words that are compared.

    Attributes:
        systems: frames with `word`, `start`, `end`, or with `text`, and the columns `by`.
        reference: such a frame, or None.
        by: utterance key columns.
        files: the recordings; empty if no input names them.
        sources: audio by recording, where known.
        problems: what was left out, or was found and corrected, one sentence each.
        pseudo: whether the reference is a pseudo-reference, computed by a vote of systems.
        origins: where the reference comes from, as its frames tell in `attrs["origin"]`.
    """

    systems: Mapping[str, pd.DataFrame]
    reference: pd.DataFrame | None
    by: tuple[str, ...]
    files: tuple[str, ...]
    sources: Mapping[str, Any]
    problems: tuple[str, ...]
    pseudo: bool = False
    origins: tuple[str, ...] = ()

    def durations(self) -> dict[str, float]:
        """Seconds by recording, of the recordings whose audio is available."""
        return {name: read_duration(source) for name, source in self.sources.items()}


def collect_inputs(
    systems: Mapping[str, Any], reference: Any, by: str | Sequence[str] | None, missing: Missing
) -> ComparisonInput:
    """Read systems and reference, and give them the same recordings and utterances.

    Raises:
        ConfigError: if there is too little to compare, or a name cannot be used.
        SchemaError: if a frame cannot be used.
        EvaluationError: if two systems have different audio under one name, or an input lacks recordings or
            utterances that another one has.
    """
    by = None if by is None else list_names("by", by)
    _check_systems(systems, reference)
    _check_names(systems, by or ())
    inputs = {name: read_words(given, f"system {name!r}") for name, given in systems.items()}
    if reference is not None:
        inputs[REFERENCE] = read_words(reference, REFERENCE)
    inputs = _name_recordings(inputs)
    sound = check_audio(inputs)
    inputs, files, problems = align_recordings(inputs, missing, by)
    keys = _choose_keys([given.frame for given in inputs.values()]) if by is None else tuple(by)
    _check_keys(inputs, keys)
    inputs, lacking = align_utterances(inputs, missing, keys)
    frames, checked = {}, []
    for name, given in inputs.items():
        frames[name], found = check_words(given.frame, keys, display_name(name))
        checked += found
    read = [text for given in inputs.values() for text in (*given.left_out, *given.problems)]
    known = {file: source for given in inputs.values() for file, source in given.sources.items()}
    pseudo = reference is not None and bool(frames[REFERENCE].attrs.get("pseudo_reference"))
    return ComparisonInput(
        {name: frame for name, frame in frames.items() if name != REFERENCE},
        frames.get(REFERENCE),
        keys,
        files,
        known,
        (*read, *_compare_text_kinds(inputs), *problems, *lacking, *sound, *checked),
        pseudo,
        inputs[REFERENCE].origins if reference is not None else (),
    )


def _compare_text_kinds(inputs: Mapping[str, WordInput]) -> list[str]:
    """A problem if some texts are raw and others normalized."""
    frames = {display_name(name): given.frame for name, given in inputs.items()}
    kinds = {name: set(frame["text_kind"]) for name, frame in frames.items() if "text_kind" in frame}
    normalized = [name for name in kinds if NORMALIZED in kinds[name]]
    raw = [name for name in kinds if RAW in kinds[name] and name not in normalized]
    if not (raw and normalized):
        return []
    return [
        f"the text of {join_names(raw)} is raw, that of {join_names(normalized)} normalized (see text_kind): "
        "figures, capitals and marks count as errors; compare words, or texts of one kind"
    ]


def _check_systems(systems: Any, reference: Any) -> None:
    if not isinstance(systems, Mapping):
        whole = "; a folder or file with several systems is for sk.score(...)"
        raise ConfigError(
            f"systems are of type {type(systems).__name__}; give {{name: its words, ...}}, "
            'such as {"general": transcript, "general:rc": other}'
            + (whole if isinstance(systems, (str, os.PathLike)) else "")
        )
    if not systems:
        raise ConfigError("there is no system to compare: give {name: its words, ...}")
    if len(systems) == 1 and reference is None:
        raise ConfigError(
            f"there is only one system, {next(iter(systems))!r}, and no reference: give a second system, "
            "or reference="
        )


def _check_names(systems: Mapping[str, Any], by: Sequence[str]) -> None:
    for name in systems:
        check_system_name(name)
        if name in (*RESERVED, REFERENCE, *by):
            raise ConfigError(f"a system cannot be called {name!r}: a column of the results has this name")


# --- recordings


def _name_recordings(inputs: Mapping[str, WordInput]) -> dict[str, WordInput]:
    """Give every input a column `recording`, if any has one."""
    known = set().union(*(given.find_recordings() for name, given in inputs.items() if name != REFERENCE))
    known = known or set(inputs[REFERENCE].find_recordings() if REFERENCE in inputs else ())
    if not known:
        return dict(inputs)
    return {name: _name_recording(given, known, name) for name, given in inputs.items()}


def _name_recording(given: WordInput, known: set[str], name: str) -> WordInput:
    own = given.find_recordings()
    if not own:
        if len(known) > 1:
            raise SchemaError(
                f"{display_name(name)} does not name the recording of its words, and there are {len(known)} "
                f"({few(sorted(known))}): add a column 'recording', or give {{recording: ...}}"
            )
        return given.assign_recording(next(iter(known)))
    renamed = _match_stems(own, known) if name == REFERENCE else {}
    if not renamed:
        return given
    frame = given.frame.assign(recording=given.frame["recording"].replace(renamed))
    sources = {renamed.get(file, file): source for file, source in given.sources.items()}
    recordings = frozenset(renamed.get(file, file) for file in own)
    return replace(given, frame=frame, recordings=recordings, sources=sources)


def _match_stems(own: Iterable[str], known: set[str]) -> dict[str, str]:
    """New names for recordings that a file of another program names without folder and suffix."""
    stems: dict[str, list[str]] = {}
    for file in known:
        stems.setdefault(Path(file).stem, []).append(file)
    found = {file: stems.get(Path(file).stem, []) for file in own if file not in known}
    return {file: matches[0] for file, matches in found.items() if len(matches) == 1}


# --- utterances


def _choose_keys(frames: Sequence[pd.DataFrame]) -> tuple[str, ...]:
    """`recording` and `channel_tag` if all frames have them. If each frame has only one channel, tags may
    differ."""
    keys = [key for key in ("recording", "channel_tag") if all(key in frame for frame in frames)]
    if "channel_tag" in keys and len({frozenset(frame["channel_tag"].unique()) for frame in frames}) > 1:
        group = [key for key in keys if key != "channel_tag"]
        if all(_count_channels(frame, group) <= 1 for frame in frames):
            keys.remove("channel_tag")
    return tuple(keys)


def _count_channels(frame: pd.DataFrame, group: Sequence[str]) -> int:
    if not len(frame):
        return 0
    tags = frame["channel_tag"]
    return int(tags.groupby([frame[key] for key in group]).nunique().max()) if group else tags.nunique()


def _check_keys(inputs: Mapping[str, WordInput], keys: Sequence[str]) -> None:
    for name, given in inputs.items():
        for key in keys:
            if key not in given.frame:
                there = ", ".join(map(str, given.frame))
                raise SchemaError(f"{display_name(name)}: no utterance key column {key!r}; there are {there}")
