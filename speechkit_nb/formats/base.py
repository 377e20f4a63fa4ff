"""What a file format is, and what a file holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd


class FileContent(NamedTuple):
    """Content of one file.

    Attributes:
        frame: has the column `word` or `text`.
        recordings: ids of the recordings that the file names, also of those without a word.
        source: path of the audio, where a saved transcript has it.
    """

    frame: pd.DataFrame
    recordings: frozenset[str] = frozenset()
    source: str | None = None


class UnreadableFile(Exception):
    """A reader's message of what is wrong in a file; the path is added to it where the reader is called."""


@dataclass(frozen=True)
class Format:
    """One file format.

    Attributes:
        name: as messages call it.
        suffixes: in the usual spelling; they are compared without regard to case.
        read: reads a path; raises UnreadableFile if the content is broken.
        recognize: whether the content of an existing file has this format whatever its suffix; None if only
            the suffix tells.
        write: writes a frame to a path; None if the format is only read.
        has_tiers: whether `read` takes `tiers`, the names of those to be read.
        is_sorted: whether rows are sorted by time after reading; False keeps the order of the file.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[..., FileContent]
    recognize: Callable[[Path], bool] | None = None
    write: Callable[[pd.DataFrame, Path], None] | None = None
    has_tiers: bool = False
    is_sorted: bool = True

    def has_suffix(self, path: Path) -> bool:
        """Whether the name of the file ends in a suffix of this format."""
        return path.suffix.lower() in map(str.lower, self.suffixes)
