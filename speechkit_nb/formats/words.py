"""Words of a system or a reference, read from any form of input."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import ConfigError, EvaluationError
from ..tables import HasWords, read_word_frame
from ..transcript import Transcript
from .base import Omission
from .files import guess_recording, is_folder, list_files, read_file
from .registry import has_known_suffix

FORMS = (
    "text, a frame with the column word or text, a transcript (job.result()), a file or a folder of files as "
    "a Path or its name, or for several recordings a list of these or {recording: ...}"
)


@dataclass(frozen=True)
class WordInput:
    """What one system recognized, or what the reference contains.

    Attributes:
        frame: one row per word with `word`, `start`, `end` (NaN where unknown), or one row per utterance
            with `text`; `recording` and `channel_tag` only if known.
        recordings: further ids that are known, such as those of recordings without words.
        sources: audio by recording, where known.
        problems: what was left out or changed when frames were read, one sentence each.
        left_out: what is in a file and not in the frame, one sentence each; a warning was shown.
        origins: where the words come from, as frames tell in `attrs["origin"]`.
    """

    frame: pd.DataFrame
    recordings: frozenset[str] = frozenset()
    sources: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether the frame has texts, not words."""
        return "text" in self.frame and "word" not in self.frame

    def find_recordings(self) -> frozenset[str]:
        """Ids of all recordings, including those in the frame; empty if none is known."""
        named = self.frame["recording"].dropna().unique() if "recording" in self.frame else ()
        return self.recordings | frozenset(map(str, named))

    def assign_recording(self, recording: str) -> WordInput:
        """A copy with this recording in every row."""
        frame = self.frame.assign(recording=pd.Series(recording, self.frame.index, dtype="str"))
        sources = dict(zip([recording], self.sources.values(), strict=False))
        return replace(self, frame=frame, recordings=frozenset([recording]), sources=sources)


def read_words(given: Any, name: str, *, all_alternatives: bool = False) -> WordInput:
    """Read words or texts from any of the forms that a user can pass.

    Args:
        given: text, a frame, a transcript, a file or folder, or a list or mapping of these.
        name: of the system, for messages.
        all_alternatives: whether to read all alternatives of a frame or a transcript, not only the first.

    Raises:
        ConfigError: if it has another type, or names a recording twice.
        SchemaError: if a frame has neither words nor texts, or has invalid times.
        TranscriptError: if a file cannot be read.
    """
    if isinstance(given, str):
        return _read_string(given, name)
    if isinstance(given, os.PathLike):
        return _read_path(Path(given), name)
    if isinstance(given, pd.DataFrame):
        return _read_frame(given, name, all_alternatives=all_alternatives)
    if isinstance(given, Transcript):
        known = frozenset([given.recording])
        return _read_frame(given.words, name, known, given.source, all_alternatives)
    if isinstance(given, Mapping):
        parts = ((str(key), read_words(part, f"{name}, {key!r}")) for key, part in given.items())
        return _join(parts, name)
    if isinstance(given, (list, tuple)):
        return _read_list(given, name)
    if isinstance(given, HasWords) and not isinstance(given, type):
        # a JobSet; the client is not imported here
        return read_words(given.words, name, all_alternatives=all_alternatives)
    raise ConfigError(f"{name} is of type {type(given).__name__}; it can be {FORMS}")


def _read_frame(
    given: pd.DataFrame,
    name: str,
    recordings: frozenset[str] = frozenset(),
    source: Any = None,
    all_alternatives: bool = False,
) -> WordInput:
    frame, problems = read_word_frame(given, name, all_alternatives=all_alternatives)
    frame = frame.reset_index(drop=True)
    if "word" in frame and not {"start", "end"} <= set(frame):
        frame = frame.assign(start=float("nan"), end=float("nan"))
    sources = {} if source is None else dict.fromkeys(recordings, source)
    origin = given.attrs.get("origin")
    origins = (origin,) if isinstance(origin, str) else ()
    return WordInput(frame, recordings, sources, problems, _list_omissions(given, name), origins)


def _list_omissions(frame: pd.DataFrame, name: str) -> tuple[str, ...]:
    """What is in the file of a frame of `read_reference` and not in the frame, one sentence each."""
    parts = frame.attrs.get("left_out")
    known = [part for part in (parts if isinstance(parts, list) else ()) if isinstance(part, dict)]
    omissions = [Omission(**part) for part in known if set(part) == set(Omission._fields)]
    return tuple(f"{name}: left out: {omission}" for omission in omissions)


def _read_string(given: str, name: str) -> WordInput:
    """A text, or the name of a file or folder."""
    if os.path.isfile(given) or is_folder(given):  # False, not an error, for a text too long for a path
        return _read_path(Path(given), name)
    if len(given.split()) == 1 and has_known_suffix(Path(given)):
        raise ConfigError(f"{name}: there is no file {given!r}")
    return _read_frame(pd.DataFrame({"text": pd.Series([given], dtype="object")}), name)


def _read_path(path: Path, name: str) -> WordInput:
    if not path.is_dir():
        return _read_one_file(path, name)
    inputs, known = list[WordInput](), set[str]()
    for file in list_files(path, name):
        content = _read_one_file(file, f"{name}, {file.name!r}")
        inputs.append(
            content if content.find_recordings() else content.assign_recording(guess_recording(file))
        )
        twice = known & inputs[-1].find_recordings()
        if twice:
            raise EvaluationError(
                f"{name} has the recording {min(twice)!r} in two files of {os.fspath(path)!r}"
            )
        known |= inputs[-1].find_recordings()
    return _concatenate(inputs)


def _read_one_file(path: Path, name: str) -> WordInput:
    content = read_file(path, name)
    return _read_frame(content.frame, name, content.recordings, content.source)


def _read_list(given: Iterable[Any], name: str) -> WordInput:
    """Read a list. The name of a part is its only recording, or else its position in the list."""
    inputs = [read_words(part, f"{name}, number {i}") for i, part in enumerate(given)]
    named = [(_find_only_recording(part) or str(i), part) for i, part in enumerate(inputs)]
    return _join(named, name)


def _find_only_recording(part: WordInput) -> str | None:
    ids = part.find_recordings()
    return next(iter(ids)) if len(ids) == 1 else None


def _join(parts: Iterable[tuple[str, WordInput]], name: str) -> WordInput:
    inputs: dict[str, WordInput] = {}
    for recording, part in parts:
        if recording in inputs:
            raise ConfigError(
                f"{name} has the recording {recording!r} twice; give {{name: ...}} with a name for each"
            )
        if len(part.find_recordings()) > 1:
            raise ConfigError(
                f"{name}: {recording!r} has words of {len(part.find_recordings())} recordings, not of one"
            )
        inputs[recording] = part.assign_recording(recording)
    if not inputs:
        raise ConfigError(f"{name} is empty; it can be {FORMS}")
    return _concatenate(list(inputs.values()))


def _concatenate(inputs: Sequence[WordInput]) -> WordInput:
    texts = all(part.is_text for part in inputs)
    frames = [part.frame if texts else _split_texts(part) for part in inputs]
    return WordInput(
        pd.concat(_drop_partial_columns(frames), ignore_index=True),
        frozenset().union(*(part.find_recordings() for part in inputs)),
        {key: source for part in inputs for key, source in part.sources.items()},
        tuple(problem for part in inputs for problem in part.problems),
        tuple(omission for part in inputs for omission in part.left_out),
        tuple(dict.fromkeys(origin for part in inputs for origin in part.origins)),
    )


def _drop_partial_columns(frames: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Drop `channel_tag` unless all frames have it."""
    lacking = any("channel_tag" not in frame for frame in frames)
    return [frame.drop(columns="channel_tag", errors="ignore") for frame in frames] if lacking else frames


def _split_texts(part: WordInput) -> pd.DataFrame:
    """Split texts into words without times."""
    if not part.is_text:
        return part.frame
    # not at no-break spaces, which a normalizer may need in numbers
    words = part.frame["text"].str.findall(r"[^ \t\n\r\f\v]+")
    frame = part.frame.assign(word=words).drop(columns="text")
    frame = frame.explode("word", ignore_index=True).dropna(subset="word")
    return frame.assign(start=float("nan"), end=float("nan")).astype({"word": "str"})
