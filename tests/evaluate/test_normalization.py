"""Normalizers: the normalized words, and the raw words they came from."""

import random
import subprocess
import sys
import unicodedata
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechkit_nb.errors import ConfigError, MissingExtra
from speechkit_nb.evaluate import Normalizer, align, normalize_tokens, normalizer
from speechkit_nb.evaluate.normalization.phrases import Replacement, replace_phrases
from speechkit_nb.evaluate.normalization.tokens import Tokens

CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяАЁЙ"


def tokens_of(*utterances, seconds=None):
    """Raw words of utterances, each given as text; word k is from k to k + 1 s by default."""
    split = [text.split() for text in utterances]
    flat = pa.array([word for words in split for word in words], pa.large_string())
    offsets = np.cumsum([0, *map(len, split)])
    start = np.arange(len(flat), dtype=float) if seconds is None else np.array([s for s, _ in seconds])
    end = start + 1 if seconds is None else np.array([e for _, e in seconds])
    return Tokens.raw(flat, offsets, start, end)


@pytest.mark.parametrize(
    ("language", "raw", "words"),
    [
        ("ru", "Ещё — «мой» Йод…", "еще мой йод"),
        ("ru", "и\u0306од е\u0308лка за\u0301мок", "йод елка замок"),
        ("ru", "кое‑кто, кто–то", "кое-кто кто-то"),
        ("ru", "10 000,5\u00a0₽ или 1\u00a0000 ₽", "10 000.5 ₽ или 1000 ₽"),
        ("ru", "5% №7", "5 % № 7"),
        ("en", "Don’t stop—it's 'fine'!", "don't stop-it's fine"),
        ("en", "$1,250.50 at 10:30, i.e. now", "$ 1250.50 at 10:30 i e now"),
        ("en", "and/or snake_case co\u00adoperate", "and or snake case cooperate"),
        ("en-US", "A", "a"),
        ("none", "Ещё, Ё!", "Ещё, Ё!"),
    ],
)
def test_languages_unify_what_is_only_spelled_differently(language, raw, words):
    """Case, punctuation, dashes, quotes; Russian ё and stress marks; signs that are read aloud are kept."""
    assert " ".join(normalizer(language)(raw)) == words


@given(st.text(st.sampled_from([*CYRILLIC, "\u0301", "\u0306", "\u0308", " ", "-"]), max_size=20))
def test_ye_is_for_yo_and_never_i_for_short_i(text):
    """Every й is kept, composed or not, and every ё is replaced."""
    composed = unicodedata.normalize("NFC", text).lower()
    found = " ".join(normalizer("ru")(text))
    assert found.count("й") == composed.count("й")
    assert "ё" not in found


@given(st.text(max_size=30))
def test_normalizing_twice_changes_nothing(text):
    """Normalizing a normalized text does not change it."""
    for language in ("ru", "en", "none"):
        once = normalizer(language)(text)
        assert normalizer(language)(" ".join(once)) == once


@given(st.lists(st.text(st.sampled_from("aBё-.,'5 %"), min_size=1, max_size=8), max_size=12))
def test_columns_give_the_words_of_the_text(raw):
    """Normalizing many words at once gives the same as normalizing each separately."""
    words = [word for word in raw if word.strip()]
    tokens = Tokens.raw(pa.array(words, pa.large_string()), np.array([0, len(words)]))
    how = normalizer("ru")
    alone = [(part, place) for place, word in enumerate(words) for part in how.parts(word)]
    found = normalize_tokens(tokens, how)
    assert list(zip(found.word.to_pylist(), found.first.tolist(), strict=True)) == alone
    assert found.vanished == sum(not how.parts(word) for word in words)


def test_a_word_that_becomes_several_shares_its_time_by_characters():
    """Time is divided in proportion to characters, without gaps."""
    found = normalize_tokens(tokens_of("ok", "and/or.5$", seconds=[(0.0, 0.5), (1.0, 1.7)]), normalizer("en"))
    assert found.word.to_pylist() == ["ok", "and", "or", "5", "$"]
    assert found.start.tolist() == pytest.approx([0, 1.0, 1.3, 1.5, 1.6])
    assert found.end.tolist() == pytest.approx([0.5, 1.3, 1.5, 1.6, 1.7])
    assert found.end[-1] == 1.7
    assert found.first.tolist() == found.last.tolist() == [0, 1, 1, 1, 1]
    assert found.offsets.tolist() == [0, 1, 5]


def test_words_without_times_stay_without():
    """NaN stays NaN; a removed word is counted, and its time is removed, too."""
    found = normalize_tokens(
        tokens_of("a/b — c", seconds=[(np.nan, np.nan), (1.0, 2.0), (3.0, 4.0)]), normalizer("en")
    )
    assert found.word.to_pylist() == ["a", "b", "c"]
    assert found.vanished == 1
    np.testing.assert_array_equal(found.start, [np.nan, np.nan, 3])


def test_equivalents_take_the_longest_phrase_and_its_whole_time():
    """Words merged to one have the time from the first to the last; a divided word shares its time."""
    how = normalizer("en", equivalents={"Going to": "gonna", "going to go": "gone", "OK": "all right"})
    found = normalize_tokens(tokens_of("I'm going to sing, ok?", "going to go going", "to"), how)
    assert found.word.to_pylist() == ["i'm", "gonna", "sing", "all", "right", "gone", "going", "to"]
    assert found.offsets.tolist() == [0, 5, 7, 8]
    assert found.start.tolist() == pytest.approx([0, 1, 3, 4, 4.375, 5, 8, 9])
    assert found.end.tolist() == pytest.approx([1, 3, 4, 4.375, 5, 8, 9, 10])
    assert (found.first[1], found.last[1]) == (1, 2)
    assert how("I'm going to sing, ok?") == found.list_words(0)


def test_an_equivalent_may_be_nothing():
    """An equivalent may be empty, which removes the words."""
    found = normalize_tokens(
        tokens_of("uh yes you know no"), normalizer("en", equivalents={"uh": "", "you know": ""})
    )
    assert found.word.to_pylist() == ["yes", "no"]
    assert found.vanished == 3


def test_many_replacements_in_columns_are_those_of_a_list():
    """Replacing in columns and in a list gives the same words."""
    rng = random.Random(0)
    for _ in range(200):
        words = rng.choices("abcdef", k=rng.randint(0, 12))
        cuts = sorted(rng.sample(range(len(words) + 1), k=min(len(words) + 1, 6)))
        runs = [
            Replacement(first, last, tuple(rng.choices("xyz", k=rng.randint(0, 3))))
            for first, last in zip(cuts[::2], cuts[1::2], strict=False)
        ]
        found = tokens_of(" ".join(words)).replaced(runs)
        assert found.word.to_pylist() == replace_phrases(words, runs)
        assert (np.diff(np.c_[found.start, found.end]) > 0).all()


def test_english_numbers_become_digits():
    """text2num converts cardinals, ordinals and decimals; `NumbersToDigits` describes its limitations."""
    how = normalizer("en", numbers="digits")
    assert how.name == "en+digits"
    assert how("Twenty-five, three point one four; thirty first") == ["25", "3.14", "31st"]
    assert how("thirty six") == how("36")
    found = normalize_tokens(tokens_of("paid one hundred and three dollars"), how)
    assert found.word.to_pylist() == ["paid", "103", "dollars"]
    assert (found.start[1], found.end[1]) == (1, 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("☎\ufe0f да", ["да"]),
        ("1\ufe0f\u20e3 👍🏽", ["1"]),
        ("ѝ Ѐ к\u0301", ["и", "е", "к"]),
        ("\u0301 й ё\u0301ж", ["й", "еж"]),
    ],
)
def test_characters_that_choose_a_look_and_stress_leave_no_word(text, expected):
    """Variation selectors and a combining mark without a letter are no words; ѝ is и with stress."""
    assert normalizer("ru")(text) == expected


def test_white_space_of_any_kind_separates_words_without_a_normalizer():
    """As a normalizer of a text does; the time of a word of a frame is divided."""
    assert normalizer(None)("в\u00a0доме") == normalizer("none")("в\u00a0доме") == ["в", "доме"]
    heard = pd.DataFrame({"word": ["в\u2009доме"], "start": [0.0], "end": [1.0]})
    alignment = align("в доме", {"text": "в\u00a0доме", "frame": heard}, normalizer=None)
    assert set(alignment["op"]) == {"ok"}
    assert alignment["hyp_end"].tolist()[2:] == [0.2, 1.0]


def test_numbers_of_other_languages_are_refused_with_a_way_out():
    """Russian numbers are not supported; the error describes what to do."""
    with pytest.raises(
        ConfigError, match=r"in English only, not in 'ru'.*equivalents=.*alternatives in the ref"
    ):
        normalizer("ru", numbers="digits")
    with pytest.raises(ConfigError, match="numbers must be 'digits', not 'words'"):
        normalizer("en", numbers="words")


def test_numbers_name_the_package_they_need(monkeypatch):
    """Without text2num, the error names the extra to install."""
    monkeypatch.setitem(sys.modules, "text_to_num", None)
    with pytest.raises(MissingExtra, match="needs the package text2num: pip install"):
        normalizer("en", numbers="digits")


def test_numbers_name_the_version_they_need(monkeypatch):
    """An earlier text2num, which is installed on a Mac with an Intel processor, is no AttributeError."""
    monkeypatch.setitem(sys.modules, "text_to_num", ModuleType("text_to_num"))
    with pytest.raises(ConfigError, match="needs text2num 3, which has no wheel for a Mac with an Intel"):
        normalizer("en", numbers="digits")


def test_a_function_of_your_own_is_a_normalizer():
    """It is called with one raw word at a time; the normalizer has the name of the function."""

    def only_vowels(text):
        return "".join(letter for letter in text if letter in "aeiou")

    how = normalizer(only_vowels)
    assert how.name == "only_vowels"
    assert how("hello my world") == ["eo", "o"]
    assert normalizer(how) is how


def test_the_hash_changes_with_what_changes_results():
    """The hash depends on steps, equivalents and functions, and is the same in another process."""

    def same(text):
        return text

    def other(text):
        return text[1:]

    def without(letter):
        return lambda text: text.replace(letter, "")

    made = [
        normalizer("ru"),
        normalizer("en"),
        normalizer("none"),
        normalizer("en", numbers="digits"),
        normalizer("en", equivalents={"a": "b"}),
        normalizer("en", equivalents={"a": "c"}),
        normalizer(same),
        normalizer(other),
        normalizer(str.lower),
        normalizer(without("a")),
        normalizer(without("b")),
    ]
    assert len({each.hash for each in made}) == len(made)
    program = "from speechkit_nb.evaluate.normalization.base import normalizer; print(normalizer('ru').hash)"
    elsewhere = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert elsewhere.stdout.strip() == normalizer("ru").hash


def test_normalizers_compose_from_steps():
    """A normalizer can be made from any functions from text to text."""
    how = Normalizer("shout", (str.upper, lambda text: text.replace("!", " ")))
    assert how("oh! well") == ["OH", "WELL"]


def test_a_normalizer_that_does_not_exist_is_refused():
    """The error lists the known ones."""
    with pytest.raises(
        ConfigError, match="no normalizer 'fr'; there are 'ru', 'en', 'none', or give a function"
    ):
        normalizer("fr")
    with pytest.raises(ConfigError, match=r"no word is left of '\?!' after normalization"):
        normalizer("en", equivalents={"?!": "a"})
