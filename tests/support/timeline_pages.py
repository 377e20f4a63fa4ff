"""Timelines in Chromium, and notebooks with access to their kernel."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import local_server
from browser import chromium_path
from jupyter import CHROMIUM_OPTIONS, KERNEL_READY, POLLING
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

PATIENCE = 90.0  # s until a test fails; a busy machine is slow
AUTOPLAY = "--autoplay-policy=no-user-gesture-required"  # tests may begin with play() from Python
# records the players, audio contexts and object URLs of the page, and calls of alert by a word that is run
WATCH = """
() => {
    const made = (window.made = { players: [], contexts: [], urls: new Set(), run: [] });
    const kept = (list, make) => new Proxy(make, {
        construct(target, given) {
            const one = Reflect.construct(target, given);
            list.push(one);
            return one;
        },
    });
    window.Audio = kept(made.players, window.Audio);
    window.AudioContext = kept(made.contexts, window.AudioContext);
    const { createObjectURL, revokeObjectURL } = URL;
    URL.createObjectURL = (given) => {
        const url = createObjectURL.call(URL, given);
        made.urls.add(url);
        return url;
    };
    URL.revokeObjectURL = (url) => {
        made.urls.delete(url);
        revokeObjectURL.call(URL, url);
    };
    window.alert = (text) => made.run.push(text);
}
"""
RUN_CELL = """
(source) => {
    const { content } = window.jupyterapp.shell.currentWidget;
    content.activeCellIndex = 0;
    content.activeCell.model.sharedModel.setSource(source);
    window.ran = false;
    window.jupyterapp.commands.execute("notebook:run-cell").finally(() => { window.ran = true; });
}
"""
ASK = """
async ([code, expression]) => {
    const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
    const asked = { code, store_history: false, user_expressions: { value: expression } };
    const reply = await kernel.requestExecute(asked).done;
    return reply.content;
}
"""
REVIVE = """
async () => {
    const { sessionContext } = window.jupyterapp.shell.currentWidget;
    if (!sessionContext.session?.kernel) await sessionContext.changeKernel({ name: "python3" });
}
"""
PLAYER = "window.made.players.findLast(({ src }) => src)"


def wait_until(is_so: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until a condition is true."""
    local_server.wait_until(is_so, seconds)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for several pages."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=[*CHROMIUM_OPTIONS, AUTOPLAY]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def pages(browser: Browser) -> Iterator[BrowserContext]:
    """Pages with recording of their objects and a shared cache."""
    with closing(browser.new_context(viewport={"width": 1400, "height": 1000})) as context:
        context.set_default_timeout(1000 * PATIENCE)
        context.add_init_script(f"({WATCH})()")
        yield context


class Timeline:
    """One timeline on a page. Pixels are those of the page, times are seconds."""

    def __init__(self, page: Page, root: Locator | None = None) -> None:
        self.page = page
        self.root = root or page.locator(".speechkit-timeline")
        self.track = self.root.locator(".track")
        self.note = self.root.locator(".footer > span").first
        self.clock = self.root.locator(".clock")
        self.tip = self.root.locator(".tip")
        self.selection = self.root.locator("button.selection")
        self.search = self.root.locator("input[type=search]")
        self.found = self.root.locator(".found")
        self.problems = self.root.locator(".problems li")

    def ready(self) -> Timeline:
        """Wait until it is drawn."""
        self.page.wait_for_function("(track) => track.ariaValueText", arg=self.track.element_handle())
        wait_until(lambda: self.ink() > 0)
        return self

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    # --- what it shows

    def ink(self) -> int:
        """Number of pixels of the lanes that are not empty."""
        return int(self.evaluate(INK))

    def drawn(self) -> bytes:
        """A screenshot of the lanes."""
        return self.track.screenshot()

    @property
    def time(self) -> float:
        """Position of the playhead."""
        return float(self.track.get_attribute("aria-valuenow") or "nan")

    @property
    def view(self) -> tuple[float, float]:
        """Start and end of the view, from the frame in the overview; exact to one of its pixels."""
        start, end = self.evaluate(FRAME)
        duration = float(self.track.get_attribute("aria-valuemax") or "nan")
        return start * duration, end * duration

    @property
    def length(self) -> float:
        """Seconds in view."""
        start, end = self.view
        return end - start

    def words(self) -> list[str]:
        """The words for screen readers, lane by lane."""
        return [str(text) for text in self.root.locator(".unseen li bdi").all_inner_texts()]

    # --- what it plays

    def player(self, expression: str) -> Any:
        """Value of an expression about the current audio element: `player("audio.currentTime")`."""
        return self.page.evaluate(f"(() => {{ const audio = {PLAYER}; return {expression}; }})()")

    # --- mouse and keys

    def at(self, share: float, row: str = "words", lane: int = 0) -> tuple[float, float]:
        """Pixel position at `share` of the view, in a row of words or of sound."""
        box, names = self.track.bounding_box(), self.root.locator(f".name.{row}").nth(lane).bounding_box()
        assert box is not None
        assert names is not None
        return box["x"] + share * box["width"], names["y"] + names["height"] / 2

    def place(self, time: float, view: tuple[float, float], row: str = "words", lane: int = 0) -> Any:
        return self.at((time - view[0]) / (view[1] - view[0]), row, lane)

    def click(self, x: float, y: float, **options: Any) -> None:
        self.page.mouse.move(x, y)
        with self._holding(options.pop("holding", None)):
            self.page.mouse.click(x, y, **options)

    def drag(self, start: tuple[float, float], end: tuple[float, float], holding: str | None = None) -> None:
        self.page.mouse.move(*start)
        with self._holding(holding):
            self.page.mouse.down()
            self.page.mouse.move(*end, steps=5)
            self.page.mouse.up()

    def wheel(self, at: tuple[float, float], dy: float, holding: str | None = "Control") -> None:
        self.page.mouse.move(*at)
        with self._holding(holding):
            self.page.mouse.wheel(0, dy)

    @contextmanager
    def _holding(self, key: str | None) -> Iterator[None]:
        if key:
            self.page.keyboard.down(key)
        yield
        if key:
            self.page.keyboard.up(key)

    def press(self, *keys: str) -> None:
        self.track.focus()
        for key in keys:
            self.page.keyboard.press(key)

    def evaluate(self, function: str, *given: Any) -> Any:
        """Result of a function of the element: `evaluate("(element) => element.shadowRoot")`."""
        return self.root.evaluate(function, *given)


INK = """
({ shadowRoot }) => {
    const canvas = shadowRoot.querySelector(".pictures canvas");
    if (!canvas.width) return 0;
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    let n = 0;
    for (let i = 3; i < data.length; i += 4) n += data[i] > 0;
    return n;
}
"""
FRAME = """
({ shadowRoot }) => {
    const [strip, frame] = [".overview", ".frame"].map((one) => {
        return shadowRoot.querySelector(one).getBoundingClientRect();
    });
    return [frame.left, frame.right].map((x) => (x - strip.left) / strip.width);
}
"""


class Notebook:
    """A notebook of one cell in JupyterLab."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def run(self, source: str) -> None:
        """Run the cell; fail if it raises."""
        self.page.evaluate(RUN_CELL, source)
        self.page.wait_for_function("() => window.ran", polling=POLLING)
        outputs = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.activeCell.model.outputs.toJSON()"
        )
        errors = [one["evalue"] for one in outputs if one["output_type"] == "error"]
        assert not errors, errors

    def ask(self, expression: str, code: str = "pass") -> Any:
        """Value of an expression in the kernel, after `code`; the value must be a literal."""
        content = self.page.evaluate(ASK, [code, expression])
        assert content["status"] == "ok", content
        value = content["user_expressions"]["value"]
        assert value["status"] == "ok", value
        return ast.literal_eval(value["data"]["text/plain"])

    def show(self, source: str) -> Timeline:
        """Run the cell and wait for its timeline."""
        self.run(source)
        root = self.page.locator(".jp-OutputArea .speechkit-timeline").first
        root.wait_for()
        return Timeline(self.page, root).ready()

    def wait(self, expression: str) -> None:
        """Wait until the expression is true in the kernel."""
        wait_until(lambda: self.ask(f"bool({expression})"))

    def revive(self) -> None:
        """Start a kernel if there is none."""
        self.page.evaluate(REVIVE)
        self.page.wait_for_function(KERNEL_READY, polling=POLLING)


def notebook_file(source: str = "") -> str:
    """A notebook of one cell."""
    cell = {"cell_type": "code", "id": "only", "metadata": {}, "source": source, "outputs": []}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": kernel},
            "cells": [{**cell, "execution_count": None}],
        }
    )
