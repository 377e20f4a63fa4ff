"""Decoding: the samples of a recording's parts, one after the other."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ..errors import AudioError
from .containers import skip_to
from .files import ByteReader, Piece, SplicedFile
from .layout import PCM, Layout, Part, cut_off

Samples = npt.NDArray[np.float32]

_PREROLL = 1.0  # s decoded before the start and dropped: lossy decoders depend on earlier samples
_STEP = 1 << 15  # samples decoded at once to be dropped
_BUFFER = 1 << 16
SEEKABLE = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW", "ALAC_", "MPEG_LAYER_")
"""Sample formats in which libsndfile's seek is exact and survives damaged files; those of FLAC are PCM."""


@contextmanager
def open_sound(file: BinaryIO, pieces: tuple[Piece, ...], layout: Layout) -> Iterator[Any]:
    """A soundfile.SoundFile that gives the same samples whether it is read at once or in blocks."""
    import soundfile

    spliced = io.BufferedReader(SplicedFile(file, pieces), _BUFFER)
    with soundfile.SoundFile(spliced, **_raw_options(layout)) as sound:
        # soundfile seeks after each read of a seekable file. A seek resets the state of MP3 and Opus
        # decoders, which changes the next samples, and in damaged Ogg it can crash or hang.
        sound.seekable = lambda: False
        yield sound


def _raw_options(layout: Layout) -> dict[str, Any]:
    if layout.container != PCM:
        return {}
    rate, n_channels = layout.sample_rate, layout.n_channels
    return {
        "format": "RAW",
        "subtype": "PCM_16",
        "endian": "LITTLE",
        "samplerate": rate,
        "channels": n_channels,
    }


def decode(file: BinaryIO, layout: Layout, label: str, first: int, stop: int, size: int) -> Iterator[Samples]:
    """Samples `first` to `stop` (not included) in contiguous blocks of shape (n_channels, size).

    Raises:
        AudioError: if the file is damaged or ends too early; the message has the time.
    """
    if layout.demuxer:
        from .media import decode_media

        pieces = decode_media(file, layout, label, first, stop)
    else:
        pieces = _decode_parts(file, layout, label, first, stop, size)
    rest = np.empty((layout.n_channels, 0), np.float32)
    for piece in pieces:
        rest = np.concatenate([rest, piece], axis=1) if rest.size else piece
        while rest.shape[1] >= size:
            yield np.ascontiguousarray(rest[:, :size])
            rest = rest[:, size:]
    if rest.size:
        yield np.ascontiguousarray(rest)


def _decode_parts(
    file: BinaryIO, layout: Layout, label: str, first: int, stop: int, size: int
) -> Iterator[Samples]:
    begin = 0  # of the part, in samples of the recording
    for part in layout.parts:
        a, b = max(first - begin, 0), min(stop - begin, part.n_samples)
        if a < b:
            yield from _decode_part(file, layout, label, part, begin, a, b, size)
        begin += part.n_samples


def _decode_part(
    file: BinaryIO, layout: Layout, label: str, part: Part, begin: int, first: int, stop: int, size: int
) -> Iterator[Samples]:
    import soundfile

    at, rate = first, layout.sample_rate
    try:
        with _open_before(file, layout, part, first) as (sound, at):
            while at < stop:
                n = min(_STEP, first - at) if at < first else min(size, stop - at)
                block = sound.read(n, dtype="float32", always_2d=True)
                if at >= first and len(block):
                    yield block.T
                at += len(block)
                if len(block) < n:
                    raise cut_off(label, (begin + at) / rate, layout.n_samples / rate)
    except soundfile.LibsndfileError as e:
        there, until = (begin + at) / rate, (begin + min(max(at, first) + size, stop)) / rate
        raise AudioError(
            f"{label} is damaged between {there:.2f} and {until:.2f} s: {e.error_string}; copy or download "
            "it again"
        ) from e


@contextmanager
def _open_before(file: BinaryIO, layout: Layout, part: Part, first: int) -> Iterator[tuple[Any, int]]:
    """A decoder that stands at or some time before sample `first` of the part, and where it stands."""
    before = max(0, first - round(_PREROLL * layout.sample_rate))
    offset = max((offset for sample, offset in part.marks if sample <= before), default=0)
    if offset:
        pieces = skip_to(ByteReader(file), part.pieces, part.header_end, offset)
        with open_sound(file, pieces, layout) as sound:
            at = (
                part.n_samples - sound.frames
            )  # what follows has no times of its own, but ends where the part ends
            if 0 <= at <= first:
                yield sound, at
                return
    with open_sound(file, part.pieces, layout) as sound:
        yield sound, sound.seek(before) if before and layout.coding.startswith(SEEKABLE) else 0
