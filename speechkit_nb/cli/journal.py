"""The journal for the command line: finds jobs, prints them, writes their results to files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ..errors import ConfigError, make_printable

if TYPE_CHECKING:
    import pandas as pd

    from ..client import Entry, Journal

COLUMNS = ["number", "recording", "status", "model", "service", "submitted", "operation_id", "error"]
MAX_WIDTH = 48
"""Maximum number of characters in a cell of the list."""


@contextmanager
def open_journal() -> Iterator[Journal]:
    """Open the user's journal; needs no connection to a service."""
    from ..client import Journal

    journal = Journal()
    try:
        yield journal
    finally:
        journal.close()


def find_entries(
    journal: Journal, ids: Sequence[str], states: Sequence[str] = (), service: str | None = None
) -> list[Entry]:
    """The jobs with these ids or numbers, or all jobs of the service; only those in one of the states."""
    if not ids:
        return journal.entries(service=service, states=states)
    entries = [_find_entry(journal, id) for id in ids]
    return [entry for entry in entries if not states or entry.record.state in states]


def _find_entry(journal: Journal, id: str) -> Entry:
    from ..client import check_id

    try:
        found = journal.find_job(check_id(id))
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    if not found:
        raise click.UsageError(f"there is no job {id!r}; speechkit-nb jobs list shows all jobs")
    return found[0]


def file_names(journal: Journal, entries: Iterable[Entry]) -> Iterator[tuple[str, Entry]]:
    """A file name for each job: its recording's, with the job's number if an earlier job has that name.

    All jobs of the journal count, so that a job keeps its name while the journal grows.
    """
    names: dict[int, str] = {}
    used: set[str] = set()
    for number, recording in journal.recordings().items():
        name = make_file_name(recording)
        while name.casefold() in used:
            name = f"{name}-{number}"
        used.add(name.casefold())
        names[number] = name
    for entry in entries:
        yield names[entry.number], entry


def make_file_name(recording: str) -> str:
    """A recording's id as a file name.

    >>> make_file_name("a/b: c.wav"), make_file_name("..")
    ('a_b_ c.wav', 'recording')
    """
    return re.sub(r"[\x00-\x1f/\\\\:*?\"<>|]", "_", recording).strip(". ")[:120] or "recording"


def format_table(frame: pd.DataFrame) -> str:
    """The frame as text; long cells are cut, and nothing in them can control the terminal."""
    shown = frame[COLUMNS].copy()
    shown["submitted"] = shown["submitted"].dt.strftime("%Y-%m-%d %H:%M")
    rows = [COLUMNS, *([_cell(value) for value in row] for row in shown.itertuples(index=False))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def _cell(value: object) -> str:
    """Text of one cell on one line, cut to `MAX_WIDTH`.

    >>> _cell("one\\ntwo"), _cell(None), len(_cell("x" * 99))
    ('one two', '', 48)
    """
    text = to_line("" if value is None or value != value else str(value))
    return text if len(text) <= MAX_WIDTH else text[: MAX_WIDTH - 1] + "…"


def to_line(text: str) -> str:
    """Text on one line, without characters that control the terminal.

    >>> print(to_line("\\x1b[2Jgone\\n"))
    \\x1b[2Jgone
    """
    return make_printable(" ".join(text.split()))
