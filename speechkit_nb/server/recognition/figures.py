"""Number words as figures: telephone numbers are found here, all others by damga or text2num.

damga has no wheels for some versions of Python. Without it text2num writes plain numbers in the languages
that it knows; Russian is not one of them.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate, groupby
from typing import Any

from rapidfuzz.distance import Indel

from ..engines.base import Word

DAMGA_LANGUAGES = ("de", "en", "es", "fr", "it", "ru", "tr")
PHONE_GROUPS = {7: (3, 2, 2), 11: (1, 3, 3, 2, 2)}
"""How many digits a telephone number has, without and with the code of the country, and its groups."""
COUNTRY_CODES = ("7", "8")
NUMBER_WORDS = {
    "en": {
        1: "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen",
        20: "twenty thirty forty fifty sixty seventy eighty ninety",
    },
    "ru": {
        1: "один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать "
        "четырнадцать пятнадцать шестнадцать семнадцать восемнадцать девятнадцать",
        20: "двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто",
        100: "сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот",
    },
}
"""Words for numbers, by the first of them; they are counted in ones, tens and hundreds."""
ZEROS = {"zero", "oh", "ноль", "нуль"}
PLUS = {"plus", "плюс"}
HOMONYMS = {"семью"}
"""Words that are more often something else than a number, if they stand alone."""
LARGE = re.compile("hundred|thousand|(m|b|tr)illion|тысяч|миллион|миллиард")
"""How words begin that multiply the number in front of them."""


def write_figures(
    words: Sequence[Word], language: str, *, groups_phones: bool, keeps_names: bool = False
) -> tuple[Word, ...]:
    """The words with figures in place of number words; words that become one figure are one word.

    Args:
        words: as they were recognized, with their times.
        language: its code, such as `"ru-RU"`.
        groups_phones: whether telephone numbers are grouped, as in 7(999)123-45-67.
        keeps_names: whether names of months have the capital letter that the language gives them.

    >>> written = write_figures([Word("room", 0, 5), Word("twenty", 5, 8), Word("five", 8, 9)], "en",
    ...                         groups_phones=True)
    >>> [tuple(word) for word in written]
    [('room', 0, 5), ('25', 5, 9)]
    """
    code = language[:2].lower()
    result: list[Word] = []
    for piece, digits in split_phones(words, code):
        if digits:
            result += merge(piece, group_phone(digits, groups_phones))
            continue
        written = convert_numbers([word.text for word in piece], code)
        result += merge(piece, written if groups_phones else ungroup(written), keeps_names)
    return tuple(result)


def explain_figures(language: str) -> str:
    """Why a text in this language has fewer figures than it could have; empty if it has all."""
    code = language[:2].lower()
    if code in DAMGA_LANGUAGES and has_damga():
        return ""
    lacking = "damga is not installed" if code in DAMGA_LANGUAGES else f"there is no grammar for {language!r}"
    if not code:
        lacking = "the request names no language"
    left = "only plain numbers become figures" if has_text2num(code) else "number words stay words"
    more = ": pip install damga, which has wheels for Python 3.11 to 3.13" if code in DAMGA_LANGUAGES else ""
    return f"normalization in the local server: {lacking}, so that {left}{more}"


@cache
def has_damga() -> bool:
    """Whether damga is installed."""
    return importlib.util.find_spec("damga") is not None


@cache
def has_text2num(code: str) -> bool:
    """Whether text2num knows the language."""
    from text_to_num import alpha2digit

    try:
        alpha2digit("", code)
    except Exception:  # version 2 has no other class for it
        return False
    return True


@cache
def _damga(code: str) -> Any:
    from damga import InverseNormalizer

    return InverseNormalizer(lang=code)


def convert_numbers(texts: Sequence[str], code: str) -> list[str]:
    """The words of a text with figures.

    >>> convert_numbers("three hours and twenty minutes".split(), "en")
    ['3', 'hours', 'and', '20', 'minutes']
    """
    if not texts:
        return []
    if code not in DAMGA_LANGUAGES or not has_damga():
        return _convert_plain(texts, code)
    return write_digits(_convert_plain(_damga(code).normalize(_fold(" ".join(texts))).split(), code), code)


def write_digits(texts: Sequence[str], code: str) -> list[str]:
    """Each word for a digit as this digit, if three or more are said in a row; damga leaves some as words.

    >>> write_digits("один из 9 1 один".split(), "ru"), write_digits("9 два".split(), "ru")
    (['один', 'из', '9', '1', '1'], ['9', 'два'])
    """
    known = {text: str(value) for text, value in _number_words(code).items() if value < 10 and text != "oh"}
    result: list[str] = []
    for is_digit, pairs in groupby(((text, known.get(text, text)) for text in texts), key=_is_digit):
        run = list(pairs)
        result += [pair[is_digit and len(run) >= 3] for pair in run]
    return result


def _is_digit(pair: tuple[str, str]) -> bool:
    return len(pair[1]) == 1 and pair[1].isdigit()


def _fold(text: str) -> str:
    """A text in small letters; damga reads four of Russian ordinals with е only."""
    return text.lower().replace("ё", "е")


def _convert_plain(texts: Sequence[str], code: str) -> list[str]:
    """Figures in each run of words that has none yet, by text2num: damga leaves small English numbers."""
    if not has_text2num(code):
        return list(texts)
    from text_to_num import alpha2digit

    result: list[str] = []
    run: list[str] = []
    for text in (*texts, "0"):  # the last one ends the last run
        if not has_digit(text) and not (LARGE.match(text) and not run):
            run.append(text)
            continue
        result += alpha2digit(" ".join(run), code).split()
        result.append(text)
        run = []
    return result[:-1]


def has_digit(text: str) -> bool:
    """Whether there is a digit in a text."""
    return any(map(str.isdigit, text))


def split_phones(words: Sequence[Word], code: str) -> Iterator[tuple[Sequence[Word], str]]:
    """The words in pieces: each is a telephone number with its digits, or other words and an empty text.

    >>> heard = [Word(text, 0, 0) for text in "call two one two eighty five zero six".split()]
    >>> [(len(piece), digits) for piece, digits in split_phones(heard, "en")]
    [(1, ''), (7, '2128506')]
    """
    texts = [word.text.lower() for word in words]
    at = done = 0
    while at < len(texts):
        count, groups = read_digits(texts[at:], code)
        if not is_phone(groups):
            groups = read_digits(texts[at:], code, joins_units=False)[1]
        is_followed = at + count < len(texts) and LARGE.match(texts[at + count])
        if is_phone(groups) and not is_followed:
            digits = "".join(groups)
            has_plus = len(digits) == 11 and at > done and texts[at - 1] in PLUS
            start = at - has_plus
            yield words[done:start], ""
            yield words[start : at + count], "+" * has_plus + digits
            done = at + count
        at += max(count, 1)
    if done < len(words):
        yield words[done:], ""


def is_phone(groups: Sequence[str]) -> bool:
    """Whether digits are a telephone number: by their count, and said within its groups.

    >>> is_phone(["2", "12", "85", "0", "6"]), is_phone(["19", "84", "200"])
    (True, False)
    """
    digits = "".join(groups)
    sizes = PHONE_GROUPS.get(len(digits), ())
    has_code = len(digits) < 11 or digits[0] in COUNTRY_CODES
    return bool(sizes) and has_code and set(accumulate(sizes)) <= set(accumulate(map(len, groups)))


def read_digits(texts: Sequence[str], code: str, joins_units: bool = True) -> tuple[int, list[str]]:
    """How many words at the start are read as digits, such as "two twelve eighty five", and their numbers.

    Args:
        texts: small letters.
        code: the language.
        joins_units: whether a unit after a hundred is added to it, as in 205, or a digit of its own, as in
            8(800)555-35-35.

    >>> read_digits(["двести", "двенадцать", "восемьдесят", "пять", "ноль", "шесть", "утра"], "ru")
    (6, ['212', '85', '0', '6'])
    """
    groups: list[int] = []
    room = 0  # what is added to the last group is below it
    for count, text in enumerate(texts):
        if code == "en" and text == "hundred" and groups and 0 < groups[-1] < 10:
            groups[-1], room = groups[-1] * 100, 100
            continue
        value = _number_words(code).get(text)
        if value is None or (text == "oh" and not groups):
            return count, [str(group) for group in groups]
        if 0 < value < room and (joins_units or room < 100 or value >= 10):
            groups[-1] += value
        else:
            groups.append(value)
        room = 0 if value < 20 else 100 if value >= 100 else 10
    return len(texts), [str(group) for group in groups]


@cache
def _number_words(code: str) -> dict[str, int]:
    """The value of each word for a number below 1000; empty for a language that is not known here."""
    values = {
        text: value
        for first, texts in NUMBER_WORDS.get(code, {}).items()
        for value, text in zip(range(first, 1000, 10 ** (len(str(first)) - 1)), texts.split(), strict=False)
    }
    return values | dict.fromkeys(ZEROS, 0) if values else {}


def group_phone(digits: str, is_grouped: bool) -> list[str]:
    """A telephone number as one word in its groups, or as several words without the marks between them.

    >>> group_phone("2128506", True), group_phone("79991234567", True), group_phone("79991234567", False)
    (['212-85-06'], ['7(999)123-45-67'], ['7', '999', '123', '45', '67'])
    """
    plus, digits = ("+", digits[1:]) if digits.startswith("+") else ("", digits)
    sizes = PHONE_GROUPS[len(digits)]
    parts = [digits[end - size : end] for size, end in zip(sizes, accumulate(sizes), strict=True)]
    if not is_grouped:
        return [plus + parts[0], *parts[1:]]
    if len(parts) == 3:
        return ["-".join(parts)]
    country, area, *rest = parts
    return [f"{plus}{country}({area}){'-'.join(rest)}"]


def ungroup(texts: Sequence[str]) -> list[str]:
    """Texts in which numbers with hyphens, as damga writes telephone numbers, are several words.

    >>> ungroup(["8", "999", "123-45-67", "21-й"])
    ['8', '999', '123', '45', '67', '21-й']
    """
    return [part for text in texts for part in (text.split("-") if _HYPHENS.fullmatch(text) else [text])]


_HYPHENS = re.compile(r"\d+(-\d+)+")


def merge(words: Sequence[Word], written: Sequence[str], keeps_names: bool = False) -> list[Word]:
    """The written words with their times; words without a change stay as they were recognized.

    >>> [tuple(word) for word in merge([Word("may", 0, 2), Word("twenty", 2, 5)], ["May", "20"])]
    [('may', 0, 2), ('20', 2, 5)]
    """
    spans = _find_changes([_fold(word.text) for word in words], [_fold(text) for text in written])
    if any(first == last or new == end for is_equal, first, last, new, end in spans if not is_equal):
        # a word stands elsewhere than it was said, so that its neighbours cannot be told apart
        changed = [span for span in spans if not span[0]]
        (_, first, _, new, _), (_, _, last, _, end) = changed[0], changed[-1]
        head, tail = (True, 0, first, 0, new), (True, last, len(words), end, len(written))
        spans = [head, (False, first, last, new, end), tail]
    result: list[Word] = []
    for is_equal, first, last, new, end in spans:
        said, texts = words[first:last], written[new:end]
        if is_equal:
            result += [
                word._replace(text=text) if keeps_names and text != _fold(text) else word
                for word, text in zip(said, texts, strict=True)
            ]
        elif not any(map(has_digit, texts)) or (len(said) == 1 and _fold(said[0].text) in HOMONYMS):
            result += said  # other changes, such as names of firms, are none that the service makes
        else:
            result += spread(said, join_thousands(said, texts))
    return result


def _find_changes(said: Sequence[str], written: Sequence[str]) -> list[tuple[bool, int, int, int, int]]:
    """Spans of words that are equal or not: whether they are, first and last said, first and last written."""
    steps = Indel.opcodes(said, written)
    return [
        (is_equal, run[0].src_start, run[-1].src_end, run[0].dest_start, run[-1].dest_end)
        for is_equal, group in groupby(steps, key=lambda step: step.tag == "equal")
        for run in [list(group)]
    ]


def join_thousands(said: Sequence[Word], texts: Sequence[str]) -> list[str]:
    """A number above 1000 as one word, without the separators of damga.

    >>> join_thousands([Word("тысяча", 0, 1), Word("двести", 1, 2)], ["1", "200"])
    ['1200']
    """
    line = re.sub(r"(?<=\d),(?=\d{3}\b)", "", " ".join(texts))
    if any(LARGE.match(word.text) for word in said):
        line = re.sub(r"(?<=\d) (?=\d{3}\b)", "", line)
    return line.split()


def spread(said: Sequence[Word], texts: Sequence[str]) -> list[Word]:
    """Texts with the times of the words that they stand for; each has its share by its length."""
    if not said:
        return []
    if len(said) == len(texts):
        return [word._replace(text=text) for word, text in zip(said, texts, strict=True)]
    start, end = said[0].start_ms, said[-1].end_ms
    n_letters = [0, *accumulate(map(len, texts))]
    bounds = [start + (end - start) * n // n_letters[-1] for n in n_letters]
    return [
        said[0]._replace(text=text, start_ms=bounds[i], end_ms=bounds[i + 1]) for i, text in enumerate(texts)
    ]
