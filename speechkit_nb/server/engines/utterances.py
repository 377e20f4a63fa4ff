"""What listeners have in common that hear a whole utterance before they say what it was."""

from __future__ import annotations

from abc import ABC, abstractmethod

from .base import Hearing, Hypothesis, Word
from .segment import Segmenter, Speech


class UtteranceListener(ABC):
    """One channel, cut into utterances; an engine says what is in each.

    Partials, if they are wanted, are said of the utterance that is open.
    """

    def __init__(self, hearing: Hearing) -> None:
        self._partials = hearing.partials
        self._segmenter = Segmenter(hearing.pause_ms)
        self._pieces: list[Speech] = []  # of the utterance that is open
        self._guess: tuple[Word, ...] = ()  # what was said of it last

    def feed(self, pcm: bytes) -> list[Hypothesis]:
        """Hears the next samples; finals as utterances end, and the newest partial if wanted."""
        finals = self._hear(self._segmenter.feed(pcm))
        return finals + (self._partial() if self._partials and self._pieces else [])

    def cut(self) -> list[Hypothesis]:
        """The final of the utterance that is open; the next sound begins another one."""
        return self._hear(self._segmenter.cut())

    def finish(self) -> list[Hypothesis]:
        """The final that was still open."""
        return self._hear(self._segmenter.finish())

    def close(self) -> None:
        """Forgets the utterance that is open."""
        self._pieces.clear()

    def _hear(self, pieces: list[Speech]) -> list[Hypothesis]:
        finals = []
        for piece in pieces:
            if not self._pieces:
                self._guess = ()
            self._note(piece)
            self._pieces.append(piece)
            if piece.ends:
                finals.append(self._final())
                self._pieces.clear()
        return [final for final in finals if final.words]

    @abstractmethod
    def _note(self, piece: Speech) -> None:
        """A piece is about to join the utterance; it is the first if there are none yet."""

    @abstractmethod
    def _final(self) -> Hypothesis:
        """What was said in the utterance, which has ended."""

    @abstractmethod
    def _partial(self) -> list[Hypothesis]:
        """What was said in the utterance so far, if that is news."""
