"""Audio files of many kinds, written by soundfile and PyAV, and an independent reader."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
import soundfile

RATE = 16_000
RNG = np.random.default_rng(7)


def tone(seconds: float = 1.0, rate: int = RATE, n_channels: int = 2) -> np.ndarray:
    """Noise with a changing level and a pause: float64, shape (n_channels, n), below 0.9."""
    n = round(seconds * rate)
    level = np.repeat(RNG.random(n // 400 + 1) ** 3, 400)[:n]
    samples = RNG.uniform(-0.9, 0.9, (n_channels, n)) * level
    samples[:, n // 3 : n // 2] = 0
    return samples


def sweep(seconds: float = 1.0, rate: int = RATE, n_channels: int = 1) -> np.ndarray:
    """A tone that rises, so that every place is different, but lossy codecs keep it: 0.4 high at most."""
    t = np.arange(round(seconds * rate)) / rate
    return 0.4 * np.sin(2 * np.pi * (200 * t + 150 * t**2)) * np.ones((n_channels, 1))


def encode(
    samples: np.ndarray, container: str = "WAV", coding: str = "PCM_16", rate: int = RATE, **how: Any
) -> bytes:
    """A file written by soundfile."""
    content = io.BytesIO()
    with soundfile.SoundFile(content, "w", rate, len(samples), coding, format=container, **how) as file:
        file.write(samples.T)
    return content.getvalue()


def mp3(samples: np.ndarray, rate: int = RATE, mode: str = "VARIABLE") -> bytes:
    return encode(samples, "MP3", "MPEG_LAYER_III", rate, bitrate_mode=mode, compression_level=0.6)


def without_length(content: bytes) -> bytes:
    """The MP3 without its first frame, which contains the tag with the length."""
    return content[content.index(content[:2], 4) :]


def encode_by_pyav(samples: np.ndarray, container: str, codec: str, rate: int = RATE) -> bytes:
    """A file written by PyAV; `container` is FFmpeg's name."""
    content = io.BytesIO()
    layout = "mono" if len(samples) == 1 else "stereo"
    with av.open(content, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        size = stream.codec_context.frame_size or 1024
        fitted = av.AudioResampler(stream.format, stream.layout, rate, size)
        for piece in [*fitted.resample(frame), *fitted.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return content.getvalue()


def read_by_pyav(content: bytes) -> tuple[int, np.ndarray]:
    """Sample rate and samples of the first stream, as FFmpeg decodes them: shape (n_channels, n)."""
    blocks, rate = [], 0
    with av.open(io.BytesIO(content)) as file:
        for frame in file.decode(audio=0):
            rate = frame.sample_rate
            block = frame.to_ndarray()
            block = block if frame.format.is_planar else block.reshape(-1, frame.layout.nb_channels).T
            if block.dtype.kind in "iu":
                zero = 128 if block.dtype == np.uint8 else 0
                block = (block.astype(float) - zero) / 2.0 ** (8 * block.itemsize - 1)
            blocks.append(block)
    return rate, np.concatenate(blocks, axis=1)
