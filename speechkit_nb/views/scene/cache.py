"""What takes long to make of a recording is kept on the disk, under the hash of the recording's content."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from ...audio.recording import Recording

MOST_BYTES = 2_000_000_000  # above it the files longest out of use go
_SETTLED = 2.0  # s; a file changed later than that ago may change again within one tick of its clock


def folder() -> Path:
    """`cache` in `$SPEECHKIT_NB_HOME`, or the user's folder for caches; it may be deleted at any time."""
    import platformdirs

    chosen = os.environ.get("SPEECHKIT_NB_HOME")
    if chosen:
        return Path(chosen).expanduser() / "cache"
    return platformdirs.user_cache_path("speechkit_nb", False)


def kept(recording: Recording, kind: str, make: Callable[[], bytes]) -> bytes:
    """What `make` returns for this recording, made once; `kind` names what it is and its version.

    A folder that cannot be written only costs time.

    Raises:
        AudioError: the recording cannot be read.
    """
    return _kept(f"{_content_of(recording)}.{kind}", make)


def _kept(name: str, make: Callable[[], bytes]) -> bytes:
    path = folder() / name
    with contextlib.suppress(OSError):
        found = path.read_bytes()
        os.utime(path)
        if found:  # a crash of the machine may leave an empty file
            return found
    made = make()
    with contextlib.suppress(OSError):
        _write(path, made)
        _prune(path.parent)
    return made


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, however many write it at once."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _content_of(recording: Recording) -> str:
    """The hash of the content; that of a file is noted with its date, so that hours are not read again."""
    if recording.source is None or "sha256" in vars(recording):
        return recording.sha256
    try:
        stat = recording.source.stat()
    except OSError:
        return recording.sha256  # which says what is wrong
    if time.time() - stat.st_mtime < _SETTLED:
        return recording.sha256
    layout = (recording.source, recording.encoding, recording.sample_rate, recording.n_channels)
    facts = (*layout, stat.st_size, stat.st_mtime_ns, stat.st_ino)
    name = sha256(repr(facts).encode()).hexdigest()
    return _kept(f"{name}.content", lambda: recording.sha256.encode()).decode()


def _prune(where: Path) -> None:
    """Delete what was not used for longest, until the rest is small enough."""
    files = sorted((p.stat().st_mtime, p.stat().st_size, p) for p in where.iterdir())
    total = sum(size for _, size, _ in files)
    for _, size, path in files:
        if total <= MOST_BYTES:
            return
        path.unlink(missing_ok=True)
        total -= size
