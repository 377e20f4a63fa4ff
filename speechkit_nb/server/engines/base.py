"""The protocol of a recognition engine, the same for files and streams.

An engine makes one listener per channel. A listener is fed audio piece by piece and returns hypotheses. Times
are milliseconds from the start of the channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

SAMPLE_RATE = 16000
"""Listeners take mono, signed 16-bit little-endian samples at this rate (Hz)."""


class Word(NamedTuple):
    """One word, and where it is spoken: without the silence around it."""

    text: str
    start_ms: int
    end_ms: int


class LanguageEstimate(NamedTuple):
    """A language that may be spoken, such as "en-US", and its probability."""

    code: str
    probability: float


@dataclass(frozen=True)
class Hypothesis:
    """The words of one utterance, so far ("partial") or completely ("final").

    `languages` are the estimates of an engine that was given no language and looked for it.
    """

    kind: Literal["partial", "final"]
    words: tuple[Word, ...]
    start_ms: int
    end_ms: int
    languages: tuple[LanguageEstimate, ...] = ()

    @property
    def text(self) -> str:
        """The words, joined."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class ListenRequest:
    """What a listener has to know before it gets audio.

    Attributes:
        channel: 0-based.
        partials: whether to return partial hypotheses; they cost time.
        name: file name of the recording, if it is known.
        sha256: digest of the bytes of the recording, hexadecimal, if they are known.
        pause_ms: silence that ends an utterance; 0: the engine chooses.
        language: code such as "en-US"; "": the default of the engine, or the one that it detects.
        candidates: codes of the languages among which it is detected; empty: all.
    """

    channel: int = 0
    partials: bool = False
    name: str = ""
    sha256: str = ""
    pause_ms: int = 0
    language: str = ""
    candidates: tuple[str, ...] = ()


class Listener(Protocol):
    """Recognizes one channel of one recording."""

    def feed(self, pcm: bytes) -> list[Hypothesis]:
        """Take the next samples; return the hypotheses that they complete."""
        ...

    def cut(self) -> list[Hypothesis]:
        """End the utterance here, because the client asks for it; return its final, if it has words."""
        ...

    def finish(self) -> list[Hypothesis]:
        """End the channel; return the finals of utterances that were still open."""
        ...

    def close(self) -> None:
        """Release what the listener uses; it may be in the middle of an utterance."""
        ...


class Engine(Protocol):
    """A recognizer that is loaded."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes that it knows, its default first; empty: any language."""
        ...

    def listen(self, request: ListenRequest) -> Listener:
        """A listener for one channel; earlier channels do not influence it."""
        ...

    def find_recorded(self, request: ListenRequest) -> list[bytes] | None:
        """A recorded answer for this recording, if there is one: serialized v3 `StreamingResponse`s."""
        ...


@dataclass(frozen=True)
class EngineSpec:
    """The engine of a model, with its argument."""

    engine: str
    argument: str = ""

    @property
    def path(self) -> Path:
        """The argument as a path."""
        return Path(self.argument)

    def __str__(self) -> str:
        return f"{self.engine}:{self.argument}" if self.argument else self.engine
