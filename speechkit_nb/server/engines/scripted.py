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

import csv
import hashlib
import io
import wave
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from ...errors import ServerError, SpeechkitError
from ...wire import responses_from_json
from ..status import invalid_argument
from . import timecode
from .base import SAMPLE_RATE, EngineSpec, Hypothesis, ListenRequest, Word

PAUSE_MS = 500
ENDINGS = (".words.csv", ".csv", ".binpb", ".json")


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
    engine = ScriptedEngine(spec.path, timecoded=spec.engine == "timecoded")
    if spec.path.is_file():
        engine.load(spec.path)
    return engine


class ScriptedEngine:
    """Recognizes the words of a script, at their times."""

    languages = ()

    def __init__(self, path: Path, timecoded: bool = False) -> None:
        self._path = path
        self._timecoded = timecoded

    def listen(self, request: ListenRequest) -> ScriptedListener:
        """A listener that returns the words of a channel of the script when their time comes."""
        words = self.load(self._choose(request))
        if not isinstance(words, dict):
            raise invalid_argument(f"{self._path.name} is a recorded answer; it answers files, not streams")
        times = timecode.TimecodeReader() if self._timecoded else None
        return ScriptedListener(words.get(request.channel, ()), request, times)

    def find_recorded(self, request: ListenRequest) -> list[bytes] | None:
        """The messages of a recorded answer, unchanged; None if the script holds words."""
        found = self.load(self._choose(request))
        return found if isinstance(found, list) else None

    def load(self, path: Path) -> dict[int, tuple[Word, ...]] | list[bytes]:
        """Words by channel, or the messages of a recorded answer.

        Raises:
            ServerError: if the file does not have the format of its suffix.
        """
        return _load(path, _modified_at(path))

    def _choose(self, request: ListenRequest) -> Path:
        if self._path.is_file():
            return self._path
        if not request.name and not request.sha256:
            return self._only_script()
        stem = Path(request.name).stem or request.sha256
        if found := self._script(stem) or self._beside_same_bytes(request.sha256):
            return found
        raise invalid_argument(f"{self._path} holds no script for this recording, such as {stem}.words.csv")

    def _only_script(self) -> Path:
        scripts = [path for path in self._path.iterdir() if path.is_file() and path.name.endswith(ENDINGS)]
        if len(scripts) == 1:
            return scripts[0]
        raise invalid_argument(
            f"a stream has no name by which to choose one of the {len(scripts)} scripts in {self._path}; "
            "stream to a model of one script, scripted:FILE, or of a folder that holds one"
        )

    def _script(self, stem: str) -> Path | None:
        paths = (self._path / (stem + ending) for ending in ENDINGS)
        return next((path for path in paths if path.is_file()), None)

    def _beside_same_bytes(self, sha256: str) -> Path | None:
        if not sha256:
            return None
        for path in sorted(self._path.iterdir()):
            is_other = path.is_file() and not path.name.endswith(ENDINGS)
            if (
                is_other
                and (script := self._script(path.stem))
                and sha256 in _digests(path, _modified_at(path))
            ):
                return script
        return None


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


def _modified_at(path: Path) -> int:
    return path.stat().st_mtime_ns


@lru_cache(maxsize=1024)
def _digests(path: Path, modified_at: int) -> tuple[str, ...]:
    """Digests of the bytes of a file and, if it is WAV, of its samples alone: API v2 sends only those.

    `modified_at` is part of the key of the cache.
    """
    contents = [path.read_bytes()]
    with suppress(wave.Error, EOFError), wave.open(io.BytesIO(contents[0])) as sound:
        contents.append(sound.readframes(sound.getnframes()))
    return tuple(hashlib.sha256(content).hexdigest() for content in contents)


@lru_cache(maxsize=64)
def _load(path: Path, modified_at: int) -> dict[int, tuple[Word, ...]] | list[bytes]:
    try:
        if path.suffix == ".binpb":
            return split_list(path.read_bytes())
        if path.suffix == ".json":
            return responses_from_json(path.read_bytes())
        return _read_words(path)
    except (KeyError, ValueError, OSError, SpeechkitError) as error:
        raise ServerError(f"the script {path} cannot be read: {error}") from error


def _read_words(path: Path) -> dict[int, tuple[Word, ...]]:
    channels: dict[int, list[Word]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = {"word", "start", "end"} - set(rows.fieldnames or ())
        if missing:
            raise ValueError(f"the columns {', '.join(sorted(missing))} are missing")
        for row in rows:
            word = Word(row["word"], _milliseconds(row["start"]), _milliseconds(row["end"]))
            channels.setdefault(int(row.get("channel") or 0), []).append(word)
    return {channel: tuple(sorted(words, key=lambda w: w.start_ms)) for channel, words in channels.items()}


def _milliseconds(seconds: str) -> int:
    return round(float(seconds) * 1000)


def split_list(data: bytes) -> list[bytes]:
    """The messages of a serialized `StreamingResponseList`, bytes unchanged.

    Parsing and serializing again could lose fields that the schema does not know.

    Raises:
        ValueError: if it is no such list, or not complete.

    >>> split_list(b"\\x0a\\x02ab\\x0a\\x01c")
    [b'ab', b'c']
    """
    messages, position = [], 0
    while position < len(data):
        if data[position] != 0x0A:
            raise ValueError(f"byte {position} does not begin a message of a StreamingResponseList")
        length, position = _varint(data, position + 1)
        if position + length > len(data):
            raise ValueError("the last message is cut off")
        messages.append(data[position : position + length])
        position += length
    return messages


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data):
            raise ValueError("the last message is cut off")
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
