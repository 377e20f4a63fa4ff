"""The base of listeners that recognize whole utterances."""

from __future__ import annotations

from abc import ABC, abstractmethod

from .base import Hypothesis, ListenRequest, Word
from .segment import Segmenter, Speech


class UtteranceListener(ABC):
    """One channel, split into utterances; subclasses recognize each of them.

    Partials, if they are wanted, are about the open utterance: the one that has not ended yet.
    """

    def __init__(self, request: ListenRequest) -> None:
        self._partials = request.partials
        self._segmenter = Segmenter(request.pause_ms)
        self._pieces: list[Speech] = []  # of the open utterance
        self._last_partial: tuple[Word, ...] = ()

    def feed(self, pcm: bytes) -> list[Hypothesis]:
        """Take the next samples; return finals of utterances that ended, and the newest partial if wanted."""
        finals = self._recognize(self._segmenter.feed(pcm))
        return finals + (self._partial() if self._partials and self._pieces else [])

    def cut(self) -> list[Hypothesis]:
        """End the open utterance; return its final."""
        return self._recognize(self._segmenter.cut())

    def finish(self) -> list[Hypothesis]:
        """End the channel; return the final of the open utterance."""
        return self._recognize(self._segmenter.finish())

    def close(self) -> None:
        """Forget the open utterance."""
        self._pieces.clear()

    def _recognize(self, pieces: list[Speech]) -> list[Hypothesis]:
        finals = []
        for piece in pieces:
            if not self._pieces:
                self._last_partial = ()
            self._add(piece)
            self._pieces.append(piece)
            if piece.ends:
                finals.append(self._final())
                self._pieces.clear()
        return [final for final in finals if final.words]

    @abstractmethod
    def _add(self, piece: Speech) -> None:
        """Called before a piece joins the open utterance, which is empty before its first piece."""

    @abstractmethod
    def _final(self) -> Hypothesis:
        """The final of the open utterance, whose last piece has come."""

    @abstractmethod
    def _partial(self) -> list[Hypothesis]:
        """The partial of the open utterance, if it differs from the last one."""
