"""Layout of a static timeline: one lane per channel, with a waveform and one row of words per system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..scene.palette import GREY, lane_colour
from ..scene.scene import Scene
from ..scene.systems import SOUND_ONLY, Channel, System, select_word_channels

SOUND, ROW, SINGLE = 0.70, 0.30, 0.60  # heights: of a waveform, of a row of words, of a waveform alone
LONGEST_LABEL = 32
MARGIN = 0.12  # above the rows of a lane without sound


class Row(NamedTuple):
    """The words of one system in one channel. `top` and `bottom` are y positions; y grows downwards."""

    system: System
    colour: str
    top: float
    bottom: float


class Label(NamedTuple):
    """The name of a channel or system, left of the axes."""

    y: float
    text: str
    colour: str
    is_channel: bool


@dataclass(frozen=True)
class Lane:
    """One channel of the picture."""

    channel: Channel
    colour: str
    top: float
    bottom: float
    rows: Sequence[Row]

    @property
    def sound(self) -> tuple[float, float]:
        """Top and bottom of the waveform."""
        return self.top + 0.06, self.top + (0.62 if self.rows else SINGLE - 0.06)

    @property
    def labels(self) -> list[Label]:
        """The texts left of the lane."""
        name, has_sound = _shorten(self.channel.label), self.channel.channel is not None
        if len(self.rows) <= 1:
            y = sum(self.sound) / 2 if has_sound else (self.top + self.bottom) / 2
            return [Label(y, name, self.rows[0].colour if self.rows else self.colour, True)]
        labels = [Label(sum(self.sound) / 2, name, self.colour, True)] if has_sound else []
        for row in self.rows:
            text = _shorten(row.system.name) if has_sound else _shorten(f"{name}: {row.system.name}")
            labels.append(Label((row.top + row.bottom) / 2, text, row.colour, False))
        return labels


def layout_lanes(scene: Scene, color: str) -> list[Lane]:
    """The lanes from top to bottom.

    If colours mean systems or values, the waveform is grey, so that colours have one meaning.
    """
    with_words = select_word_channels(scene.systems, scene.channels)
    lanes: list[Lane] = []
    for channel in scene.channels:
        number = sum(lane.channel.tag != SOUND_ONLY for lane in lanes)
        lane_own = lane_colour(number) if color == "channel" and channel.tag != SOUND_ONLY else GREY
        top = lanes[-1].bottom if lanes else 0.0
        first = top + (MARGIN if channel.channel is None else SOUND)
        rows = []
        for k, system in enumerate(scene.systems if channel in with_words else []):
            y = first + k * ROW
            colour = lane_colour(k) if color == "system" else lane_own
            rows.append(Row(system, colour, y - 0.01, y + 0.22))
        bottom = first + ROW * len(rows) if rows else top + SINGLE
        lanes.append(Lane(channel, lane_own, top, bottom, rows))
    return lanes


def _shorten(label: str) -> str:
    """The label, cut so that there is room for the picture.

    >>> _shorten("channel 0"), _shorten("a" * 100)
    ('channel 0', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…')
    """
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"
