"""The tables of the journal, and the migration of files of earlier versions."""

from __future__ import annotations

import os
import sqlite3
import time

from ...errors import JournalError

MIGRATIONS = (
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
    """
    ALTER TABLE jobs ADD COLUMN metadata TEXT;
    ALTER TABLE jobs ADD COLUMN reuse_key TEXT;
    CREATE INDEX jobs_reuse ON jobs (reuse_key) WHERE reuse_key IS NOT NULL;
    """,
    "ALTER TABLE jobs ADD COLUMN bucket TEXT;",
    """
    ALTER TABLE jobs ADD COLUMN format TEXT;
    UPDATE jobs SET source = substr(source, 1, instr(source, '?') - 1) WHERE source LIKE 'http%://%?%';
    """,
    "ALTER TABLE jobs ADD COLUMN folder TEXT;",
)  # one script for each user_version, in order; a released one is never changed


def migrate(db: sqlite3.Connection, path: str | os.PathLike[str], patience: float) -> None:
    """Create the missing tables and columns; safe if two kernels do it at the same time.

    Args:
        patience: seconds to wait for another kernel that enables WAL.

    Raises:
        JournalError: if a newer toolkit wrote it; the file is not changed.
        sqlite3.DatabaseError: if it is no journal, or cannot be written.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise JournalError(
            f"the journal {os.fspath(path)!r} was written by a newer speechkit_nb "
            f"(layout {version}, this one knows {len(MIGRATIONS)}): pip install -U speechkit-nb, "
            "or choose another folder by SPEECHKIT_NB_HOME"
        )
    if version < len(MIGRATIONS):
        enable_wal(db, patience)
        db.execute("BEGIN IMMEDIATE")
        version = db.execute("PRAGMA user_version").fetchone()[0]  # another kernel may have migrated it
        for script in MIGRATIONS[version:]:
            for statement in filter(str.strip, script.split(";")):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {max(version, len(MIGRATIONS))}")
        db.execute("COMMIT")
    db.execute("SELECT count(*) FROM jobs").fetchone()  # raises an error if the file is no journal


def enable_wal(db: sqlite3.Connection, patience: float) -> None:
    """Switch to write-ahead logging. SQLite does not wait for locks here, so the switch is tried again."""
    until = time.monotonic() + patience
    while True:
        try:
            (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.05)
    if mode != "wal":
        raise sqlite3.OperationalError(f"its folder allows journal mode {mode!r} only, not 'wal'")
