"""Pronunciations of English words, for forced alignment."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ...errors import ConfigError, check_type, show_value

PHONES = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
)
_HISSES = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
_VOICELESS = frozenset({"P", "T", "K", "F", "TH"})
_LONGEST_SPELLED = 5
_LONGEST_WORD = 100
_SHORTEST_PART = 3
_LETTER_NAMES = {"a": "EY", "w": "D AH B AH L Y UW"}

Lookup = Callable[[str], str | None]


@dataclass(frozen=True)
class SpokenWord:
    """A word as written, its form in the dictionary, and the number of its line."""

    written: str
    bare: str
    line: int


def spoken_words(text: str) -> list[SpokenWord]:
    """The words of a text that are spoken; punctuation without letters or digits is left out.

    >>> [(word.written, word.bare, word.line) for word in spoken_words("“Don’t,” — I said.\\nWell")]
    [('“Don’t,”', "don't", 0), ('I', 'i', 0), ('said.', 'said', 0), ('Well', 'well', 1)]
    """
    lines = [line for line in text.splitlines() if any(map(bare, line.split()))]
    return [
        SpokenWord(word, bare(word), number)
        for number, line in enumerate(lines)
        for word in line.split()
        if bare(word)
    ]


def bare(word: str) -> str:
    """Lower case, without accents and surrounding punctuation, with straight apostrophes.

    >>> bare("«Café»,"), bare("O’Clock")
    ('cafe', "o'clock")
    """
    decomposed = unicodedata.normalize("NFKD", word.replace("’", "'")).lower()
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return re.sub(r"^[\W_]+|[\W_]+$", "", plain)


def pronunciations(
    words: list[SpokenWord], lookup: Lookup, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Phones, by bare word, of the words that are given, and of those that are not in the dictionary.

    The first of these that applies: as given; as in the dictionary (left out of the result); a word with `'s`
    is that word and the ending; up to five capitals are spelled; parts between hyphens or other punctuation
    are joined; a compound of two words is their phones in order.

    Args:
        lookup: returns the phones of a word in the dictionary, or None.
        given: phones by word, such as `{"Yandex": "Y AA N D EH K S"}`.

    Raises:
        ConfigError: if words have no pronunciation (the error lists them), or a given phone does not exist.
    """
    for name, own_phones in (given or {}).items():
        check_type("a word in pronunciations", name, str, "a text")
        check_type(
            f"the pronunciation of {show_value(name)}", own_phones, str, "phones, such as 'HH AH L OW'"
        )
    own = {bare(word): _checked(word, phones) for word, phones in (given or {}).items()}
    found, unknown = {}, []
    for word in words:
        if len(word.bare) > _LONGEST_WORD or not word.bare.isprintable():
            unknown.append(word.written)  # pocketsphinx cannot have it in its dictionary
        elif word.bare in own:
            found[word.bare] = own[word.bare]
        elif word.bare not in found and lookup(word.bare) is None:
            phones = _guess(word, lambda name: own.get(name) or lookup(name))
            if phones is None:
                unknown.append(word.written)
            else:
                found[word.bare] = phones
    if unknown:
        raise ConfigError(_unknown(list(dict.fromkeys(unknown))))
    return found


def _guess(word: SpokenWord, lookup: Lookup) -> str | None:
    if phones := _possessive(word.bare, lookup):
        return phones
    letters = re.sub(r"[\W_]", "", word.written)
    if letters.isupper() and letters.isascii() and letters.isalpha() and len(letters) <= _LONGEST_SPELLED:
        return _spelled(letters.lower(), lookup)
    return _parts(word.bare, lookup) or _compound(word.bare, lookup)


def _possessive(name: str, lookup: Lookup) -> str | None:
    owner = name.removesuffix("'s")
    base = None if owner == name else lookup(owner) or _compound(owner, lookup)
    if not base:
        return None
    last = base.split()[-1]
    return f"{base} {'IH Z' if last in _HISSES else 'S' if last in _VOICELESS else 'Z'}"


def _parts(name: str, lookup: Lookup) -> str | None:
    parts = [part for part in re.split(r"[^\w']+", name) if part]
    return _joined(map(lookup, parts)) if len(parts) > 1 else None


def _spelled(letters: str, lookup: Lookup) -> str | None:
    return _joined(_LETTER_NAMES.get(letter) or lookup(f"{letter}.") for letter in letters)


def _compound(name: str, lookup: Lookup) -> str | None:
    """Phones of two words written as one, with the longest first word for which both are known."""
    for cut in range(len(name) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
        if phones := _joined(map(lookup, (name[:cut], name[cut:]))):
            return phones
    return None


def _joined(parts: Iterator[str | None]) -> str | None:
    phones = list(parts)
    known = [part for part in phones if part]
    return " ".join(known) if len(known) == len(phones) else None


def _checked(word: str, phones: str) -> str:
    wrong = [phone for phone in phones.split() if phone not in PHONES.split()]
    if wrong or not phones.split():
        what = f"there is no phone {show_value(wrong[0])}" if wrong else "it has no phones"
        raise ConfigError(f"pronunciation of {show_value(word)}: {what}; phones are {PHONES}")
    return phones


def _unknown(words: list[str]) -> str:
    more = f" and {len(words) - 10} more" if len(words) > 10 else ""
    shown = ", ".join(map(show_value, words[:10])) + more
    numbers = "write numbers in words, or " if any(re.search(r"\d", word) for word in words) else ""
    return (
        f"no pronunciation of {shown}: {numbers}give it, such as "
        f"pronunciations={{{show_value(words[0])}: 'HH AH L OW'}} (phones of CMUdict)"
    )
