"""Alternatives in a reference: `{7 / седьмого}`, as in NIST's transcripts.

In each group, the choice with the fewest errors is scored, and of equal choices the first. Choices are
separated by ` / ` or `|`; `@` is the empty choice. A group is stored as one word that begins with `MARK`
until its choice is known. The chosen words then share its time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc

from ...errors import SchemaError
from ..arrays import Ints
from .base import Normalizer
from .phrases import Replacement
from .tokens import MARK, Tokens

_GROUP = re.compile(r"\{([^{}]*)\}")
_DIVIDER = re.compile(r"\s*\|\s*|\s+/\s+")
_HELP = "alternatives are written {a / b}, {a|b} or {a / @}"


def mark_alternatives(raw: Tokens) -> Tokens:
    """Raw words with each group of alternatives as one word.

    Raises:
        SchemaError: if braces are not balanced, or if a group has only one choice or touches another word.
    """
    if not _has(raw, "{") and not _has(raw, "}"):
        return raw
    braced = np.flatnonzero(pc.match_substring_regex(raw.word, "[{}]").to_numpy(zero_copy_only=False))
    utterances = np.unique(np.searchsorted(raw.offsets, braced, side="right") - 1)
    runs = list[Replacement]()
    for utterance in utterances.tolist():
        begin = int(raw.offsets[utterance])
        found = _groups(raw.list_words(utterance))
        runs += (Replacement(begin + first, begin + last, words) for first, last, words in found)
    return raw.replaced(runs)


def _has(tokens: Tokens, character: str) -> bool:
    """Whether the text buffer may contain it. A fast check that avoids the search in most cases."""
    data = tokens.word.buffers()[-1]
    return data is not None and character.encode() in data.to_pybytes()


def _groups(words: list[str]) -> Iterator[Replacement]:
    text = " ".join(words)
    rest = _GROUP.sub("", text)
    if "{" in rest or "}" in rest:
        raise SchemaError(f"a brace of the reference has no partner, or is inside another: {text!r}; {_HELP}")
    for group in _GROUP.finditer(text):
        first, last = text.count(" ", 0, group.start()), text.count(" ", 0, group.end()) + 1
        around = " ".join(words[first:last]).replace(group[0], "", 1)
        if len(_choices(group[1])) < 2 or re.search(r"\w", around):
            raise SchemaError(
                f"the reference's {' '.join(words[first:last])!r} is no group of alternatives; {_HELP}, and "
                "stand apart from other words"
            )
        yield Replacement(first, last, (MARK + group[1],))


def _choices(group: str) -> list[str]:
    return ["" if choice == "@" else choice for choice in _DIVIDER.split(group.strip())]


def choose_alternatives(ref: Tokens, hyp: Tokens, how: Normalizer) -> Tokens:
    """Reference words in which each group is replaced by the choice with the fewest errors.

    Args:
        ref: normalized words, with groups as returned by `mark_alternatives`.
        hyp: words of the same utterances in the same order.
        how: normalizes the choices.
    """
    if not _has(ref, MARK):
        return ref
    places = np.flatnonzero(pc.starts_with(ref.word, MARK).to_numpy(zero_copy_only=False))
    runs = list[Replacement]()
    for utterance in np.unique(np.searchsorted(ref.offsets, places, side="right") - 1).tolist():
        begin = int(ref.offsets[utterance])
        words = ref.list_words(utterance)
        groups = {
            place: [how(choice) for choice in _choices(word.removeprefix(MARK))]
            for place, word in enumerate(words)
            if word.startswith(MARK)
        }
        chosen = choose_fewest_errors(words, groups, hyp.list_words(utterance))
        runs += (
            Replacement(begin + place, begin + place + 1, tuple(choices[number]))
            for (place, choices), number in zip(groups.items(), chosen, strict=True)
        )
    return replace(ref.replaced(runs), vanished=ref.vanished)


def choose_fewest_errors(
    words: Sequence[str], groups: dict[int, list[list[str]]], hyp: Sequence[str]
) -> list[int]:
    """The number of the choice in each group: fewest errors, then fewest substitutions, then the first.

    Args:
        words: reference words; those at the positions in `groups` are replaced by one of their choices.

    >>> words, groups = ["on", "", "may"], {1: [["7"], ["the", "seventh"]]}
    >>> choose_fewest_errors(words, groups, ["on", "7", "may"])
    [0]
    >>> choose_fewest_errors(words, groups, ["on", "the", "seventh", "may"])
    [1]
    """
    table = _Rows(hyp)
    row, passed = table.first, list[_Passed]()
    for place, word in enumerate(words):
        if place in groups:
            passed.append(table.passed(row, groups[place]))
            row = passed[-1].after
        else:
            row = table.next(row, word)
    column, numbers = int(row.origin[-1]), list[int]()
    for group in reversed(passed):
        numbers.append(int(group.number[column]))
        column = int(group.origin[column])
    return numbers[::-1]


class _Row(NamedTuple):
    """Best score in each column, and the column in which its path left the last group."""

    score: Ints
    origin: Ints


class _Passed(NamedTuple):
    """The row after a group; for each column its best choice, and where its path left the group before."""

    after: _Row
    number: Ints
    origin: Ints


@dataclass
class _Rows:
    """Computes rows of the alignment table of one utterance. Scores are gains, as in `timed_table`."""

    hyp: Sequence[str]

    def __post_init__(self) -> None:
        self._ids = {word: number for number, word in enumerate(dict.fromkeys(self.hyp))}
        self._hyp = np.array([self._ids[word] for word in self.hyp], np.int64)
        self._columns = np.arange(len(self.hyp) + 1)
        self._error = len(self.hyp) + 1
        self.first = _Row(np.zeros(len(self._columns), np.int64), self._columns)

    def next(self, row: _Row, word: str) -> _Row:
        same = self._hyp == self._ids.get(word, -1)
        paired = row.score[:-1] + np.where(same, 2 * self._error, self._error - 1)
        better = np.r_[False, paired > row.score[1:]]
        score, origin = row.score.copy(), row.origin.copy()
        score[better] = paired[better[1:]]
        origin[better] = row.origin[:-1][better[1:]]
        # Insertions gain nothing, so the best score from the left is the running maximum. `source` is the
        # last column where it was reached, whose path a cell continues.
        best = np.maximum.accumulate(score)
        source = np.maximum.accumulate(np.where(score == best, self._columns, 0))
        return _Row(best, origin[source])

    def passed(self, row: _Row, choices: list[list[str]]) -> _Passed:
        ends = []
        for choice in choices:
            end = _Row(row.score, self._columns)
            for word in choice:
                end = self.next(end, word)
            ends.append(_Row(end.score - len(choice) * self._error, end.origin))
        scores = np.stack([end.score for end in ends])
        number = scores.argmax(axis=0)
        entered = np.stack([end.origin for end in ends])[number, self._columns]
        after = _Row(scores.max(axis=0), self._columns)
        return _Passed(after, number, row.origin[entered])
