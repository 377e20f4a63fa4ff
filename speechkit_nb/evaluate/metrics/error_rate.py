"""Counts of hits and errors, which are added before a rate is computed."""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class ErrorRate:
    """Counts of hits and errors in words (or characters), and the rates computed from them.

    Rates are never averaged: the counts of all utterances are added, then divided. An empty reference has no
    rate, even if the system inserted words.

    >>> total = ErrorRate(hits=8, substitutions=1, deletions=1) + ErrorRate(insertions=2)
    >>> total
    ErrorRate(4 errors in 10: hits=8, substitutions=1, insertions=2, deletions=1)
    >>> total.wer, sum([total, total], ErrorRate()).wer
    (0.4, 0.4)
    >>> ErrorRate(insertions=2)
    ErrorRate(no rate, the reference is empty: hits=0, substitutions=0, insertions=2, deletions=0)
    """

    hits: int = 0
    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0

    def __post_init__(self) -> None:
        if min(astuple(self)) < 0:
            raise ValueError(f"counts are 0 or more, not {astuple(self)}")

    @property
    def n_ref(self) -> int:
        """Words of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def n_hyp(self) -> int:
        """Words of the system."""
        return self.hits + self.substitutions + self.insertions

    @property
    def errors(self) -> int:
        return self.substitutions + self.insertions + self.deletions

    @property
    def wer(self) -> float | None:
        """Errors / n_ref; above 1 with many insertions. None if the reference has no words."""
        return self.errors / self.n_ref if self.n_ref else None

    @property
    def mer(self) -> float | None:
        """Match error rate: errors / (hits + errors), at most 1. None if the reference has no words."""
        return self.errors / (self.errors + self.hits) if self.n_ref else None

    @property
    def wil(self) -> float | None:
        """Word information lost: 1 - hits / n_ref * hits / n_hyp. None if the reference has no words."""
        if not self.n_ref:
            return None
        return 1 - self.hits**2 / (self.n_ref * self.n_hyp) if self.n_hyp else 1.0

    @property
    def rate(self) -> float | None:
        """Same as `wer`; the name fits characters and sentences, too."""
        return self.wer

    def __add__(self, other: ErrorRate) -> ErrorRate:
        if not isinstance(other, ErrorRate):
            return NotImplemented
        return ErrorRate(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __truediv__(self, other: object) -> ErrorRate:
        raise TypeError("error rates are added, not averaged: sum(rates, ErrorRate()).rate")

    def __repr__(self) -> str:
        counts = f"hits={self.hits}, substitutions={self.substitutions}, insertions={self.insertions}, "
        counts += f"deletions={self.deletions}"
        rate = f"{self.errors} errors in {self.n_ref}" if self.n_ref else "no rate, the reference is empty"
        return f"ErrorRate({rate}: {counts})"
