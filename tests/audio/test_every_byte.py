"""Every byte of a file is sound that is read, metadata, or told: joined files, stray bytes, wrong lengths."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from audio_files import (
    RATE,
    RNG,
    encode,
    encode_by_pyav,
    mp3,
    read_by_pyav,
    sweep,
    tone,
    without_length,
)

from speechkit_nb.audio import LeftOut, Recording, encode_for_service
from speechkit_nb.audio.containers.mpeg import parse_frame
from speechkit_nb.errors import AudioConverted, AudioError, AudioLeftOut

JOINED = {
    "WAV": ("WAV", "PCM_16"),
    "WAV float": ("WAV", "FLOAT"),
    "RF64": ("RF64", "PCM_16"),
    "W64": ("W64", "PCM_16"),
    "AIFF": ("AIFF", "PCM_16"),
    "AU": ("AU", "PCM_16"),
    "CAF": ("CAF", "PCM_16"),
    "FLAC": ("FLAC", "PCM_16"),
    "Ogg Opus": ("OGG", "OPUS"),
    "Ogg Vorbis": ("OGG", "VORBIS"),
    "MP3": ("MP3", "MPEG_LAYER_III"),
}


def left_out(content: bytes) -> tuple[Recording, list[tuple[int, int]]]:
    """The recording, and offset and number of bytes that it leaves out; all of them are in a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        recording = Recording(content, id="x")
    assert [one.category for one in caught] == [AudioLeftOut] * bool(recording.left_out)
    for one in recording.left_out:
        assert f"{one.n_bytes:,} bytes at offset {one.offset:,} ({one.reason})" in str(caught[0].message)
    return recording, [(one.offset, one.n_bytes) for one in recording.left_out]


@pytest.mark.parametrize("kind", JOINED)
@pytest.mark.parametrize("seconds", [(1.0, 0.5), (0.5, 0.5, 0.25)])
def test_joined_files_are_read_to_their_end(kind: str, seconds: tuple[float, ...]) -> None:
    """What `cat a b` makes has the samples of both, one after the other, in whole and in any stretch."""
    parts = [encode(sweep(each), *JOINED[kind]) for each in seconds]
    if kind == "FLAC":
        parts[1:] = [parts[0]] * len(parts[1:])  # the same length twice, so the last frame looks right
    whole, found = Recording(b"".join(parts)), [Recording(part) for part in parts]
    truth = np.concatenate([part.read() for part in found], axis=1)
    assert whole.n_samples == sum(part.n_samples for part in found)
    assert whole.left_out == ()
    np.testing.assert_array_equal(whole.read(), truth)
    np.testing.assert_array_equal(np.concatenate(list(whole.blocks(0.3)), axis=1), truth)
    tolerance = 2**-22 if kind in ("MP3", "Ogg Opus") else 0
    for first, stop in [(0, 1), *np.sort(RNG.integers(0, whole.n_samples, (10, 2)), axis=1)]:
        stretch = whole.read(first / RATE, stop / RATE)
        np.testing.assert_allclose(stretch, truth[:, first:stop], rtol=0, atol=tolerance)


def test_joined_mp3s_have_both_halves_as_ffmpeg_hears_them() -> None:
    """FFmpeg hears the second half too, later by what encoder and decoder add at the seam."""
    content = mp3(sweep(1.5)) + mp3(sweep(2.0)[:, ::-1])
    found, (_, truth) = Recording(content).read()[0], read_by_pyav(content)
    assert len(found) == 3.5 * RATE
    np.testing.assert_allclose(found[1000:22_000], truth[0, 1000:22_000], rtol=0, atol=1e-3)
    second = found[26_000:54_000]
    errors = [np.abs(truth[0, 26_000 + late :][: len(second)] - second).max() for late in range(3 * 1152)]
    assert min(errors) < 1e-3


@pytest.mark.parametrize("kind", ["WAV", "RF64", "AIFF"])
def test_joined_files_are_converted_for_the_service(kind: str) -> None:
    """Their header is about the first part only, so the service would hear no more."""
    content = encode(tone(), *JOINED[kind]) * 2
    with pytest.warns(AudioConverted, match=r"its header is about its first part only|the service takes no"):
        encoded = encode_for_service(Recording(content))
    assert Recording(encoded.content).n_samples == 2 * RATE


def test_a_stream_of_another_rate_is_told() -> None:
    """It cannot be joined to the first one."""
    first, other = encode(sweep(), "OGG", "OPUS"), encode(tone(rate=48_000), "OGG", "OPUS", 48_000)
    recording, found = left_out(first + other)
    assert recording.n_samples == RATE
    assert found == [(len(first), len(other))]
    assert recording.left_out[0].reason == "another stream, of 48000 Hz with 2 channels"


@pytest.mark.parametrize("kind", JOINED)
@pytest.mark.parametrize("junk", [b"\x01\xfe junk " * 40, bytes(300)])
def test_bytes_after_the_sound_are_told(kind: str, junk: bytes) -> None:
    """Offset and number are exact, and the sound stays the same."""
    content = encode(sweep(), *JOINED[kind])
    recording, found = left_out(content + junk)
    assert recording.n_samples == Recording(content).n_samples
    np.testing.assert_array_equal(recording.read(), Recording(content).read())
    padding = found[0][0] - len(content)
    assert found == [(len(content) + padding, len(junk) - padding)]
    assert 0 <= padding < 8  # chunks are padded


@pytest.mark.parametrize("kind", JOINED)
def test_tags_at_the_end_are_metadata(kind: str) -> None:
    """ID3, APE and Lyrics3 tags are no sound, and nobody misses them."""
    ape = b"APETAGEX" + struct.pack("<IIII8x", 2000, 40, 1, 1 << 31) + bytes(40)
    lyrics = b"LYRICSBEGININD0000200" + b"000021LYRICS200"
    recording, found = left_out(encode(sweep(), *JOINED[kind]) + ape + lyrics + b"TAG" + bytes(125))
    assert found == []
    assert recording.n_samples == RATE


@pytest.mark.parametrize(("tagged", "at_frame"), [(True, 1), (True, 20), (False, 0), (False, 19)])
def test_bytes_between_frames_of_an_mp3(tagged: bool, at_frame: int) -> None:
    """317 zeros between two frames do not end the sound; they are told."""
    content = mp3(sweep(3.0)) if tagged else without_length(mp3(sweep(3.0)))
    at = 0
    for _ in range(at_frame):
        frame = parse_frame(content[at : at + 4])
        assert frame is not None
        at += frame.size
    recording, found = left_out(content[:at] + bytes(317) + content[at:])
    assert found == [(at, 317)]
    np.testing.assert_allclose(recording.read(), Recording(content).read(), rtol=0, atol=2**-22)


def synchsafe(n: int) -> bytes:
    return bytes(n >> shift & 0x7F for shift in (21, 14, 7, 0))


@pytest.mark.parametrize("bare", [False, True])
def test_what_may_lie_before_an_mp3(bare: bool) -> None:
    """Tags with and without a footer, several of them, zeros, and the rest of a frame."""
    content = without_length(mp3(sweep(2.0))) if bare else mp3(sweep(2.0))
    samples = Recording(content).read()
    plain = b"ID3\x03\0\0" + synchsafe(300) + bytes(300)
    footer = b"ID3\x04\0\x10" + synchsafe(300) + bytes(300) + b"3DI\x04\0\x10" + synchsafe(300)
    for before, expected in (
        (plain, []),
        (footer, []),
        (plain + footer, []),
        (footer + bytes(200), [(320, 200)]),
        (bytes(200), [(0, 200)]),
        (content[-30:], [(0, 30)]),
    ):
        recording, found = left_out(before + content)
        assert found == expected
        np.testing.assert_array_equal(recording.read(), samples)


def write_sparse_wav(path: Path, size: int, n_channels: int, after: bytes = b"") -> None:
    """A WAV of this many bytes of silence that uses no disk; its 32-bit sizes wrap around."""
    form = struct.pack("<IHHIIHH", 16, 1, n_channels, RATE, 2 * RATE * n_channels, 2 * n_channels, 16)
    header = b"RIFF" + struct.pack("<I", (size + 36) % 2**32) + b"WAVEfmt " + form
    with path.open("wb") as file:
        file.write(header + struct.pack("<4sI", b"data", size % 2**32))
        file.seek(size, 1)
        file.write(after)
        file.truncate(44 + size + len(after))


@pytest.mark.parametrize("after", [b"", b"LIST\4\0\0\0abcd"])
def test_a_wav_over_four_gigabytes(tmp_path: Path, after: bytes) -> None:
    """Its 32-bit size has wrapped around; the size of the file has the true one."""
    size = 4_600_000_000
    write_sparse_wav(tmp_path / "long.wav", size, 2, after)
    recording = Recording(tmp_path / "long.wav")
    assert recording.n_samples == size // 4
    assert recording.duration == 71_875
    assert not recording.layout.has_length
    assert recording.read(71_874.5, 71_874.75).shape == (2, 4000)


@pytest.mark.parametrize("coding", ["GSM610", "G721_32", "NMS_ADPCM_16", "IMA_ADPCM", "MS_ADPCM", "ULAW"])
def test_compressed_wavs_are_whole(coding: str) -> None:
    """Where libsndfile cannot seek, the file is not called cut off, and any stretch is right."""
    recording = Recording(encode(sweep(2.0, 8000), "WAV", coding, 8000))
    assert 2.0 <= recording.duration < 2.05
    whole = recording.read()
    np.testing.assert_array_equal(recording.read(1.5, 1.75), whole[:, 12_000:14_000])
    assert np.corrcoef(whole[0, :16_000], sweep(2.0, 8000)[0])[0, 1] > 0.9


def test_mp3_in_wav_is_whole() -> None:
    """Its frames are counted, since the header of a WAV says nothing about them."""
    content = encode_by_pyav(sweep(1.1, 44_100), "wav", "libmp3lame", 44_100)
    recording = Recording(content)
    assert (recording.container, recording.layout.coding) == ("WAV", "MPEG_LAYER_III")
    assert recording.n_samples == read_by_pyav(content)[1].shape[1]


@pytest.mark.parametrize("mark", [b"BW64", b"RF64"])
def test_large_wav_formats(mark: bytes) -> None:
    """BW64 is RF64 with another name."""
    content = encode(sweep(), "RF64")
    recording = Recording(mark + content[4:])
    assert recording.container == mark.decode()
    np.testing.assert_array_equal(recording.read(), Recording(content).read())


def test_a_stale_size_is_told() -> None:
    """A recorder that died left the size of its last save; what follows may be sound."""
    content = encode(sweep())
    recording, found = left_out(content[:40] + struct.pack("<I", 16_000) + content[44:])
    assert recording.duration == 0.5
    assert found == [(16_044, 16_000)]


def test_mixed_streams_in_ogg_are_told() -> None:
    """The first stream of sound is read; pages of another one between its pages are not."""
    first, other = encode(sweep(2.0), "OGG", "VORBIS"), encode(sweep(1.0), "OGG", "OPUS")
    pages = [split_pages(first), split_pages(other)]
    mixed = b"".join(pages[0][:1] + pages[1][:1] + pages[0][1:3] + pages[1][1:] + pages[0][3:])
    recording, found = left_out(mixed)
    np.testing.assert_array_equal(recording.read(), Recording(first).read())
    assert found == [(len(pages[0][0]), len(other))]
    assert recording.left_out[0].reason == "another stream in the Ogg file: OpusHead"


def split_pages(content: bytes) -> list[bytes]:
    pages, at = [], 0
    while at < len(content):
        n = content[at + 26]
        size = 27 + n + sum(content[at + 27 : at + 27 + n])
        pages.append(content[at : at + size])
        at += size
    return pages


@pytest.mark.parametrize("coding", ["OPUS", "VORBIS"])
def test_a_damaged_page(coding: str) -> None:
    """A page with a wrong checksum is lost, and with it the times of what follows."""
    content = bytearray(encode(tone(4.0), "OGG", coding))
    at = len(b"".join(split_pages(bytes(content))[:4])) + 100
    content[at] ^= 1
    with pytest.raises(
        AudioError, match=r"'x' is damaged: 1 page\(s\) of its Ogg stream are missing before byte"
    ):
        Recording(bytes(content), id="x")


def test_left_out_bytes_are_values() -> None:
    """They can be compared and counted, and the repr has their number."""
    recording, _ = left_out(encode(sweep()) + b"\1" * 1000)
    assert repr(recording) == "Recording('x', 1.0 s, 1 channel, 16000 Hz, WAV, 1,000 bytes left out)"
    assert recording.left_out == (LeftOut(32_044, 1000, "after the sound"),)


@pytest.mark.parametrize(
    ("kind", "there"),
    [
        ("AIFF", "19,954 of 32,008 bytes of samples"),
        ("CAF", "15,908 of 32,004 bytes of samples"),
        ("AU", "19,976 of 32,000 bytes of samples"),
        ("W64", "0.62 s of 1.00 s"),
    ],
)
def test_other_containers_that_are_cut_off(kind: str, there: str) -> None:
    """libsndfile reads what is there without a word."""
    content = encode(sweep(), *JOINED[kind])[:20_000]
    with pytest.raises(AudioError, match=rf"'x' is cut off: {there} are there; copy or download it again"):
        Recording(content, id="x")
