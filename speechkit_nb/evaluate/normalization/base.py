"""Normalizers: what counts as the same word, with a name and a hash that go into every result."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ...errors import ConfigError
from . import rules as text
from .phrases import Equivalents, NumbersToDigits, Phrases, replace_phrases

Step = Callable[[str], str]

_RAW_WORD = re.compile(r"[^ \t\n\r\f\v]+")

_COMMON: tuple[Step, ...] = (text.compose, text.lower, text.unify_marks)
_LANGUAGES: dict[str, tuple[Step, ...]] = {
    "ru": (*_COMMON, text.yo_to_ye, text.drop_stress, text.plain_numerals_ru, text.drop_punctuation),
    "en": (*_COMMON, text.plain_numerals_en, text.drop_punctuation),
    "none": (),
}


@dataclass(frozen=True)
class Normalizer:
    """Makes words comparable.

    Attributes:
        name: said in results, such as `"ru"` or `"en+digits"`.
        steps: applied in turn to each raw word on its own, so that it stays known where a word came
            from; what they leave is split at spaces.
        phrases: what is replaced afterwards in the words of an utterance.

    >>> normalizer("ru")("Ещё раз: «Мой йод», 5₽!")
    ['еще', 'раз', 'мой', 'йод', '5', '₽']
    """

    name: str
    steps: tuple[Step, ...] = ()
    phrases: tuple[Phrases, ...] = ()

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that change with anything that may change a result."""
        facts = [*map(_facts_of, self.steps), *(phrase.facts for phrase in self.phrases)]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]

    def __call__(self, text: str) -> list[str]:
        """The words of a text."""
        words = [part for word in _RAW_WORD.findall(text) for part in self.parts(word)]
        for phrases in self.phrases:
            words = replace_phrases(words, phrases.find(words))
        return words

    def parts(self, word: str) -> list[str]:
        """What the steps make of one raw word: no word, one, or several.

        Raises:
            ConfigError: if a function of your own does not give back text.
        """
        left = word
        for step in self.steps:
            left = step(left)
            if not isinstance(left, str):
                raise ConfigError(
                    f"the normalizer {self.name!r} made {left!r} of {word!r}; a function gives back text, "
                    "'' for a word that goes"
                )
        return left.split()


def normalizer(
    how: str | Step | Normalizer,
    *,
    numbers: Literal["digits"] | None = None,
    equivalents: Mapping[str, str] | None = None,
) -> Normalizer:
    """A normalizer for a language, or one of your own, for `compare`, `score` and `align`.

    It is `sk.normalizer`: `sk.compare(..., normalizer=sk.normalizer("en", numbers="digits"))`.

    Args:
        how: `"ru"` and `"en"` (also as in `"ru-RU"`) compose Unicode, make letters small, unify dashes
            and apostrophes, group no thousands and drop punctuation. `"ru"` also writes ё as е and the
            decimal comma as a point, and drops stress marks. `"none"` leaves words as they are. A
            function gets one raw word at a time and returns what is left of it.
        numbers: `"digits"` writes English number words as digits; see `NumbersToDigits` for what cannot
            be trusted. Not offered for other languages.
        equivalents: phrases that count as the same: `{"going to": "gonna"}`.

    Raises:
        ConfigError: if there is no such normalizer.
        MissingExtra: if numbers need a package that is not installed.

    >>> normalizer("en-US", numbers="digits")("I'm thirty six, OK?")
    ["i'm", '36', 'ok']
    >>> normalizer(str.upper).name
    'upper'
    """
    made = how if isinstance(how, Normalizer) else _named(how)
    if numbers not in (None, "digits"):
        raise ConfigError(f"numbers={numbers!r}; there are None and 'digits'")
    if numbers:
        digits = NumbersToDigits(made.name.split("+")[0])
        made = replace(made, name=f"{made.name}+digits", phrases=(*made.phrases, digits))
    if equivalents:
        table = Equivalents.of(equivalents, made)
        made = replace(made, name=f"{made.name}+equivalents", phrases=(*made.phrases, table))
    return made


def _named(how: str | Step) -> Normalizer:
    if callable(how):
        return Normalizer(getattr(how, "__name__", type(how).__name__), (how,))
    name = how.lower().split("-")[0]
    if name not in _LANGUAGES:
        known = ", ".join(map(repr, _LANGUAGES))
        raise ConfigError(f"no normalizer {how!r}; there are {known}, or give a function from text to text")
    return Normalizer(name, _LANGUAGES[name])


def _facts_of(step: Step) -> str:
    """What a function does, as far as it can be told: its name, its source, and what it holds."""
    if getattr(step, "__module__", None) == text.__name__:
        return f"{step.__name__} {text.VERSION}"
    thing = step if inspect.isroutine(step) else type(step)
    try:
        source = inspect.getsource(thing)
    except (OSError, TypeError):
        source = ""
    holds = (
        step
        if thing is not step
        else [cell.cell_contents for cell in getattr(step, "__closure__", None) or ()]
    )
    said = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(holds))  # where it lies in memory
    return f"{getattr(thing, '__module__', '')}.{thing.__qualname__} {source} {said}"
