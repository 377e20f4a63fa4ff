"""The grid: the words of all systems at the same places, from which disagreements and votes are computed.

A grid has one row per place: the utterance key columns, `place` (in order), `reference` (missing without
one), `start`, `end` (seconds, of all words at the place; NaN if unknown), `differs`, and one column per
system with its words, `""` if it has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..errors import EvaluationError
from ..evaluate import (
    Floats,
    Normalizer,
    align,
    collect_utterances,
    normalize_tokens,
    number_groups,
    number_words,
)
from ..tables import WordFrame

UNIT = "unit"


def build_grid(alignment: pd.DataFrame, by: Sequence[str], systems: Sequence[str]) -> pd.DataFrame:
    """The grid of an alignment: places are reference words, and gaps between them with inserted words.

    If systems were aligned with reference alternatives of different lengths, the utterance is one place.
    """
    rows = _place_words(alignment, by)
    text = _texts(rows, ["system", UNIT, "place"], "hyp_word").unstack("system", fill_value="")
    text = text.reindex(columns=list(systems), fill_value="")
    first = rows[rows["system"] == systems[0]]
    reference = _texts(first, [UNIT, "place"], "reference").reindex(text.index, fill_value="")
    return _finish(text, reference, _bounds(rows), number_groups(alignment, by)[1])


class Votes(NamedTuple):
    """A grid without a reference; `start`, `end` (seconds) have shape (n_places, n_systems), NaN: no word."""

    grid: pd.DataFrame
    start: Floats
    end: Floats


def vote_on_words(words: Mapping[str, pd.DataFrame], by: Sequence[str]) -> Votes:
    """The grid of several systems without a reference: each system is aligned with a vote of those before it.

    Args:
        words: normalized words by system, from `normalize_words`.
    """
    units, frames = _units(words, by)
    names = list(frames)
    # words are replaced by codes, so that `align` compares them but does not interpret their text
    codes = pd.factorize(pd.concat([frame["word"] for frame in frames.values()], ignore_index=True))[0]
    coded = np.split(codes, np.cumsum([len(frame) for frame in frames.values()])[:-1])
    sides = [
        frame[[UNIT, "start", "end"]].assign(
            word=pd.Series([f"w{code}" for code in own], frame.index, dtype="str")
        )
        for frame, own in zip(frames.values(), coded, strict=True)
    ]
    # slots[place, system] is the number of a word of this system, -1 for none; unit is the utterance
    slots = np.arange(len(sides[0]))[:, None]
    unit = sides[0][UNIT].to_numpy()
    for k, side in enumerate(sides[1:], 1):
        slots, unit = _add_system(_leading(slots, unit, sides[:k]), slots, unit, side)
    text = pd.DataFrame(
        {name: _take_values(frames[name]["word"], slots[:, k], "") for k, name in enumerate(names)}
    )
    places = np.arange(len(slots)) - np.searchsorted(unit, unit)
    text.index = pd.MultiIndex.from_arrays([unit, places], names=[UNIT, "place"])
    start, end = (_times(list(frames.values()), slots, time) for time in ("start", "end"))
    bounds = pd.DataFrame(_outer(start, end), index=text.index)
    reference = pd.Series(None, text.index, dtype="str")
    return Votes(_finish(text, reference, bounds, units), start, end)


def count_votes(words: np.ndarray) -> np.ndarray:
    """For each word, how many systems have it at this place; both arrays have shape (n_places, n_systems)."""
    return np.asarray((words[:, :, None] == words[:, None, :]).sum(axis=2))


def normalize_words(given: pd.DataFrame, by: Sequence[str], how: Normalizer, name: str) -> pd.DataFrame:
    """The normalized words as a frame of `by`, `word`, `start`, `end`."""
    keys, raw = collect_utterances(given, by, name)
    tokens = normalize_tokens(raw, how)
    if len(raw.word) and not len(tokens.word):
        raise EvaluationError(f"the normalizer {how.name!r} left none of the {len(raw.word)} words of {name}")
    rows = np.repeat(np.arange(len(keys)), tokens.counts)
    frame = keys.iloc[rows].reset_index(drop=True)
    unknown = np.full(len(rows), np.nan)
    return frame.assign(
        word=pd.Series(tokens.word.to_pylist(), frame.index, dtype="str"),
        start=unknown if tokens.start is None else tokens.start,
        end=unknown if tokens.end is None else tokens.end,
    )


# --- with a reference


def _place_words(alignment: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The rows of an alignment with their unit (number of the utterance), place and reference word."""
    rows = alignment[["system", "hyp_word", "ref_start", "ref_end", "hyp_start", "hyp_end"]].assign(
        **{UNIT: number_groups(alignment, by)[0]}, reference=alignment["ref_word"]
    )
    # the reference word number n is place 2 n + 1, and the gap before it is place 2 n
    is_word = (alignment["op"] != "ins").astype("int64")
    groups = [rows["system"], rows[UNIT]]
    before = is_word.groupby(groups, sort=False).cumsum() - is_word
    length = is_word.groupby(groups, sort=False).transform("sum")
    uneven = length.groupby(rows[UNIT]).transform("nunique") > 1
    return rows.assign(place=(2 * before + is_word).where(~uneven, 1))


def _texts(rows: pd.DataFrame, keys: list[str], column: str) -> pd.Series:
    """The words of each place as one text; `groupby` is slow, so it is used only for several words."""
    several = rows.duplicated(keys, keep=False)
    one = rows[~several].set_index(keys)[column].fillna("")
    more = rows[several].dropna(subset=column).groupby(keys)[column].agg(" ".join)
    none = rows[several].groupby(keys)[column].agg("size").index.difference(more.index)
    texts: pd.Series = pd.concat([one, more, pd.Series("", none, dtype="str")]).sort_index()
    return texts


def _bounds(rows: pd.DataFrame) -> pd.DataFrame:
    """The first start and the last end of the words at each place, of reference and systems."""
    both = rows.assign(
        start=rows[["ref_start", "hyp_start"]].min(axis=1), end=rows[["ref_end", "hyp_end"]].max(axis=1)
    )
    return both.groupby([UNIT, "place"]).agg(start=("start", "min"), end=("end", "max"))


def _finish(
    text: pd.DataFrame, reference: pd.Series, bounds: pd.DataFrame, keys: pd.DataFrame
) -> pd.DataFrame:
    """Join the columns of a grid; `text` has one column per system, `keys` one row per unit."""
    differs = text.ne(text.iloc[:, 0], axis=0).any(axis=1)
    frame = bounds.reindex(text.index).assign(reference=reference, differs=differs)
    frame = pd.concat([frame[["reference", "start", "end", "differs"]], text], axis=1).reset_index()
    named = keys.iloc[frame[UNIT].to_numpy()].reset_index(drop=True)
    frame = pd.concat([named, frame], axis=1)
    frame.columns.name = None
    return frame


# --- without a reference


def _units(
    words: Mapping[str, pd.DataFrame], by: Sequence[str]
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """The keys of all utterances, and the words of each system with `unit`, sorted by it."""
    if not by:
        return pd.DataFrame(index=[0]), {name: frame.assign(unit=0) for name, frame in words.items()}
    keys = number_groups(pd.concat([frame[list(by)] for frame in words.values()]), by)[1]
    index = pd.MultiIndex.from_frame(keys)
    frames = {}
    for name, frame in words.items():
        unit = index.get_indexer(pd.MultiIndex.from_frame(frame[list(by)]))
        frames[name] = frame.assign(unit=unit).sort_values(UNIT, kind="stable", ignore_index=True)
    return keys, frames


def _leading(slots: np.ndarray, unit: np.ndarray, sides: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The word with most votes at each place; if votes are equal, the word of the first system."""
    words = np.stack([_take_values(side["word"], slots[:, k], "") for k, side in enumerate(sides)], axis=1)
    best = np.where(words == "", -1, count_votes(words)).argmax(axis=1)
    rows = np.arange(len(slots))
    times = {time: _times(sides, slots, time)[rows, best] for time in ("start", "end")}
    return pd.DataFrame({UNIT: unit, "word": pd.Series(words[rows, best], dtype="str"), **times})


def _times(sides: Sequence[pd.DataFrame], slots: np.ndarray, time: str) -> Floats:
    """Start or end of the words, shape (n_places, n_systems)."""
    each = [_take_values(side[time], slots[:, k], np.nan) for k, side in enumerate(sides)]
    return np.stack(each, axis=1).astype(float)


def _outer(start: Floats, end: Floats) -> dict[str, Floats]:
    """The first start and the last end over all systems; NaN if no time is known."""
    return {"start": np.fmin.reduce(start, axis=1), "end": np.fmax.reduce(end, axis=1)}


def _add_system(
    leading: pd.DataFrame, slots: np.ndarray, unit: np.ndarray, side: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Add the words of a system to `slots`, with new places for words that only this system has."""
    sides = WordFrame(leading, ()), {"next": WordFrame(side, ())}
    aligned = align(*sides, by=[UNIT], missing="empty")
    aligned = aligned.sort_values(UNIT, kind="stable", ignore_index=True)
    old, new = (number_words(aligned, which).to_numpy() for which in ("ref", "hyp"))
    # rows without a word in `leading` have old == -1, which selects the added last row
    nothing = np.full((1, slots.shape[1]), -1)
    kept = np.concatenate([slots, nothing])[old]
    return np.concatenate([kept, new[:, None]], axis=1), aligned[UNIT].to_numpy()


def _take_values(values: pd.Series, numbers: np.ndarray, nothing: Any) -> np.ndarray:
    """The values with these numbers; `nothing` for number -1, which selects the appended element."""
    array = np.append(values.to_numpy(object if nothing == "" else float), nothing)
    return np.asarray(array[numbers])
