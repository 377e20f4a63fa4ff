"""M4A, WebM, AMR and others, which PyAV reads."""

from __future__ import annotations

import io
import sys

import av
import numpy as np
import pytest
from audio_files import encode_by_pyav, sweep

from speechkit_nb.audio import Recording, encode_for_service
from speechkit_nb.errors import AudioConverted, AudioError, AudioLeftOut

KINDS = {
    "M4A": ("ipod", "aac", 44_100),
    "MP4 PCM": ("mov", "pcm_s16le", 16_000),
    "AAC": ("adts", "aac", 44_100),
    "WebM": ("webm", "libopus", 48_000),
    "Matroska FLAC": ("matroska", "flac", 16_000),
    "AMR": ("amr", "libopencore_amrnb", 8_000),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_stretch_is_a_slice_of_the_whole(kind: str) -> None:
    """Also far behind the start, where decoding begins in the middle; the last frame of AAC can differ."""
    container, codec, rate = KINDS[kind]
    recording = Recording(encode_by_pyav(sweep(4.0, rate), container, codec, rate))
    whole = recording.read()
    assert whole.shape == (1, recording.n_samples)
    np.testing.assert_array_equal(np.concatenate(list(recording.blocks(0.3)), axis=1), whole)
    for start, end in [(0.0, 0.1), (1.7, 1.9), (3.0, 3.5)]:
        part = whole[:, round(start * rate) : round(end * rate)]
        np.testing.assert_allclose(recording.read(start, end), part, rtol=0, atol=2**-15)
    np.testing.assert_array_equal(recording.envelope(1)[0, 0], [whole.min(), whole.max()])


def test_the_error_without_pyav_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has both ways out: the extra, or a conversion to a format that the service takes."""
    content = encode_by_pyav(sweep(), "ipod", "aac")
    monkeypatch.setitem(sys.modules, "av", None)
    message = (
        r"'x' is MP4, which needs the package av: pip install 'speechkit-nb\[media\]'; or convert it, as in "
        r"`ffmpeg -i talk.m4a -c:a libopus talk.ogg`"
    )
    with pytest.raises(AudioError, match=message):
        Recording(content, id="x")


def test_what_is_sent_is_the_sound_as_wav() -> None:
    """The service takes none of these containers."""
    recording = Recording(encode_by_pyav(sweep(), "ipod", "aac"), id="x")
    with pytest.warns(AudioConverted, match=r"'x' was converted from MP4 \(aac, 16000 Hz\) to WAV"):
        sent = Recording(encode_for_service(recording).content)
    np.testing.assert_allclose(sent.read(), recording.read(), rtol=0, atol=2**-15)


def test_a_tag_before_aac() -> None:
    """Radio streams have an ID3 tag in front."""
    content = encode_by_pyav(sweep(), "adts", "aac")
    tag = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    assert Recording(tag + content).n_samples == Recording(content).n_samples


def test_a_second_stream_of_sound_is_told() -> None:
    """A film has sound in several languages; the first is read."""
    content = io.BytesIO()
    with av.open(content, "w", format="matroska") as file:
        streams = [file.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in range(2)]
        for n, stream in enumerate(streams):
            samples = np.full((1, 16_000), 1000 * (n + 1), np.int16)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, 0
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    with pytest.warns(AudioLeftOut, match=r"32,000 bytes at offset .* \(another stream of sound, number 1\)"):
        recording = Recording(content.getvalue())
    assert set(recording.read()[0]) == {np.float32(1000 / 32768)}


@pytest.mark.parametrize("kind", ["M4A", "WebM"])
def test_a_file_that_ends_in_its_header(kind: str) -> None:
    """A file that ends in its header is refused."""
    container, codec, rate = KINDS[kind]
    content = encode_by_pyav(sweep(4.0, rate), container, codec, rate)
    with pytest.raises(
        AudioError, match=r"'x' is (MP4|WEBM) that cannot be read \(.*\); copy or download it"
    ):
        Recording(content[:60], id="x")


def test_a_file_without_sound() -> None:
    """A film without sound is no recording."""
    content = io.BytesIO()
    with av.open(content, "w", format="matroska") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        file.mux(stream.encode(None))
    with pytest.raises(AudioError, match=r"'x' has no sound; it is MATROSKA with other streams only"):
        Recording(content.getvalue(), id="x")


def test_no_list_of_other_files_is_followed() -> None:
    """A playlist with the name of a recording would make FFmpeg open other files."""
    with pytest.raises(AudioError, match="is no audio that can be read"):
        Recording(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n")
