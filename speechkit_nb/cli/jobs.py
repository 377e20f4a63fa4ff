"""`speechkit-nb jobs`: the ledger of jobs without a notebook, for cron and machines without a screen.

Exit codes: 0 everything is done, 1 something failed, 2 wrong usage, 3 jobs are still open.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..client.journal.states import OPEN, TRANSITIONS
from ..errors import Denied, SpeechkitError, TargetError, Unreachable, WaitTimeout
from .journal import file_names, found, frame_of_entries, open_journal, printable, table, transcript_of, write

if TYPE_CHECKING:
    from ..client.client import Client
    from ..client.jobs.job import Job
    from ..client.journal.journal import Entry

FAILED, STILL_OPEN = 1, 3
FORMATS = ("parquet", "csv", "json", "txt")


class _Listing(click.Group):
    """A group that lists unless it is told something else."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Listing)
def jobs() -> None:
    """The ledger of jobs: list (unless told otherwise), wait for, fetch, export, settle.

    A job is named by its operation id, or by its number in the list.

    Exit codes: 0 all is done, 1 something failed, 2 wrong usage, 3 jobs are still open.
    """


_ids = click.argument("ids", nargs=-1, metavar="[ID]...")
_some_ids = click.argument("ids", nargs=-1, required=True, metavar="ID...")
_target = click.option(
    "--target", help="local, or grpc://HOST:PORT. Unless given, each job's own service is asked."
)
_service = click.option("--service", help="Only jobs of this service, such as cloud or local.")


@jobs.command("list")
@_ids
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(list(TRANSITIONS)),
    help="Only jobs in these states.",
)
@_service
@click.option("--newest", type=click.IntRange(1), metavar="N", help="Only the last N.")
@click.option("--json", "as_json", is_flag=True, help="All columns, as JSON.")
def list_(
    ids: Sequence[str], states: Sequence[str], service: str | None, newest: int | None, as_json: bool
) -> None:
    """Print the jobs of the journal, newest last."""
    with open_journal() as journal:
        frame = frame_of_entries(found(journal, ids, states, service))
    frame = frame if newest is None else frame.tail(newest)
    if as_json:
        click.echo(
            frame.to_json(orient="records", date_format="iso", date_unit="s", indent=1, force_ascii=False)
        )
    elif frame.empty:
        click.echo("no jobs", err=True)
    else:
        click.echo(table(frame))


@jobs.command()
@_ids
@click.option("--timeout", type=click.FloatRange(0), metavar="SECONDS", help="Wait no longer than this.")
@_target
@_service
def wait(ids: Sequence[str], timeout: float | None, target: str | None, service: str | None) -> None:
    """Wait until jobs are done, all open ones unless named; their results are kept in the journal."""
    with open_journal() as journal:
        entries = found(journal, ids, () if ids else OPEN, service)
        until = None if timeout is None else time.monotonic() + timeout
        problems = _at_each_service(entries, target, lambda jobs: _wait(jobs, until))
        sys.exit(_told(entries, problems, STILL_OPEN))


@jobs.command()
@_target
@_service
def fetch(target: str | None, service: str | None) -> None:
    """Ask once after every open job, and fetch what is ready into the journal.

    Run it at least every other day, and no result is lost: the service keeps them for three.
    Jobs that are still open are no failure here.
    """
    with open_journal() as journal:
        entries = found(journal, (), OPEN, service)
        problems = _at_each_service(entries, target, lambda jobs: _one_by_one(jobs, lambda job: job.ask()))
        sys.exit(_told(entries, problems, 0))


@jobs.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_ids
@click.option("--format", "kind", type=click.Choice(FORMATS), default="parquet", show_default=True)
@_service
def export(folder: Path, ids: Sequence[str], kind: str, service: str | None) -> None:
    """Write the results that are in the journal to files in FOLDER; no network is needed.

    parquet is the whole transcript, for sk.load; csv its words; json the messages as the REST API prints
    them; txt the text. A file is named after its recording, and with the number of its job if there is an
    earlier one of that name.
    """
    with open_journal() as journal:
        entries = found(journal, ids, () if ids else ("done",), service)
        missing = [entry for entry in entries if entry.facts["state"] != "done"]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, entry in file_names(journal, [entry for entry in entries if entry not in missing]):
                write(transcript_of(entry), folder / f"{name}.{kind}", kind)
        except OSError as error:
            raise click.ClickException(f"cannot write into {str(folder)!r}: {error.strerror}") from error
    for entry in missing:
        click.echo(f"job {entry.id} has no result: it is {entry.facts['state']}", err=True)
    _say(f"{len(entries) - len(missing)} results in {folder}")
    sys.exit(FAILED if missing else 0)


@jobs.command()
@_some_ids
@_target
def resubmit(ids: Sequence[str], target: str | None) -> None:
    """Send jobs again that are unknown, failed, cancelled or expired; each becomes a new job.

    An unknown job that the service did get is then billed twice.
    """
    _each(ids, target, _resubmit)


@jobs.command()
@_some_ids
@_target
def abandon(ids: Sequence[str], target: str | None) -> None:
    """Take unknown jobs for not sent, and send nothing."""
    _each(ids, target, lambda job: job.abandon())


@jobs.command()
@_some_ids
@_target
def cancel(ids: Sequence[str], target: str | None) -> None:
    """Ask the service to stop jobs."""
    _each(ids, target, _cancel)


# --- the services


def _at_each_service(
    entries: Sequence[Entry], target: str | None, do: Callable[[Sequence[Job]], Sequence[str]]
) -> list[str]:
    """Do something with the jobs of each service; what went wrong there. No service hinders another."""
    from ..client.connection import connect

    by_service: dict[str, list[Entry]] = {}
    for entry in entries:
        by_service.setdefault(entry.facts["service"], []).append(entry)
    problems: list[str] = []
    for service, theirs in by_service.items():
        try:
            with connect(target or service) as client:
                problems += do([client.job(entry.id) for entry in _of(client, theirs)])
        except SpeechkitError as error:
            problems.append(f"{service}: {error}")
    return problems


def _of(client: Client, entries: Sequence[Entry]) -> Sequence[Entry]:
    service = entries[0].facts["service"]
    if service != client.service:
        raise TargetError(f"its jobs cannot be asked for at {client.service!r}; leave --target, or --service")
    return entries


def _each(ids: Sequence[str], target: str | None, do: Callable[[Job], Any]) -> None:
    """Do something with each of the jobs, and end."""
    with open_journal() as journal:
        problems = _at_each_service(found(journal, ids), target, lambda jobs: _one_by_one(jobs, do))
    for problem in problems:
        click.echo(f"Error: {printable(problem)}", err=True)
    sys.exit(FAILED if problems else 0)


def _one_by_one(jobs: Sequence[Job], do: Callable[[Job], Any]) -> list[str]:
    """Do something with each; what went wrong. A job hinders no other, a service out of reach all of them."""
    problems = []
    for job in jobs:
        try:
            do(job)
        except (Denied, Unreachable):
            raise
        except SpeechkitError as error:
            problems.append(f"job {job.row}: {error}")
    return problems


def _wait(jobs: Sequence[Job], until: float | None) -> list[str]:
    from ..client.jobs.jobset import JobSet

    left = None if until is None else max(until - time.monotonic(), 0.0)
    try:
        JobSet(jobs).wait(left, progress=sys.stderr.isatty())
    except WaitTimeout:
        return []
    return _one_by_one(jobs, lambda job: job.ask())  # one that cannot be asked says why


def _resubmit(job: Job) -> None:
    click.echo(f"{printable(job.recording)}: sent again as {job.resubmit().operation_id}")


def _cancel(job: Job) -> None:
    job.cancel()
    state = job.facts["state"]
    if state != "cancelled":
        click.echo(f"{printable(job.recording)} (job {job.row}) is {state}", err=True)


def _told(entries: Sequence[Entry], problems: Sequence[str], if_open: int) -> int:
    """Says how jobs stand and what went wrong; the exit code."""
    facts = [entry.facts for entry in entries]
    failed = [fact for fact in facts if fact["state"] not in (*OPEN, "done")]
    n_open = sum(fact["state"] in OPEN for fact in facts)
    for fact in failed:
        why = f": {fact['error']}" if fact["error"] else ""
        problems = [*problems, f"{fact['recording']} (job {fact['id']}) is {fact['state']}{why}"]
    for problem in problems:
        click.echo(printable(problem), err=True)
    n_done = len(facts) - len(failed) - n_open
    _say(f"{n_done} done, {len(failed)} without a result, {n_open} still open")
    return FAILED if problems else if_open if n_open else 0


def _say(words: str) -> None:
    """For people; a program that reads us has the exit code."""
    if sys.stdout.isatty():
        click.echo(words)
