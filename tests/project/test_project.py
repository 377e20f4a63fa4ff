"""The project's own files agree with one another."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ON_CONDA = {
    "lazy-loader": "lazy_loader",
    "soundfile": "pysoundfile",
    "soxr": "soxr-python",
    "matplotlib": "matplotlib-base",
}


def test_the_conda_environment_has_the_packages_of_the_project():
    """The same names and lower bounds; what conda-forge lacks comes from PyPI below."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *packages, from_pypi = environment["dependencies"]
    listed = {*packages, *from_pypi["pip"]} - {"pip"}
    extras = PROJECT["optional-dependencies"]
    wanted = {*PROJECT["dependencies"], *extras["local"], *extras["lab"]}
    expected = {f"python{PROJECT['requires-python']}", "--no-deps --editable ."}
    for requirement in wanted:
        name, bound = re.fullmatch(r"([\w-]+)(.*)", requirement).groups()
        spelled = ON_CONDA.get(name, name) if f"{name}{bound}" not in from_pypi["pip"] else name
        expected.add(f"{spelled}{bound}")
    assert listed == expected


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
