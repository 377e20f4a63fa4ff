"""What an envelope costs beyond decoding, in time and memory: `python tests/bench/bench_envelope.py`.

One hour of stereo noise with the loudness of speech, FLAC, 16 kHz. The time of `envelope(2000)` is held
against soundfile decoding blocks of the same size, in rounds that alternate; the memory is the growth of the
peak of a new process between opening the file and having the envelope (Linux).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from harness import check_work, measure_peak, run, take_seconds

from speechkit_nb.audio import Recording
from speechkit_nb.audio import recording as audio

RATE, N_CHANNELS, N_BINS = 16_000, 2, 2_000
GOAL_RATIO, GOAL_MB = 1.3, 64


class Size(NamedTuple):
    minutes: int
    rounds: int


def write_speech(path: Path, minutes: int = 60) -> None:
    """Low-passed noise in syllables of a quarter of a second with pauses, one minute at a time."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, N_CHANNELS, "PCM_16", format="FLAC") as file:
        for _ in range(minutes):
            noise = rng.normal(size=(60 * RATE, N_CHANNELS)).astype(np.float32)
            smooth = (noise + np.roll(noise, 1, axis=0) + np.roll(noise, 2, axis=0)) / 3
            level = np.repeat(
                rng.random((240, N_CHANNELS)) ** 3 * (rng.random((240, 1)) > 0.3), RATE // 4, axis=0
            )
            file.write(np.clip(0.3 * smooth * level, -1, 1))


def decode(path: Path) -> int:
    """Decode every sample by soundfile alone; return their number."""
    n_samples = 0
    with soundfile.SoundFile(path) as file:
        buffer = np.empty((audio._BLOCK, N_CHANNELS), np.float32)
        while n_read := len(file.read(out=buffer)):
            n_samples += n_read
    return n_samples


def measure(size: Size, home: Path) -> dict[str, float]:
    path = home / "speech.flac"
    write_speech(path, size.minutes)
    recording = Recording(path)
    print(f"{recording!r}, {path.stat().st_size / 1e6:.0f} MB")
    decoded, envelopes, decoding, ours = [], [], [], []
    for _ in range(size.rounds):
        decoding.append(take_seconds(lambda: decoded.append(decode(path))))
        ours.append(take_seconds(lambda: envelopes.append(recording.envelope(N_BINS))))
    peak = measure_peak(
        # opening the file loads soundfile, too
        "import sys; from speechkit_nb.audio import Recording; recording = Recording(sys.argv[1])",
        f"recording.envelope({N_BINS}).size",
        path,
    )
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    check_work("samples that soundfile decoded", set(decoded), {len(samples)})
    check_work("numbers in the envelope", {found.shape for found in envelopes}, {(N_CHANNELS, N_BINS, 2)})
    check_work("numbers in the envelope of the process for memory", peak.n_done, N_CHANNELS * N_BINS * 2)
    extremes = np.array([samples.min(axis=0), samples.max(axis=0)]).T
    for found in envelopes:
        bounds = np.stack([found[..., 0].min(axis=1), found[..., 1].max(axis=1)], axis=1)
        check_work(
            "channels with the lowest and highest sample", int((bounds == extremes).all(axis=1).sum()), 2
        )
    ratio = min(ours) / min(decoding)
    print(f"decoding alone: {min(decoding):.3f} s; envelope({N_BINS}): {min(ours):.3f} s")
    print(f"envelope / decoding: {ratio:.2f} (goal: at most {GOAL_RATIO})")
    print(f"memory beyond opening the file: {peak.growth:.1f} MB (goal: at most {GOAL_MB})")
    return {"vs_decode": round(ratio, 3), "peak_mb": round(peak.growth, 1)}


if __name__ == "__main__":
    run(measure, Size(60, 5), Size(2, 3))
