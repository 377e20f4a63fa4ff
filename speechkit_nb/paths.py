"""Folders of the toolkit's own files, and files that are written completely or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOME_VARIABLE = "SPEECHKIT_NB_HOME"
"""Environment variable that names one folder for data and cache, in place of the user's own folders."""


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


def _chosen_home() -> Path | None:
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).expanduser() if chosen else None
