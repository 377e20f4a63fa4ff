"""The front end of the widgets: its types, its arithmetic, and that the committed bundle is made of it."""

import gzip
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "speechkit_nb" / "views" / "widget" / "js"
BUNDLE = ROOT / "speechkit_nb" / "views" / "widget" / "static" / "timeline.js"
SOURCES = [path for path in sorted(SOURCE.rglob("*.js")) if "node_modules" not in path.parts]
LARGEST = 60_000  # bytes, compressed
LONGEST = 400  # lines of a module
MAY_IMPORT = {
    "timeline": {"widget", "session", "state"},
    "widget": {"ui", "input", "draw", "view", "labels"},
    "ui": {"draw", "data", "view", "labels", "sound"},  # of sound the list of playback rates
    "input": {"view"},
    "session": {"sound", "camera", "state", "data", "view"},
    "draw": {"data", "view"},
    "sound": {"data", "view"},
    "data": {"labels"},
    "camera": {"view"},
    "state": set(),
    "view": set(),
    "labels": set(),
}


def run(*command: object) -> str:
    """What a program prints, run among the sources; what it complains of where it fails."""
    done = subprocess.run(
        [str(part) for part in command], cwd=SOURCE, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def part_of(path: Path) -> str:
    """The folder of a module, or its name if it is in no folder."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".js")


@pytest.fixture(scope="module")
def node_modules():
    """The packages of the lock file, installed once."""
    installed, lock = SOURCE / "node_modules" / ".package-lock.json", SOURCE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")


def test_the_committed_bundle_is_made_of_the_sources(node_modules, tmp_path):
    """The pinned esbuild gives the same bytes anywhere; `make widgets` writes them."""
    run("npm", "run", "--silent", "bundle", "--", f"--outfile={tmp_path / 'timeline.js'}")
    assert (tmp_path / "timeline.js").read_bytes() == BUNDLE.read_bytes(), "run `make widgets`"


def test_the_types_hold(node_modules):
    """TypeScript reads the JSDoc types of all modules, strictly."""
    assert run("npm", "run", "--silent", "check") == ""


def test_the_arithmetic_is_right():
    """node --test, at least one test of each pure module."""
    printed = run("npm", "test", "--silent")
    passed = re.search(r"^\S+ pass (\d+)$", printed, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) >= 70


def test_the_bundle_is_small_and_needs_nothing():
    """At most 60 KB compressed; it imports nothing, and names no address to load from."""
    code = BUNDLE.read_bytes()
    assert len(gzip.compress(code, 9)) <= LARGEST
    text = code.decode()
    assert not re.search(r"\bimport\s*[\"'({*]|\brequire\(", text)
    assert set(re.findall(r"https?://[^\"'`\s]+", text)) <= {"http://www.w3.org/2000/svg"}


def test_texts_are_never_taken_for_html():
    """A word such as <script> is written as text: nothing in the sources makes elements of strings."""
    for path in SOURCES:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", path.read_text()
        )


def test_a_module_has_one_purpose():
    """The rule of the house for sizes holds here, too, and every module is type-checked."""
    for path in SOURCES:
        text = path.read_text()
        assert len(text.splitlines()) <= LONGEST, path.name
        assert text.startswith("// @ts-check\n"), path.name


def test_each_part_imports_only_the_parts_it_may():
    """Code depends in one direction: widget, ui, draw, data, view; and session on sound, camera and state."""
    for path in SOURCES:
        part = part_of(path)
        imports = re.findall(r'^import .* from "(\.[^"]+)"', path.read_text(), re.MULTILINE)
        imported = {part_of((path.parent / name).resolve()) for name in imports}
        assert imported - {part} <= MAY_IMPORT[part], path.name


def test_versions_are_pinned():
    """Exact versions, hashes for all packages, and no run-time package."""
    package = json.loads((SOURCE / "package.json").read_text())
    lock = json.loads((SOURCE / "package-lock.json").read_text())
    assert "dependencies" not in package
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["devDependencies"].values())
    packages = [facts for name, facts in lock["packages"].items() if name]
    assert packages
    assert all("integrity" in facts and "resolved" not in facts for facts in packages)


def test_a_wheel_has_the_bundle_and_not_what_builds_it():
    """Nobody needs Node to install the toolkit."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "/speechkit_nb/views/widget/js" in wheel["exclude"]
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "node_modules/" in ignored
