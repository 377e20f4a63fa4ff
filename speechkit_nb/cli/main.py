"""The command `speechkit-nb`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import SpeechkitError
from .jobs import jobs
from .view import view

if TYPE_CHECKING:
    from ..audio import Recording
    from ..client.client import Client
    from ..client.jobs.job import Job
    from ..transcript import Transcript
    from ..views import Section

REPLAY = "replay of the words beside it"
REPLAYED = ("russian.wav",)
"""Samples in a language the embedded recognizer does not know; their words are replayed from beside them."""


def _door(command: Any) -> Any:
    """Options of a command that say how the service is spoken to."""
    wires = click.Choice(["grpc", "rest"])
    command = click.option("--transport", type=wires, help="By default what the target says, or grpc.")(
        command
    )
    return click.option("--api", type=click.Choice(["v3", "v2"]), default="v3", show_default=True)(command)


class _Commands(click.Group):
    """A group whose commands end in one line when the toolkit refuses something."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SpeechkitError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="speechkit-nb")
def main() -> None:
    """Speech recognition results as tables and pictures, with a recognizer that needs no network."""


main.add_command(view)
main.add_command(jobs)


@main.command()
@click.option("--grpc", "grpc_address", default="127.0.0.1:50051", show_default=True, help="Where to listen.")
@click.option("--rest", metavar="HOST:PORT", help="Where to listen for REST, such as 127.0.0.1:8080.")
@click.option(
    "--model", "models", multiple=True, metavar="NAME=ENGINE[:ARG]", help="Such as general=pocketsphinx."
)
@click.option(
    "--bucket-root", type=click.Path(file_okay=False, exists=True), help="Stands for Object Storage."
)
@click.option("--data-dir", type=click.Path(file_okay=False), help="Where operations survive a restart.")
@click.option(
    "--api-key",
    multiple=True,
    metavar="KEY",
    envvar="SPEECHKIT_NB_API_KEY",
    show_envvar=True,
    help="Callers need this key, or one of these.",
)
@click.option("--tls-cert", type=click.Path(dir_okay=False, exists=True), help="Certificate in PEM form.")
@click.option("--tls-key", type=click.Path(dir_okay=False, exists=True), help="Its private key.")
@click.option("--fault", "faults", multiple=True, hidden=True)
@click.option("--iam-public-key", type=click.Path(dir_okay=False, exists=True), hidden=True)
@click.option("--oauth-token", multiple=True, hidden=True)
@click.option("--vm-metadata", is_flag=True, hidden=True)
@click.option("--token-seconds", type=float, hidden=True)
@click.option("--stop-with-stdin", is_flag=True, hidden=True)
def serve(grpc_address: str, models: Sequence[str], **settings: Any) -> None:
    """Run the local recognizer until Ctrl-C."""
    from ..server.app import ServerSettings, models_from_options, serve

    serve(ServerSettings.of(grpc=grpc_address, models=models_from_options(models), **settings))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "--target", default="local", show_default=True, help="local, cloud, grpc://HOST:PORT or http://HOST:PORT."
)
@_door
@click.option("--model", default="general", show_default=True)
@click.option("--language", multiple=True, help="Such as en-US; may be given several times.")
@click.option("--normalize", is_flag=True, help="Numbers as digits.")
@click.option("--out", type=click.Path(file_okay=False), help="Folder for words, transcript and timeline.")
def transcribe(
    files: Sequence[str], target: str, api: Any, transport: Any, out: str | None, **options: Any
) -> None:
    """Print what is said in FILES; with --out also write tables and pictures."""
    from ..client.connection import connect

    with connect(target, api=api, transport=transport) as client:
        submitted = [_submitted(client, path, **options) for path in _recordings(files)]
        if not submitted:
            from ..audio import AUDIO_SUFFIXES

            kinds = ", ".join(AUDIO_SUFFIXES)
            raise click.ClickException(f"no recordings in {', '.join(files)}: no file there ends in {kinds}")
        for recording, job in submitted:
            transcript = job.result()
            if len(submitted) > 1:
                click.secho(recording.id, bold=True)
            click.echo(transcript.refined_text)
            if out is not None:
                _write(transcript, recording, Path(out))


@main.command()
@click.argument("folder", default="data", type=click.Path(file_okay=False))
@click.option("--out", default="demo", show_default=True, type=click.Path(file_okay=False))
@_door
def demo(folder: str, out: str, api: Any, transport: Any) -> None:
    """Recognize the sample recordings in FOLDER; write words, timelines and a report."""
    import pandas as pd

    from ..client.connection import connect
    from ..views import render_report

    paths = list(_recordings([folder])) if Path(folder).is_dir() else []
    if not paths:
        raise click.ClickException(
            f"no recordings in {folder!r}; the samples are in the folder data of the repository, "
            "or name a folder with your own"
        )
    models = {"general": "pocketsphinx", REPLAY: f"scripted:{folder}"}
    sections, frames = [], []
    with connect("local", api=api, transport=transport, models=models) as client:
        submitted = [_submitted(client, path, normalize=True, model=_demo_model(path)) for path in paths]
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
        f"{len(words)} words of {len(paths)} recordings: {out}/words.csv, a timeline of each beside it, and"
    )
    click.echo(f"  {Path(out, 'report.html').resolve().as_uri()}")


def _demo_model(path: Path) -> str:
    return REPLAY if path.name in REPLAYED else "general"


def _submitted(client: Client, path: Path, **options: Any) -> tuple[Recording, Job]:
    from ..audio import Recording

    recording = Recording(path)
    return recording, client.submit(recording, **options)


def _write(transcript: Transcript, recording: Recording, out: Path) -> Section:
    """The files of one transcript, named after its recording; the same as a section of a report."""
    from ..views import Section, plot_timeline_rows

    out.mkdir(parents=True, exist_ok=True)
    transcript.words.to_csv(out / f"{recording.id}.words.csv", index=False)
    transcript.save(out / f"{recording.id}.parquet")
    words, finals = transcript.words, transcript.finals
    figure = plot_timeline_rows(words, recording, finals=finals, title=recording.id)
    figure.savefig(out / f"{recording.id}.timeline.png", dpi=150)
    facts = {
        "duration": f"{recording.duration:.1f} s",
        "channels": str(recording.n_channels),
        "sample rate": f"{recording.sample_rate} Hz",
        "format": recording.container,
        "model": str(transcript.info.get("model", "")),
    }
    return Section(recording.id, facts, figure, finals, words)


def _recordings(paths: Sequence[str]) -> Iterator[Path]:
    """The paths themselves, of a folder the recordings in it."""
    from ..audio import AUDIO_SUFFIXES

    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(child for child in path.iterdir() if child.suffix.lower() in AUDIO_SUFFIXES)
        else:
            yield path
