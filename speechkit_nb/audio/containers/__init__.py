"""Containers: a walker accounts for every byte from an offset on, and returns the streams of sound there."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..files import ByteReader
from ..layout import LeftOut
from .chunks import walk_au, walk_chunks
from .flac import walk_flac
from .mpeg import parse_frame, walk_mpeg
from .ogg import skip_to, walk_ogg
from .streams import ZEROS, Stream, skip_metadata

__all__ = ["ZEROS", "Stream", "parse_frame", "skip_metadata", "skip_to", "walk_file"]

Walker = Callable[[ByteReader, int], list[Stream]]
_WALKERS: dict[bytes, Walker] = {
    **dict.fromkeys((b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"caff", b"riff"), walk_chunks),
    b".snd": walk_au,
    b"OggS": walk_ogg,
    b"fLaC": walk_flac,
}
_PADDING = 8  # zeros that may fill the end of a file
_NOT_ZERO = re.compile(rb"[^\0]")


def walk_file(reader: ByteReader) -> tuple[list[Stream], list[LeftOut]]:
    """The streams of sound in a file, in order, and what lies around them and is no metadata.

    Both are empty if no walker knows the file.
    """
    at, streams, left_out = 0, list[Stream](), list[LeftOut]()
    while (at := skip_metadata(reader, at)) < reader.size:
        begin = reader.find(_NOT_ZERO, at, reader.size, 1)
        if begin > at:
            if begin < reader.size or begin - at > _PADDING:
                left_out.append(LeftOut(at, begin - at, ZEROS))
            at = begin
            continue
        walker = _WALKERS.get(reader.read(at, 4), walk_mpeg)
        found = walker(reader, at)
        if not found or found[-1].end <= at:
            left_out.append(LeftOut(at, reader.size - at, "after the sound"))
            break
        streams += found
        at = found[-1].end
    return (streams, left_out) if streams else ([], [])
