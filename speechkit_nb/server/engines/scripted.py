"""Replays a script: words with their times, or a recorded answer.

`scripted:PATH`, where PATH is one of

- `NAME.csv` with the columns `word`, `start`, `end` (seconds) and, if there are several, `channel` (0-based);
- `NAME.binpb`, a serialized v3 `StreamingResponseList`, or `NAME.json`, an answer of the REST API: its
  messages are sent unchanged;
- a folder of these, chosen by the name of the recording (`talk.wav` finds `talk.words.csv`). A recording
  without a name finds `<sha256>.csv`, or the script beside a file in the folder with the same bytes. A stream
  has neither; the folder must hold exactly one script.

`timecoded:PATH` is the same for audio with time codes, which tell which part of the script it is: `timecode`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import ServerError
from ..status import invalid_argument
from . import timecode
from .base import SAMPLE_RATE, EngineSpec, Hypothesis, ListenRequest, Word
from .scripts import Scripts, load_script

PAUSE_MS = 500


def create(spec: EngineSpec) -> ScriptedEngine:
    """The engine that replays the script, or the folder of scripts, of `spec`.

    Raises:
        ServerError: if there is none, or it cannot be read.
    """
    if not spec.argument or not spec.path.exists():
        raise ServerError(
            f"the scripted engine finds nothing at {spec.argument!r}; give scripted:PATH with a .csv of "
            "words, a recorded answer (.binpb, .json), or a folder of these"
        )
    if spec.path.is_file():
        load_script(spec.path)  # an error comes when the server starts, not with the first request
    return ScriptedEngine(spec.path, timecoded=spec.engine == "timecoded")


class ScriptedEngine:
    """Recognizes the words of a script, at their times."""

    languages = ()

    def __init__(self, path: Path, timecoded: bool = False) -> None:
        self._scripts = Scripts(path)
        self._timecoded = timecoded

    def listen(self, request: ListenRequest) -> ScriptedListener:
        """A listener that returns the words of a channel of the script when their time comes."""
        words = self._scripts.load(request)
        if not isinstance(words, dict):
            raise invalid_argument(f"{self._scripts.name} is a recorded answer: for files, not for streams")
        times = timecode.TimecodeReader() if self._timecoded else None
        return ScriptedListener(words.get(request.channel, ()), request, times)

    def find_recorded(self, request: ListenRequest) -> list[bytes] | None:
        """The messages of a recorded answer, unchanged; None if the script holds words."""
        found = self._scripts.load(request)
        return found if isinstance(found, list) else None


class ScriptedListener:
    """One channel of a script; the length of the audio tells the time.

    Args:
        words: sorted by start.
        request: whether partials are wanted, and which pause ends an utterance.
        times: reads the place in the script from the audio. None: audio and script begin together.
    """

    def __init__(
        self, words: tuple[Word, ...], request: ListenRequest, times: timecode.TimecodeReader | None = None
    ) -> None:
        self._words, self._starts = words, [word.start_ms for word in words]
        self._partials, self._pause_ms = request.partials, request.pause_ms or PAUSE_MS
        self._times = times
        self._n_samples = 0
        self._open: list[Word] = []
        self._last_partial: tuple[Word, ...] = ()

    def feed(self, pcm: bytes) -> list[Hypothesis]:
        """Finals of the utterances that ended, and the newest partial if wanted."""
        finals = [final for word in self._next_words(pcm) for final in self._add(word)]
        if self._open and _end(self._open) + self._pause_ms <= self._now:
            finals += self._close()
        return finals + self._partial()

    def cut(self) -> list[Hypothesis]:
        """The final of the open utterance; a word that has not ended yet is cut."""
        now = self._now
        self._open = [word._replace(end_ms=min(word.end_ms, now)) for word in self._open]
        return self._close()

    def finish(self) -> list[Hypothesis]:
        """The final of the open utterance; a script that is longer than the recording is cut."""
        return self.cut()

    def close(self) -> None:
        """Do nothing: the listener uses no resources."""

    @property
    def _now(self) -> int:
        return self._n_samples * 1000 // SAMPLE_RATE

    def _next_words(self, pcm: bytes) -> Iterator[Word]:
        """The words that begin in these samples, with times of the stream."""
        before = self._now
        self._n_samples += len(pcm) // 2
        if self._times is None:
            yield from self._between(before, self._now)
            return
        for stream_ms, script_ms in self._times.read(pcm):
            for word in self._between(script_ms, script_ms + timecode.STEP_MS):
                shift = stream_ms - script_ms
                yield Word(word.text, word.start_ms + shift, word.end_ms + shift)

    def _between(self, start_ms: int, end_ms: int) -> tuple[Word, ...]:
        return self._words[bisect_left(self._starts, start_ms) : bisect_left(self._starts, end_ms)]

    def _add(self, word: Word) -> list[Hypothesis]:
        """Add a word to the open utterance, or begin another one; return the final of the one that ended."""
        is_next = bool(self._open) and word.start_ms - _end(self._open) >= self._pause_ms
        closed = self._close() if is_next else []
        self._open.append(word)
        return closed

    def _close(self) -> list[Hypothesis]:
        words, self._open = tuple(self._open), []
        return [Hypothesis("final", words, words[0].start_ms, _end(words))] if words else []

    def _partial(self) -> list[Hypothesis]:
        """The finished words of the open utterance, if they differ from the last partial."""
        words = tuple(word for word in self._open if word.end_ms <= self._now)
        if not self._partials or not words or words == self._last_partial:
            return []
        self._last_partial = words
        return [Hypothesis("partial", words, words[0].start_ms, self._now)]


def _end(words: Sequence[Word]) -> int:
    return max(word.end_ms for word in words)
