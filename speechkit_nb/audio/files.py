"""Access to the bytes of a file: opening, searching, and several stretches of it as one file."""

from __future__ import annotations

import io
import os
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import AudioError

Piece = bytes | tuple[int, int]
"""Bytes as they are, or the stretch of a file from one offset to another (not included)."""

_BUFFER = 1 << 18  # bytes read at once


class _Nameless(io.BufferedReader):
    """A file without a name: soundfile would read any file named "x.raw" as audio without a header."""

    name = ""


def open_bytes(audio: Path | bytes) -> io.BufferedReader | io.BytesIO:
    """Open the bytes of a file. Raises AudioError if it cannot be opened."""
    if isinstance(audio, bytes):
        return io.BytesIO(audio)
    if os.path.isdir(audio):  # unlike Path.is_dir, no error without permission
        raise AudioError(f"{audio} is a folder; give one file of it, such as {audio / 'talk.wav'}")
    if os.path.exists(audio) and not os.path.isfile(audio):  # opening a pipe would wait for its writer
        raise AudioError(f"{audio} is a pipe or a device; pass the bytes that are read from it")
    try:
        return _Nameless(io.FileIO(audio), _BUFFER)
    except FileNotFoundError as e:
        where = f"the current folder is {Path.cwd()}"
        raise AudioError(f"there is no file {audio}; {where}: check the path") from e
    except (OSError, ValueError) as e:  # ValueError: a null byte in the path
        reason = getattr(e, "strerror", e)
        raise AudioError(f"{audio} cannot be opened: {reason}; check its name and who may read it") from e


class ByteReader:
    """Bytes at any offset, through a window that is moved along: small reads near each other are fast."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, io.SEEK_END)
        self._start, self._window = 0, b""

    def read(self, at: int, n: int) -> bytes:
        """The n bytes at an offset; fewer at the end of the file."""
        first = at - self._start
        if first < 0 or first + n > len(self._window):
            self._file.seek(at)
            self._start, self._window, first = at, self._file.read(max(n, _BUFFER)), 0
        return self._window[first : first + n]

    def find(self, pattern: re.Pattern[bytes], at: int, stop: int, longest: int = 16) -> int:
        """Offset of the first match from `at` on that begins before `stop`; `stop` if there is none.

        Args:
            longest: the largest number of bytes that a match can have.
        """
        while at < stop and self.read(at, longest):  # this moves the window, if needed
            found = pattern.search(self._window, at - self._start)
            if found:
                return min(self._start + found.start(), stop)
            end = self._start + len(self._window)
            if end >= min(stop + longest, self.size):
                break
            at = max(at + 1, end - longest + 1)  # a match may lie across the end of the window
        return stop


class SplicedFile(io.RawIOBase):
    """One file that consists of pieces of another."""

    def __init__(self, file: BinaryIO, pieces: Sequence[Piece]) -> None:
        self._file, self._pieces, self._at = file, pieces, 0
        sizes = [len(piece) if isinstance(piece, bytes) else piece[1] - piece[0] for piece in pieces]
        self._ends = list(accumulate(sizes))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        number = bisect_right(self._ends, self._at)
        if number == len(self._pieces):
            return 0
        piece, left = self._pieces[number], self._ends[number] - self._at
        n = min(left, len(buffer))
        if isinstance(piece, bytes):
            found = piece[len(piece) - left :][:n]
        else:
            self._file.seek(piece[1] - left)
            found = self._file.read(n)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)
