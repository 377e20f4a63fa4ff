"""Forced alignment: the times of the words of a known text in a recording."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from ... import tables
from ...audio import Recording
from ...errors import ConfigError, MissingExtra, check_type, count_noun, few, show_value
from .dictionary import SpokenWord, pronunciations, spoken_words

SAMPLE_RATE = 16000
"""Sample rate of the acoustic model, in Hz."""

FRAME = 0.01
ORIGIN = "force_align with the English acoustic model of pocketsphinx"
WINDOW = 60.0
"""Seconds that are aligned at once."""

MARGIN = 8.0
"""Seconds at the end of a window in which times are not reliable, because the sound after it is unknown."""

MOST_A_SECOND = 8.0
"""The largest number of words per second."""

LONGEST_PAUSE = 3.0
"""Speech without words in the text gives a warning if it lasts at least this many seconds."""

_STRICT = 3
_BLOCK = 60.0

Span = tuple[float, float]


def force_align(
    recording: Recording | str | os.PathLike[str],
    text: str | Mapping[int, str],
    *,
    language: str = "en-US",
    pronunciations: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Times of the words of a text in a recording of exactly this text, computed with pocketsphinx.

    On the synthetic recordings of the toolkit, half of all starts and ends are within 10 ms. A minute is
    aligned at a time, so that memory does not grow with the length of a recording. Words that are not spoken,
    and speech that is not in the text, make the times of the words around them wrong. Long speech without
    words gives a UserWarning.

    Args:
        recording: a recording, or its path.
        text: the spoken text; for a recording with several channels, a text by channel number, from 0. Each
            line of the text becomes a final.
        language: must be English.
        pronunciations: phones of words as in CMUdict, `{"Yandex": "Y AA N D EH K S"}`. The phones of words
            that are not in the dictionary are composed from words that are, see `pronunciations`.

    Returns:
        Frame of schema `tables.WORDS`, with words as written in the text, and times rounded to milliseconds.
        `attrs["origin"]` tells from where the times are.

    Raises:
        ConfigError: if the language is not English, the texts are not by channels of the recording, words
            have no pronunciation, or the text does not fit the recording.
        MissingExtra: if pocketsphinx is not installed.
        AudioError: if the recording cannot be read.
    """
    check_type("language", language, str, "a language code such as 'en-US'")
    check_type("text", text, (str, Mapping), "a text, or {channel number: text}")
    check_type("pronunciations", pronunciations, (Mapping, type(None)), "{word: phones}")
    if language.partition("-")[0].lower() != "en":
        raise ConfigError(
            f"language={show_value(language)}: only English can be aligned, because the acoustic model is "
            "English; give words with times of another tool as the reference"
        )
    recording = recording if isinstance(recording, Recording) else Recording(recording)
    spoken = {channel: spoken_words(own) for channel, own in _by_channel(recording, text).items()}
    aligner = _Aligner([word for words in spoken.values() for word in words], pronunciations)
    frames = []
    for channel, words in spoken.items():
        times = aligner.times(recording, channel, words)
        _warn_of_gaps(recording, channel, times)
        frames.append(_frame(recording.id, channel, words, times))
    result = tables.check(pd.concat([tables.empty(tables.WORDS), *frames], ignore_index=True), tables.WORDS)
    result.attrs["origin"] = ORIGIN
    return result


@dataclass(frozen=True)
class _Window:
    """A part of a channel, in seconds, and the words that are not aligned yet."""

    recording: Recording
    channel: int
    start: float
    words: list[SpokenWord]

    @property
    def is_last(self) -> bool:
        """Whether it extends to the end of the recording. A short remainder is included in it."""
        return self.start + 1.25 * WINDOW >= self.recording.duration

    @property
    def end(self) -> float:
        return self.recording.duration if self.is_last else self.start + WINDOW


class _Aligner:
    """pocketsphinx with the words of the texts in its dictionary."""

    def __init__(self, words: list[SpokenWord], given: Mapping[str, str] | None) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise MissingExtra("force_align", "pocketsphinx", "local") from error
        self._decoder = Decoder(loglevel="FATAL", lm=None)
        self._names = {}
        for word, phones in pronunciations(words, self._decoder.lookup_word, given).items():
            self._names[word] = f"={word}"  # does not replace the word in the dictionary
            self._decoder.add_word(self._names[word], phones, update=False)

    def times(self, recording: Recording, channel: int, words: list[SpokenWord]) -> list[Span]:
        """Start and end of each word, in seconds."""
        found: list[Span] = []
        start = 0.0
        while len(found) < len(words):
            window = _Window(recording, channel, start, words[len(found) :])
            heard = self._heard(window)
            n_kept, start = (len(heard), start) if window.is_last else _settled(heard, start)
            found += heard[:n_kept]
        return found

    def _heard(self, window: _Window) -> list[Span]:
        """Times of the words recognized in a window; in the last window, of all remaining words."""
        words = window.words if window.is_last else window.words[: round(WINDOW * MOST_A_SECOND)]
        if len(words) > (window.end - window.start) * MOST_A_SECOND + 1:
            raise _misfit(window)
        names = [self._names.get(word.bare, word.bare) for word in words]
        self._expect(names, may_stop=not window.is_last)
        self._decoder.reinit_feat()  # keep no state of the previous window
        self._decoder.start_utt()
        sound = _read_pcm(window.recording, window.channel, window.start, window.end)
        self._decoder.process_raw(sound, full_utt=True)
        self._decoder.end_utt()
        segments = self._decoder.seg()
        if segments is None:
            raise _misfit(window)
        spoken = [segment for segment in segments if segment.word[0] not in "<[("]
        return [
            (window.start + segment.start_frame * FRAME, window.start + (segment.end_frame + 1) * FRAME)
            for segment in spoken
        ]

    def _expect(self, names: list[str], *, may_stop: bool) -> None:
        """Sets a grammar of these words in order; with `may_stop` it may end after any of them."""
        n = len(names)
        steps: list[tuple[Any, ...]] = [(k, k + 1, 1.0, name) for k, name in enumerate(names)]
        stops = [(k, n, 1.0) for k in range(n)] if may_stop else []
        self._decoder.add_fsg("text", self._decoder.create_fsg("text", 0, n, [*steps, *stops]))
        self._decoder.activate_search("text")


def _settled(heard: list[Span], start: float) -> tuple[int, float]:
    """How many words of a window that begins at `start` are kept, and where the next window begins.

    The next window begins in the longest pause before the margin, in the second half of the window if a word
    ends there.
    """
    ends = [(end, k + 1) for k, (_, end) in enumerate(heard) if end <= start + WINDOW - MARGIN]
    late = [(end, n) for end, n in ends if end >= start + WINDOW / 2]
    next_starts = [*(begin for begin, _ in heard[1:]), start + WINDOW]
    cuts = [(next_starts[n - 1] - end, n, (end + next_starts[n - 1]) / 2) for end, n in late or ends]
    _, n_kept, next_start = max(cuts, default=(0.0, 0, start + WINDOW / 2))
    return n_kept, next_start


def _misfit(window: _Window) -> ConfigError:
    next_words = " ".join(word.written for word in window.words[:6])[:80]
    where = f"channel {window.channel}, between {window.start:.1f} and {window.end:.1f} s"
    return ConfigError(
        f"the text does not fit {window.recording.id!r}, {where}, where {next_words!r} should begin, with "
        f"{len(window.words)} words to come; it must say all that is said, and nothing else"
    )


def _by_channel(recording: Recording, text: str | Mapping[int, str]) -> dict[int, str]:
    n = recording.n_channels
    tags = {str(channel): channel for channel in range(n)}  # a channel tag is a number as text
    given = {0: text} if isinstance(text, str) else text
    texts = {tags.get(key, key) if isinstance(key, str) else key: own for key, own in given.items()}
    known = all(isinstance(channel, Integral) and 0 <= channel < n for channel in texts)
    if (isinstance(text, str) and n > 1) or not known:
        channels = ", ".join(f"{channel}: '...'" for channel in range(n))
        raise ConfigError(
            f"{recording.id!r} has {count_noun(n, 'channel')}, and the text is for "
            f"[{few(list(texts), show_value)}]; give a text for each channel that has speech, {{{channels}}}"
        )
    for channel, own in texts.items():
        check_type(f"text[{channel}]", own, str, "a text")
    if not any(spoken_words(own) for own in texts.values()):
        raise ConfigError(f"the text for {recording.id!r} holds no word")
    return texts


def _frame(recording: str, channel: int, words: list[SpokenWord], times: list[Span]) -> pd.DataFrame:
    line = np.array([word.line for word in words], np.int64)
    start, end = (np.round([time[side] for time in times], 3).astype(float) for side in (0, 1))
    columns = {
        "recording": recording,
        "channel_tag": str(channel),
        "final_index": line,
        "alternative": 0,
        "word_index": np.arange(len(line)) - np.searchsorted(line, line),
        "word": [word.written for word in words],
        "start": start,
        "end": end,
    }
    return pd.DataFrame(columns, index=range(len(words))).astype(dict(tables.WORDS))


def _warn_of_gaps(recording: Recording, channel: int, times: Sequence[tuple[float, float]]) -> None:
    """Issues a UserWarning for long speech before, between or after the words.

    Args:
        times: start and end of each word, in seconds, in order.
    """
    begins = [0.0, *(end for _, end in times)]
    ends = [*(start for start, _ in times), recording.duration]
    for begin, end in zip(begins, ends, strict=True):
        if end - begin < LONGEST_PAUSE:
            continue
        seconds = _measure_speech(recording, channel, begin, end)
        if seconds >= LONGEST_PAUSE:
            warnings.warn(
                f"{recording.id!r}, channel {channel}: the text has no words for {seconds:.0f} s of speech "
                f"between {begin:.1f} and {end:.1f} s; words near it may be misplaced",
                UserWarning,
                stacklevel=4,
            )


def _measure_speech(recording: Recording, channel: int, start: float, end: float) -> float:
    """Seconds of speech between two times. A minute is read at once."""
    from pocketsphinx import Vad

    vad = Vad(mode=_STRICT, sample_rate=SAMPLE_RATE)
    n_speech = 0
    for first in np.arange(start, end, _BLOCK):
        data = _read_pcm(recording, channel, float(first), min(float(first) + _BLOCK, end))
        size = vad.frame_bytes
        n_speech += sum(vad.is_speech(data[k : k + size]) for k in range(0, len(data) - size + 1, size))
    return float(n_speech * vad.frame_length)


def _read_pcm(recording: Recording, channel: int, start: float, end: float) -> bytes:
    """Samples of one channel between two times, at 16 kHz, signed 16 bit."""
    import soxr

    samples = recording.read(start, end, channel)
    if recording.sample_rate != SAMPLE_RATE:
        samples = soxr.resample(samples, recording.sample_rate, SAMPLE_RATE)
    return bytes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
