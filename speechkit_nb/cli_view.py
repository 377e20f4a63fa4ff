"""`speechkit-nb view`: a recording and its results as one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .transcript import Transcript


@click.command()
@click.argument("file", type=click.Path())
@click.argument("results", nargs=-1, metavar="[[NAME=]RESULT]...")
@click.option("--out", type=click.Path(dir_okay=False), help="The page; FILE with .html, here, unless given.")
@click.option("--title", help="The name of FILE unless given.")
@click.option("--color", default="channel", show_default=True, help="channel or system.")
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

    Each RESULT is shown as words: a transcript that was saved (Parquet), or an answer of the service as JSON.
    NAME= says what it is called; otherwise it is called after its file.
    """
    from .audio import Recording
    from .views.timeline import TimelineView

    recording = Recording(file)
    systems = _systems(results)
    timeline = TimelineView(recording, systems or None, title=title, color=color)
    page = timeline.to_html(out or Path(file).with_suffix(".html").name, sound=sound)
    for problem in timeline.spec["problems"]:
        click.echo(problem, err=True)
    click.echo(page.resolve().as_uri())
    if open_:
        click.launch(page.resolve().as_uri())


def _systems(results: Sequence[str]) -> dict[str, Transcript]:
    """The results by name."""
    from .transcript import load

    systems: dict[str, Transcript] = {}
    for result in results:
        given, equals, path = result.partition("=")
        if not equals or Path(result).exists():
            given, path = Path(result).stem, result
        if given in systems:
            raise click.ClickException(
                f"two results are called {given!r}; name them, as in old={path} new=..."
            )
        systems[given] = load(path)
    return systems
