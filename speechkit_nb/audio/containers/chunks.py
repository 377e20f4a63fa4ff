"""Containers of named chunks, one of which has the samples: WAV (RIFF, RF64, BW64), AIFF, CAF, W64; and AU.

libsndfile parses their headers. It does not report that a file is cut off, that the size of the samples is
missing or has wrapped around, or that more bytes follow; this is found here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from ..files import ByteReader, Piece
from .mpeg import walk_mpeg
from .streams import MAGICS, Stream, describe_cut

_NO_LENGTH = 0x7FFF_0000  # 32-bit sizes from here up mean that the length was unknown
_WRAP = 1 << 32
_W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_MPEG_TAGS = (0x50, 0x55)  # format tags of WAV: MPEG layers I and II, and layer III


@dataclass(frozen=True)
class _Grammar:
    """How chunks are written.

    Attributes:
        header: number of bytes before the first chunk.
        head: struct format of the name and the size of a chunk.
        samples: name of the chunk with the samples.
        align: the size of a chunk is padded to a multiple of this.
        counts_head: whether the size includes name and size.
    """

    header: int
    head: str
    samples: bytes
    align: int
    counts_head: bool = False


_RIFF = _Grammar(12, "<4sI", b"data", 2)
_RIFX = _Grammar(12, ">4sI", b"data", 2)
_AIFF = _Grammar(12, ">4sI", b"SSND", 2)
_CAF = _Grammar(8, ">4sq", b"data", 1)
_W64 = _Grammar(40, "<16sQ", b"data" + _W64_TAIL, 8, counts_head=True)


@dataclass(frozen=True)
class _Chunk:
    """A chunk: name, where its content begins, its size by the header, and where the next chunk begins."""

    name: bytes
    start: int
    size: int
    next: int


def walk_chunks(reader: ByteReader, at: int) -> list[Stream]:
    """The stream in a file of chunks; an empty list if it has no samples."""
    grammar = _choose_grammar(reader.read(at, 40))
    position, chunks = at + (grammar.header if grammar else 0), dict[bytes, _Chunk]()
    while grammar and grammar.samples not in chunks and (chunk := _read_chunk(reader, grammar, position)):
        chunks[chunk.name], position = chunk, chunk.next
    if grammar is None or grammar.samples not in chunks:
        return []
    samples = chunks[grammar.samples]
    stream = _measure_samples(reader, at, chunks, samples)
    if not stream.flaw:
        padding = -(stream.end - samples.start) % grammar.align
        end = _skip_chunks(reader, grammar, min(stream.end + padding, reader.size))
        pieces = _whole(reader, at, end) if stream.has_length else stream.pieces
        stream = replace(stream, pieces=pieces, end=end)
    if grammar is _RIFF and _format(reader, chunks)[0] in _MPEG_TAGS:
        inner = walk_mpeg(reader, samples.start, min(samples.start + samples.size, reader.size))
        inner = [replace(one, container=stream.container) for one in inner]
        return [*inner[:-1], replace(inner[-1], end=stream.end)] if inner else [stream]
    return [stream]


def walk_au(reader: ByteReader, at: int) -> list[Stream]:
    """The stream in an AU file: a header, and samples up to a size that may be unknown."""
    start, size = struct.unpack(">II", reader.read(at + 4, 8).ljust(8, b"\0"))
    there = reader.size - at - start
    if there < 0 or start < 24:
        return []
    if size == 0xFFFF_FFFF:
        size = there
    end = at + start + min(size, there)
    return [Stream("AU", ((at, end),), end, flaw=_compare(there, size) if size > there else "")]


def _choose_grammar(start: bytes) -> _Grammar | None:
    if start[8:12] == b"WAVE":
        return {b"RIFF": _RIFF, b"RF64": _RIFF, b"BW64": _RIFF, b"RIFX": _RIFX}.get(start[:4])
    if start[:4] == b"FORM" and start[8:12] in (b"AIFF", b"AIFC"):
        return _AIFF
    if start[:4] == b"caff":
        return _CAF
    return _W64 if start[24:40] == b"wave" + _W64_TAIL else None


def _read_chunk(reader: ByteReader, grammar: _Grammar, at: int) -> _Chunk | None:
    width = struct.calcsize(grammar.head)
    head = reader.read(at, width)
    if len(head) < width:
        return None
    name, size = struct.unpack(grammar.head, head)
    size -= width if grammar.counts_head else 0
    if not all(32 <= byte < 127 for byte in name[:4]) or size < -1:
        return None
    if size == -1:  # only in CAF: up to the end of the file
        size = reader.size - at - width
    return _Chunk(name, at + width, size, min(at + width + size + -size % grammar.align, reader.size))


def _measure_samples(reader: ByteReader, at: int, chunks: dict[bytes, _Chunk], samples: _Chunk) -> Stream:
    """The stream up to the end of its samples, by the size that is right: of the header, or of the file."""
    kind, size, there = reader.read(at, 4), samples.size, reader.size - samples.start
    container = {b"RIFF": "WAV", b"BW64": "BW64"}.get(kind, "")
    _, byte_rate, align = _format(reader, chunks)
    if kind in (b"RF64", b"BW64") and b"ds64" in chunks:  # files over 4 GB have their size in this chunk
        (size,) = struct.unpack("<Q", reader.read(chunks[b"ds64"].start + 8, 8).ljust(8, b"\0"))
    elif kind == b"RIFF":
        riff_size = int.from_bytes(reader.read(at + 4, 4), "little")  # without the first 8 bytes
        # A size of 0 is right if the size of the whole is right, too.
        if size >= _NO_LENGTH or (size == 0 and at + riff_size + 8 != reader.size):
            unwrapped = there
        else:
            unwrapped = size + max(there - size, 0) // _WRAP * _WRAP
        if unwrapped != size and there:
            end = samples.start + unwrapped
            head = _make_rf64(reader.read(at + 12, samples.start - 8 - at - 12), unwrapped)
            return Stream(container, (head, (samples.start, end)), end, has_length=False)
    end = min(samples.start + size, reader.size)
    # A block that is not complete at the end is no sign of a file that was cut off.
    flaw = _compare(there, size, byte_rate) if size >= there + max(align, 1) else ""
    return Stream(container, _whole(reader, at, end), end, flaw=flaw)


def _make_rf64(chunks: bytes, size: int) -> bytes:
    """The beginning of a WAV with samples of any size, up to them; it has these chunks in front of them."""
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, 60 + len(chunks) + size, size, 0, 0)
    return b"RF64" + b"\xff" * 4 + b"WAVE" + ds64 + chunks + b"data" + b"\xff" * 4


def _format(reader: ByteReader, chunks: dict[bytes, _Chunk]) -> tuple[int, int, int]:
    """Format tag, bytes per second and size of a block of a WAV; zeros if they are not known."""
    fmt = next((chunk for name, chunk in chunks.items() if name[:4] == b"fmt "), None)
    if fmt is None:
        return 0, 0, 0
    tag, byte_rate, align = struct.unpack("<H6xIH", reader.read(fmt.start, 14).ljust(14, b"\0"))
    return tag, byte_rate, align


def _compare(there: int, promised: int, byte_rate: int = 0) -> str:
    if byte_rate:
        return describe_cut(there / byte_rate, promised / byte_rate)
    return f"is cut off: {there:,} of {promised:,} bytes of samples are there"


def _whole(reader: ByteReader, at: int, end: int) -> tuple[Piece, ...]:
    """The file as it is; libsndfile knows BW64 as RF64."""
    return (b"RF64", (at + 4, end)) if reader.read(at, 4) == b"BW64" else ((at, end),)


def _skip_chunks(reader: ByteReader, grammar: _Grammar, at: int) -> int:
    """The end of the last complete chunk from an offset on, or the beginning of another file."""
    while reader.read(at, 4) not in MAGICS and (chunk := _read_chunk(reader, grammar, at)):
        if chunk.start + chunk.size > reader.size:
            break
        at = chunk.next
    return at
