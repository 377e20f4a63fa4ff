"""The panel in a real JupyterLab in Chromium: by mouse, by keyboard, over a restart of the kernel."""

import os
import shutil
from pathlib import Path

import nbformat
import pytest
from jupyter import (
    KERNEL_READY,
    POLLING,
    chromium,
    finished_cells,
    jupyterlab,
    opened,
    photograph,
    start_all_cells,
)
from local_server import wait_until
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
MAKE = """
import os
os.environ["SPEECHKIT_NB_HOME"] = {home!r}
import speechkit_nb as sk

client = sk.connect("local")
panel = sk.JobPanel(client, "recordings")
panel
"""
UNCONNECTED = """
import os
os.environ["SPEECHKIT_NB_HOME"] = {home!r}
import speechkit_nb as sk

panel = sk.JobPanel(folder="recordings")
panel
"""
ASK = "(panel.transcript.recording, len(panel.transcript.words)) if panel.transcript else None"
TOO_LARGE_FOR_A_MESSAGE = 12_000_000
SECONDS = 60_000  # in milliseconds, how long recognition may take on a busy machine
RESTART = """
() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()
"""
COUNT = """
(index) => window.jupyterapp.shell.currentWidget.content.widgets[index].model.executionCount ?? 0
"""
OPEN_FOLDER = """
(path) => window.jupyterapp.commands.execute("filebrowser:open-path", { path })
"""
RUN_CELL = """
(index) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index;
    window.jupyterapp.commands.execute("notebook:run-cell");
    return null;
}
"""

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def lab(root, tmp_path_factory):
    """A JupyterLab for all tests, and a browser. Each notebook has a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name == "MPLBACKEND" or name.startswith("YC_"):
                patch.delenv(name)
        with jupyterlab(root, tmp_path_factory.mktemp("jupyter") / "home") as url, chromium() as browser:
            yield browser, url


@pytest.fixture
def folder(root, request) -> Path:
    """The folder of one notebook, with one short recording in a folder of its own."""
    folder = root / request.node.originalname
    (folder / "recordings" / "old").mkdir(parents=True)
    shutil.copy(ROOT / "data" / "numbers.ogg", folder / "recordings")
    shutil.copy(ROOT / "data" / "story.mp3", folder / "recordings" / "old")
    return folder


@pytest.fixture
def page(lab, folder, tmp_path, request):
    """A notebook that shows a panel, run; its second cell asks what was opened."""
    source = getattr(request, "param", MAKE).format(home=str(tmp_path / "home"))
    notebook = new_notebook(cells=[new_code_cell(source.strip()), new_code_cell(ASK)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(notebook, folder / "panel.ipynb")
    with opened(*lab, f"{folder.name}/panel.ipynb") as made:
        start_all_cells(made)
        finished_cells(made)
        yield made


def answer(page, index: int = 1) -> str:
    """What the cell gives when it is run now."""
    count = page.evaluate(COUNT, index)
    page.evaluate(RUN_CELL, index)
    page.wait_for_function(
        f"([index, count]) => ({COUNT})(index) > count", arg=[index, count], polling=POLLING
    )
    page.wait_for_function(KERNEL_READY, polling=POLLING)
    return str(finished_cells(page)[index]["text"])


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def picture(page, request, name=""):
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        photograph(page, Path(folder) / f"panel-{request.node.name}{name}.png")


def test_submit_watch_open_restart_and_see_it_again(page, request):
    """The story of the panel. The kernel answers cells while a job runs; the journal outlives it."""
    page.get_by_label("Recordings").select_option("numbers.ogg")
    page.get_by_label("normalize").check()
    button(page, "Submit").click()
    expect(page.get_by_text("estimated")).to_be_visible()
    assert answer(page) == "None"
    button(page, "Open").click(timeout=SECONDS)
    expect(page.locator(".sk-jobs img")).to_be_visible(timeout=SECONDS)
    expect(page.locator(".sk-jobs td", has_text="meeting")).to_be_visible()
    expect(page.locator(".sk-code code").first).to_have_text("t = panel.transcript")
    assert answer(page) == "('numbers.ogg', 40)"
    picture(page, request)

    page.evaluate(RESTART)
    page.wait_for_function(KERNEL_READY, polling=POLLING)
    start_all_cells(page)
    finished_cells(page)
    expect(page.locator(".sk-row", has_text="numbers.ogg")).to_contain_text("done")
    button(page, "Open").click()
    expect(page.locator(".sk-jobs td", has_text="meeting")).to_be_visible(timeout=SECONDS)
    assert answer(page) == "('numbers.ogg', 40)"


def test_by_keyboard_alone(page, request):
    """Every control is reached by Tab, and no key is taken by JupyterLab for a command of its own."""
    keys = page.keyboard
    page.get_by_label("Source", exact=True).focus()
    for label in ("Folder", "Filter", "Recordings"):
        keys.press("Tab")
        expect(page.get_by_label(label, exact=True)).to_be_focused()
    keys.type("old")
    keys.press("Enter")
    expect(page.locator(".sk-files option")).to_have_text(["story.mp3"])
    for name in ("Open folder", "Folder above"):
        keys.press("Tab")
        expect(button(page, name)).to_be_focused()
    keys.press("Enter")
    expect(page.locator(".sk-files option")).to_have_text(["old/", "numbers.ogg"])
    page.get_by_label("Recordings").focus()
    keys.type("num")  # m alone would turn the cell into text
    for _ in range(20):
        if page.evaluate("document.activeElement.textContent") == "Submit":
            break
        keys.press("Tab")
    keys.press("Space")
    expect(button(page, "Open")).to_be_visible(timeout=SECONDS)
    keys.press("Tab")
    expect(button(page, "Open")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("status")).to_have_text(
        "The result of numbers.ogg is shown below", timeout=SECONDS
    )
    assert answer(page) == "('numbers.ogg', 40)"


@pytest.mark.parametrize("page", [UNCONNECTED], indirect=True, ids=["without a client"])
def test_without_credentials_the_local_recognizer_is_one_click(page, request):
    """The page says what is missing; after one press there is a service."""
    expect(page.get_by_text("There are no credentials yet")).to_be_visible(timeout=SECONDS)
    picture(page, request)
    button(page, "Use the local recognizer").click()
    expect(page.get_by_text("Service: local")).to_be_visible(timeout=SECONDS)
    expect(page.get_by_text("There are no credentials yet")).to_be_hidden()


def test_a_large_file_is_uploaded_with_the_file_browser_of_jupyter(page, folder):
    """As the panel advises. A message to the kernel could not hold it; every byte arrives."""
    content = os.urandom(TOO_LARGE_FOR_A_MESSAGE)
    expect(page.get_by_text("use the file browser of Jupyter, then press Refresh")).to_be_visible()
    page.evaluate(OPEN_FOLDER, f"{folder.name}/recordings")
    with page.expect_file_chooser() as chooser:
        page.get_by_title("Upload Files").click()
    chooser.value.set_files({"name": "large.wav", "mimeType": "audio/wav", "buffer": content})
    wait_until(lambda: _is_whole(folder / "recordings" / "large.wav", content))
    page.get_by_role("tab", name="panel.ipynb").click()  # Jupyter shows the uploaded file in a new tab
    button(page, "Refresh").click()
    page.get_by_label("Recordings").select_option("large.wav")
    expect(button(page, "Submit")).to_be_enabled()


def _is_whole(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() == content
