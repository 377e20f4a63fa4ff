"""The ledger for the command line: finding jobs in it, printing them, writing their results to files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas as pd

    from ..client.journal.journal import Entry, Journal
    from ..transcript import Transcript

COLUMNS = ["id", "recording", "status", "model", "service", "submitted", "operation_id", "error"]
WIDEST = 48
"""Characters of a cell of the list."""


@contextmanager
def open_journal() -> Iterator[Journal]:
    """The user's journal; no service is needed to read it."""
    from ..client.journal.journal import Journal

    journal = Journal()
    try:
        yield journal
    finally:
        journal.close()


def found(
    journal: Journal, ids: Sequence[str], states: Sequence[str] = (), service: str | None = None
) -> list[Entry]:
    """The jobs of those names, or all; only those in one of the states, and of the service."""
    if ids:
        named = [_entry(journal, id) for id in ids]
    else:
        named = journal.entries("? IS NULL OR service = ?", service, service)
    return [entry for entry in named if not states or entry.facts["state"] in states]


def _entry(journal: Journal, id: str) -> Entry:
    found = journal.entries("operation_id = ?", id)
    if not found and id.isdecimal():
        found = journal.entries("id = ?", int(id))
    if not found:
        raise click.UsageError(f"there is no job {id!r}; speechkit-nb jobs list shows what there is")
    return found[0]


def file_names(journal: Journal, entries: Iterable[Entry]) -> Iterator[tuple[str, Entry]]:
    """A file name for each job: its recording's, with the job's number if an earlier job has that name.

    It goes by the whole journal, so that a job keeps its name however often the journal grows.
    """
    names: dict[int, str] = {}
    taken: set[str] = set()
    for id, recording in journal.rows("SELECT id, recording FROM jobs ORDER BY id"):
        name = _plain(recording)
        while name.casefold() in taken:
            name = f"{name}-{id}"
        taken.add(name.casefold())
        names[id] = name
    for entry in entries:
        yield names[entry.id], entry


def _plain(recording: str) -> str:
    """A recording's id as a file name.

    >>> _plain("a/b: c.wav"), _plain("..")
    ('a_b_ c.wav', 'recording')
    """
    return re.sub(r"[\x00-\x1f/\\\\:*?\"<>|]", "_", recording).strip(". ")[:120] or "recording"


def transcript_of(entry: Entry) -> Transcript:
    """What the journal has of a finished job."""
    from ..transcript import Transcript

    facts = entry.facts
    responses, received_at = entry.answer()
    info = {"operation_id": facts["operation_id"], "service": facts["service"], **facts["options"]}
    return Transcript(responses, facts["recording"], facts["source"], received_at, info)


def write(transcript: Transcript, path: Path, kind: str) -> None:
    """Write one of the formats, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        _write(transcript, unfinished, kind)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write(transcript: Transcript, path: Path, kind: str) -> None:
    if kind == "parquet":
        transcript.save(path)
    elif kind == "csv":
        transcript.words.to_csv(path, index=False)
    elif kind == "txt":
        path.write_text(transcript.refined_text + "\n", encoding="utf-8")
    else:
        from ..wire import responses_to_json

        messages = responses_to_json(transcript.responses)
        lines = (json.dumps(message, ensure_ascii=False) + "\n" for message in messages)
        path.write_text("".join(lines), encoding="utf-8")


def frame_of_entries(entries: Sequence[Entry]) -> pd.DataFrame:
    """The jobs as `Client.jobs` has them, and the number of each."""
    from ..client.jobs.table import frame_of

    rows = [entry.facts for entry in entries]
    frame = frame_of(rows)
    frame.insert(0, "id", [row["id"] for row in rows])
    return frame


def table(frame: pd.DataFrame) -> str:
    """The frame as text; long cells are cut, and nothing in them can steer the terminal."""
    shown = frame[COLUMNS].copy()
    shown["submitted"] = shown["submitted"].dt.strftime("%Y-%m-%d %H:%M")
    rows = [COLUMNS, *([_cell(value) for value in row] for row in shown.itertuples(index=False))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def _cell(value: object) -> str:
    """
    >>> _cell("one\\ntwo"), _cell(None), len(_cell("x" * 99))
    ('one two', '', 48)
    """
    text = printable("" if value is None or value != value else str(value))
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def printable(text: str) -> str:
    """
    >>> printable("\\x1b[2Jgone\\n")
    '?[2Jgone'
    """
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
