"""Which options change the text, in which API and with which other options: one table.

The client warns by it, the local server writes its refinements by it, and docs/normalization.md shows it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from .errors import join_names

TextApi = Literal["v3", "v2", "v2 stream"]
"""`"v2"` are files; a stream of v3 has the options of its files."""
AUTO = "auto"
"""With this language the service detects the language, and changes no text."""

TEXT_OPTIONS = ("normalize", "literature_text", "profanity_filter", "phone_formatting")

FIGURES, PHONES, MASKS, LITERATURE = "figures", "phones", "masks", "literature"


class TextEffect(NamedTuple):
    """One change of the text, and the options that it needs.

    Attributes:
        name: short name.
        meaning: what is changed.
        needs: by API, the options that must be on together; None: this API cannot do it.
    """

    name: str
    meaning: str
    needs: Mapping[TextApi, tuple[str, ...] | None]


def _same(*options: str) -> dict[TextApi, tuple[str, ...] | None]:
    return {"v3": options, "v2": options, "v2 stream": options}


EFFECTS = (
    TextEffect(FIGURES, "numbers, dates, times and sums of money as figures", _same("normalize")),
    TextEffect(
        PHONES,
        "telephone numbers grouped, such as 212-85-06",
        _same("normalize") | {"v3": ("normalize", "phone_formatting")},
    ),
    TextEffect(
        MASKS,
        "asterisks in place of swear words",
        _same("profanity_filter") | {"v3": ("normalize", "profanity_filter")},
    ),
    TextEffect(
        LITERATURE,
        "capital letters and punctuation",
        {"v3": ("normalize", "literature_text"), "v2": ("literature_text",), "v2 stream": None},
    ),
)


def find_effects(api: TextApi, options: Collection[str], languages: Collection[str]) -> frozenset[str]:
    """The names of the effects that options have together.

    Args:
        api: the API of the request.
        options: those that are on.
        languages: the languages of the request; empty: the default of the service.

    >>> sorted(find_effects("v3", ["normalize", "literature_text"], ["ru-RU"]))
    ['figures', 'literature']
    >>> sorted(find_effects("v2", ["literature_text"], ["ru-RU"]))
    ['literature']
    """
    if AUTO in map(str.lower, languages):
        return frozenset()
    needs = {effect.name: effect.needs[api] for effect in EFFECTS}
    return frozenset(
        name for name, needed in needs.items() if needed is not None and set(needed) <= set(options)
    )


def explain_ineffective(api: TextApi, options: Mapping[str, bool], languages: Collection[str]) -> str:
    """Which of the options that the user changed have no effect, why, and what to do; empty if all have one.

    Args:
        api: the API of the request.
        options: the options that differ from their default, and their values.
        languages: the languages of the request; empty: the default of the service.

    >>> explain_ineffective("v3", {"literature_text": True}, [])
    'literature_text has no effect without normalize=True: give both, or leave it out'
    """
    if AUTO in languages:
        lost = list(options)
        why = "with language='auto', for which the service does not normalize: name the language, or"
    elif api == "v3":
        lost = [] if options.get("normalize") else list(options)
        why = "without normalize=True: give both, or"
    else:
        missing = {
            option for effect in EFFECTS if effect.needs[api] is None for option in effect.needs["v3"] or ()
        }
        lost = [option for option in options if option in missing - {"normalize"}]
        why = "in a stream of API v2: send a file, connect with api='v3', or"
    if not lost:
        return ""
    shown = join_names([name if options[name] else f"{name}=False" for name in lost])
    verb, pronoun = ("has", "it") if len(lost) == 1 else ("have", "them")
    return f"{shown} {verb} no effect {why} leave {pronoun} out"
