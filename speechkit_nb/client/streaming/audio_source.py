"""What is streamed: a recording or the chunks of a live source, as pieces of 16-bit samples."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...audio import MAX_RATE, MIN_RATE, Recording, encode_blocks
from ...errors import AudioError


@dataclass(frozen=True)
class Source:
    """Where the sound of a stream comes from.

    Attributes:
        blocks: 16-bit little-endian samples, channels interleaved, of any length.
        sample_rate: Hz.
        recording: None for a live source, which takes its own time.
    """

    blocks: Iterator[bytes]
    sample_rate: int
    n_channels: int = 1
    recording: Recording | None = None

    @property
    def frame(self) -> int:
        """Bytes of a sample of all channels."""
        return 2 * self.n_channels

    def pieces(self, n_samples: int) -> Iterator[bytes]:
        """The sound in pieces of `n_samples` at most, of whole samples; a live one as soon as it comes."""
        rest, size = b"", n_samples * self.frame
        for block in self.blocks:
            data = rest + block
            whole = len(data) // self.frame * self.frame
            if self.recording is not None:
                whole = len(data) // size * size
            for at in range(0, whole, size):
                yield data[at : min(at + size, whole)]
            rest = data[whole:]
        if whole := len(rest) // self.frame * self.frame:
            yield rest[:whole]


def open_source(
    source: Any, sample_rate: int | None = None, *, id: str | None = None, channel: int | None = None
) -> Source:
    """The sound of a recording, or of an iterable of chunks.

    Args:
        source: what `Recording` takes, or an iterable of chunks: `bytes` of 16-bit little-endian samples, or
            arrays of shape (n,), int16 or float in -1 to 1.
        sample_rate: Hz; needed for chunks and arrays.
        id: name of a recording.
        channel: the only one of a recording's channels to send.

    Raises:
        AudioError: if it is no audio, or the rate is missing or not taken.
    """
    if isinstance(source, str) and "://" in source:
        raise AudioError(
            "a stream sends the sound itself, and a link is for client.submit; give a file of it"
        )
    if isinstance(source, Recording):
        return _recorded(source, channel)
    if _is_recording(source):
        return _recorded(Recording(source, sample_rate, id=id), channel)
    if not isinstance(source, Iterable):
        raise AudioError(f"{source!r:.60} is no recording and no iterable of chunks of samples")
    if sample_rate is None:
        raise AudioError("chunks do not say their sample rate; pass it in Hz, as in sample_rate=16000")
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise AudioError(f"the service takes {MIN_RATE} to {MAX_RATE} Hz in a stream, not {sample_rate}")
    if channel is not None:
        raise AudioError("channel is for recordings; the chunks of a live source have one")
    return Source(_chunks(source), sample_rate)


def _is_recording(source: Any) -> bool:
    known = (str, os.PathLike, bytes, bytearray, memoryview, np.ndarray, Mapping)
    return isinstance(source, known) or hasattr(source, "get_all_samples")


def _recorded(recording: Recording, channel: int | None) -> Source:
    if channel is not None and not 0 <= channel < recording.n_channels:
        raise AudioError(f"{recording.id!r} has channels 0 to {recording.n_channels - 1}, not {channel}")
    rate, blocks = encode_blocks(recording)
    rows = slice(None) if channel is None else slice(channel, channel + 1)
    n_channels = recording.n_channels if channel is None else 1
    return Source((block[rows].T.tobytes() for block in blocks), rate, n_channels, recording)


def _chunks(source: Iterable[Any]) -> Iterator[bytes]:
    """The chunks of a live source as bytes."""
    has_begun = False
    for each in source:
        chunk = _chunk(each)
        if not has_begun and chunk.startswith((b"RIFF", b"OggS", b"fLaC", b"ID3")):
            raise AudioError(
                f"the chunks begin with {chunk[:4]!r}, so they are those of a file, not samples: stream the "
                "file itself, or leave its header out"
            )
        has_begun = has_begun or bool(chunk)
        yield chunk


def _chunk(chunk: Any) -> bytes:
    """One chunk of a live source as bytes."""
    if isinstance(chunk, (bytes, bytearray, memoryview)):
        return bytes(chunk)
    samples: npt.NDArray[Any] = np.asarray(chunk)
    if samples.ndim != 1:
        raise AudioError(f"a chunk has the shape {samples.shape}; a live source has one channel: (n,)")
    if samples.dtype == np.int16:
        return bytes(samples.astype("<i2", copy=False).tobytes())
    if not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(f"a chunk is of {samples.dtype}; it must be int16, or float in -1 to 1")
    return bytes(np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes())
