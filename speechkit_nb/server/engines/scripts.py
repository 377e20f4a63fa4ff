"""The scripts of a scripted engine: one file, or a folder in which the request chooses a file."""

from __future__ import annotations

import csv
import hashlib
import io
import wave
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from ...errors import ServerError, SpeechkitError
from ...wire import responses_from_json
from ..status import invalid_argument
from .base import ListenRequest, Word

ENDINGS = (".words.csv", ".csv", ".binpb", ".json")
Script = dict[int, tuple[Word, ...]] | list[bytes]
"""Words by channel, or the messages of a recorded answer."""


class Scripts:
    """A script, or a folder of scripts."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """Name of the file or folder."""
        return self._path.name

    def load(self, request: ListenRequest) -> Script:
        """The script for a request.

        Raises:
            StatusError: INVALID_ARGUMENT if there is none.
            ServerError: if the file does not have the format of its suffix.
        """
        return load_script(self._choose(request))

    def _choose(self, request: ListenRequest) -> Path:
        if self._path.is_file():
            return self._path
        if not request.name and not request.sha256:
            return self._find_only_script()
        stem = Path(request.name).stem or request.sha256
        if found := self._find_script(stem) or self._find_beside_equal_file(request.sha256):
            return found
        raise invalid_argument(f"{self._path} holds no script for this recording, such as {stem}.words.csv")

    def _find_only_script(self) -> Path:
        scripts = [path for path in self._path.iterdir() if path.is_file() and path.name.endswith(ENDINGS)]
        if len(scripts) == 1:
            return scripts[0]
        raise invalid_argument(
            f"a stream has no name to choose one of the {len(scripts)} scripts in {self._path} by; "
            "stream to a model of one script, scripted:FILE, or of a folder that holds one"
        )

    def _find_script(self, stem: str) -> Path | None:
        paths = (self._path / (stem + ending) for ending in ENDINGS)
        return next((path for path in paths if path.is_file()), None)

    def _find_beside_equal_file(self, sha256: str) -> Path | None:
        if not sha256:
            return None
        for path in sorted(self._path.iterdir()):
            if not path.is_file() or path.name.endswith(ENDINGS):
                continue
            script = self._find_script(path.stem)
            if script and sha256 in _digests(path, _modified_at(path)):
                return script
        return None


def load_script(path: Path) -> Script:
    """Read a script; it is cached until the file changes.

    Raises:
        ServerError: if the file does not have the format of its suffix.
    """
    return _load(path, _modified_at(path))


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
def _load(path: Path, modified_at: int) -> Script:
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
