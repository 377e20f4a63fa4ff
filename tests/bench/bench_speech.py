"""Words that recognizers of the local server get wrong, of words that people speak.

Run it as `python tests/bench/bench_speech.py`: it takes a recording of the tools of development. With
`SPEECH=FOLDER` it takes your recordings of one channel, each with its text beside it: `talk.wav`, `talk.txt`.
With `LANGUAGE=ru-RU WHISPER=small` they are in another language, and a model of whisper (a name or a folder)
alone recognizes them.
Figures are per cent. faster-whisper, called directly with the same model, shows what the engine loses.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faster_whisper import WhisperModel
from harness import SUPPORT, check_work, run

import speechkit_nb as sk
from speechkit_nb.server.engines.registry import parse_engine
from speechkit_nb.server.engines.whisper_models import find_model

sys.path.insert(0, SUPPORT)

from human_speech import WORDS, find_recording

LANGUAGE = os.environ.get("LANGUAGE", "en-US")
WHISPER = f"whisper:{os.environ['WHISPER']}" if "WHISPER" in os.environ else "whisper"
MODELS = (
    {"general:rc": WHISPER} if LANGUAGE != "en-US" else {"general": "pocketsphinx", "general:rc": WHISPER}
)
NORMALIZERS = {"en": "en", "ru": "ru"}


def list_recordings() -> dict[Path, str]:
    folder = os.environ.get("SPEECH")
    if not folder:
        return {find_recording(): WORDS}
    texts = sorted(Path(folder).glob("*.txt"))
    audio = {
        text: next(p for p in sorted(Path(folder).glob(f"{text.stem}.*")) if p != text) for text in texts
    }
    return {path: text.read_text(encoding="utf-8") for text, path in audio.items()}


def measure(size: None, home: Path) -> dict[str, float]:
    recordings = list_recordings()
    direct = WhisperModel(str(find_model(parse_engine(WHISPER))))
    code = LANGUAGE.partition("-")[0]
    figures: dict[str, float] = {}

    def add(name: str, recognize: Callable[[Path], str]) -> None:
        found = [recognize(path) for path in recordings]
        check_work(f"recordings in which {name} finds words", sum(map(bool, found)), len(recordings))
        rate = sk.wer(list(recordings.values()), found, normalizer=NORMALIZERS.get(code))
        print(f"{name}: {rate}")
        figures[name] = round(100 * float(rate), 2)

    def recognize_directly(path: Path) -> str:
        text = " ".join(segment.text for segment in direct.transcribe(str(path), language=code)[0])
        return text.replace("-", " ")  # engines and references write cold hearted as two words

    add("faster_whisper", recognize_directly)
    with sk.connect("local", models=MODELS) as client:
        for model, engine in MODELS.items():
            options: dict[str, Any] = {"model": model, "language": LANGUAGE}

            def recognize_file(path: Path, options: dict[str, Any] = options) -> str:
                return client.submit(path, **options).result(progress=False).text

            def recognize_stream(path: Path, options: dict[str, Any] = options) -> str:
                with client.stream(path, pace="fast", **options) as session:
                    return session.result().text

            name = engine.partition(":")[0]
            add(f"{name}_file", recognize_file)
            add(f"{name}_stream", recognize_stream)
    return figures


if __name__ == "__main__":
    run(measure, None, None)
