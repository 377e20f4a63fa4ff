"""The embedded recognizer: pocketsphinx with the English model of its wheel.

It holds the interpreter lock while it decodes, so it runs in worker processes (`server.workers`).
"""

from __future__ import annotations

import re

from pocketsphinx import Decoder

from .base import EngineSpec, Hypothesis, LanguageEstimate, ListenRequest, Word
from .segment import Segmenter, Speech

ENGLISH = (LanguageEstimate("en-US", 1.0),)
FRAME_MS = 10
MOST_IDLE = 2
"""Decoders that are kept; each needs 90 MB."""
FILLER = re.compile(r"^(<.*>|\[.*\]|\+\+.*\+\+)$")
VARIANT = re.compile(r"\(\d+\)$")


def create(spec: EngineSpec) -> PocketsphinxEngine:
    """Loads the model (a third of a second)."""
    return PocketsphinxEngine()


class PocketsphinxEngine:
    """Keeps loaded decoders for later listeners; each listener has a decoder to itself."""

    languages = (ENGLISH[0].code,)

    def __init__(self) -> None:
        self._idle = [Decoder(loglevel="FATAL")]

    def listen(self, request: ListenRequest) -> PocketsphinxListener:
        """A listener with its own decoder."""
        decoder = self._idle.pop() if self._idle else Decoder(loglevel="FATAL")
        return PocketsphinxListener(self, decoder, request)

    def find_recorded(self, request: ListenRequest) -> None:
        """None: this engine has no recorded answers."""

    def release(self, decoder: Decoder) -> None:
        """Let a later listener use the decoder."""
        if len(self._idle) < MOST_IDLE:
            self._idle.append(decoder)


class PocketsphinxListener:
    """One channel: the decoder recognizes its utterances one by one.

    A final comes from decoding the whole utterance at once, so that the mean of its own spectrum can be
    subtracted: on short recordings this makes a third fewer errors than estimating the mean while the audio
    comes. Partials are decoded separately while the utterance lasts, and only if they are wanted.
    """

    def __init__(self, engine: PocketsphinxEngine, decoder: Decoder, request: ListenRequest) -> None:
        self._engine, self._decoder, self._partials = engine, decoder, request.partials
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
        """Release the decoder."""
        if self._pieces and self._partials:
            self._decoder.end_utt()
        self._pieces.clear()
        self._engine.release(self._decoder)

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

    def _add(self, piece: Speech) -> None:
        """Decode the piece for partials."""
        if not self._partials:
            return
        if not self._pieces:
            self._decoder.start_utt()
        if piece.pcm:
            self._decoder.process_raw(piece.pcm)
        if piece.ends:
            self._decoder.end_utt()

    def _final(self) -> Hypothesis:
        # The decoder adapts to voices. It is reset first, so that the same utterance gets the same words,
        # whatever was recognized before it.
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoder.process_raw(b"".join(piece.pcm for piece in self._pieces), full_utt=True)
        self._decoder.end_utt()
        start_ms, end_ms = self._pieces[0].start_ms, self._pieces[-1].end_ms
        return Hypothesis("final", self._words(start_ms, end_ms), start_ms, end_ms, ENGLISH)

    def _partial(self) -> list[Hypothesis]:
        start_ms, now_ms = self._pieces[0].start_ms, self._pieces[-1].end_ms
        words = self._words(start_ms, now_ms)
        if words == self._last_partial:
            return []
        self._last_partial = words
        return [Hypothesis("partial", words, start_ms, now_ms, ENGLISH)]

    def _words(self, start_ms: int, end_ms: int) -> tuple[Word, ...]:
        """The words of the decoder with times of the channel, without silences and noises."""
        return tuple(
            Word(
                VARIANT.sub("", seg.word),
                min(start_ms + seg.start_frame * FRAME_MS, end_ms - 1),
                min(start_ms + (seg.end_frame + 1) * FRAME_MS, end_ms),
            )
            for seg in self._decoder.seg() or ()
            if not FILLER.match(seg.word)
        )
