"""What to ask a recognizer for, checked before anything is sent."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass, fields
from typing import Any

from .errors import ConfigError

LANGUAGES = (
    "auto", "de-DE", "en-US", "es-ES", "fi-FI", "fr-FR", "he-HE", "he-IL", "it-IT", "kk-KK", "kk-KZ", "nl-NL",
    "pl-PL", "pt-BR", "pt-PT", "ru-RU", "sv-SE", "tr-TR", "uz-UZ",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RecognitionConfig:
    """Options of one recognition, named as the service names them.

    Attributes:
        model: `"general"`, `"general:rc"`, `"general:deprecated"`, for files also `"deferred-general"`.
        language: code such as `"en-US"`, or several; `"auto"` lets the service find out; empty for the
            service's own default.
        normalize: numbers, dates and the like are written as digits in the refinement.
        literature_text: punctuation and capitals in the refinement.
        profanity_filter: swear words are masked.
        phone_formatting: telephone numbers are written with their usual separators.

    Raises:
        ConfigError: if an option has no such value.

    >>> RecognitionConfig(language="EN-us").languages
    ('en-US',)
    """

    model: str = "general"
    language: str | tuple[str, ...] = ()
    normalize: bool = False
    literature_text: bool = False
    profanity_filter: bool = False
    phone_formatting: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model.strip():
            raise ConfigError(f"model={self.model!r} is no name of a model, such as 'general'")
        for option in ("normalize", "literature_text", "profanity_filter", "phone_formatting"):
            if not isinstance(getattr(self, option), bool):
                raise ConfigError(f"{option}={getattr(self, option)!r}, but it is True or False")
        languages = (self.language,) if isinstance(self.language, str) else tuple(self.language)
        object.__setattr__(self, "language", tuple(_language(code) for code in languages if code))

    @property
    def languages(self) -> tuple[str, ...]:
        """The language codes, spelled as the service spells them."""
        return tuple(self.language)

    @classmethod
    def of(cls, **options: Any) -> RecognitionConfig:
        """A config from keywords.

        Raises:
            ConfigError: if there is no such option; the message names the nearest one.

        >>> RecognitionConfig.of(modle="general")
        Traceback (most recent call last):
            ...
        speechkit_nb.errors.ConfigError: no option 'modle'; did you mean 'model'? There are model, ...
        """
        known = [option.name for option in fields(cls)]
        for name in options:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else "."
                raise ConfigError(f"no option {name!r}{hint} There are {', '.join(known)}")
        return cls(**options)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as the journal keeps them; `RecognitionConfig.of(**d)` brings them back."""
        return asdict(self) | {"language": list(self.languages)}


def _language(code: Any) -> str:
    for known in LANGUAGES:
        if isinstance(code, str) and known.lower() == code.replace("_", "-").lower():
            return known
    raise ConfigError(f"language={code!r} is not one of {', '.join(LANGUAGES)}")
