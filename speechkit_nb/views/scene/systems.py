"""Named frames of words on one time axis, prepared for drawing, and the problems in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

from ...audio import Recording
from ...errors import PlotError, SchemaError, count_noun, few
from ...tables import FINALS, HasWords, Problem, check, check_columns, count_noun_ru, empty, read_word_frame

UNNAMED = "words"
SOUND_ONLY = "audio"  # tag of the sound of several speakers
OVERLAP = 0.001  # s; less is rounding
LATEST = 2_000_000.0  # s, 23 days; later times do not fit into int32 ms


@runtime_checkable
class TranscriptLike(HasWords, Protocol):
    """The frames of a `Transcript` that a timeline reads. The class itself imports this package."""

    @property
    def finals(self) -> pd.DataFrame: ...
    @property
    def events(self) -> pd.DataFrame: ...


@dataclass(frozen=True)
class System:
    """The words of one system, and what else is known about them.

    Attributes:
        words: the words that can be drawn, by start: the frame's columns, with `channel_tag` and
            `final_index` (-1: not known) added if it has none; index as in the frame.
        finals: bounds and texts of utterances by (channel_tag, final_index); may be empty.
        eou: `channel_tag` and `time` of each end of utterance; may be empty.
        untimed: number of words that were left out because they have no times.
        frame_problems: what was left out or changed when the frame was read, one sentence each.
        problems: these, and what is wrong with the words that are drawn.
    """

    name: str
    words: pd.DataFrame
    finals: pd.DataFrame
    eou: pd.DataFrame
    untimed: int = 0
    frame_problems: Sequence[Problem] = field(default=())
    problems: Sequence[Problem] = field(default=())

    @property
    def tags(self) -> set[str]:
        """Tags of the channels with words or utterances."""
        return {str(tag) for frame in (self.words, self.finals) for tag in frame["channel_tag"].unique()}


class Channel(NamedTuple):
    """One channel of the picture: sound, words, or both.

    Attributes:
        tag: as in the frames.
        label: the text beside the lane.
        channel: number in the recording; None: it has no sound.
    """

    tag: str
    label: str
    channel: int | None


def read_systems(
    given: pd.DataFrame | TranscriptLike | Mapping[str, pd.DataFrame | TranscriptLike],
    finals: pd.DataFrame | None = None,
) -> list[System]:
    """The systems in a frame, a transcript, or a mapping of names to these.

    A transcript brings its finals and ends of utterances.

    Raises:
        PlotError: if it is something else, or a frame has words of several recordings.
        SchemaError: if a frame lacks a column, or the column has a dtype that cannot be drawn.
    """
    if not isinstance(given, Mapping):
        return [_read_system(UNNAMED, given, finals)]
    if finals is not None:
        raise PlotError(
            "finals= belongs to a single frame; for several systems pass transcripts, which have their own"
        )
    return [_read_system(str(name), source) for name, source in given.items()]


def _read_system(
    name: str, source: pd.DataFrame | TranscriptLike, finals: pd.DataFrame | None = None
) -> System:
    eou = pd.DataFrame({"channel_tag": pd.Series(dtype="str"), "time": pd.Series(dtype="float64")})
    if isinstance(source, pd.DataFrame):
        frame = source
    elif isinstance(source, TranscriptLike) and isinstance(source.words, pd.DataFrame):
        frame, finals, eou = source.words, source.finals, _select_eou(source.events)
    else:
        kind = "None" if source is None else f"of type {type(source).__name__}"
        raise PlotError(
            f"{name!r} is {kind}; pass a frame of words or a transcript for one system, "
            'and {"name": frame, ...} for several'
        )
    frame, frame_problems = read_word_frame(frame, name)
    words = _add_missing_columns(name, frame)
    utterances = _select_utterances(finals)
    _check_one_recording(words, utterances)
    is_timed = _has_valid_times(words)
    untimed = int((~is_timed).sum())
    is_empty = words.empty
    words = words[is_timed].sort_values("start", kind="stable")
    problems = [*frame_problems, *_find_problems(name, words, is_empty, untimed)]
    return System(name, words, utterances, eou, untimed, frame_problems, problems)


def _find_problems(name: str, words: pd.DataFrame, is_empty: bool, untimed: int) -> list[Problem]:
    problems = []
    if is_empty:
        problems.append(Problem(f"there are no words in {name!r}", f"в {name!r} нет слов"))
    if untimed:
        left_out = f"{count_noun(untimed, 'word')} without times left out of {name!r}"
        problems.append(Problem(left_out, f"не показано из {name!r}: {count_noun_ru(untimed)} без времени"))
    for n, english, russian in _count_odd_times(words):
        if n:
            sentence = f"{count_noun(n, 'word')} of {name!r} {english}"
            problems.append(Problem(sentence, f"в {name!r} {count_noun_ru(n)} {russian}"))
    return problems


def _count_odd_times(words: pd.DataFrame) -> list[tuple[int, str, str]]:
    """Number of words with each kind of odd times, and its description in both languages."""
    durations = words["end"] - words["start"]
    tags = words["channel_tag"]
    latest = words["end"].groupby(tags).cummax().groupby(tags).shift()
    return [
        (int((durations < 0).sum()), "with an end before the start", "с концом раньше начала"),
        (int((durations == 0).sum()), "without duration", "без длительности"),
        (
            int((words["start"] < latest - OVERLAP).sum()),
            "with a start before the end of an earlier word",
            "с началом раньше конца предыдущего",
        ),
    ]


def _add_missing_columns(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with all columns that drawing needs. A column that only some frames have gets a default."""
    check_time_columns(name, frame, ("word", "start", "end"))
    defaults = {"recording": "", "channel_tag": "0", "final_index": -1}
    missing: dict[str, Any] = {column: value for column, value in defaults.items() if column not in frame}
    return frame.assign(**missing).astype({"recording": "str", "channel_tag": "str", "final_index": "int64"})


def check_time_columns(name: str, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """
    Raises:
        SchemaError: if one of `columns` is missing or there twice, or `start` or `end` holds no numbers.
    """
    check_columns(frame, name, columns)
    for column in ("start", "end"):
        if len(frame) and (not is_numeric_dtype(frame[column]) or is_bool_dtype(frame[column])):
            raise SchemaError(f"{name}: column {column!r} is {frame[column].dtype}, not seconds as float64")


def _has_valid_times(frame: pd.DataFrame) -> pd.Series:
    """Whether each row has both times, within the possible length of a recording."""
    return frame["start"].between(0, LATEST) & frame["end"].abs().le(LATEST)


def _select_utterances(finals: pd.DataFrame | None) -> pd.DataFrame:
    """The utterances with bounds."""
    if finals is None:
        return empty(FINALS)
    needed = ("recording", "channel_tag", "final_index", "alternative", "start", "end")
    check(finals, {column: FINALS[column] for column in needed}, "finals")
    finals = finals[finals["alternative"] == 0]
    return finals[_has_valid_times(finals)]


def _select_eou(events: pd.DataFrame) -> pd.DataFrame:
    """Channel and time of the ends of utterances."""
    eou = events.loc[events["event"] == "eou_update", ["channel_tag", "eou_time"]]
    eou = eou.rename(columns={"eou_time": "time"}).dropna(subset="time").drop_duplicates()
    return eou[eou["time"].between(0, LATEST)].reset_index(drop=True)


def _check_one_recording(*frames: pd.DataFrame) -> None:
    ids = sorted({str(id_) for frame in frames for id_ in frame["recording"].unique()})
    if len(ids) > 1:
        raise PlotError(
            f"a timeline shows one recording and the frame has {len(ids)} ({few(ids)}); "
            f'choose one: words[words["recording"] == {ids[0]!r}]'
        )


# --- channels


def list_channels(systems: Sequence[System], recording: Recording | None) -> list[Channel]:
    """The channels from top to bottom.

    With speaker labeling several speakers share one sound: then the sound is a channel of its own, and first.
    """
    tags = set().union(*(system.tags for system in systems))
    numbers = {str(c): c for c in range(recording.n_channels)} if recording is not None else {}
    if len(numbers) == 1 and tags - numbers.keys():
        speakers = (Channel(tag, _label_channel("speaker", tag), None) for tag in sort_tags(tags))
        return [Channel(SOUND_ONLY, SOUND_ONLY, 0), *speakers]
    all_tags = sort_tags(tags | numbers.keys())
    return [Channel(tag, _label_channel("channel", tag), numbers.get(tag)) for tag in all_tags]


def select_word_channels(systems: Sequence[System], channels: Sequence[Channel]) -> list[Channel]:
    """The channels that get one row of words per system; empty if no system has words."""
    if not any(system.tags for system in systems):
        return []
    return [channel for channel in channels if channel.tag != SOUND_ONLY]


def select_channel(frame: pd.DataFrame, channel: Channel) -> pd.DataFrame:
    """The rows of one channel."""
    return frame[frame["channel_tag"] == channel.tag]


def sort_tags(tags: set[str]) -> list[str]:
    """Channel tags by number, `"2"` before `"10"`; names last."""
    return sorted(tags, key=lambda tag: (not tag.isdecimal(), int(tag) if tag.isdecimal() else 0, tag))


def _label_channel(kind: str, tag: str) -> str:
    return f"{kind} {tag}" if tag.isdecimal() else tag


# --- values


def find_value_range(systems: Sequence[System], column: str) -> tuple[float, float]:
    """Lowest and highest value of a numeric column over all systems that have it.

    Raises:
        PlotError: if no system has a numeric column of that name with a value in it, or the range is too
            large for a float.
    """
    values = [found for system in systems if (found := select_values(system.words, column)) is not None]
    known = np.concatenate([v[np.isfinite(v)] for v in values]) if values else np.empty(0)
    if not known.size:
        columns = {str(c): None for s in systems for c in s.words if _is_real(s.words[c])}
        choices = ", ".join(map(repr, ["channel", "system", *columns]))
        reason = "no numbers in it" if values else "no numeric column of that name"
        raise PlotError(f"color={column!r}: {reason}; there are {choices}")
    low, high = float(known.min()), float(known.max())
    if not np.isfinite(high - low):
        raise PlotError(
            f"color={column!r}: a scale cannot reach from {low:g} to {high:g}; leave out outliers"
        )
    return low, high


def select_values(words: pd.DataFrame, column: str) -> npt.NDArray[np.float64] | None:
    """The numbers of a column as float64, NaN if missing; None if there is no such column of numbers."""
    if column not in words or not _is_real(words[column]):
        return None
    return np.asarray(words[column].to_numpy("float64", na_value=np.nan))


def _is_real(values: pd.Series) -> bool:
    return is_numeric_dtype(values) and not is_complex_dtype(values)
