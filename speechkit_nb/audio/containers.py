"""Audio in files, bytes and arrays: opening, decoding, and the header with what it leaves out."""

from __future__ import annotations

import io
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from ..errors import AudioError

PCM: Final = "LINEAR16_PCM"
AUDIO_SUFFIXES: Final = (".wav", ".ogg", ".oga", ".opus", ".mp3", ".flac", ".aif", ".aiff", ".au")
"""Suffixes of recordings in a folder. The format of a file is taken from its content, not its suffix."""

_NO_LENGTH = 0x7FFF_0000  # data sizes of WAV from here up mean that the length was unknown
_NO_FRAME = "File does not exist or is not a regular file"  # libsndfile's error for an MP3 without a frame
_BUFFER = 1 << 18  # bytes read at once
_WHAT_IS_READ = (
    "WAV, FLAC, Ogg Opus, Ogg Vorbis, MP3 and AIFF are read; convert other formats first, as in "
    "`ffmpeg -i talk.m4a talk.ogg`; for samples without a header pass encoding, sample_rate and n_channels"
)


@dataclass(frozen=True)
class Layout:
    """The format and length of a recording, from its header and content.

    Attributes:
        container: "WAV", "OGG_OPUS", "MP3", "FLAC", "LINEAR16_PCM", "array", or libsndfile's name.
        coding: libsndfile's name of the sample format, such as "PCM_16" or "FLOAT".
        n_samples: number of samples per channel.
        n_bytes: size of the file.
        has_length: False if the header does not contain the length.
        head: bytes to read in place of the first `skip` bytes of the file; empty if its own header is used.
        skip: number of bytes that `head` replaces.
    """

    container: str = ""
    coding: str = ""
    sample_rate: int = 0
    n_channels: int = 0
    n_samples: int = 0
    n_bytes: int = 0
    has_length: bool = True
    head: bytes = b""
    skip: int = 0


class _Nameless(io.BufferedReader):
    """A file without a name: soundfile would read any file named "x.raw" as audio without a header."""

    name = ""


class _Spliced(io.RawIOBase):
    """A file that consists of `head` and then of `file` from byte `skip` on."""

    def __init__(self, head: bytes, file: BinaryIO, skip: int) -> None:
        self._head, self._file, self._skip, self._at = head, file, skip, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        end = self._file.seek(0, io.SEEK_END) - self._skip + len(self._head)
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: end}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        piece = self._head[self._at : self._at + len(buffer)]
        if not piece:
            self._file.seek(self._at - len(self._head) + self._skip)
            piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def open_bytes(audio: Path | bytes) -> io.BufferedReader | io.BytesIO:
    """Open the bytes of a file. Raises AudioError if it cannot be opened."""
    if isinstance(audio, bytes):
        return io.BytesIO(audio)
    if os.path.isdir(audio):  # unlike Path.is_dir, no error without permission
        raise AudioError(f"{audio} is a folder; give one file of it, such as {audio / 'talk.wav'}")
    try:
        return _Nameless(io.FileIO(audio), _BUFFER)
    except FileNotFoundError as e:
        where = f"the current folder is {Path.cwd()}"
        raise AudioError(f"there is no file {audio}; {where}: check the path") from e
    except (OSError, ValueError) as e:  # ValueError: a null byte in the path
        reason = getattr(e, "strerror", e)
        raise AudioError(f"{audio} cannot be opened: {reason}; check its name and who may read it") from e


@contextmanager
def decoder(file: BinaryIO, layout: Layout) -> Iterator[Any]:
    """A soundfile.SoundFile that gives the same samples whether it is read at once or in blocks."""
    import soundfile

    if layout.head:
        file = io.BufferedReader(_Spliced(layout.head, file, layout.skip), _BUFFER)
    with soundfile.SoundFile(file, **_raw_options(layout)) as sound:
        # soundfile seeks after each read of a seekable file. A seek resets the state of MP3 and Opus
        # decoders, which changes the next samples.
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


def cut_off(label: str, there: float, promised: float) -> AudioError:
    """The error for a file that ends too early. `there` and `promised` are in seconds."""
    return AudioError(
        f"{label} is cut off: {there:.2f} s of {promised:.2f} s are there; copy or download it again, "
        "or read what is there with soundfile and pass the samples"
    )


# --- samples given as an array


def checked_samples(label: str, samples: npt.NDArray[Any], rate: int) -> npt.NDArray[Any]:
    """A read-only copy of the samples, shape (n_channels, n_samples), int16 or float32.

    Raises:
        AudioError: if the dtype, the shape or a value is not valid.
    """
    if samples.dtype != np.int16 and samples.dtype.kind != "f":
        raise AudioError(
            f"samples must be int16, or float in -1 to 1, not {samples.dtype}; a path or bytes are taken, too"
        )
    if samples.ndim not in (1, 2):
        raise AudioError(
            f"samples must have shape (n_samples,) or (n_channels, n_samples), not {samples.shape}"
        )
    if samples.size == 0:
        raise AudioError(f"{label} holds no samples: its shape is {samples.shape}")
    rows = np.atleast_2d(samples)
    if rows.shape[0] > rows.shape[1]:
        raise AudioError(
            f"shape {rows.shape} means {rows.shape[0]} channels of {rows.shape[1]} samples; "
            "channels come first: pass samples.T"
        )
    kept = np.array(rows, np.int16 if rows.dtype == np.int16 else np.float32, order="C")
    if kept.dtype == np.float32 and not np.isfinite(kept).all():
        channel, at = np.argwhere(~np.isfinite(kept))[0]
        raise AudioError(
            f"{label} has NaN or infinite samples, the first in channel {channel} at {at / rate:.3f} s; "
            "clean it with numpy.nan_to_num"
        )
    kept.flags.writeable = False
    return kept


def array_layout(samples: npt.NDArray[Any], rate: int) -> Layout:
    coding = "PCM_16" if samples.dtype == np.int16 else "FLOAT"
    n_channels, n_samples = samples.shape
    return Layout("array", coding, int(rate), n_channels, n_samples, samples.nbytes)


def as_float(samples: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    if samples.dtype == np.int16:
        return samples * np.float32(2**-15)
    return samples.astype(np.float32)  # a copy: callers may write to it


# --- headers: libsndfile parses them; checks that it lacks are added here


def probe(file: BinaryIO, label: str) -> Layout:
    """The format and length of a file, from its content.

    Raises:
        AudioError: if it is not audio, empty, or cut off.
    """
    layout, start = _start(file, label)
    if start[:4] in (b"RIFF", b"RF64") and start[8:] == b"WAVE":
        layout = _probe_riff(file, label, layout)
    elif start[:3] == b"ID3" or (start[:1] == b"\xff" and start[1:2] >= b"\xe0"):
        layout = _probe_mp3(file, layout)
    layout = _probe_sound(file, label, start, layout)
    if layout.container.startswith("OGG_") and not _ogg_is_closed(file, layout.n_bytes):
        there = layout.n_samples / layout.sample_rate
        raise AudioError(
            f"{label} is cut off: {there:.2f} s are there, and the Ogg stream "
            "has no end; copy or download it again, or close it with `ffmpeg -i talk.ogg -c copy closed.ogg`"
        )
    return layout


def probe_pcm(file: BinaryIO, label: str, rate: int, n_channels: int) -> Layout:
    """The length of a file of 16-bit samples without a header.

    Raises:
        AudioError: if it has a header, is empty, or ends within a sample.
    """
    layout, start = _start(file, label)
    if start[:4] in (b"RIFF", b"RF64", b"OggS", b"fLaC"):
        raise AudioError(f"{label} begins with {start[:4]!r}, so it has a header; leave encoding out")
    if layout.n_bytes % (2 * n_channels):
        raise AudioError(
            f"{label} has {layout.n_bytes} bytes, which is no whole number of 16-bit samples in {n_channels} "
            "channel(s); it is cut off, or n_channels is wrong"
        )
    n = layout.n_bytes // (2 * n_channels)
    return replace(
        layout, container=PCM, coding="PCM_16", sample_rate=rate, n_channels=n_channels, n_samples=n
    )


def _start(file: BinaryIO, label: str) -> tuple[Layout, bytes]:
    n_bytes = file.seek(0, io.SEEK_END)
    if n_bytes == 0:
        raise AudioError(f"{label} is empty (0 bytes); copy or record it again")
    file.seek(0)
    return Layout(n_bytes=n_bytes), file.read(12)


def _probe_sound(file: BinaryIO, label: str, start: bytes, layout: Layout) -> Layout:
    """Parse the header with libsndfile, and check that the last sample can be decoded."""
    import soundfile

    file.seek(0)
    try:
        with decoder(file, layout) as sound:
            n, rate = sound.frames, sound.samplerate
            layout = replace(
                layout,
                container=_container(sound.format, sound.subtype, start),
                coding=sound.subtype,
                sample_rate=rate,
                n_channels=sound.channels,
                n_samples=n,
            )
            _check_length(label, n)
            if _readable(sound, n - 1):
                return layout
    except soundfile.LibsndfileError as e:
        if e.error_string.startswith(_NO_FRAME):
            raise AudioError(
                f"{label} looks like an MP3, but not one whole frame of it can be read: it is cut off or "
                f"damaged ({layout.n_bytes} bytes); copy or download it again"
            ) from e
        raise AudioError(
            f"{label} is no audio that can be read ({e.error_string}); it begins with {start[:8]!r}. "
            + _WHAT_IS_READ
        ) from e
    file.seek(0)
    with decoder(file, layout) as sound:  # a new one: some decoders do not recover from an error
        raise cut_off(label, _readable(sound, 0) / rate, n / rate)


def _container(name: str, coding: str, start: bytes) -> str:
    if name == "OGG":
        return f"OGG_{coding}"
    if name == "MP3":
        return "MP3" if coding == "MPEG_LAYER_III" else coding
    return {b"RIFF": "WAV", b"RIFX": "RIFX"}.get(start[:4], name)


def _check_length(label: str, n_samples: int) -> None:
    if n_samples == 0:
        raise AudioError(f"{label} holds no samples, only a header; record it again")
    if n_samples >= 1 << 62:
        raise AudioError(
            f"{label} does not say how long it is, as when it was written to a pipe; write it to a file, "
            "as in `ffmpeg -i talk.flac again.flac`"
        )


def _readable(sound: Any, start: int) -> int:
    """The number of samples from `start` on that can be decoded."""
    import soundfile

    n = 0
    try:
        sound.seek(start)
        while block := len(sound.read(1000)):
            n += block
    except soundfile.LibsndfileError:
        pass
    return n


def _probe_riff(file: BinaryIO, label: str, layout: Layout) -> Layout:
    """Compare the size of the data chunk with the file; libsndfile does not report a file that is cut off."""
    chunks = dict(_riff_chunks(file, layout.n_bytes))
    if b"fmt " not in chunks or b"data" not in chunks:
        return layout
    byte_rate, align = struct.unpack("<IH", _bytes_at(file, chunks[b"fmt "][0] + 8, 6))
    start, size = chunks[b"data"]
    if b"ds64" in chunks:  # RF64: files over 4 GB have their size in this chunk
        (size,) = struct.unpack("<Q", _bytes_at(file, chunks[b"ds64"][0] + 8, 8))
    there = layout.n_bytes - start
    # A size of 0 is correct if the size of the RIFF chunk (without its header of 8 bytes) is correct, too.
    if size == 0 and there and _riff_size(file) + 8 != layout.n_bytes:
        # With a size of 0 libsndfile reads no samples; with the largest size it reads to the end of the file.
        head = _bytes_at(file, 0, start - 4) + b"\xff" * 4
        return replace(layout, has_length=False, head=head, skip=start)
    if size >= _NO_LENGTH:
        return replace(layout, has_length=False)
    if size >= there + max(align, 1):
        raise cut_off(label, there / max(byte_rate, 1), size / max(byte_rate, 1))
    return layout


def _riff_chunks(file: BinaryIO, n_bytes: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Name, position and size of each chunk, up to the data chunk."""
    at = 12
    while at + 8 <= n_bytes:
        name, size = struct.unpack("<4sI", _bytes_at(file, at, 8))
        yield name, (at + 8, size)
        if name == b"data":
            return
        at += 8 + size + size % 2  # chunks are padded to an even size


def _riff_size(file: BinaryIO) -> int:
    return int.from_bytes(_bytes_at(file, 4, 4), "little")


def _bytes_at(file: BinaryIO, at: int, n: int) -> bytes:
    file.seek(at)
    return file.read(n)


def _ogg_is_closed(file: BinaryIO, n_bytes: int) -> bool:
    """Whether the last 64 kB (the largest size of a page) contain a complete page marked as the last one."""
    tail = _bytes_at(file, max(0, n_bytes - 65_536), 65_536)
    return any(_is_last_page(tail, match.start()) for match in re.finditer(rb"OggS\0", tail))


def _is_last_page(tail: bytes, at: int) -> bool:
    # A page header has 27 bytes. Byte 5 has flags (4: end of stream), and byte 26 the number of segments,
    # whose sizes follow the header.
    if len(tail) < at + 27 or not tail[at + 5] & 4:
        return False
    lacing = tail[at + 27 : at + 27 + tail[at + 26]]
    return at + 27 + tail[at + 26] + sum(lacing) <= len(tail)


# --- MP3 without a length: libsndfile estimates it from the first frames, and reads no further

_MP3_TAGS = (b"Xing", b"Info", b"VBRI")
_MP3_KBITS = {  # by the low bit of the version: MPEG-1, or MPEG-2 and 2.5
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    0: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
_MP3_RATES = (44_100, 48_000, 32_000, 0)
_MP3_DECODER_DELAY = 529  # samples


def _probe_mp3(file: BinaryIO, layout: Layout) -> Layout:
    """Count the frames of an MP3 without a length, and prepend frames that contain it."""
    start = _after_id3(file)
    header = _bytes_at(file, start, 4)
    size = _mp3_frame_size(header)
    first = _bytes_at(file, start, size)
    if not size or any(tag in first for tag in _MP3_TAGS):
        return layout
    n_frames = _count_mp3_frames(file, start, layout.n_bytes)
    return replace(layout, head=_mp3_length_frame(header, n_frames), skip=start)


def _after_id3(file: BinaryIO) -> int:
    head = _bytes_at(file, 0, 10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    a, b, c, d = head[6:10]  # the size has seven bits per byte
    return 10 + (a << 21 | b << 14 | c << 7 | d)


def _mp3_frame_size(header: bytes) -> int:
    """Size in bytes of the layer III frame with this header; 0 if it is not such a header."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version = header[1] >> 3 & 3  # 0: MPEG-2.5, 2: MPEG-2, 3: MPEG-1
    rate = _MP3_RATES[header[2] >> 2 & 3] >> {3: 0, 2: 1}.get(version, 2)
    kbits = _MP3_KBITS[version & 1][header[2] >> 4]
    if not rate or not kbits or version == 1:
        return 0
    return (144 if version == 3 else 72) * kbits * 1000 // rate + (header[2] >> 1 & 1)


def _count_mp3_frames(file: BinaryIO, at: int, n_bytes: int) -> int:
    n = 0
    while (size := _mp3_frame_size(_bytes_at(file, at, 4))) and at + size <= n_bytes:
        n, at = n + 1, at + size
    return n


def _mp3_length_frame(header: bytes, n_frames: int) -> bytes:
    """A "Xing" frame with the number of frames, as encoders write it, and then a silent frame.

    Decoders drop their own delay from a file with this tag, but not from the same file without it. Times
    must be those of the file without the tag, as it is played and recognized. So the tag states a delay
    that makes decoders drop exactly one frame, the silent one.
    """
    is_mpeg1, is_mono = bool(header[1] & 8), header[3] >> 6 == 3
    dropped = (1152 if is_mpeg1 else 576) - _MP3_DECODER_DELAY
    side = {(True, False): 32, (False, True): 9}.get((is_mpeg1, is_mono), 17)
    tag = struct.pack(">4sII9s12x", b"Xing", 1, n_frames + 1, b"LAME")
    # 12 bits of delay at the start, 12 bits of padding at the end; decoders add 529 to the first and
    # subtract 529 from the second, so they drop one frame at the start and nothing at the end.
    trim = (dropped << 12 | _MP3_DECODER_DELAY).to_bytes(3, "big")
    # A bit rate of 64 or 112 kbit/s: the frame has room for the tag.
    roomy = bytes([header[0], header[1] | 1, 0x80 | header[2] & 0x0C, header[3]])
    size = _mp3_frame_size(roomy)
    return (roomy + bytes(side) + tag + trim).ljust(size, b"\0") + roomy.ljust(size, b"\0")
