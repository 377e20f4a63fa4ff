"""The command `speechkit-nb`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from ..errors import JobError, ServerError, SpeechkitError, check_number, make_printable
from .jobs import jobs_command
from .journal import make_file_name
from .view import view

if TYPE_CHECKING:
    from ..audio import Recording
    from ..client import Client, Job
    from ..transcript import Transcript
    from ..views import Section

REPLAY = "replay of the words beside it"
REPLAYED = {"russian.wav": "ru-RU"}
"""Samples in a language that needs a model of its own; their words are in a file beside them."""


def _connection_options(command: Any) -> Any:
    """Add the options for the connection to a command."""
    transport = click.option(
        "--transport",
        type=click.Choice(["grpc", "rest"]),
        help="Protocol; by default that of the target, or grpc.",
    )
    api = click.option("--api", type=click.Choice(["v3", "v2"]), default="v3", show_default=True)
    return api(transport(command))


class _Source(click.Path):
    """A path that exists, or a link."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        return value if "://" in value else super().convert(value, param, ctx)


def _whisper_option(command: Any) -> Any:
    """Add the option for languages that the embedded recognizer does not know."""
    return click.option(
        "--whisper",
        metavar="NAME|FOLDER",
        help="A model of whisper for other languages than English: a name such as small, which is fetched "
        "once, or a folder.",
    )(command)


class _Commands(click.Group):
    """A group of commands that show an error of the toolkit as one line, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SpeechkitError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="speechkit-nb")
def main() -> None:
    """Speech recognition: tables and pictures of the results, and a local recognizer without a network."""


main.add_command(view)
main.add_command(jobs_command)


@main.command()
@click.option(
    "--grpc", "grpc_address", default="127.0.0.1:50051", show_default=True, help="Address for gRPC."
)
@click.option("--rest", metavar="HOST:PORT", help="Address for REST, for example 127.0.0.1:8080.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME=ENGINE[:ARG]",
    help="A model and its engine, for example general=pocketsphinx; may be given several times.",
)
@_whisper_option
@click.option(
    "--bucket-root",
    type=click.Path(file_okay=False, exists=True),
    help="Folder that is used in place of Object Storage.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    help="Folder for operations, so that they survive a restart.",
)
@click.option(
    "--api-key",
    multiple=True,
    metavar="KEY|@FILE",
    envvar="SPEECHKIT_NB_API_KEY",
    show_envvar=True,
    help="Accept only clients with this API key, or with one of those in FILE, one per line. Other users of "
    "this machine can read the arguments of a command: better use the variable or a file.",
)
@click.option(
    "--keep-days",
    type=float,
    help="How long results are kept; default: 3 days, as at the service.",
)
@click.option(
    "--workers",
    type=int,
    help="Number of processes that recognize; default: as many as there are processors, at most 2.",
)
@click.option(
    "--bearer-token",
    "--token",
    multiple=True,
    metavar="TOKEN|@FILE",
    envvar="SPEECHKIT_NB_BEARER_TOKEN",
    show_envvar=True,
    help="Accept clients with this IAM token (Authorization: Bearer TOKEN), likewise.",
)
@click.option(
    "--tls-cert", type=click.Path(dir_okay=False, exists=True), help="Certificate for TLS, a PEM file."
)
@click.option(
    "--tls-key",
    type=click.Path(dir_okay=False, exists=True),
    help="Private key of the certificate, a PEM file.",
)
@click.option(
    "--iam",
    is_flag=True,
    help="For tests: issue IAM tokens at /iam/v1/tokens of REST. Without the next two options every OAuth "
    "token is exchanged for one.",
)
@click.option(
    "--iam-public-key",
    type=click.Path(dir_okay=False, exists=True),
    help="For tests: issue IAM tokens for requests that are signed with this key of a service account; the "
    "file of `yc iam key create`, or PEM.",
)
@click.option(
    "--oauth-token",
    multiple=True,
    metavar="TOKEN|@FILE",
    envvar="SPEECHKIT_NB_OAUTH_TOKEN",
    show_envvar=True,
    help="For tests: issue IAM tokens for this OAuth token.",
)
@click.option(
    "--vm-metadata",
    is_flag=True,
    help="For tests: issue IAM tokens as the metadata service of a virtual machine does, to every caller.",
)
@click.option("--token-seconds", type=float, help="How long issued IAM tokens are valid; default: 12 hours.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="For tests: fail on purpose, for example unavailable:RecognizeFile:2; may be given several times. "
    "All faults are in docs/server.md.",
)
@click.option("--stop-with-stdin", is_flag=True, hidden=True)
def serve(grpc_address: str, models: Sequence[str], keep_days: float | None, **settings: Any) -> None:
    """Run the local recognition server until Ctrl-C.

    All keys, tokens and faults are explained in docs/server.md.
    """
    from ..server import ServerSettings, parse_models, serve

    if keep_days is not None:
        check_number("--keep-days", keep_days, 1e-6, 1e4, ServerError)
        settings["keep_seconds"] = keep_days * 24 * 3600
    serve(ServerSettings.of(grpc=grpc_address, models=parse_models(models), **settings))


@main.command()
@click.argument("files", nargs=-1, required=True, type=_Source(exists=True))
@click.option(
    "--target",
    default="local",
    show_default=True,
    help="Service: local, cloud, grpc://HOST:PORT or http://HOST:PORT.",
)
@_connection_options
@_whisper_option
@click.option("--model", default="general", show_default=True)
@click.option("--language", multiple=True, help="For example en-US; may be given several times.")
@click.option("--normalize", is_flag=True, help="Write numbers as digits.")
@click.option(
    "--bucket-root",
    type=click.Path(file_okay=False, exists=True),
    help="Folder that a server on this machine uses in place of Object Storage.",
)
@click.option("--container", help="WAV, OGG_OPUS or MP3, for links whose name does not tell it.")
@click.option("--encoding", help="LINEAR16_PCM, for samples without a header; with --sample-rate.")
@click.option("--sample-rate", type=int, metavar="HZ", help="Of such samples.")
@click.option("--channels", "n_channels", type=int, help="Of such samples; default: 1.")
@click.option("--out", type=click.Path(file_okay=False), help="Folder for words, transcripts and timelines.")
def transcribe(
    files: Sequence[str],
    target: str,
    api: Any,
    transport: Any,
    bucket_root: str | None,
    whisper: str | None,
    out: str | None,
    **options: Any,
) -> None:
    """Print the text of FILES: recordings, folders of recordings, or links into Object Storage; with --out
    write tables and pictures.

    s3://BUCKET/FOLDER/ is all recordings in that folder and below, 's3://BUCKET/*.wav' (in quotes) the
    objects that match. A recording that fails does not stop the others; its error is printed, and the exit
    code is 1.
    """
    from ..audio import AUDIO_SUFFIXES, Recording
    from ..client import connect, describe_reuse

    sources = list(_find_recordings(files))
    if not sources:
        raise click.ClickException(
            f"no recordings in {', '.join(files)}: no file there ends in {', '.join(AUDIO_SUFFIXES)}"
        )
    exit_code = 0
    given: dict[str, Any] = {"bucket_root": bucket_root, "whisper": whisper}
    local = {name: value for name, value in given.items() if value is not None}
    with connect(target, api=api, transport=transport, **local) as client:
        # a single link is listed while its objects are sent
        jobs = client.submit_many(sources[0] if len(sources) == 1 else sources, progress=False, **options)
        jobs.wait(progress=sys.stderr.isatty())
        for job in jobs[:]:
            if job.reused:
                click.echo(make_printable(f"{job.recording}: {describe_reuse(job.record)}"), err=True)
            try:
                transcript = job.result(progress=False)
            except JobError as error:
                click.echo(f"Error: {error}", err=True)
                exit_code = 1
                continue
            if len(jobs) > 1:
                click.secho(make_printable(job.recording), bold=True)
            click.echo(make_printable(transcript.refined_text))
            source = str(job.record.source)
            if out is not None and "://" in source:
                _write_tables(transcript, Path(out))
                click.echo(f"{source}: the sound is not on this machine, so there is no picture", err=True)
            elif out is not None:
                _write(transcript, Recording(source, **job.record.format, id=job.recording), Path(out))
    sys.exit(exit_code)


@main.command()
@click.argument("folder", default="data", type=click.Path(file_okay=False))
@click.option("--out", default="demo", show_default=True, type=click.Path(file_okay=False))
@_connection_options
def demo(folder: str, out: str, api: Any, transport: Any) -> None:
    """Recognize the sample recordings in FOLDER; write words, timelines and a report.

    The demo uses a separate journal, which is deleted at the end: its jobs do not appear in yours.
    """
    import pandas as pd

    from ..client import connect
    from ..views import render_report

    paths = list(map(Path, _find_recordings([folder]))) if Path(folder).is_dir() else []
    if not paths:
        raise click.ClickException(
            f"no recordings in {folder!r}. The samples are in the folder data of the repository; give its "
            "path, or a folder with your own recordings"
        )
    models = {REPLAY: f"scripted:{folder}"}
    written = {"normalize": True, "literature_text": True}
    sections, frames = [], []
    with (
        TemporaryDirectory(prefix="speechkit-nb-demo-") as home,
        connect(
            "local",
            api=api,
            transport=transport,
            models=models,
            journal=Path(home, "journal.sqlite3"),
            data_dir=Path(home, "local"),
        ) as client,
    ):
        submitted = [_submit(client, path, **_demo_model(path), **written) for path in paths]
        for recording, job in submitted:
            transcript = job.result()
            frames.append(transcript.words)
            sections.append(_write(transcript, recording, Path(out)))
            click.echo(f"  {recording!r}: {len(frames[-1])} words")
    words = pd.concat(frames, ignore_index=True)
    words.to_csv(Path(out, "words.csv"), index=False)
    Path(out, "report.html").write_text(render_report(sections, title="speechkit-nb demo"), encoding="utf-8")
    click.echo(f"\n{words.head(10).to_string()}\n")
    click.echo(
        f"{len(words)} words of {len(paths)} recordings are in {Path(out, 'words.csv')}, with a timeline of "
        "each recording in the same folder. All on one page:"
    )
    click.echo(f"  {Path(out, 'report.html').resolve().as_uri()}")


def _demo_model(path: Path) -> dict[str, str]:
    return {"model": REPLAY, "language": REPLAYED[path.name]} if path.name in REPLAYED else {}


def _submit(client: Client, path: Path, **options: Any) -> tuple[Recording, Job]:
    from ..audio import Recording

    recording = Recording(path)
    return recording, client.submit(recording, **options)


def _write(transcript: Transcript, recording: Recording, out: Path) -> Section:
    """Write the files of one transcript, named after its recording; returns its section of the report."""
    from ..views import Section, plot_timeline_rows

    name = _write_tables(transcript, out)
    words, finals = transcript.words, transcript.finals
    figure = plot_timeline_rows(words, recording, finals=finals, title=recording.id)
    figure.savefig(out / f"{name}.timeline.png", dpi=150)
    facts = {
        "duration": f"{recording.duration:.1f} s",
        "channels": str(recording.n_channels),
        "sample rate": f"{recording.sample_rate} Hz",
        "format": recording.container,
        "model": str(transcript.info.get("model", "")),
    }
    return Section(recording.id, facts, figure, finals, words)


def _write_tables(transcript: Transcript, out: Path) -> str:
    """Write the words and the whole transcript; returns the name of the files."""
    out.mkdir(parents=True, exist_ok=True)
    name = make_file_name(transcript.recording)
    transcript.words.to_csv(out / f"{name}.words.csv", index=False)
    transcript.save(out / f"{name}.parquet")
    return name


def _find_recordings(sources: Sequence[str]) -> Iterator[Path | str]:
    """The paths and links themselves; in place of a folder, the recordings in it, by name."""
    from ..audio import AUDIO_SUFFIXES

    for source in sources:
        if "://" in source:
            yield source
        elif Path(source).is_dir():
            yield from sorted(p for p in Path(source).iterdir() if p.suffix.lower() in AUDIO_SUFFIXES)
        else:
            yield Path(source)
