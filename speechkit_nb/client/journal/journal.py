"""The ledger of jobs: one SQLite file that outlives the kernel.

A row is written before a job is submitted, so that no crash makes a paid job nobody knows of. The
messages of an answer are kept as they came. No credential is ever written.
A job's `state` is one of those in `states`, and changes along the table there.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import JobError, JournalError
from ..transport.rate_limit import HOUR
from . import migrations as layouts
from .states import before

PATIENCE = 30.0
"""Seconds to wait for what another kernel has locked."""
ANSWERED_WITHIN = 600.0
"""Seconds after which no process waits for the answer to a submission any more, alive or not."""
NEVER_ANSWERED = "the process that submitted it ended before the answer came"
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


def home() -> Path:
    """Where the toolkit keeps its files: `$SPEECHKIT_NB_HOME`, or the user's data folder."""
    import platformdirs

    chosen = os.environ.get("SPEECHKIT_NB_HOME")
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path("speechkit_nb", False)


class Journal:
    """The ledger at `path`; safe for several threads and several kernels.

    Raises:
        JournalError: if the file is no journal, was damaged, is of a newer version, or cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = home() / "journal.sqlite3" if path is None else Path(path)
        self._lock = threading.RLock()
        self._opened: tuple[int, sqlite3.Connection] | None = None
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                layouts.bring_up_to_date(self._connection(), self.path, PATIENCE)
            except BaseException:
                self.close()
                raise

    def add(self, *, created_at: float, settles: Entry | None = None, **facts: Any) -> Entry:
        """A new row, owned by this process; it is on the disk when this returns.

        Args:
            created_at: seconds since the epoch.
            settles: a job of unknown fate that this one is sent in place of.
            facts: columns; the state is `submitting` if none is given, `options` and `metadata` are dicts.

        Raises:
            JobError: if somebody else has settled that job meanwhile.
        """
        facts = {"state": "submitting", **facts, "created_at": created_at, "owner": _this_process()}
        facts["options"] = json.dumps(facts.get("options") or {})
        facts["metadata"] = json.dumps(facts["metadata"]) if facts.get("metadata") else None
        names = ", ".join(facts)
        with self.transaction() as db:
            query = f"INSERT INTO jobs ({names}) VALUES ({', '.join('?' * len(facts))})"
            row = int(db.execute(query, tuple(facts.values())).lastrowid or 0)
            told = {"finished_at": created_at, "error": f"sent again as {row}"}
            if settles is not None and not _move(db, settles.id, "cancelled", told, ("unknown",)):
                raise JobError(
                    f"{facts['recording']}: job {settles.id} was settled meanwhile; nothing was sent"
                )
        return Entry(self, row)

    def entries(self, where: str = "TRUE", *values: Any) -> list[Entry]:
        """The jobs that fulfil an SQL condition, oldest first."""
        rows = self.rows(f"SELECT id FROM jobs WHERE {where} ORDER BY id", *values)
        return [Entry(self, row["id"]) for row in rows]

    def newest(self, most: int, first: Sequence[int] = ()) -> list[dict[str, Any]]:
        """The facts of the newest jobs, of all services, newest first; those with the ids `first` lead."""
        ids = ", ".join(map(str, first)) or "NULL"
        query = f"SELECT * FROM jobs ORDER BY id IN ({ids}) DESC, id DESC LIMIT ?"
        return [_facts(row) for row in self.rows(query, most)]

    @property
    def n_jobs(self) -> int:
        """How many jobs it has."""
        return int(self.rows("SELECT count(*) FROM jobs")[0][0])

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """The rows a query finds."""
        with self._lock, self._explained():
            return self._connection().execute(query, values).fetchall()

    def submitted_ages(self, service: str) -> list[float]:
        """How many seconds ago each submission of the last hour to this service was, if it may have arrived.

        What is more than an hour ahead is from before the clock was set back, and as good as past.
        """
        now = time.time()
        rows = self.rows(
            "SELECT coalesce(submitted_at, created_at) AS moment FROM jobs WHERE service = ? "
            "AND moment BETWEEN ? AND ? AND (submitted_at IS NOT NULL OR state IN ('submitting', 'unknown'))",
            *(service, now - HOUR, now + HOUR),
        )
        return [now - row["moment"] for row in rows]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in it is written together, or nothing; one within another belongs to that one."""
        with self._lock, self._explained():
            db = self._connection()
            if db.in_transaction:
                yield db
                return
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # SQLite may have rolled back on its own, as when the disk is full
                    db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            opened, self._opened = self._opened, None
            if opened is not None:
                opened[1].close()

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None or self._opened[0] != os.getpid():  # SQLite must not be carried over a fork
            db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            self._opened = os.getpid(), db
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
        return self._opened[1]

    @contextmanager
    def _explained(self) -> Iterator[None]:
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


class Entry:
    """One job in the journal."""

    def __init__(self, journal: Journal, id: int) -> None:
        self.journal = journal
        self.id = id

    @property
    def facts(self) -> dict[str, Any]:
        """The row as it stands now, `options` and `metadata` as dicts."""
        found = self.journal.rows("SELECT * FROM jobs WHERE id = ?", self.id)
        if not found:
            raise JournalError(f"job {self.id} is no longer in the journal {os.fspath(self.journal.path)!r}")
        return _facts(found[0])

    def note(self, **facts: Any) -> None:
        """Change columns of the row, though not its state."""
        with self.journal.transaction() as db:
            _update(db, self.id, facts)

    def move(self, state: str, *, only_from: str | None = None, **facts: Any) -> bool:
        """Change the state and other columns, if the table of states leads there from where the job is.

        Args:
            state: the new one.
            only_from: where the job has to be.
            facts: other columns.

        Returns:
            whether it did; it does not if another thread or kernel was faster.
        """
        earlier = before(state) if only_from is None else (only_from,)
        with self.journal.transaction() as db:
            return _move(db, self.id, state, facts, earlier)

    def forget(self) -> None:
        """Take the row back of a recording that was refused, and is sent once more by the same process."""
        with self.journal.transaction() as db:
            db.execute("DELETE FROM jobs WHERE id = ? AND state = 'failed'", (self.id,))

    def keep(self, responses: Sequence[bytes], received_at: Sequence[float], **facts: Any) -> bool:
        """Store an answer and move to `done`, in one step; what another kernel has stored stays."""
        rows = zip([self.id] * len(responses), range(len(responses)), received_at, responses, strict=True)
        with self.journal.transaction() as db:
            moved = _move(db, self.id, "done", facts, before("done"))
            if moved:
                db.executemany("INSERT INTO responses VALUES (?, ?, ?, ?)", rows)
        return moved

    def answer(self) -> tuple[list[bytes], list[float]]:
        """The stored messages, and when each arrived (seconds since the epoch)."""
        rows = self.journal.rows(
            "SELECT message, received_at FROM responses WHERE job = ? ORDER BY seq", self.id
        )
        return [row["message"] for row in rows], [row["received_at"] for row in rows]

    def looked_after(self, now: float) -> dict[str, Any]:
        """The row as it stands, once it says what became of a submission whose process is gone.

        That one noted an error only after it was refused, and before it was to be sent once more.

        Args:
            now: seconds since the epoch.
        """
        facts = self.facts
        if facts["state"] != "submitting" or not _orphaned(facts, now):
            return facts
        if facts["error"]:
            self.move("failed", finished_at=now)
        else:
            self.move("unknown", error=NEVER_ANSWERED)
        return self.facts


def _facts(row: sqlite3.Row) -> dict[str, Any]:
    facts = dict(row)
    metadata = json.loads(facts["metadata"]) if facts["metadata"] else {}
    return facts | {"options": json.loads(facts["options"]), "metadata": metadata}


def _move(
    db: sqlite3.Connection, id: int, state: str, facts: dict[str, Any], earlier: tuple[str, ...]
) -> bool:
    assignments = ", ".join(f"{name} = ?" for name in ("state", *facts))
    query = f"UPDATE jobs SET {assignments} WHERE id = ? AND state IN ({', '.join('?' * len(earlier))})"
    return db.execute(query, (state, *facts.values(), id, *earlier)).rowcount == 1


def _update(db: sqlite3.Connection, id: int, facts: dict[str, Any]) -> None:
    assignments = ", ".join(f"{name} = ?" for name in facts)
    if facts:
        db.execute(f"UPDATE jobs SET {assignments} WHERE id = ?", (*facts.values(), id))


def _orphaned(facts: dict[str, Any], now: float) -> bool:
    """Whether nobody waits for the answer to a submission: its process is gone, or must have had it long ago.

    A process of that number on this machine may be another one by now.
    """
    host, _, pid = str(facts["owner"]).rpartition(":")
    is_gone = host == socket.gethostname() and not _alive(int(pid))
    return is_gone or (not facts["error"] and now - facts["created_at"] > ANSWERED_WITHIN)


def _this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
