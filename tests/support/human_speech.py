"""Recordings of persons who speak, with their words: from packages that the tests install."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

RUSSIAN = Path("/usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU/tt-allbusy.wav")
"""7 s at 8 kHz from the Debian package asterisk-core-sounds-ru-wav; tests/setup_machine.sh installs it."""
RUSSIAN_WORDS = (
    "в данный момент все операторы заняты пожалуйста оставайтесь на линии "
    "ваш вызов будет принят в порядке очереди"
)
WORDS = "ever tried ever failed no matter try again fail again fail better"


def find_recording() -> Path:
    """The file in useful-moonshine-onnx: 10 s of English with pauses."""
    found = find_spec("moonshine_onnx")
    assert found is not None, "pip install --no-deps useful-moonshine-onnx"
    assert found.origin is not None
    return Path(found.origin).parent / "assets" / "beckett.wav"
