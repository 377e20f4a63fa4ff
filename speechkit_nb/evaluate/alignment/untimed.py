"""Alignment of words without times: rapidfuzz, and our own table where it could have matched more words.

rapidfuzz makes the fewest errors, but of the alignments with as many errors it does not seek the one with
most exact matches. Where two substitutions or more leave room for another match, and the longest common
subsequence is longer than what was matched, the pair is aligned again.
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
    """Operations of all pairs, by words alone."""
    ref, hyp = (replace(side, start=None, end=None) for side in (ref, hyp))
    ref_texts, hyp_texts = _texts(ref), _texts(hyp)
    errors = _Errors.of(ref_texts, hyp_texts)
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
    """What is not equal, in the order of the words: the operation, its pair, its reference position."""

    ops: Bytes
    pair: Ints
    position: Ints
    counts: Ints

    @classmethod
    def of(cls, ref: list[Any], hyp: list[Any]) -> _Errors:
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
        """With the errors of these pairs, which are as many as before, taken from `edits`."""
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
    """All operations: before an error stand as many as there are reference words and insertions before it."""
    inserted = errors.ops == INS
    counts = ref.counts + errors.per_pair(INS)
    ops = np.full(counts.sum(), OK, np.uint8)
    ops[ref.offsets[errors.pair] + errors.position + np.cumsum(inserted) - inserted] = errors.ops
    return Edits(ops, counts)


def _improvable(errors: _Errors, ref: list[Any], hyp: list[Any], n_ref: Ints) -> Ints:
    """Pairs that may have an alignment with as many errors and more matches."""
    hits = (n_ref - errors.per_pair(SUB, DEL)).tolist()
    roomy = np.flatnonzero(errors.per_pair(SUB) >= 2).tolist()
    return np.array([p for p in roomy if LCSseq.similarity(ref[p], hyp[p]) > hits[p]], np.int64)


def _texts(side: TokenColumns) -> list[Any]:
    """Each pair's words as the characters of a string, which rapidfuzz reads fastest."""
    bounds, highest = pairwise(side.offsets.tolist()), side.ids.max(initial=0)
    if highest >= _CHARACTERS:
        return [side.ids[first:last].tolist() for first, last in bounds]
    codes = side.ids.astype("<u4")
    if highest >= _SURROGATES[0]:
        codes[codes >= _SURROGATES[0]] += _SURROGATES[1]
    text = codes.tobytes().decode("utf-32-le")
    return [text[first:last] for first, last in bounds]
