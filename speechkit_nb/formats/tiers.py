"""What formats of intervals have in common: which tiers have words, and a frame of their intervals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from .base import FileContent, Omission, UnreadableFile, list_names, split_words

_WORDS = r"words?|слов[оа]"
_NAME = re.compile(rf"(?:{_WORDS})(?:[\s_-]*\d+)?", re.IGNORECASE)
_NAME_OF_SPEAKER = re.compile(
    rf".+[\W_](?:{_WORDS})(?:[\s_-]*\d+)?"  # Ann - words, as the Montreal Forced Aligner writes it
    rf"|(?:{_WORDS})@.+"  # words@Ann, as users of ELAN write it
    r"|(?:.*_)?word-txt(?:-.+)?",  # A_word-txt-en, as FLEx writes it
    re.IGNORECASE,
)
_PHONES = re.compile(r"(?:.+[\W_])?(?:phones?|phonemes?)(?:[\s_-]*\d+)?", re.IGNORECASE)


class Interval(NamedTuple):
    """Start and end in seconds (NaN where unknown), and text."""

    start: float
    end: float
    text: str


class Tier(NamedTuple):
    """One tier of a file.

    Attributes:
        name: the name; several tiers can have the same.
        intervals: its intervals, also the empty ones.
        type: name of its type; "" if the format has no types.
        is_points: whether it has points in place of intervals.
        left_out: what is in the tier and not in `intervals`.
    """

    name: str
    intervals: Sequence[Interval]
    type: str = ""
    is_points: bool = False
    left_out: Sequence[Omission] = ()


def read_tiers(tiers: Sequence[Tier], names: Sequence[str] | None) -> FileContent:
    """The words or texts of the tiers with these names, or else of the tiers of words.

    Raises:
        UnreadableFile: if there is no such tier, or it is not clear which tier is meant.
    """
    chosen = _find_named(tiers, names) if names is not None else _find_tiers_of_words(tiers)
    omissions = [
        Omission(f"tier {tier.name!r}", "its points" if tier.is_points else "not a tier of words; see tiers=")
        for tier in tiers
        if names is None and not any(tier is other for other in chosen) and _may_have_words(tier)
    ]
    return make_content(chosen, omissions)


def _find_named(tiers: Sequence[Tier], names: Sequence[str]) -> list[Tier]:
    for name in names:
        found = [tier for tier in tiers if tier.name == name]
        if not found:
            raise UnreadableFile(
                f"it has no tier {name!r}; there are {list_names([tier.name for tier in tiers])}"
            )
        if any(tier.is_points for tier in found):
            raise UnreadableFile(f"its tier {name!r} has points, not intervals; {_ADVICE}")
    return [tier for name in dict.fromkeys(names) for tier in tiers if tier.name == name]


def _find_tiers_of_words(tiers: Sequence[Tier]) -> list[Tier]:
    """Tiers called words, or else words of a speaker, or else those of the type words, or the only one."""
    usable = [tier for tier in tiers if not tier.is_points]
    filled = [tier for tier in usable if any(text for *_, text in tier.intervals)]
    for chosen in (
        [tier for tier in usable if _NAME.fullmatch(tier.name)],
        [tier for tier in usable if _NAME_OF_SPEAKER.fullmatch(tier.name)],
        [tier for tier in usable if _is_name(tier.type)],
        filled if len(filled) == 1 else [],
    ):
        if chosen:
            return chosen
    named = [tier.name for tier in tiers if tier.is_points and _is_name(tier.name)]
    if named:
        raise UnreadableFile(f"its tier {named[0]!r} has points, not intervals; {_ADVICE}")
    if not usable:
        raise UnreadableFile("it has no tier of intervals")
    there = list_names([tier.name for tier in usable])
    raise UnreadableFile(f"no tier is called 'words'; there are {there}: choose with tiers=")


_ADVICE = "make it a tier of intervals, because a point has no end"


def _is_name(name: str) -> bool:
    return bool(_NAME.fullmatch(name) or _NAME_OF_SPEAKER.fullmatch(name))


def _may_have_words(tier: Tier) -> bool:
    return not _PHONES.fullmatch(tier.name) and any(text for *_, text in tier.intervals)


def make_content(tiers: Sequence[Tier], left_out: Sequence[Omission] = ()) -> FileContent:
    """A frame of words, or of texts with their times.

    The frame has words if all tiers are called words, or if every interval is one word. The channel tags
    are the numbers at the end of the names of the tiers, or their positions unless all have a number.
    """
    numbers = [re.search(r"[0-9]+$", tier.name) for tier in tiers]
    tags = [number[0] for number in numbers if number]
    if len(set(tags)) < len(tiers):
        tags = [str(position) for position in range(len(tiers))]
    rows = [
        (tag, start, end, words)
        for tag, tier in zip(tags, tiers, strict=True)
        for start, end, text in tier.intervals
        if (words := split_words(text))
    ]
    if all(_is_name(tier.name) or _is_name(tier.type) for tier in tiers) or all(
        len(words) == 1 for *_, words in rows
    ):
        column, records = "word", [(*times, word) for *times, words in rows for word in words]
    else:
        column, records = "text", [(*times, " ".join(words)) for *times, words in rows]
    frame = pd.DataFrame(records, columns=["channel_tag", "start", "end", column])
    frame = frame.astype({"channel_tag": "str", "start": "float64", "end": "float64", column: "str"})
    frame = frame if len(tiers) > 1 else frame.drop(columns="channel_tag")
    return FileContent(frame, left_out=(*(part for tier in tiers for part in tier.left_out), *left_out))
