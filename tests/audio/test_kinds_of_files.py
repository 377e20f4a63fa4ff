"""A file of every kind: what is read and sent is held against FFmpeg, read by PyAV."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import scipy.signal
from audio_files import encode, encode_by_pyav, mp3, read_by_pyav, sweep, without_length

from speechkit_nb.audio import Recording, encode_for_service
from speechkit_nb.errors import AudioConverted


class Kind(NamedTuple):
    """One kind of file.

    Attributes:
        write: samples and sample rate -> content.
        container: what `Recording` calls it.
        sent: container of what is sent.
        rate: in Hz.
        error: largest difference to FFmpeg's samples; its decoders of lossy formats are others than ours.
        n_more: largest difference to FFmpeg's number of samples.
    """

    write: Callable[[np.ndarray, int], bytes]
    container: str
    sent: str = "WAV"
    rate: int = 16_000
    error: float = 1e-4
    n_more: int = 0


def by_soundfile(container: str, coding: str = "PCM_16") -> Callable[[np.ndarray, int], bytes]:
    return lambda samples, rate: encode(samples, container, coding, rate)


def by_pyav(container: str, codec: str) -> Callable[[np.ndarray, int], bytes]:
    return lambda samples, rate: encode_by_pyav(samples, container, codec, rate)


def of_unknown_length(samples: np.ndarray, rate: int) -> bytes:
    content = encode(samples, rate=rate)
    return content[:4] + b"\xff" * 4 + content[8:40] + b"\xff" * 4 + content[44:]


KINDS = {
    "WAV": Kind(by_soundfile("WAV"), "WAV"),
    "WAV 24": Kind(by_soundfile("WAV", "PCM_24"), "WAV"),
    "WAV float": Kind(by_soundfile("WAV", "FLOAT"), "WAV"),
    "WAV 8": Kind(by_soundfile("WAV", "PCM_U8"), "WAV"),
    "WAV mu-law": Kind(by_soundfile("WAV", "ULAW"), "WAV", rate=8_000),
    "WAV A-law": Kind(by_soundfile("WAV", "ALAW"), "WAV", rate=8_000),
    "WAV GSM": Kind(by_soundfile("WAV", "GSM610"), "WAV", rate=8_000, n_more=320),
    "WAV IMA ADPCM": Kind(by_soundfile("WAV", "IMA_ADPCM"), "WAV"),
    "WAV MS ADPCM": Kind(by_soundfile("WAV", "MS_ADPCM"), "WAV", error=0.003, n_more=500),
    "WAV extensible": Kind(by_soundfile("WAVEX"), "WAV"),
    "WAV from a pipe": Kind(of_unknown_length, "WAV"),
    "MP3 in WAV": Kind(by_pyav("wav", "libmp3lame"), "WAV", rate=44_100, n_more=1105),
    "RF64": Kind(by_soundfile("RF64"), "RF64"),
    "W64": Kind(by_soundfile("W64"), "W64"),
    "AIFF": Kind(by_soundfile("AIFF"), "AIFF"),
    "AU": Kind(by_soundfile("AU"), "AU"),
    "CAF": Kind(by_soundfile("CAF"), "CAF"),
    "CAF ALAC": Kind(by_soundfile("CAF", "ALAC_16"), "CAF", n_more=960),
    "FLAC": Kind(by_soundfile("FLAC"), "FLAC"),
    "FLAC 24": Kind(by_soundfile("FLAC", "PCM_24"), "FLAC"),
    "Ogg Opus": Kind(by_soundfile("OGG", "OPUS"), "OGG_OPUS", "OGG_OPUS", 48_000, error=0.02),
    "Ogg Opus by FFmpeg": Kind(by_pyav("ogg", "libopus"), "OGG_OPUS", "OGG_OPUS", 48_000, error=0.02),
    "Ogg Vorbis": Kind(by_soundfile("OGG", "VORBIS"), "OGG_VORBIS", error=0.01, n_more=256),
    "Ogg FLAC": Kind(by_pyav("ogg", "flac"), "OGG_FLAC"),
    "MP3": Kind(lambda samples, rate: mp3(samples, rate), "MP3", "MP3"),
    "MP3 of 44.1 kHz": Kind(lambda samples, rate: mp3(samples, rate), "MP3", "MP3", 44_100),
    "MP3 by FFmpeg": Kind(by_pyav("mp3", "libmp3lame"), "MP3", "MP3", 44_100),
    "MP3 without a length": Kind(lambda x, rate: without_length(mp3(x, rate)), "MP3", "MP3"),
    "MP2": Kind(by_pyav("mp2", "mp2"), "MPEG_LAYER_II", rate=44_100, n_more=600),
    "M4A": Kind(by_pyav("ipod", "aac"), "MP4", n_more=1024),
    "MP4 PCM": Kind(by_pyav("mov", "pcm_s16le"), "MP4"),
    "AAC": Kind(by_pyav("adts", "aac"), "AAC"),
    "WebM": Kind(by_pyav("webm", "libopus"), "WEBM", rate=48_000, n_more=48),
    "Matroska AAC": Kind(by_pyav("matroska", "aac"), "MATROSKA", n_more=48),
    "Matroska FLAC": Kind(by_pyav("matroska", "flac"), "MATROSKA"),
    "AMR": Kind(by_pyav("amr", "libopencore_amrnb"), "AMR", rate=8_000),
}


def compare(found: np.ndarray, truth: np.ndarray, most_delay: int) -> float:
    """The largest difference at the delay at which they fit best, without the first and last tenth."""
    likeness = scipy.signal.correlate(found[0], truth[0, : found.shape[1]], method="fft")
    delay = int(likeness.argmax()) - min(truth.shape[1], found.shape[1]) + 1
    assert abs(delay) <= most_delay
    inner = slice(len(found[0]) // 10, -len(found[0]) // 10)
    pair = found[0, max(delay, 0) :], truth[0, max(-delay, 0) :]
    n = min(map(len, pair))
    return float(np.abs(pair[0][:n][inner] - pair[1][:n][inner]).max())


@pytest.mark.parametrize("name", KINDS)
def test_what_is_read_and_sent_is_what_ffmpeg_reads(name: str) -> None:
    """Length and samples are those of an independent reader, and what is sent holds the same sound."""
    kind = KINDS[name]
    samples = sweep(2.5, kind.rate)
    content = kind.write(samples, kind.rate)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is left out
        recording = Recording(content)
    assert recording.container == kind.container
    assert recording.left_out == ()
    rate, truth = read_by_pyav(content)
    assert (recording.sample_rate, recording.n_channels) == (rate, 1) == (kind.rate, 1)
    assert abs(recording.n_samples - truth.shape[1]) <= kind.n_more
    found = recording.read()
    assert found.shape == (1, recording.n_samples)
    delay = 1105 if kind.n_more > 500 else 0
    assert compare(found, truth, delay) <= kind.error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AudioConverted)
        sent = encode_for_service(recording)
    assert sent.container == kind.sent
    if kind.sent == kind.container == "OGG_OPUS" or kind.sent == "MP3":
        assert sent.content == content
    else:
        sent_rate, sent_samples = read_by_pyav(sent.content)
        assert (sent_rate, sent_samples.shape) == (rate, found.shape)
        assert np.abs(sent_samples - found).max() <= 2**-15
