"""Problems of words and recordings: one sentence each, in the two languages of the timeline."""

from __future__ import annotations

from collections.abc import Iterable


class Problem(str):
    """A sentence in English, with its Russian translation.

    >>> problem = Problem("channel 1 is silent", "в канале 1 тишина")
    >>> problem, problem.russian
    ('channel 1 is silent', 'в канале 1 тишина')
    """

    russian: str

    def __new__(cls, english: str, russian: str) -> Problem:
        problem = super().__new__(cls, english)
        problem.russian = russian
        return problem


def translate_problems(problems: Iterable[str]) -> dict[str, str]:
    """The Russian sentence by the English one, for the problems that have a translation."""
    return {str(problem): problem.russian for problem in problems if isinstance(problem, Problem)}


def count_noun_ru(n: int, one: str = "слово", few: str = "слова", many: str = "слов") -> str:
    """A number with its Russian noun.

    >>> count_noun_ru(1), count_noun_ru(3), count_noun_ru(12), count_noun_ru(12345).replace(chr(0xA0), " ")
    ('1 слово', '3 слова', '12 слов', '12 345 слов')
    """
    number = f"{n:,}".replace(",", "\u00a0")
    if n % 10 == 1 and n % 100 != 11:
        return f"{number} {one}"
    return f"{number} {few if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else many}"
