"""Normalized words of many utterances in columns, each with the raw words it came from and its time.

If a raw word, or a replaced run of words, becomes several words, its time is divided among them in proportion
to their numbers of characters. Raw words that are removed are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..arrays import Floats, Ids, Ints, make_offsets, make_ranges
from .base import Normalizer
from .phrases import Phrases, Replacement

_SPACES = np.isin(np.arange(256), [*range(0x21), 0xC2, 0xE1, 0xE2, 0xE3])
"""Bytes that white space begins with in UTF-8. No Latin, Greek or Cyrillic letter does."""

MARK = "\ue000"  # prefix of a word that holds alternatives; a private use character, so not in texts


@dataclass(frozen=True)
class Tokens:
    """Normalized words. Those of utterance `u` are `word[offsets[u] : offsets[u + 1]]`.

    Attributes:
        word: Arrow array of strings.
        offsets: shape (n_utterances + 1,).
        first, last: numbers of the first and the last raw word of each word, counted over all utterances.
        start, end: seconds, NaN if unknown; None if no word has times.
        vanished: number of raw words that normalization removed.
    """

    word: Any
    offsets: Ints
    first: Ids
    last: Ids
    start: Floats | None = None
    end: Floats | None = None
    vanished: int = 0

    @staticmethod
    def raw(word: Any, offsets: Ints, start: Floats | None = None, end: Floats | None = None) -> Tokens:
        """Words without normalization."""
        place = np.arange(len(word), dtype=np.int32)
        return Tokens(word, offsets, place, place, start, end)

    @property
    def counts(self) -> Ints:
        return np.diff(self.offsets)

    def list_words(self, utterance: int) -> list[str]:
        words: list[str] = self.word[self.offsets[utterance] : self.offsets[utterance + 1]].to_pylist()
        return words

    def take(self, utterances: Ints) -> Tokens:
        """Selects utterances by number, in this order; -1 is an empty utterance."""
        # the appended 0 is what index -1 selects: an utterance without words
        begins = np.r_[self.offsets[:-1], 0][utterances]
        counts = np.r_[self.counts, 0][utterances]
        rows = make_ranges(begins, counts)
        start, end = (None if time is None else time[rows] for time in (self.start, self.end))
        word = self.word.take(pa.array(rows))
        return Tokens(
            word, make_offsets(counts), self.first[rows], self.last[rows], start, end, self.vanished
        )

    def spread(self, counts: Ints, words: Any) -> Tokens:
        """Replaces each word by the next of `words`, as many as `counts` specifies."""
        rows = np.repeat(np.arange(len(counts)), counts)
        start, end = self.start, self.end
        if start is not None and end is not None:
            start, end = _divide_times(start, end, counts, words)
        gone = counts == 0
        vanished = self.vanished + int((self.last - self.first + 1)[gone].sum())
        offsets = make_offsets(counts)[self.offsets]
        return Tokens(words, offsets, self.first[rows], self.last[rows], start, end, vanished)

    def replaced(self, runs: Sequence[Replacement]) -> Tokens:
        """Replaces runs of words. Their positions are over all utterances, in ascending order."""
        if not runs:
            return self
        merged, places = self._merge_runs(runs)
        new = [word for run in runs for word in run.words]
        lengths = np.array([len(run.words) for run in runs], np.int64)
        counts = np.ones(len(merged.word), np.int64)
        counts[places] = lengths
        # The new words are appended to the old ones, and `source` selects from both.
        source = np.repeat(np.arange(len(counts)), counts)
        source[make_ranges(make_offsets(counts)[places], lengths)] = len(counts) + np.arange(len(new))
        words = pa.concat_arrays([merged.word, pa.array(new, pa.large_string())])
        return merged.spread(counts, words.take(pa.array(source)))

    def _merge_runs(self, runs: Sequence[Replacement]) -> tuple[Tokens, Ints]:
        """Merges each run to one word with the time of the run; returns the positions of these words."""
        first, last = np.array([run[:2] for run in runs]).T
        kept = np.ones(len(self.word), bool)
        kept[make_ranges(first + 1, last - first - 1)] = False
        raw_last = self.last.copy()
        raw_last[first] = self.last[last - 1]
        start, end = self.start, self.end
        if start is not None and end is not None:
            end = end.copy()
            end[first] = self.end[last - 1] if self.end is not None else np.nan
            start, end = start[kept], end[kept]
        places = make_offsets(kept.astype(np.int64))
        word = self.word.filter(pa.array(kept))
        tokens = Tokens(
            word, places[self.offsets], self.first[kept], raw_last[kept], start, end, self.vanished
        )
        return tokens, places[first]


def normalize_tokens(raw: Tokens, how: Normalizer) -> Tokens:
    """Normalizes raw words. The steps are applied once to each distinct word.

    Without steps, a word with white space in it becomes several, as in `Normalizer.__call__`.
    """
    tokens = _apply_steps(raw, how) if how.steps or _may_have_spaces(raw.word) else raw
    for phrases in how.phrases:
        tokens = tokens.replaced(list(_find_replacements(tokens, phrases)))
    return tokens


def _may_have_spaces(words: Any) -> bool:
    """Whether a byte of the text buffer may be of white space. This is fast, and false for most texts."""
    data = words.buffers()[-1]
    return data is not None and bool(_SPACES[np.frombuffer(data, np.uint8)].any())


def _apply_steps(raw: Tokens, how: Normalizer) -> Tokens:
    distinct, codes = _encode(raw.word)
    parts = [[word] if word.startswith(MARK) else how.parts(word) for word in distinct]
    lengths = np.array([len(words) for words in parts], np.int64)
    flat = pa.array([word for words in parts for word in words], pa.large_string())
    rows = make_ranges(make_offsets(lengths)[codes], lengths[codes])
    return raw.spread(lengths[codes], flat.take(pa.array(rows)))


def _encode(words: Any) -> tuple[list[str], Ints]:
    coded = words.dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy().astype(np.int64)


def _find_replacements(tokens: Tokens, phrases: Phrases) -> Iterator[Replacement]:
    """Replacements by `phrases`. Utterances without a word that it `touches` are skipped."""
    distinct, codes = _encode(tokens.word)
    known = np.array([phrases.touches(word) for word in distinct], bool)
    touched = np.flatnonzero(known[codes])
    for utterance in np.unique(np.searchsorted(tokens.offsets, touched, side="right") - 1).tolist():
        begin = int(tokens.offsets[utterance])
        for first, last, words in phrases.find(tokens.list_words(utterance)):
            yield Replacement(begin + first, begin + last, words)


def _divide_times(start: Floats, end: Floats, counts: Ints, words: Any) -> tuple[Floats, Floats]:
    """Divides the time of each group among its words in proportion to their numbers of characters."""
    rows = np.repeat(np.arange(len(counts)), counts)
    start, end = start[rows], end[rows]
    if not (counts > 1).any():
        return start, end
    ends = np.cumsum(pc.utf8_length(words).to_numpy())
    bounds = np.r_[0, ends][make_offsets(counts)]
    before, total = bounds[:-1][rows], np.diff(bounds)[rows]
    begins = np.r_[0, ends[:-1]]
    # The last word of a group gets its end unchanged, without a rounding error.
    ending = np.where(ends == before + total, end, start + (end - start) * ((ends - before) / total))
    return start + (end - start) * ((begins - before) / total), ending
