"""Files are decoded in child processes of the server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from audio_files import encode, tone

from speechkit_nb.audio import Recording
from speechkit_nb.errors import AudioError
from speechkit_nb.server.workers import decoding


@pytest.mark.parametrize("kind", [("WAV", "PCM_16"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")])
def test_a_child_gives_what_a_recording_gives(kind: tuple[str, str], tmp_path: Path) -> None:
    """Attributes and samples are those of a `Recording`, for bytes and for files, channel by channel."""
    content = encode(tone(2.3), *kind)
    path = tmp_path / "talk"
    path.write_bytes(content)
    for audio in (content, path):
        truth, found = Recording(audio, id="x"), decoding.open_recording(audio, id="x")
        assert found == truth
        assert found.layout == truth.layout
        for channel in (0, 1):
            blocks = list(decoding.read_channel(found, channel, 1.0))
            assert [len(block) for block in blocks] == [16_000, 16_000, 4_800]
            np.testing.assert_array_equal(np.concatenate(blocks), truth.read(channel=channel))


def test_an_error_of_the_audio_comes_back() -> None:
    """The message is that of `Recording`, and the child takes the next file."""
    with pytest.raises(AudioError, match=r"^'x' is empty \(0 bytes\)"):
        decoding.open_recording(b"", id="x")
    assert decoding.open_recording(encode(tone()), id="x").n_samples == 16_000


def test_a_decoder_that_dies_or_hangs_fails_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that does not answer is killed and the file refused; the next file gets a new child."""
    content = encode(tone())
    decoding.open_recording(content, id="x")
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "LONGEST_CALL", 0.1)
        os.kill(decoding._idle[-1]._process.pid, signal.SIGSTOP)
        with pytest.raises(
            AudioError, match="its decoder crashed or did not end, so the file is probably damaged"
        ):
            decoding.open_recording(content, id="x")
    assert decoding.open_recording(content, id="x").n_samples == 16_000


def test_the_server_itself_loads_no_decoder() -> None:
    """The bytes of a file are parsed in the child only."""
    code = (
        "import sys\n"
        "from speechkit_nb.server.workers import decoding\n"
        "found = decoding.open_recording(sys.stdin.buffer.read(), id='x')\n"
        "n = sum(map(len, decoding.read_channel(found, 0, 1.0)))\n"
        "print(n, {'soundfile', 'av'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=encode(tone(), "FLAC"), capture_output=True, check=True
    )
    assert done.stdout.split() == [b"16000", b"set()"]
