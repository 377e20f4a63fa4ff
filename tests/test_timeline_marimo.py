"""The timeline in marimo, run by its own server and opened in Chromium."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from serving import wait_until
from timelines import WATCH, Timeline, chromium

DATA = Path(__file__).parents[1] / "data"
NOTEBOOK = """
import marimo

app = marimo.App(width="full")


@app.cell
def _():
    import marimo as mo
    import pandas as pd
    import speechkit_nb as sk

    words = pd.read_csv("dialogue.words.csv")
    view = mo.ui.anywidget(sk.TimelineView("dialogue.wav", words, locale="en"))
    view
    return mo, view


@app.cell
def _(mo, view):
    mo.md(f"selected: {view.value['selection']}")
"""

pytestmark = pytest.mark.xdist_group("timeline")


@pytest.fixture
def url(tmp_path) -> Iterator[str]:
    """The address of the notebook, run as an app."""
    for name in ("dialogue.wav", "dialogue.words.csv"):
        shutil.copy(DATA / name, tmp_path)
    (tmp_path / "notebook.py").write_text(NOTEBOOK)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "marimo", "-q", "run", "notebook.py", *options]
    server = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/"))
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(20)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def test_it_draws_plays_and_selects_in_marimo(url):
    """The kernel sends the sound when it is first played; a selection comes back, and runs what uses it."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.add_init_script(f"({WATCH})()")
        page.goto(url)
        timeline = Timeline(page, page.locator(".speechkit-timeline").first).ready()
        assert timeline.note.inner_text().startswith("130 words in view")
        timeline.press("ArrowRight", "[", "ArrowRight", "]")
        page.get_by_text("selected: [1.0, 2.0]").or_(page.get_by_text("selected: (1.0, 2.0)")).wait_for()
        timeline.press(" ")
        wait_until(lambda: timeline.player("audio && !audio.paused && audio.currentTime > 2.1"))
        assert timeline.problems.count() == 0
