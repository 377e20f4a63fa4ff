"""EAF of ELAN: tiers of annotations, with times of their own or those of their parents."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from .base import FileContent, Omission, UnreadableFile, read_text, shorten
from .tiers import Interval, Tier, read_tiers


def read_eaf(path: Path, tiers: Sequence[str] | None = None) -> FileContent:
    """Read the tiers of an EAF. Times in milliseconds become seconds.

    Annotations that divide another one without times of their own have the start and end of that one, and
    stand in their order.
    """
    root = _parse(read_text(path))
    if root.tag != "ANNOTATION_DOCUMENT":
        raise UnreadableFile(f"it is not an EAF file (it is XML with the root {root.tag})")
    header = root.find("HEADER")
    units = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    if units != "milliseconds":
        raise UnreadableFile(f"its times are in {units}; save it in ELAN with times in milliseconds")
    times = _find_times(root)
    return read_tiers([_read_tier(tier, times) for tier in root.iter("TIER")], tiers)


def _parse(text: str) -> ElementTree.Element:
    if re.search(r"<!(?:DOCTYPE|ENTITY)", text):  # entities can make a small file endless
        raise UnreadableFile("it is not an EAF file (it is XML with a DOCTYPE, which ELAN does not write)")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise UnreadableFile(f"it is not an EAF file ({error})") from None


def _find_times(root: ElementTree.Element) -> dict[str, tuple[float, float]]:
    """Start and end in seconds of all annotations, by id; NaN where unknown."""
    slots = {slot.get("TIME_SLOT_ID", ""): _parse_milliseconds(slot) for slot in root.iter("TIME_SLOT")}
    times = dict[str, tuple[float, float]]()
    for tier in root.iter("TIER"):
        spans = {
            note.get("ANNOTATION_ID", ""): (note.get("TIME_SLOT_REF1", ""), note.get("TIME_SLOT_REF2", ""))
            for note in tier.iter("ALIGNABLE_ANNOTATION")
        }
        # neighbours share a slot, which has no time of its own where one annotation is divided
        starts = _follow({end: start for start, end in spans.values()}, slots)
        ends = _follow(dict(spans.values()), slots)
        times |= {id: (starts(start), ends(end)) for id, (start, end) in spans.items()}
    parents = {
        note.get("ANNOTATION_ID", ""): note.get("ANNOTATION_REF", "") for note in root.iter("REF_ANNOTATION")
    }
    starts = _follow(parents, {id: start for id, (start, _) in times.items()})
    ends = _follow(parents, {id: end for id, (_, end) in times.items()})
    return times | {id: (starts(id), ends(id)) for id in parents}


def _parse_milliseconds(slot: ElementTree.Element) -> float:
    value = slot.get("TIME_VALUE", "nan")
    if value != "nan" and not re.fullmatch("-?[0-9]{1,15}", value):
        id = slot.get("TIME_SLOT_ID")
        raise UnreadableFile(f"its time slot {id!r} has {shorten(value)} where milliseconds belong")
    return float(value) / 1000


def _follow(links: Mapping[str, str], known: dict[str, float]) -> Callable[[str], float]:
    """A function that returns the first known value on the way from a name; NaN if none is known."""

    def find(name: str) -> float:
        way = list[str]()
        while math.isnan(known.get(name, math.nan)) and name in links and len(way) <= len(links):
            way.append(name)
            name = links[name]
        value = known.get(name, math.nan)
        found.update(dict.fromkeys(way, value))
        return value

    found = dict[str, float]()
    return lambda name: found[name] if name in found else find(name)


def _read_tier(tier: ElementTree.Element, times: Mapping[str, tuple[float, float]]) -> Tier:
    name = tier.get("TIER_ID", "")
    notes = {note.get("ANNOTATION_ID", ""): note for holder in tier.iter("ANNOTATION") for note in holder}
    intervals, left_out = list[Interval](), list[Omission]()
    for id in _sort_by_previous(notes):
        text = notes[id].findtext("ANNOTATION_VALUE") or ""
        intervals.append(Interval(*times.get(id, (math.nan, math.nan)), text))
        if text.strip() and math.isnan(sum(intervals[-1][:2])):
            left_out.append(Omission(f"tier {name!r}, annotation {id}", "its times are missing", text))
    return Tier(name, intervals, tier.get("LINGUISTIC_TYPE_REF", ""), left_out=tuple(left_out))


def _sort_by_previous(notes: Mapping[str, ElementTree.Element]) -> list[str]:
    """Ids of annotations in the order of the file, but each after the one that it names as its previous."""
    following = {note.get("PREVIOUS_ANNOTATION", ""): id for id, note in notes.items()}
    order = dict[str, None]()
    for id, note in notes.items():
        if note.get("PREVIOUS_ANNOTATION", "") not in notes:
            while id not in order and id in notes:
                order[id] = None
                id = following.get(id, "")
    return list(order | dict.fromkeys(notes))
