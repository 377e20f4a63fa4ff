"""The embedded recognizer: pocketsphinx with the English model of its wheel.

It holds the interpreter lock while it decodes, so it runs in worker processes (`server.workers`).
"""

from __future__ import annotations

import re

from pocketsphinx import Decoder

from .base import EngineSpec, Hearing, Hypothesis, Word
from .segment import Speech
from .utterances import UtteranceListener

FRAME_MS = 10
FILLER = re.compile(r"^(<.*>|\[.*\]|\+\+.*\+\+)$")
VARIANT = re.compile(r"\(\d+\)$")


def create(spec: EngineSpec) -> PocketsphinxEngine:
    """Loads the model (a third of a second)."""
    return PocketsphinxEngine()


class PocketsphinxEngine:
    """Keeps loaded decoders for the next listeners; one that is listening is nobody else's."""

    languages = ("en-US",)

    def __init__(self) -> None:
        self._idle = [Decoder(loglevel="FATAL")]

    def listen(self, hearing: Hearing) -> PocketsphinxListener:
        """A listener with a decoder of its own."""
        decoder = self._idle.pop() if self._idle else Decoder(loglevel="FATAL")
        return PocketsphinxListener(self, decoder, hearing)

    def recorded(self, hearing: Hearing) -> None:
        """Nothing is recorded here."""

    def take_back(self, decoder: Decoder) -> None:
        """The decoder may be used again."""
        self._idle.append(decoder)


class PocketsphinxListener(UtteranceListener):
    """One channel: its utterances go through the decoder one by one.

    A final comes from decoding the whole utterance at once, with the means of its own spectrum taken off: on
    short recordings that makes a third fewer errors than learning the means on the way. Partials are decoded
    beside that while the utterance lasts, and only if they are wanted.
    """

    def __init__(self, engine: PocketsphinxEngine, decoder: Decoder, hearing: Hearing) -> None:
        super().__init__(hearing)
        self._engine = engine
        self._decoder = decoder

    def close(self) -> None:
        """Gives the decoder back."""
        if self._pieces and self._partials:
            self._decoder.end_utt()
        super().close()
        self._engine.take_back(self._decoder)

    def _note(self, piece: Speech) -> None:
        """Takes it into the decoding that partials come from."""
        if not self._partials:
            return
        if not self._pieces:
            self._decoder.start_utt()
        if piece.pcm:
            self._decoder.process_raw(piece.pcm)
        if piece.ends:
            self._decoder.end_utt()

    def _final(self) -> Hypothesis:
        # What the decoder has learned from other voices is forgotten first: the same utterance gets the same
        # words, whatever was heard before it.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(b"".join(piece.pcm for piece in self._pieces), full_utt=True)
        self._decoder.end_utt()
        start_ms, end_ms = self._pieces[0].start_ms, self._pieces[-1].end_ms
        return Hypothesis("final", self._words(start_ms, end_ms), start_ms, end_ms)

    def _partial(self) -> list[Hypothesis]:
        start_ms, now_ms = self._pieces[0].start_ms, self._pieces[-1].end_ms
        words = self._words(start_ms, now_ms)
        if words == self._guess:
            return []
        self._guess = words
        return [Hypothesis("partial", words, start_ms, now_ms)]

    def _words(self, start_ms: int, end_ms: int) -> tuple[Word, ...]:
        """The words the decoder holds, as times of the channel; silences and noises left out."""
        return tuple(
            Word(
                VARIANT.sub("", seg.word),
                min(start_ms + seg.start_frame * FRAME_MS, end_ms - 1),
                min(start_ms + (seg.end_frame + 1) * FRAME_MS, end_ms),
            )
            for seg in self._decoder.seg() or ()
            if not FILLER.match(seg.word)
        )
