"""Replacements of several words at once: an equivalence table, and numbers.

Each class finds runs of words to replace in the words of one utterance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from ...errors import ConfigError, MissingExtra


class Replacement(NamedTuple):
    """Words `first` to `last` (not included) are replaced by `words`."""

    first: int
    last: int
    words: tuple[str, ...]


class Phrases(Protocol):
    """Finds runs of words to replace. `facts` describes it for the hash of the normalizer."""

    @property
    def facts(self) -> str: ...

    def touches(self, word: str) -> bool:
        """Whether a run to replace may contain this word. Every run has a word for which this is true."""
        ...

    def find(self, words: Sequence[str]) -> list[Replacement]:
        """Replacements in order, without overlaps."""
        ...


@dataclass(frozen=True)
class Equivalents:
    """Replaces phrases by equivalent ones, from left to right; at each word the longest phrase is used.

    >>> table = Equivalents({("going", "to"): ("gonna",), ("ok",): ("okay",)})
    >>> table.find(["ok", "going", "to", "go"])
    [Replacement(first=0, last=1, words=('okay',)), Replacement(first=1, last=3, words=('gonna',))]
    """

    table: Mapping[tuple[str, ...], tuple[str, ...]]

    @staticmethod
    def from_table(table: Mapping[str, str], words: Callable[[str], list[str]]) -> Equivalents:
        """Makes a table from texts, which are normalized by `words`.

        Raises:
            ConfigError: if normalization removes all words of a phrase to replace.
        """
        split = {tuple(words(phrase)): tuple(words(same)) for phrase, same in table.items()}
        if () in split:
            lost = [phrase for phrase in table if not words(phrase)]
            raise ConfigError(f"equivalents: no word is left of {lost[0]!r} after normalization")
        return Equivalents(split)

    @property
    def facts(self) -> str:
        return repr(sorted(self.table.items()))

    @cached_property
    def _lengths(self) -> dict[str, list[int]]:
        lengths: dict[str, set[int]] = {}
        for phrase in self.table:
            lengths.setdefault(phrase[0], set()).add(len(phrase))
        return {word: sorted(found, reverse=True) for word, found in lengths.items()}

    def touches(self, word: str) -> bool:
        return word in self._lengths

    def find(self, words: Sequence[str]) -> list[Replacement]:
        found, at = [], 0
        while at < len(words):
            runs = (tuple(words[at : at + length]) for length in self._lengths.get(words[at], ()))
            phrase = next((run for run in runs if run in self.table), None)
            if phrase:
                found.append(Replacement(at, at + len(phrase), self.table[phrase]))
            at += len(phrase or (at,))
        return found


@dataclass(frozen=True)
class NumbersToDigits:
    """English number words to digits with text2num: "twenty five" becomes "25", "second" becomes "2nd".

    It is correct for cardinals, ordinals and decimals. Its limitations: a year read in pairs becomes two
    numbers ("nineteen eighty four" is "19 84"), digits followed by a word are not joined ("5 million" is
    "5 1000000"), and "one" and "second" always become digits, even if they are not numbers. Both sides are
    converted in the same way, so this matters only if one side has digits and the other has words.
    """

    language: str

    def __post_init__(self) -> None:
        if self.language != "en":
            raise ConfigError(
                f"numbers can be unified in English only, not in {self.language!r}: text2num reads no "
                "Russian, and digits do not tell the case and gender of a Russian numeral. Use "
                "equivalents={'пятьсот': '500'}, or alternatives in the reference, {500 / пятьсот}"
            )
        _text2num()

    @property
    def facts(self) -> str:
        from importlib.metadata import version

        return f"{self.language} text2num {version('text2num')}"

    def touches(self, word: str) -> bool:
        return word in _SCALES or bool(self.find([word]))

    def find(self, words: Sequence[str]) -> list[Replacement]:
        found = _text2num().find_numbers([_Token(word) for word in words], self.language, 0)
        return [Replacement(each.start, each.end, (each.text,)) for each in found]


_SCALES = frozenset({"hundred", "thousand", "million", "billion", "trillion"})


class _Token(NamedTuple):
    word: str

    def text(self) -> str:
        return self.word

    def text_lowercase(self) -> str:
        return self.word

    def nt_separated(self, previous: object) -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return False


def _text2num() -> Any:
    try:
        import text_to_num
    except ImportError as e:
        raise MissingExtra("numbers='digits'", "text2num", "local") from e
    if not hasattr(text_to_num, "find_numbers"):
        raise ConfigError(
            "numbers='digits' needs text2num 3, which has no wheel for a Mac with an Intel processor; "
            "pip install 'text2num>=3.1' compiles it, if Rust is installed"
        )
    return text_to_num


def replace_phrases(words: Sequence[str], replacements: Sequence[Replacement]) -> list[str]:
    """Applies replacements to words.

    >>> replace_phrases(["a", "b", "c"], [Replacement(1, 3, ("d",))])
    ['a', 'd']
    """
    result, at = list[str](), 0
    for first, last, new in replacements:
        result += [*words[at:first], *new]
        at = last
    return result + list(words[at:])
