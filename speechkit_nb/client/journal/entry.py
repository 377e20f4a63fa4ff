"""One job in the journal: changes of its state, and its messages."""

from __future__ import annotations

import math
import os
import socket
import sqlite3
from collections.abc import Sequence
from typing import Any

from ...errors import JournalError
from ...transcript import Transcript
from .database import Database, is_in
from .record import JobRecord, make_storable
from .states import predecessors

SUBMISSION_LIMIT = 600.0
"""Seconds after which no process waits for the answer to a submission any more."""
UNREADABLE = b"\xff"
"""Stands for a stored message that is not bytes; no message can be parsed from it, which is reported."""
NEVER_ANSWERED = "the process that submitted it ended before the answer came"


class Entry:
    """One job in the journal, by its number."""

    def __init__(self, database: Database, number: int) -> None:
        self._database = database
        self.number = number

    @property
    def record(self) -> JobRecord:
        """The job as it is stored now."""
        found = self._database.rows("SELECT * FROM jobs WHERE id = ?", self.number)
        if not found:
            path = os.fspath(self._database.path)
            raise JournalError(f"job {self.number} is no longer in the journal {path!r}")
        return JobRecord.from_row(found[0])

    def update(self, **columns: Any) -> None:
        """Change columns other than the state."""
        assignments = ", ".join(f"{name} = ?" for name in columns)
        with self._database.transaction() as db:
            values = make_storable(columns).values()
            db.execute(f"UPDATE jobs SET {assignments} WHERE id = ?", (*values, self.number))

    def transition(self, state: str, *, only_from: str | None = None, **columns: Any) -> bool:
        """Change the state and other columns, if the table of states allows it.

        Args:
            state: the new one.
            only_from: the state that the job has to be in; default: any that the table allows.
            columns: other columns.

        Returns:
            whether it was changed; False if another thread or kernel has changed it first.
        """
        earlier = predecessors(state) if only_from is None else (only_from,)
        with self._database.transaction() as db:
            return transition(db, self.number, state, columns, earlier)

    def delete_failed(self) -> None:
        """Delete a failed job whose recording the same process sends again."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM jobs WHERE id = ? AND state = 'failed'", (self.number,))

    def store_responses(
        self, responses: Sequence[bytes], received_at: Sequence[float], **columns: Any
    ) -> bool:
        """Store the messages and change to `done`, in one transaction.

        Args:
            responses: the messages.
            received_at: when each arrived, in seconds since the epoch.
            columns: other columns.

        Returns:
            whether they were stored; False if another kernel has stored them already.
        """
        n = len(responses)
        rows = zip([self.number] * n, range(n), received_at, responses, strict=True)
        with self._database.transaction() as db:
            is_first = transition(db, self.number, "done", columns, predecessors("done"))
            if is_first:
                db.executemany("INSERT INTO responses VALUES (?, ?, ?, ?)", rows)
        return is_first

    def load_responses(self) -> tuple[list[bytes], list[float]]:
        """The stored messages, and when each arrived (seconds since the epoch)."""
        rows = self._database.rows(
            "SELECT message, received_at FROM responses WHERE job = ? ORDER BY seq", self.number
        )
        messages = [row["message"] if isinstance(row["message"], bytes) else UNREADABLE for row in rows]
        times = [row["received_at"] for row in rows]
        return messages, [time if isinstance(time, float) else math.nan for time in times]

    def load_transcript(self, recording: str | None = None, source: Any = None) -> Transcript:
        """The transcript of a job that is done, from the stored messages.

        Args:
            recording: id of the recording; default: that of the job.
            source: the recording, for the pictures of the transcript; default: its path.
        """
        record = self.record
        responses, received_at = self.load_responses()
        info = {"operation_id": record.operation_id, "service": record.service, **record.options}
        source = record.source if source is None else source
        return Transcript(responses, recording or record.recording, source, received_at, info)

    def reconcile(self, now: float) -> JobRecord:
        """Mark a submission whose process has ended as failed or unknown; returns the job.

        It becomes failed if the service has refused it: that error is stored at once, and removed before the
        request is sent again.

        Args:
            now: seconds since the epoch.
        """
        record = self.record
        if record.state != "submitting" or not _is_orphaned(record, now):
            return record
        if record.error:
            self.transition("failed", finished_at=now)
        else:
            self.transition("unknown", error=NEVER_ANSWERED)
        return self.record


def transition(
    db: sqlite3.Connection, number: int, state: str, columns: dict[str, Any], earlier: tuple[str, ...]
) -> bool:
    """Change a job that is in one of the earlier states; returns whether it was."""
    assignments = ", ".join(f"{name} = ?" for name in ("state", *columns))
    query = f"UPDATE jobs SET {assignments} WHERE id = ? AND {is_in('state', earlier)}"
    return db.execute(query, (state, *make_storable(columns).values(), number, *earlier)).rowcount == 1


def _is_orphaned(record: JobRecord, now: float) -> bool:
    """Whether no process waits for the answer to a submission any more.

    The process has ended, or the submission is too old: operating systems reuse process ids.
    """
    host, _, pid = str(record.owner).rpartition(":")
    has_ended = host == socket.gethostname() and pid.isdecimal() and not _is_alive(int(pid))
    return has_ended or (not record.error and now - record.created_at > SUBMISSION_LIMIT)


def this_process() -> str:
    """Host and process id, as in the column `owner`."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it belongs to another user, or is no process id
        return True
    return True
