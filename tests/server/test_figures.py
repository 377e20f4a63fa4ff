"""Number words as figures: phrases, the times of words that merge, telephone numbers."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechkit_nb.server.engines.base import Word
from speechkit_nb.server.recognition import figures
from speechkit_nb.server.recognition.figures import explain_figures, group_phone, read_digits, write_figures

PAGE = Path(__file__).parents[2] / "docs" / "normalization.md"

# heard | as one would write it | what the libraries write instead, where it is something else
ENGLISH = """
twenty five | 25
i have twenty five apples | i have 25 apples
one hundred and twenty three | 123
two thousand and six | 2006
twenty five thousand six hundred | 25600
one thousand two hundred thirty four | 1234
six hundred and fifty million | 650 million
three thousand and five hundred | 3500 | 3005 hundred
a hundred people | 100 people
five kilometers | 5 kilometers
minus five degrees | -5 degrees
three point one four | 3.14
thirty two point five degrees | 32.5 degrees
zero point five | 0.5
ten percent | 10%
twenty five percent of three people | 25% of 3 people
chapter seven | chapter 7
i'm number one | i'm number 1
three hours and twenty minutes | 3 hours and 20 minutes
two hundred and fifty grams | 250 grams
room two oh five | room 205 | room 2 oh 5
flight nine eleven | flight 911 | flight 9 11
two or three | 2 or 3 | two or 3
two dogs and three cats | 2 dogs and 3 cats | two dogs and 3 cats
i want one of them | i want one of them
no one knows | no one knows
the second one | the second one
first of all | first of all
wait a second | wait a second
one by one | one by one
twenty first | 21st
the forty second street | the 42nd street
nineteen eighty four | 1984
in nineteen ninety nine | in 1999
twenty twenty four | 2024
the year two thousand | the year 2000
the nineteen nineties | the 1990s
the fifth of may two thousand and twenty | 5 may 2020
may the fifth twenty twenty | may 5 2020
june third twenty nineteen | june 3 2019
i was born on march twelfth nineteen eighty five | i was born on march 12 1985
on the first of june | on 1 june
december thirty first | december 31
at five thirty pm | at 5:30 p.m.
at half past seven | at 7:30
quarter to nine | 8:45
ten o'clock | 10 o'clock
seven a m | 7 a.m.
seven thirty in the morning | 7:30 in the morning | 7 30 in the morning
from nine to five | from 9 to 5
five dollars and twenty cents | $5.20
i paid five dollars | i paid $5
one million dollars | $1 million
fifty euros | €50
twenty pounds | £20
ninety nine cents | $0.99 | 99 cents
your number is two one two eight five zero six | your number is 212-85-06
two one two eighty five zero six | 212-85-06
call seven nine nine nine one two three four five six seven | call 7(999)123-45-67
eight eight hundred five five five three five three five | 8(800)555-35-35
"""
RUSSIAN = """
двадцать пять | 25
у меня двадцать пять яблок | у меня 25 яблок
сто двадцать три | 123
две тысячи шесть | 2006
двадцать пять тысяч шестьсот | 25600
миллион двести тысяч | 1200000
шестьсот пятьдесят миллионов | 650 млн
двадцатью пятью | 25
двухсот пятидесяти граммов | 250 граммов
пять километров | 5 километров
минус пять градусов | -5 градусов
три целых четырнадцать сотых | 3,14
ноль целых пять десятых | 0,5
тридцать шесть и шесть | 36,6 | 36 и 6
десять процентов | 10 %
двадцать пять процентов трёх человек | 25 % 3 человек
глава седьмая | глава 7 | глава седьмая
дом номер один | дом номер 1 | дом номер один
код один ноль два | код 1 0 2
я люблю свою семью | я люблю свою семью
три часа двадцать минут | 3 часа 20 минут | 3:20
два или три | 2 или 3 | два или 3
раз два три | раз два три | раз два 3
один из них | один из них
никто один не знает | никто один не знает
второй этаж | 2 этаж | второй этаж
первый второй третий | первый второй третий
во-первых | во-первых
семья из пяти человек | семья из 5 человек
двадцать первый | 21-й
на сорок второй улице | на 42-й улице
полтора часа | 1,5 часа | полтора часа
два с половиной миллиона | 2,5 миллиона | два с половиной миллиона
в тысяча девятьсот восемьдесят четвёртом году | в 1984 году
в две тысячи десятом году | в 2010 году
девяностые годы | 90-е годы
пятого мая две тысячи двадцатого года | 5 мая 2020 года
двадцать третье февраля | 23 февраля
восьмого марта | 8 марта
я родился двенадцатого марта тысяча девятьсот восемьдесят пятого года | я родился 12 марта 1985 года
к тридцать первому декабря | к 31 декабря
первого сентября | 1 сентября
в пять тридцать | в 5:30 | в 5 30
в половине восьмого | в 7:30 | в половине восьмого
в семь часов тридцать минут вечера | в 7:30 вечера
десять часов утра | 10 часов утра
без пятнадцати девять | 8:45 | без 15 9
с девяти до пяти | с 9 до 5
встреча в девятнадцать ноль ноль | встреча в 19:00 | встреча в 19 ноль ноль
пять рублей двадцать копеек | 5 рублей 20 копеек
два рубля | 2 рубля | два рубля
миллион рублей | 1000000 рублей | миллион рублей
пятьдесят евро | 50 евро
сто долларов | 100 долларов
тысяча двести рублей | 1200 рублей
двухсот пятидесяти рублей | 250 рублей
ваш номер двести двенадцать восемьдесят пять ноль шесть | ваш номер 212-85-06
мой номер два один два восемь пять ноль шесть спасибо | мой номер 212-85-06 спасибо
восемь девятьсот девяносто девять сто двадцать три сорок пять шестьдесят семь | 8(999)123-45-67
плюс семь девятьсот девяносто девять сто двадцать три сорок пять шестьдесят семь | +7(999)123-45-67
семь девять девять девять один два три четыре пять шесть семь | 7(999)123-45-67
восемь восемьсот пятьсот пятьдесят пять тридцать пять тридцать пять | 8(800)555-35-35
восемь восемьсот пять пять пять три пять три пять | 8(800)555-35-35
"""
PHRASES = [
    (language, *line.split(" | "))
    for language, text in (("en-US", ENGLISH), ("ru-RU", RUSSIAN))
    for line in text.strip().splitlines()
]


def say(text: str) -> list[Word]:
    """Words of 100 ms each, without pauses."""
    return [Word(word, 100 * i, 100 * (i + 1)) for i, word in enumerate(text.split())]


def write(text: str, language: str, *, groups_phones: bool = True) -> str:
    return " ".join(word.text for word in write_figures(say(text), language, groups_phones=groups_phones))


@pytest.mark.parametrize("language", ["en-US", "ru-RU"])
def test_phrases(language: str) -> None:
    """Each phrase is written as one would, or as the table says that the libraries write it."""
    expected = {heard: (other or [right])[0] for code, heard, right, *other in PHRASES if code == language}
    assert {heard: write(heard, language) for heard in expected} == expected


def test_the_page_counts_the_phrases_that_are_written_otherwise() -> None:
    """Nobody is told that the figures are better than they are."""
    counts = [
        sum(code == language and len(columns) == n for code, _, *columns in PHRASES)
        for language in ("en-US", "ru-RU")
        for n in (1, 2)
    ]
    right_en, wrong_en, right_ru, wrong_ru = counts
    (told,) = re.findall(
        r"(\d+) of (\d+) English and (\d+) of (\d+) Russian phrases", PAGE.read_text("utf-8")
    )
    assert [int(n) for n in told] == [right_en, right_en + wrong_en, right_ru, right_ru + wrong_ru]


@pytest.mark.parametrize(
    ("heard", "language", "expected"),
    [
        ("room twenty five please", "en", [("room", 0, 100), ("25", 100, 300), ("please", 300, 400)]),
        (
            "номер двести двенадцать восемьдесят пять ноль шесть",
            "ru",
            [("номер", 0, 100), ("212-85-06", 100, 700)],
        ),
        ("пять рублей", "ru", [("5", 0, 100), ("рублей", 100, 200)]),
        ("the fifth of may", "en", [("5", 0, 300), ("may", 300, 400)]),
        ("nineteen eighty four was", "en", [("1984", 0, 300), ("was", 300, 400)]),
        ("плюс семь девятьсот сто двадцать три сорок пять шестьдесят семь восемь", "ru", None),
    ],
)
def test_times_of_words_that_merge(
    heard: str, language: str, expected: list[tuple[str, int, int]] | None
) -> None:
    """A figure lasts from the start of its first word to the end of its last; others keep their times."""
    written = write_figures(say(heard), language, groups_phones=True)
    if expected is not None:
        assert [tuple(word) for word in written] == expected
    assert (written[0].start_ms, written[-1].end_ms) == (0, 100 * len(heard.split()))


NUMBERS = (*figures.NUMBER_WORDS["ru"][1].split(), *figures.NUMBER_WORDS["en"][20].split())
OTHERS = (
    "тысяч",
    "рублей",
    "мая",
    "часов",
    "thousand",
    "dollars",
    "may",
    "и",
    "and",
    "hundred",
    "сто",
    "слово",
    "i",
    "Ёж",
)


@given(
    st.lists(st.sampled_from((*NUMBERS, *OTHERS)), max_size=12), st.sampled_from(["en", "ru"]), st.booleans()
)
def test_words_stay_in_order_and_within_the_speech(
    texts: list[str], language: str, groups_phones: bool
) -> None:
    """Whatever is said: times ascend and stay within those of the speech, and words without figures stay."""
    said = say(" ".join(texts))
    written = write_figures(said, language, groups_phones=groups_phones)
    bounds = [time for word in written for time in (word.start_ms, word.end_ms)]
    assert bounds == sorted(bounds)
    if texts:
        assert bounds[0] >= 0
        assert bounds[-1] == 100 * len(texts)
    kept = [word for word in written if not any(map(str.isdigit, word.text))]
    assert {word.text for word in kept} <= {*texts, "million", "млн", "тыс.", "a.m.", "p.m.", "%"}


def speak(digits: str) -> list[str]:
    """Russian words for one to three digits, as in telephone numbers; the slow truth of `read_digits`."""
    ones, tens, hundreds = (figures.NUMBER_WORDS["ru"][first].split() for first in (1, 20, 100))
    words: list[str] = []
    if len(digits) == 3:
        words += [hundreds[int(digits[0]) - 1]]
        digits = digits[1:]
    if (value := int(digits)) >= 20:
        return words + [tens[value // 10 - 2]] + ([ones[value % 10 - 1]] if value % 10 else [])
    return words + ([ones[value - 1]] if value else [])


@given(
    st.integers(100, 999),
    st.integers(10, 99),
    st.integers(10, 99),
    st.sampled_from(["", "7", "8"]),
    st.data(),
)
def test_numbers_said_in_groups(a: int, b: int, c: int, country: str, data: st.DataObject) -> None:
    """A number of 7 or 11 digits is read from its groups, however it is said, and written in its groups."""
    area = str(data.draw(st.integers(100, 999))) if country else ""
    # between ten and nineteen, or with a zero at its end, a group cannot join with the next one
    parts = [*filter(None, (country, area)), str(a), str(b), str(c)]
    words = [word for part in parts for word in speak(part)]
    digits = "".join(parts)
    if "".join(read_digits(words, "ru")[1]) == digits:
        assert write(" ".join(words), "ru") == group_phone(digits, is_grouped=True)[0]
        assert write(" ".join(words), "ru", groups_phones=False).replace(" ", "") == digits
    one_by_one = " ".join(speak(digit)[0] if digit != "0" else "ноль" for digit in digits)
    assert write(one_by_one, "ru") == group_phone(digits, is_grouped=True)[0]


@pytest.mark.parametrize(
    ("heard", "language", "expected"),
    [
        (
            "семь девятьсот девяносто девять сто двадцать три сорок пять шестьдесят семь",
            "ru",
            "7 999 123 45 67",
        ),
        ("your number is two one two eight five zero six", "en", "your number is 212 85 06"),
        ("в пять часов тридцать минут", "ru", "в 5:30"),
        ("телефон девятьсот девяносто девять сто двадцать три сорок пять шестьдесят семь", "ru", None),
    ],
)
def test_telephone_numbers_without_marks(heard: str, language: str, expected: str | None) -> None:
    """Without phone_formatting only the marks of telephone numbers are left out."""
    written = write(heard, language, groups_phones=False)
    assert "-" not in written
    assert expected in (None, written)


@pytest.mark.parametrize(
    ("heard", "language"),
    [
        ("двести двенадцать восемьдесят пять ноль шесть тысяч", "ru"),
        ("один два три четыре пять шесть", "ru"),
        ("one two three four five six seven eight", "en"),
        ("two million one hundred thousand", "en"),
        ("in nineteen eighty four two hundred people", "en"),
        ("двадцать пять сто двадцать тридцать", "ru"),
        ("шесть девять девять девять один два три четыре пять шесть семь", "ru"),
    ],
)
def test_what_is_no_telephone_number(heard: str, language: str) -> None:
    """Numbers of other lengths, in thousands, in other groups, or eleven without a code of a country."""
    assert not re.search(r"\d-\d", write(heard, language, groups_phones=True))


@pytest.mark.parametrize(
    ("code", "expected", "explanation"),
    [
        ("en-US", "your number is 212-85-06 and i have 25 dollars", "only plain numbers become figures"),
        ("ru-RU", "ваш номер 212-85-06 и двадцать пять рублей", "number words stay words"),
    ],
)
def test_without_damga(monkeypatch: pytest.MonkeyPatch, code: str, expected: str, explanation: str) -> None:
    """Telephone numbers and plain English numbers are written, and what is missing is explained."""
    monkeypatch.setattr(figures, "has_damga", lambda: False)
    heard = {
        "en-US": "your number is two one two eighty five zero six and i have twenty five dollars",
        "ru-RU": "ваш номер двести двенадцать восемьдесят пять ноль шесть и двадцать пять рублей",
    }
    assert write(heard[code], code) == expected
    assert explanation in explain_figures(code)
    assert "pip install damga" in explain_figures(code)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("ru-RU", ""),
        ("kk-KZ", "there is no grammar for 'kk-KZ', so that number words stay words"),
        ("pt-BR", "there is no grammar for 'pt-BR', so that only plain numbers become figures"),
        ("", "the request names no language, so that number words stay words"),
    ],
)
def test_what_is_missing_is_explained(language: str, expected: str) -> None:
    """A language without grammar is named, and a request without a language."""
    assert explain_figures(language).removeprefix("normalization in the local server: ") == expected


def test_the_version_of_text2num_for_intel_macs(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a language that it does not know it raises another exception than the versions after it."""

    def refuse(*_: object) -> str:
        raise Exception("Language not supported")

    monkeypatch.setattr("text_to_num.alpha2digit", refuse)
    assert not figures.has_text2num.__wrapped__("kk")


def test_the_languages_of_damga() -> None:
    """The list is that of the library, and the page has it."""
    import damga

    assert sorted(figures.DAMGA_LANGUAGES) == damga.api.available_languages()
    assert f"| {', '.join(sorted(figures.DAMGA_LANGUAGES))} by the package damga;" in PAGE.read_text(
        encoding="utf-8"
    )
