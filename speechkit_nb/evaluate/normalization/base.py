"""Normalizers make words comparable. Their name and hash are stored with every result."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ...errors import ConfigError, check_choice, check_type, list_names, show_value
from . import rules as text
from .phrases import Equivalents, NumbersToDigits, Phrases, replace_phrases

Step = Callable[[str], str]

_RAW_WORD = re.compile(r"[^ \t\n\r\f\v]+")

_COMMON: tuple[Step, ...] = (text.compose, text.lower, text.unify_marks)
_LANGUAGES: dict[str, tuple[Step, ...]] = {
    "ru": (*_COMMON, text.drop_stress, text.yo_to_ye, text.plain_numerals_ru, text.drop_punctuation),
    "en": (*_COMMON, text.plain_numerals_en, text.drop_punctuation),
    "none": (),
}


@dataclass(frozen=True)
class Normalizer:
    """Makes words comparable.

    Attributes:
        name: its name in results, such as `"ru"` or `"en+digits"`.
        steps: functions that are applied in order to each raw word separately, so that the raw word of each
            result is known. The result is split at spaces.
        phrases: replacements of several words, applied afterwards to the words of an utterance.

    >>> normalizer("ru")("Ещё раз: «Мой йод», 5₽!")
    ['еще', 'раз', 'мой', 'йод', '5', '₽']
    """

    name: str
    steps: tuple[Step, ...] = ()
    phrases: tuple[Phrases, ...] = ()

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits that depend on everything that may change a result."""
        facts = [*map(_describe_step, self.steps), *(phrase.facts for phrase in self.phrases)]
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]

    def __call__(self, text: str) -> list[str]:
        """The words of a text."""
        check_type("the text to normalize", text, str, "a text")
        words = [part for word in _RAW_WORD.findall(text) for part in self.parts(word)]
        for phrases in self.phrases:
            words = replace_phrases(words, phrases.find(words))
        return words

    def parts(self, word: str) -> list[str]:
        """Applies the steps to one raw word; returns no word, one, or several.

        Raises:
            ConfigError: if a step does not return a string.
        """
        left = word
        for step in self.steps:
            try:
                left = step(left)
            except Exception as error:  # of the user's function
                raise ConfigError(
                    f"the normalizer {self.name!r} fails for {show_value(left)}: "
                    f"{type(error).__name__}: {error}"
                ) from error
            if not isinstance(left, str):
                raise ConfigError(
                    f"the normalizer {self.name!r} made {show_value(left)} of {show_value(word)}; a function "
                    "gives back text, '' for a word that goes"
                )
        return left.split()


How = str | Step | Normalizer | None
"""What `normalizer` takes; None is the same as "none"."""


def normalizer(
    how: How,
    *,
    numbers: Literal["digits"] | None = None,
    equivalents: Mapping[str, str] | None = None,
) -> Normalizer:
    """Makes a normalizer for a language or from a function, for `compare`, `score` and `align`.

    For example, `sk.compare(..., normalizer=sk.normalizer("en", numbers="digits"))`.

    Args:
        how: `"ru"` and `"en"` (also as in `"ru-RU"`) compose Unicode, convert to lower case, unify
            dashes and apostrophes, and remove thousands separators and punctuation. `"ru"` also replaces ё by
            е and the decimal comma by a point, and removes stress marks. `"none"` or None does not change
            words. A function takes one raw word and returns the normalized text.
        numbers: `"digits"` converts English number words to digits; see `NumbersToDigits` for its
            limitations. Not available for other languages.
        equivalents: phrases that are replaced by equivalent ones: `{"going to": "gonna"}`.

    Raises:
        ConfigError: if the normalizer is unknown, or an option has an invalid value.
        MissingExtra: if `numbers` needs a package that is not installed.

    >>> normalizer("en-US", numbers="digits")("I'm thirty six, OK?")
    ["i'm", '36', 'ok']
    >>> normalizer(str.upper).name
    'upper'
    """
    made = how if isinstance(how, Normalizer) else _choose("none" if how is None else how)
    check_choice("numbers", numbers, ("digits", None))
    if numbers:
        digits = NumbersToDigits(made.name.split("+")[0])
        made = replace(made, name=f"{made.name}+digits", phrases=(*made.phrases, digits))
    if equivalents is not None:
        check_type("equivalents", equivalents, Mapping, "a mapping of texts to texts")
        list_names("the texts of equivalents", [*equivalents, *equivalents.values()])
    if equivalents:
        table = Equivalents.from_table(equivalents, made)
        made = replace(made, name=f"{made.name}+equivalents", phrases=(*made.phrases, table))
    return made


def _choose(how: str | Step) -> Normalizer:
    if callable(how):
        return Normalizer(getattr(how, "__name__", type(how).__name__), (how,))
    name = how.lower().split("-")[0] if isinstance(how, str) else ""
    if name not in _LANGUAGES:
        known = ", ".join(map(repr, _LANGUAGES))
        raise ConfigError(
            f"no normalizer {show_value(how)}; there are {known}, or give a function from text to text"
        )
    return Normalizer(name, _LANGUAGES[name])


def _describe_step(step: Step) -> str:
    """Describes a function for the hash: its name, its source code, and the values it refers to."""
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
    values = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(holds))  # memory addresses differ between runs
    return f"{getattr(thing, '__module__', '')}.{thing.__qualname__} {source} {values}"
