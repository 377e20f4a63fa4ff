"""Classes for file formats and the content of files."""

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
        recordings: ids of the recordings that the file names, also of those without words.
        source: path of the audio, if the file is a saved transcript that has it; default: None.
    """

    frame: pd.DataFrame
    recordings: frozenset[str] = frozenset()
    source: str | None = None


class UnreadableFile(Exception):
    """What is wrong in a file. The caller of the reader adds the path to the message."""


@dataclass(frozen=True)
class Format:
    """One file format.

    Attributes:
        name: name in messages.
        suffixes: in the usual spelling; the comparison ignores case.
        read: reads a path; raises UnreadableFile if the content is broken.
        recognize: whether the content of an existing file has this format, with any suffix; None if the
            format is known only by its suffix.
        write: writes a frame to a path; None if the format is only read.
        has_tiers: whether `read` takes `tiers`, the names of the tiers to read.
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
