"""Pure functions from text to text, the steps of normalizers.

Each takes one raw word and returns the normalized text. (A word of a frame may contain spaces.) A space in
the result separates words.
"""

from __future__ import annotations

import re
import unicodedata

VERSION = 2  # part of every hash; increase it if a function returns other results

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−⁃﹘﹣－", "-"))
_QUOTES = str.maketrans(dict.fromkeys("’‘‛ʼ＇`´ʹ′", "'") | dict.fromkeys("“”„‟«»‹›″", '"'))
_HAS_YO, _YO = re.compile("[ёЁ\u0308]"), re.compile("([еЕ])\u0308+")  # the second in NFD
_KEPT = "%№&@+°"
_LOOK = re.compile("[\u180b-\u180d\u180f\u20e3\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_STRESS = re.compile("([\u0400-\u052f][\u0302-\u036f]*)[\u0300\u0301]+")
_INNER_MARK = re.compile(r"(?<=\w)[-'](?=\w)|(?<=\d)[.,:](?=\d)")
_THOUSANDS_EN = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_THOUSANDS_RU = re.compile(r"(?<=\d)[\u00a0\u202f](?=\d{3}(?!\d))")
_DECIMAL_RU = re.compile(r"(?<=\d),(?=\d)")


def compose(text: str) -> str:
    """Composes Unicode (NFC), so that й is always one character; removes format characters like soft hyphens,
    and those that only choose the look of a character, as in emoji.

    >>> compose("и\\u0306од"), compose("сло\\u00adво"), compose("1\\ufe0f\\u20e3")
    ('йод', 'слово', '1')
    """
    if text.isascii():
        return text
    text = _LOOK.sub("", unicodedata.normalize("NFC", text))
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def lower(text: str) -> str:
    """Converts to lower case.

    >>> lower("Привет")
    'привет'
    """
    return text.lower()


def yo_to_ye(text: str) -> str:
    """Replaces ё by е; й is not changed.

    >>> yo_to_ye("ещё мой йод")
    'еще мой йод'
    """
    if not _HAS_YO.search(text):
        return text
    return unicodedata.normalize("NFC", _YO.sub(r"\1", unicodedata.normalize("NFD", text)))


def drop_stress(text: str) -> str:
    """Removes accents that mark stress, also of a letter that is one character with its accent, as ѝ.

    >>> drop_stress("за\\u0301мок"), drop_stress("ѝ мой ёж")
    ('замок', 'и мой ёж')
    """
    if text.isascii():
        return text
    bare = _STRESS.sub(r"\1", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", bare).replace("\u0301", "").replace("\u0300", "")


def unify_marks(text: str) -> str:
    """Replaces all kinds of dashes, apostrophes and quotation marks by one of each.

    >>> unify_marks("don’t — no")
    "don't - no"
    """
    return text.translate(_DASHES).translate(_QUOTES)


def plain_numerals_en(text: str) -> str:
    """Removes the commas between thousands.

    >>> plain_numerals_en("1,250,000.5")
    '1250000.5'
    """
    return _THOUSANDS_EN.sub("", text)


def plain_numerals_ru(text: str) -> str:
    """Removes the no-break spaces between thousands, and replaces the decimal comma by a point.

    >>> plain_numerals_ru("1\u00a0250,5")
    '1250.5'
    """
    return _DECIMAL_RU.sub(".", _THOUSANDS_RU.sub("", text))


def drop_punctuation(text: str) -> str:
    """Replaces punctuation by spaces.

    Letters, digits and signs that are read aloud (currencies and % № & @ + °) are kept, the signs as separate
    words. Hyphens and apostrophes are kept inside words; points, commas and colons are kept between digits.

    >>> drop_punctuation("кое-кто, 'ну' -- в 10.5% (5₽)!").split()
    ['кое-кто', 'ну', 'в', '10.5', '%', '5', '₽']
    """
    if text.isalnum():
        return text
    inner = {match.start() for match in _INNER_MARK.finditer(text)}
    parts, last = list[str](), ""
    for place, character in enumerate(text):
        category = unicodedata.category(character)
        # a combining mark belongs to the letter before it, and is none without a letter
        if place in inner or category[0] in "LN" or (category[0] == "M" and last in ("L", "M", "N")):
            parts.append(character)
        else:
            parts.append(f" {character} " if category == "Sc" or character in _KEPT else " ")
            category = "P"
        last = category[0]
    return "".join(parts)
