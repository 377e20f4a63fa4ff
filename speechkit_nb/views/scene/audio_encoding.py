"""How the sound of a recording reaches a browser: as the original file, encoded, or in windows.

Both the picture and the encoded sound are made from the decoded samples, so that they agree in time.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from ...audio import Recording, Samples
from ...errors import AudioError
from .cache import cached

# Containers that browsers play at the right time after a seek. With MP3, whose table of contents is coarse,
# Chromium's clock is wrong by up to seconds; with Vorbis by 24 ms.
FILES = {"WAV": "audio/wav", "FLAC": "audio/flac", "OGG_OPUS": "audio/ogg; codecs=opus"}
MOST_CHANNELS = 2  # of a file whose channels a browser can play one by one
LONGEST_WHOLE = 600.0  # s of sound, summed over channels, that are encoded as one file in about five seconds
SHORT = 4_000_000  # bytes of samples that are sent without compression
WINDOW_SECONDS = 60.0


class Coding(NamedTuple):
    """One way to encode: MIME type, names of libsndfile, and supported sample rates (empty: all)."""

    type: str
    container: str
    subtype: str
    rates: Sequence[int]


WAV = Coding("audio/wav", "WAV", "PCM_16", ())
OPUS = Coding("audio/ogg; codecs=opus", "OGG", "OPUS", (8000, 12000, 16000, 24000, 48000))
FLAC = Coding("audio/flac", "FLAC", "PCM_16", ())
CODINGS = (OPUS, FLAC, WAV)  # the best first


def describe_sound(recording: Recording) -> dict[str, Any]:
    """The part `sound` of the timeline's spec."""
    length = recording.duration * recording.n_channels
    return {
        "duration": recording.duration,
        "sample_rate": recording.sample_rate,
        "n_channels": recording.n_channels,
        "whole": recording.n_channels <= MOST_CHANNELS and length <= LONGEST_WHOLE,
        "mixed": False,
        "window_seconds": WINDOW_SECONDS,
    }


# --- the original file


def find_urls(recording: Recording) -> list[dict[str, str]]:
    """URL and MIME type of the file on the Jupyter server of this kernel; empty if it cannot be played.

    A file with a missing or wrong header is left out: browsers would play it at other times than it is drawn.
    """
    source, root = recording.source, _find_server_root()
    type_ = FILES.get(recording.container)
    if source is None or root is None or type_ is None:
        return []
    if recording.container == "WAV" and not recording.layout.coding.startswith(("PCM_", "FLOAT")):
        return []
    if not recording.layout.is_plain or recording.encoding or recording.n_channels > MOST_CHANNELS:
        return []
    try:
        relative = source.resolve().relative_to(root)
    except (ValueError, OSError):  # the file is outside of the root
        return []
    return [{"url": quote(f"files/{relative.as_posix()}"), "type": type_}]


def _find_server_root() -> Path | None:
    """Root folder of the Jupyter server that started this kernel; None if there is no server."""
    if find_spec("jupyter_core") is None:
        return None
    from jupyter_core.paths import jupyter_runtime_dir

    folder = Path(jupyter_runtime_dir())
    for server in (
        os.environ.get("JPY_PARENT_PID"),
        os.getppid(),
    ):  # on Windows the first is no process id
        try:
            return Path(json.loads((folder / f"jpserver-{server}.json").read_text())["root_dir"]).resolve()
        except (OSError, ValueError, KeyError):
            continue
    return None


# --- encoded


def encode_sound(recording: Recording, wanted: Iterable[str], mixed: bool = False) -> tuple[bytes, str]:
    """The whole recording in one of the formats `wanted`, and its MIME type; cached.

    Args:
        wanted: MIME types, such as `"audio/ogg"`; anything after a semicolon is ignored.
        mixed: whether to mix all channels to one.

    Raises:
        AudioError: if none of the formats can be written, or the recording cannot be read.
    """
    coding = _choose_coding(recording, wanted)
    kind = f"sound1{'mixed' * mixed}.{coding.container.lower()}"
    return cached(recording, kind, lambda: _encode(recording, coding, mixed)), coding.type


def _choose_coding(recording: Recording, wanted: Iterable[str]) -> Coding:
    plain = {type_.partition(";")[0].strip().lower() for type_ in wanted}
    plain |= {"audio/wav"} & {"audio/wav" for type_ in plain if type_ in ("audio/x-wav", "audio/wave")}
    size = 2 * recording.n_samples * recording.n_channels
    codings = (WAV, *CODINGS) if size <= SHORT else CODINGS
    for coding in codings:
        if coding.type.partition(";")[0] in plain:
            return coding
    possible = ", ".join(coding.type for coding in CODINGS)
    raise AudioError(
        f"this browser plays {', '.join(sorted(plain)) or 'nothing'}; the sound can be encoded as {possible}"
    )


def _encode(recording: Recording, coding: Coding, mixed: bool) -> bytes:
    import soundfile

    file, rate = io.BytesIO(), _choose_rate(recording.sample_rate, coding.rates)
    n_channels = 1 if mixed else recording.n_channels
    options = {"format": coding.container, "subtype": coding.subtype}
    with soundfile.SoundFile(file, "w", rate, n_channels, **options) as sound:
        for block in _read_blocks(recording, rate, mixed):
            sound.write(np.clip(block.T, -1, 1))
    return file.getvalue()


def _choose_rate(rate: int, supported: Sequence[int]) -> int:
    """The lowest supported rate that is not below `rate`, or else the highest."""
    if not supported or rate in supported:
        return rate
    return min((r for r in supported if r > rate), default=supported[-1])


def _read_blocks(recording: Recording, rate: int, mixed: bool) -> Iterator[Samples]:
    blocks: Iterator[Samples] = recording.blocks(1.0)
    if mixed:
        blocks = (block.mean(axis=0, keepdims=True) for block in blocks)
    if rate == recording.sample_rate:
        yield from blocks
        return
    import soxr

    n_channels = 1 if mixed else recording.n_channels
    stream = soxr.ResampleStream(recording.sample_rate, rate, n_channels, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block.T)).reshape(-1, n_channels).T
    rest = stream.resample_chunk(np.empty((0, n_channels), np.float32), last=True)
    yield rest.reshape(-1, n_channels).T


# --- windows


def read_window(
    recording: Recording, start: float, end: float, channels: Sequence[int] | None = None
) -> bytes:
    """A stretch of at most `WINDOW_SECONDS` as 16-bit WAV.

    Args:
        start, end: seconds.
        channels: numbers of the channels. Default: None, all.

    Raises:
        AudioError: if the stretch or a channel lies outside the recording, or the file cannot be read.
    """
    end = min(end, start + WINDOW_SECONDS, recording.duration)
    samples = recording.read(start, end)
    if channels is not None:
        last = recording.n_channels - 1
        if not channels or not all(0 <= channel <= last for channel in channels):
            raise AudioError(f"{recording.id!r} has channels 0 to {last}, not {list(channels)}")
        samples = samples[list(channels)]
    return _to_wav(samples, recording.sample_rate)


def _to_wav(samples: Samples, rate: int) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.clip(samples.T, -1, 1), rate, subtype="PCM_16", format="WAV")
    return file.getvalue()
