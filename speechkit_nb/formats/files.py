"""Words from files: saved transcripts, Parquet, and what `read_reference` reads; alone or as a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from .. import tables
from ..errors import ConfigError, SchemaError, TranscriptError, few
from .parquet import PARQUET_SUFFIX, facts_of, part_of, read_frame, system_folder, systems_of
from .registry import read_reference

SUFFIXES = (".textgrid", ".eaf", ".ctm", ".stm", ".srt", ".vtt", ".csv", ".txt", PARQUET_SUFFIX)

_MARK = b"PAR1"
"""First bytes of a Parquet file; a saved transcript is one, whatever it is called."""


class Said(NamedTuple):
    """What a file holds.

    Attributes:
        frame: with `word` or `text`.
        recordings: those it is known to be about.
        source: path of the sound, where a transcript names it.
    """

    frame: pd.DataFrame
    recordings: frozenset[str] = frozenset()
    source: str | None = None


def read_file(path: Path, name: str) -> Said:
    """The words of one file.

    Args:
        name: what the errors call it.

    Raises:
        TranscriptError: if it cannot be read, or is of no kind that is known.
        SchemaError: if it is a table with neither `word` nor `text`.
    """
    if path.suffix.lower() == PARQUET_SUFFIX or _begins(path) == _MARK:
        return _of_parquet(path, name)
    if path.suffix.lower() not in SUFFIXES:
        raise TranscriptError(
            f"{name}: {os.fspath(path)!r} is of no kind that is read; there are saved transcripts, "
            f"{', '.join(SUFFIXES)}; an answer of the service in JSON is read by sk.load(path)"
        )
    return Said(read_reference(path))


def is_transcript(path: Path) -> bool:
    """Whether `sk.load` is what reads a file: it was written by `Transcript.save`, or is of no other kind."""
    if path.suffix.lower() == PARQUET_SUFFIX or (path.is_file() and _begins(path) == _MARK):
        return {"format", "recording"} <= facts_of(path).keys()
    return path.suffix.lower() not in SUFFIXES


def files_of(folder: Path, name: str) -> list[Path]:
    """The files of a folder with a file or several a recording, by name.

    Raises:
        ConfigError: if it has none, or is a corpus of several systems.
    """
    words = folder / "words" if (folder / "words").is_dir() else folder
    if there := systems_of(words):
        raise ConfigError(
            f"{name}: {os.fspath(folder)!r} has words of {len(there)} systems ({few(there)}); give the "
            f"folder of one, such as Path({os.fspath(system_folder(words, there[0]))!r}), or score them all "
            f"with sk.score({os.fspath(folder)!r}, reference=..., systems=[...])"
        )
    paths = sorted(path for path in folder.iterdir() if _is_read(path))
    if not paths:
        raise ConfigError(
            f"{name}: in the folder {os.fspath(folder)!r} is no file that is read; there are "
            f"{', '.join(SUFFIXES)}"
        )
    return paths


def is_folder(text: str) -> bool:
    """Whether a text is meant as the name of a folder: one word may just be what was said."""
    return os.path.isdir(text) and (len(Path(text).parts) > 1 or any(map(_is_read, Path(text).iterdir())))


def named_by(path: Path) -> str:
    """The recording that a file of a folder is about, if it does not say so itself."""
    return part_of(path) if path.suffix.lower() == PARQUET_SUFFIX else path.stem


def _is_read(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _begins(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_MARK))
    except OSError as error:
        raise TranscriptError(f"cannot read {os.fspath(path)!r}: {error.strerror or error}") from None


def _of_parquet(path: Path, name: str) -> Said:
    """A saved transcript, or a frame."""
    facts = facts_of(path)
    try:
        if "format" in facts and "recording" in facts:
            return _of_transcript(path, facts)
        frame = read_frame(path)
    except SchemaError as error:
        raise TranscriptError(f"{name}: {error}") from None
    if not {"word", "text"} & set(frame):
        raise SchemaError(
            f"{name}: {os.fspath(path)!r} has neither a column word nor text; there are "
            f"{', '.join(map(str, frame)) or 'none'}; a table with texts of several systems is for "
            f"sk.score({os.fspath(path)!r}, reference=..., systems=[...])"
        )
    return Said(frame, frozenset(map(str, facts.get("recordings", ()))))


def _of_transcript(path: Path, facts: dict[str, Any]) -> Said:
    responses = read_frame(path, ["response"])["response"].tolist()
    recording = str(facts["recording"])
    return Said(tables.make_words(responses, recording), frozenset([recording]), facts.get("source"))
