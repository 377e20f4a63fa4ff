"""Named frames of words on one time axis, made ready to be drawn, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from ... import tables
from ...audio import Recording
from ...errors import PlotError, SchemaError, count_noun
from .messages import Problem, count_noun_ru

UNNAMED = "words"
SOUND_ONLY = "audio"  # tag of the sound of several speakers
OVERLAP = 0.001  # s; less is rounding
LATEST = 2_000_000.0  # s, 23 days: later times are no times of a recording, and do not fit into int32 ms


@dataclass(frozen=True)
class System:
    """One named frame, and what is known beside it.

    Attributes:
        words: the words that can be drawn, by start: the frame's columns, with `channel_tag` and
            `final_index` (-1: not known) added where it has none; index as in the frame.
        finals: bounds and texts of utterances by (channel_tag, final_index); may be empty.
        eou: `channel_tag` and `time` of each end of utterance; may be empty.
        untimed: how many words were left out for want of times.
        problems: what is wrong, in words.
    """

    name: str
    words: pd.DataFrame
    finals: pd.DataFrame
    eou: pd.DataFrame
    untimed: int = 0
    problems: Sequence[str] = field(default=())

    @property
    def tags(self) -> set[str]:
        """Tags of the channels with words or utterances."""
        return {str(tag) for frame in (self.words, self.finals) for tag in frame["channel_tag"].unique()}


class Channel(NamedTuple):
    """One channel of the picture: of sound, of words, or of both.

    Attributes:
        tag: whose words.
        label: as it is written.
        channel: number in the recording; None: it has no sound.
    """

    tag: str
    label: str
    channel: int | None


def systems_of(given: Any, finals: pd.DataFrame | None = None) -> list[System]:
    """The systems in a frame, in a transcript (its finals and ends of utterances come along), or in a
    mapping of names to these.

    Raises:
        PlotError: it is something else, or a frame has words of several recordings.
        SchemaError: a frame lacks a column, or has it in a dtype that cannot be drawn.
    """
    if not isinstance(given, Mapping):
        return [_system(UNNAMED, given, finals)]
    if finals is not None:
        raise PlotError(
            "finals= belongs to a single frame; with several systems pass transcripts, which bring theirs"
        )
    return [_system(str(name), source) for name, source in given.items()]


def _system(name: str, source: Any, finals: pd.DataFrame | None = None) -> System:
    eou = pd.DataFrame({"channel_tag": pd.Series(dtype="str"), "time": pd.Series(dtype="float64")})
    if isinstance(source, pd.DataFrame):
        frame = source
    elif hasattr(source, "words") and hasattr(source, "finals"):  # a Transcript, which may not be imported
        frame, finals, eou = source.words, source.finals, _ends(source.events)
    else:
        raise PlotError(
            f"{name!r} is {_kind(source)}; a system is a frame of words or a transcript, several are "
            '{"name": frame, ...}'
        )
    words = _with_defaults(name, frame)
    spans = _spans(finals)
    _check_one_recording(words, spans)
    words = words[words["alternative"] == 0]
    known = _possible(words)
    untimed = int((~known).sum())
    empty = words.empty
    words = words[known].sort_values("start", kind="stable")
    return System(name, words, spans, eou, untimed, _problems(name, words, empty, untimed))


def _problems(name: str, words: pd.DataFrame, empty: bool, untimed: int) -> list[Problem]:
    problems = []
    if empty:
        problems.append(Problem(f"there are no words in {name!r}", f"в {name!r} нет слов"))
    if untimed:
        left_out = f"{count_noun(untimed, 'word')} without times left out of {name!r}"
        problems.append(Problem(left_out, f"не показано из {name!r}: {count_noun_ru(untimed)} без времени"))
    for n, english, russian in _oddities(words):
        if n:
            said = f"{count_noun(n, 'word')} of {name!r} {english}"
            problems.append(Problem(said, f"в {name!r} {count_noun_ru(n)} {russian}"))
    return problems


def _oddities(words: pd.DataFrame) -> list[tuple[int, str, str]]:
    """How many of the words, by start, have odd times, and which, in both languages."""
    lasts = words["end"] - words["start"]
    tags = words["channel_tag"]
    latest = words["end"].groupby(tags).cummax().groupby(tags).shift()
    return [
        (int((lasts < 0).sum()), "with an end before the start", "с концом раньше начала"),
        (int((lasts == 0).sum()), "that last no time", "без длительности"),
        (
            int((words["start"] < latest - OVERLAP).sum()),
            "that begin before an earlier one ends",
            "с началом раньше конца предыдущего",
        ),
    ]


def _with_defaults(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with all columns that drawing goes by; a column that only some frames have is made up."""
    for column in ("word", "start", "end"):
        if column not in frame:
            there = ", ".join(map(str, frame)) or "none"
            raise SchemaError(f"{name}: column {column!r} is missing; there are {there}")
    for column in ("start", "end"):
        if len(frame) and (not is_numeric_dtype(frame[column]) or is_bool_dtype(frame[column])):
            raise SchemaError(f"{name}: column {column!r} is {frame[column].dtype}, not seconds as float64")
    made_up = {"recording": "", "channel_tag": frame.get("channel", "0"), "final_index": -1, "alternative": 0}
    frame = frame.assign(**{column: value for column, value in made_up.items() if column not in frame})
    texts = {c: _text(frame[c]) for c in ("word", "channel_tag") if frame[c].dtype != "str"}
    return frame.assign(**texts).astype({"start": "float64", "end": "float64", "final_index": "int64"})


def _text(values: pd.Series) -> pd.Series:
    """As `str`; half of a surrogate pair, which no encoding has, becomes a question mark."""
    try:
        return values.astype("str")
    except UnicodeEncodeError:
        return values.map(lambda text: str(text).encode("utf-8", "replace").decode()).astype("str")


def _possible(frame: pd.DataFrame) -> pd.Series:
    """Which rows have both times, and such as a recording may have."""
    return frame["start"].between(0, LATEST) & frame["end"].abs().le(LATEST)


def _spans(finals: pd.DataFrame | None) -> pd.DataFrame:
    """The utterances that have bounds."""
    if finals is None:
        return tables.empty(tables.FINALS)
    needed = ("recording", "channel_tag", "final_index", "alternative", "start", "end")
    tables.check(finals, {column: tables.FINALS[column] for column in needed}, "finals")
    finals = finals[finals["alternative"] == 0]
    return finals[_possible(finals)]


def _ends(events: pd.DataFrame) -> pd.DataFrame:
    ends = events.loc[events["event"] == "eou_update", ["channel_tag", "eou_time"]]
    ends = ends.rename(columns={"eou_time": "time"}).dropna(subset="time").drop_duplicates()
    return ends[ends["time"].between(0, LATEST)].reset_index(drop=True)


def _check_one_recording(*frames: pd.DataFrame) -> None:
    ids = sorted({str(id_) for frame in frames for id_ in frame["recording"].unique()})
    if len(ids) > 1:
        named = ", ".join(map(repr, ids[:5])) + (", ..." if len(ids) > 5 else "")
        raise PlotError(
            f"a timeline shows one recording and the frame has {len(ids)} ({named}); "
            f'choose one: words[words["recording"] == {ids[0]!r}]'
        )


# --- channels


def channels_of(systems: Sequence[System], recording: Recording | None) -> list[Channel]:
    """The channels from top to bottom.

    With speaker labeling one sound has several speakers: then the sound comes first, on its own.
    """
    tags = set().union(*(system.tags for system in systems))
    numbers = {str(c): c for c in range(recording.n_channels)} if recording is not None else {}
    if len(numbers) == 1 and tags - numbers.keys():
        return [
            Channel(SOUND_ONLY, SOUND_ONLY, 0),
            *(Channel(t, _label("speaker", t), None) for t in in_order(tags)),
        ]
    return [Channel(t, _label("channel", t), numbers.get(t)) for t in in_order(tags | numbers.keys())]


def spoken(systems: Sequence[System], channels: Sequence[Channel]) -> list[Channel]:
    """The channels that get a row of words a system: all in which someone might speak, if anyone does."""
    if not any(system.tags for system in systems):
        return []
    return [channel for channel in channels if channel.tag != SOUND_ONLY]


def in_order(tags: set[str]) -> list[str]:
    """Channel tags as people count them: `"2"` before `"10"`, names last."""
    return sorted(tags, key=lambda tag: (not tag.isdecimal(), int(tag) if tag.isdecimal() else 0, tag))


def _label(kind: str, tag: str) -> str:
    return f"{kind} {tag}" if tag.isdecimal() else tag


# --- colours


def value_range(systems: Sequence[System], column: str) -> tuple[float, float]:
    """Lowest and highest value of a numeric column over all systems that have it.

    Raises:
        PlotError: no system has a numeric column of that name with a value in it.
    """
    values = [numbers for system in systems if (numbers := values_of(system, column)) is not None]
    known = np.concatenate([v[np.isfinite(v)] for v in values]) if values else np.empty(0)
    if not known.size:
        columns = {str(c): None for s in systems for c in s.words if is_numeric_dtype(s.words[c])}
        there = ", ".join(map(repr, ["channel", "system", *columns]))
        lack = "no numbers in it" if values else "no numeric column of that name"
        raise PlotError(f"color={column!r}: {lack}; there are {there}")
    return float(known.min()), float(known.max())


def values_of(system: System, column: str) -> np.ndarray | None:
    """The numbers of a column as float64, NaN where they are missing; None if there is no such column."""
    if column not in system.words or not is_numeric_dtype(system.words[column]):
        return None
    return system.words[column].to_numpy("float64", na_value=np.nan)


def _kind(thing: Any) -> str:
    return "None" if thing is None else f"of type {type(thing).__name__}"
