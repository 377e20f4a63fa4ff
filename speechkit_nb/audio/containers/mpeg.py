"""MPEG audio (MP3): frames one after the other, without a header for the whole.

libsndfile takes the length from a tag in the first frame, or estimates it, and reads no further. So frames
are counted here, and a stream without a right tag gets one.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from ..files import ByteReader
from ..layout import LeftOut
from .streams import Stream, describe_cut, skip_metadata

_SYNC = re.compile(rb"\xff[\xe2-\xff][\x10-\xef]")  # and a bit rate that exists
_LENGTH_TAG = re.compile(b"Xing|Info|VBRI")
_HEAD = 4 + 32 + 2 + 4  # header, side information at its longest, checksum, name of the length tag
_KBITS = {  # by MPEG-1 or not, and layer
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
_RATES = (44_100, 48_000, 32_000, 0)
_DECODER_DELAY = 529  # samples
_CHAIN = 3  # frames that must follow each other, so that they are no chance bytes
_SEARCH = 1 << 18  # bytes that are searched for the next frame


@dataclass(frozen=True)
class _Frame:
    """What the header of a frame says.

    Attributes:
        kind: version, layer, sample rate and whether it is mono; the same in all frames of a stream.
        size: in bytes.
        n_samples: per channel.
    """

    kind: tuple[int, int, int, bool]
    size: int
    n_samples: int


def parse_frame(header: bytes) -> _Frame | None:
    """The frame with this header of 4 bytes; None if it is no such header."""
    if len(header) < 4 or header[0] != 0xFF or header[1] < 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)  # version 0: MPEG-2.5, 2: MPEG-2, 3: MPEG-1
    if version == 1 or layer == 4:
        return None
    rate = _RATES[header[2] >> 2 & 3] >> {3: 0, 2: 1, 0: 2}[version]
    kbits = _KBITS[version == 3, layer][header[2] >> 4]
    if not rate or not kbits:
        return None
    padding = header[2] >> 1 & 1
    n_samples = {1: 384, 2: 1152, 3: 1152 if version == 3 else 576}[layer]
    if layer == 1:
        size = (12_000 * kbits // rate + padding) * 4
    else:
        size = n_samples // 8 * 1000 * kbits // rate + padding
    return _Frame((version, layer, rate, header[3] >> 6 == 3), size, n_samples)


def walk_mpeg(reader: ByteReader, at: int, stop: int | None = None) -> list[Stream]:
    """The streams of MPEG audio from an offset on: a new one where a length tag or another format begins.

    Args:
        stop: offset where to end; default: the end of the file.
    """
    stop = reader.size if stop is None else stop
    begin = _find_frame(reader, at, min(at + _SEARCH, stop), stop)
    before: tuple[LeftOut, ...] = (
        (LeftOut(at, begin - at, "before the first MPEG frame"),) if at < begin < stop else ()
    )
    streams = []
    while begin < stop:
        stream = _walk_stream(reader, begin, stop, before)
        streams.append(stream)
        begin, before = _find_next(reader, stream.end, stop)
    return streams


def _walk_stream(reader: ByteReader, at: int, stop: int, before: tuple[LeftOut, ...]) -> Stream:
    """Follow the frames from the one at `at`, over gaps, as long as they are of the same stream."""
    first = parse_frame(reader.read(at, 4))
    assert first is not None
    start, n_frames, left_out, pieces = at, 0, list(before), list[tuple[int, int]]()
    while at < stop:
        at, n = _count_frames(reader, at, stop, first, is_first=not n_frames)
        n_frames += n
        pieces.append((start, at))
        begin, gap = _find_next(reader, at, stop)
        if begin >= stop or not _continues(reader, begin, first):
            break
        left_out += gap
        start = at = begin
    return _with_length(reader, pieces, first, n_frames, at, tuple(left_out))


def _count_frames(
    reader: ByteReader, at: int, stop: int, first: _Frame, *, is_first: bool
) -> tuple[int, int]:
    """The end of the frames that follow each other from an offset on, and their number."""
    n, kinds = 0, dict[bytes, _Frame | None]()  # few headers differ, so each is parsed once
    while True:
        head = reader.read(at, _HEAD)
        key = head[:4]
        frame = kinds[key] if key in kinds else kinds.setdefault(key, parse_frame(key))
        if frame is None or frame.kind != first.kind or at + frame.size > stop:
            return at, n
        if (n or not is_first) and _LENGTH_TAG.search(head, 4):
            return at, n
        n, at = n + 1, at + frame.size


def _continues(reader: ByteReader, at: int, first: _Frame) -> bool:
    head = reader.read(at, _HEAD)
    frame = parse_frame(head[:4])
    return frame is not None and frame.kind == first.kind and not _LENGTH_TAG.search(head, 4)


def _find_next(reader: ByteReader, at: int, stop: int) -> tuple[int, tuple[LeftOut, ...]]:
    """Where the next frame is, `stop` if there is none; and the bytes before it, without tags."""
    begin = skip_metadata(reader, at)
    found = _find_frame(reader, begin, min(begin + _SEARCH, stop), stop)
    gap = (LeftOut(begin, found - begin, "between MPEG frames"),) if begin < found < stop else ()
    return found, gap


def _find_frame(reader: ByteReader, at: int, search_end: int, stop: int) -> int:
    """The first offset at which several frames follow each other; `stop` if there is none."""
    while (at := reader.find(_SYNC, at, search_end, 3)) < search_end:
        if _is_chain(reader, at, stop):
            return at
        at += 1
    return stop


def _is_chain(reader: ByteReader, at: int, stop: int) -> bool:
    first = parse_frame(reader.read(at, 4))
    if first is None or at + first.size > stop:
        return False
    if _LENGTH_TAG.search(reader.read(at, _HEAD), 4):
        return True
    for _ in range(_CHAIN):
        frame = parse_frame(reader.read(at, 4))
        if frame is None or frame.kind != first.kind:
            return at == stop or skip_metadata(reader, at) > at
        at += frame.size
        if at >= stop:
            return True
    return True


def _with_length(
    reader: ByteReader,
    pieces: list[tuple[int, int]],
    first: _Frame,
    n: int,
    end: int,
    left_out: tuple[LeftOut, ...],
) -> Stream:
    """The stream with a right length: its own tag, or a new one if there is none or it is wrong."""
    begin = pieces[0][0]
    _, layer, rate, _ = first.kind
    tag = reader.read(begin, first.size) if _LENGTH_TAG.search(reader.read(begin, _HEAD), 4) else b""
    (promised, trimmed), n_audio = _read_length(tag), n - bool(tag)
    container, flaw = ("MP3" if layer == 3 else ""), ""
    if tag and n_audio < promised - 1:
        there, whole = n_audio * first.n_samples, promised * first.n_samples - trimmed
        flaw = describe_cut(min(there, whole) / rate, whole / rate)
    elif layer == 3 and not (tag and promised - 1 <= n_audio <= promised + 1):
        start, stop = pieces[0]
        frames = [(start + len(tag), stop), *pieces[1:]]
        head = _length_frame(reader.read(begin, 4), n_audio)
        return Stream(container, (head, *(one for one in frames if one[0] < one[1])), end, left_out)
    if layer == 3:
        return Stream(container, tuple(pieces), end, left_out, flaw)
    # Without a tag the length is estimated from the size of the first frame, which can be too small.
    room = bytes(2 * first.size)
    return Stream(container, (*pieces, room), end, left_out, flaw, n_samples=n * first.n_samples)


def _read_length(tag: bytes) -> tuple[int, int]:
    """The number of frames in a length tag, and of samples that decoders drop; 0 if it is unknown."""
    if (at := tag.find(b"VBRI")) >= 0:
        return int.from_bytes(tag[at + 14 : at + 18], "big"), 0
    found = _LENGTH_TAG.search(tag)
    if found is None or len(tag) < found.end() + 8 or not tag[found.end() + 3] & 1:
        return 0, 0
    at, flags = found.end() + 4, tag[found.end() + 3]
    n_frames = int.from_bytes(tag[at : at + 4], "big")
    at += sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit) + 21
    trim = int.from_bytes(tag[at : at + 3].ljust(3, b"\0"), "big")
    return n_frames, (trim >> 12) + (trim & 0xFFF)


def _length_frame(header: bytes, n_frames: int) -> bytes:
    """A "Xing" frame with the number of frames, as encoders write it, and then a silent frame.

    Decoders drop their own delay from a file with this tag, but not from the same file without it. Times
    must be those of the file without the tag, as it is played and recognized. So the tag states a delay
    that makes decoders drop exactly one frame, the silent one.
    """
    is_mpeg1, is_mono = bool(header[1] & 8), header[3] >> 6 == 3
    dropped = (1152 if is_mpeg1 else 576) - _DECODER_DELAY
    side = {(True, False): 32, (False, True): 9}.get((is_mpeg1, is_mono), 17)
    tag = struct.pack(">4sII9s12x", b"Xing", 1, n_frames + 1, b"LAME")
    # 12 bits of delay at the start, 12 bits of padding at the end; decoders add 529 to the first and
    # subtract 529 from the second, so they drop one frame at the start and nothing at the end.
    trim = (dropped << 12 | _DECODER_DELAY).to_bytes(3, "big")
    # A bit rate of 64 or 112 kbit/s: the frame has room for the tag.
    roomy = bytes([header[0], header[1] | 1, 0x80 | header[2] & 0x0C, header[3]])
    frame = parse_frame(roomy)
    assert frame is not None
    return (roomy + bytes(side) + tag + trim).ljust(frame.size, b"\0") + roomy.ljust(frame.size, b"\0")
