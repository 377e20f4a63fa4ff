"""The sound of a stream: bytes as they come in, samples as soon as they can be had.

Headerless samples and 16-bit WAV are samples already. Ogg Opus is decoded as it grows; MP3, whose decoder
stumbles over a file that is not whole yet, when the stream ends.
"""

from __future__ import annotations

import io
import struct
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ...wire import v3
from ..engines.base import SAMPLE_RATE
from ..status import invalid
from .options import CONTAINERS, checked_raw

Samples = npt.NDArray[np.int16]
HEAD = 12
"""Bytes that tell a WAV file."""
LONGEST_HEADER = 1 << 16
GROWTH = 4000
"""Bytes of a compressed file that are waited for before it is looked at again: a second of Opus, about."""


class Sound(Protocol):
    """The sound of one stream. Samples have the shape (n_samples, n_channels)."""

    layout: tuple[int, int] | None  # sample rate (Hz) and number of channels, once they are known
    notice: str  # what the caller should know about the format

    def feed(self, data: bytes) -> Samples:
        """The samples that can be had after these bytes."""
        ...

    def flush(self) -> Samples:
        """The samples that can be had without any more bytes."""
        ...


def incoming(audio_format: Any) -> Sound:
    """The decoder for an `AudioFormatOptions`.

    Raises:
        Refusal: INVALID_ARGUMENT if it names no format.
    """
    if audio_format.WhichOneof("AudioFormat") == "raw_audio":
        return RawSound(*checked_raw(audio_format.raw_audio))
    container = audio_format.container_audio.container_audio_type
    if container not in CONTAINERS:
        taken = ", ".join(sorted(CONTAINERS.values()))
        raise invalid(f"the stream does not say its format: raw_audio, or container_audio of {taken}")
    if container == v3.ContainerAudio.WAV:
        return WavSound()
    return CompressedSound(CONTAINERS[container], live=container == v3.ContainerAudio.OGG_OPUS)


def silence(sound: Sound, duration_ms: int) -> Samples:
    """As many samples of silence.

    Raises:
        Refusal: INVALID_ARGUMENT if nobody knows yet how many that are.
    """
    if sound.layout is None:
        raise invalid("a silence_chunk came before the header of the audio, which says the sample rate")
    sample_rate, n_channels = sound.layout
    return np.zeros((duration_ms * sample_rate // 1000, n_channels), np.int16)


def refuse_channels(n_channels: int) -> None:
    """Raises INVALID_ARGUMENT if a live session would have more than one channel."""
    if n_channels != 1:
        raise invalid(
            f"a REAL_TIME session takes one channel, not {n_channels}; "
            "several go with audio_processing_type FULL_DATA, or with RecognizeFile"
        )


def mono(samples: Samples) -> Samples:
    """The one channel of a live session.

    Raises:
        Refusal: INVALID_ARGUMENT if there are several.
    """
    refuse_channels(samples.shape[1])
    return np.ascontiguousarray(samples[:, 0])


class RawSound:
    """Samples without a header. A WAV header that somebody sent all the same is skipped."""

    def __init__(self, sample_rate: int, n_channels: int) -> None:
        self.layout: tuple[int, int] | None = (sample_rate, n_channels)
        self.notice = ""
        self._n_channels = n_channels
        self._rest = b""
        self._wav: WavSound | None = None
        self._is_first = True

    def feed(self, data: bytes) -> Samples:
        """The whole samples among the bytes so far."""
        if self._is_first:
            data, self._rest = self._rest + data, b""
            if len(data) < HEAD:
                self._rest = data
                return self._nothing()
            self._look_for_header(data)
        if self._wav:
            samples = self._wav.feed(data)
            self._check(self._wav.layout)
            return samples
        samples, self._rest = _samples(self._rest + data, self._n_channels)
        return samples

    def flush(self) -> Samples:
        """What was too short to be looked at."""
        if not self._is_first:
            return self._nothing()
        return _samples(self._rest, self._n_channels)[0]

    def _look_for_header(self, start: bytes) -> None:
        self._is_first = False
        if start[:4] == b"RIFF" and start[8:HEAD] == b"WAVE":
            self.notice = "the audio begins with a WAV header, LINEAR16_PCM has none: it was skipped"
            self._wav = WavSound()

    def _nothing(self) -> Samples:
        return np.zeros((0, self._n_channels), np.int16)

    def _check(self, found: tuple[int, int] | None) -> None:
        if found not in (None, self.layout):
            raise invalid(
                f"the audio begins with a WAV header of (rate, channels) {found}, "
                f"the session options say {self.layout}"
            )


class WavSound:
    """A WAV file with 16-bit samples."""

    def __init__(self) -> None:
        self.layout: tuple[int, int] | None = None
        self.notice = ""
        self._rest = b""
        self._n_left = 0  # bytes of sound; a header of a stream may not know better than "very many"

    def feed(self, data: bytes) -> Samples:
        """The whole samples among the bytes so far; none until the header is over."""
        self._rest += data
        if self.layout is None:
            self._read_header()
        if self.layout is None:
            return np.zeros((0, 1), np.int16)
        sound = self._rest[: self._n_left]
        samples, rest = _samples(sound, self.layout[1])
        self._n_left -= samples.nbytes
        self._rest = rest if self._n_left else b""
        return samples

    def flush(self) -> Samples:
        """None are held back; a stream that ends inside the header is no sound."""
        if self.layout is None and self._rest:
            raise invalid("Invalid audio received: it ends inside the WAV header")
        return np.zeros((0, self.layout[1] if self.layout else 1), np.int16)

    def _read_header(self) -> None:
        data, at, kind = self._rest, 12, b""
        if not b"RIFF".startswith(data[:4]) or not b"WAVE".startswith(data[8:12]):
            raise invalid("Invalid audio received: the session options say WAV, and it does not begin as one")
        facts = None
        while len(data) >= at + 8:
            kind, size = struct.unpack_from("<4sI", data, at)
            at += 8
            if kind == b"data":
                break
            if kind == b"fmt " and len(data) >= at + 16:
                facts = struct.unpack_from("<HHIIHH", data, at)
            at += size + size % 2
        if kind == b"data":
            self._start(facts, data[at:], size)
        elif len(data) > LONGEST_HEADER:
            raise invalid(f"Invalid audio received: no sound in the first {LONGEST_HEADER} bytes of the WAV")

    def _start(self, facts: tuple[int, ...] | None, sound: bytes, n_bytes: int) -> None:
        if facts is None or facts[0] not in (1, 0xFFFE) or facts[5] != 16 or not facts[1] or not facts[2]:
            raise invalid("Invalid audio received: a stream takes WAV with 16-bit PCM samples only")
        self.layout = (facts[2], facts[1])
        self._rest = sound
        self._n_left = n_bytes if 0 < n_bytes < 0xFFFFFF00 else 1 << 62


class CompressedSound:
    """A compressed file, decoded from where the last look at it ended.

    Args:
        name: of the format.
        live: whether it can be decoded before it is whole.
    """

    def __init__(self, name: str, live: bool) -> None:
        self.layout: tuple[int, int] | None = None
        self.notice = ""
        self._name, self._live = name, live
        self._file = io.BytesIO()
        self._n_seen = 0
        self._n_samples = 0

    def feed(self, data: bytes) -> Samples:
        """The samples that the bytes so far decode to, if there are enough new ones to look."""
        self._file.seek(0, io.SEEK_END)
        self._file.write(data)
        if not self._live or self._file.tell() - self._n_seen < GROWTH:
            return self._nothing()
        return self._decode(is_whole=False)

    def flush(self) -> Samples:
        """All that is left."""
        return self._decode(is_whole=True) if self._file.getbuffer().nbytes else self._nothing()

    def _decode(self, is_whole: bool) -> Samples:
        self._n_seen = self._file.seek(0, io.SEEK_END)
        self._file.seek(0)
        try:
            with soundfile.SoundFile(self._file) as sound:
                self.layout = (sound.samplerate, sound.channels)
                if sound.frames <= self._n_samples:
                    return self._nothing()
                sound.seek(self._n_samples)
                samples: Samples = sound.read(dtype="int16", always_2d=True)
        except soundfile.LibsndfileError as error:
            if not is_whole and self.layout is None:
                return self._nothing()  # the headers are not complete yet
            raise invalid(f"Invalid audio received: no {self._name} ({error.error_string})") from error
        self._n_samples += len(samples)
        return samples

    def _nothing(self) -> Samples:
        return np.zeros((0, self.layout[1] if self.layout else 1), np.int16)


class Resampler:
    """One channel at any rate as the engines want it."""

    def __init__(self, sample_rate: int) -> None:
        is_needed = sample_rate != SAMPLE_RATE
        self._stream = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="int16") if is_needed else None

    def feed(self, samples: Samples) -> bytes:
        """The samples that can be had after these."""
        if self._stream is not None:
            samples = self._stream.resample_chunk(samples)
        return bytes(samples.tobytes())

    def end(self) -> bytes:
        """What was held back."""
        if self._stream is None:
            return b""
        return bytes(self._stream.resample_chunk(np.zeros(0, np.int16), last=True).tobytes())


def _samples(data: bytes, n_channels: int) -> tuple[Samples, bytes]:
    """Whole samples of all channels, and the bytes that are over."""
    whole = len(data) // (2 * n_channels) * 2 * n_channels
    return np.frombuffer(data[:whole], "<i2").reshape(-1, n_channels), data[whole:]
