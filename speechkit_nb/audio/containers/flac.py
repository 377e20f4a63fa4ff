"""FLAC: frames without sizes, so they are found by their headers, which have numbers and a checksum."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..files import ByteReader
from .streams import Stream, describe_cut, skip_metadata

_MARK = re.compile(rb"\xff[\xf8\xf9][\x10-\xfe][\x00-\xae]|fLaC\0\0\0\x22")  # a frame, or another stream
_NEXT = re.compile(rb"fLaC\0\0\0\x22")
_LONGEST_HEADER = 16  # bytes of the header of a frame
_INFO_END = 26  # bytes up to the number of samples in the first block, STREAMINFO
_BLOCK_SIZES = (
    {1: 192} | {code: 144 << code for code in range(2, 6)} | {code: 1 << code for code in range(8, 16)}
)
_LARGEST_FRAME = 1 << 20  # bytes in which the next frame, or the end of the last one, is searched


def _make_table(polynomial: int, width: int) -> list[int]:
    table = list(range(256))
    for byte in table:
        value = byte << width - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial * (value >> width - 1)) & (1 << width) - 1
        table[byte] = value
    return table


_CRC8, _CRC16 = _make_table(0x107, 8), _make_table(0x18005, 16)


@dataclass(frozen=True)
class _Frame:
    """A frame: its offset, its number (of the frame, or of its first sample), and samples per channel."""

    at: int
    number: int
    counts_samples: bool
    n_samples: int


def walk_flac(reader: ByteReader, at: int) -> list[Stream]:
    """The stream that begins at an offset, up to the next one or the end of the file."""
    position = _skip_blocks(reader, at)
    promised, block_size = read_length(reader.read(at, _INFO_END)), 0
    expected, n_samples, last = 0, 0, None
    while position:
        limit = min((last.at if last else position) + _LARGEST_FRAME, reader.size)
        position = reader.find(_MARK, position, limit)
        if position == limit or reader.read(position, 4) == b"fLaC":
            position = reader.find(_NEXT, position, reader.size)
            break
        frame = _parse_frame(reader, position)
        begin = frame.number * (1 if frame.counts_samples else block_size) if frame else 0
        # After damage the last frame is known by where it ends; other headers could be chance bytes.
        if frame and (frame.number == expected or begin + frame.n_samples == promised):
            block_size = block_size or frame.n_samples
            last, n_samples = frame, begin + frame.n_samples
            expected = n_samples if frame.counts_samples else frame.number + 1
        position += 1
    if last is None:
        return []
    end = _find_end(reader, last.at, position)
    rate = int.from_bytes(reader.read(at + 18, 3), "big") >> 4
    flaw = describe_cut(n_samples / rate, promised / rate) if n_samples < promised and rate else ""
    if n_samples == promised:
        return [Stream("FLAC", ((at, end),), end)]
    head = set_length(reader.read(at, _INFO_END), n_samples)
    return [Stream("FLAC", (head, (at + _INFO_END, end)), end, flaw=flaw)]


def read_length(info: bytes) -> int:
    """The number of samples (36 bits) at the end of the beginning of a FLAC; 0 if it is unknown."""
    return int.from_bytes(info[21:], "big") & (1 << 36) - 1


def set_length(info: bytes, n_samples: int) -> bytes:
    """The beginning of a FLAC, up to the number of samples (36 bits), with another number."""
    return info[:21] + (info[21] >> 4 << 36 | n_samples).to_bytes(5, "big")


def _skip_blocks(reader: ByteReader, at: int) -> int:
    """The end of the blocks of metadata; 0 if they are damaged."""
    at += 4
    while len(head := reader.read(at, 4)) == 4 and at < reader.size:
        at += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:  # the last one
            return at
    return 0


def _parse_frame(reader: ByteReader, at: int) -> _Frame | None:
    """The frame whose header is at an offset; None if there is none."""
    head = reader.read(at, _LONGEST_HEADER)
    if len(head) < 6 or head[3] & 1:
        return None
    code, rate_code = head[2] >> 4, head[2] & 15
    n_ones = 8 - (head[4] ^ 0xFF).bit_length()  # the number is written as characters are in UTF-8
    if code == 0 or rate_code == 15 or n_ones in (1, 8):
        return None
    number, size = head[4] & 0xFF >> n_ones + 1, 4 + max(n_ones, 1)
    for byte in head[5:size]:
        number = number << 6 | byte & 0x3F
    n_samples = _BLOCK_SIZES.get(code, 0)
    if not n_samples:  # it follows, in one or two bytes
        width = code - 5
        n_samples = int.from_bytes(head[size : size + width], "big") + 1
        size += width
    size += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if size >= len(head) or _checksum(head[:size]) != head[size]:
        return None
    return _Frame(at, number, bool(head[1] & 1), n_samples)


def _checksum(data: Sequence[int]) -> int:
    value = 0
    for byte in data:
        value = _CRC8[value ^ byte]
    return value


def _find_end(reader: ByteReader, at: int, stop: int) -> int:
    """The end of the last frame, where its checksum is right; `stop` if it is nowhere.

    A checksum of 16 bits is right by chance once in 65,536 places. So the end of what is there is preferred,
    or the place before a tag; else it is the first place. It stays right over zeros that follow.
    """
    frame = reader.read(at, min(stop - at, _LARGEST_FRAME))
    ends, value, was_right = list[int](), 0, False
    for n, byte in enumerate(frame, 1):
        value = (value << 8 & 0xFF00) ^ _CRC16[value >> 8 ^ byte]
        if value == 0 and not was_right:
            ends.append(at + n)
        was_right = value == 0
    if was_right:
        return ends[-1]
    return next((end for end in ends if skip_metadata(reader, end) > end), ends[0] if ends else stop)
