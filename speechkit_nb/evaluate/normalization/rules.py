"""Small pure functions from text to text, of which normalizers are composed.

Each gets one raw word (the words of a frame may also hold spaces) and gives back what is left of it. A
space in what it gives back makes several words of it.
"""

from __future__ import annotations

import re
import unicodedata

VERSION = 1  # part of every hash: one more when what a function returns changes

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−⁃﹘﹣－", "-"))
_QUOTES = str.maketrans(dict.fromkeys("’‘‛ʼ＇`´ʹ′", "'") | dict.fromkeys("“”„‟«»‹›″", '"'))
_YO = str.maketrans("ёЁ", "еЕ")
_KEPT = "%№&@+°"
_INNER_MARK = re.compile(r"(?<=\w)[-'](?=\w)|(?<=\d)[.,:](?=\d)")
_THOUSANDS_EN = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_THOUSANDS_RU = re.compile(r"(?<=\d)[\u00a0\u202f](?=\d{3}(?!\d))")
_DECIMAL_RU = re.compile(r"(?<=\d),(?=\d)")


def compose(text: str) -> str:
    """Unicode NFC, so that й is one letter however it was typed; soft hyphens and the like go.

    >>> compose("и\\u0306од"), compose("сло\\u00adво")
    ('йод', 'слово')
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def lower(text: str) -> str:
    """Small letters.

    >>> lower("Привет")
    'привет'
    """
    return text.lower()


def yo_to_ye(text: str) -> str:
    """ё is written е; й stays what it is.

    >>> yo_to_ye("ещё мой йод")
    'еще мой йод'
    """
    return text.translate(_YO)


def drop_stress(text: str) -> str:
    """Accents that mark the stress go; after `compose` those of й and ё are not accents any more.

    >>> drop_stress("за\\u0301мок")
    'замок'
    """
    return text.replace("\u0301", "").replace("\u0300", "")


def unify_marks(text: str) -> str:
    """One dash and one apostrophe.

    >>> unify_marks("don’t — no")
    "don't - no"
    """
    return text.translate(_DASHES).translate(_QUOTES)


def plain_numerals_en(text: str) -> str:
    """Thousands are not grouped.

    >>> plain_numerals_en("1,250,000.5")
    '1250000.5'
    """
    return _THOUSANDS_EN.sub("", text)


def plain_numerals_ru(text: str) -> str:
    """Thousands are not grouped by fixed spaces; the decimal comma is a point.

    >>> plain_numerals_ru("1\u00a0250,5")
    '1250.5'
    """
    return _DECIMAL_RU.sub(".", _THOUSANDS_RU.sub("", text))


def drop_punctuation(text: str) -> str:
    """Letters, digits and signs that are read aloud (currencies and % № & @ + °) stay, the signs as words.

    Hyphens and apostrophes stay inside a word, points, commas and colons between digits. What goes leaves
    a space.

    >>> drop_punctuation("кое-кто, 'ну' -- в 10.5% (5₽)!").split()
    ['кое-кто', 'ну', 'в', '10.5', '%', '5', '₽']
    """
    if text.isalnum():
        return text
    inner = {match.start() for match in _INNER_MARK.finditer(text)}
    return "".join(
        character if place in inner else _spaced(character) for place, character in enumerate(text)
    )


def _spaced(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] in "LMN":
        return character
    return f" {character} " if category == "Sc" or character in _KEPT else " "
