"""Ogg: pages with checksums, of logical streams that follow each other or are mixed.

A decoder gets the pages of one stream of sound and nothing else, and is not asked to seek: libsndfile's own
seek can crash or hang on damaged files.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ..files import ByteReader, Piece
from ..layout import LeftOut
from .flac import set_length
from .streams import Stream

_MARK = re.compile(rb"OggS\0")
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_SEARCH = 1 << 18  # bytes that are searched for the next page
_CONTINUED, _FIRST, _LAST = 1, 2, 4  # flags of a page
_NO_POSITION = (1 << 64) - 1  # of a page on which no packet ends


@dataclass(frozen=True)
class _Kind:
    """A format in Ogg: the start of its first packet, packets before the sound, samples a packet can have."""

    container: str
    n_headers: int
    most_samples: int


_KINDS = {
    b"OpusHead": _Kind("OGG_OPUS", 2, 5760),
    b"\x01vorbis": _Kind("OGG_VORBIS", 3, 8192),
    b"\x7fFLAC": _Kind("OGG_FLAC", 0, 65_535),
    b"Speex   ": _Kind("OGG_SPEEX", 2, 1 << 16),
}


@dataclass(frozen=True)
class _Page:
    """A page: offsets of it, of its body and of its end, and its header.

    Attributes:
        position: in samples, of the last packet that ends on it.
        n_packets: number of packets that end on it.
    """

    at: int
    body: int
    end: int
    flags: int
    position: int
    serial: int
    number: int
    n_packets: int


@dataclass
class _Link:
    """What follows each other until the first pages of new streams: one stream of sound, and the rest."""

    kind: _Kind | None = None
    pages: list[_Page] = field(default_factory=list)
    others: dict[int, list[_Page]] = field(default_factory=dict)
    gaps: list[LeftOut] = field(default_factory=list)
    end: int = 0


def walk_ogg(reader: ByteReader, at: int) -> list[Stream]:
    """The streams of sound that follow each other from an offset on."""
    streams, left_out = [], list[LeftOut]()
    while (page := _read_page(reader, at)) and page.flags & _FIRST:
        link = _read_link(reader, at)
        at = link.end
        left_out += link.gaps + _describe_others(reader, link)
        if link.kind is not None:
            streams.append(_make_stream(reader, link, link.kind, tuple(left_out)))
            left_out = []
        elif streams:
            streams[-1] = replace(streams[-1], end=at, left_out=(*streams[-1].left_out, *left_out))
            left_out = []
    return streams


def _read_link(reader: ByteReader, at: int) -> _Link:
    link, is_beginning, at_first = _Link(), True, at
    while True:
        page = _read_page(reader, at)
        if page is None:
            found = _find_page(reader, at + 1 if at > at_first else at)
            if found == reader.size:
                link.end = at
                return link
            link.gaps.append(LeftOut(at, found - at, "no page of the Ogg stream"))
            at = found
            continue
        if page.flags & _FIRST and not is_beginning:
            link.end = at
            return link
        is_beginning = is_beginning and bool(page.flags & _FIRST)
        kind = _find_kind(reader, page) if page.flags & _FIRST else None
        if link.kind is None and kind is not None:
            link.kind, link.pages = kind, [page]
        elif link.pages and page.serial == link.pages[0].serial and not link.pages[-1].flags & _LAST:
            link.pages.append(page)
        else:
            link.others.setdefault(page.serial, []).append(page)
        at = page.end


def _read_page(reader: ByteReader, at: int) -> _Page | None:
    """The page that begins at an offset; None if there is none, or its checksum is wrong."""
    head = reader.read(at, 27)
    if len(head) < 27 or head[:5] != b"OggS\0":
        return None
    flags, position, serial, number, checksum, n_segments = struct.unpack("<xxxxxBQIIIB", head)
    sizes = reader.read(at + 27, n_segments)
    body = at + 27 + n_segments
    end = body + sum(sizes)
    if end > reader.size or len(sizes) < n_segments:
        return None
    whole = head[:22] + bytes(4) + reader.read(at + 26, end - at - 26)
    if _checksum(whole) != checksum:
        return None
    n_packets = n_segments - sizes.count(255)
    return _Page(at, body, end, flags, position, serial, number, n_packets)


def _checksum(data: bytes) -> int:
    """The checksum of Ogg: that of zlib with the bits of each byte in reverse order, and another start."""
    value = zlib.crc32(data.translate(_REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{value:032b}"[::-1], 2)


def _find_page(reader: ByteReader, at: int) -> int:
    """Offset of the next page; the end of the file if there is none."""
    stop = min(at + _SEARCH, reader.size)
    while (at := reader.find(_MARK, at, stop)) < stop:
        if _read_page(reader, at):
            return at
        at += 1
    return reader.size


def _find_kind(reader: ByteReader, page: _Page) -> _Kind | None:
    start = reader.read(page.body, min(8, page.end - page.body))
    return next((kind for mark, kind in _KINDS.items() if start.startswith(mark)), None)


def _describe_others(reader: ByteReader, link: _Link) -> list[LeftOut]:
    """What is left out of a link; a skeleton is metadata."""
    found = []
    for pages in link.others.values():
        name = reader.read(pages[0].body, 8)
        if not name.startswith(b"fishead"):
            shown = re.sub(rb"[^ -~]", b"", name).decode().strip() or "unknown"
            n_bytes = sum(page.end - page.at for page in pages)
            found.append(LeftOut(pages[0].at, n_bytes, f"another stream in the Ogg file: {shown}"))
    return found


def _make_stream(reader: ByteReader, link: _Link, kind: _Kind, left_out: tuple[LeftOut, ...]) -> Stream:
    pages = link.pages
    n_packets, first = 0, 0  # the first page of sound
    while kind.n_headers and first < len(pages) and n_packets < kind.n_headers:
        n_packets, first = n_packets + pages[first].n_packets, first + 1
    flaw = _find_flaw(pages, first, kind)
    if kind.container == "OGG_FLAC":
        # The packets, one after the other, are a FLAC, apart from 9 bytes in front.
        info = set_length(reader.read(pages[0].body + 9, 26), pages[-1].position & (1 << 36) - 1)
        stretches = [(pages[0].body + 35, pages[0].end), *((page.body, page.end) for page in pages[1:])]
        pieces: tuple[Piece, ...] = (info, *stretches)
        return Stream(
            kind.container, pieces, link.end, left_out, flaw, is_closed=bool(pages[-1].flags & _LAST)
        )
    marks = tuple(
        (before.position - pages[-1].position, page.at)
        for before, page in pairwise(pages[first:-1])
        if before.position != _NO_POSITION and not page.flags & _CONTINUED
    )
    return Stream(
        kind.container,
        _join([(page.at, page.end) for page in pages]),
        link.end,
        left_out,
        flaw,
        is_closed=bool(pages[-1].flags & _LAST),
        header_end=pages[first - 1].end,
        marks=marks,
    )


def skip_to(reader: ByteReader, pieces: tuple[Piece, ...], header_end: int, offset: int) -> tuple[Piece, ...]:
    """The pages of a stream without those between its header and the page at an offset.

    The pages of the header get other numbers, or decoders would take what was skipped for a loss; and Opus
    that begins in the middle has no samples to drop at its start.
    """
    later, header = _read_page(reader, offset), list[_Page]()
    for at, stop in _clip(pieces, 0, header_end):
        while at < stop and (page := _read_page(reader, at)):
            header.append(page)
            at = page.end
    if later is None or later.number < len(header):
        return pieces
    first = later.number - len(header)
    renumbered = [_renumber(reader, page, first + place) for place, page in enumerate(header)]
    return (b"".join(renumbered), *_clip(pieces, offset, reader.size))


def _renumber(reader: ByteReader, page: _Page, number: int) -> bytes:
    start, rest = reader.read(page.at, 18), reader.read(page.at + 26, page.end - page.at - 26)
    start += struct.pack("<I", number)
    body = page.body - page.at - 26
    if rest[body : body + 8] == b"OpusHead":
        rest = rest[: body + 10] + bytes(2) + rest[body + 12 :]
    return start + struct.pack("<I", _checksum(start + bytes(4) + rest)) + rest


def _clip(pieces: tuple[Piece, ...], start: int, stop: int) -> Iterator[tuple[int, int]]:
    """What lies of the pieces between two offsets."""
    for piece in pieces:
        if isinstance(piece, tuple) and max(piece[0], start) < min(piece[1], stop):
            yield max(piece[0], start), min(piece[1], stop)


def _find_flaw(pages: list[_Page], first: int, kind: _Kind) -> str:
    """What makes the pages of a stream unfit for a decoder; "" if nothing does."""
    for before, page in pairwise(pages):
        if page.number != before.number + 1:
            n = page.number - before.number - 1
            return f"is damaged: {max(n, 1)} page(s) of its Ogg stream are missing before byte {page.at:,}"
    known = [page for page in pages[first:] if page.position != _NO_POSITION]
    for before, page in pairwise(known):
        if not 0 <= page.position - before.position <= (page.n_packets + 1) * kind.most_samples:
            return f"is damaged: its Ogg stream jumps from one time to another at byte {page.at:,}"
    return ""


def _join(stretches: list[tuple[int, int]]) -> tuple[Piece, ...]:
    """Stretches, with those that touch each other made one."""
    joined = stretches[:1]
    for start, end in stretches[1:]:
        if start == joined[-1][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)
