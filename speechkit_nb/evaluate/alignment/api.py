"""Alignment of the words of a reference with the words of each system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ...errors import (
    ConfigError,
    EvaluationError,
    Untimed,
    check_choice,
    check_number,
    check_system_name,
    list_names,
    warn,
)
from ...tables import HasWords, WordFrame, read_word_frame, warn_problems
from ..arrays import MOST_SECONDS, Ids, Ints, make_offsets
from ..normalization.alternatives import choose_alternatives, mark_alternatives
from ..normalization.base import How, Normalizer
from ..normalization.base import normalizer as make
from ..normalization.tokens import Tokens, normalize_tokens
from .frame import build_alignment
from .inputs import Missing, Utterances, Words, collect_utterances, find_keys, match_utterances
from .pairs import Edits, TokenColumns
from .timed import align_timed
from .untimed import align_text, count_fewest_errors


def align(
    reference: Words,
    systems: Mapping[str, Words],
    *,
    by: str | Sequence[str] | None = None,
    normalizer: How = "none",
    collar: float | None = None,
    missing: Missing = "raise",
    allow_vanished: bool = False,
) -> pd.DataFrame:
    """Aligns the words of each system with those of the reference.

    The alignment has the fewest errors. Of those it has the most exact matches, and of those, for words with
    times, the pairs that are closest in time.

    Args:
        reference: one utterance as text; a frame with `word`, one row per word, and optionally `start`
            and `end` in seconds; a frame with `text`, one row per utterance; or a transcript. It may hold
            alternatives, `{7 / seventh}`. Rows and times of a frame that cannot be used are left out, with
            the warning `LeftOut`.
        systems: the recognized words by the name of the system, in any of these forms.
        by: utterance key columns; words are paired only within an utterance. Default: those of
            `recording` and `channel_tag` that all frames have.
        normalizer: a `Normalizer`, or an argument for `normalizer`, such as `"en"` or a function.
        collar: pair only words that overlap in time after those of the system are extended by this many
            seconds at both ends; 0.2 to 1 suits word times. None: pair any words. Utterances in which a word
            has no times are aligned without times, with the warning `Untimed`.
        missing: what to do with utterances that only the reference or only a system has: `"raise"`, or
            `"empty"`, which treats them as empty on the other side.
        allow_vanished: whether normalization may remove all words of a side, as may happen in a part of a
            corpus.

    Returns:
        Frame with the columns `by`, then those of schema `ALIGNMENT`. `position` is the number of a row
        within its system. `attrs` describes how the frame was made: `normalizer`, `normalizer_hash`,
        `collar`, the number of raw words that `vanished` on each side, and the number of utterances of each
        system that were aligned without times (`untimed`).

    Raises:
        SchemaError: if a frame cannot be used.
        ConfigError: if an option has an invalid value.
        EvaluationError: if utterances are missing on one side, or normalization removes all words.

    >>> align("a b c", {"one": "a x c"})[["op", "ref_word", "hyp_word"]].to_numpy().tolist()
    [['ok', 'a', 'a'], ['sub', 'b', 'x'], ['ok', 'c', 'c']]
    """
    _check_options(systems, collar, missing)
    given = _read(reference, "the reference")
    own = {name: _read(words, f"system {name!r}") for name, words in systems.items()}
    by = find_keys([given, *own.values()]) if by is None else list_names("by", by)
    how = make(normalizer)
    ref = _prepare(given, by, how, "the reference")
    hyps = {name: _prepare(words, by, how, f"system {name!r}") for name, words in own.items()}
    if not allow_vanished:
        _check_words_left(
            {"the reference": ref, **{f"system {name!r}": hyp for name, hyp in hyps.items()}}, how
        )
    ref, hyps = match_utterances(ref, hyps, missing)
    results = {name: _align_tokens(ref.tokens, hyp.tokens, how, collar) for name, hyp in hyps.items()}
    frames = [
        build_alignment(ref.keys, name, result.ref, hyps[name].tokens, result.edits)
        for name, result in results.items()
    ]
    alignment = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    untimed = {name: result.untimed for name, result in results.items()}
    _warn_untimed(untimed, collar, len(ref.keys))
    vanished = {name: hyp.tokens.vanished for name, hyp in hyps.items()}
    alignment.attrs = {
        "normalizer": how.name,
        "normalizer_hash": how.hash,
        "collar": collar,
        "vanished": {"reference": ref.tokens.vanished, "systems": vanished},
        "untimed": untimed,
    }
    return alignment


class _Result(NamedTuple):
    """The reference with its alternatives chosen, its edits, and how many utterances lacked times."""

    ref: Tokens
    edits: Edits
    untimed: int


def _read(given: Words, name: str) -> str | pd.DataFrame:
    """A text, or a frame as `read_word_frame` makes it."""
    if isinstance(given, WordFrame):
        return given.frame
    if isinstance(given, str):
        return given
    # a frame may have a column `words`
    frame = given.words if isinstance(given, HasWords) and not isinstance(given, pd.DataFrame) else given
    if not isinstance(frame, pd.DataFrame):
        raise ConfigError(
            f"{name} is of type {type(given).__name__}; it can be a text, a frame with the column word or "
            "text, or a transcript"
        )
    frame, problems = read_word_frame(frame, name)
    warn_problems(problems)
    return frame


def _check_options(systems: Mapping[str, Words], collar: float | None, missing: str) -> None:
    if not isinstance(systems, Mapping):
        raise ConfigError(f"systems are of type {type(systems).__name__}; give {{'name': words}}")
    if not systems:
        raise ConfigError("there is no system to align: give {'name': words}")
    for name in systems:
        check_system_name(name)
    if collar is not None:
        check_number("collar", collar, 0, MOST_SECONDS)
    check_choice("missing", missing, ("raise", "empty"))


def _prepare(given: str | pd.DataFrame, by: Sequence[str], how: Normalizer, name: str) -> Utterances:
    keys, raw = collect_utterances(given, by, name)
    tokens = normalize_tokens(mark_alternatives(raw) if name == "the reference" else raw, how)
    return Utterances(keys, tokens)


def _check_words_left(sides: Mapping[str, Utterances], how: Normalizer) -> None:
    for name, (_, tokens) in sides.items():
        if tokens.vanished and not len(tokens.word):
            raise EvaluationError(
                f"the normalizer {how.name!r} left none of the {tokens.vanished} words of {name}"
            )


def _align_tokens(ref: Tokens, hyp: Tokens, how: Normalizer, collar: float | None) -> _Result:
    ref = choose_alternatives(ref, hyp, how)
    sides = _encode_words(ref, hyp)
    timed = _find_timed(ref) & _find_timed(hyp)
    if not timed.any():
        return _Result(ref, align_text(*sides), len(timed))
    if timed.all():
        return _Result(ref, _align_by_time(*sides, collar), 0)
    by_time, by_words = np.flatnonzero(timed), np.flatnonzero(~timed)
    parts = [
        (by_time, _align_by_time(sides[0].take(by_time), sides[1].take(by_time), collar)),
        (by_words, align_text(sides[0].take(by_words), sides[1].take(by_words))),
    ]
    return _Result(ref, Edits.join(parts, len(timed)), len(by_words))


def _align_by_time(ref: TokenColumns, hyp: TokenColumns, collar: float | None) -> Edits:
    if collar is None:
        return align_timed(ref, hyp, errors=count_fewest_errors(ref, hyp))
    return align_timed(ref, hyp, errors=None, collar_us=round(collar * 1e6))


def _encode_words(ref: Tokens, hyp: Tokens) -> tuple[TokenColumns, TokenColumns]:
    coded = pa.chunked_array([ref.word, hyp.word]).dictionary_encode()
    n_ref = len(ref.word)
    return (
        TokenColumns(_join_ids(coded.slice(0, n_ref)), ref.offsets, *_microseconds(ref)),
        TokenColumns(_join_ids(coded.slice(n_ref)), hyp.offsets, *_microseconds(hyp)),
    )


def _join_ids(coded: pa.ChunkedArray) -> Ids:
    """The numbers of the words as one array. There is no chunk if there is no word."""
    chunks = [chunk.indices.to_numpy() for chunk in coded.chunks]
    return chunks[0] if len(chunks) == 1 else np.concatenate([np.empty(0, np.int32), *chunks])


def _microseconds(tokens: Tokens) -> tuple[Ints | None, Ints | None]:
    if tokens.start is None or tokens.end is None:
        return None, None
    start, end = (np.rint(np.nan_to_num(time) * 1e6).astype(np.int64) for time in (tokens.start, tokens.end))
    return start, end


def _find_timed(tokens: Tokens) -> NDArray[np.bool_]:
    """Mask of the utterances in which every word has times."""
    if tokens.start is None or tokens.end is None:
        return np.equal(tokens.counts, 0)
    unknown = np.isnan(tokens.start) | np.isnan(tokens.end)
    # Words without times before each utterance; equal numbers at its start and end mean that it has none.
    before = make_offsets(unknown.astype(np.int64))[tokens.offsets]
    return np.equal(before[1:], before[:-1])


def _warn_untimed(untimed: Mapping[str, int], collar: float | None, n_utterances: int) -> None:
    for name, count in untimed.items():
        if count and collar is not None:
            warn(
                Untimed(
                    f"system {name!r}: {count} of {n_utterances} utterances are aligned by words alone, "
                    f"without the collar of {collar} s, since some of their words, or of the reference's, "
                    "have no times"
                )
            )
