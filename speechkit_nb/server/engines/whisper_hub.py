"""Whisper models of the Hugging Face hub: fetched once into its cache, and checked."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

from ...errors import ServerError
from ..status import Code, StatusError

Report = Callable[[int, int], None]
"""Is told how many bytes have been fetched, and how many there are."""

FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")
"""What the library fetches of a model."""

REPORT_SECONDS = 0.5


def find_fetched(name: str, check_folder: Callable[[Path], Path]) -> Path | None:
    """The folder of the model in the cache of the hub; None if it is not there, or not all of it."""
    from faster_whisper.utils import download_model

    with suppress(OSError, ValueError, ServerError):
        return check_folder(Path(download_model(name, local_files_only=True)))
    return None


def fetch_model(name: str, report: Report | None = None) -> Path:
    """Fetch the model; return its folder.

    Args:
        name: a name of the library, or `ORG/NAME` of the hub.
        report: is called twice a second.

    Raises:
        StatusError: FAILED_PRECONDITION if it cannot be fetched, or is damaged.
    """
    from faster_whisper.utils import _MODELS, download_model  # no other way from a name to its address
    from huggingface_hub import HfApi

    try:
        address = _MODELS.get(name, name)
        found = HfApi().model_info(address, files_metadata=True, timeout=10).siblings or []
        wanted = [file for file in found if any(fnmatch(file.rfilename, pattern) for pattern in FILES)]
        with _reporting(address, sum(file.size or 0 for file in wanted), report):
            folder = Path(download_model(name))
        for file in wanted:
            if file.lfs is not None:
                _check_digest(folder / file.rfilename, file.lfs.sha256)
    except Exception as error:  # several packages raise here: no network, no such model, disk full
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise StatusError(
            Code.FAILED_PRECONDITION,
            f"the whisper model {name!r} could not be fetched: {reason}; try again where there is a network, "
            "or give the folder of a model that was fetched elsewhere",
        ) from error
    return folder


def _check_digest(path: Path, expected: str) -> None:
    """Delete a file that is not what the hub has: the library compares sizes only."""
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == expected:
            return
    path.resolve().unlink()
    path.unlink(missing_ok=True)  # the cache has a link to the file, where there are links
    raise ValueError(f"{path.name} arrived damaged (its SHA-256 is wrong) and was deleted")


@contextmanager
def _reporting(address: str, n_bytes: int, report: Report | None) -> Iterator[None]:
    """Report the size of what is in the cache while the block runs."""
    if report is None:
        yield
        return
    from huggingface_hub.constants import HF_HUB_CACHE

    blobs, is_done = Path(HF_HUB_CACHE, f"models--{address.replace('/', '--')}", "blobs"), threading.Event()

    def watch() -> None:
        while not is_done.wait(REPORT_SECONDS):
            with suppress(OSError):  # a file is renamed when it is complete
                report(min(sum(file.stat().st_size for file in blobs.iterdir()), n_bytes), n_bytes)

    watcher = threading.Thread(target=watch)
    report(0, n_bytes)
    watcher.start()
    try:
        yield
    finally:
        is_done.set()
        watcher.join()
    report(n_bytes, n_bytes)
