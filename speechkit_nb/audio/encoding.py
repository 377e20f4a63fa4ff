"""Encoding for the service: the recording's own bytes if the service accepts them, else 16-bit PCM in WAV."""

from __future__ import annotations

import io
import math
import tempfile
import warnings
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from ..errors import AudioConverted, AudioError, LimitError
from .layout import PCM
from .recording import Recording, Samples

MAX_SECONDS: Final = 4 * 3600  # the sum over the channels
MAX_BYTES: Final = 1_000_000_000
MAX_INLINE_BYTES: Final = 60_000_000
COMPRESSED: Final = ("OGG_OPUS", "MP3")
MIN_RATE: Final = 8_000  # Hz, of PCM
MAX_RATE: Final = 48_000


@dataclass(frozen=True)
class EncodedAudio:
    """The audio that is sent to the service.

    Attributes:
        container: "WAV", "OGG_OPUS", "MP3" or "LINEAR16_PCM".
        sample_rate: in Hz.
        converted: what was converted and why; None if the bytes are those of the recording.
    """

    content: bytes = field(repr=False)
    container: str
    sample_rate: int
    n_channels: int
    converted: str | None = None


def check_limits(recording: Recording, max_bytes: int | None = None) -> None:
    """Check that the service accepts a recording of this length and size. No audio is read.

    Args:
        max_bytes: limit for content that is sent in the request itself; default: None, no such limit.

    Raises:
        LimitError: if the recording is too long or too large.
    """
    name, n_channels = repr(recording.id), recording.n_channels
    seconds, size = recording.duration * n_channels, predict_size(recording)
    if seconds > MAX_SECONDS:
        raise LimitError(
            f"{name} lasts {_hours(recording.duration)} in {n_channels} channel(s), {_hours(seconds)} added "
            f"up; the service takes {_hours(MAX_SECONDS)}: send it in parts"
        )
    if size > MAX_BYTES:
        raise LimitError(
            f"{name} has {_megabytes(size)}; the service takes {_megabytes(MAX_BYTES)}: send it in parts, "
            "or in a compressed form such as Ogg Opus"
        )
    if max_bytes is not None and size > max_bytes:
        raise LimitError(
            f"{name} has {_megabytes(size)} to send; a request takes {_megabytes(max_bytes)}: send it "
            "through Object Storage, as with bucket='NAME', or in a compressed form such as Ogg Opus"
        )


def encode_for_service(recording: Recording, max_bytes: int = MAX_INLINE_BYTES) -> EncodedAudio:
    """Encode a recording for the service: its own bytes if possible, else 16-bit PCM in WAV.

    Raises:
        LimitError: if it is too long or too large; this is checked before the audio is read.
        AudioError: if the file is damaged or contains NaN.

    Warns:
        AudioConverted: if the user's file was converted, or samples were clipped.
    """
    check_limits(recording, max_bytes)
    obstacle = _obstacle(recording)
    if obstacle is None:
        with recording.open() as file:
            content = file.read()
        return EncodedAudio(content, recording.container, recording.sample_rate, recording.n_channels)
    wav = io.BytesIO()
    converted = _convert(recording, obstacle, wav)
    return EncodedAudio(wav.getvalue(), "WAV", _taken_rate(recording), recording.n_channels, converted)


def choose_encoding(recording: Recording, header: bool = True) -> EncodedAudio:
    """The format that `encode_to_file` uses: an EncodedAudio without content."""
    plain = "WAV" if header else PCM
    container = recording.container if recording.container in COMPRESSED else plain
    return EncodedAudio(b"", container, _taken_rate(recording), recording.n_channels)


@contextmanager
def encode_to_file(recording: Recording, header: bool = True) -> Iterator[tuple[Path, str]]:
    """A context manager: a file to upload for the service, as path and container.

    The file is the recording's own file if possible, else a temporary one that is written block by block.
    Raises and warns as `encode_for_service` does, but without the limit for the size of a request.

    Args:
        header: whether samples are written in WAV; if False, they are LINEAR16_PCM.
    """
    check_limits(recording)
    container = choose_encoding(recording, header).container
    obstacle = _obstacle(recording)
    as_it_is = obstacle is None and recording.container == container
    if as_it_is and recording.source is not None:
        yield recording.source, container
        return
    with tempfile.TemporaryDirectory(prefix="speechkit-nb-") as folder:
        path = Path(folder, "audio")
        with path.open("wb") as file:
            if as_it_is and isinstance(recording.audio, bytes):
                file.write(recording.audio)
            else:
                _convert(recording, obstacle, file, container)
        yield path, container


def encode_blocks(recording: Recording) -> tuple[int, Iterator[npt.NDArray[np.int16]]]:
    """The recording for a stream: sample rate in Hz, and int16 blocks of shape (n_channels, n).

    Raises:
        AudioError: while blocks are read, if the file is damaged or contains NaN.
    """
    rate = _taken_rate(recording)
    return rate, _checked(recording, rate)


def _obstacle(recording: Recording) -> str | None:
    """Why the service does not accept the recording as it is; None if it does."""
    container, layout = recording.container, recording.layout
    if container in COMPRESSED:
        return None
    if container not in ("WAV", PCM):
        return f"the service takes no {container}"
    if layout.coding != "PCM_16":
        return f"the service takes 16-bit samples, not {layout.coding}"
    if recording.sample_rate != _taken_rate(recording):
        return f"the service takes {MIN_RATE} to {MAX_RATE} Hz"
    if len(layout.parts) > 1:
        return "its header is about its first part only"
    return None if layout.has_length else "its header does not say how long it is"


def _taken_rate(recording: Recording) -> int:
    return min(max(recording.sample_rate, MIN_RATE), MAX_RATE)


def predict_size(recording: Recording) -> int:
    """The number of bytes that will be sent."""
    if _obstacle(recording) is None:
        return recording.layout.n_bytes
    n = math.ceil(recording.n_samples * _taken_rate(recording) / recording.sample_rate)
    return 44 + 2 * n * recording.n_channels


def _convert(recording: Recording, obstacle: str | None, file: BinaryIO, container: str = "WAV") -> str:
    """Write the recording as 16-bit samples. Returns what was converted and why, for the warning.

    Without an obstacle the samples are not changed, and only a header is added or left out.
    """
    rate = _taken_rate(recording)
    clipped = _write_samples(recording, rate, file, container)
    converted = (
        f"{recording.id!r} was converted from {recording.container} ({recording.layout.coding}, "
        f"{recording.sample_rate} Hz) to {container} (PCM_16, {rate} Hz): {obstacle}{clipped}"
    )
    if obstacle and (recording.container != "array" or clipped):
        warnings.warn(AudioConverted(converted), stacklevel=3)
    return converted


def _write_samples(recording: Recording, rate: int, file: BinaryIO, container: str) -> str:
    """Write 16-bit samples, in WAV or without a header. Returns the part of the warning about clipping."""
    n_clipped, peak = 0, 0.0
    with _writer(file, container, (recording.n_channels, 2, rate, 0, "NONE", "")) as write:
        for block in _resampled(recording, rate):
            extreme = _peak(recording, block)
            if extreme > 1:
                n_clipped += int(np.count_nonzero(np.abs(block) > 1))
            peak = max(peak, extreme)
            write(_quantized(block).T.tobytes())
    clipped = (
        f"; {n_clipped} samples outside -1 to 1 were clipped (the largest is {peak:.4g}; 16-bit values "
        "held as floats are to be divided by 32768)"
    )
    return clipped if n_clipped else ""


def _checked(recording: Recording, rate: int) -> Iterator[npt.NDArray[np.int16]]:
    for block in _resampled(recording, rate):
        _peak(recording, block)
        yield _quantized(block)


def _peak(recording: Recording, block: Samples) -> float:
    """The largest absolute value in a block. Raises AudioError if a sample is not finite."""
    extreme = float(np.abs(block).max(initial=0))
    if not math.isfinite(extreme):
        raise AudioError(f"{recording.id!r} has NaN or infinite samples; use numpy.nan_to_num")
    return extreme


@contextmanager
def _writer(file: BinaryIO, container: str, layout: Any) -> Iterator[Callable[[bytes], Any]]:
    if container == PCM:
        yield file.write
        return
    with wave.open(file, "wb") as writer:
        writer.setparams(layout)
        yield writer.writeframesraw


def _quantized(block: Samples) -> npt.NDArray[np.int16]:
    """Round to int16. Exact for audio that had 16 bits, because libsndfile divides by 32768."""
    return np.clip(np.rint(block * 32768), -32768, 32767).astype("<i2")


def _resampled(recording: Recording, rate: int) -> Iterator[Samples]:
    if rate == recording.sample_rate:
        yield from recording.blocks()
        return
    import soxr

    stream = soxr.ResampleStream(recording.sample_rate, rate, recording.n_channels, dtype="float32")
    for block in recording.blocks():
        yield stream.resample_chunk(np.ascontiguousarray(block.T)).T
    yield stream.resample_chunk(np.empty((0, recording.n_channels), np.float32), last=True).T


def _hours(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
