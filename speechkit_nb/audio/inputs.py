"""What `Recording` takes: paths, open files, bytes, arrays, and an array with its sample rate."""

from __future__ import annotations

import os
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import AudioError, count_noun, show_value
from .layout import PCM, Layout

_TAKEN = (
    "pass a path, an open file, the bytes of a file, samples with sample_rate=, or (samples, sample_rate)"
)
_MOST_CHANNELS = 1024  # libsndfile's limit
_HIGHEST_RATE = (1 << 31) - 1
_SCALES = {
    "int32": "samples / 2**31",
    "uint8": "(samples - 128.0) / 128",
    "int64": "numpy.array(samples, numpy.int16)",
}
"""How to make samples of a type that is not taken floats in -1 to 1, or int16, if that is what they mean."""


def unpack_audio(audio: Any, sample_rate: Any) -> tuple[Any, Any, str | None]:
    """The audio as an absolute path, bytes or an array; its sample rate; and its file name or None.

    Raises:
        AudioError: if it is nothing that `Recording` takes.
    """
    if isinstance(audio, Mapping):
        audio = _unpack_mapping(audio)
    elif hasattr(audio, "get_all_samples"):  # AudioDecoder of datasets
        audio = audio["array"], audio["sampling_rate"]
    if isinstance(audio, str | os.PathLike):
        path = Path(os.path.abspath(os.path.expanduser(os.fsdecode(audio))))
        if "://" in str(audio) and not path.exists():
            raise AudioError(
                f"{str(audio)!r} is a link, and a recording is a file; download it, or pass the link to "
                "client.submit"
            )
        return path, sample_rate, path.name
    if isinstance(audio, bytes | bytearray | memoryview):
        return bytes(audio), sample_rate, None
    if callable(getattr(audio, "read", None)):
        return _read_file(audio, sample_rate)
    if isinstance(audio, tuple | list) and len(audio) == 2:
        for rate, samples in (audio, audio[::-1]):
            if isinstance(rate, Real) and not isinstance(samples, Real | str | bytes):
                return _unpack_pair(samples, rate, sample_rate)
    return _to_array(audio), sample_rate, None


def _unpack_mapping(audio: Mapping[Any, Any]) -> Any:
    """The content of a row of a Hugging Face dataset: decoded samples, or the file as it is."""
    if {"array", "sampling_rate"} <= audio.keys():
        return audio["array"], audio["sampling_rate"]
    if audio.get("bytes") is not None:
        return audio["bytes"]
    if {"bytes", "path"} <= audio.keys() and audio["path"] is not None:
        return audio["path"]
    raise AudioError(f'a mapping must have "array" and "sampling_rate"; this one has {list(audio)}')


def _read_file(file: Any, sample_rate: Any) -> tuple[Any, Any, str | None]:
    """The whole of an open file, wherever it stands: its path if it has one, else its bytes."""
    name = getattr(file, "name", None)
    try:
        if isinstance(name, str) and os.path.samestat(os.stat(name), os.fstat(file.fileno())):
            file.flush() if file.writable() else None
            return Path(name).absolute(), sample_rate, Path(name).name
    except (OSError, AttributeError, ValueError):  # not a file on the disk, or closed
        pass
    try:
        if file.seekable():
            file.seek(0)
        content = file.read()
    except (OSError, AttributeError, ValueError) as e:
        raise AudioError(f"the file object cannot be read: {e}; pass its path") from e
    if not isinstance(content, bytes | bytearray | memoryview):
        raise AudioError(f"the file gives {type(content).__name__}, not bytes; open it with mode 'rb'")
    return bytes(content), sample_rate, None


def _unpack_pair(samples: Any, rate: Any, sample_rate: Any) -> tuple[Any, Any, None]:
    """Samples with their rate, as scipy, soundfile (channels last), librosa and torchaudio return them."""
    if sample_rate is not None and sample_rate != rate:
        raise AudioError(
            f"the samples come with sample_rate {rate}, not {sample_rate}; leave sample_rate out"
        )
    found = _to_array(samples)
    return found.T if found.ndim == 2 and found.shape[0] > found.shape[1] else found, rate, None


def _to_array(audio: Any) -> npt.NDArray[Any]:
    """Samples as an array. Raises AudioError if it holds no numbers."""
    if isinstance(audio, list | tuple) and audio and isinstance(audio[0], str | os.PathLike):
        raise AudioError(
            f"a list of {count_noun(len(audio), 'path')} is no single recording; make a Recording of each, "
            "or send all of them by client.submit_many(paths)"
        )
    if audio is None or isinstance(audio, Real):
        raise AudioError(f"{show_value(audio)} is no audio; {_TAKEN}")
    try:
        found = np.asarray(audio)
    except Exception as e:  # whatever the object raises when it is converted
        raise AudioError(f"{type(audio).__name__} cannot be read as samples ({e}); {_TAKEN}") from e
    if found.dtype.kind not in "iufcb":
        raise AudioError(f"{type(audio).__name__} is no audio; {_TAKEN}")
    return found


def check_arguments(label: str, audio: Any, rate: Any, encoding: Any, n_channels: Any) -> None:
    """Check that the arguments of `Recording` fit each other. Raises AudioError if they do not."""
    is_array = isinstance(audio, np.ndarray)
    if is_array:
        _check_type(audio)
    is_known = encoding is None or (isinstance(encoding, str) and encoding == PCM)
    if not is_known or (encoding and is_array):
        raise AudioError(
            f"encoding {show_value(encoding)} is not possible: it is for files and bytes without a header, "
            f"and then {PCM!r}; leave it out"
        )
    if rate is None and (encoding or is_array):
        raise AudioError(f"{label} does not say its sample rate; pass it in Hz, as in sample_rate=16000")
    for name, value, most in (
        ("sample_rate", rate, _HIGHEST_RATE),
        ("n_channels", n_channels, _MOST_CHANNELS),
    ):
        if value is None:
            continue
        if not isinstance(value, int | float | np.integer | np.floating) or value % 1 or value < 1:
            raise AudioError(f"{name} must be a whole number from 1 up, not {show_value(value)}")
        if value > most:
            raise AudioError(f"{name} must be at most {most}, not {show_value(value)}")


def _check_type(samples: npt.NDArray[Any]) -> None:
    kind, width = samples.dtype.kind, samples.dtype.itemsize
    if kind != "f" and (kind, width) != ("i", 2):
        way = _SCALES.get(samples.dtype.name)
        raise AudioError(
            f"samples must be int16, or float in -1 to 1, not {samples.dtype}; "
            + (f"{way} makes them so, if that is what they mean" if way else "a path or bytes are taken, too")
        )


def check_header(label: str, layout: Layout, rate: int | None, n_channels: int | None) -> None:
    """Check that a file has the sample rate and channels that were passed. Raises AudioError if not."""
    for name, asked, there in (
        ("sample_rate", rate, layout.sample_rate),
        ("n_channels", n_channels, layout.n_channels),
    ):
        if asked is not None and asked != there:
            raise AudioError(f"{label} has {name} {there}, not {asked}; leave {name} out")


def check_samples(label: str, samples: npt.NDArray[Any], rate: int) -> npt.NDArray[Any]:
    """A read-only copy of the samples, shape (n_channels, n_samples), int16 or float32.

    Raises:
        AudioError: if the shape or a value is not valid.
    """
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
    kept = np.array(rows, np.int16 if samples.dtype.kind == "i" else np.float32, order="C")
    if kept.dtype == np.float32 and not np.isfinite(kept).all():
        channel, at = np.argwhere(~np.isfinite(kept))[0]
        raise AudioError(
            f"{label} has NaN or infinite samples, the first in channel {channel} at {at / rate:.3f} s; "
            "clean it with numpy.nan_to_num"
        )
    kept.flags.writeable = False
    return kept


def describe_array(samples: npt.NDArray[Any], rate: int) -> Layout:
    """The layout of an array of samples."""
    coding = "PCM_16" if samples.dtype == np.int16 else "FLOAT"
    n_channels, n_samples = samples.shape
    return Layout("array", coding, int(rate), n_channels, n_samples, samples.nbytes)
