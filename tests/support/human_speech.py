"""A recording of a person who speaks, with its words: from a package of the tools of development."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

WORDS = "ever tried ever failed no matter try again fail again fail better"


def find_recording() -> Path:
    """The file in useful-moonshine-onnx: 10 s of English with pauses."""
    found = find_spec("moonshine_onnx")
    assert found is not None, "pip install --no-deps useful-moonshine-onnx"
    assert found.origin is not None
    return Path(found.origin).parent / "assets" / "beckett.wav"
