"""The options that the panel offers: the fields of `RecognitionConfig` for files, and those of `submit`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from ..config import LANGUAGES, MODELS, STREAM_ONLY, RecognitionConfig

KINDS = {
    "language": "list",
    "excluded_language": "list",
    "classifiers": "list",
    "quantiles": "numbers",
    "summarization": "lines",
}
CHOICES = {"model": MODELS, "language": LANGUAGES, "excluded_language": LANGUAGES, "classifiers": ("gender",)}
HELP = {
    "classifiers": "names, for example gender",
    "conversation_analysis": "statistics of who speaks when, and of overlaps",
    "speaker_analysis": "statistics of each speaker",
    "simultaneous_silence_threshold": "shortest silence of both speakers that counts as one",
    "simultaneous_speech_threshold": "shortest overlap of both speakers that counts as one",
    "summarization": "up to 16 instructions to that model",
}
"""Help for options whose text in `RecognitionConfig` describes several of them, or more than a form takes."""
SHOWN_FIRST = ("model", "language", "normalize")


@dataclass(frozen=True)
class Option:
    """One option of a form.

    Attributes:
        name: its name in `RecognitionConfig` or `submit`.
        kind: `"text"`, `"lines"` (one text per line), `"list"` (texts separated by commas), `"numbers"`
            (numbers separated by commas), `"number"` or `"flag"`.
        default: the value that is not sent.
        help: one line for the user.
        choices: suggestions for a text or list.
        first: whether it is shown without pressing "More options".
    """

    name: str
    kind: str
    default: Any = None
    help: str = ""
    choices: Sequence[str] = ()
    first: bool = False


SUBMIT_OPTIONS = (
    Option(
        "reuse", "flag", True, "use the earlier result of the same audio and options instead of paying again"
    ),
    Option("bucket", "text", None, "upload to this bucket of Object Storage; needed above 60 MB"),
)


def list_options() -> list[Option]:
    """All options that apply to files; those that are shown first come first.

    >>> [option.name for option in list_options()][:3], list_options()[0].default
    (['model', 'language', 'normalize'], 'general')
    """
    help_texts = read_attribute_help(RecognitionConfig.__doc__ or "") | HELP
    made = [
        _make_option(field.name, field.default, help_texts.get(field.name, ""))
        for field in fields(RecognitionConfig)
        if field.name not in STREAM_ONLY
    ]
    return sorted([*made, *SUBMIT_OPTIONS], key=lambda option: not option.first)


def _make_option(name: str, default: Any, help_text: str) -> Option:
    by_default = "flag" if isinstance(default, bool) else "number" if default is None else "text"
    default = [] if default == () else default
    kind = KINDS.get(name, by_default)
    return Option(name, kind, default, help_text, CHOICES.get(name, ()), name in SHOWN_FIRST)


def read_attribute_help(docstring: str) -> dict[str, str]:
    """The texts of a docstring's section `Attributes`, by name.

    >>> read_attribute_help('''Options.
    ...
    ...     Attributes:
    ...         model: `"general"`, or
    ...             another.
    ...         low, high: bounds.
    ...
    ...     Raises:
    ...         ConfigError: never.
    ... ''')
    {'model': 'general, or another', 'low': 'bounds', 'high': 'bounds'}
    """
    section = re.search(r"Attributes:\n(.*?)(?:\n\s*\n|\Z)", docstring, re.DOTALL)
    found: dict[str, str] = {}
    for names, text in re.findall(r"(?m)^ {8}(\w[\w, ]*): (.*(?:\n {12}.*)*)", section[1] if section else ""):
        plain = re.sub(r"[`\"]", "", " ".join(text.split())).rstrip(".")
        found |= dict.fromkeys(names.split(", "), plain)
    return found
