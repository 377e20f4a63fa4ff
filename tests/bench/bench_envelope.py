"""What an envelope costs beyond decoding, in time and memory: `python tests/bench/bench_envelope.py`.

One hour of stereo noise with the loudness of speech, FLAC, 16 kHz. The time of `envelope(2000)` is held
against soundfile decoding blocks of the same size, in alternating rounds; the memory is the growth of the
peak of a process of its own between opening the file and having the envelope (Linux).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from speechkit_nb.audio import Recording
from speechkit_nb.audio import recording as audio

RATE, N_CHANNELS, SECONDS, N_BINS, ROUNDS = 16_000, 2, 3_600, 2_000, 5
GOAL_RATIO, GOAL_MB = 1.3, 64

PEAK = """
import re, sys
from pathlib import Path
from speechkit_nb.audio import Recording

def peak():  # ru_maxrss would begin with the peak of the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3

recording = Recording(sys.argv[1])  # loads soundfile, too
before = peak()
recording.envelope(int(sys.argv[2]))
print(peak() - before)
"""


def write_speech(path: Path) -> None:
    """Low-passed noise in syllables of a quarter of a second with pauses, a minute at a time."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, N_CHANNELS, "PCM_16", format="FLAC") as file:
        for _ in range(SECONDS // 60):
            noise = rng.normal(size=(60 * RATE, N_CHANNELS)).astype(np.float32)
            smooth = (noise + np.roll(noise, 1, axis=0) + np.roll(noise, 2, axis=0)) / 3
            level = np.repeat(
                rng.random((240, N_CHANNELS)) ** 3 * (rng.random((240, 1)) > 0.3), RATE // 4, axis=0
            )
            file.write(np.clip(0.3 * smooth * level, -1, 1))


def decode(path: Path) -> None:
    """Every sample, by soundfile alone."""
    with soundfile.SoundFile(path) as file:
        buffer = np.empty((audio._BLOCK, N_CHANNELS), np.float32)
        while len(file.read(out=buffer)):
            pass


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hour.flac"
        write_speech(path)
        recording = Recording(path)
        print(f"{recording!r}, {path.stat().st_size / 1e6:.0f} MB")
        times = [
            (seconds(lambda: decode(path)), seconds(lambda: recording.envelope(N_BINS)))
            for _ in range(ROUNDS)
        ]
        command = [sys.executable, "-c", PEAK, str(path), str(N_BINS)]
        peak_mb = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    decoding, envelope = (min(column) for column in zip(*times, strict=True))
    ratio = envelope / decoding
    print(f"decoding alone: {decoding:.3f} s; envelope({N_BINS}): {envelope:.3f} s; best of {ROUNDS} rounds")
    print(f"envelope / decoding: {ratio:.2f} (goal: at most {GOAL_RATIO})")
    print(f"memory beyond opening the file: {peak_mb:.1f} MB (goal: at most {GOAL_MB})")
    print(json.dumps({"vs_decode": round(ratio, 3), "peak_mb": round(peak_mb, 1)}))


if __name__ == "__main__":
    main()
