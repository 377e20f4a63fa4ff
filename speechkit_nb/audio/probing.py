"""Probing: the format, length and parts of a file, and what of it is not sound."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from ..errors import AudioError, count_noun
from .containers import ZEROS, Stream, parse_frame, skip_metadata, walk_file
from .decoding import SEEKABLE, Samples, decode, open_sound
from .files import ByteReader
from .layout import PCM, Layout, LeftOut, Part
from .media import find_media, probe_media

_REPAIR = "copy or download it again, or read what is there with soundfile and pass the samples"
_NO_LENGTH = 1 << 62  # number of samples from which libsndfile means that it does not know
_WHAT_IS_READ = (
    "WAV, FLAC, Ogg Opus, Ogg Vorbis, MP3 and AIFF are read; convert other formats first, as in "
    "`ffmpeg -i talk.m4a -c:a libopus talk.ogg`; for samples without a header pass encoding, sample_rate and "
    "n_channels"
)


def probe(file: BinaryIO, label: str, *, is_whole: bool = True) -> Layout:
    """The format, length and parts of a file, from its content.

    Args:
        is_whole: if False, the file may go on later, and it is not checked that it has an end.

    Raises:
        AudioError: if it is not audio, empty, damaged or cut off.
    """
    import soundfile

    reader = ByteReader(file)
    _check_size(reader, label)
    start, sound = reader.read(0, 8), reader.read(skip_metadata(reader, 0), 64)
    media = find_media(sound)
    if media and media.is_certain:
        return probe_media(file, label, media)
    streams, left_out = walk_file(reader)
    if not streams and parse_frame(sound[:4]):
        raise AudioError(
            f"{label} looks like an MP3, but not one whole frame of it can be read: it is cut off or damaged "
            f"({reader.size} bytes); copy or download it again"
        )
    if not streams and start[:4] == b"OggS":  # libsndfile would search all of it for a page, slowly
        raise _describe_unreadable(label, "its first page is damaged", start)
    whole = [Stream("", ((0, reader.size),), reader.size)]
    try:
        layout = _join_streams(file, label, streams or whole, start, is_whole=is_whole)
    except soundfile.LibsndfileError as e:
        if media:
            with suppress(AudioError):
                return probe_media(file, label, media)
        raise _describe_unreadable(label, e.error_string, start) from e
    layout = replace(layout, n_bytes=reader.size, left_out=_sort([*left_out, *layout.left_out]))
    if is_whole:
        _check_ends(file, layout, label, is_known=bool(streams))
    return layout


def read_so_far(
    content: bytes, first: int, until: float, check_channels: Callable[[int], object]
) -> tuple[int, Samples]:
    """Sample rate and samples of a file that is still being received, as far as they can be decoded.

    Args:
        first: the first sample wanted.
        until: seconds at which to end, if there is more.
        check_channels: called with the number of channels before anything is decoded.

    Returns:
        the rate in Hz, and a float32 array, shape (n_channels, n).

    Raises:
        AudioError: if it is not audio, damaged, or too short to be decoded.
    """
    file = io.BytesIO(content)
    layout = probe(file, "the audio", is_whole=False)
    check_channels(layout.n_channels)
    stop = min(layout.n_samples, round(until * layout.sample_rate))
    blocks = [np.empty((layout.n_channels, 0), np.float32)]
    if first < stop:
        blocks += decode(file, layout, "the audio", first, stop, stop - first)
    return layout.sample_rate, np.concatenate(blocks, axis=1)


def _join_streams(
    file: BinaryIO, label: str, streams: list[Stream], start: bytes, *, is_whole: bool
) -> Layout:
    """The layout of the first stream and of those after it that have the same sample rate and channels."""
    import soundfile

    layout, begin = Layout(), 0
    for number, stream in enumerate(streams):
        if stream.flaw and is_whole:
            raise AudioError(f"{label} {stream.flaw}; {_REPAIR}")
        left_out, reason = (*layout.left_out, *stream.left_out), ""
        try:
            found = _measure(file, stream, start)
        except soundfile.LibsndfileError as e:
            if number == 0:
                raise
            found, reason = Layout(), f"another stream, which cannot be read: {e.error_string}"
        if number == 0:
            _check_length(label, found.n_samples)
            layout = replace(found, left_out=left_out)
        elif (found.sample_rate, found.n_channels) == (layout.sample_rate, layout.n_channels):
            layout = replace(
                layout,
                n_samples=layout.n_samples + found.n_samples,
                has_length=layout.has_length and found.has_length,
                parts=layout.parts + found.parts,
                left_out=left_out,
            )
        else:
            n_channels = count_noun(found.n_channels, "channel")
            reason = reason or f"another stream, of {found.sample_rate} Hz with {n_channels}"
            layout = replace(layout, left_out=(*left_out, LeftOut(begin, stream.end - begin, reason)))
        begin = stream.end
    if is_whole and not streams[-1].is_closed:
        there = layout.n_samples / layout.sample_rate
        raise AudioError(
            f"{label} is cut off: {there:.2f} s are there, and the Ogg stream has no end; copy or download "
            "it again, or close it with `ffmpeg -i talk.ogg -c copy closed.ogg`"
        )
    return layout


def _sort(left_out: list[LeftOut]) -> tuple[LeftOut, ...]:
    """What is left out in the order of the file; zeros are part of what follows them."""
    found = list[LeftOut]()
    for one in sorted(left_out, key=lambda one: one.offset):
        before = found[-1] if found else None
        if before and before.reason == ZEROS and before.offset + before.n_bytes == one.offset:
            found[-1] = replace(one, offset=before.offset, n_bytes=before.n_bytes + one.n_bytes)
        else:
            found.append(one)
    return tuple(found)


def _measure(file: BinaryIO, stream: Stream, start: bytes) -> Layout:
    """The layout of one stream, as libsndfile parses its header."""
    with open_sound(file, stream.pieces, Layout()) as sound:
        n, rate = stream.n_samples or sound.frames, sound.samplerate
        scale = rate / 48_000 if stream.container == "OGG_OPUS" else 1  # positions are in 48 kHz
        marks = tuple((n + round(back * scale), offset) for back, offset in stream.marks)
        return Layout(
            container=stream.container or _name_container(sound.format, sound.subtype, start),
            coding=sound.subtype,
            sample_rate=rate,
            n_channels=sound.channels,
            n_samples=n,
            has_length=stream.has_length,
            parts=(Part(stream.pieces, n, stream.header_end, marks),),
        )


def _name_container(name: str, coding: str, start: bytes) -> str:
    if name == "OGG":
        return f"OGG_{coding}"
    if name == "MP3":
        return "MP3" if coding == "MPEG_LAYER_III" else coding
    return {b"RIFF": "WAV", b"RIFX": "RIFX"}.get(start[:4], name)


def _check_length(label: str, n_samples: int) -> None:
    if n_samples <= 0:
        raise AudioError(f"{label} holds no samples, only a header; record it again")
    if n_samples >= _NO_LENGTH:
        raise AudioError(
            f"{label} does not say how long it is, as when it was written to a pipe; write it to a file, "
            "as in `ffmpeg -i talk.flac again.flac`"
        )


def _check_ends(file: BinaryIO, layout: Layout, label: str, *, is_known: bool) -> None:
    """Check that the last sample of each part can be decoded.

    Where that would take decoding everything, the size was compared with the header by the walker.
    """
    end = 0
    for part in layout.parts:
        end += part.n_samples
        if part.marks or layout.coding.startswith(SEEKABLE) or not is_known:
            for _ in decode(file, layout, label, end - 1, end, 1):
                pass


def _describe_unreadable(label: str, reason: str, start: bytes) -> AudioError:
    return AudioError(
        f"{label} is no audio that can be read ({reason}); it begins with {start!r}. {_WHAT_IS_READ}"
    )


def probe_pcm(file: BinaryIO, label: str, rate: int, n_channels: int) -> Layout:
    """The length of a file of 16-bit samples without a header.

    Raises:
        AudioError: if it has a header, is empty, or ends within a sample.
    """
    reader = ByteReader(file)
    _check_size(reader, label)
    start, n_bytes = reader.read(0, 4), reader.size
    if start in (b"RIFF", b"RF64", b"OggS", b"fLaC"):
        raise AudioError(f"{label} begins with {start!r}, so it has a header; leave encoding out")
    if n_bytes % (2 * n_channels):
        raise AudioError(
            f"{label} has {n_bytes} bytes, which is no whole number of 16-bit samples in {n_channels} "
            "channel(s); it is cut off, or n_channels is wrong"
        )
    n = n_bytes // (2 * n_channels)
    return Layout(PCM, "PCM_16", rate, n_channels, n, n_bytes, parts=(Part(((0, n_bytes),), n),))


def _check_size(reader: ByteReader, label: str) -> None:
    if reader.size == 0:
        raise AudioError(f"{label} is empty (0 bytes); copy or record it again")
