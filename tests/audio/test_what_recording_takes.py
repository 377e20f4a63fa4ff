"""What `Recording` takes: paths, open files, bytes, arrays and pairs; one clear error for everything else."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audio_files import RATE, encode, tone
from hypothesis import given
from hypothesis import strategies as st

from speechkit_nb.audio import Recording
from speechkit_nb.errors import AudioError

SAMPLES = np.rint(tone(0.2) * 32767).astype(np.int16)
WAV = encode(SAMPLES)


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    path.write_bytes(WAV)
    return path


def test_an_open_file_is_its_path(wav: Path) -> None:
    """A file on the disk is read when needed, wherever the file object stands, and after it is closed."""
    with wav.open("rb") as file:
        file.read(100)
        recording = Recording(file)
    assert recording.source == wav
    assert recording == Recording(wav)
    assert recording.id == "talk.wav"
    np.testing.assert_array_equal(recording.read(), Recording(WAV).read())


def test_file_objects_in_memory_are_read_from_their_beginning() -> None:
    """After writing to a BytesIO it stands at its end; the whole of it is meant."""
    written = io.BytesIO()
    written.write(WAV)
    with tempfile.SpooledTemporaryFile() as spooled:
        spooled.write(WAV)
        for file in (io.BytesIO(WAV), written, spooled):
            assert Recording(file) == Recording(WAV)


def test_what_was_written_to_an_open_file_is_there(tmp_path: Path) -> None:
    """Bytes that the file object still holds are written first."""
    with (tmp_path / "talk.wav").open("wb+") as file:
        file.write(WAV)
        assert Recording(file).n_samples == SAMPLES.shape[1]


class Broken(io.RawIOBase):
    """A file object whose disk is gone."""

    def read(self, size: int = -1) -> bytes:
        raise OSError("input/output error")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: io.StringIO("text"), r"the file gives str, not bytes; open it with mode 'rb'"),
        (lambda: _closed(), r"the file object cannot be read: I/O operation on closed file"),
        (lambda: Broken(), r"the file object cannot be read: input/output error; pass its path"),
        (lambda: io.BytesIO(), r"the audio is empty \(0 bytes\)"),
    ],
)
def test_file_objects_that_cannot_be_read(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(AudioError, match=message):
        Recording(make())


def _closed() -> io.BytesIO:
    file = io.BytesIO(WAV)
    file.close()
    return file


@pytest.mark.parametrize(
    "pair",
    [
        (RATE, SAMPLES),
        (SAMPLES, RATE),
        [SAMPLES, np.int64(RATE)],
        (float(RATE), SAMPLES.T),  # scipy and soundfile have channels last
        (SAMPLES.T, RATE),
    ],
)
def test_samples_with_their_rate(pair: Any) -> None:
    """A pair in either order, channels first or last, is what the libraries return."""
    recording = Recording(pair)
    assert recording == Recording(SAMPLES, sample_rate=RATE)
    assert Recording(pair, sample_rate=RATE) == recording
    with pytest.raises(AudioError, match=r"the samples come with sample_rate 16000.*, not 8000; leave"):
        Recording(pair, sample_rate=8000)


def test_a_pair_of_numbers_is_no_pair_of_samples_and_rate() -> None:
    """Two floats are two samples."""
    assert Recording([0.5, -0.5], sample_rate=8000).n_samples == 2
    assert Recording(([0.5, -0.5, 0.0], 8000)).n_samples == 3


@pytest.mark.parametrize("dtype", [">i2", "<i2", ">f4", ">f8", "<f8", "f2"])
def test_any_byte_order(dtype: str) -> None:
    """Samples are numbers; how the machine that wrote them orders bytes does not matter."""
    samples = SAMPLES if dtype.endswith("i2") else SAMPLES / 32768
    found = Recording(samples.astype(dtype), sample_rate=RATE)
    np.testing.assert_allclose(found.read(), SAMPLES / 32768, rtol=0, atol=1e-3 if dtype == "f2" else 1e-7)
    assert found.audio.dtype.isnative


def test_rows_of_a_dataset(wav: Path) -> None:
    """Hugging Face rows have samples, or the file as it is."""
    assert Recording({"bytes": WAV, "path": "talk.wav"}) == Recording(WAV)
    assert Recording({"bytes": None, "path": str(wav)}) == Recording(wav)


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (
            None,
            r"None is no audio; pass a path, an open file, the bytes of a file, samples with sample_rate=",
        ),
        (7, r"7 is no audio; pass a path"),
        (object(), r"object is no audio; pass a path"),
        ({1, 2}, r"set is no audio; pass a path"),
        (np.array(["a"]), r"ndarray is no audio; pass a path"),
        (
            ["a.wav"],
            r"a list of 1 path is no single recording; make a Recording of each, or send all of them by",
        ),
        ([Path("a.wav"), Path("b.wav")], r"a list of 2 paths is no single.*client.submit_many\(paths\)"),
        (("a.wav", "b.wav"), r"a list of 2 paths is no single"),
        ([[0.1, 0.2], [0.3]], r"list cannot be read as samples \(.*inhomogeneous.*\); pass a path"),
        (
            "https://example.com/a.wav",
            r"'https:.*' is a link, and a recording is a file; download it, or pass",
        ),
        (Recording(WAV), r"this is a Recording already; for another id use dataclasses.replace"),
        ("~nobody-has-this-name/a.wav", r"there is no file .*~nobody-has-this-name/a.wav"),
    ],
)
def test_what_is_no_recording(audio: Any, message: str) -> None:
    """The error says what it is, or what it takes instead."""
    with pytest.raises(AudioError, match=message):
        Recording(audio)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Opening a named pipe would wait until somebody writes to it."""
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(
        AudioError, match=r"pipe.wav is a pipe or a device; pass the bytes that are read from it"
    ):
        Recording(tmp_path / "pipe.wav")


def test_numbers_out_of_range() -> None:
    """Rates and channels have limits, so that no later sum overflows."""
    with pytest.raises(AudioError, match=r"sample_rate must be at most 2147483647, not 1000"):
        Recording(SAMPLES, sample_rate=10**400)
    with pytest.raises(AudioError, match=r"n_channels must be at most 1024, not 500000"):
        Recording(bytes(10**6), encoding="LINEAR16_PCM", sample_rate=8000, n_channels=500_000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: r.read("0"), r"read from '0' to None: start and end must be numbers, in seconds"),
        (lambda r: r.read(0, end="1"), r"read from 0 to '1': start and end must be numbers"),
        (lambda r: r.read(channel="0"), r"has channels 0 to 1, not '0'"),
        (lambda r: r.read(channel=0.5), r"has channels 0 to 1, not 0.5"),
        (lambda r: r.envelope(2.5), r"make 1 to 3200 bins, not 2.5"),
        (lambda r: r.envelope("9"), r"make 1 to 3200 bins, not '9'"),
        (lambda r: r.blocks("1"), r"a block of '1' s has no sample"),
        (lambda r: r.blocks(float("nan")), r"a block of nan s has no sample"),
    ],
)
def test_arguments_of_other_types(call: Callable[[Recording], Any], message: str) -> None:
    with pytest.raises(AudioError, match=message):
        call(Recording(SAMPLES, sample_rate=RATE))


def test_a_block_of_any_length() -> None:
    """More seconds than there are make one block."""
    (block,) = Recording(SAMPLES, sample_rate=RATE).blocks(float("inf"))
    assert block.shape == SAMPLES.shape


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
)


@given(
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=2)
    ),
    SCALARS,
)
def test_anything_is_a_recording_or_an_audio_error(audio: Any, rate: Any) -> None:
    """Whatever is passed, there is one error of ours, and no other."""
    with suppress(AudioError):
        assert Recording(audio, rate).n_samples > 0
