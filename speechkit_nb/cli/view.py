"""`speechkit-nb view`: a recording and its results as one page."""

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
@click.option("--out", type=click.Path(dir_okay=False), help="The page; FILE with .html, here, unless given.")
@click.option("--title", help="The name of FILE unless given.")
@click.option(
    "--color",
    default="channel",
    show_default=True,
    help="channel, system, or a column of numbers that the results have, such as a confidence.",
)
@click.option("--sound/--no-sound", default=True, show_default=True, help="Whether the sound is in the page.")
@click.option("--open", "open_", is_flag=True, help="Show it in the browser.")
def view(
    file: str,
    results: Sequence[str],
    out: str | None,
    title: str | None,
    color: str,
    sound: bool,
    open_: bool,
) -> None:
    """Write a page on which the recording FILE can be seen and heard, offline.

    Each RESULT is shown as words: a transcript that was saved (Parquet), an answer of the service as JSON, or
    words with times in a CSV or Parquet table or a TextGrid, EAF, CTM, SRT or VTT file. NAME= says what it
    is called; otherwise it is called after its file.
    """
    from ..audio import Recording
    from ..views import TimelineView

    recording = Recording(file)
    systems = {name: _words(path, name, color) for name, path in _named(results).items()}
    timeline = TimelineView(recording, systems or None, title=title, color=color)
    page = timeline.to_html(out or Path(file).with_suffix(".html").name, sound=sound)
    for problem in timeline.spec["problems"]:
        click.echo(problem, err=True)
    click.echo(page.resolve().as_uri())
    if open_:
        click.launch(page.resolve().as_uri())


def _named(results: Sequence[str]) -> dict[str, str]:
    """Paths of the results by name."""
    paths: dict[str, str] = {}
    for result in results:
        given, equals, path = result.partition("=")
        if not equals or Path(result).exists():
            given, path = Path(result).stem, result
        if given in paths:
            raise click.ClickException(
                f"two results are called {given!r}; name them, as in old={path} new=..."
            )
        paths[given] = path
    return paths


def _words(path: str, name: str, color: str) -> Transcript | pd.DataFrame:
    """A transcript, or the words of another file."""
    import pandas as pd

    from ..formats import is_transcript, read_file
    from ..transcript import load

    if is_transcript(Path(path)):
        return load(path)
    frame = read_file(Path(path), name).frame
    if color in frame:
        frame[color] = pd.to_numeric(frame[color], errors="coerce")  # a CSV file has it as text
    return frame
