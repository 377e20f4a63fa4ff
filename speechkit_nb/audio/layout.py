"""The format, length and parts of a recording, as its file has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..errors import AudioError
from .files import Piece

PCM: Final = "LINEAR16_PCM"
AUDIO_SUFFIXES: Final = (
    *(".wav", ".ogg", ".oga", ".opus", ".mp3", ".flac", ".aif", ".aiff", ".au", ".caf", ".w64"),
    *(".m4a", ".mp4", ".aac", ".webm", ".amr", ".mka", ".mkv"),
)
"""Suffixes of recordings in a folder. The format of a file is taken from its content, not its suffix."""


@dataclass(frozen=True)
class LeftOut:
    """Bytes of a file that are not read as sound, although they are no metadata either.

    Attributes:
        offset: where they begin in the file.
        n_bytes: their number.
        reason: what they are, as far as it is known.
    """

    offset: int
    n_bytes: int
    reason: str

    def __str__(self) -> str:
        return f"{self.n_bytes:,} bytes at offset {self.offset:,} ({self.reason})"


@dataclass(frozen=True)
class Part:
    """A stretch of a file that one decoder reads. Most files have one; joined files have several.

    Attributes:
        pieces: what the decoder reads in place of the file.
        n_samples: number of samples per channel.
        header_end: offset in the file where the header ends; only needed with marks.
        marks: where decoding can begin, as (sample, offset in the file), sorted; for formats in which
            libsndfile's own seek is not safe.
    """

    pieces: tuple[Piece, ...]
    n_samples: int = 0
    header_end: int = 0
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Layout:
    """The format and length of a recording, from its header and content.

    Attributes:
        container: "WAV", "OGG_OPUS", "MP3", "FLAC", "LINEAR16_PCM", "array", or the name of another format.
        coding: libsndfile's name of the sample format, such as "PCM_16" or "FLOAT".
        n_samples: number of samples per channel.
        n_bytes: size of the file.
        has_length: False if the header does not contain the right length.
        parts: what is decoded, in order; empty for arrays and for files that PyAV reads.
        left_out: bytes that are not read.
        demuxer: FFmpeg's name of the container, for files that PyAV reads; else "".
    """

    container: str = ""
    coding: str = ""
    sample_rate: int = 0
    n_channels: int = 0
    n_samples: int = 0
    n_bytes: int = 0
    has_length: bool = True
    parts: tuple[Part, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    demuxer: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether every decoder reads the same from the file: it is one stream with a right header."""
        return len(self.parts) == 1 and self.parts[0].pieces == ((0, self.n_bytes),)


def cut_off(label: str, there: float, promised: float) -> AudioError:
    """The error for a file that ends too early. `there` and `promised` are in seconds."""
    return AudioError(
        f"{label} is cut off: {there:.2f} s of {promised:.2f} s are there; copy or download it again, "
        "or read what is there with soundfile and pass the samples"
    )
