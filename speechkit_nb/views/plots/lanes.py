"""Where things stand in a static timeline: a lane per channel, in it the waveform and a row per system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..scene.palette import GREY, lane_colour
from ..scene.scene import Scene
from ..scene.systems import SOUND_ONLY, Channel, System, spoken

SOUND, ROW, SINGLE = 0.70, 0.30, 0.60  # heights: of a waveform, of a row of words, of a waveform alone
LONGEST_LABEL = 32
MARGIN = 0.12  # above the rows of a lane without sound


class Row(NamedTuple):
    """The words of one system in one channel. `top` and `bottom` are y positions; y grows downwards."""

    system: System
    colour: str
    top: float
    bottom: float


@dataclass(frozen=True)
class Lane:
    """One channel of the picture."""

    channel: Channel
    colour: str
    top: float
    bottom: float
    rows: Sequence[Row]

    def at(self, share: float) -> float:
        """The y position `share` of the way down, 0 to 1."""
        return self.top + share * (self.bottom - self.top)

    @property
    def sound(self) -> tuple[float, float]:
        """Top and bottom of the waveform."""
        return self.top + 0.06, self.top + (0.62 if self.rows else SINGLE - 0.06)

    @property
    def labels(self) -> list[tuple[float, str, str, bool]]:
        """What is written at the left: y, text, colour, and whether it is the name of the channel."""
        name, heard = _short(self.channel.label), self.channel.channel is not None
        if len(self.rows) <= 1:
            y = sum(self.sound) / 2 if heard else self.at(0.5)
            return [(y, name, self.rows[0].colour if self.rows else self.colour, True)]
        labels = [(sum(self.sound) / 2, name, self.colour, True)] if heard else []
        for row in self.rows:
            text = _short(row.system.name) if heard else _short(f"{name}: {row.system.name}")
            labels.append(((row.top + row.bottom) / 2, text, row.colour, False))
        return labels


def lanes_of(scene: Scene, color: str) -> list[Lane]:
    """The lanes from top to bottom. By system or value the sound is grey, so that colours mean one thing."""
    said = spoken(scene.systems, scene.channels)
    lanes: list[Lane] = []
    for channel in scene.channels:
        number = sum(lane.channel.tag != SOUND_ONLY for lane in lanes)
        own = lane_colour(number) if color == "channel" and channel.tag != SOUND_ONLY else GREY
        top = lanes[-1].bottom if lanes else 0.0
        low = top + (MARGIN if channel.channel is None else SOUND)
        rows = []
        for k, system in enumerate(scene.systems if channel in said else []):
            y = low + k * ROW
            colour = lane_colour(k) if color == "system" else own
            rows.append(Row(system, colour, y - 0.01, y + 0.22))
        bottom = low + ROW * len(rows) if rows else top + SINGLE
        lanes.append(Lane(channel, own, top, bottom, rows))
    return lanes


def _short(label: str) -> str:
    """Such that room for the picture is left.

    >>> _short("channel 0"), _short("a" * 100)
    ('channel 0', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…')
    """
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"
