"""The store of operations: SQLite, in a temporary file or in a folder that several servers may share.

A running operation belongs to one live server. A server extends its lease with each `heartbeat`. When the
lease has expired, another server may take its operations over (`orphans`, `claim`). A server can write to an
operation only while it owns it. Results are kept for some days, then deleted.
"""

from __future__ import annotations

import secrets
import sqlite3
import string
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ServerError
from ...paths import make_private
from ...wire import operation, rpc
from ..status import Code, StatusError, invalid_argument

KEEP_SECONDS = 3 * 24 * 3600.0
LOCK_SECONDS = 10.0
"""How long a call waits while another process has locked the file."""
PAGE_BYTES = 1 << 14
"""Audio of 50 MB is written twice as fast as with the default of 4 kB."""
LONGEST_ID = 50
ALPHABET = string.ascii_lowercase + string.digits
SCHEMA = """
CREATE TABLE IF NOT EXISTS servers (id TEXT PRIMARY KEY, alive_until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS operations (
    id TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at REAL NOT NULL,
    modified_at REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'deleted')),
    owner TEXT,
    user_request_id TEXT NOT NULL,
    engine TEXT NOT NULL,
    path TEXT NOT NULL,
    request BLOB NOT NULL,
    status BLOB
);
CREATE TABLE IF NOT EXISTS audio (
    id TEXT PRIMARY KEY REFERENCES operations ON DELETE CASCADE,
    content BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS messages (
    id TEXT NOT NULL REFERENCES operations ON DELETE CASCADE,
    position INTEGER NOT NULL,
    message BLOB NOT NULL,
    PRIMARY KEY (id, position)
) WITHOUT ROWID;
"""

ORPHANED = (
    "state = 'running' AND (owner IS NULL OR owner NOT IN (SELECT id FROM servers WHERE alive_until >= ?))"
)


@dataclass(frozen=True)
class Work:
    """What has to be recognized; complete, so that any server can do it.

    Attributes:
        user_request_id: the caller's name for the request; "": the id of the operation.
        engine: `ENGINE[:ARG]`.
        request: serialized `RecognizeFileRequest`, without its audio.
        audio: the bytes of the request, or the file of its uri.
    """

    user_request_id: str
    engine: str
    request: bytes
    audio: bytes | Path


def make_id(prefix: str) -> str:
    """An id like those of the cloud: 20 lower-case letters and digits.

    >>> len(make_id("f8d")), make_id("aje")[:3]
    (20, 'aje')
    """
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(20 - len(prefix)))


class Store:
    """Operations and their results.

    Args:
        folder: folder of the file `operations.sqlite`; None: a temporary file.
        lease: seconds after its last heartbeat during which a server counts as alive.
        keep: seconds that an operation and its result are kept after it is done.
        clock: seconds since 1970.

    Raises:
        ServerError: if the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        lease: float = 5.0,
        keep: float = KEEP_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.server_id = make_id("srv")
        self._account = make_id("aje")
        self._lease, self._keep, self._clock = lease, keep, clock
        self._db = _open(folder)
        # while another process has locked the file for writing, this connection can read
        self._reader = _open(folder) if folder else self._db
        self.is_shared = folder is not None
        self.heartbeat()

    def heartbeat(self) -> None:
        """Renew the lease of this server; delete dead servers and expired operations."""
        now = self._clock()
        with self._db as db:
            db.execute("INSERT OR REPLACE INTO servers VALUES (?, ?)", (self.server_id, now + self._lease))
            db.execute("DELETE FROM servers WHERE alive_until < ?", (now,))
            db.execute(
                f"DELETE FROM operations WHERE modified_at < ? AND (state != 'running' OR {ORPHANED})",
                (now - self._keep, now),
            )

    def close(self) -> None:
        """Release the operations of this server, so that another one can adopt them at once."""
        with self._db as db:
            db.execute("UPDATE operations SET owner = NULL WHERE owner = ?", (self.server_id,))
            db.execute("DELETE FROM servers WHERE id = ?", (self.server_id,))
        self._reader.close()
        self._db.close()

    def create(self, work: Work, description: str, prefix: str = "f8d") -> str:
        """Create an operation that this server owns; return its id, which begins with the prefix."""
        id, now = make_id(prefix), self._clock()
        by_path = isinstance(work.audio, Path)
        request = (work.user_request_id or id, work.engine, str(work.audio) if by_path else "", work.request)
        with self._db as db:
            db.execute(
                "INSERT INTO operations VALUES (?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, NULL)",
                (id, description, self._account, now, now, self.server_id, *request),
            )
            if isinstance(work.audio, bytes):
                # SQLite would copy a value that is bound to a statement as a whole
                size = len(work.audio)
                added = db.execute("INSERT INTO audio VALUES (?, zeroblob(?))", (id, size))
                with db.blobopen("audio", "content", added.lastrowid or 0) as blob:
                    blob.write(work.audio)
        return id

    def work(self, operation_id: str) -> Work:
        """The work of a running operation."""
        user_request_id, engine, request, path, row = self._reader.execute(
            "SELECT user_request_id, engine, request, path, audio.rowid "
            "FROM operations LEFT JOIN audio USING (id) WHERE id = ?",
            (operation_id,),
        ).fetchone()
        if path:
            return Work(user_request_id, engine, request, Path(path))
        with self._reader.blobopen("audio", "content", row, readonly=True) as blob:
            return Work(user_request_id, engine, request, blob.read())

    def audio_size(self, operation_id: str) -> int:
        """Number of bytes of audio that are stored with a running operation."""
        rows = self._reader.execute("SELECT length(content) FROM audio WHERE id = ?", (operation_id,))
        return sum(size for (size,) in rows)

    def owned(self) -> set[str]:
        """The running operations of this server."""
        rows = self._reader.execute(
            "SELECT id FROM operations WHERE state = 'running' AND owner = ?", (self.server_id,)
        )
        return {id for (id,) in rows}

    def orphans(self) -> list[str]:
        """Running operations that no live server owns, oldest first."""
        rows = self._reader.execute(
            f"SELECT id FROM operations WHERE {ORPHANED} ORDER BY created_at", (self._clock(),)
        )
        return [id for (id,) in rows]

    def claim(self, operation_id: str) -> bool:
        """Take over an orphan; False if another server was faster."""
        with self._db as db:
            changed = db.execute(
                f"UPDATE operations SET owner = ? WHERE {ORPHANED} AND id = ?",
                (self.server_id, self._clock(), operation_id),
            )
        return changed.rowcount == 1

    def finish(self, operation_id: str, messages: Iterable[bytes]) -> bool:
        """Store the result; False, and nothing is stored, if this server no longer owns the operation."""
        with self._db as db:
            if not self._end(operation_id, None, "owner = ?", self.server_id):
                return False
            db.executemany(
                "INSERT INTO messages VALUES (?, ?, ?)",
                ((operation_id, position, message) for position, message in enumerate(messages)),
            )
        return True

    def fail(self, operation_id: str, error: StatusError) -> bool:
        """End the operation with an error; False if this server no longer owns it."""
        with self._db:
            return self._end(operation_id, error, "owner = ?", self.server_id)

    def cancel(self, operation_id: str) -> None:
        """Cancel a running operation of any server; one that is done stays as it is.

        Raises:
            StatusError: NOT_FOUND if there is no such operation.
        """
        self._row(self._db, operation_id)
        with self._db:
            self._end(operation_id, StatusError(Code.CANCELLED, "operation was cancelled"))

    def _end(self, operation_id: str, error: StatusError | None, condition: str = "1", *values: Any) -> bool:
        status = error.status().SerializeToString() if error else None
        ended = self._db.execute(
            "UPDATE operations SET state = 'done', owner = NULL, modified_at = ?, status = ? "
            f"WHERE id = ? AND state = 'running' AND {condition}",
            (self._clock(), status, operation_id, *values),
        )
        if ended.rowcount:
            self._db.execute("DELETE FROM audio WHERE id = ?", (operation_id,))
        return bool(ended.rowcount)

    def delete(self, operation_id: str) -> None:
        """Delete the result of an operation that is done.

        Raises:
            StatusError: NOT_FOUND if there is no result (yet).
        """
        self._ready(self._db, operation_id)
        with self._db as db:
            db.execute("UPDATE operations SET state = 'deleted' WHERE id = ?", (operation_id,))
            db.execute("DELETE FROM messages WHERE id = ?", (operation_id,))

    def messages(self, operation_id: str) -> list[bytes]:
        """The result.

        Raises:
            StatusError: NOT_FOUND if there is none (yet); the error of the operation if it failed.
        """
        row = self._ready(self._reader, operation_id)
        if row["status"] is not None:
            status = rpc.Status.FromString(row["status"])
            raise StatusError(Code(status.code), status.message)
        rows = self._reader.execute(
            "SELECT message FROM messages WHERE id = ? ORDER BY position", (operation_id,)
        )
        return [message for (message,) in rows]

    def operation(self, operation_id: str) -> Any:
        """The operation as an `Operation` message.

        Raises:
            StatusError: NOT_FOUND if there is no such operation, or it has expired.
        """
        row = self._row(self._reader, operation_id)
        message = operation.Operation(
            id=row["id"],
            description=row["description"],
            created_by=row["created_by"],
            done=row["state"] != "running",
        )
        message.created_at.FromMicroseconds(round(row["created_at"] * 1e6))
        message.modified_at.FromMicroseconds(round(row["modified_at"] * 1e6))
        if row["status"] is not None:
            message.error.ParseFromString(row["status"])
        return message

    def _ready(self, db: sqlite3.Connection, operation_id: str) -> sqlite3.Row:
        row = self._row(db, operation_id)
        if row["state"] == "running":
            raise not_ready(operation_id)
        if row["state"] == "deleted":
            raise not_found(operation_id)
        return row

    def _row(self, db: sqlite3.Connection, operation_id: str) -> sqlite3.Row:
        if not 0 < len(operation_id) <= LONGEST_ID:
            raise invalid_argument(
                f"operation_id has {len(operation_id)} characters; it must have 1 to {LONGEST_ID}"
            )
        cursor = db.cursor()
        cursor.row_factory = sqlite3.Row
        row: sqlite3.Row | None = cursor.execute(
            "SELECT id, description, created_by, created_at, modified_at, state, status FROM operations "
            "WHERE id = ? AND (state = 'running' OR modified_at >= ?)",
            (operation_id, self._clock() - self._keep),
        ).fetchone()
        if row is None:
            raise not_found(operation_id)
        return row


def not_ready(operation_id: str) -> StatusError:
    """The error for a result that is not there yet. There is no code for it: clients look for this text."""
    return StatusError(Code.NOT_FOUND, f"operation data is not ready {operation_id}")


def not_found(operation_id: str) -> StatusError:
    """The error for an operation that never existed or has expired, and for a deleted result."""
    return StatusError(Code.NOT_FOUND, f"operation ID not found {operation_id}")


def _open(folder: Path | None) -> sqlite3.Connection:
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            make_private(folder / "operations.sqlite")
        # with the empty name SQLite keeps what does not fit into its cache in a temporary file
        name = folder / "operations.sqlite" if folder else ""
        db = sqlite3.connect(name, timeout=LOCK_SECONDS, check_same_thread=False)
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        db.execute("PRAGMA auto_vacuum = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        if folder is not None:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(SCHEMA)
    except (OSError, ValueError, sqlite3.Error) as error:
        raise ServerError(f"the data folder {folder} cannot be used: {error}") from error
    return db
