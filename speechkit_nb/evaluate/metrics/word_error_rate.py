"""The word error rate of texts in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from math import nan
from typing import Any

import pandas as pd

from ...errors import ConfigError, count_noun, show_value
from ...tables import HasWords
from ..alignment.api import align
from ..alignment.inputs import Words
from ..normalization.base import How
from .error_rate import ErrorRate
from .word_rates import count_total


@dataclass(frozen=True)
class WordErrorRate:
    """The result of `wer`. `float(result)` is its rate.

    Attributes:
        hits: reference words that are right.
        substitutions: reference words for which another word was recognized.
        deletions: reference words without a recognized word.
        insertions: recognized words without a reference word.
        alignment: one row per pair of words, deletion and insertion, as returned by `align`. For lists of
            texts the column `utterance` is the position in the list, from 0.
    """

    hits: int
    substitutions: int
    deletions: int
    insertions: int
    alignment: pd.DataFrame = field(repr=False, compare=False)

    @property
    def n_words(self) -> int:
        """Number of words in the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors divided by words of the reference; above 1 with many insertions. NaN without words."""
        return self.errors / self.n_words if self.n_words else nan

    @property
    def counts(self) -> ErrorRate:
        """The counts, which can be added to those of other texts."""
        return ErrorRate(self.hits, self.substitutions, self.insertions, self.deletions)

    def __float__(self) -> float:
        return self.rate

    def __repr__(self) -> str:
        rate = f"{self.rate:.2%}" if self.n_words else "nan"
        kinds = ("hit", "substitution", "deletion", "insertion")
        numbers = (self.hits, self.substitutions, self.deletions, self.insertions)
        counts = ", ".join(count_noun(n, kind) for n, kind in zip(numbers, kinds, strict=True))
        return (
            f"WER {rate} ({count_noun(self.errors, 'error')} in {count_noun(self.n_words, 'word')}: {counts})"
        )


def wer(
    reference: Words | Iterable[str],
    hypothesis: Words | Iterable[str],
    normalizer: How = None,
) -> WordErrorRate:
    """The word error rate of a text, or of many texts together.

    Of the alignments with the fewest errors, one with the most hits is used. So the rate is the same as in
    other tools, but there may be fewer substitutions. For many texts, errors and words are added, and then
    divided.

    Args:
        reference: the spoken text, or a list of texts; a frame with the column `word` or `text`; or a
            transcript. It may contain alternatives, `{7 / seventh}`.
        hypothesis: the recognized text, or a list of equally many texts in the same order; a frame, or a
            transcript. Frames are aligned by `recording` and `channel_tag` if both sides have them.
        normalizer: makes words comparable, such as `"en"` or `"ru"`, see `normalizer`; default: None,
            words are compared as written.

    Returns:
        Rate, counts and alignment. The rate of a reference without words is NaN; its insertions are counted.
        (jiwer returns the number of insertions, or 0, as the rate.)

    Raises:
        ConfigError: if a text is not a string, lists have different lengths, or the normalizer is unknown.
        SchemaError: if a frame cannot be used, or alternatives in the reference have wrong syntax.
        EvaluationError: if the normalizer removes all words of one side.

    >>> result = wer(["good morning", "how are you"], ["good morning", "how old are you"])
    >>> result
    WER 20.00% (1 error in 5 words: 5 hits, 0 substitutions, 0 deletions, 1 insertion)
    >>> result.rate, result.insertions
    (0.2, 1)
    >>> result.alignment[["utterance", "op", "hyp_word"]].to_numpy().tolist()[3]
    [1, 'ins', 'old']
    >>> float(wer("Good morning!", "good morning", normalizer="en"))
    0.0
    """
    texts = _list_texts(reference, "reference"), _list_texts(hypothesis, "hypothesis")
    lengths = [None if side is None else len(side) for side in texts]
    if lengths[0] != lengths[1]:
        named = [_describe(*side) for side in zip((reference, hypothesis), texts, strict=True)]
        raise ConfigError(
            f"reference is {named[0]}, hypothesis is {named[1]}: give two texts, or two lists of the same "
            "length"
        )
    sides: list[Any] = [
        side if own is None else _number_texts(own)
        for side, own in zip((reference, hypothesis), texts, strict=True)
    ]
    by = None if texts[0] is None else "utterance"
    alignment = align(sides[0], {"hypothesis": sides[1]}, by=by, normalizer=normalizer)
    total = count_total(alignment)
    return WordErrorRate(total.hits, total.substitutions, total.deletions, total.insertions, alignment)


def _list_texts(given: Any, name: str) -> list[str] | None:
    """The texts of a list, an array or a series; None for a text, a frame, a transcript and anything else."""
    if isinstance(given, (str, bytes, pd.DataFrame, Mapping, Set)) or not isinstance(given, Iterable):
        return None
    if isinstance(given, HasWords) and not isinstance(given, pd.Series):
        return None
    texts = list(given)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ConfigError(f"{name}[{place}] is {show_value(text)}; it must be a string")
    return texts


def _number_texts(texts: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"utterance": range(len(texts)), "text": pd.Series(texts, dtype="object")})


def _describe(given: Any, texts: list[str] | None) -> str:
    if texts is not None:
        return f"a list of {count_noun(len(texts), 'text')}"
    return "one text" if isinstance(given, str) else f"of type {type(given).__name__}"


WordErrorRate.__module__ = "speechkit_nb"  # it prints under the name that users import
