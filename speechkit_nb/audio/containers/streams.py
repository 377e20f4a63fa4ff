"""What a walker returns: the streams of sound that it found, and what is left over; and tags to skip."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ..files import ByteReader, Piece
from ..layout import LeftOut

MAGICS: Final = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"caff", b"riff", b".snd", b"OggS", b"fLaC")
"""The first four bytes of containers that have a walker; MPEG audio has no such bytes."""
ZEROS: Final = "zeros"
"""Reason of bytes that are left out and have no other."""
_LYRICS_END = re.compile(b"LYRICS200|LYRICSEND")
_LONGEST_LYRICS = 1 << 20


@dataclass(frozen=True)
class Stream:
    """A stream of sound in a file, before it is decoded.

    Attributes:
        container: as in `Layout`; "" if libsndfile names it.
        pieces: what a decoder is to read.
        end: offset of the first byte after it.
        left_out: bytes before `end` that are neither sound nor metadata.
        flaw: why it cannot be read as a whole, such as "is cut off: 1.00 s of 2.00 s are there"; else "".
        is_closed: False if the format marks the end of a stream, and this mark is missing.
        has_length: as in `Layout`.
        n_samples: number of samples per channel, if libsndfile can only estimate it; else 0.
        header_end: as in `Part`.
        marks: as in `Part`, but samples are counted back from the end of the stream.
    """

    container: str
    pieces: tuple[Piece, ...]
    end: int
    left_out: tuple[LeftOut, ...] = ()
    flaw: str = ""
    is_closed: bool = True
    has_length: bool = True
    n_samples: int = 0
    header_end: int = 0
    marks: tuple[tuple[int, int], ...] = ()


def describe_cut(there: float, promised: float) -> str:
    """The flaw of a stream that ends too early. Both are in seconds."""
    return f"is cut off: {there:.2f} s of {promised:.2f} s are there"


def skip_metadata(reader: ByteReader, at: int) -> int:
    """The end of the tags (ID3, APE, Lyrics3) that begin at an offset; the offset itself if there is none."""
    while (size := _measure_tag(reader, at)) and at + size <= reader.size:
        at += size
    return at


def _measure_tag(reader: ByteReader, at: int) -> int:
    start = reader.read(at, 16)
    if start[:3] == b"ID3" and len(start) >= 10:
        a, b, c, d = start[6:10]  # the size has seven bits per byte
        return 10 + (a << 21 | b << 14 | c << 7 | d) + (10 if start[5] & 0x10 else 0)  # 0x10: with a footer
    if start[:8] == b"APETAGEX":
        return 32 + int.from_bytes(start[12:16], "little")
    if start[:11] == b"LYRICSBEGIN":
        return reader.find(_LYRICS_END, at, min(at + _LONGEST_LYRICS, reader.size)) + 9 - at
    if start[:3] == b"TAG":
        return 227 if start[3:4] == b"+" else 128
    return 0
