"""What a timeline shows: a recording, the systems that heard it, and all that is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any, cast

import numpy as np
import pandas as pd

from ...audio import Recording, Samples
from ...errors import AudioError, PlotError, count_noun
from . import audio_encoding as sound
from .messages import Problem, count_noun_ru, translate_problems
from .packing import VERSION, pack
from .palette import CIVIDIS
from .peaks import BIN, Peaks, peaks_of
from .systems import SOUND_ONLY, Channel, System, channels_of, systems_of, value_range


@dataclass(frozen=True)
class Scene:
    """A recording, or None, and systems on its time axis."""

    recording: Recording | None
    systems: Sequence[System]
    title: str = ""

    @cached_property
    def channels(self) -> list[Channel]:
        """From top to bottom."""
        return channels_of(self.systems, self.recording)

    @cached_property
    def duration(self) -> float:
        """s; the end of sound and words, whichever is later; 1 where there is neither."""
        ends = [frame["end"].max() for s in self.systems for frame in (s.words, s.finals) if len(frame)]
        ends += [s.words["start"].max() for s in self.systems if len(s.words)]
        return float(max([self.sound_seconds, *ends])) or 1.0

    @property
    def sound_seconds(self) -> float:
        return 0.0 if self.recording is None else self.recording.duration

    @cached_property
    def _measured(self) -> tuple[Peaks | None, str]:
        """The outline of the sound, or why there is none."""
        try:
            return (None, "") if self.recording is None else (peaks_of(self.recording), "")
        except AudioError as error:
            return None, str(error)

    @property
    def outline(self) -> Peaks | None:
        """The outline of the sound; None if there is none or it cannot be read."""
        return self._measured[0]

    def envelope(self, n_bins: int, start: float, end: float) -> Samples:
        """As of `Recording.envelope`, from the outline where that is fine enough, or where all else is gone.

        Raises:
            AudioError: the recording cannot be read.
        """
        recording = cast(Recording, self.recording)
        if end - start < 2 * BIN * n_bins:
            try:
                return recording.envelope(n_bins, start=start, end=end)
            except AudioError:
                if self.outline is None:
                    raise
        if self.outline is None:
            raise AudioError(self._measured[1])
        return self.outline.envelope(n_bins, start, end)

    def problems(self) -> list[str]:
        """All that is wrong, a sentence each."""
        problems = [problem for system in self.systems for problem in system.problems]
        if self._measured[1]:
            problems.insert(0, Problem(self._measured[1], f"звук не читается: {self._measured[1]}"))
        if self.outline is not None:
            loudest = np.abs(self.outline.pairs.astype(np.int16)).max(axis=(1, 2))
            silent = np.flatnonzero(loudest == 0)
            problems += [Problem(f"channel {c} is silent", f"в канале {c} тишина") for c in silent]
        if self.recording is not None:
            problems += [p for s in self.systems for p in _after_the_end(s, self.sound_seconds)]
            problems += _without_sound(self.channels)
        return problems

    def colour(self, color: str) -> dict[str, Any]:
        """The part `colour` of the spec.

        Raises:
            PlotError: `color` is neither "channel" nor "system" nor a column of numbers.
        """
        if color in ("channel", "system"):
            return {"by": color, "name": None, "low": None, "high": None, "stops": []}
        low, high = value_range(self.systems, color)
        return {"by": "value", "name": color, "low": low, "high": high, "stops": list(CIVIDIS)}

    def packed(
        self, color: str, locale: str | None = None
    ) -> tuple[dict[str, Any], bytes, list[pd.DataFrame]]:
        """Spec, columns and the words of each lane; see `columns`."""
        colour, outline, problems = self.colour(color), self.outline, self.problems()
        packed = pack(self.systems, self.channels, colour["name"])
        spec = {
            "version": VERSION,
            "title": self.title,
            "duration": self.duration,
            "bin_seconds": None if outline is None else outline.bin_seconds,
            "loudest": None if outline is None else outline.loudest,
            **packed.spec,
            "channels": [channel._asdict() | {"peaks": self._peaks_at(channel)} for channel in self.channels],
            "marks": None,
            "colour": colour,
            "locale": locale,
            "sound": None if self.recording is None else sound.facts(self.recording),
            "problems": [str(problem) for problem in problems],
            "russian": translate_problems(problems),
        }
        return spec, packed.columns, packed.rows

    def _peaks_at(self, channel: Channel) -> list[int] | None:
        if self.outline is None or channel.channel is None:
            return None
        n_bins = self.outline.pairs.shape[1]
        return [2 * n_bins * channel.channel, n_bins]


def scene_of(recording: Any, systems: Any, title: str | None = None) -> Scene:
    """The scene of what a user passes: a Recording, its path or None; whatever `systems_of` takes, or None.

    Raises:
        PlotError: it is something else, or nothing.
        AudioError: the recording cannot be read.
        SchemaError: a frame lacks a column, or has it in another dtype.
    """
    if isinstance(recording, (str, PathLike)):
        recording = Recording(recording)
    if not isinstance(recording, (Recording, type(None))):
        raise PlotError(
            f"the recording is of type {type(recording).__name__}; pass a Recording, the path of one, or None"
        )
    if recording is None and systems is None:
        raise PlotError("nothing to show: pass a recording, words, or both")
    ready = [] if systems is None else systems_of(systems)
    return Scene(recording, ready, title if title is not None else recording.id if recording else "")


def _after_the_end(system: System, seconds: float) -> list[Problem]:
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


def _without_sound(channels: Sequence[Channel]) -> list[Problem]:
    """Channels of the words that the recording has not; with speaker labeling that is as it should be."""
    if any(channel.tag == SOUND_ONLY for channel in channels):
        return []
    there = sum(channel.channel is not None for channel in channels)
    has = f"the recording has {count_noun(there, 'channel')}"
    has_ru = f"в записи {count_noun_ru(there, 'канал', 'канала', 'каналов')}"
    return [
        Problem(f"{c.label} has words and no sound: {has}", f"{c.label}: слова есть, а звука нет; {has_ru}")
        for c in channels
        if c.channel is None
    ]
