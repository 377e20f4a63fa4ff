"""`speechkit-nb view`: a recording and its results as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas as pd

    from ..transcript import Transcript


@click.command()
@click.argument("file", type=click.Path())
@click.argument("results", nargs=-1, metavar="[[NAME=]RESULT]...")
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    help="HTML file to write; default: the name of FILE with .html, in the current folder.",
)
@click.option("--title", help="Title of the page; default: the name of FILE.")
@click.option(
    "--color",
    default="channel",
    show_default=True,
    help="channel, system, or a numeric column of the results, for example a confidence.",
)
@click.option(
    "--sound/--no-sound", default=True, show_default=True, help="Whether the page contains the sound."
)
@click.option("--open", "open_", is_flag=True, help="Open the page in the browser.")
def view(
    file: str,
    results: Sequence[str],
    out: str | None,
    title: str | None,
    color: str,
    sound: bool,
    open_: bool,
) -> None:
    """Write an HTML page that shows and plays the recording FILE, without a network.

    Each RESULT is shown as words in a lane: a saved transcript (Parquet), a response of the service as JSON,
    or words with times in a CSV or Parquet table or a TextGrid, EAF, CTM, SRT or VTT file. NAME= sets its
    name; default: the name of its file.
    """
    from ..audio import Recording
    from ..views import TimelineView

    recording = Recording(file)
    systems = {name: _read_result(path, name, color) for name, path in _parse_names(results).items()}
    timeline = TimelineView(recording, systems or None, title=title, color=color)
    page = timeline.to_html(out or Path(file).with_suffix(".html").name, sound=sound)
    for problem in timeline.spec["problems"]:
        click.echo(problem, err=True)
    click.echo(page.resolve().as_uri())
    if open_:
        click.launch(page.resolve().as_uri())


def _parse_names(results: Sequence[str]) -> dict[str, str]:
    """The path of each result, by its name."""
    paths: dict[str, str] = {}
    for result in results:
        given, equals, path = result.partition("=")
        if not equals or Path(result).exists():
            given, path = Path(result).stem, result
        if given in paths:
            raise click.ClickException(
                f"two results have the name {given!r}; give them different names, for example "
                f"old={paths[given]} new={path}"
            )
        paths[given] = path
    return paths


def _read_result(path: str, name: str, color: str) -> Transcript | pd.DataFrame:
    """A saved transcript, or a frame with the words of another file."""
    import pandas as pd

    from ..formats import is_transcript, read_file
    from ..transcript import load

    if is_transcript(Path(path)):
        return load(path)
    frame = read_file(Path(path), name).frame
    if color in frame:
        frame[color] = pd.to_numeric(frame[color], errors="coerce")  # text, in a CSV file
    return frame
