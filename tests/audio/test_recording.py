"""Recording: reading, envelopes, encoding for the service, and errors for invalid input."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import struct
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audio_files import RATE, RNG, encode, mp3, tone, without_length
from hypothesis import given, settings
from hypothesis import strategies as st

from speechkit_nb.audio import EncodedAudio, Recording, check_limits, encode_for_service
from speechkit_nb.audio import recording as audio
from speechkit_nb.errors import AudioConverted, AudioError, LimitError


def ints(samples: np.ndarray) -> np.ndarray:
    return np.rint(samples * 32768).astype(np.int16)


def cut(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


FORMATS = {
    "WAV": ("WAV", "PCM_16"),
    "FLAC": ("FLAC", "PCM_16"),
    "OGG_OPUS": ("OGG", "OPUS"),
    "OGG_VORBIS": ("OGG", "VORBIS"),
    "MP3": ("MP3", "MPEG_LAYER_III"),
    "AIFF": ("AIFF", "PCM_16"),
    "RF64": ("RF64", "PCM_16"),
}


# --- construction and attributes


@pytest.mark.parametrize("container", FORMATS)
def test_format_comes_from_the_content(container: str, tmp_path: Path) -> None:
    """The extension is ignored, even one of headerless audio."""
    path = tmp_path / "talk.raw"
    path.write_bytes(encode(tone(1.5), *FORMATS[container]))
    recording = Recording(path)
    assert recording.container == container
    assert (recording.sample_rate, recording.n_channels, recording.n_samples) == (RATE, 2, 24_000)
    assert recording.duration == 1.5


def test_path_bytes_and_string_are_the_same_audio(tmp_path: Path) -> None:
    """A path, its string and the bytes give the same samples and hash; only the default id differs."""
    content = encode(tone())
    path = tmp_path / "talk.wav"
    path.write_bytes(content)
    by_path, by_string, by_bytes = Recording(path), Recording(str(path)), Recording(content)
    assert by_path == by_string
    assert by_path.source == path
    assert by_path.id == "talk.wav"
    assert by_bytes.source is None
    assert by_bytes.id == f"recording-{by_bytes.sha256[:8]}"
    assert by_bytes.sha256 == by_path.sha256
    assert by_bytes != by_path
    assert replace(by_bytes, id="talk.wav") == by_path
    np.testing.assert_array_equal(by_bytes.read(), by_path.read())


def test_relative_path_survives_a_change_of_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is lazy, so the path is made absolute at once."""
    (tmp_path / "talk.wav").write_bytes(encode(tone()))
    monkeypatch.chdir(tmp_path)
    recording = Recording("talk.wav")
    monkeypatch.chdir("/")
    assert recording.read().shape == (2, RATE)


def test_samples_are_kept_as_given() -> None:
    """int16 is read as value / 32768, floats are unchanged, and one dimension is one channel."""
    samples = ints(tone())
    by_int = Recording(samples, sample_rate=RATE)
    np.testing.assert_array_equal(by_int.read(), (samples / 32768).astype(np.float32))
    floats = tone(n_channels=1)[0]
    by_float = Recording(floats, sample_rate=RATE)
    assert (by_float.container, by_float.n_channels, by_float.source) == ("array", 1, None)
    np.testing.assert_array_equal(by_float.read(channel=0), floats.astype(np.float32))


def test_samples_are_copied() -> None:
    """Changes of the user's array, or of samples that were read, do not change the recording."""
    samples = tone()
    recording = Recording(samples, sample_rate=RATE)
    before = recording.read()
    samples[:] = 0
    recording.read()[:] = 0
    for block in recording.blocks():
        block[:] = 0
    np.testing.assert_array_equal(recording.read(), before)


class Decoder:
    """Audio as `datasets` returns it: not a mapping, but with two keys."""

    def get_all_samples(self) -> None: ...

    def __getitem__(self, key: str) -> Any:
        return {"array": np.zeros(800), "sampling_rate": 8000}[key]


def test_hugging_face_audio() -> None:
    """A mapping with array and sampling_rate is accepted, and so is the decoder of datasets."""
    recording = Recording({"array": np.zeros(800), "sampling_rate": 8000, "path": None})
    assert (recording.sample_rate, recording.n_samples) == (8000, 800)
    assert Recording(Decoder()) == recording


def test_headerless_audio(tmp_path: Path) -> None:
    """LINEAR16_PCM is 16-bit little-endian with interleaved channels; the arguments give its layout."""
    samples = ints(tone(rate=8000))
    content = samples.T.astype("<i2").tobytes()
    path = tmp_path / "talk.pcm"
    path.write_bytes(content)
    for given_audio in (content, path):
        recording = Recording(given_audio, encoding="LINEAR16_PCM", sample_rate=8000, n_channels=2)
        assert (recording.container, recording.duration) == ("LINEAR16_PCM", 1.0)
        np.testing.assert_array_equal(recording.read(), (samples / 32768).astype(np.float32))
    mono = Recording(content, encoding="LINEAR16_PCM", sample_rate=8000)
    assert mono.n_samples == 16_000
    assert mono.sha256 != recording.sha256


def test_replace_gives_a_recording_with_another_id(tmp_path: Path) -> None:
    """`dataclasses.replace` works for every kind of audio and keeps all other attributes."""
    path = tmp_path / "talk.flac"
    path.write_bytes(encode(tone(), "FLAC"))
    pcm = Recording(bytes(400), encoding="LINEAR16_PCM", sample_rate=8000, n_channels=2)
    for recording in (
        Recording(path),
        Recording(path.read_bytes()),
        Recording(tone(), sample_rate=RATE),
        pcm,
    ):
        other = replace(recording, id="x")
        assert other.id == "x"
        assert other.layout == recording.layout
        assert other.sha256 == recording.sha256
        assert other != recording
        assert replace(other, id=recording.id) == recording
        assert hash(replace(other, id=recording.id)) == hash(recording)
    assert recording != "x"


def test_recording_is_frozen_and_can_be_pickled() -> None:
    """Attributes cannot be set; an unpickled recording is equal."""
    recording = Recording(tone(), sample_rate=RATE, id="a")
    with pytest.raises(FrozenInstanceError, match="id"):
        recording.id = "b"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(recording)) == recording


def test_repr_says_what_it_is(tmp_path: Path) -> None:
    """The repr has id, duration, channels, sample rate and container."""
    path = tmp_path / "talk.wav"
    path.write_bytes(encode(tone(62.4, 8000), rate=8000))
    assert repr(Recording(path)) == "Recording('talk.wav', 62.4 s, 2 channels, 8000 Hz, WAV)"
    short = Recording(np.zeros(200), sample_rate=8000, id="x")
    assert repr(short) == "Recording('x', 0.025 s, 1 channel, 8000 Hz, array)"


def test_html_repr_is_escaped_and_small() -> None:
    """The file name is escaped, and the HTML does not contain the audio."""
    text = Recording(tone(), sample_rate=RATE, id="<script>")._repr_html_()
    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert len(text) < 300


def test_sha256_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    """The hash equals the one that sha256sum prints."""
    path = tmp_path / "talk.wav"
    path.write_bytes(b"RIFF" + encode(tone())[4:])
    assert Recording(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_sha256_of_samples_depends_on_the_rate() -> None:
    """The same numbers with another sample rate or shape are different audio."""
    samples = tone()
    hashes = {
        Recording(samples, sample_rate=RATE).sha256,
        Recording(samples, sample_rate=8000).sha256,
        Recording(samples.reshape(-1), sample_rate=RATE).sha256,
    }
    assert len(hashes) == 3


def test_loading_the_module_loads_no_decoder() -> None:
    """soundfile and soxr are loaded on first use."""
    code = "import sys, speechkit_nb.audio.recording; print({'soundfile', 'soxr'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# --- reading


@pytest.mark.parametrize("container", FORMATS)
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_a_stretch_is_a_slice_of_the_whole(container: str, rate: int) -> None:
    """read(a, b) gives the samples of read()[:, a:b], also from decoders that do not seek exactly.

    MP3 and Opus arrive within the rounding of their float arithmetic, the others bit for bit.
    """
    recording = Recording(encode(tone(6, rate), *FORMATS[container], rate=rate))
    whole = recording.read()
    assert whole.dtype == np.float32
    assert whole.shape == (2, 6 * rate)
    tolerance = 2**-22 if container in ("MP3", "OGG_OPUS") else 0
    for first, stop in [(0, 1), (0, 6 * rate), (6 * rate - 1, 6 * rate), *RNG.integers(0, 6 * rate, (20, 2))]:
        first, stop = sorted((int(first), int(stop)))
        part = recording.read(first / rate, stop / rate)
        np.testing.assert_allclose(part, whole[:, first:stop], rtol=0, atol=tolerance)


@pytest.mark.parametrize("container", [*FORMATS, "array"])
@pytest.mark.parametrize("seconds", [0.01, 0.7, 100])
def test_blocks_add_up_to_the_whole(container: str, seconds: float) -> None:
    """Blocks of any length give the same samples as one read, also for codecs with a state."""
    samples = tone(3)
    given_audio = samples if container == "array" else encode(samples, *FORMATS[container])
    recording = Recording(given_audio, sample_rate=RATE)
    blocks = list(recording.blocks(seconds))
    assert [block.shape[1] for block in blocks[:-1]] == [round(seconds * RATE)] * (len(blocks) - 1)
    assert all(block.flags.c_contiguous and block.dtype == np.float32 for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), recording.read())


def test_blocks_of_a_stretch() -> None:
    """start and end mean the same as for read."""
    recording = Recording(tone(3), sample_rate=RATE)
    joined = np.concatenate(list(recording.blocks(0.3, 0.5, 2.25)), axis=1)
    np.testing.assert_array_equal(joined, recording.read(0.5, 2.25))


def test_times_are_rounded_to_the_nearest_sample() -> None:
    """The sample index is round(t * rate), so decimal times give the expected sample."""
    recording = Recording(np.arange(100, dtype=np.int16), sample_rate=10)
    assert recording.read(0.3, 0.7).shape == (1, 4)
    assert recording.read(0.26, 0.34)[0].tolist() == []
    assert recording.read(0.26, 0.36)[0].tolist() == [3 / 32768]


def test_one_channel() -> None:
    """With `channel` the result has one dimension."""
    recording = Recording(tone(), sample_rate=RATE)
    np.testing.assert_array_equal(recording.read(0.1, 0.2, channel=1), recording.read(0.1, 0.2)[1])


@pytest.mark.parametrize("channel", [2, -1])
def test_unknown_channel(channel: int) -> None:
    """The error lists the channels; negative numbers are not valid."""
    recording = Recording(tone(), sample_rate=RATE, id="talk.wav")
    with pytest.raises(AudioError, match=rf"'talk.wav' has channels 0 to 1, not {channel}"):
        recording.read(channel=channel)
    with pytest.raises(AudioError, match=rf"'talk.wav' has channels 0 to 1, not {channel}"):
        recording.envelope(10, channel=channel)


@pytest.mark.parametrize(
    ("start", "end"), [(-0.1, 0.5), (0.5, 1.1), (0.6, 0.5), (1.1, None), (float("nan"), 1)]
)
def test_outside_of_the_recording(start: float, end: float | None) -> None:
    """An interval must be within the recording; otherwise an error is raised."""
    recording = Recording(tone(), sample_rate=RATE, id="talk.wav")
    message = r"from .* s: 'talk.wav' lasts 1 s; 0 <= start <= end <= duration is needed"
    for method in (recording.read, recording.blocks, lambda a, b: recording.envelope(1, None, a, b)):
        with pytest.raises(AudioError, match=message):
            method(start, end) if method != recording.blocks else recording.blocks(1.0, start, end)


def test_block_without_a_sample() -> None:
    """A block length below one sample raises an error at once, not at the first iteration."""
    with pytest.raises(AudioError, match=r"a block of 1e-05 s has no sample at 16000 Hz; seconds must be at"):
        Recording(tone(), sample_rate=RATE).blocks(1e-5)


def test_file_that_shrinks_after_opening(tmp_path: Path) -> None:
    """A file that was cut off after opening raises an error instead of giving fewer samples."""
    path = tmp_path / "talk.wav"
    path.write_bytes(encode(tone()))
    recording = Recording(path)
    path.write_bytes(cut(path.read_bytes(), 0.5))
    with pytest.raises(AudioError, match=r"'talk.wav' is cut off: 0.50 s of 1.00 s are there"):
        recording.read()


def test_damaged_in_the_middle() -> None:
    """Bytes that cannot be decoded raise an error with the time."""
    content = bytearray(encode(tone(5), "FLAC"))
    middle = len(content) // 2
    content[middle : middle + 20_000] = bytes(20_000)
    recording = Recording(bytes(content), id="talk.flac")
    with pytest.raises(AudioError, match=r"'talk.flac' is damaged between \d\.\d\d and \d\.\d\d s: "):
        recording.read()


# --- envelopes


def slow_envelope(samples: np.ndarray, n_bins: int) -> np.ndarray:
    """The envelope by its definition, one bin after the other."""
    n = samples.shape[1]
    bins = [samples[:, k * n // n_bins : (k + 1) * n // n_bins] for k in range(n_bins)]
    return np.stack([np.stack([part.min(axis=1), part.max(axis=1)], axis=-1) for part in bins], axis=1)


@given(data=st.data(), n=st.integers(3, 300), n_channels=st.integers(1, 3), block=st.integers(1, 400))
def test_envelope_is_the_extremes_of_each_bin(
    data: st.DataObject, n: int, n_channels: int, block: int
) -> None:
    """For every number of bins and any block size, each bin has exactly its lowest and highest sample."""
    n_bins = data.draw(st.integers(1, n))
    seed = data.draw(st.integers(0, 2**32 - 1))
    samples = np.random.default_rng(seed).uniform(-1, 1, (n_channels, n)).astype(np.float32)
    recording = Recording(samples, sample_rate=8000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audio, "_BLOCK", block)
        np.testing.assert_array_equal(recording.envelope(n_bins), slow_envelope(samples, n_bins))


@given(data=st.data(), channel=st.sampled_from([None, 0, 1]))
@settings(max_examples=settings.default.max_examples // 2)
def test_envelope_of_a_stretch_of_a_file(data: st.DataObject, channel: int | None) -> None:
    """A file gives the same envelope as its samples, for any interval and channel, over several blocks."""
    recording = Recording(LONG_FLAC)
    first = data.draw(st.integers(0, recording.n_samples - 1))
    stop = data.draw(st.integers(first + 1, recording.n_samples))
    n_bins = data.draw(st.integers(1, min(stop - first, 500)))
    found = recording.envelope(n_bins, channel, first / RATE, stop / RATE)
    truth = slow_envelope(recording.read(first / RATE, stop / RATE), n_bins)
    np.testing.assert_array_equal(found, truth if channel is None else truth[channel])


LONG_FLAC = encode(tone(5), "FLAC")


@pytest.mark.parametrize("n_bins", [0, -1, 801])
def test_number_of_bins(n_bins: int) -> None:
    """The number of bins is between 1 and the number of samples."""
    recording = Recording(np.zeros(8000), sample_rate=8000, id="x")
    with pytest.raises(AudioError, match=rf"800 samples of 'x' make 1 to 800 bins, not {n_bins}"):
        recording.envelope(n_bins, end=0.1)


# --- encoding for the service


def as_sent(encoded: EncodedAudio) -> np.ndarray:
    """The samples of a sent WAV, read with the wave module: int16, shape (n_channels, n)."""
    with wave.open(io.BytesIO(encoded.content)) as reader:
        assert (reader.getframerate(), reader.getsampwidth()) == (encoded.sample_rate, 2)
        assert reader.getnchannels() == encoded.n_channels
        frames = np.frombuffer(reader.readframes(reader.getnframes()), "<i2")
    return frames.reshape(-1, encoded.n_channels).T


@pytest.mark.parametrize("container", ["WAV", "OGG_OPUS", "MP3"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_what_the_service_takes_is_sent_byte_for_byte(container: str, rate: int) -> None:
    """16-bit WAV, Ogg Opus and MP3 are sent unchanged, without a warning."""
    content = encode(tone(rate=rate), *FORMATS[container], rate=rate)
    assert encode_for_service(Recording(content)) == EncodedAudio(content, container, rate, 2)


def test_headerless_audio_is_sent_byte_for_byte() -> None:
    """LINEAR16_PCM of 8 to 48 kHz is a format of the service."""
    content = ints(tone()).T.tobytes()
    recording = Recording(content, encoding="LINEAR16_PCM", sample_rate=RATE, n_channels=2)
    assert encode_for_service(recording) == EncodedAudio(content, "LINEAR16_PCM", RATE, 2)


@pytest.mark.parametrize("container", ["FLAC", "AIFF", "RF64"])
def test_sixteen_bits_are_converted_without_loss(container: str) -> None:
    """Formats that the service does not accept become WAV with the same samples, with a warning."""
    samples = ints(tone())
    samples[0, :2] = -32768, 32767
    recording = Recording(encode(samples, container), id="talk")
    message = rf"'talk' was converted from {container} \(PCM_16, 16000 Hz\) to WAV \(PCM_16, 16000 Hz\): "
    with pytest.warns(AudioConverted, match=message):
        encoded = encode_for_service(recording)
    assert (encoded.container, encoded.sample_rate) == ("WAV", RATE)
    assert encoded.converted is not None
    np.testing.assert_array_equal(as_sent(encoded), samples)


@pytest.mark.parametrize(
    ("coding", "error"),
    [("PCM_24", 0.51), ("PCM_32", 0.51), ("FLOAT", 0.51), ("DOUBLE", 0.51), ("ULAW", 1000)],
)
def test_other_sample_formats_are_rounded_to_sixteen_bits(coding: str, error: float) -> None:
    """WAV of another sample format is converted; the warning names the format."""
    samples = tone()
    with pytest.warns(AudioConverted, match=rf"the service takes 16-bit samples, not {coding}"):
        encoded = encode_for_service(Recording(encode(samples, coding=coding)))
    assert np.abs(as_sent(encoded) - samples * 32768).max() <= error


@pytest.mark.parametrize(("rate", "taken"), [(96_000, 48_000), (6_000, 8_000)])
def test_other_rates_are_resampled(rate: int, taken: int) -> None:
    """Rates outside 8 to 48 kHz become the nearest limit; a tone keeps its time and frequency."""
    t = np.arange(2 * rate) / rate
    samples = 0.5 * np.sin(2 * np.pi * 440 * t)[None]
    with pytest.warns(AudioConverted, match=r"the service takes 8000 to 48000 Hz"):
        encoded = encode_for_service(Recording(encode(samples, rate=rate)))
    assert encoded.sample_rate == taken
    sent = as_sent(encoded)[0] / 32768
    assert len(sent) == 2 * taken
    truth = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * taken) / taken)
    inner = slice(taken // 10, -taken // 10)
    assert np.abs(sent[inner] - truth[inner]).max() < 1e-3


def test_samples_are_sent_as_wav_without_a_warning() -> None:
    """This is expected, so there is no warning."""
    samples = ints(tone())
    encoded = encode_for_service(Recording(samples, sample_rate=RATE))
    np.testing.assert_array_equal(as_sent(encoded), samples)
    assert "from array" in str(encoded.converted)


def test_samples_outside_of_one_are_clipped_not_wrapped() -> None:
    """Samples beyond -1 to 1 become the lowest or highest value, and the warning counts them."""
    recording = Recording(np.array([0.5, 1.0, 1.5, -1.0, -7.0, 0.0]), sample_rate=8000)
    with pytest.warns(AudioConverted, match=r"2 samples outside -1 to 1 were clipped \(the largest is 7;"):
        encoded = encode_for_service(recording)
    assert as_sent(encoded)[0].tolist() == [16384, 32767, 32767, -32768, -32768, 0]


def test_nan_in_a_file_is_not_sent() -> None:
    """NaN in a float file cannot be converted to 16 bits, so it is an error."""
    samples = tone()
    samples[1, 500] = np.nan
    recording = Recording(encode(samples, coding="FLOAT"), id="talk.wav")
    with pytest.raises(AudioError, match=r"'talk.wav' has NaN or infinite samples"):
        encode_for_service(recording)


def test_bytes_of_samples() -> None:
    """An array has no file to open."""
    with pytest.raises(AudioError, match=r"'x' is an array of samples and has no bytes of a file; use read"):
        Recording(tone(), sample_rate=RATE, id="x").open()


# --- limits


def silent_wav(path: Path, n_samples: int, n_channels: int = 1, rate: int = 8000) -> Recording:
    """A WAV as a sparse file: it can have any size, but uses no space on the disk."""
    size = 2 * n_samples * n_channels
    header = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, n_channels, rate,
                         2 * n_channels * rate, 2 * n_channels, 16)  # fmt: skip
    with path.open("wb") as file:
        file.write(header + struct.pack("<4sI", b"data", size))
        file.truncate(44 + size)
    return Recording(path)


def test_length_limit_adds_the_channels_up(tmp_path: Path) -> None:
    """The limit is four hours, summed over the channels."""
    check_limits(silent_wav(tmp_path / "a.wav", 2 * 3600 * 8000, n_channels=2))
    long = silent_wav(tmp_path / "b.wav", 2 * 3600 * 8000 + 1, n_channels=2)
    message = r"'b.wav' lasts 2 h 01 min in 2 channel\(s\), 4 h 01 min added up; the service takes 4 h 00 min"
    with pytest.raises(LimitError, match=message):
        check_limits(long)


def test_size_limit(tmp_path: Path) -> None:
    """The limit is one gigabyte, also for short recordings."""
    big = silent_wav(tmp_path / "a.wav", 500_000_000, rate=48_000)
    with pytest.raises(
        LimitError, match=r"'a.wav' has 1,000.0 MB; the service takes 1,000.0 MB: send it in parts"
    ):
        check_limits(big)


def test_inline_limit_names_both_ways_out(tmp_path: Path) -> None:
    """The error says that the recording can be uploaded or compressed."""
    big = silent_wav(tmp_path / "a.wav", 30_000_000)
    check_limits(big)
    message = (
        r"'a.wav' has 60.0 MB to send; a request takes 60.0 MB: send it through Object Storage, as with "
        r"bucket='NAME', or in a compressed form such as Ogg Opus"
    )
    with pytest.raises(LimitError, match=message):
        encode_for_service(big)


def test_inline_limit_counts_what_is_sent() -> None:
    """A small FLAC that would become a large WAV raises an error before it is converted."""
    recording = Recording(encode(np.zeros((1, 100_000)), "FLAC"))
    with pytest.raises(LimitError, match=r"has 0.2 MB to send; a request takes 0.1 MB"):
        encode_for_service(recording, max_bytes=100_000)


def test_content_of_exactly_the_limit_is_sent() -> None:
    """The checked size is the size that is sent, including the header and resampling."""
    recording = Recording(np.zeros(9_999, np.int16), sample_rate=6_000)
    encoded = encode_for_service(recording, max_bytes=44 + 2 * 13_332)
    assert len(encoded.content) == 44 + 2 * 13_332


# --- invalid files


def test_missing_file(tmp_path: Path) -> None:
    """The error has the full path and the current folder."""
    with pytest.raises(
        AudioError, match=r"there is no file .*/talk.wav; the current folder is /.*: check the path"
    ):
        Recording(tmp_path / "talk.wav")


def test_folder(tmp_path: Path) -> None:
    """A folder is not a recording."""
    with pytest.raises(AudioError, match=r" is a folder; give one file of it, such as .*/talk.wav"):
        Recording(tmp_path)


@contextmanager
def as_anybody() -> Iterator[None]:
    """Run without the rights of root, who can read every file."""
    if os.geteuid():
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_unreadable_file(tmp_path: Path) -> None:
    """The error says that permission is missing."""
    path = tmp_path / "talk.wav"
    path.write_bytes(encode(tone()))
    path.chmod(0)
    message = r"talk.wav cannot be opened: Permission denied; check its name and who may read it"
    with as_anybody(), pytest.raises(AudioError, match=message):
        Recording(path)


def test_path_through_a_file(tmp_path: Path) -> None:
    """Other errors of the operating system are in the message."""
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(AudioError, match=r"a/talk.wav cannot be opened: Not a directory"):
        Recording(tmp_path / "a" / "talk.wav")


def test_path_with_a_null_byte() -> None:
    """No file can have this name."""
    with pytest.raises(AudioError, match=r"cannot be opened: embedded null byte"):
        Recording("a\0b.wav")


@pytest.mark.parametrize(
    "content", [b"hello there\n" * 100, RNG.bytes(5000), b"R", b"RIFF\0\0\0\0WAVE", b"\xff\xfb\x90"]
)
def test_no_audio(content: bytes, tmp_path: Path) -> None:
    """Text, noise and fragments raise an error with the first bytes and the known formats."""
    path = tmp_path / "talk.wav"
    path.write_bytes(content)
    message = r"'talk.wav' is no audio that can be read \(.+\); it begins with b.*WAV, FLAC, Ogg Opus.*ffmpeg"
    with pytest.raises(AudioError, match=message):
        Recording(path)


@given(
    st.binary(min_size=1, max_size=300),
    st.sampled_from([b"", b"RIFF\x40\0\0\0WAVEfmt ", b"OggS\0", b"ID3", b"\xff\xfb"]),
)
def test_any_bytes_are_audio_or_an_audio_error(content: bytes, start: bytes) -> None:
    """Any bytes give a recording or raise AudioError."""
    with suppress(AudioError):
        recording = Recording(start + content)
        assert recording.n_samples > 0


def test_empty_file() -> None:
    """A file of 0 bytes is an error."""
    with pytest.raises(AudioError, match=r"'talk.wav' is empty \(0 bytes\); copy or record it again"):
        Recording(b"", id="talk.wav")


@pytest.mark.parametrize("container", ["WAV", "AIFF"])
def test_header_without_samples(container: str) -> None:
    """A file with only a header is an error."""
    with pytest.raises(AudioError, match=r"'x' holds no samples, only a header; record it again"):
        Recording(encode(np.zeros((1, 0)), container), id="x")


@pytest.mark.parametrize("container", ["WAV", "RF64", "FLAC", "MP3"])
def test_cut_file_says_how_much_is_there(container: str) -> None:
    """The decoder would read the rest without an error; the user would not notice."""
    content = encode(tone(8), *FORMATS[container])
    with pytest.raises(
        AudioError, match=r"'x' is cut off: [345]\.\d\d s of 8.00 s are there; copy or download"
    ):
        Recording(cut(content, 0.5), id="x")


def test_an_mp3_without_a_whole_frame() -> None:
    """The error says that the MP3 is cut off, not that it is missing or of another format."""
    content = encode(tone(8), *FORMATS["MP3"])
    with pytest.raises(AudioError, match=r"'x' is cut off: 0.00 s of 8.00 s are there; copy"):
        Recording(content[:300], id="x")
    with pytest.raises(AudioError, match=r"'x' looks like an MP3.* cut off or damaged \(100 bytes\); copy"):
        Recording(content[:100], id="x")


@pytest.mark.parametrize("coding", ["OPUS", "VORBIS"])
@pytest.mark.parametrize("share", [0.5, 0.98])
def test_cut_ogg(coding: str, share: float) -> None:
    """An Ogg stream without a page marked as the last one is cut off."""
    with pytest.raises(
        AudioError, match=r"'x' is cut off: \d\.\d\d s are there, and the Ogg stream has no end"
    ):
        Recording(cut(encode(tone(8), "OGG", coding), share), id="x")


def streamed(content: bytes, size: int) -> bytes:
    """The WAV as a program writes it to a pipe, where it cannot set the sizes afterwards."""
    riff = {0: 36}.get(size, size)
    return content[:4] + struct.pack("<I", riff) + content[8:40] + struct.pack("<I", size) + content[44:]


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_wav_from_a_pipe(size: int) -> None:
    """A WAV without a length in its header is read completely, and sent with a correct header."""
    samples = ints(tone(2))
    recording = Recording(streamed(encode(samples), size))
    np.testing.assert_array_equal(recording.read(), (samples / 32768).astype(np.float32))
    np.testing.assert_array_equal(
        recording.read(1.5, 1.75), (samples / 32768).astype(np.float32)[:, 24_000:28_000]
    )
    with pytest.warns(AudioConverted, match=r"its header does not say how long it is"):
        np.testing.assert_array_equal(as_sent(encode_for_service(recording)), samples)


def test_wav_with_chunks_around_the_samples() -> None:
    """Other chunks before or after the samples are ignored; an empty data chunk has no samples."""
    plain = encode(ints(tone()))
    extra = b"LIST" + struct.pack("<I", 5) + b"hello\0"
    body = plain[8:36] + extra + plain[36:] + extra
    recording = Recording(b"RIFF" + struct.pack("<I", len(body)) + body)
    np.testing.assert_array_equal(recording.read(), Recording(plain).read())
    with pytest.raises(AudioError, match=r"'x' is cut off: 0.50 s of 1.00 s are there"):
        Recording(b"RIFF" + struct.pack("<I", len(body)) + body[: 50 + 32_000], id="x")
    empty = plain[8:40] + bytes(4) + extra
    with pytest.raises(AudioError, match=r"holds no samples"):
        Recording(b"RIFF" + struct.pack("<I", len(empty)) + empty)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100])
@pytest.mark.parametrize("loud_first", [True, False])
def test_mp3_without_a_length(mode: str, rate: int, loud_first: bool) -> None:
    """An MP3 recorded from a stream is read completely; the decoder alone would estimate its length."""
    samples = tone(6, rate)
    samples[:, 3 * rate :] *= 0.001
    content = mp3(samples if loud_first else samples[:, ::-1], rate, mode)
    tagged, bare = Recording(content), Recording(without_length(content))
    frame = 1152 if rate > 24_000 else 576
    assert bare.n_samples % frame == 0
    assert 0 <= bare.n_samples - tagged.n_samples <= 4 * frame  # the tag also has the padding of the encoder
    assert bare.read().shape == (2, bare.n_samples)
    delay = 1105  # samples, of encoder and decoder; with the tag a decoder drops them
    later = bare.read()[:, delay : delay + tagged.n_samples]
    np.testing.assert_allclose(later[:, frame:], tagged.read()[:, frame:], rtol=0, atol=2**-22)
    part = bare.read(4.5, 5.0)
    np.testing.assert_allclose(part, bare.read()[:, round(4.5 * rate) : 5 * rate], rtol=0, atol=2**-22)
    assert encode_for_service(bare).content == without_length(content)


def test_mp3_after_an_id3_tag() -> None:
    """A title and a cover picture before the audio change nothing."""
    content = mp3(tone(2))
    tag = b"ID3\x04\0\0" + bytes([0, 0, 40, 5]) + bytes(40 * 128 + 5)
    np.testing.assert_array_equal(Recording(tag + content).read(), Recording(content).read())
    bare = without_length(content)
    np.testing.assert_array_equal(Recording(tag + bare).read(), Recording(bare).read())


@pytest.mark.parametrize("promised", [0, 4096])
def test_flac_with_a_wrong_length(promised: int) -> None:
    """A FLAC written to a pipe has no length; its frames are counted, and all of them are read."""
    content = encode(tone(), "FLAC")
    other = content[:21] + bytes([content[21] & 0xF0]) + struct.pack(">I", promised) + content[26:]
    np.testing.assert_array_equal(Recording(other).read(), Recording(content).read())
    np.testing.assert_array_equal(Recording(other).read(0.5, 0.6), Recording(content).read(0.5, 0.6))


# --- invalid arguments


def test_samples_need_a_rate() -> None:
    """There is no default rate."""
    with pytest.raises(
        AudioError, match=r"the audio does not say its sample rate; pass it in Hz, as in sample_rate"
    ):
        Recording(tone())
    with pytest.raises(AudioError, match=r"does not say its sample rate"):
        Recording(bytes(100), encoding="LINEAR16_PCM")


@pytest.mark.parametrize("rate", [0, -8000, 8000.5, "8000", float("nan"), float("inf")])
def test_rate_must_be_a_whole_number(rate: Any) -> None:
    """Rates are whole Hz."""
    with pytest.raises(AudioError, match=r"sample_rate must be a whole number from 1 up, not "):
        Recording(tone(), sample_rate=rate)


def test_channels_last() -> None:
    """The error for the shape of soundfile.read says how to transpose it."""
    with pytest.raises(
        AudioError, match=r"shape \(16000, 2\) means 16000 channels of 2 samples.*pass samples.T"
    ):
        Recording(tone().T, sample_rate=RATE)


@pytest.mark.parametrize("shape", [(), (2, 3, 4)])
def test_wrong_number_of_dimensions(shape: tuple[int, ...]) -> None:
    """Samples have one or two dimensions."""
    with pytest.raises(
        AudioError, match=r"samples must have shape \(n_samples,\) or \(n_channels, n_samples\), not"
    ):
        Recording(np.zeros(shape), sample_rate=RATE)


@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_no_samples(shape: tuple[int, ...]) -> None:
    """An empty array is an error."""
    with pytest.raises(AudioError, match=r"the audio holds no samples: its shape is "):
        Recording(np.zeros(shape), sample_rate=RATE)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (
            [1, 2, 3],
            r"int16, or float in -1 to 1, not int64; numpy.array\(samples, numpy.int16\) makes them so",
        ),
        (
            np.zeros(9, np.uint8),
            r"not uint8; \(samples - 128.0\) / 128 makes them so, if that is what they mean",
        ),
        (np.zeros(9, np.int32), r"not int32; samples / 2\*\*31 makes them so, if that is what they mean"),
        (np.zeros(9, complex), r"not complex128; a path or bytes are taken, too"),
        (np.zeros(9, bool), r"not bool; a path or bytes are taken, too"),
    ],
)
def test_wrong_type_of_samples(samples: Any, message: str) -> None:
    """Other integers have no standard scale; the error has the usual one, with or without a sample rate."""
    for rate in (RATE, None):
        with pytest.raises(AudioError, match=message):
            Recording(samples, sample_rate=rate)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_must_be_numbers(value: float) -> None:
    """The error has the channel and time of the first one."""
    samples = tone()
    samples[1, 8000:] = value
    message = (
        r"'x' has NaN or infinite samples, the first in channel 1 at 0.500 s; clean it with numpy.nan_to_num"
    )
    with pytest.raises(AudioError, match=message):
        Recording(samples, sample_rate=RATE, id="x")


def test_mapping_without_samples() -> None:
    """The error lists the keys of the mapping."""
    with pytest.raises(
        AudioError, match=r"""must have "array" and "sampling_rate"; this one has \['path'\]"""
    ):
        Recording({"path": "talk.wav"})


def test_arguments_that_contradict_the_header() -> None:
    """A wrong sample rate would make all times wrong, so it is an error."""
    content = encode(tone())
    assert Recording(content, sample_rate=RATE, n_channels=2).n_channels == 2
    with pytest.raises(AudioError, match=r"'x' has sample_rate 16000, not 8000; leave sample_rate out"):
        Recording(content, sample_rate=8000, id="x")
    with pytest.raises(AudioError, match=r"'x' has n_channels 2, not 1; leave n_channels out"):
        Recording(content, n_channels=1, id="x")


def test_encoding() -> None:
    """The encoding is only for audio without a header."""
    with pytest.raises(
        AudioError, match=r"encoding 'OGG_OPUS' is not possible.*'LINEAR16_PCM'; leave it out"
    ):
        Recording(encode(tone()), encoding="OGG_OPUS")
    with pytest.raises(
        AudioError, match=r"encoding 'LINEAR16_PCM' is not possible: it is for files and bytes"
    ):
        Recording(tone(), sample_rate=RATE, encoding="LINEAR16_PCM")
    with pytest.raises(AudioError, match=r"'x' begins with b'RIFF', so it has a header; leave encoding out"):
        Recording(encode(tone()), sample_rate=RATE, encoding="LINEAR16_PCM", id="x")


def test_headerless_audio_of_an_odd_size() -> None:
    """A file that ends within a sample is an error."""
    with pytest.raises(
        AudioError, match=r"'x' has 402 bytes, which is no whole number of 16-bit samples in 2 chan"
    ):
        Recording(bytes(402), encoding="LINEAR16_PCM", sample_rate=8000, n_channels=2, id="x")
