"""The journal of jobs: one SQLite file that outlives the kernel.

A job is written before it is submitted, so that no crash can lose a job that is billed. The messages of the
service are stored unchanged. Credentials are never written. The table in `states` defines the states of jobs
and their transitions.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import JobError
from ...paths import data_folder
from ..transport.rate_limit import HOUR
from .database import Database, is_in
from .entry import Entry, this_process, transition
from .record import JobRecord
from .states import OPEN, UNCERTAIN


class Journal:
    """The journal at `path`, by default in the user's data folder; safe for several threads and kernels.

    Raises:
        JournalError: if the file is no journal, was damaged, is of a newer version, or cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = data_folder() / "journal.sqlite3" if path is None else Path(path)
        self._database = Database(self.path)

    def add(self, record: JobRecord, *, replaces: Entry | None = None) -> Entry:
        """Write a new job, owned by this process; it is on the disk when this returns.

        Args:
            record: the job; its number and owner are set here.
            replaces: an unknown job that the new one replaces; it becomes cancelled.

        Raises:
            JobError: if another thread or kernel has settled the unknown job first.
        """
        columns = replace(record, owner=this_process()).to_row()
        with self._database.transaction() as db:
            query = f"INSERT INTO jobs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
            number = int(db.execute(query, tuple(columns.values())).lastrowid or 0)
            changes = {"finished_at": record.created_at, "error": f"sent again as {number}"}
            if replaces is not None and not transition(
                db, replaces.number, "cancelled", changes, ("unknown",)
            ):
                raise JobError(
                    f"{record.recording}: job {replaces.number} was settled meanwhile; nothing was sent"
                )
        return Entry(self._database, number)

    def entries(self, *, service: str | None = None, states: Sequence[str] = ()) -> list[Entry]:
        """The jobs, oldest first.

        Args:
            service: only those of this service.
            states: only those in one of these states; all if there are none.
        """
        return [
            Entry(self._database, record.number) for record in self.records(service=service, states=states)
        ]

    def records(self, *, service: str | None = None, states: Sequence[str] = ()) -> list[JobRecord]:
        """The records of the same jobs."""
        where = f"(? IS NULL OR service = ?) AND {is_in('state', states) if states else 'TRUE'}"
        query = f"SELECT * FROM jobs WHERE {where} ORDER BY id"
        return [JobRecord.from_row(row) for row in self._database.rows(query, service, service, *states)]

    def find(self, number: int) -> Entry | None:
        """The job with that number."""
        return next(iter(self._find("id = ?", number)), None)

    def find_operation(self, operation_id: str) -> list[Entry]:
        """The jobs with that operation id; at most one per service."""
        return self._find("operation_id = ?", operation_id)

    def find_same(self, reuse_key: str) -> list[Entry]:
        """The jobs with the same sound, options and service, oldest first."""
        return self._find("reuse_key = ?", reuse_key)

    def resumable(self, service: str) -> list[Entry]:
        """The jobs of a service that are open, unknown, or done but not delivered to the user yet."""
        states = (*OPEN, *UNCERTAIN)
        where = f"service = ? AND ({is_in('state', states)} OR (state = 'done' AND delivered_at IS NULL))"
        return self._find(where, service, *states)

    def newest(self, most: int, first: Sequence[int] = ()) -> list[JobRecord]:
        """The newest jobs of all services, newest first.

        Args:
            most: how many at most.
            first: numbers of jobs that come before all others.
        """
        ids = ", ".join(map(str, first)) or "NULL"
        query = f"SELECT * FROM jobs ORDER BY id IN ({ids}) DESC, id DESC LIMIT ?"
        return [JobRecord.from_row(row) for row in self._database.rows(query, most)]

    def recordings(self) -> dict[int, str]:
        """The recording of every job by the job's number, oldest first."""
        rows = self._database.rows("SELECT id, recording FROM jobs ORDER BY id")
        return {row["id"]: row["recording"] for row in rows}

    @property
    def n_jobs(self) -> int:
        """Number of jobs."""
        return int(self._database.rows("SELECT count(*) FROM jobs")[0][0])

    def submitted_ages(self, service: str) -> list[float]:
        """Ages in seconds of the submissions of the last hour to this service that may have arrived.

        A time more than an hour in the future was written before the clock was set back; it is ignored.
        """
        now = time.time()
        rows = self._database.rows(
            "SELECT coalesce(submitted_at, created_at) AS moment FROM jobs WHERE service = ? "
            f"AND moment BETWEEN ? AND ? AND (submitted_at IS NOT NULL OR {is_in('state', UNCERTAIN)})",
            *(service, now - HOUR, now + HOUR, *UNCERTAIN),
        )
        return [now - row["moment"] for row in rows]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes of the block, or none; a nested block joins the outer transaction."""
        with self._database.transaction():
            yield

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        self._database.close()

    def _find(self, where: str, *values: Any) -> list[Entry]:
        rows = self._database.rows(f"SELECT id FROM jobs WHERE {where} ORDER BY id", *values)
        return [Entry(self._database, row["id"]) for row in rows]
