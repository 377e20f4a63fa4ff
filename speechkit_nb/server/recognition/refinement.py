"""Refinements: a final as the request wants it written.

By default the refinement equals the final, as in the cloud. Which options have an effect together is in
`text_options`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ...text_options import FIGURES, LITERATURE, MASKS, PHONES
from ..engines.base import LanguageEstimate, Word
from .classifiers import SWEARING
from .figures import explain_figures, write_figures
from .options import Options

PRONOUN = re.compile(r"\bi\b(?!\.\w)")


class Refinement(NamedTuple):
    """The words of a final as the request wants them written, and their text."""

    words: tuple[Word, ...]
    text: str


def refine(
    words: tuple[Word, ...], options: Options, languages: tuple[LanguageEstimate, ...] = ()
) -> Refinement:
    """The refinement of a final. Words that become one figure are one word, from the first to the last.

    Args:
        words: those of the final.
        options: those of the request.
        languages: estimates, if the engine looked for the language; the likeliest has its own figures.
    """
    effects, language = options.effects, find_language(options, languages)
    if FIGURES in effects:
        words = write_figures(
            words, language, groups_phones=PHONES in effects, keeps_names=LITERATURE in effects
        )
    if MASKS in effects:
        words = tuple(word._replace(text=mask(word.text)) for word in words)
    if LITERATURE in effects:
        words = make_sentence(words, language)
    return Refinement(words, " ".join(word.text for word in words))


def find_language(options: Options, languages: tuple[LanguageEstimate, ...]) -> str:
    """The likeliest of the languages that the engine looked for, or else that of the request."""
    detected = max(languages, key=lambda guess: guess.probability).code if languages else ""
    return detected or options.language


def explain_refinement(options: Options, languages: tuple[LanguageEstimate, ...]) -> str:
    """Why a refinement lacks figures that the request wants; empty if it has all."""
    return explain_figures(find_language(options, languages)) if FIGURES in options.effects else ""


def mask(word: str) -> str:
    """A word with asterisks in place of its letters, if it is a swear word.

    >>> mask("Bullshit"), mask("shitake"), mask("страхуют")
    ('********', 'shitake', 'страхуют')
    """
    return "*" * len(word) if SWEARING.fullmatch(word.strip(".,!?…")) else word


def make_sentence(words: tuple[Word, ...], language: str) -> tuple[Word, ...]:
    """Words that start with a capital letter and end with a full stop, unless they end with another mark.

    >>> " ".join(word.text for word in make_sentence((Word("yes", 0, 1), Word("i'm", 1, 2)), "en-US"))
    "Yes I'm."
    """
    if not words:
        return words
    texts = [word.text for word in words]
    if language[:2].lower() == "en":
        texts = [PRONOUN.sub("I", text) for text in texts]
    texts[0] = texts[0][:1].upper() + texts[0][1:]
    texts[-1] += "" if texts[-1][-1:] in tuple(".?!…") else "."
    return tuple(word._replace(text=text) for word, text in zip(words, texts, strict=True))
