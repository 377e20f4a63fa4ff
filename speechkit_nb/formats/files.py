"""Words from a file of any known format, or from a folder of such files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import ConfigError, LeftOut, SchemaError, TranscriptError, count_noun, few, show_value, warn
from ..tables import UTTERANCE_KEYS
from .base import FileContent, Format, Omission, UnreadableFile, read_text
from .parquet import list_systems, parse_part_name, system_folder
from .registry import PARQUET, TRANSCRIPT, find_format, has_known_suffix, list_suffixes
from .text import describe_content


def read_reference(
    path: str | os.PathLike[str], *, tiers: str | Sequence[str] | None = None, recording: str | None = None
) -> pd.DataFrame:
    """Read a reference from a file. The format is known by the suffix, or by the first line of the file.

    - `.TextGrid` (Praat), `.eaf` (ELAN): the tiers called `words`, also `words 1` or `word`; or else those
      of speakers, such as `Ann - words`, `words@Ann` or `A_word-txt-en`; or else those of the type `words`,
      or the only tier.
    - `.vtt`, `.srt`: subtitles. Stamps inside a subtitle of WebVTT give times to the words between them.
    - `.ctm`, `.stm` (NIST): channels `A` and `1` get the tag `"0"`, unless the file has a channel 0. Segments
      of an STM marked `ignore_time_segment_in_scoring` are left out.
    - `.csv`, `.tsv`: a table divided by commas, semicolons, tabs or `|`: the column `word`, or `text`;
      `start` (also `begin`, `from`), `end` (`stop`, `to`) or `duration`, in seconds unless they are called
      `start_ms`, `end_ms`; `recording`, `channel_tag` if present. Of several alternatives the first is read;
      other columns of words are kept, as text.
    - `.txt`: the whole file is one text. A file of another program with ids or times is refused.
    - `.parquet`: a frame of words or texts, or a saved transcript; rows keep their order.

    A tier called words has words. Other tiers and subtitles have words if each interval is one word, else
    text. Several words in one interval of a tier of words share its start and end. With several tiers the
    channel tag is the number at the end of the tier's name, or the position of the tier unless all names have
    a number. Tiers of points and of phones are not read.

    Args:
        path: the file, in UTF-8, or in UTF-16 with a byte order mark.
        tiers: names of the tiers to read, of a TextGrid or EAF.
        recording: id written into every row; only for a file about one recording. Default: None,
            the ids in the file.

    Returns:
        A reference for `align` and `compare`: a frame with `word`, `start`, `end`, one row per word
        in order of time; or without word times with `text`, one row per recording and channel, its segments
        joined in order of time. The columns `recording` and `channel_tag` come first, and exist only if the
        file has them (or you pass `recording`). What the file has and the frame has not is in
        `attrs["left_out"]`, one dict per part with `place`, `reason` and `text`, and a `LeftOut` warning
        says so.

    Raises:
        TranscriptError: if the file cannot be read, or its format is not known.
        ConfigError: if `path`, `tiers` or `recording` has a wrong type.
    """
    path = _check_path(path)
    names = [tiers] if isinstance(tiers, str) else tiers
    if names is not None and not (
        isinstance(names, list | tuple) and names and all(isinstance(name, str) for name in names)
    ):
        raise ConfigError(f"tiers is {show_value(tiers)}; it must be the name of a tier, or a list of names")
    if not isinstance(recording, str | None):
        raise ConfigError(f"recording is of type {type(recording).__name__}; it must be an id, a str")
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
    try:
        inside = list(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"{name}: cannot read {os.fspath(folder)!r}: {error.strerror or error}") from None
    if there := list_systems(words):
        raise ConfigError(
            f"{name}: {os.fspath(folder)!r} has words of {len(there)} systems ({few(there)}); give the "
            f"folder of one, such as Path({os.fspath(system_folder(words, there[0]))!r}), or score them all "
            f"with sk.score({os.fspath(folder)!r}, reference=..., systems=[...])"
        )
    paths = sorted(path for path in inside if _is_word_file(path))
    if not paths:
        raise ConfigError(
            f"{name}: the folder {os.fspath(folder)!r} has no file of a known format; the known suffixes are "
            f"{list_suffixes()}"
        )
    return paths


def is_folder(text: str) -> bool:
    """Whether a string is a path of a folder. A single word counts only if the folder has word files."""
    if not os.path.isdir(text):
        return False
    return len(Path(text).parts) > 1 or (
        os.access(text, os.R_OK) and any(map(_is_word_file, Path(text).iterdir()))
    )


def guess_recording(path: Path) -> str:
    """The id of the recording of a file in a folder, from the name of the file."""
    return parse_part_name(path) if PARQUET.has_suffix(path) else path.stem


def _is_word_file(path: Path) -> bool:
    return has_known_suffix(path) and not path.name.startswith(".") and path.is_file()


def _check_path(path: Any) -> Path:
    try:
        return Path(os.fsdecode(path))
    except TypeError:
        raise ConfigError(
            f"path is of type {type(path).__name__}; it must be the path of a file, a str or Path"
        ) from None


def _read(path: Path, tiers: Sequence[str] | None) -> FileContent:
    """Read a file; sort its rows if the format is sorted, and warn of what is left out."""
    shown = os.fspath(path)
    try:
        _check_kind(path)
        form = find_format(path)
        if form is None:
            raise TranscriptError(f"{shown!r} has no known format{_describe_unknown(path)}")
        content = _call_reader(form, path, tiers)
    except OSError as error:
        raise TranscriptError(f"cannot read {shown!r}: {error.strerror or error}") from None
    except UnreadableFile as error:
        raise TranscriptError(f"cannot read {shown!r}: {error}") from None
    except ValueError as error:
        # a NUL character, or half a character, which no path has
        if "null" not in str(error) and not isinstance(error, UnicodeEncodeError):
            raise
        raise TranscriptError(f"cannot read {shown!r}: {error}") from None
    frame = _sort(content.frame) if form.is_sorted else content.frame
    frame.attrs.setdefault("origin", f"file {path.name}")
    if content.left_out:
        frame.attrs["left_out"] = [omission._asdict() for omission in content.left_out]
        warn(LeftOut(_describe_omissions(path, content.left_out)))
    return content._replace(frame=frame)


def _describe_omissions(path: Path, omissions: Sequence[Omission]) -> str:
    n_parts = count_noun(len(omissions), "part")
    shown = "; ".join(map(str, omissions[:3]))
    more = "; ... (all of them are in attrs['left_out'] of the frame)" if len(omissions) > 3 else ""
    return f"{path.name}: {n_parts} left out: {shown}{more}"


def _check_kind(path: Path) -> None:
    """Refuse what is no file; a pipe or a device may never end.

    Raises:
        OSError: if there is nothing at this path.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise UnreadableFile("it is a folder; read its files one by one")
    if not stat.S_ISREG(mode):
        raise UnreadableFile("it is a pipe or a device, not a file")


def _describe_unknown(path: Path) -> str:
    """The end of the message about a file of no known format: what it looks like, and what is read."""
    try:
        what = describe_content(read_text(path))
    except UnreadableFile:
        what = None
    looks = f"; it looks like {what}" if what else ""
    return (
        f"{looks}; the known suffixes are {list_suffixes()}; read an answer of the service in JSON with "
        "sk.load(path)"
    )


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
    if {"start", "end"} <= set(frame) and not frame["start"].isna().any():  # NaN would be sorted to the end
        order = np.lexsort((frame["end"], frame["start"], number))
        frame = frame.iloc[order].reset_index(drop=True)
    if "word" in frame:
        first = [*keys, *(name for name in ("word", "start", "end") if name in frame)]
        return frame[[*first, *(name for name in frame if name not in first)]]
    if not keys:
        return pd.DataFrame({"text": pd.Series([_join_texts(frame["text"])], dtype="str")})
    texts = frame.groupby(keys, sort=False)["text"].agg(_join_texts)
    return texts.reset_index().astype("str")


def _join_texts(texts: Iterable[str]) -> str:
    return " ".join(filter(None, texts))


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
