"""Reference files of other programs as frames: what was said, and where known when."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import TranscriptError
from ..tables import UTTERANCE_KEYS
from .nist import Unreadable, read_ctm, read_stm
from .tiers import read_eaf, read_subtitles, read_textgrid


def read_reference(
    path: str | os.PathLike[str], *, tiers: str | Sequence[str] | None = None, recording: str | None = None
) -> pd.DataFrame:
    """A reference from a file; the suffix says of which kind.

    - `.TextGrid` (Praat), `.eaf` (ELAN): tiers whose names have "word" in them, or else the only tier.
    - `.srt`, `.vtt`: subtitles.
    - `.ctm`, `.stm` (NIST): channels `A` and `1` are the tag `"0"`, unless the file has a channel 0. Segments
      of an STM that say `ignore_time_segment_in_scoring` are left out, with a warning.
    - `.csv`: columns `word`, or `text`; `start`, `end` (seconds), `recording`, `channel_tag` if it has them.
      Of several alternatives the first, 0, is read; other columns of words are kept, as text.
    - `.txt`: the whole file is one text.

    Tiers named for words are words; others, and subtitles, are if each piece is one word, else they are text.
    Several words in a piece of a tier of words share its start and end. With several tiers the
    number at the end of a name is the channel's tag, or the place of the tier if not all have one.

    Args:
        path: the file, in UTF-8 (a TextGrid also in UTF-16).
        tiers: names of the tiers to read, of a TextGrid or EAF.
        recording: id of the recording, written into every row; for a file that names one only.

    Returns:
        What `align` and `compare` take as a reference: a frame with `word`, `start`, `end`, a row a word in
        the order of time; or without word times with `text`, a row a recording and channel, its segments
        joined in the order of time. The columns `recording` and `channel_tag` come first, and are only there
        where the file tells (or you do).

    Raises:
        TranscriptError: if the file cannot be read, or is of no kind that is known here.
        MissingExtra: if the kind needs a package that is not installed.
    """
    path = Path(path)
    reader = _reader(path, tiers)
    try:
        frame = reader(path)
    except OSError as error:
        raise TranscriptError(f"cannot read {os.fspath(path)!r}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise TranscriptError(f"{os.fspath(path)!r} is not in UTF-8; save it as UTF-8 first") from None
    except Unreadable as error:
        raise TranscriptError(f"cannot read {os.fspath(path)!r}: {error}") from None
    return _named(_ordered(frame), recording, path)


def _reader(path: Path, tiers: str | Sequence[str] | None) -> Callable[[Path], pd.DataFrame]:
    names = [tiers] if isinstance(tiers, str) else tiers
    with_tiers: dict[str, Callable[[Path, Sequence[str] | None], pd.DataFrame]] = {
        ".textgrid": read_textgrid,
        ".eaf": read_eaf,
    }
    plain = {
        ".ctm": read_ctm,
        ".stm": read_stm,
        ".srt": read_subtitles,
        ".vtt": read_subtitles,
        ".csv": _read_csv,
        ".txt": _read_text,
    }
    suffix = path.suffix.lower()
    if suffix in with_tiers:
        return lambda file: with_tiers[suffix](file, names)
    if suffix not in plain:
        raise TranscriptError(
            f"{os.fspath(path)!r} is of no kind that is read as a reference; there are .TextGrid, .eaf, "
            ".srt, .vtt, .ctm, .stm, .csv and .txt; or make a frame with word, start and end"
        )
    if names is not None:
        raise TranscriptError(f"{os.fspath(path)!r} has no tiers; only .TextGrid and .eaf have")
    return plain[suffix]


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """By recording and channel as they first appear, and then by time; texts joined."""
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


def _named(frame: pd.DataFrame, recording: str | None, path: Path) -> pd.DataFrame:
    if recording is None:
        return frame
    if "recording" not in frame:
        frame.insert(0, "recording", pd.Series(recording, frame.index, dtype="str"))
        return frame
    there = frame["recording"].unique().tolist()
    if len(there) > 1:
        few = ", ".join(map(repr, there[:3])) + ", ..." * (len(there) > 3)
        raise TranscriptError(
            f"{os.fspath(path)!r} has {len(there)} recordings ({few}) and cannot be called {recording!r}: "
            "read it without recording="
        )
    return frame.assign(recording=pd.Series(recording, frame.index, dtype="str"))


def _read_text(path: Path) -> pd.DataFrame:
    text = path.read_text(encoding="utf-8-sig")
    return pd.DataFrame({"text": pd.Series([text.strip()], dtype="str")})


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise Unreadable(str(error)) from None
    frame = frame.rename(columns={"channel": "channel_tag"})
    if "alternative" in frame:
        frame = frame[frame["alternative"].isin(["", "0"])].drop(columns="alternative")
    if "word" not in frame and "text" not in frame:
        raise Unreadable(f"it has neither a column word nor text; there are {', '.join(map(str, frame))}")
    try:
        times = {time: frame[time].astype("float64") for time in ("start", "end") if time in frame}
    except ValueError as error:
        raise Unreadable(f"{error}; start and end are seconds") from None
    return frame.assign(**times)
