"""Folders of the toolkit's own files, and files that are written completely or not at all."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

HOME_VARIABLE = "SPEECHKIT_NB_HOME"
"""Environment variable that names one folder for data and cache, in place of the user's own folders.

A relative path is resolved once, from the working folder of its first use.
"""


def data_folder() -> Path:
    """Folder of the journal: `$SPEECHKIT_NB_HOME`, or the user's data folder. It may not exist yet."""
    import platformdirs

    return _chosen_home() or platformdirs.user_data_path("speechkit_nb", False)


def cache_folder() -> Path:
    """Folder of files that can be made again: `cache` in `$SPEECHKIT_NB_HOME`, or the user's cache folder.

    It may not exist yet, and may be deleted at any time.
    """
    import platformdirs

    chosen = _chosen_home()
    return chosen / "cache" if chosen else platformdirs.user_cache_path("speechkit_nb", False)


@contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path`, to write to; it replaces `path` when the block ends.

    If the block raises, `path` stays as it was, and the temporary file is deleted. Several threads and
    processes may write the same path at once: the last to end wins. Missing folders are made.

    Raises:
        OSError: if the folder cannot be made or written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with write_atomically(f"{folder}/a/note.txt") as unfinished:
    ...         _ = unfinished.write_text("hello")
    ...     Path(folder, "a", "note.txt").read_text()
    'hello'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # the suffix stays, since some writers choose the format by it
    unfinished = path.with_name(f".unfinished-{secrets.token_hex(8)}{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def make_private(path: Path) -> None:
    """Allow only the owner to read an SQLite file and the files beside it; a missing one is created."""
    with suppress(OSError):  # it exists, or SQLite will say why it cannot be created
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with suppress(OSError):  # it is not there, or belongs to another user
            path.with_name(name).chmod(0o600)


def remove_signature(link: str) -> str:
    """A link without the secrets of a private object: its signature, user and password; a path as it is.

    >>> remove_signature("https://storage.yandexcloud.net/calls/a.wav?X-Amz-Signature=ab12")
    'https://storage.yandexcloud.net/calls/a.wav'
    >>> remove_signature("s3://calls/a?b.wav?X-Amz-Signature=ab12")
    's3://calls/a?b.wav'
    >>> remove_signature("s3://key:ab12@calls/a@b.wav")
    's3://calls/a@b.wav'
    """
    scheme, _, rest = link.partition("://")
    if scheme.strip().lower() in ("http", "https"):
        host, slash, path = rest.partition("#")[0].partition("?")[0].partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
    if scheme.strip().lower() != "s3":
        return link
    bucket, slash, key = rest.partition("/")
    plain = f"{scheme}://{bucket.rpartition('@')[2]}{slash}{key}"
    return re.split(r"\?[^?]*(?:X-Amz-|Signature=)", plain)[0]


def _chosen_home() -> Path | None:
    chosen = os.environ.get(HOME_VARIABLE)
    return _absolute(chosen) if chosen else None


@cache  # a relative path keeps its meaning when the working folder changes
def _absolute(chosen: str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(chosen)))
