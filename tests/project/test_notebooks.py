"""Notebooks: stored without outputs, run from top to bottom, and shown correctly in a real JupyterLab."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from jupyter import chromium, finished_cells, jupyterlab, opened, photograph, start_all_cells
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
README_LINK = r"(?m)^- \[notebooks/(\w+\.ipynb)\]"
CELL_DEADLINE = 300
BAR = r"text=/\d\d:\d\d,\s*running,\s*estimated/"
INTERRUPTIONS = 3  # data/README.md

pytestmark = pytest.mark.long


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def copy_project(folder: Path) -> Path:
    """The notebooks and recordings in a new folder, so that running them changes nothing in ours."""
    for name in ("notebooks", "data"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def first_run(tmp_path_factory) -> Iterator[tuple[Path, list[Any]]]:
    """A copy of the notebooks and recordings, and the cells of the quickstart, run in JupyterLab.

    The other notebooks run after it, in the same home, so that its recordings are recognized only once.
    """
    repository = copy_project(tmp_path_factory.mktemp("notebooks") / "repository")
    jupyter = tmp_path_factory.mktemp("jupyter")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)  # a kernel draws into its notebook
        patch.setenv("SPEECHKIT_NB_HOME", str(repository.parent / "home"))
        with (
            jupyterlab(repository, jupyter / "home") as url,
            chromium() as browser,
            opened(browser, url, "notebooks/quickstart.ipynb") as page,
        ):
            start_all_cells(page)
            page.wait_for_selector(BAR, state="attached", timeout=60_000)
            cells = [cell for cell in finished_cells(page) if cell["type"] == "code"]
            photograph(page, Path(os.environ.get("SCREENSHOTS", jupyter)) / "quickstart.png")
        yield repository, cells


def run_notebook(path: Path) -> list[str]:
    """Run a notebook in a kernel of its own; returns its problems, see `problems`."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=CELL_DEADLINE, resources=resources, allow_errors=True).execute()
    return problems(code_cells(notebook))


def problems(cells: list[Any]) -> list[str]:
    """The texts of errors and of what was written to standard error, one per output."""
    outputs = [output for cell in cells for output in cell["outputs"]]
    errors = [output["evalue"] for output in outputs if output["output_type"] == "error"]
    return errors + [output["text"] for output in outputs if output.get("name") == "stderr"]


def first_start(word: str) -> float:
    """When a word of the dialogue is spoken for the first time, in seconds."""
    words = pd.read_csv(ROOT / "data" / "dialogue.words.csv")
    return float(words.loc[words["word"] == word, "start"].iloc[0])


def test_there_are_notebooks():
    """So the tests below have notebooks to test."""
    assert "quickstart.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stored_without_outputs(path):
    """A valid notebook for the kernel python3; no outputs, no execution counts, no state of widgets."""
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert "widgets" not in notebook.metadata
    stored = [cell.id for cell in code_cells(notebook) if cell.outputs or cell.execution_count is not None]
    assert stored == []


@pytest.mark.exhaustive
def test_notebooks_run_in_the_order_of_the_readme(first_run, monkeypatch):
    """All cells of all notebooks, twice in one home, without errors and without output on standard error.

    After another notebook, and the second time, the journal already has jobs with the same options. The short
    form is the quickstart alone.
    """
    repository, quickstart = first_run
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.setenv("SPEECHKIT_NB_HOME", str(repository.parent / "home"))
    in_order = re.findall(README_LINK, (ROOT / "README.md").read_text(encoding="utf-8"))
    assert sorted(in_order) == [path.name for path in NOTEBOOKS]
    assert in_order[0] == "quickstart.ipynb"
    assert problems(quickstart) == []
    found = {
        f"{name}, run {run}": run_notebook(repository / "notebooks" / name)
        for run in range(2)
        for name in (in_order if run else in_order[1:])
    }
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_the_quickstart_runs(tmp_path, monkeypatch):
    """All cells, without errors and without output on standard error."""
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.setenv("SPEECHKIT_NB_HOME", str(tmp_path / "home"))
    assert run_notebook(copy_project(tmp_path / "project") / "notebooks" / "quickstart.ipynb") == []


@pytest.mark.exhaustive
def test_the_quickstart_in_a_real_jupyterlab(first_run):
    """Opened in Chromium and run: bar, tables and pictures are on the page, with the right values."""
    _, cells = first_run
    assert problems(cells) == []
    assert [cell["count"] for cell in cells] == list(range(1, len(cells) + 1))
    shown = {cell["id"]: cell for cell in cells}
    (afternoon,) = [row for row in shown["words"]["rows"] if "afternoon" in row]
    assert float(afternoon[-2]) == pytest.approx(first_start("afternoon"), abs=0.1)
    header, first, *_ = shown["result"]["rows"]
    assert header == ["start, s", "end, s", "channel", "text"]
    assert float(first[0]) == pytest.approx(first_start("good"), abs=0.1)
    assert first[3].startswith("Good afternoon")
    assert len(shown["pauses"]["rows"]) == 1 + INTERRUPTIONS
    assert shown["plot"]["pictures"] == shown["zoom"]["pictures"] == 1
    assert "numbers.ogg" in shown["resumed"]["text"]
    assert shown["save"]["text"] == "True"
