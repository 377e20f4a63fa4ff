"""Make the sample recordings and the exact times of their words.

This needs Debian's flite 2.2 and espeak-ng 1.51 (`apt-get install flite espeak-ng`). Run

    python data/make_data.py --out data
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr
from praatio import textgrid
from synthesizers import Espeak, Flite, Samples, Speech, Voice, Word


class Turn(NamedTuple):
    """The next text. It starts `gap` seconds after the end of all words so far; a negative gap is overlap."""

    gap: float
    text: str
    channel: int = 0


class Recipe(NamedTuple):
    """How to make one recording: its texts, a voice for each channel, and how to write the file."""

    name: str
    turns: list[Turn]
    voices: list[Voice]
    sample_rate: int
    options: dict[str, Any]  # of `soundfile.write`


LEAD, TAIL = 0.4, 0.6  # seconds of silence before the first word and after the last

MONOLOGUE = [
    Turn(LEAD, "Good morning, and welcome to this short talk about how people listen."),
    Turn(0.9, "When two friends talk, one of them stops, and the other answers after a fifth of a second."),
    Turn(0.7, "That is very fast, because it takes more than half a second to prepare a single word."),
    Turn(0.6, "So we begin to plan our answer while the other person is still speaking."),
    Turn(1.4, "In nineteen fifty three, a scientist asked people to listen to two voices at the same time."),
    Turn(0.5, "Most of them could follow only one voice."),
    Turn(0.8, "But about thirty percent of them still noticed their own name in the other voice."),
    Turn(1.2, "A computer has the same problem."),
    Turn(0.5, "It must decide where a word begins, where it ends, and who is speaking."),
    Turn(1.0, "An error of twenty five milliseconds is hard to hear."),
    Turn(0.6, "An error of two hundred and fifty milliseconds is easy to see."),
    Turn(1.5, "This is why we draw the words on a line of time, and then listen again."),
    Turn(0.8, "Thank you for your attention."),
]

DIALOGUE = [
    Turn(LEAD, "Good afternoon, this is the ticket office. Can I help you?", 0),
    Turn(0.7, "Hello, I would like to go to Boston on Friday morning.", 1),
    Turn(0.9, "The first train leaves at half past seven, and the second one at nine forty.", 0),
    Turn(0.5, "How long does it take?", 1),
    Turn(0.6, "The first train takes three hours and twenty minutes, and the second one is", 0),
    Turn(-0.9, "I am sorry, which of them is cheaper?", 1),
    Turn(0.8, "The first train. It costs forty five dollars.", 0),
    Turn(0.6, "I want to pay for two people, for me and for my sister.", 1),
    Turn(0.7, "Two people, that makes ninety dollars. Would you like to sit by the window?", 0),
    Turn(-0.4, "Yes, please, if there is one.", 1),
    Turn(1.3, "You are lucky, there are two seats in car number six.", 0),
    Turn(0.5, "Thank you very much for your help.", 1),
    Turn(-0.5, "You are welcome. Have a good trip.", 0),
]

NUMBERS = [
    Turn(LEAD, "The meeting is on the twenty first of March, at half past ten."),
    Turn(0.7, "Room four hundred and twelve has only thirty five seats."),
    Turn(0.8, "Last year one thousand two hundred people came."),
    Turn(0.6, "Please call five five five, zero one two three."),
]

STORY = [
    Turn(LEAD, "Once upon a time there was an old man who lived near the sea."),
    Turn(0.8, "Every morning he walked down to the water and waited for a letter from his son."),
    Turn(0.9, "One day a small boat came, and a young woman gave him a box."),
    Turn(0.7, "There was no letter in the box, but a map, and he began to smile."),
]

RUSSIAN = [
    Turn(LEAD, "Сегодня утром было очень холодно."),
    Turn(0.7, "Поезд отправляется через двадцать пять минут."),
    Turn(0.8, "Возьмите билет, паспорт и тёплую куртку."),
]

PCM: dict[str, Any] = {"subtype": "PCM_16"}
OPUS: dict[str, Any] = {"format": "OGG", "subtype": "OPUS", "compression_level": 0.9}
MP3: dict[str, Any] = {"subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": 0.7}


def list_recipes() -> list[Recipe]:
    rms, slt = Flite("rms"), Flite("slt")
    return [
        Recipe("monologue.wav", MONOLOGUE, [slt], 16_000, PCM),
        Recipe("dialogue.wav", DIALOGUE, [rms, Flite("awb")], 8_000, PCM),
        Recipe("numbers.ogg", NUMBERS, [rms], 16_000, OPUS),
        Recipe("story.mp3", STORY, [slt], 16_000, MP3),
        Recipe("russian.wav", RUSSIAN, [Espeak("ru")], 16_000, PCM),
    ]


Row = tuple[float, float, int, str]  # start, end, channel, word


class PlacedSpeech(NamedTuple):
    """Speech on its channel, `first` samples after the start of the recording."""

    speech: Speech
    channel: int
    first: int

    def words(self) -> list[Word]:
        shift = self.first / self.speech.sample_rate
        return [Word(w.word, w.start + shift, w.end + shift) for w in self.speech.words]


def speak(turn: Turn, voice: Voice) -> Speech:
    """Synthesize the text.

    Raises:
        ValueError: if the synthesizer speaks other words than the text has.
    """
    speech = voice.synthesize(turn.text)
    spoken, written = [w.word for w in speech.words], re.findall(r"\w+", turn.text.lower())
    if spoken != written:
        raise ValueError(f"the text has the words {written}, the synthesizer spoke {spoken}; change the text")
    return speech


def place(turns: list[Turn], voices: list[Voice]) -> Iterator[PlacedSpeech]:
    """Synthesize the turns; the first word of each starts `gap` seconds after the end of all words so far."""
    end = 0.0
    for turn in turns:
        speech = speak(turn, voices[turn.channel])
        first = round((end + turn.gap - speech.words[0].start) * speech.sample_rate)
        placed = PlacedSpeech(speech, turn.channel, first)
        end = max(end, placed.words()[-1].end)
        yield placed


def mix(speeches: list[PlacedSpeech], n_channels: int, duration: float) -> Samples:
    """Add the speeches to their channels and scale each peak to one half; shape (n_samples, n_channels)."""
    samples = np.zeros((round(duration * speeches[0].speech.sample_rate), n_channels), np.float32)
    for speech, channel, first in speeches:
        samples[first : first + len(speech.samples), channel] += speech.samples[: len(samples) - first]
    peaks: Samples = np.abs(samples).max(axis=0)
    return samples / (2 * peaks)


def make_recording(recipe: Recipe, folder: Path) -> list[Path]:
    """Write the recording, its words as CSV and as TextGrid; return the three paths."""
    speeches = list(place(recipe.turns, recipe.voices))
    words = [(placed.channel, word) for placed in speeches for word in placed.words()]
    rows = sorted((round(w.start, 3), round(w.end, 3), channel, w.word) for channel, w in words)
    samples = mix(speeches, len(recipe.voices), max(w.end for _, w in words) + TAIL)
    samples = soxr.resample(samples, speeches[0].speech.sample_rate, recipe.sample_rate)
    path = folder / recipe.name
    soundfile.write(path, np.round(samples * 2**15).astype(np.int16), recipe.sample_rate, **recipe.options)
    if recipe.options is OPUS:
        path.write_bytes(set_serial_number(path.read_bytes(), 1))
    return [path, write_csv(path, rows), write_textgrid(path, rows, len(recipe.voices))]


def write_csv(recording: Path, rows: list[Row]) -> Path:
    path = recording.with_suffix(".words.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["word", "start", "end", "channel"])
        out.writerows([word, f"{start:.3f}", f"{end:.3f}", channel] for start, end, channel, word in rows)
    return path


def write_textgrid(recording: Path, rows: list[Row], n_channels: int) -> Path:
    path, duration = recording.with_suffix(".TextGrid"), soundfile.info(recording).duration
    grid = textgrid.Textgrid(0, duration)
    for channel in range(n_channels):
        entries = [(start, end, word) for start, end, of_channel, word in rows if of_channel == channel]
        grid.addTier(textgrid.IntervalTier(f"words-{channel}", entries, 0, duration))
    grid.save(str(path), format="long_textgrid", includeBlankSpaces=True)
    return path


def set_serial_number(ogg: bytes, serial_number: int) -> bytes:
    """The Ogg stream with this serial number on its pages. The encoder chooses a random one."""
    pages = [bytearray(page) for page in split_ogg_pages(ogg)]
    for page in pages:
        page[14:18] = serial_number.to_bytes(4, "little")
        page[22:26] = bytes(4)  # the checksum is computed with zeros in its place
        page[22:26] = compute_ogg_checksum(page).to_bytes(4, "little")
    return b"".join(pages)


def split_ogg_pages(ogg: bytes) -> Iterator[bytes]:
    """The pages of an Ogg stream: 27 bytes, a table of lengths, data. Byte 26 is the length of the table."""
    while ogg:
        data = 27 + ogg[26]
        end = data + sum(ogg[27:data])
        yield ogg[:end]
        ogg = ogg[end:]


def compute_ogg_checksum(page: bytes | bytearray) -> int:
    """CRC-32 of an Ogg page: polynomial 0x04C11DB7, highest bit first, initial value zero (RFC 3533)."""
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = crc << 1 ^ (0x104C11DB7 if crc & 0x80000000 else 0)
    return crc


def write_checksums(folder: Path, paths: list[Path]) -> None:
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(paths)]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the sample recordings and their exact word times.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write into")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    write_checksums(folder, [path for recipe in list_recipes() for path in make_recording(recipe, folder)])


if __name__ == "__main__":
    main()
