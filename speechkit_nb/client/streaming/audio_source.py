"""The audio of a stream: a recording or a live source, in chunks of 16-bit samples."""

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
class AudioSource:
    """The audio of a stream.

    Attributes:
        blocks: 16-bit little-endian samples, channels interleaved, in blocks of any length.
        sample_rate: Hz.
        recording: None for a live source, which gives its audio in its own time.
    """

    blocks: Iterator[bytes]
    sample_rate: int
    n_channels: int = 1
    recording: Recording | None = None

    @property
    def frame_size(self) -> int:
        """Bytes of one sample of all channels."""
        return 2 * self.n_channels

    def chunks(self, n_samples: int) -> Iterator[bytes]:
        """The audio in chunks of at most `n_samples` whole samples; live audio as soon as it comes."""
        rest, size = b"", n_samples * self.frame_size
        for block in self.blocks:
            data = rest + block
            whole = len(data) // self.frame_size * self.frame_size
            if self.recording is not None:  # equal chunks; the rest waits for the next block
                whole = len(data) // size * size
            for at in range(0, whole, size):
                yield data[at : min(at + size, whole)]
            rest = data[whole:]
        if whole := len(rest) // self.frame_size * self.frame_size:
            yield rest[:whole]


def open_source(
    source: Any, sample_rate: int | None = None, *, id: str | None = None, channel: int | None = None
) -> AudioSource:
    """Open a recording, or an iterable of chunks.

    Args:
        source: anything that `Recording` takes, or an iterable of chunks: `bytes` of 16-bit little-endian
            samples, or arrays of shape (n,), int16 or float in -1 to 1.
        sample_rate: Hz; needed for chunks and arrays.
        id: name of a recording.
        channel: send only this channel of a recording.

    Raises:
        AudioError: if it is no audio, or the sample rate is missing or not supported.
    """
    if isinstance(source, str) and "://" in source:
        raise AudioError("a stream sends audio, and a link is for client.submit; give a file instead")
    if isinstance(source, Recording):
        return _open_recording(source, channel)
    if _is_recording(source):
        return _open_recording(Recording(source, sample_rate, id=id), channel)
    if not isinstance(source, Iterable):
        raise AudioError(f"{source!r:.60} is neither a recording nor an iterable of chunks of samples")
    if sample_rate is None:
        raise AudioError("chunks need a sample rate in Hz, such as sample_rate=16000")
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise AudioError(f"a stream must have {MIN_RATE} to {MAX_RATE} Hz, not {sample_rate}")
    if channel is not None:
        raise AudioError("channel= is for recordings; the chunks of a live source have one channel")
    return AudioSource(_convert_chunks(source), sample_rate)


def _is_recording(source: Any) -> bool:
    known = (str, os.PathLike, bytes, bytearray, memoryview, np.ndarray, Mapping)
    return isinstance(source, known) or hasattr(source, "get_all_samples")


def _open_recording(recording: Recording, channel: int | None) -> AudioSource:
    if channel is not None and not 0 <= channel < recording.n_channels:
        raise AudioError(f"{recording.id!r} has channels 0 to {recording.n_channels - 1}, not {channel}")
    rate, blocks = encode_blocks(recording)
    rows = slice(None) if channel is None else slice(channel, channel + 1)
    n_channels = recording.n_channels if channel is None else 1
    return AudioSource((block[rows].T.tobytes() for block in blocks), rate, n_channels, recording)


def _convert_chunks(source: Iterable[Any]) -> Iterator[bytes]:
    """The chunks of a live source as bytes."""
    has_begun = False
    for each in source:
        chunk = _convert_chunk(each)
        if not has_begun and chunk.startswith((b"RIFF", b"OggS", b"fLaC", b"ID3")):
            raise AudioError(
                f"the chunks begin with {chunk[:4]!r}, so they are a file, not samples: stream the file "
                "itself, or leave its header out"
            )
        has_begun = has_begun or bool(chunk)
        yield chunk


def _convert_chunk(chunk: Any) -> bytes:
    """One chunk of a live source as bytes."""
    if isinstance(chunk, (bytes, bytearray, memoryview)):
        return bytes(chunk)
    samples: npt.NDArray[Any] = np.asarray(chunk)
    if samples.ndim != 1:
        raise AudioError(
            f"a chunk has the shape {samples.shape}; it must be (n,), since a live source has one channel"
        )
    if samples.dtype == np.int16:
        return bytes(samples.astype("<i2", copy=False).tobytes())
    if not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(f"a chunk has the type {samples.dtype}; it must be int16, or float in -1 to 1")
    return bytes(np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes())
