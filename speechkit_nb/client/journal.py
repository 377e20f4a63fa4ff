"""The ledger of jobs: one SQLite file that outlives the kernel.

A row is written before a job is submitted, so that no crash makes a paid job nobody knows of. The
messages of an answer are kept as they came. No credential is ever written.

A job's `state` is one of

    submitting   the request is on its way; nobody knows yet whether it arrived
    running      the service gave an operation id
    done         its messages are in the journal
    failed       the service refused it, or the recognition ended in an error
    cancelled    by the user
    expired      the service has thrown the result away before it was fetched
    unknown      the answer to the request never came; the service may or may not have the job
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import stamina

from ..errors import JournalError

OPEN = ("submitting", "running")
LAYOUTS = (
    """
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY,
        service TEXT NOT NULL,
        operation_id TEXT,
        recording TEXT NOT NULL,
        source TEXT,
        sha256 TEXT,
        duration REAL,
        n_channels INTEGER,
        options TEXT NOT NULL,
        state TEXT NOT NULL,
        owner TEXT,
        created_at REAL NOT NULL,
        submitted_at REAL,
        finished_at REAL,
        fetched_at REAL,
        delivered_at REAL,
        error TEXT
    );
    CREATE UNIQUE INDEX jobs_operation ON jobs (service, operation_id) WHERE operation_id IS NOT NULL;
    CREATE INDEX jobs_state ON jobs (service, state);
    CREATE TABLE responses (
        job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        received_at REAL NOT NULL,
        message BLOB NOT NULL,
        PRIMARY KEY (job, seq)
    ) WITHOUT ROWID;
    """,
)  # one script for each user_version, in order; a released one is never changed


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
                self._migrate()
            except BaseException:
                self.close()
                raise

    def add(self, *, created_at: float, **facts: Any) -> Entry:
        """A new row in state `submitting`, owned by this process; it is on the disk when this returns."""
        facts |= {
            "created_at": created_at,
            "state": facts.get("state", "submitting"),
            "owner": _this_process(),
        }
        facts["options"] = json.dumps(facts.get("options") or {})
        names = ", ".join(facts)
        with self.transaction() as db:
            row = db.execute(
                f"INSERT INTO jobs ({names}) VALUES ({', '.join('?' * len(facts))})", tuple(facts.values())
            )
        return Entry(self, int(row.lastrowid or 0))

    def entries(self, where: str = "TRUE", *values: Any) -> list[Entry]:
        """The jobs that fulfil an SQL condition, oldest first."""
        rows = self.rows(f"SELECT id FROM jobs WHERE {where} ORDER BY id", *values)
        return [Entry(self, row["id"]) for row in rows]

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """The rows a query finds."""
        with self._lock, self._explained():
            return self._connection().execute(query, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in it is written together, or nothing."""
        with self._lock, self._explained():
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            opened, self._opened = self._opened, None
            if opened is not None:
                opened[1].close()

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None or self._opened[0] != os.getpid():  # SQLite must not be carried over a fork
            db = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            self._opened = os.getpid(), db
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
        return self._opened[1]

    def _migrate(self) -> None:
        db = self._connection()
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(LAYOUTS):
            raise JournalError(
                f"the journal {os.fspath(self.path)!r} was written by a newer speechkit_nb "
                f"(layout {version}, this one knows {len(LAYOUTS)}): pip install -U speechkit-nb, "
                "or choose another folder by SPEECHKIT_NB_HOME"
            )
        if version < len(LAYOUTS):
            _write_ahead(db)
            db.execute("BEGIN IMMEDIATE")
            version = db.execute("PRAGMA user_version").fetchone()[0]  # another kernel may have been faster
            for layout in LAYOUTS[version:]:
                for statement in filter(str.strip, layout.split(";")):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(LAYOUTS)}")
            db.execute("COMMIT")
        db.execute("SELECT count(*) FROM jobs").fetchone()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            raise JournalError(
                f"the journal {os.fspath(self.path)!r} cannot be used ({error}). It is left as it is; repair "
                "or move it away, or choose another folder by SPEECHKIT_NB_HOME"
            ) from error


def _write_ahead(db: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite does not wait for locks here, so that we wait for another kernel that does it."""
    busy = sqlite3.OperationalError
    for attempt in stamina.retry_context(on=busy, attempts=None, timeout=30, wait_max=0.5):
        with attempt:
            db.execute("PRAGMA journal_mode = WAL")


class Entry:
    """One job in the journal."""

    def __init__(self, journal: Journal, id: int) -> None:
        self.journal = journal
        self.id = id

    @property
    def facts(self) -> dict[str, Any]:
        """The row as it stands now, `options` as a dict."""
        found = self.journal.rows("SELECT * FROM jobs WHERE id = ?", self.id)
        if not found:
            raise JournalError(f"job {self.id} is no longer in the journal {os.fspath(self.journal.path)!r}")
        facts = dict(found[0])
        return facts | {"options": json.loads(facts["options"])}

    def note(self, **facts: Any) -> None:
        """Change columns of the row."""
        with self.journal.transaction() as db:
            _update(db, self.id, facts)

    def keep(self, responses: Sequence[bytes], received_at: Sequence[float], **facts: Any) -> None:
        """Store an answer and what follows from it, in one step."""
        rows = zip([self.id] * len(responses), range(len(responses)), received_at, responses, strict=True)
        with self.journal.transaction() as db:
            db.execute("DELETE FROM responses WHERE job = ?", (self.id,))
            db.executemany("INSERT INTO responses VALUES (?, ?, ?, ?)", rows)
            _update(db, self.id, facts)

    def answer(self) -> tuple[list[bytes], list[float]]:
        """The stored messages, and when each arrived (seconds since the epoch)."""
        rows = self.journal.rows(
            "SELECT message, received_at FROM responses WHERE job = ? ORDER BY seq", self.id
        )
        return [row["message"] for row in rows], [row["received_at"] for row in rows]

    @property
    def orphaned(self) -> bool:
        """Whether the process that wrote the row is gone, so that nobody waits for its answer."""
        host, _, pid = str(self.facts["owner"]).rpartition(":")
        return host == socket.gethostname() and not _alive(int(pid))


def _update(db: sqlite3.Connection, id: int, facts: dict[str, Any]) -> None:
    assignments = ", ".join(f"{name} = ?" for name in facts)
    if facts:
        db.execute(f"UPDATE jobs SET {assignments} WHERE id = ?", (*facts.values(), id))


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
