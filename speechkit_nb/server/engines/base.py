"""What an engine is: it listens to one channel, and says what it has heard.

The same Protocol serves whole files and live streams: a listener is fed sound as it comes and answers with
hypotheses; times are milliseconds from the beginning of the channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

SAMPLE_RATE = 16000
"""Every listener is fed mono, signed 16-bit little-endian samples at this rate (Hz)."""


class Word(NamedTuple):
    """One word and where it lies, tightly."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Hypothesis:
    """What was said in one utterance, so far ("partial") or for good ("final")."""

    kind: Literal["partial", "final"]
    words: tuple[Word, ...]
    start_ms: int
    end_ms: int

    @property
    def text(self) -> str:
        """The words, joined."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class Hearing:
    """What a listener is told before it hears anything.

    Attributes:
        channel: 0-based.
        partials: whether partial hypotheses are wanted; they cost time.
        name: name of the recording, if it came by name.
        sha256: of the recording's bytes, hexadecimal, if they are known.
        pause_ms: silence that ends an utterance; 0 for the engine's own choice.
        language: code of what is spoken, such as "en-US"; empty for the engine's own, or any.
    """

    channel: int = 0
    partials: bool = False
    name: str = ""
    sha256: str = ""
    pause_ms: int = 0
    language: str = ""


class Listener(Protocol):
    """One channel of one recording."""

    def feed(self, pcm: bytes) -> list[Hypothesis]:
        """Hears the next samples; what has become known by them."""
        ...

    def cut(self) -> list[Hypothesis]:
        """Somebody else says that the utterance ends here; its final, if anything was said in it."""
        ...

    def finish(self) -> list[Hypothesis]:
        """The channel is over; the finals that were still open."""
        ...

    def close(self) -> None:
        """Gives back what the listener holds; it may be in the middle of an utterance."""
        ...


class Engine(Protocol):
    """A recognizer."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes it knows, its own first; empty if any will do."""
        ...

    def listen(self, hearing: Hearing) -> Listener:
        """A listener for one channel, with nothing left over from earlier ones."""
        ...

    def recorded(self, hearing: Hearing) -> list[bytes] | None:
        """A recorded answer, serialized v3 `StreamingResponse`s to give as they are, if there is one."""
        ...


@dataclass(frozen=True)
class EngineSpec:
    """Which engine stands behind a model."""

    engine: str
    argument: str = ""

    @property
    def path(self) -> Path:
        """The argument as a path."""
        return Path(self.argument)

    def __str__(self) -> str:
        return f"{self.engine}:{self.argument}" if self.argument else self.engine
