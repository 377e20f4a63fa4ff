"""Refinements: a final as the request wants it written.

By default the refinement equals the final, as in the cloud. With normalization enabled numbers become digits,
and on request swear words are masked, and the text gets a capital letter and a full stop.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..engines.base import Word
from .classifiers import SWEARING
from .options import Options

PRONOUN = re.compile(r"\bi\b(?!\.\w)")


class Refinement(NamedTuple):
    """The words of a final, masked if the request says so, and its text as one would write it."""

    words: tuple[Word, ...]
    text: str


def refine(words: tuple[Word, ...], options: Options) -> Refinement:
    """The refinement of a final."""
    if options.masks_swearing:
        words = tuple(word._replace(text=mask(word.text)) for word in words)
    text = " ".join(word.text for word in words)
    language = options.language[:2].lower()
    if options.digits:
        text = write_digits(text, language)
    if options.literature_text:
        text = make_sentence(PRONOUN.sub("I", text) if language == "en" else text)
    return Refinement(words, text)


def mask(word: str) -> str:
    """A word with asterisks in place of its letters, if it is a swear word.

    >>> mask("Bullshit"), mask("shitake"), mask("страхуют")
    ('********', 'shitake', 'страхуют')
    """
    return "*" * len(word) if SWEARING.fullmatch(word.strip(".,!?…")) else word


def write_digits(text: str, language: str) -> str:
    """Number words as digits, in the languages that text2num knows; others stay unchanged.

    >>> write_digits("three hours and twenty minutes", "en")
    '3 hours and 20 minutes'
    """
    from text_to_num import alpha2digit

    try:
        return str(alpha2digit(text, language))
    except ValueError:
        return text


def make_sentence(text: str) -> str:
    """A text that starts with a capital letter and ends with a full stop, unless it ends with another mark.

    >>> make_sentence("how are you"), make_sentence("Yes?"), make_sentence("")
    ('How are you.', 'Yes?', '')
    """
    if not text:
        return text
    return text[0].upper() + text[1:] + ("" if text[-1] in ".?!…" else ".")
