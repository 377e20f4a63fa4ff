"""Speech from flite and espeak-ng, with the exact time of each word.

Both are called through ctypes: the libraries know the times of each phone and its word, but their command
lines do not print them. Equal versions of the libraries make equal samples.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]  # in [-1, 1]


class Word(NamedTuple):
    """One spoken word in lower case; times in seconds."""

    word: str
    start: float
    end: float


class Speech(NamedTuple):
    """Synthesized speech: samples of shape (n_samples,), and the words in them."""

    samples: Samples
    sample_rate: int
    words: list[Word]


class Voice(Protocol):
    """A voice of a synthesizer."""

    def synthesize(self, text: str) -> Speech: ...


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_int16)),
    )


class Flite:
    """One English voice of flite: "slt", "rms" or "awb"."""

    def __init__(self, voice: str) -> None:
        self._lib = lib = _load("libflite.so.1", "flite")
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        _declare(lib.flite_synth_text, pointer, text, pointer)
        _declare(lib.utt_wave, ctypes.POINTER(_Wave), pointer)
        _declare(lib.utt_relation, pointer, pointer, text)
        _declare(lib.relation_head, pointer, pointer)
        _declare(lib.item_next, pointer, pointer)
        _declare(lib.flite_ffeature_string, text, pointer, text)
        _declare(lib.flite_ffeature_float, ctypes.c_float, pointer, text)
        _declare(lib.delete_utterance, None, pointer)
        lib.flite_init()
        register = getattr(_load(f"libflite_cmu_us_{voice}.so.1", "flite"), f"register_cmu_us_{voice}")
        self._voice = _declare(register, pointer, text)(None)

    def synthesize(self, text: str) -> Speech:
        _seed_noise()
        utterance = self._lib.flite_synth_text(text.encode(), self._voice)
        wave = self._lib.utt_wave(utterance).contents
        pcm = np.ctypeslib.as_array(wave.samples, (wave.num_samples,))
        speech = Speech(_from_int16(pcm), wave.sample_rate, list(self._words(utterance)))
        self._lib.delete_utterance(utterance)  # this also frees the samples of `wave`
        return speech

    def _words(self, utterance: int) -> Iterator[Word]:
        """The words; each lasts from the end of the phone before its first one to the end of its last one."""
        first_phone, last_phone = b"R:SylStructure.daughter1.daughter1", b"R:SylStructure.daughtern.daughtern"
        seconds = self._lib.flite_ffeature_float
        item = self._lib.relation_head(self._lib.utt_relation(utterance, b"Word"))
        while item:
            start = seconds(item, first_phone + b".R:Segment.p.end")
            end = seconds(item, last_phone + b".R:Segment.end")
            yield Word(self._lib.flite_ffeature_string(item, b"name").decode(), start, end)
            item = self._lib.item_next(item)


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_int16), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Mark(NamedTuple):
    """A word or phone starts at this sample; its word has `length` characters from the 1-based `position`."""

    type: int
    position: int
    length: int
    sample: int


class Espeak:
    """One voice of espeak-ng, such as "ru"."""

    # constants of speak_lib.h
    WORD, PHONE = 1, 7
    SYNCHRONOUS, PHONE_EVENTS = 2, 1
    FROM_CHARACTER, UTF8 = 1, 1

    def __init__(self, voice: str) -> None:
        self._lib = lib = _load("libespeak-ng.so.1", "espeak-ng")
        number, natural, pointer = ctypes.c_int, ctypes.c_uint, ctypes.c_void_p
        takes = ctypes.c_char_p, ctypes.c_size_t, natural, number, natural, natural, pointer, pointer
        _declare(lib.espeak_Synth, number, *takes)
        self._sample_rate = lib.espeak_Initialize(self.SYNCHRONOUS, 0, None, self.PHONE_EVENTS)
        if lib.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"espeak-ng has no voice {voice!r}; `espeak-ng --voices` lists its voices")

    def synthesize(self, text: str) -> Speech:
        blocks: list[NDArray[np.int16]] = []
        marks: list[_Mark] = []

        def collect(wave: Any, n_samples: int, events: Any) -> int:
            if wave:
                blocks.append(np.ctypeslib.as_array(wave, (n_samples,)).copy())
            marks.extend(_read_marks(events))
            return 0

        self._synthesize(text.encode(), collect)
        return Speech(_from_int16(np.concatenate(blocks)), self._sample_rate, list(self._words(text, marks)))

    def _synthesize(self, text: bytes, collect: Callable[[Any, int, Any], int]) -> None:
        _seed_noise()
        callback = _Callback(collect)
        self._lib.espeak_SetSynthCallback(callback)
        self._lib.espeak_Synth(text, len(text) + 1, 0, self.FROM_CHARACTER, 0, self.UTF8, None, None)

    def _words(self, text: str, marks: list[_Mark]) -> Iterator[Word]:
        """The words; each lasts from its first phone to the next word or pause (pauses have positions)."""
        spoken = [mark for mark in marks if mark.type in (self.WORD, self.PHONE)]
        for i, mark in enumerate(spoken):
            if mark.type == self.WORD:
                start = spoken[i + 1].sample  # the mark of the word comes before the silence of a stop
                end = next(later.sample for later in spoken[i:] if later.position != mark.position)
                name = text[mark.position - 1 :][: mark.length].lower()
                yield Word(name, start / self._sample_rate, end / self._sample_rate)


def _read_marks(events: Any) -> Iterator[_Mark]:
    """The events as marks; an event of type 0 ends the list."""
    i = 0
    while events[i].type:
        yield _Mark(events[i].type, events[i].text_position, events[i].length, events[i].sample)
        i += 1


def _load(library: str, package: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(library)
    except OSError as e:
        raise OSError(f"{library} cannot be loaded; `apt-get install {package}` installs it") from e


def _declare(function: Any, returns: Any, *takes: Any) -> Any:
    function.restype, function.argtypes = returns, takes
    return function


def _seed_noise() -> None:
    """Both synthesizers make the noise of consonants with `rand` of the C library: make it repeatable."""
    ctypes.CDLL(None).srand(1)


def _from_int16(pcm: NDArray[np.int16]) -> Samples:
    return pcm.astype(np.float32) / np.float32(2**15)
