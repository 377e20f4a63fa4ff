"""What a timeline shows: a recording, the words of its systems, and all problems found in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from types import NoneType
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from ...audio import Recording, Samples
from ...errors import AudioError, PlotError, check_type, count_noun
from ...paths import remove_signature
from ...tables import Problem, count_noun_ru, translate_problems
from .audio_encoding import describe_sound
from .packing import VERSION, pack
from .palette import CIVIDIS
from .peaks import BIN, Peaks, read_peaks
from .systems import (
    SOUND_ONLY,
    Channel,
    System,
    TranscriptLike,
    find_value_range,
    list_channels,
    read_systems,
)


class WordColours(NamedTuple):
    """What the colours of words mean: the part `colour` of the spec.

    Attributes:
        by: "channel", "system" or "value".
        name: the numeric column, None unless by value.
        low, high: range of the values, None unless by value.
        stops: colours at equal distances from low to high, empty unless by value.
    """

    by: str
    name: str | None
    low: float | None
    high: float | None
    stops: list[str]


@dataclass(frozen=True)
class Scene:
    """A recording, or None, and systems on its time axis."""

    recording: Recording | None
    systems: Sequence[System]
    title: str | None = None

    def __post_init__(self) -> None:
        check_type("title", self.title, (str, NoneType), "a text or None", PlotError)
        # pages are passed on, and halves of surrogate pairs (bytes of odd file names) cannot be drawn
        title = remove_signature(self.title or "").encode("utf-8", "replace").decode()
        object.__setattr__(self, "title", title)

    @cached_property
    def channels(self) -> list[Channel]:
        """From top to bottom."""
        return list_channels(self.systems, self.recording)

    @cached_property
    def duration(self) -> float:
        """Seconds to the end of sound and words, whichever is later; 1 if there is neither."""
        ends = [frame["end"].max() for s in self.systems for frame in (s.words, s.finals) if len(frame)]
        ends += [s.words["start"].max() for s in self.systems if len(s.words)]
        return float(max([self.sound_seconds, *ends])) or 1.0

    @property
    def sound_seconds(self) -> float:
        return 0.0 if self.recording is None else self.recording.duration

    @cached_property
    def _peaks_or_error(self) -> tuple[Peaks | None, str]:
        try:
            return (None, "") if self.recording is None else (read_peaks(self.recording), "")
        except AudioError as error:
            return None, str(error)

    @property
    def peaks(self) -> Peaks | None:
        """The outline of the sound; None if there is no sound or it cannot be read."""
        return self._peaks_or_error[0]

    def read_envelope(self, n_bins: int, start: float, end: float) -> Samples:
        """As `Recording.envelope`, from the peaks if they are fine enough, or if the file is gone.

        Raises:
            AudioError: if the recording cannot be read.
        """
        recording = cast(Recording, self.recording)
        if end - start < 2 * BIN * n_bins:
            try:
                return recording.envelope(n_bins, start=start, end=end)
            except AudioError:
                if self.peaks is None:
                    raise
        if self.peaks is None:
            raise AudioError(self._peaks_or_error[1])
        return self.peaks.envelope(n_bins, start, end)

    def find_problems(self) -> list[Problem]:
        """All problems, one sentence each."""
        peaks, error = self._peaks_or_error
        problems = [Problem(error, f"звук не читается: {error}")] if error else []
        problems += [problem for system in self.systems for problem in system.problems]
        if peaks is not None:
            loudest = np.abs(peaks.pairs.astype(np.int16)).max(axis=(1, 2))
            silent = np.flatnonzero(loudest == 0)
            problems += [Problem(f"channel {c} is silent", f"в канале {c} тишина") for c in silent]
        if self.recording is not None:
            problems += [p for s in self.systems for p in _find_late_words(s, self.sound_seconds)]
            problems += _find_channels_without_sound(self.channels)
        return problems

    def choose_colours(self, color: str) -> WordColours:
        """The colours of the words.

        Raises:
            PlotError: if `color` is neither "channel" nor "system" nor a column of numbers.
        """
        check_type("color", color, str, "'channel', 'system' or the name of a column", PlotError)
        if color in ("channel", "system"):
            return WordColours(color, None, None, None, [])
        return WordColours("value", color, *find_value_range(self.systems, color), list(CIVIDIS))

    def pack(self, color: str, locale: str | None = None) -> tuple[dict[str, Any], bytes, list[pd.DataFrame]]:
        """Spec, columns and the words of each lane; see the module `packing`."""
        colours, peaks, problems = self.choose_colours(color), self.peaks, self.find_problems()
        packed = pack(self.systems, self.channels, colours.name)
        spec = {
            "version": VERSION,
            "title": self.title,
            "duration": self.duration,
            "bin_seconds": None if peaks is None else peaks.bin_seconds,
            "loudest": None if peaks is None else peaks.loudest,
            **packed.spec,
            "channels": [
                channel._asdict() | {"peaks": self._locate_peaks(channel)} for channel in self.channels
            ],
            "marks": None,
            "colour": colours._asdict(),
            "locale": locale,
            "sound": None if self.recording is None else describe_sound(self.recording),
            "problems": [str(problem) for problem in problems],
            "russian": translate_problems(problems),
        }
        return spec, packed.columns, packed.words

    def _locate_peaks(self, channel: Channel) -> list[int] | None:
        """Byte offset and number of bins of a channel."""
        if self.peaks is None or channel.channel is None:
            return None
        n_bins = self.peaks.pairs.shape[1]
        return [2 * n_bins * channel.channel, n_bins]


def make_scene(
    recording: Recording | str | PathLike[str] | None,
    systems: pd.DataFrame | TranscriptLike | Mapping[str, pd.DataFrame | TranscriptLike] | None,
    title: str | None = None,
) -> Scene:
    """The scene for the arguments of `TimelineView`.

    Raises:
        PlotError: if there is nothing to show, or an argument has another type.
        AudioError: if the recording cannot be read.
        SchemaError: if a frame lacks a column, or the column has another dtype.
    """
    sound = open_recording(recording)
    if sound is None and systems is None:
        raise PlotError("nothing to show: pass a recording, words, or both")
    prepared = [] if systems is None else read_systems(systems)
    return Scene(sound, prepared, sound.id if title is None and sound is not None else title)


def open_recording(given: Recording | str | PathLike[str] | None) -> Recording | None:
    """The recording, given itself or by its path.

    Raises:
        PlotError: if the argument has another type.
        AudioError: if the recording cannot be read.
    """
    if isinstance(given, (str, PathLike)):
        return Recording(given)
    check_type("recording", given, (Recording, NoneType), "a Recording, its path, or None", PlotError)
    return given


def _find_late_words(system: System, seconds: float) -> list[Problem]:
    n = int((system.words["end"] > seconds + 0.001).sum())
    if not n:
        return []
    words = f"{count_noun(n, 'word')} of {system.name!r} {'ends' if n == 1 else 'end'}"
    return [
        Problem(
            f"{words} after the recording, which lasts {seconds:.2f} s",
            f"в {system.name!r} {count_noun_ru(n)} кончается после записи, которая длится {seconds:.2f} с",
        )
    ]


def _find_channels_without_sound(channels: Sequence[Channel]) -> list[Problem]:
    """Channels with words that the recording does not have; with speaker labeling this is no problem."""
    if any(channel.tag == SOUND_ONLY for channel in channels):
        return []
    n_sounds = sum(channel.channel is not None for channel in channels)
    has = f"the recording has {count_noun(n_sounds, 'channel')}"
    has_ru = f"в записи {count_noun_ru(n_sounds, 'канал', 'канала', 'каналов')}"
    return [
        Problem(f"{c.label} has words and no sound: {has}", f"{c.label}: слова есть, а звука нет; {has_ru}")
        for c in channels
        if c.channel is None
    ]
