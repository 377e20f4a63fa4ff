"""`speechkit-nb jobs`: the journal of jobs without a notebook, for example for cron.

Exit codes: 0 everything is done, 1 something failed, 2 wrong usage, 3 jobs are still open.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from ..client import OPEN, STATES, frame_of
from ..errors import Denied, LeftOut, SpeechkitError, TargetError, Unreachable, WaitTimeout, count_noun
from .journal import (
    file_names,
    find_entries,
    format_table,
    open_journal,
    to_line,
)

if TYPE_CHECKING:
    from ..client import Client, Entry, Job

FAILED, STILL_OPEN = 1, 3
FORMATS = ("parquet", "csv", "json", "txt")


class _ListByDefault(click.Group):
    """A group whose default command is `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("jobs", cls=_ListByDefault)
def jobs_command() -> None:
    """The journal of jobs: list (the default), wait, fetch, export, adopt, resubmit, abandon, cancel.

    A job is named by its operation id, or by its number in the list.

    Exit codes: 0 all is done, 1 something failed, 2 wrong usage, 3 jobs are still open.
    """


_ids = click.argument("ids", nargs=-1, metavar="[ID]...")
_some_ids = click.argument("ids", nargs=-1, required=True, metavar="ID...")
_target = click.option("--target", help="local, or grpc://HOST:PORT. Default: the service of each job.")
_service = click.option("--service", help="Only jobs of this service, such as cloud or local.")


@jobs_command.command("list")
@_ids
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(list(STATES)),
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
        entries = find_entries(journal, ids, states, service)
        frame = frame_of([entry.record for entry in entries])
    frame = frame if newest is None else frame.tail(newest)
    if as_json:
        click.echo(
            frame.to_json(orient="records", date_format="iso", date_unit="s", indent=1, force_ascii=False)
        )
    elif frame.empty:
        click.echo("no jobs", err=True)
    else:
        click.echo(format_table(frame))


@jobs_command.command()
@_ids
@click.option("--timeout", type=click.FloatRange(0), metavar="SECONDS", help="Wait no longer than this.")
@_target
@_service
def wait(ids: Sequence[str], timeout: float | None, target: str | None, service: str | None) -> None:
    """Wait until jobs are done (default: all open jobs); their results are stored in the journal."""
    with open_journal() as journal:
        entries = find_entries(journal, ids, () if ids else OPEN, service)
        until = None if timeout is None else time.monotonic() + timeout
        problems = _for_each_service(entries, target, lambda jobs: _wait(jobs, until))
        sys.exit(_report(entries, problems, STILL_OPEN))


@jobs_command.command()
@_target
@_service
def fetch(target: str | None, service: str | None) -> None:
    """Check the status of every open job once, and fetch the results that are ready into the journal.

    Run it at least every other day, so that no result is lost: the service stores results for three days.
    Jobs that are still open do not count as failed here.
    """
    with open_journal() as journal:
        entries = find_entries(journal, (), OPEN, service)
        problems = _for_each_service(
            entries, target, lambda jobs: _one_by_one(jobs, lambda job: job.refresh())
        )
        sys.exit(_report(entries, problems, 0))


@jobs_command.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_ids
@click.option("--format", "kind", type=click.Choice(FORMATS), default="parquet", show_default=True)
@_service
def export(folder: Path, ids: Sequence[str], kind: str, service: str | None) -> None:
    """Write the results that are in the journal to files in FOLDER; no network is needed.

    parquet is the whole transcript, for sk.load; csv its words; json the messages as the REST API prints
    them; txt the text. A file is named like its recording; the number of the job is added if an earlier job
    has the same name.
    """
    with open_journal() as journal:
        entries = find_entries(journal, ids, () if ids else ("done",), service)
        missing = [entry for entry in entries if entry.record.state != "done"]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, entry in file_names(journal, [entry for entry in entries if entry not in missing]):
                entry.load_transcript().save(folder / f"{name}.{kind}")
        except OSError as error:
            raise click.ClickException(f"cannot write into {str(folder)!r}: {error.strerror}") from error
    for entry in missing:
        click.echo(f"job {entry.number} has no result: it is {entry.record.state}", err=True)
    _print_summary(f"{len(entries) - len(missing)} results in {folder}")
    sys.exit(FAILED if missing else 0)


@jobs_command.command()
@_some_ids
@_target
def resubmit(ids: Sequence[str], target: str | None) -> None:
    """Send jobs again that are unknown, failed, cancelled or expired; each becomes a new job.

    An unknown job that the service did get is then billed twice.
    """
    _run_each(ids, target, _resubmit)


@jobs_command.command()
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@click.option("--target", default="cloud", show_default=True, help="The service, as for transcribe.")
def adopt(file: TextIO, target: str) -> None:
    """Add operations that were submitted elsewhere to the journal, so that `fetch` and `wait` know them.

    FILE has one id per line, or is CSV or JSON with a column operation_id or id; - is standard input. Exit
    code 1 if the service does not know one of them, or a line is no id.
    """
    from ..client import connect

    with connect(target) as client, warnings.catch_warnings(record=True) as left_out:
        warnings.simplefilter("always")
        jobs = client.resume_from(file, progress=sys.stderr.isatty())
    for problem in jobs.problems:
        click.echo(to_line(problem), err=True)
    _print_summary(f"{count_noun(len(jobs), 'job')} in the journal")
    sys.exit(FAILED if any(isinstance(one.message, LeftOut) for one in left_out) else 0)


@jobs_command.command()
@_some_ids
@_target
def abandon(ids: Sequence[str], target: str | None) -> None:
    """Give up unknown jobs; they count as cancelled, and nothing is sent."""
    _run_each(ids, target, lambda job: job.abandon())


@jobs_command.command()
@_some_ids
@_target
def cancel(ids: Sequence[str], target: str | None) -> None:
    """Ask the service to stop jobs."""
    _run_each(ids, target, _cancel)


# --- the services


def _for_each_service(
    entries: Sequence[Entry], target: str | None, do: Callable[[Sequence[Job]], Sequence[str]]
) -> list[str]:
    """Call `do` with the jobs of each service, also after one has failed; returns the problems."""
    from ..client import connect

    by_service: dict[str, list[Entry]] = {}
    for entry in entries:
        by_service.setdefault(entry.record.service, []).append(entry)
    problems: list[str] = []
    for service, members in by_service.items():
        try:
            with connect(target or service) as client:
                _check_service(client, service)
                problems += do([client.job(entry.number) for entry in members])
        except SpeechkitError as error:
            problems.append(f"{service}: {error}")
    return problems


def _check_service(client: Client, service: str) -> None:
    if service != client.service:
        raise TargetError(
            f"its jobs are not known to {client.service!r}: leave out --target, or choose another --service"
        )


def _run_each(ids: Sequence[str], target: str | None, do: Callable[[Job], Any]) -> None:
    """Call `do` with each of the jobs, print the problems, and exit."""
    with open_journal() as journal:
        problems = _for_each_service(find_entries(journal, ids), target, lambda jobs: _one_by_one(jobs, do))
    for problem in problems:
        click.echo(f"Error: {to_line(problem)}", err=True)
    sys.exit(FAILED if problems else 0)


def _one_by_one(jobs: Sequence[Job], do: Callable[[Job], Any]) -> list[str]:
    """Call `do` with each job; returns the problems. Stops early only if the service cannot be used."""
    problems = []
    for job in jobs:
        try:
            do(job)
        except (Denied, Unreachable):
            raise
        except SpeechkitError as error:
            problems.append(f"job {job.number}: {error}")
    return problems


def _wait(jobs: Sequence[Job], until: float | None) -> list[str]:
    from ..client import JobSet

    left = None if until is None else max(until - time.monotonic(), 0.0)
    try:
        JobSet(jobs).wait(left, progress=sys.stderr.isatty())
    except WaitTimeout:
        return []
    return _one_by_one(jobs, lambda job: job.refresh())  # for their errors


def _resubmit(job: Job) -> None:
    click.echo(f"{to_line(job.recording)}: sent again as {job.resubmit().operation_id}")


def _cancel(job: Job) -> None:
    job.cancel()
    state = job.record.state
    if state != "cancelled":
        click.echo(f"{to_line(job.recording)} (job {job.number}) is {state}", err=True)


def _report(entries: Sequence[Entry], problems: Sequence[str], if_open: int) -> int:
    """Print how many jobs are done and what went wrong; returns the exit code."""
    records = [entry.record for entry in entries]
    failed = [record for record in records if not record.is_open and record.state != "done"]
    n_open = sum(record.is_open for record in records)
    for record in failed:
        why = f": {record.error}" if record.error else ""
        problems = [*problems, f"{record.recording} (job {record.number}) is {record.state}{why}"]
    for problem in problems:
        click.echo(to_line(problem), err=True)
    n_done = len(records) - len(failed) - n_open
    _print_summary(f"{n_done} done, {len(failed)} without a result, {n_open} still open")
    return FAILED if problems else if_open if n_open else 0


def _print_summary(text: str) -> None:
    """Print only to a terminal; programs use the exit code."""
    if sys.stdout.isatty():
        click.echo(text)
