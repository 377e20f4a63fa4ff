"""Damaged files: whatever bytes change, there is a recording or an `AudioError`, soon, in little memory."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import warnings
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from audio_files import encode, encode_by_pyav, sweep, tone

from speechkit_nb.audio import Recording
from speechkit_nb.errors import AudioError

KINDS = {
    "Ogg Vorbis": lambda: encode(sweep(2.0), "OGG", "VORBIS"),
    "Ogg Opus": lambda: encode(sweep(2.0), "OGG", "OPUS"),
    "Ogg FLAC": lambda: encode_by_pyav(sweep(2.0), "ogg", "flac"),
    "FLAC": lambda: encode(sweep(2.0), "FLAC"),
    "MP3": lambda: encode(sweep(2.0), "MP3", "MPEG_LAYER_III"),
    "WAV": lambda: encode(sweep(0.5), "WAV"),
    "WAV GSM": lambda: encode(sweep(0.5), "WAV", "GSM610"),
    "RF64": lambda: encode(sweep(0.5), "RF64"),
    "W64": lambda: encode(sweep(0.5), "W64"),
    "AIFF": lambda: encode(sweep(0.5), "AIFF"),
    "AU": lambda: encode(sweep(0.5), "AU"),
    "CAF": lambda: encode(sweep(0.5), "CAF"),
    "CAF ALAC": lambda: encode(sweep(0.5), "CAF", "ALAC_16"),
    "M4A": lambda: encode_by_pyav(sweep(1.0), "ipod", "aac"),
    "WebM": lambda: encode_by_pyav(sweep(1.0, 48_000), "webm", "libopus", 48_000),
}
SECONDS, MEGABYTES = 5, 1000
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def mutate(content: bytes, seed: int) -> bytes:
    """The file with some bytes changed, removed or added, most often near its start.

    Ogg gets right checksums again in most cases, or libogg would drop the page and nothing were tried.
    """
    chance, data = random.Random(seed), bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4])):
        at = chance.randrange(min(len(data), 200) if chance.random() < 0.6 else len(data))
        pages = (
            [n for n in range(len(data) - 27) if data[n : n + 4] == b"OggS"] if content[:4] == b"OggS" else []
        )
        if pages and chance.random() < 0.6:
            at = chance.choice(pages) + chance.randrange(30)
        what = chance.random()
        if what < 0.6:
            data[at] = chance.choice(
                [0, 255, 127, 128, chance.randrange(256), data[at] ^ 1 << chance.randrange(8)]
            )
        elif what < 0.7:
            number = chance.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1])
            data[at : at + 4] = struct.pack(chance.choice("<>") + "I", number)
        elif what < 0.8:
            del data[at : at + chance.choice([1, 7, 3000])]
        elif what < 0.9:
            data[at:at] = chance.randbytes(chance.choice([1, 7, 3000]))
        else:
            del data[at + 1 :]
        data = data or bytearray(1)
    return with_checksums(data) if content[:4] == b"OggS" and chance.random() < 0.7 else bytes(data)


def with_checksums(data: bytearray) -> bytes:
    """The file with the checksum of each page as its content has it."""
    at = -1
    while 0 <= (at := data.find(b"OggS", at + 1)) < len(data) - 27:
        end = at + 27 + data[at + 26] + sum(data[at + 27 : at + 27 + data[at + 26]])
        data[at + 22 : at + 26] = bytes(4)
        value = zlib.crc32(bytes(data[at:end]).translate(REVERSED), 2**32 - 1) ^ 2**32 - 1
        data[at + 22 : at + 26] = int(f"{value:032b}"[::-1], 2).to_bytes(4, "little")
    return bytes(data)


def use(content: bytes) -> None:
    """Open a recording, and read it in every way."""
    with suppress(AudioError):
        recording = Recording(content)
        end = recording.duration
        with suppress(AudioError):
            recording.read(max(0, end - 0.5), end)
        with suppress(AudioError):
            recording.read(end / 2, min(end, end / 2 + 0.5))
        for _ in recording.blocks(1.0):
            pass
        recording.envelope(min(10, recording.n_samples))


def run(kinds: list[str], n: int) -> None:
    """In a child: use n mutated files of each kind, each within its time and all within their memory."""
    import resource
    import signal

    limit = MEGABYTES << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    warnings.simplefilter("ignore")
    for kind in kinds:
        content = KINDS[kind]()
        for seed in range(n):
            sys.stdout.write(f"{kind}, seed {seed}\n")
            sys.stdout.flush()
            signal.alarm(SECONDS)
            use(mutate(content, seed))
    signal.alarm(0)
    sys.stdout.write("done\n")


def try_files(kinds: list[str], n: int) -> None:
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]
    code = f"import sys; sys.path[:0] = {folders}; import test_damaged_files as own; own.run({kinds}, {n})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = done.stdout.splitlines()[-1:]
    assert (done.returncode, last) == (0, ["done"]), done.stderr[-500:]


def test_a_damaged_file_is_read_or_refused() -> None:
    """No crash of a decoder, no other error, no hang, with a limit of memory: 35 files of each kind."""
    try_files(list(KINDS), 35)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_files_are_read_or_refused(kind: str) -> None:
    """The same for 500 files of each kind."""
    try_files([kind], 500)


def test_a_damaged_flac_has_no_other_error() -> None:
    """Every way of reading a FLAC that is damaged in the middle raises AudioError, an envelope too."""
    content = bytearray(encode(tone(5.0), "FLAC"))
    middle = len(content) // 2
    content[middle : middle + 20_000] = bytes(20_000)
    recording = Recording(bytes(content), id="x")
    for read in (recording.read, lambda: recording.envelope(10), lambda: list(recording.blocks())):
        with pytest.raises(
            AudioError, match=r"'x' is damaged between \d\.\d\d and \d\.\d\d s: .*copy or download"
        ):
            read()
