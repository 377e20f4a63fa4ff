"""Forced alignment of recordings with known word times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from speechkit_nb import tables
from speechkit_nb.audio import Recording
from speechkit_nb.errors import ConfigError, MissingExtra
from speechkit_nb.evaluate import force_align
from speechkit_nb.evaluate.forced_alignment.dictionary import pronunciations, spoken_words

DATA = Path(__file__).parents[2] / "data"
DICTIONARY = {
    "speech": "S P IY CH",
    "kit": "K IH T",
    "well": "W EH L",
    "known": "N OW N",
    "dog": "D AO G",
    "church": "CH ER CH",
    "x.": "EH K S",
    "m.": "EH M",
    "l.": "EH L",
}


def truth(name: str, channel: int = 0) -> pd.DataFrame:
    words = pd.read_csv(DATA / f"{name}.words.csv")
    return words[words["channel"] == channel].reset_index(drop=True)


def errors(found: pd.DataFrame, said: pd.DataFrame) -> Any:
    """Absolute errors of starts and ends in seconds, shape (n_words, 2)."""
    assert len(found) == len(said)
    return np.abs(found[["start", "end"]].to_numpy() - said[["start", "end"]].to_numpy())


def samples(name: str) -> Any:
    """Samples of channel 0 at 16 kHz."""
    return Recording(DATA / name).read(channel=0)


@pytest.mark.parametrize(
    ("file", "name"), [("monologue.wav", "monologue"), ("numbers.ogg", "numbers"), ("story.mp3", "story")]
)
def test_words_lie_where_they_are_said(file: str, name: str) -> None:
    """The median error of starts and ends is at most 12 ms, and 90 % are within 50 ms."""
    said = truth(name)
    off = errors(force_align(DATA / file, " ".join(said["word"])), said)
    assert np.median(off) <= 0.012
    assert np.mean(off <= 0.05) > 0.9


def test_channels_of_a_telephone_call() -> None:
    """Each channel is aligned with its text, at 8 kHz."""
    said = {channel: truth("dialogue", channel) for channel in (0, 1)}
    found = force_align(
        DATA / "dialogue.wav", {channel: " ".join(words["word"]) for channel, words in said.items()}
    )
    for channel, words in said.items():
        off = errors(found[found["channel_tag"] == str(channel)], words)
        assert np.median(off) <= 0.012


def test_the_frame_of_words() -> None:
    """The schema is that of words; they are written as in the text, and each line is a final."""
    text = "Please call five, five, five:\n\nzero one two THREE.\n"
    sound = Recording(Recording(DATA / "numbers.ogg").read(13.2)[0], 16000, id="call")
    found = force_align(sound, text)
    tables.check(found, tables.WORDS)
    assert found["word"].tolist() == text.split()
    assert found["final_index"].tolist() == [0] * 5 + [1] * 4
    assert found["word_index"].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3]
    assert set(found["recording"]) == {"call"}
    assert (found["start"] < found["end"]).all()
    assert (found["start"].to_numpy()[1:] >= found["end"].to_numpy()[:-1] - 1e-9).all()
    assert found["start"].equals(found["start"].round(3))


def test_a_long_recording_is_worked_through_in_pieces() -> None:
    """In five minutes with a silence longer than a window, no word is lost, doubled or misplaced."""
    silence = np.zeros(100 * 16000, np.float32)
    parts, said, at = [], [], 0.0
    for name, file in (
        ("monologue", "monologue.wav"),
        ("story", "story.mp3"),
        ("monologue", "monologue.wav"),
    ):
        sound = np.concatenate([samples(file), silence[: len(silence) if name == "story" else 16000]])
        said.append(
            truth(name).assign(start=lambda w, at=at: w["start"] + at, end=lambda w, at=at: w["end"] + at)
        )
        parts.append(sound)
        at += len(sound) / 16000
    words = pd.concat(said, ignore_index=True)
    recording = Recording(np.concatenate([*parts, silence]), 16000, id="long")
    off = errors(force_align(recording, " ".join(words["word"])), words)
    assert recording.duration > 300
    assert np.median(off) <= 0.012
    assert off.max() < 0.3


def test_words_that_the_dictionary_lacks_are_put_together() -> None:
    """By all rules: given, possessive, spelled, joined by hyphens, compound."""
    words = spoken_words("SpeechKit's well-known XML dog's church's kits kit")
    found = pronunciations(words, DICTIONARY.get, {"Kits": "K IH T S"})
    assert found == {
        "speechkit's": "S P IY CH K IH T S",
        "well-known": "W EH L N OW N",
        "xml": "EH K S EH M EH L",
        "dog's": "D AO G Z",
        "church's": "CH ER CH IH Z",
        "kits": "K IH T S",
    }


def test_a_given_pronunciation_is_what_is_looked_for() -> None:
    """For a word that is not in the dictionary, and in place of that in the dictionary."""
    said = truth("story")[:12]
    sound = Recording(samples("story.mp3")[: round(16000 * 3.6)], 16000)
    text = " ".join(said["word"]).replace("once", "Vuns").replace("upon", "often")
    found = force_align(sound, text, pronunciations={"vuns": "W AH N S", "often": "AH P AA N"})
    assert found["word"].tolist()[:2] == ["Vuns", "often"]
    assert errors(found, said)[:2].max() < 0.05


def test_unknown_words_are_all_named() -> None:
    """One error lists all of them, and describes what to do."""
    with pytest.raises(
        ConfigError, match=r"no pronunciation of 'qwrtz', '25', 'Привет!': write numbers in words, or"
    ):
        force_align(DATA / "story.mp3", "once qwrtz upon 25 Привет! 25")
    with pytest.raises(ConfigError, match="'w9' and 2 more: write"):
        pronunciations(spoken_words(" ".join(f"w{k}" for k in range(12))), DICTIONARY.get)
    with pytest.raises(ConfigError, match="pronunciation of 'once': there is no phone 'Q'; phones are AA AE"):
        force_align(DATA / "story.mp3", "once", pronunciations={"once": "W Q"})
    with pytest.raises(ConfigError, match="pronunciation of 'once': it has no phones"):
        force_align(DATA / "story.mp3", "once", pronunciations={"once": " "})


def test_other_languages_are_refused() -> None:
    """Other languages raise an error, because the acoustic model is English."""
    with pytest.raises(ConfigError, match="language='ru-RU': only English can be aligned"):
        force_align(DATA / "russian.wav", "сегодня утром", language="ru-RU")


@pytest.mark.parametrize("n_words", [60, 400])
def test_text_that_cannot_be_said_in_the_time(n_words: int) -> None:
    """Too many words raise an error that names the place."""
    where = "the text does not fit 'short', channel 0, between 0.0 and 3.0 s, where 'responsibility"
    with pytest.raises(ConfigError, match=f"{where}.*with {n_words} words to come"):
        force_align(Recording(samples("story.mp3")[:48000], 16000, id="short"), "responsibility " * n_words)


def test_speech_that_is_not_in_the_text_is_said() -> None:
    """If the text ends early, a warning names the times of the speech without words."""
    with pytest.warns(
        UserWarning,
        match=r"'story.mp3', channel 0: the text has no words for 1\d s of speech between 1.5 and 17.4 s",
    ):
        found = force_align(DATA / "story.mp3", "once upon a time")
    assert errors(found, truth("story")[:4]).max() < 0.05


def test_channels_and_texts_must_match() -> None:
    """A text for two channels, a channel that does not exist, a text without words."""
    with pytest.raises(
        ConfigError, match=r"'dialogue.wav' has 2 channels, and the text is for \[0\]; give a text for"
    ):
        force_align(DATA / "dialogue.wav", "good afternoon")
    with pytest.raises(ConfigError, match=r"'story.mp3' has 1 channel, and the text is for \[1\]"):
        force_align(DATA / "story.mp3", {1: "once"})
    with pytest.raises(ConfigError, match=r"'story.mp3' has 1 channel, and the text is for \['1'\]"):
        force_align(DATA / "story.mp3", {"1": "once"})
    with pytest.raises(ConfigError, match=r"text\[0\] must be a text, not 5"):
        force_align(DATA / "story.mp3", {0: 5})
    with pytest.raises(ConfigError, match=r"the text for 'story.mp3' holds no word"):
        force_align(DATA / "story.mp3", " — \n")


@pytest.mark.parametrize("channel", [0, np.int64(0), "0"])
def test_a_channel_is_a_number_or_a_tag(channel: object) -> None:
    """The text of a channel is found by its number, of any integer type, and by its tag."""
    sound = Recording(samples("story.mp3")[:16000], 16000, id="short")
    found = force_align(sound, {channel: "once"})
    assert (found["channel_tag"].tolist(), found["word"].tolist()) == (["0"], ["once"])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra to install."""
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(MissingExtra, match=r"force_align needs the package pocketsphinx"):
        force_align(DATA / "story.mp3", "once")


@pytest.mark.exhaustive
def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    """Eight minutes need at most 20 MB more than one minute; their samples would be 30 MB."""
    sound = samples("monologue.wav")
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 16000, 1, "PCM_16") as file:
        for _ in range(8):
            file.write(sound)
    text = " ".join(truth("monologue")["word"])
    program = (
        "import resource, sys; from speechkit_nb.evaluate.forced_alignment.aligner import force_align; "
        "found = force_align(sys.argv[1], sys.argv[2]); "
        "print(len(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for file, n in ((DATA / "monologue.wav", 1), (path, 8)):
        command = [sys.executable, "-c", program, str(file), " ".join([text] * n)]
        n_words, peak = map(
            int, subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
        )
        assert n_words == 164 * n
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 20_000
