"""The project's own files agree with one another."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ON_CONDA = {  # conda-forge's names where they differ, each looked up in its index
    "lazy-loader": "lazy_loader",
    "soundfile": "pysoundfile",
    "soxr": "soxr-python",
    "matplotlib": "matplotlib-base",
}
NOT_ON_CONDA = {"ptars"}


def environment() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "environment.yml").read_text())


def test_the_conda_environment_has_the_packages_of_the_project():
    """The same names and lower bounds; what conda-forge lacks comes with the project from PyPI."""
    *packages, from_pypi = environment()["dependencies"]
    expected = {f"python{PROJECT['requires-python']},<3.14", "pip"}  # see test_install.py
    for requirement in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["lab"]]:
        name, bound = re.fullmatch(r"([\w-]+)(.*)", requirement).groups()
        if name not in NOT_ON_CONDA:
            expected.add(f"{ON_CONDA.get(name, name)}{bound}")
    assert set(packages) == expected
    assert list(from_pypi) == ["pip"]


def test_pip_reads_the_list_that_conda_hands_to_it(tmp_path):
    """Conda writes the lines below `pip:` into a file, and calls pip with it beside environment.yml."""
    requirements = tmp_path / "conda-pip.txt"
    requirements.write_text("\n".join(environment()["dependencies"][-1]["pip"]))
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "--upgrade-strategy", "only-if-needed", "-r", requirements],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Would install speechkit-nb-" in done.stdout


def test_all_is_every_extra():
    """pip install 'speechkit-nb[all]' leaves nothing out."""
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    assert everything == f"speechkit-nb[{','.join(name for name in extras if name != 'all')}]"


def test_the_readme_names_targets_and_files_that_exist():
    """Each make target and each relative link of the README is there."""
    readme = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"make (\w+)", readme))
    assert {"demo", "test", "lab"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    links = re.findall(r"\]\((?!http)([^)#]+)", readme)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_versions_agree():
    """The package and its metadata."""
    import speechkit_nb

    assert speechkit_nb.__version__ == PROJECT["version"]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-vendor.lock"])
def test_a_lock_has_versions_and_hashes_and_no_addresses(name):
    """Each package has one exact version and its hashes; where it comes from is the installer's business."""
    lock = (ROOT / name).read_text()
    pinned = [line for line in lock.splitlines() if not line.startswith(" ")]
    assert len(pinned) >= 5
    assert all(re.match(r"[\w.-]+==[\w.+]+ ", line) for line in pinned)
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert "://" not in lock


def test_the_lock_has_every_package_that_the_project_names():
    """After a change in pyproject.toml, `make lock` brings it up to date."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = [*PROJECT["dependencies"], *whole["dependency-groups"]["dev"]]
    named += [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    names = {re.match(r"[\w-]+", line)[0].lower().replace("_", "-") for line in named} - {"speechkit-nb"}
    lock = (ROOT / "requirements.lock").read_text()
    assert names
    assert sorted(name for name in names if not re.search(rf"^{re.escape(name)}==", lock, re.MULTILINE)) == []
