"""All file formats, one entry per format. To add one, write its module and add it to `FORMATS`."""

from __future__ import annotations

import os
from pathlib import Path

from ..tables import is_saved_transcript, read_metadata
from ..transcript import load
from .base import FileContent, Format
from .eaf import read_eaf
from .nist import read_ctm, read_stm
from .parquet import PARQUET_SUFFIX, read_parquet, write_frame
from .subtitles import is_webvtt, read_srt, read_webvtt
from .table import read_csv
from .text import read_txt
from .textgrid import is_textgrid, read_textgrid

_PARQUET_MAGIC = b"PAR1"


def find_format(path: Path) -> Format | None:
    """The format of a file: by its content if possible, else by its suffix; None if it is not known.

    Raises:
        OSError: if the file exists and cannot be opened.
    """
    for form in FORMATS:
        if form.recognize is not None and path.is_file() and form.recognize(path):
            return form
    return next((form for form in FORMATS if form.has_suffix(path)), None)


def has_known_suffix(path: Path) -> bool:
    """Whether the suffix belongs to a format."""
    return any(form.has_suffix(path) for form in FORMATS)


def list_suffixes(has_tiers: bool | None = None) -> str:
    """The suffixes of all formats, or of those with or without tiers, as messages list them."""
    forms = [form for form in FORMATS if has_tiers in (None, form.has_tiers)]
    return ", ".join(dict.fromkeys(suffix for form in forms for suffix in form.suffixes))


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC


def _is_transcript(path: Path) -> bool:
    return _is_parquet(path) and is_saved_transcript(read_metadata(path))


def _is_frame(path: Path) -> bool:
    return _is_parquet(path) and not is_saved_transcript(read_metadata(path))


def _read_transcript(path: Path) -> FileContent:
    transcript = load(path)
    source = None if transcript.source is None else os.fspath(transcript.source)
    return FileContent(transcript.words, frozenset([transcript.recording]), source)


TRANSCRIPT = Format("saved transcript", (PARQUET_SUFFIX,), _read_transcript, _is_transcript, is_sorted=False)
PARQUET = Format("Parquet", (PARQUET_SUFFIX,), read_parquet, _is_frame, write_frame, is_sorted=False)
FORMATS = (
    PARQUET,
    TRANSCRIPT,
    Format("TextGrid", (".TextGrid",), read_textgrid, is_textgrid, has_tiers=True),
    Format("EAF", (".eaf",), read_eaf, has_tiers=True),
    Format("SRT", (".srt",), read_srt),
    Format("WebVTT", (".vtt",), read_webvtt, is_webvtt),
    Format("CTM", (".ctm",), read_ctm),
    Format("STM", (".stm",), read_stm),
    Format("CSV", (".csv", ".tsv"), read_csv),
    Format("text", (".txt",), read_txt),
)
