"""The journal of jobs: one SQLite file that outlives the kernel.

A job is written before it is submitted, so that no crash can lose a job that is billed. The messages of the
service are stored unchanged. Credentials are never written. The table in `states` defines the states of jobs
and their transitions.
"""

from __future__ import annotations

import operator
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from ...errors import ConfigError, JobError, check_path, show_value
from ...paths import data_folder
from ..transport.rate_limit import HOUR
from .database import Database, is_in
from .entry import Entry, this_process, transition
from .record import JobRecord
from .states import OPEN, STATES, UNCERTAIN

LONGEST_ID = 200
"""Number of characters; ids of the service have about 20."""
NOT_IN_IDS = re.compile(r"[\s,;\"']")
"""What separates or encloses the ids of a list."""


class Journal:
    """The journal at `path`, by default in the user's data folder; safe for several threads and kernels.

    Raises:
        JournalError: if the file is no journal, was damaged, is of a newer version, or cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        chosen = data_folder() / "journal.sqlite3" if path is None else check_path("journal", path)
        self.path = chosen.absolute()  # the file is opened again after a fork, in any working folder
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
        return [self.entry(record.number) for record in self.records(service=service, states=states)]

    def records(self, *, service: str | None = None, states: Sequence[str] = ()) -> list[JobRecord]:
        """The records of the same jobs."""
        records = self._records("? IS NULL OR service = ?", service, service)
        return [record for record in records if not states or record.state in states]

    def find(self, number: int) -> Entry | None:
        """The job with that number."""
        is_possible = 0 < number < 2**63  # as large as numbers of SQLite are
        return next(iter(self._find("id = ?", number)), None) if is_possible else None

    def find_job(self, id: str | int) -> list[Entry]:
        """The jobs with that operation id, at most one per service, or the job with that number.

        Args:
            id: of the operation, or the number of the job, also as text; see `check_id`.
        """
        found = self._find("operation_id = ?", id) if isinstance(id, str) else []
        is_number = isinstance(id, int) or (id.isascii() and id.isdecimal())
        entry = self.find(int(id)) if is_number and not found else None
        return found if entry is None else [entry]

    def find_same(self, reuse_key: str) -> list[Entry]:
        """The jobs with the same sound, options and service, oldest first."""
        return self._find("reuse_key = ?", reuse_key)

    def resumable(self, service: str) -> list[JobRecord]:
        """The jobs of a service that are open, uncertain, or done but not delivered to the user yet."""
        states = (*OPEN, *UNCERTAIN)
        is_ours = "(service = ? OR typeof(service) <> 'text')"  # a damaged row may be of any service
        is_left = f"{is_in('state', states)} OR (state = 'done' AND delivered_at IS NULL)"
        where = f"{is_ours} AND ({is_left} OR NOT {is_in('state', tuple(STATES))})"
        return self._records(where, service, *states, *STATES)

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
        return {record.number: record.recording for record in self.records()}

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
        return [self.entry(row["id"]) for row in rows]

    def _records(self, where: str, *values: Any) -> list[JobRecord]:
        rows = self._database.rows(f"SELECT * FROM jobs WHERE {where} ORDER BY id", *values)
        return [JobRecord.from_row(row) for row in rows]

    def entry(self, number: int) -> Entry:
        """The job with that number, which is in the journal."""
        return Entry(self._database, number)


def check_id(id: Any) -> str | int:
    """The id of an operation without the white space around it, or the number of a job.

    Raises:
        ConfigError: if it is neither.

    >>> import numpy as np
    >>> check_id(" f8d1\\n"), check_id(np.int64(3))
    ('f8d1', 3)
    """
    if isinstance(id, str):
        text = id.strip().strip("\ufeff")
        if text and len(text) <= LONGEST_ID and text.isprintable() and not NOT_IN_IDS.search(text):
            return text
    elif not isinstance(id, bool):
        with suppress(TypeError):
            return operator.index(id)
    raise ConfigError(
        f"{show_value(id)} is no id of a job: it is the id of its operation as text, or its number, which is "
        "in the column number of client.jobs() and in job.number"
    )
