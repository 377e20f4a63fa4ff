"""Simulates a disk that is full, read-only, or cannot lock: system calls of SQLite fail as they would there.

SQLite allows tests to replace its system calls, so permissions and mounts are not needed; root would ignore
permissions. Its sleep is replaced too, so that it does not wait for locks.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import errno
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_ssize_t, c_void_p
from typing import Any, NamedTuple

SYSTEM_CALL = CFUNCTYPE(c_ssize_t, c_ssize_t, c_ssize_t, c_ssize_t, c_ssize_t, use_errno=True)
SLEEP = CFUNCTYPE(c_int, c_void_p, c_int)
METHODS = (
    *("open", "delete", "access", "full_path", "dl_open", "dl_error", "dl_sym", "dl_close"),
    *("randomness", "sleep", "time", "error", "time_64"),
)


class DiskFailure(NamedTuple):
    """Which system calls fail, the error number, and a condition on their second argument."""

    names: tuple[str, ...]
    code: int
    applies: Callable[[int], bool] = lambda argument: True


FULL = DiskFailure(("write", "pwrite", "pwrite64", "ftruncate", "fallocate"), errno.ENOSPC)
CANNOT_LOCK = DiskFailure(("fcntl",), errno.ENOLCK)
READ_ONLY = DiskFailure(("open",), errno.EROFS, lambda flags: bool(flags & (os.O_RDWR | os.O_WRONLY)))


class Vfs(ctypes.Structure):
    """`sqlite3_vfs`, version 3."""


Vfs._fields_ = [
    ("version", c_int),
    ("os_file", c_int),
    ("max_path", c_int),
    ("next", POINTER(Vfs)),
    ("name", c_char_p),
    ("data", c_void_p),
    *((name, c_void_p) for name in METHODS),
    ("set_system_call", CFUNCTYPE(c_int, POINTER(Vfs), c_char_p, c_void_p)),
    ("get_system_call", CFUNCTYPE(c_void_p, POINTER(Vfs), c_char_p)),
]


@contextmanager
def failing_disk(failure: DiskFailure, after: int = 0) -> Iterator[set[str]]:
    """Within the block the calls fail, after the first `after` of them have succeeded.

    Yields the set of names of failed calls, which grows.
    """
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = POINTER(Vfs)
    vfs = library.sqlite3_vfs_find(None)
    calls, kept = itertools.count(), []
    failed: set[str] = set()

    def replacement(name: str, original: Any) -> Any:
        def call(*arguments: int) -> int:
            if not failure.applies(arguments[1]) or next(calls) < after:
                return int(original(*arguments))
            failed.add(name)
            ctypes.set_errno(failure.code)
            return -1

        return SYSTEM_CALL(call)

    for name in failure.names:
        if pointer := vfs.contents.get_system_call(vfs, name.encode()):
            kept.append(replacement(name, SYSTEM_CALL(pointer)))
            vfs.contents.set_system_call(vfs, name.encode(), ctypes.cast(kept[-1], c_void_p))
    original_sleep, no_sleep = vfs.contents.sleep, SLEEP(lambda vfs, microseconds: microseconds)
    vfs.contents.sleep = ctypes.cast(no_sleep, c_void_p)
    try:
        yield failed
    finally:
        vfs.contents.sleep = original_sleep
        for name in failure.names:
            vfs.contents.set_system_call(vfs, name.encode(), None)
