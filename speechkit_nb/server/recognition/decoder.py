"""Decoders for the audio of a stream: bytes in, samples out as soon as possible.

Raw audio and 16-bit WAV hold samples already. Ogg Opus is decoded while it comes in. MP3 is decoded when the
stream ends, since its decoder fails on an incomplete file.
"""

from __future__ import annotations

import io
import struct
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import soxr

from ...audio import read_so_far
from ...errors import AudioError
from ...wire import v3
from ..engines.base import SAMPLE_RATE
from ..status import invalid_argument
from .options import CONTAINERS, check_channels, read_raw_format

Samples = npt.NDArray[np.int16]
HEAD = 12
"""Number of bytes by which a WAV file is recognized."""
LONGEST_HEADER = 1 << 16
GROWTH = 4000
"""A compressed file is decoded again after this many new bytes: about one second of Opus."""


class AudioDecoder(Protocol):
    """Decodes the audio of one stream. Samples have the shape (n_samples, n_channels)."""

    layout: tuple[int, int] | None  # sample rate (Hz) and number of channels, once they are known
    warning: str  # about the format, for the client

    def feed(self, data: bytes) -> Samples:
        """The samples that these bytes complete."""
        ...

    def flush(self) -> Samples:
        """The samples that are left when no more bytes come for now."""
        ...


def make_decoder(audio_format: Any, seconds: float) -> AudioDecoder:
    """The decoder for an `AudioFormatOptions`.

    Args:
        audio_format: the options.
        seconds: longest duration; a compressed file that lasts longer is not decoded further.

    Raises:
        StatusError: INVALID_ARGUMENT if there is no format in it.
    """
    if audio_format.WhichOneof("AudioFormat") == "raw_audio":
        return RawDecoder(*read_raw_format(audio_format.raw_audio))
    container = audio_format.container_audio.container_audio_type
    if container not in CONTAINERS:
        taken = ", ".join(sorted(CONTAINERS.values()))
        raise invalid_argument(f"the audio format is missing: set raw_audio, or container_audio with {taken}")
    if container == v3.ContainerAudio.WAV:
        return WavDecoder()
    is_live = container == v3.ContainerAudio.OGG_OPUS
    return CompressedDecoder(CONTAINERS[container], live=is_live, seconds=seconds)


def make_silence(decoder: AudioDecoder, duration_ms: int) -> Samples:
    """Samples of silence in the format of the stream.

    Raises:
        StatusError: INVALID_ARGUMENT if the sample rate is not known yet.
    """
    if decoder.layout is None:
        raise invalid_argument(
            "a silence_chunk came before the header of the audio, which holds the sample rate"
        )
    sample_rate, n_channels = decoder.layout
    return np.zeros((duration_ms * sample_rate // 1000, n_channels), np.int16)


def check_mono(n_channels: int) -> None:
    """Raise INVALID_ARGUMENT for more than one channel in a REAL_TIME session."""
    if n_channels != 1:
        raise invalid_argument(
            f"a REAL_TIME session takes one channel, not {n_channels}; "
            "for several channels use audio_processing_type FULL_DATA, or RecognizeFile"
        )


def take_channel(samples: Samples) -> Samples:
    """The only channel of a REAL_TIME session.

    Raises:
        StatusError: INVALID_ARGUMENT if there are several.
    """
    check_mono(samples.shape[1])
    return np.ascontiguousarray(samples[:, 0])


class RawDecoder:
    """Samples without a header. If the client sends a WAV header nevertheless, it is skipped."""

    def __init__(self, sample_rate: int, n_channels: int) -> None:
        self.layout: tuple[int, int] | None = (sample_rate, n_channels)
        self.warning = ""
        self._n_channels = n_channels
        self._rest = b""
        self._wav: WavDecoder | None = None
        self._is_first = True

    def feed(self, data: bytes) -> Samples:
        """The complete samples in the bytes so far."""
        if self._is_first:
            data, self._rest = self._rest + data, b""
            if len(data) < HEAD:
                self._rest = data
                return self._no_samples()
            self._detect_header(data)
        if self._wav:
            samples = self._wav.feed(data)
            self._check_header(self._wav.layout)
            return samples
        samples, self._rest = _split_samples(self._rest + data, self._n_channels)
        return samples

    def flush(self) -> Samples:
        """The samples of a stream that is too short to have a header."""
        if not self._is_first:
            return self._no_samples()
        return _split_samples(self._rest, self._n_channels)[0]

    def _detect_header(self, start: bytes) -> None:
        self._is_first = False
        if start[:4] == b"RIFF" and start[8:HEAD] == b"WAVE":
            self.warning = "the audio begins with a WAV header, LINEAR16_PCM has none: it was skipped"
            self._wav = WavDecoder()

    def _no_samples(self) -> Samples:
        return np.zeros((0, self._n_channels), np.int16)

    def _check_header(self, found: tuple[int, int] | None) -> None:
        if found not in (None, self.layout):
            raise invalid_argument(
                f"the audio begins with a WAV header of (rate, channels) {found}, "
                f"the session options have {self.layout}"
            )


class WavDecoder:
    """A WAV file with 16-bit samples."""

    def __init__(self) -> None:
        self.layout: tuple[int, int] | None = None
        self.warning = ""
        self._rest = b""
        self._n_left = 0  # bytes of samples; the header of a stream may hold a very large number

    def feed(self, data: bytes) -> Samples:
        """The complete samples in the bytes so far; none before the end of the header."""
        self._rest += data
        if self.layout is None:
            self._read_header()
        if self.layout is None:
            return np.zeros((0, 1), np.int16)
        sound = self._rest[: self._n_left]
        samples, rest = _split_samples(sound, self.layout[1])
        self._n_left -= samples.nbytes
        self._rest = rest if self._n_left else b""
        return samples

    def flush(self) -> Samples:
        """No samples: none are held back. A stream that ends inside the header is an error."""
        if self.layout is None and self._rest:
            raise invalid_argument("Invalid audio received: it ends inside the WAV header")
        return np.zeros((0, self.layout[1] if self.layout else 1), np.int16)

    def _read_header(self) -> None:
        data, at, kind = self._rest, 12, b""
        if not b"RIFF".startswith(data[:4]) or not b"WAVE".startswith(data[8:12]):
            raise invalid_argument(
                "Invalid audio received: the session options name WAV, but it does not begin like a WAV file"
            )
        fmt = None
        while len(data) >= at + 8:
            kind, size = struct.unpack_from("<4sI", data, at)
            at += 8
            if kind == b"data":
                break
            if kind == b"fmt " and len(data) >= at + 16:
                fmt = struct.unpack_from("<HHIIHH", data, at)
            at += size + size % 2
        if kind == b"data":
            self._start(fmt, data[at:], size)
        elif len(data) > LONGEST_HEADER:
            raise invalid_argument(
                f"Invalid audio received: no samples in the first {LONGEST_HEADER} bytes of the WAV file"
            )

    def _start(self, fmt: tuple[int, ...] | None, sound: bytes, n_bytes: int) -> None:
        if fmt is None or fmt[0] not in (1, 0xFFFE) or fmt[5] != 16 or not fmt[1] or not fmt[2]:
            raise invalid_argument("Invalid audio received: a stream takes WAV with 16-bit PCM samples only")
        check_channels("the number of channels", fmt[1])
        self.layout = (fmt[2], fmt[1])
        self._rest = sound
        self._n_left = n_bytes if 0 < n_bytes < 0xFFFFFF00 else 1 << 62


class CompressedDecoder:
    """A compressed file, decoded from where the last decoding ended.

    Args:
        name: name of the format.
        live: whether it can be decoded before it is complete.
        seconds: longest duration. A few bytes can hold hours, so at most a second more is decoded.
    """

    def __init__(self, name: str, live: bool, seconds: float) -> None:
        self.layout: tuple[int, int] | None = None
        self.warning = ""
        self._name, self._live, self._seconds = name, live, seconds
        self._file = io.BytesIO()
        self._n_decoded_bytes = 0
        self._n_samples = 0

    def feed(self, data: bytes) -> Samples:
        """The new samples of the bytes so far, if enough bytes have come since the last decoding."""
        self._file.seek(0, io.SEEK_END)
        self._file.write(data)
        if not self._live or self._file.tell() - self._n_decoded_bytes < GROWTH:
            return self._no_samples()
        return self._decode(is_complete=False)

    def flush(self) -> Samples:
        """The rest of the samples."""
        return self._decode(is_complete=True) if self._file.getbuffer().nbytes else self._no_samples()

    def _decode(self, is_complete: bool) -> Samples:
        self._n_decoded_bytes = self._file.seek(0, io.SEEK_END)
        try:
            sample_rate, found = read_so_far(
                self._file.getvalue(),
                self._n_samples,
                self._seconds + 1,
                lambda n_channels: check_channels("the number of channels", n_channels),
            )
        except AudioError as error:
            if not is_complete and self.layout is None:
                return self._no_samples()  # the headers are not complete yet
            raise invalid_argument(f"Invalid audio received: it is not {self._name} ({error})") from error
        self.layout = (sample_rate, len(found))
        samples = np.clip(np.rint(found.T * 32768), -32768, 32767).astype(np.int16)
        self._n_samples += len(samples)
        return samples

    def _no_samples(self) -> Samples:
        return np.zeros((0, self.layout[1] if self.layout else 1), np.int16)


class Resampler:
    """Converts one channel to the sample rate of the engines."""

    def __init__(self, sample_rate: int) -> None:
        is_needed = sample_rate != SAMPLE_RATE
        self._stream = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="int16") if is_needed else None

    def feed(self, samples: Samples) -> bytes:
        """The converted samples that these complete."""
        if self._stream is not None:
            samples = self._stream.resample_chunk(samples)
        return bytes(samples.tobytes())

    def end(self) -> bytes:
        """The rest of the converted samples."""
        if self._stream is None:
            return b""
        return bytes(self._stream.resample_chunk(np.zeros(0, np.int16), last=True).tobytes())


def _split_samples(data: bytes, n_channels: int) -> tuple[Samples, bytes]:
    """Complete samples of all channels, and the bytes that are left over."""
    whole = len(data) // (2 * n_channels) * 2 * n_channels
    return np.frombuffer(data[:whole], "<i2").reshape(-1, n_channels), data[whole:]
