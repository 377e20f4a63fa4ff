"""The word error rate of texts in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import nan

import pandas as pd

from ...errors import ConfigError, count_noun
from ..alignment.api import align
from ..normalization.base import Normalizer
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
    reference: str | Sequence[str],
    hypothesis: str | Sequence[str],
    normalizer: str | Callable[[str], str] | Normalizer | None = None,
) -> WordErrorRate:
    """The word error rate of a text, or of many texts together.

    Of the alignments with the fewest errors, one with the most hits is used. So the rate is the same as in
    other tools, but there may be fewer substitutions. For many texts, errors and words are added, and then
    divided.

    Args:
        reference: the spoken text, or a list of texts. It may contain alternatives, `{7 / seventh}`.
        hypothesis: the recognized text, or a list of equally many texts in the same order.
        normalizer: makes words comparable, such as `"en"` or `"ru"`, see `normalizer`; default: None,
            words are compared as written.

    Returns:
        Rate, counts and alignment. The rate of a reference without words is NaN; its insertions are counted.
        (jiwer returns the number of insertions, or 0, as the rate.)

    Raises:
        ConfigError: if a text is not a string, lists have different lengths, or the normalizer is unknown.
        SchemaError: if alternatives in the reference have wrong syntax.
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
    ref, hyp = _check_texts(reference, "reference"), _check_texts(hypothesis, "hypothesis")
    is_single = isinstance(reference, str)
    if is_single != isinstance(hypothesis, str) or len(ref) != len(hyp):
        raise ConfigError(
            f"reference is {_describe(reference)}, hypothesis is {_describe(hypothesis)}: give two texts, or "
            "two lists of the same length"
        )
    frames = [
        pd.DataFrame({"utterance": range(len(texts)), "text": pd.Series(texts, dtype="str")})
        for texts in (ref, hyp)
    ]
    alignment = align(
        ref[0] if is_single else frames[0],
        {"hypothesis": hyp[0] if is_single else frames[1]},
        by=() if is_single else ["utterance"],
        normalizer="none" if normalizer is None else normalizer,
    )
    total = count_total(alignment)
    return WordErrorRate(total.hits, total.substitutions, total.deletions, total.insertions, alignment)


def _check_texts(given: str | Sequence[str], name: str) -> list[str]:
    texts = [given] if isinstance(given, str) else list(given)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise ConfigError(f"{name}[{place}] is {text!r}; it must be a string")
    return texts


def _describe(given: str | Sequence[str]) -> str:
    return "one text" if isinstance(given, str) else f"a list of {count_noun(len(given), 'text')}"


WordErrorRate.__module__ = "speechkit_nb"  # it prints under the name that users import
