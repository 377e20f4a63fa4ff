"""Finds jobs by their ids: in the journal, or at the service if they were submitted elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ...errors import (
    ConfigError,
    Denied,
    LeftOut,
    NotFound,
    Rejected,
    TargetError,
    count_noun,
    few,
    warn,
)
from ..transport.base import Transport, replace_message
from .entry import Entry
from .ids import read_ids
from .journal import Journal, check_id
from .record import JobRecord


class JobLookup:
    """Finds jobs of one service by their ids, and adds to the journal what was submitted elsewhere."""

    def __init__(self, transport: Transport, journal: Journal) -> None:
        self._transport, self._journal = transport, journal

    def find(self, id: Any, recording: str | None = None) -> tuple[Entry, bool]:
        """The job with that id, and whether it is new in the journal.

        Args:
            id: of the operation, or the number of the job.
            recording: name of the recording of a new job; default: the id.

        Raises:
            ConfigError, NotFound, TargetError: as `Client.job`.
        """
        id, service = check_id(id), self._transport.name
        found = self._journal.find_job(id)
        services = [entry.record.service for entry in found]
        for entry, other in zip(found, services, strict=True):
            if other in (service, ""):  # it is empty if the row is damaged
                return entry, False
        if found:
            raise TargetError(
                f"job {id!r} was submitted to {services[0]!r}, this client is connected to "
                f"{service!r}: use connect({services[0]!r}).job({id!r})"
            )
        if isinstance(id, int) or id.isdecimal():
            raise make_missing_error(int(id))
        return self._adopt(id, recording or id), True

    def find_all(self, ids: Any, show: Callable[[float, str], object]) -> tuple[list[Entry], list[str]]:
        """The jobs with these ids, each once, and a sentence about each id that is not new.

        Args:
            ids: as in `read_ids`.
            show: called with the progress.

        Raises:
            ConfigError, ServiceError: as `Client.resume_from`.
        """
        given, entries, problems, n_left_out = read_ids(ids), dict[int, Entry](), list[str](), 0
        for number, (where, id, recording) in enumerate(given):
            show(number / len(given), f"{number} of {len(given)} ids")
            try:
                entry, is_new = self.find(id, recording)
            except (ConfigError, NotFound, TargetError, Rejected, Denied) as error:
                if isinstance(error, Denied) and error.code != "PERMISSION_DENIED":
                    raise  # the credentials are wrong for all of them
                n_left_out += 1
                problems.append(f"{where}: {error}")
                continue
            if entry.number in entries:
                problems.append(f"{where}: {id!r} is given twice")
            elif not is_new:
                problems.append(f"{where}: {id!r} is in the journal already, as job {entry.number}")
            entries.setdefault(entry.number, entry)
        show(1.0, f"{len(given)} of {len(given)} ids")
        if n_left_out:
            left = count_noun(n_left_out, "id")
            warn(LeftOut(f"{left} of {len(given)} left out: {few(problems, str)}; all are in `problems`"))
        return list(entries.values()), problems

    def _adopt(self, operation_id: str, recording: str) -> Entry:
        try:
            self._transport.status(operation_id)
        except NotFound as error:
            raise replace_message(
                error,
                f"{error}. Neither {self._transport.name!r} nor the journal has it; client.jobs() lists what "
                "was submitted here, and the service stores results for 3 days",
            ) from None
        now = time.time()
        return self._journal.add(
            JobRecord(
                service=self._transport.name,
                operation_id=operation_id,
                recording=recording,
                state="running",
                created_at=now,
                submitted_at=now,
            )
        )


def make_missing_error(number: int) -> NotFound:
    """The error for the number of a job that the journal does not have."""
    return NotFound(f"the journal has no job {number}; client.jobs() lists all jobs", code="NOT_FOUND")
