"""The SQLite file of the journal: one connection per process, transactions, and error messages."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import JournalError
from ...paths import make_private
from .migrations import migrate

PATIENCE = 30.0
"""Seconds to wait while another kernel has locked the file."""
LOCKS = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS)
LOCK_FAILURES = (
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_RDLOCK,
    sqlite3.SQLITE_IOERR_UNLOCK,
    sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
    sqlite3.SQLITE_IOERR_SHMLOCK,
    sqlite3.SQLITE_IOERR_SHMMAP,
    sqlite3.SQLITE_IOERR_SHMOPEN,
)


class Database:
    """The file at `path`, with its tables; safe for several threads and several processes.

    Raises:
        JournalError: if the file is no journal, was damaged, is of a newer version, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._opened: tuple[int, sqlite3.Connection] | None = None
        with self._explain_errors():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            make_private(self.path)
            try:
                migrate(self._connect(), self.path, PATIENCE)
            except BaseException:
                self.close()
                raise

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """The rows of a query; values of users are passed as parameters only."""
        with self._lock, self._explain_errors():
            return self._connect().execute(query, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit all changes of the block, or none; a nested block joins the outer transaction."""
        with self._lock, self._explain_errors():
            db = self._connect()
            if db.in_transaction:
                yield db
                return
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # SQLite itself rolls back after some errors, such as a full disk
                    db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            opened, self._opened = self._opened, None
            if opened is not None:
                opened[1].close()

    def _connect(self) -> sqlite3.Connection:
        if self._opened is None or self._opened[0] != os.getpid():  # no connection may be used after a fork
            db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            self._opened = os.getpid(), db
            db.row_factory = sqlite3.Row
            db.text_factory = _decode_text
            db.execute("PRAGMA synchronous = FULL")  # what is committed survives a power failure
            db.execute("PRAGMA foreign_keys = ON")
        return self._opened[1]

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            raise JournalError(
                f"the journal {os.fspath(self.path)!r} cannot be used ({error}). {_advice(error)}, or choose "
                "another folder by SPEECHKIT_NB_HOME"
            ) from error


def _advice(error: Exception) -> str:
    """What to do about an error of SQLite, or of the folder."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF in LOCKS or code in LOCK_FAILURES:
        return (
            "Another program keeps it locked, or its folder cannot lock files, as some network drives "
            "cannot: end that program"
        )
    if code & 0xFF == sqlite3.SQLITE_FULL:
        return "Nothing of it was lost: make room there"
    if code & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        return "The file and its folder have to be writable: see to that"
    return "It is left as it is; repair or move it away"


def _decode_text(text: bytes) -> str:
    """Text of a cell; a byte that is not UTF-8 becomes a lone surrogate, so that no cell ends a query."""
    return text.decode("utf-8", "surrogateescape")


def is_in(column: str, values: Sequence[str]) -> str:
    """SQL condition that a column has one of these values."""
    return f"{column} IN ({', '.join('?' * len(values))})"
