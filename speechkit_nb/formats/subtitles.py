"""Subtitles: SRT and WebVTT."""

from __future__ import annotations

import html
from pathlib import Path

from ..errors import MissingExtra
from .base import FileContent, UnreadableFile
from .tiers import first_line, make_content


def read_subtitles(path: Path) -> FileContent:
    """Read the lines of SRT or WebVTT, without markup."""
    try:
        import pysubs2
    except ImportError:
        raise MissingExtra("reading subtitles", "pysubs2", "formats") from None

    text = path.read_text(encoding="utf-8-sig")
    try:
        lines = pysubs2.SSAFile.from_string(text, format_=path.suffix[1:].lower())
    except (pysubs2.exceptions.Pysubs2Error, ValueError) as error:
        raise UnreadableFile(f"it has no subtitles ({first_line(error)})") from None
    if not len(lines):
        raise UnreadableFile("it has no subtitles")
    intervals = [(line.start / 1000, line.end / 1000, html.unescape(line.plaintext)) for line in lines]
    return make_content({"": intervals})
