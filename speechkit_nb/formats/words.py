"""Words of a system or a reference, read from any form of input."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from ..errors import ConfigError, EvaluationError, SchemaError
from ..transcript import Transcript
from .files import guess_recording, is_folder, list_files, read_file
from .registry import has_known_suffix

FORMS = (
    "text, a frame with the column word or text, a transcript, a file or a folder of files as a Path or its "
    "name, or for several recordings a list of these or {recording: ...}"
)


@dataclass(frozen=True)
class WordInput:
    """What one system recognized, or what the reference contains.

    Attributes:
        frame: one row per word with `word`, `start`, `end` (NaN where unknown), or one row per utterance
            with `text`; `recording` and `channel_tag` only if known.
        recordings: further ids that are known, such as those of recordings without words.
        sources: audio by recording, where known.
    """

    frame: pd.DataFrame
    recordings: frozenset[str] = frozenset()
    sources: Mapping[str, Any] = field(default_factory=dict)

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
        source = next(iter(self.sources.values()), None)
        return WordInput(frame, frozenset([recording]), {} if source is None else {recording: source})


def read_words(given: Any, name: str) -> WordInput:
    """Read words or texts from any of the forms that a user can pass.

    Args:
        given: text, a frame, a transcript, a file or folder, or a list or mapping of these.
        name: of the system, for messages.

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
        return WordInput(normalize_frame(given, name))
    if isinstance(given, Transcript):
        return _make_input(given.words, name, frozenset([given.recording]), given.source)
    if isinstance(given, Mapping):
        parts = ((str(key), read_words(part, f"{name}, {key!r}")) for key, part in given.items())
        return _join(parts, name)
    if isinstance(given, (list, tuple)):
        return _read_list(given, name)
    words = getattr(given, "words", None)  # a JobSet: the client is not imported here
    if isinstance(words, pd.DataFrame):
        return WordInput(normalize_frame(words, name))
    raise ConfigError(f"{name} is of type {type(given).__name__}; it can be {FORMS}")


def _make_input(frame: pd.DataFrame, name: str, recordings: frozenset[str], source: Any) -> WordInput:
    sources = {} if source is None else dict.fromkeys(recordings, source)
    return WordInput(normalize_frame(frame, name), recordings, sources)


def _read_string(given: str, name: str) -> WordInput:
    """A text, or the name of a file or folder."""
    if os.path.isfile(given) or is_folder(given):  # False, not an error, for a text too long for a path
        return _read_path(Path(given), name)
    if len(given.split()) == 1 and has_known_suffix(Path(given)):
        raise ConfigError(f"{name}: there is no file {given!r}")
    return WordInput(pd.DataFrame({"text": pd.Series([given], dtype="str")}))


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
    return _make_input(content.frame, name, content.recordings, content.source)


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
    )


def _drop_partial_columns(frames: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Drop `channel_tag` unless all frames have it."""
    lacking = any("channel_tag" not in frame for frame in frames)
    return [frame.drop(columns="channel_tag", errors="ignore") for frame in frames] if lacking else frames


def _split_texts(part: WordInput) -> pd.DataFrame:
    """Split texts into words without times."""
    if not part.is_text:
        return part.frame
    frame = part.frame.assign(word=part.frame["text"].str.split()).drop(columns="text")
    frame = frame.explode("word", ignore_index=True).dropna(subset="word")
    return frame.assign(start=float("nan"), end=float("nan")).astype({"word": "str"})


def normalize_frame(given: pd.DataFrame, name: str) -> pd.DataFrame:
    """The frame with the dtypes that `align` wants, first alternatives only."""
    column = next((c for c in ("word", "text") if c in given), None)
    if column is None:
        there = ", ".join(map(str, given)) or "none"
        raise SchemaError(f"{name}: there is neither a column word nor text; there are {there}")
    frame = given[given["alternative"] == 0] if "alternative" in given else given
    if "channel_tag" not in frame and "channel" in frame:
        frame = frame.rename(columns={"channel": "channel_tag"})
    texts = [c for c in (column, "recording", "channel_tag") if c in frame and frame[c].dtype != "str"]
    frame = frame.assign(**{c: _convert_to_text(frame[c]) for c in texts})
    frame = frame.assign(
        **{c: _convert_to_seconds(frame, c, name) for c in ("start", "end") if column == "word"}
    )
    result: pd.DataFrame = frame.reset_index(drop=True)
    result.attrs = dict(given.attrs)
    return result


def _convert_to_text(values: pd.Series) -> pd.Series:
    known = values.notna()
    whole = values.dtype.kind == "f" and (values[known] % 1 == 0).all()
    return (values.astype("Int64") if whole else values).astype("str").where(known)


def _convert_to_seconds(frame: pd.DataFrame, column: str, name: str) -> pd.Series:
    """A column of times as float64; NaN if the frame does not have it."""
    if column not in frame:
        return pd.Series(float("nan"), frame.index)
    if not is_numeric_dtype(frame[column]) and len(frame):
        raise SchemaError(f"{name}: column {column!r} is {frame[column].dtype}, not seconds as float64")
    seconds = frame[column].astype("float64")
    n_endless = int(np.isinf(seconds).sum())
    if n_endless:
        raise SchemaError(
            f"{name}: {n_endless} of {len(frame)} values of {column!r} are infinite; a time that is not "
            "known is NaN"
        )
    return seconds
