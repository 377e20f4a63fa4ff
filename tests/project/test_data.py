"""The sample recordings in data/ and the times of their words."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.typing import NDArray
from praatio import textgrid

DATA = Path(__file__).parents[2] / "data"
FORMATS = {  # sample rate, channels, subtype
    "monologue.wav": (16_000, 1, "PCM_16"),
    "dialogue.wav": (8_000, 2, "PCM_16"),
    "numbers.ogg": (16_000, 1, "OPUS"),
    "story.mp3": (16_000, 1, "MPEG_LAYER_III"),
    "russian.wav": (16_000, 1, "PCM_16"),
}
CHANNELS = [(name, channel) for name, (_, n_channels, _) in FORMATS.items() for channel in range(n_channels)]

every_recording = pytest.mark.parametrize("name", FORMATS)
every_channel = pytest.mark.parametrize(("name", "channel"), CHANNELS)


def read_words(name: str, channel: int | None = None, folder: Path = DATA) -> pd.DataFrame:
    """The CSV file of the recording, or the rows of one channel of it."""
    words = pd.read_csv((folder / name).with_suffix(".words.csv"), keep_default_na=False)
    return words if channel is None else words[words["channel"] == channel].reset_index(drop=True)


def read_channel(name: str, channel: int) -> tuple[NDArray[np.float64], int]:
    samples, sample_rate = soundfile.read(DATA / name, always_2d=True)
    return samples[:, channel], sample_rate


def measure_level(samples: NDArray[np.float64]) -> float:
    """Level below full scale, at least -100."""
    return float(10 * np.log10(np.mean(samples**2) + 1e-10))


def read_readme_section(name: str) -> str:
    return (DATA / "README.md").read_text(encoding="utf-8").split(f"### {name}\n")[1].split("\n##")[0]


def read_checksums() -> dict[str, str]:
    """File name to SHA-256."""
    lines = (DATA / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def test_checksums_hold() -> None:
    """Each file has the checksum in SHA256SUMS, which lists each recording with its CSV and its TextGrid."""
    beside = {Path(name).stem + suffix for name in FORMATS for suffix in (".words.csv", ".TextGrid")}
    assert set(read_checksums()) == set(FORMATS) | beside
    for name, digest in read_checksums().items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest, name


def test_everything_together_is_small() -> None:
    """A clone of the repository brings at most 5 MB of recordings."""
    assert sum((DATA / name).stat().st_size for name in read_checksums()) <= 5_000_000


@every_recording
def test_recording_is_what_the_readme_promises(name: str) -> None:
    """Sample rate, channels, subtype and length are those in the table of the README."""
    info = soundfile.info(DATA / name)
    assert (info.samplerate, info.channels, info.subtype) == FORMATS[name]
    row = f"| `{name}` | {info.duration:.1f} s | {info.channels} | {info.samplerate} Hz |"
    assert row in (DATA / "README.md").read_text(encoding="utf-8")


@every_channel
def test_words_are_those_of_the_text(name: str, channel: int) -> None:
    """The words of a channel, in order, are the text in the README without capitals and punctuation."""
    turns = re.findall(r"^> (?:(\d): )?(.*)$", read_readme_section(name), flags=re.MULTILINE)
    text = " ".join(words for of_channel, words in turns if int(of_channel or 0) == channel)
    assert read_words(name, channel)["word"].tolist() == re.findall(r"\w+", text.lower())


@every_recording
def test_rows_are_in_order_of_time(name: str) -> None:
    """The CSV file has its four columns and is sorted by start."""
    words = read_words(name)
    assert words.columns.tolist() == ["word", "start", "end", "channel"]
    assert words["start"].is_monotonic_increasing
    assert set(words["channel"]) == set(range(FORMATS[name][1]))


@every_channel
def test_words_lie_in_the_recording_one_after_the_other(name: str, channel: int) -> None:
    """Each word has a duration, starts after the word before it, and ends inside the recording."""
    words = read_words(name, channel)
    assert (words["start"] < words["end"]).all()
    assert (words["end"][:-1].to_numpy() <= words["start"][1:].to_numpy()).all()
    assert words["start"].min() >= 0
    assert words["end"].max() <= soundfile.info(DATA / name).duration


@every_recording
def test_textgrid_has_the_words_of_the_csv(name: str) -> None:
    """Each channel has a tier with the words and times of the CSV file, as long as the recording."""
    grid = textgrid.openTextgrid(str((DATA / name).with_suffix(".TextGrid")), includeEmptyIntervals=False)
    assert list(grid.tierNames) == [f"words-{channel}" for channel in range(FORMATS[name][1])]
    assert grid.maxTimestamp == soundfile.info(DATA / name).duration
    for channel in range(FORMATS[name][1]):
        words = read_words(name, channel)
        rows = zip(words["start"], words["end"], words["word"], strict=True)
        assert [tuple(entry) for entry in grid.getTier(f"words-{channel}").entries] == list(rows)


@every_channel
def test_sound_is_where_the_words_are(name: str, channel: int) -> None:
    """Further than 50 ms from any word it is quiet; each single word is at least 30 dB louder."""
    samples, sample_rate = read_channel(name, channel)
    words = read_words(name, channel)
    quiet = np.ones(len(samples), bool)
    levels = []
    for start, end in zip(words["start"], words["end"], strict=True):
        quiet[round(max(0.0, start - 0.05) * sample_rate) : round((end + 0.05) * sample_rate)] = False
        levels.append(measure_level(samples[round(start * sample_rate) : round(end * sample_rate)]))
    assert quiet.sum() > sample_rate
    assert min(levels) > measure_level(samples[quiet]) + 30


def test_speech_overlaps_three_times() -> None:
    """In the dialogue a turn starts three times while the other speaker still speaks."""
    first, second = (read_words("dialogue.wav", channel) for channel in (0, 1))
    both = [
        (max(a, c), min(b, d))
        for a, b in zip(first["start"], first["end"], strict=True)
        for c, d in zip(second["start"], second["end"], strict=True)
        if max(a, c) < min(b, d)
    ]
    new = [i for i, (start, _) in enumerate(both) if i == 0 or start - both[i - 1][1] > 1]
    assert len(new) == 3


def test_recordings_can_be_made_again(tmp_path: Path) -> None:
    """flite and espeak-ng make the committed WAV files and word times, except for rounding."""
    script = [sys.executable, str(DATA / "make_data.py"), "--out", str(tmp_path)]
    subprocess.run(script, check=True, timeout=120)
    for name in FORMATS:
        again, words = read_words(name, folder=tmp_path), read_words(name)
        assert again["word"].tolist() == words["word"].tolist()
        np.testing.assert_allclose(again[["start", "end"]], words[["start", "end"]], atol=0.0015)
        if name.endswith(".wav"):
            check_equal_samples(tmp_path / name, DATA / name)


def check_equal_samples(path: Path, truth: Path) -> None:
    """Equal up to a few steps of 16 bits, since floating point units differ."""
    (made, sample_rate), (expected, true_rate) = (soundfile.read(p, dtype="int16") for p in (path, truth))
    assert sample_rate == true_rate
    np.testing.assert_allclose(made.astype(int), expected.astype(int), atol=8, rtol=0)


def test_text_must_be_spoken_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A digit that the synthesizer reads as a word is an error: the words would differ from the text."""
    make_data = import_make_data(monkeypatch)

    class Reader:
        def synthesize(self, text: str) -> Any:
            return make_data.Speech(np.zeros(1, np.float32), 16_000, [make_data.Word("twenty", 0.0, 1.0)])

    with pytest.raises(
        ValueError, match=r"has the words \['20'\], the synthesizer spoke \['twenty'\]; change the text"
    ):
        make_data.speak(make_data.Turn(0.4, "20"), Reader())


def test_ogg_serial_number_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two encodings of the same samples differ only in the serial number, and can be decoded."""
    make_data = import_make_data(monkeypatch)
    path, noise = tmp_path / "noise.ogg", np.random.default_rng(0).normal(0, 0.1, 16_000)
    streams = set()
    for _ in range(2):
        soundfile.write(path, noise, 16_000, format="OGG", subtype="OPUS")
        decoded, _ = soundfile.read(path)
        path.write_bytes(make_data.set_serial_number(path.read_bytes(), 7))
        streams.add(path.read_bytes())
        np.testing.assert_array_equal(soundfile.read(path)[0], decoded)
    assert len(streams) == 1


def test_missing_library_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a missing library has the command that installs it."""
    make_data = import_make_data(monkeypatch)
    with pytest.raises(OSError, match="cannot be loaded; `apt-get install flite` installs it"):
        make_data.Flite("unknown")


def test_unknown_voice_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """espeak-ng would use another voice; instead, the unknown name is an error."""
    make_data = import_make_data(monkeypatch)
    with pytest.raises(ValueError, match="espeak-ng has no voice 'unknown'; `espeak-ng --voices` lists"):
        make_data.Espeak("unknown")


def import_make_data(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(DATA))
    import make_data

    return make_data
