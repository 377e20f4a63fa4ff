"""Files that libsndfile does not know, such as M4A, WebM and AMR: read by PyAV, an optional package."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ..errors import AudioError
from .layout import Layout, LeftOut, cut_off

Samples = npt.NDArray[np.float32]

_REPAIR = "copy or download it again, or convert it, as in `ffmpeg -i talk.m4a -c:a libopus talk.ogg`"
_JITTER = 0.05  # s by which the time of a frame may differ from the end of the frame before it
_PADDING = 0.2  # s that the last frame may be shorter than its container says
_PREROLL = 1.0  # s decoded before the start and dropped


@dataclass(frozen=True)
class Media:
    """A container: our name, and FFmpeg's. If it is not certain, libsndfile is asked first."""

    container: str
    demuxer: str
    is_certain: bool = True


_BY_START = {
    b"\x1a\x45\xdf\xa3": Media("MATROSKA", "matroska"),
    b"#!AMR": Media("AMR", "amr"),
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": Media("ASF", "asf"),
    b"FLV\x01": Media("FLV", "flv"),
    b"wvpk": Media("WAVPACK", "wv"),
    b"RIFF": Media("WAV", "wav", is_certain=False),
    b"OggS": Media("OGG", "ogg", is_certain=False),
    b"caff": Media("CAF", "caf", is_certain=False),
    b"FORM": Media("AIFF", "aiff", is_certain=False),
}
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def find_media(start: bytes) -> Media | None:
    """The container of a file with these first 64 bytes; None if PyAV is not asked."""
    if start[4:8] in _MP4_BOXES:
        return Media("MP4", "mov")
    if start[:1] == b"\xff" and start[1:2] in (b"\xf0", b"\xf1", b"\xf8", b"\xf9"):
        return Media("AAC", "aac")
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return Media("AVI", "avi")
    if start.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in start:
        return Media("WEBM", "matroska")
    return next((media for mark, media in _BY_START.items() if start.startswith(mark)), None)


def probe_media(file: BinaryIO, label: str, media: Media) -> Layout:
    """The format and length of the first stream of sound. Its packets are counted; only one is decoded.

    Raises:
        AudioError: if PyAV is missing, or the file has no sound or is damaged.
    """
    with _open(file, label, media) as container:
        first = next(container.decode(audio=0), None)
        if first is None:
            raise AudioError(f"{label} holds no samples, only a header; record it again")
        rate, n_channels = first.sample_rate, first.layout.nb_channels
    with _open(file, label, media) as container:
        stream = container.streams.audio[0]
        end, left_out = _count_packets(container, stream)
        n_samples = round(float(end * stream.time_base) * rate) - _origin(stream, rate)
        if n_samples <= 0:
            raise AudioError(f"{label} holds no samples, only a header; record it again")
        return Layout(
            container=media.container,
            coding=stream.codec_context.name,
            sample_rate=rate,
            n_channels=n_channels,
            n_samples=n_samples,
            n_bytes=file.seek(0, io.SEEK_END),
            left_out=left_out,
            demuxer=media.demuxer,
        )


def decode_media(file: BinaryIO, layout: Layout, label: str, first: int, stop: int) -> Iterator[Samples]:
    """Samples `first` to `stop` (not included), frame by frame, at the times that the container gives them.

    Yields:
        float32 arrays, shape (n_channels, n).

    Raises:
        AudioError: if the file is damaged or ends too early.
    """
    rate, media = layout.sample_rate, Media(layout.container, layout.demuxer)
    with _open(file, label, media) as container:
        at, end = first, 0
        for begin, samples in _place_frames(container, rate, first):
            if samples.shape[0] != layout.n_channels:
                raise AudioError(
                    f"{label} is damaged at {begin / rate:.2f} s: the number of channels changes"
                )
            end = begin + samples.shape[1]
            if begin > at:  # nothing was recorded in between
                yield np.zeros((layout.n_channels, min(begin, stop) - at), np.float32)
                at = min(begin, stop)
            if at < min(end, stop):
                yield samples[:, at - begin : stop - begin]
                at = min(end, stop)
            if at == stop:
                return
        if stop - end > _PADDING * rate:
            raise cut_off(label, end / rate, layout.n_samples / rate)
        yield np.zeros((layout.n_channels, stop - at), np.float32)


@contextmanager
def _open(file: BinaryIO, label: str, media: Media) -> Iterator[Any]:
    """The container, opened as the one format that it is, so that no list of other files is followed."""
    try:
        import av
    except ImportError as e:
        raise AudioError(
            f"{label} is {media.container}, which needs the package av: pip install 'speechkit-nb[media]'; "
            "or convert it, as in `ffmpeg -i talk.m4a -c:a libopus talk.ogg`"
        ) from e
    file.seek(0)
    # titles and names that are not UTF-8 are no reason to refuse the sound; PyAV 19 ignores them by itself
    lenient: dict[str, Any] = (
        {"metadata_errors": "ignore"} if int(av.__version__.partition(".")[0]) < 19 else {}
    )
    try:
        with av.open(file, format=media.demuxer, **lenient) as container:
            if not container.streams.audio:
                raise AudioError(f"{label} has no sound; it is {media.container} with other streams only")
            yield container
    except (av.FFmpegError, ValueError, OSError) as e:  # ValueError: a codec that PyAV does not have
        if isinstance(e, AudioError):
            raise
        reason = getattr(e, "strerror", None) or e
        raise AudioError(f"{label} is {media.container} that cannot be read ({reason}); {_REPAIR}") from e


def _origin(stream: Any, rate: int) -> int:
    """Time of the first sample in the container, in samples; what is before 0 is dropped by decoders."""
    return round(max(stream.start_time or 0, 0) * float(stream.time_base) * rate)


def _count_packets(container: Any, stream: Any) -> tuple[int, tuple[LeftOut, ...]]:
    """The end of the last packet, in units of the stream's time base; and other streams of sound."""
    end, others = 0, dict[int, list[Any]]()
    for packet in container.demux(container.streams.audio):
        if packet.stream.index != stream.index:
            if packet.size:
                others.setdefault(packet.stream.index, []).append((packet.pos or 0, packet.size))
        elif packet.pts is not None:
            end = max(end, packet.pts + (packet.duration or 0))
    return end, tuple(
        LeftOut(packets[0][0], sum(size for _, size in packets), f"another stream of sound, number {index}")
        for index, packets in others.items()
    )


def _place_frames(container: Any, rate: int, first: int) -> Iterator[tuple[int, Samples]]:
    """The decoded frames from some time before sample `first` on, and the sample at which each begins."""
    stream = container.streams.audio[0]
    origin, step = _origin(stream, rate), stream.time_base
    before = first - round(_PREROLL * rate)
    # Only where times are whole samples is a place that was sought the same as in decoding from the start.
    if before > 0 and step * rate == 1 and "mov" in container.format.name:
        container.seek(before + origin, stream=stream)
        at = None
    else:
        at = 0
    for frame in container.decode(stream):
        if frame.sample_rate != rate:
            raise ValueError("its sample rate changes")
        begin = at if frame.pts is None else round(float(frame.pts * step) * rate) - origin
        if begin is None:
            continue
        if at is not None and abs(begin - at) <= _JITTER * rate:
            begin = at  # times are rounded, often to milliseconds
        samples = _to_float(frame)
        at = begin + samples.shape[1]
        yield begin, samples


def _to_float(frame: Any) -> Samples:
    samples: npt.NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    floats: Samples = samples.astype(np.float32)
    if samples.dtype.kind != "f":
        floats -= 128 if samples.dtype == np.uint8 else 0
        floats /= 1 << 8 * samples.itemsize - 1
    return floats
