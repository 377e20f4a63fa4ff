"""The forms in which systems and references are given, each made one frame."""

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
from .files import SUFFIXES, files_of, is_folder, named_by, read_file

FORMS = (
    "text, a frame with the column word or text, a transcript, a file or a folder of files as a Path or its "
    "name, or of several recordings a list of these or {recording: ...}"
)
TIMES = ("start", "end")


@dataclass(frozen=True)
class Side:
    """What one system heard, or the reference says.

    Attributes:
        frame: a row a word with `word`, `start`, `end` (NaN where unknown), or a row an utterance with
            `text`; `recording` and `channel_tag` only if known.
        recordings: those it is known to be about, even if it has no word in them.
        sources: sound by recording, where known.
    """

    frame: pd.DataFrame
    recordings: frozenset[str] = frozenset()
    sources: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_text(self) -> bool:
        return "text" in self.frame and "word" not in self.frame

    def files(self) -> frozenset[str]:
        """Recordings it is about; none if it does not name them."""
        named = self.frame["recording"].dropna().unique() if "recording" in self.frame else ()
        return self.recordings | frozenset(map(str, named))

    def of(self, recording: str) -> Side:
        """All of it is about this recording."""
        frame = self.frame.assign(recording=pd.Series(recording, self.frame.index, dtype="str"))
        source = next(iter(self.sources.values()), None)
        return Side(frame, frozenset([recording]), {} if source is None else {recording: source})


def side_of(given: Any, name: str) -> Side:
    """One frame of whatever form.

    Args:
        name: what the errors call it.

    Raises:
        ConfigError: if it has no form that is known, or names a recording twice.
        SchemaError: if a frame has neither words nor texts, or times that are none.
        TranscriptError: if a file cannot be read.
    """
    if isinstance(given, str):
        return _of_string(given, name)
    if isinstance(given, os.PathLike):
        return _of_path(Path(given), name)
    if isinstance(given, pd.DataFrame):
        return Side(_plain(given, name))
    if isinstance(getattr(given, "words", None), pd.DataFrame):
        return _of_transcript(given, name)
    if isinstance(given, Mapping):
        return _joined(((str(key), side_of(part, f"{name}, {key!r}")) for key, part in given.items()), name)
    if isinstance(given, (list, tuple)):
        return _of_list(given, name)
    raise ConfigError(f"{name} is of type {type(given).__name__}; it can be {FORMS}")


def _of_string(given: str, name: str) -> Side:
    """A text, or the name of a file or folder."""
    if os.path.isfile(given) or is_folder(given):  # also of a text that is too long for a name
        return _of_path(Path(given), name)
    if len(given.split()) == 1 and Path(given).suffix.lower() in SUFFIXES:
        raise ConfigError(f"{name}: there is no file {given!r}")
    return Side(pd.DataFrame({"text": pd.Series([given], dtype="str")}))


def _of_path(path: Path, name: str) -> Side:
    if not path.is_dir():
        return _of_file(path, name)
    sides, known = list[Side](), set[str]()
    for file in files_of(path, name):
        side = _of_file(file, f"{name}, {file.name!r}")
        sides.append(side if side.files() else side.of(named_by(file)))
        twice = known & sides[-1].files()
        if twice:
            raise EvaluationError(
                f"{name} has the recording {min(twice)!r} in two files of {os.fspath(path)!r}"
            )
        known |= sides[-1].files()
    return _concatenated(sides)


def _of_file(path: Path, name: str) -> Side:
    said = read_file(path, name)
    sources = dict.fromkeys(said.recordings, said.source) if said.source is not None else {}
    return Side(_plain(said.frame, name), said.recordings, sources)


def _of_transcript(given: Any, name: str) -> Side:
    """A transcript, or a set of jobs, which has words of several recordings."""
    recording, frame = getattr(given, "recording", None), _plain(given.words, name)
    if not isinstance(recording, str):
        return Side(frame)
    source = getattr(given, "source", None)
    return Side(frame, frozenset([recording]), {} if source is None else {recording: source})


def _of_list(given: Iterable[Any], name: str) -> Side:
    """Transcripts say which recording they are of; of anything else the place in the list does."""
    sides = [side_of(part, f"{name}, number {i}") for i, part in enumerate(given)]
    named = [(_one(side) or str(i), side) for i, side in enumerate(sides)]
    return _joined(named, name)


def _one(side: Side) -> str | None:
    files = side.files()
    return next(iter(files)) if len(files) == 1 else None


def _joined(parts: Iterable[tuple[str, Side]], name: str) -> Side:
    sides: dict[str, Side] = {}
    for recording, side in parts:
        if recording in sides:
            raise ConfigError(
                f"{name} has the recording {recording!r} twice; give {{name: ...}} with a name for each"
            )
        if len(side.files()) > 1:
            raise ConfigError(
                f"{name}: {recording!r} has words of {len(side.files())} recordings, not of one"
            )
        sides[recording] = side.of(recording)
    if not sides:
        raise ConfigError(f"{name} is empty; it can be {FORMS}")
    return _concatenated(list(sides.values()))


def _concatenated(sides: Sequence[Side]) -> Side:
    texts = all(side.is_text for side in sides)
    frames = [side.frame if texts else _spelled(side) for side in sides]
    return Side(
        pd.concat(_same_columns(frames), ignore_index=True),
        frozenset().union(*(side.files() for side in sides)),
        {key: source for side in sides for key, source in side.sources.items()},
    )


def _same_columns(frames: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Without `channel_tag` where not all have it."""
    lacking = any("channel_tag" not in frame for frame in frames)
    return [frame.drop(columns="channel_tag", errors="ignore") for frame in frames] if lacking else frames


def _spelled(side: Side) -> pd.DataFrame:
    """Words without times in place of texts."""
    if not side.is_text:
        return side.frame
    frame = side.frame.assign(word=side.frame["text"].str.split()).drop(columns="text")
    frame = frame.explode("word", ignore_index=True).dropna(subset="word")
    return frame.assign(start=float("nan"), end=float("nan")).astype({"word": "str"})


def _plain(given: pd.DataFrame, name: str) -> pd.DataFrame:
    """The frame with the dtypes that `align` wants, first alternatives only."""
    column = next((c for c in ("word", "text") if c in given), None)
    if column is None:
        there = ", ".join(map(str, given)) or "none"
        raise SchemaError(f"{name}: there is neither a column word nor text; there are {there}")
    frame = given[given["alternative"] == 0] if "alternative" in given else given
    if "channel_tag" not in frame and "channel" in frame:
        frame = frame.rename(columns={"channel": "channel_tag"})
    texts = [c for c in (column, "recording", "channel_tag") if c in frame and frame[c].dtype != "str"]
    frame = frame.assign(**{c: _text(frame[c]) for c in texts})
    frame = frame.assign(**{c: _seconds(frame, c, name) for c in TIMES if column == "word"})
    result: pd.DataFrame = frame.reset_index(drop=True)
    result.attrs = dict(given.attrs)
    return result


def _text(values: pd.Series) -> pd.Series:
    known = values.notna()
    whole = values.dtype.kind == "f" and (values[known] % 1 == 0).all()
    return (values.astype("Int64") if whole else values).astype("str").where(known)


def _seconds(frame: pd.DataFrame, column: str, name: str) -> pd.Series:
    """As float64; NaN without the column."""
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
