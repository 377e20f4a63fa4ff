"""Words from a file of any known format, or from a folder of such files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import ConfigError, SchemaError, TranscriptError, few
from ..tables import UTTERANCE_KEYS
from .base import FileContent, Format, UnreadableFile
from .parquet import list_systems, parse_part_name, system_folder
from .registry import PARQUET, TRANSCRIPT, find_format, has_known_suffix, list_suffixes


def read_reference(
    path: str | os.PathLike[str], *, tiers: str | Sequence[str] | None = None, recording: str | None = None
) -> pd.DataFrame:
    """Read a reference from a file. The format is known by the suffix.

    - `.TextGrid` (Praat), `.eaf` (ELAN): tiers that have "word" in their names, or else the only tier.
    - `.srt`, `.vtt`: subtitles.
    - `.ctm`, `.stm` (NIST): channels `A` and `1` get the tag `"0"`, unless the file has a channel 0. Segments
      of an STM marked `ignore_time_segment_in_scoring` are left out, with a warning.
    - `.csv`: the column `word`, or `text`; `start`, `end` (seconds), `recording`, `channel_tag` if present.
      Of several alternatives the first, 0, is read; other columns of words are kept, as text.
    - `.txt`: the whole file is one text.
    - `.parquet`: a frame of words or texts, or a saved transcript; rows keep their order.

    A tier with "word" in its name has words. Other tiers and subtitles have words if each interval is one
    word, else text. Several words in one interval of a tier of words share its start and end. With several
    tiers the channel tag is the number at the end of the tier's name, or the position of the tier unless all
    names have a number.

    Args:
        path: the file, in UTF-8 (a TextGrid also in UTF-16).
        tiers: names of the tiers to read, of a TextGrid or EAF.
        recording: id written into every row; only for a file about one recording. Default: None,
            the ids in the file.

    Returns:
        A reference for `align` and `compare`: a frame with `word`, `start`, `end`, one row per word
        in order of time; or without word times with `text`, one row per recording and channel, its segments
        joined in order of time. The columns `recording` and `channel_tag` come first, and exist only if the
        file has them (or you pass `recording`).

    Raises:
        TranscriptError: if the file cannot be read, or its format is not known.
        MissingExtra: if the format needs a package that is not installed.
    """
    path = Path(path)
    names = [tiers] if isinstance(tiers, str) else tiers
    content = _read(path, names)
    return content.frame if recording is None else _name_recording(content.frame, recording, path)


def read_file(path: Path, name: str) -> FileContent:
    """Read the words of one file.

    Args:
        name: name of the system, for messages.

    Raises:
        TranscriptError: if the file cannot be read, or its format is not known.
        SchemaError: if it is a table with neither `word` nor `text`.
    """
    try:
        return _read(path, None)
    except (TranscriptError, SchemaError) as error:
        raise type(error)(f"{name}: {error}") from None


def is_transcript(path: Path) -> bool:
    """Whether `sk.load` reads a file: a saved transcript, or a file of no format for words."""
    return find_format(path) in (None, TRANSCRIPT)


def list_files(folder: Path, name: str) -> list[Path]:
    """The files with words in a folder, sorted by name.

    Raises:
        ConfigError: if there are none, or the folder is a corpus of several systems.
    """
    words = folder / "words" if (folder / "words").is_dir() else folder
    if there := list_systems(words):
        raise ConfigError(
            f"{name}: {os.fspath(folder)!r} has words of {len(there)} systems ({few(there)}); give the "
            f"folder of one, such as Path({os.fspath(system_folder(words, there[0]))!r}), or score them all "
            f"with sk.score({os.fspath(folder)!r}, reference=..., systems=[...])"
        )
    paths = sorted(path for path in folder.iterdir() if _is_word_file(path))
    if not paths:
        raise ConfigError(
            f"{name}: the folder {os.fspath(folder)!r} has no file of a known format; the known suffixes are "
            f"{list_suffixes()}"
        )
    return paths


def is_folder(text: str) -> bool:
    """Whether a string is a path of a folder. A single word counts only if the folder has word files."""
    return os.path.isdir(text) and (
        len(Path(text).parts) > 1 or any(map(_is_word_file, Path(text).iterdir()))
    )


def guess_recording(path: Path) -> str:
    """The id of the recording of a file in a folder, from the name of the file."""
    return parse_part_name(path) if PARQUET.has_suffix(path) else path.stem


def _is_word_file(path: Path) -> bool:
    return has_known_suffix(path) and not path.name.startswith(".") and path.is_file()


def _read(path: Path, tiers: Sequence[str] | None) -> FileContent:
    """Read a file; sort its rows if the format is sorted."""
    shown = os.fspath(path)
    try:
        form = find_format(path)
        if form is None:
            raise TranscriptError(
                f"{shown!r} has no known format; the known suffixes are {list_suffixes()}; read an answer of "
                "the service in JSON with sk.load(path)"
            )
        content = _call_reader(form, path, tiers)
    except OSError as error:
        raise TranscriptError(f"cannot read {shown!r}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise TranscriptError(f"{shown!r} is not in UTF-8; save it as UTF-8 first") from None
    except UnreadableFile as error:
        raise TranscriptError(f"cannot read {shown!r}: {error}") from None
    return content._replace(frame=_sort(content.frame)) if form.is_sorted else content


def _call_reader(form: Format, path: Path, tiers: Sequence[str] | None) -> FileContent:
    if tiers is None:
        return form.read(path)
    if not form.has_tiers:
        raise TranscriptError(
            f"{os.fspath(path)!r} has no tiers; leave tiers out, or read {list_suffixes(has_tiers=True)}"
        )
    return form.read(path, tiers)


def _sort(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort by recording and channel in order of appearance, then by time. Texts are joined."""
    keys = [key for key in UTTERANCE_KEYS if key in frame]
    number = frame.groupby(keys, sort=False).ngroup() if keys else pd.Series(0, frame.index)
    if {"start", "end"} <= set(frame):
        order = np.lexsort((frame["end"], frame["start"], number))
        frame = frame.iloc[order].reset_index(drop=True)
    if "word" in frame:
        first = [*keys, *(name for name in ("word", "start", "end") if name in frame)]
        return frame[[*first, *(name for name in frame if name not in first)]]
    if not keys:
        return pd.DataFrame({"text": pd.Series([" ".join(frame["text"])], dtype="str")})
    texts = frame.groupby(keys, sort=False)["text"].agg(" ".join)
    return texts.reset_index().astype("str")


def _name_recording(frame: pd.DataFrame, recording: str, path: Path) -> pd.DataFrame:
    ids = pd.Series(recording, frame.index, dtype="str")
    if "recording" not in frame:
        frame.insert(0, "recording", ids)
        return frame
    there = frame["recording"].unique().tolist()
    if len(there) > 1:
        raise TranscriptError(
            f"{os.fspath(path)!r} has {len(there)} recordings ({few(there)}) and cannot be called "
            f"{recording!r}: read it without recording="
        )
    return frame.assign(recording=ids)
