"""What is wrong with a timeline, a sentence each, in the languages that the timeline speaks."""

from __future__ import annotations

from collections.abc import Iterable


class Problem(str):
    """A sentence in English that knows how it is said in Russian.

    >>> problem = Problem("channel 1 is silent", "канал 1 молчит")
    >>> problem, problem.russian
    ('channel 1 is silent', 'канал 1 молчит')
    """

    russian: str

    def __new__(cls, english: str, russian: str) -> Problem:
        problem = super().__new__(cls, english)
        problem.russian = russian
        return problem


def russian_of(problems: Iterable[str]) -> dict[str, str]:
    """How those sentences that know it are said in Russian, by the English one."""
    return {str(problem): problem.russian for problem in problems if isinstance(problem, Problem)}


def counted(n: int, noun: str = "word") -> str:
    """
    >>> counted(1), counted(12345), counted(2, "channel")
    ('1 word', '12,345 words', '2 channels')
    """
    return f"{n:,} {noun}" + "s" * (n != 1)


def counted_ru(n: int, one: str = "слово", few: str = "слова", many: str = "слов") -> str:
    """
    >>> counted_ru(1), counted_ru(3), counted_ru(12), counted_ru(12345).replace(chr(0xA0), " ")
    ('1 слово', '3 слова', '12 слов', '12 345 слов')
    """
    number = f"{n:,}".replace(",", "\u00a0")
    if n % 10 == 1 and n % 100 != 11:
        return f"{number} {one}"
    return f"{number} {few if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else many}"
