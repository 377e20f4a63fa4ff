"""Files that take long to compute from a recording, cached under the hash of its content."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from ...audio import Recording
from ...paths import cache_folder, write_atomically

MOST_BYTES = 2_000_000_000  # above it, files that were not used for longest are deleted
_STABLE_AGE = 2.0  # s; a file that was just changed may change again within one tick of its clock


def cached(recording: Recording, kind: str, make: Callable[[], bytes]) -> bytes:
    """The bytes that `make` returns for this recording, made only once.

    Nothing is cached if the cache folder cannot be written.

    Args:
        kind: what is cached, and its version; the ending of the file's name.
        make: computes the bytes.

    Raises:
        AudioError: if the recording cannot be read.
    """
    return _cached(f"{_hash_content(recording)}.{kind}", make)


def _cached(name: str, make: Callable[[], bytes]) -> bytes:
    path = cache_folder() / name
    with contextlib.suppress(OSError):
        found = path.read_bytes()
        os.utime(path)
        if found:  # a crash of the machine may leave an empty file
            return found
    made = make()
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # recordings are private
        with write_atomically(path) as unfinished:
            unfinished.write_bytes(made)
        _prune(path.parent)
    return made


def _hash_content(recording: Recording) -> str:
    """SHA-256 of the content. It is cached by name and date of the file, so that hours are not read again."""
    if recording.source is None or "sha256" in vars(recording):
        return recording.sha256
    try:
        stat = recording.source.stat()
    except OSError:
        return recording.sha256  # raises an error with the reason
    if time.time() - stat.st_mtime < _STABLE_AGE:
        return recording.sha256
    layout = (recording.source, recording.encoding, recording.sample_rate, recording.n_channels)
    identity = (*layout, stat.st_size, stat.st_mtime_ns, stat.st_ino)
    name = sha256(repr(identity).encode()).hexdigest()
    return _cached(f"{name}.content", lambda: recording.sha256.encode()).decode()


def _prune(folder: Path) -> None:
    """Delete the files that were not used for longest, until the rest is small enough."""
    files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in folder.iterdir())
    total = sum(size for _, size, _ in files)
    for _, size, path in files:
        if total <= MOST_BYTES:
            return
        path.unlink(missing_ok=True)
        total -= size
