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
from timeline_pages import Timeline, chromium, pages, wait_until

DATA = Path(__file__).parents[2] / "data"
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

# keeps back what the kernel says while there is a list for it
HOLD = """
window.held = null;
const listen = WebSocket.prototype.addEventListener;
WebSocket.prototype.addEventListener = function (event, act, ...rest) {
    const heard = (given) => {
        const hear = () => act.call(this, given);
        if (window.held) window.held.push([hear, String(given.data)]);
        else hear();
    };
    return listen.call(this, event, event === "message" ? heard : act, ...rest);
};
"""
# the first end of a selection, and the rest of it at the moment when the answers to that arrive
FIRST_END = "() => { window.held = []; }"
ANSWERED = "() => window.held.some(([, said]) => /selected: .1.0, 46.089/.test(said))"
SECOND_END = """
(track) => {
    for (const code of ["ArrowRight", "BracketRight"]) {
        track.dispatchEvent(new KeyboardEvent("keydown", { key: code, code, bubbles: true, composed: true }));
    }
    const { held } = window;
    window.held = null;
    for (const [hear] of held) hear();
}
"""


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
    """The kernel sends the sound when it is first played; a selection comes back, and runs what uses it. Its
    second end is pressed while the kernel has the first, and is not undone by the answer to that."""
    with chromium() as browser, pages(browser) as context:
        page = context.new_page()
        page.add_init_script(HOLD)
        page.goto(url, wait_until="commit")
        timeline = Timeline(page, page.locator(".speechkit-timeline").first).ready()
        assert timeline.note.inner_text().startswith("130 words in view")
        timeline.press("ArrowRight")
        wait_until(lambda: timeline.time == 1.0)
        page.evaluate(FIRST_END)
        timeline.press("[")
        page.wait_for_function(ANSWERED)
        timeline.track.evaluate(SECOND_END)
        page.get_by_text("selected: [1.0, 2.0]").or_(page.get_by_text("selected: (1.0, 2.0)")).wait_for()
        timeline.press(" ")
        wait_until(lambda: timeline.player("audio && !audio.paused && audio.currentTime > 2.1"))
        assert timeline.problems.count() == 0
