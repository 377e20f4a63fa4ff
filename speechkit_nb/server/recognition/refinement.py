"""The refined text of a final: numbers as digits, a capital letter, a full stop."""

from __future__ import annotations

import re

PRONOUN = re.compile(r"\bi\b(?!\.\w)")


def refine(text: str, language: str, *, digits: bool) -> str:
    """Writes what was heard the way it would be written.

    Args:
        text: lower-case words without punctuation.
        language: code such as "en-US"; numbers of a language without a number grammar stay words.
        digits: whether numbers become digits.

    >>> refine("i paid twenty five dollars", "en-US", digits=True)
    'I paid 25 dollars.'
    >>> refine("i paid twenty five dollars", "en-US", digits=False)
    'I paid twenty five dollars.'
    """
    language = language[:2].lower()
    if digits:
        text = numbers_to_digits(text, language)
    if language == "en":
        text = PRONOUN.sub("I", text)
    return sentence(text)


def numbers_to_digits(text: str, language: str) -> str:
    """Number words as digits, in the languages text2num knows; other languages stay as they are.

    >>> numbers_to_digits("three hours and twenty minutes", "en")
    '3 hours and 20 minutes'
    """
    from text_to_num import alpha2digit

    try:
        return str(alpha2digit(text, language))
    except ValueError:
        return text


def sentence(text: str) -> str:
    """Capital letter first, full stop last, if they are not there.

    >>> sentence("how are you"), sentence("Yes?"), sentence("")
    ('How are you.', 'Yes?', '')
    """
    if not text:
        return text
    return text[0].upper() + text[1:] + ("" if text[-1] in ".?!…" else ".")
