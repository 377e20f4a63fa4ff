"""Start JupyterLab for tests, and open its notebooks in Chromium."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browser import chromium_path
from local_server import wait_until
from playwright.sync_api import BrowserContext, Page, sync_playwright

SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # all cells are in the page
}
THEMES = "@jupyterlab/apputils-extension:themes"
OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--expose-app-in-browser",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",
    "--IdentityProvider.token=",
    "--LabApp.extension_manager=readonly",
)
CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
POLLING = 100
"""Milliseconds between two looks at a page. The default is each frame, and then all frames are drawn."""
WIDTH, HEIGHT = 1400, 1000
CELLS = """
() => window.jupyterapp.shell.currentWidget.content.widgets.map(({model, node}) => {
    const all = selector => [...node.querySelectorAll(`.jp-OutputArea ${selector}`)];
    return {
        id: model.id,
        type: model.type,
        count: model.executionCount,
        outputs: model.outputs?.toJSON() ?? [],
        text: node.querySelector(".jp-OutputArea-executeResult .jp-OutputArea-output")?.innerText.trim(),
        rows: all("tr").map(row => [...row.cells].map(cell => cell.innerText)),
        pictures: all("img").filter(({complete, naturalWidth}) => complete && naturalWidth).length,
    };
})
"""
PICTURES_LOADED = """
() => [...document.querySelectorAll(".jp-OutputArea img")].every(({complete}) => complete)
"""
KERNEL_READY = """
() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.content?.widgets?.length && panel.sessionContext?.session?.kernel?.status === "idle";
}
"""
STOP_KERNEL = """
() => window.jupyterapp.shell.currentWidget?.sessionContext?.shutdown()
"""
# the promise of the command is not returned, since evaluate() would wait for it without a limit
RUN_ALL = """
() => {
    window.runEnded = false;
    const run = window.jupyterapp.commands.execute("notebook:run-all-cells");
    run.finally(() => { window.runEnded = true; });
    return null;
}
"""
SCROLLED_TO_THE_TOP = """
() => {
    const cells = document.querySelector(".jp-Notebook .jp-WindowedPanel-outer");
    cells.scrollTop = 0;
    return cells.scrollHeight;
}
"""


@contextmanager
def jupyterlab(root: Path, home: Path, theme: str = "JupyterLab Light") -> Iterator[str]:
    """URL of a JupyterLab that serves `root` and writes its own files to `home`."""
    for name in ("config/labconfig", "runtime"):
        (home / name).mkdir(parents=True)
    settings = json.dumps({**SETTINGS, THEMES: {"theme": theme}})
    (home / "config/labconfig/default_setting_overrides.json").write_text(settings)
    with (home / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "jupyterlab", *OPTIONS, f"--ServerApp.root_dir={root}"]
        server = subprocess.Popen(command, env=_environment(home), stdout=log, stderr=log)
    try:
        yield _address(server, home)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _environment(home: Path) -> dict[str, str]:
    """Our environment, with Jupyter's folders in `home` and without MPLBACKEND."""
    own = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    ours = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return ours | {name: str(path) for name, path in own.items()}


def _address(server: subprocess.Popen[bytes], home: Path) -> str:
    """URL of the server; it writes it to a file when it has started."""
    written = home / "runtime" / f"jpserver-{server.pid}.json"

    def started() -> bool:
        assert server.poll() is None, (home / "server.log").read_text()
        return written.exists() and written.read_text().endswith("}")

    wait_until(started, seconds=60)
    return str(json.loads(written.read_text())["url"])


@contextmanager
def chromium() -> Iterator[BrowserContext]:
    """A browser whose pages share a cache, so that only the first one loads JupyterLab from the server."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_OPTIONS)
        try:
            yield browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        finally:
            browser.close()


@contextmanager
def opened(browser: BrowserContext, url: str, path: str) -> Iterator[Page]:
    """The page of one notebook in a workspace of its own, its kernel ready; the kernel is stopped at the end.

    Args:
        url: of the server.
        path: relative to the root of the server.
    """
    page = browser.new_page()
    try:
        workspace = re.sub(r"\W", "-", path)
        page.goto(f"{url}lab/workspaces/{workspace}/tree/{path}", timeout=60_000)
        page.wait_for_function(KERNEL_READY, polling=POLLING, timeout=60_000)
        yield page
    finally:
        page.evaluate(STOP_KERNEL)
        page.close()


def start_all_cells(page: Page) -> None:
    """Start to run all cells of the notebook."""
    page.evaluate(RUN_ALL)


def finished_cells(page: Page, seconds: float = 180) -> list[dict[str, Any]]:
    """The cells after the run.

    From the notebook: `id`, `type`, `count` (None: not executed), `outputs`. From the page: `text` of the
    result, `rows` of its tables as texts, number of `pictures`.
    """
    page.wait_for_function("() => window.runEnded", polling=POLLING, timeout=seconds * 1000)
    page.wait_for_function(PICTURES_LOADED, polling=POLLING, timeout=30_000)
    return list(page.evaluate(CELLS))


def photograph(page: Page, path: Path) -> None:
    """Save a screenshot of the whole notebook."""
    height = page.evaluate(SCROLLED_TO_THE_TOP) + 120
    page.set_viewport_size({"width": WIDTH, "height": min(height, 12_000)})
    page.evaluate(SCROLLED_TO_THE_TOP)
    page.wait_for_timeout(500)  # the layout follows the window; no test depends on it
    page.screenshot(path=path)  # makes the folder, too
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
