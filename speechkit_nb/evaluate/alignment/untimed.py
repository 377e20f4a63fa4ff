"""Alignment of words without times by rapidfuzz, and by `align_timed` where more words may match.

rapidfuzz finds an alignment with the fewest errors, but of these not always the one with most exact matches.
A pair is aligned again if it has two or more substitutions, so that another match is possible, and if its
longest common subsequence is longer than its number of matches.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from rapidfuzz.distance import LCSseq, Levenshtein

from ..arrays import Bytes, Ints, make_offsets, make_ranges
from .pairs import DEL, INS, OK, SUB, Edits, TokenColumns
from .timed import align_timed

_NAMES = {"replace": SUB, "insert": INS, "delete": DEL}
_SURROGATES = 0xD800, 0x800
_CHARACTERS = 0x110000 - _SURROGATES[1]


def align_text(ref: TokenColumns, hyp: TokenColumns) -> Edits:
    """Operations of all pairs, without times."""
    ref, hyp = (replace(side, start=None, end=None) for side in (ref, hyp))
    ref_texts, hyp_texts = _texts(ref), _texts(hyp)
    errors = _Errors.from_texts(ref_texts, hyp_texts)
    again = _improvable(errors, ref_texts, hyp_texts, ref.counts)
    if len(again):
        better = align_timed(ref.take(again), hyp.take(again), errors=errors.counts[again])
        errors = errors.replaced(again, better)
    return _spread(errors, ref)


def count_fewest_errors(ref: TokenColumns, hyp: TokenColumns) -> Ints:
    """Edit distance of each pair."""
    pairs = zip(_texts(ref), _texts(hyp), strict=True)
    return np.fromiter((Levenshtein.distance(*pair) for pair in pairs), np.int64, len(ref.counts))


class _Errors(NamedTuple):
    """Errors in the order of the words: their operations, pairs and reference positions; counts by pair."""

    ops: Bytes
    pair: Ints
    position: Ints
    counts: Ints

    @classmethod
    def from_texts(cls, ref: list[Any], hyp: list[Any]) -> _Errors:
        found, ends = list[Any](), [0]
        for pair in zip(ref, hyp, strict=True):
            if pair[0] != pair[1]:
                found += Levenshtein.editops(*pair).as_list()
            ends.append(len(found))
        counts: Ints = np.array(ends[1:], np.int64) - np.array(ends[:-1], np.int64)
        ops = np.fromiter(map(_NAMES.__getitem__, map(itemgetter(0), found)), np.uint8, len(found))
        position = np.fromiter(map(itemgetter(1), found), np.int64, len(found))
        return cls(ops, np.repeat(np.arange(len(counts)), counts), position, counts)

    def replaced(self, pairs: Ints, edits: Edits) -> _Errors:
        """Replaces the errors of these pairs with those of `edits`, which are equally many."""
        # positions are numbers of reference words within the pair; an insertion does not use one up
        wrong = edits.ops != OK
        begins = make_offsets(edits.counts)
        rows = make_offsets((edits.ops != INS).astype(np.int64))
        position = rows[:-1] - np.repeat(rows[begins[:-1]], edits.counts)
        places = make_ranges(make_offsets(self.counts)[pairs], self.counts[pairs])
        errors = self._replace(ops=self.ops.copy(), position=self.position.copy())
        errors.ops[places], errors.position[places] = edits.ops[wrong], position[wrong]
        return errors

    def per_pair(self, *ops: int) -> Ints:
        return np.bincount(self.pair[np.isin(self.ops, ops)], minlength=len(self.counts))


def _spread(errors: _Errors, ref: TokenColumns) -> Edits:
    """All operations. An error comes after as many as there are reference words and insertions before it."""
    inserted = errors.ops == INS
    counts = ref.counts + errors.per_pair(INS)
    ops = np.full(counts.sum(), OK, np.uint8)
    ops[ref.offsets[errors.pair] + errors.position + np.cumsum(inserted) - inserted] = errors.ops
    return Edits(ops, counts)


def _improvable(errors: _Errors, ref: list[Any], hyp: list[Any], n_ref: Ints) -> Ints:
    """Pairs that may have an alignment with equally many errors and more matches."""
    hits = (n_ref - errors.per_pair(SUB, DEL)).tolist()
    roomy = np.flatnonzero(errors.per_pair(SUB) >= 2).tolist()
    return np.array([p for p in roomy if LCSseq.similarity(ref[p], hyp[p]) > hits[p]], np.int64)


def _texts(side: TokenColumns) -> list[Any]:
    """The words of each pair as characters of a string, the fastest input for rapidfuzz."""
    bounds, highest = pairwise(side.offsets.tolist()), side.ids.max(initial=0)
    if highest >= _CHARACTERS:
        return [side.ids[first:last].tolist() for first, last in bounds]
    # Python cannot decode surrogates, so the numbers skip their range.
    codes = side.ids.astype("<u4")
    if highest >= _SURROGATES[0]:
        codes[codes >= _SURROGATES[0]] += _SURROGATES[1]
    text = codes.tobytes().decode("utf-32-le")
    return [text[first:last] for first, last in bounds]
