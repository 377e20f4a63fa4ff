"""Options of a recognition, checked before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from .errors import ConfigError, check_choice, show_value, suggest
from .text_options import TEXT_OPTIONS, TextApi, explain_ineffective

LANGUAGES = (
    "auto", "de-DE", "en-US", "es-ES", "fi-FI", "fr-FR", "he-HE", "he-IL", "it-IT", "kk-KK", "kk-KZ", "nl-NL",
    "pl-PL", "pt-BR", "pt-PT", "ru-RU", "sv-SE", "tr-TR", "uz-UZ",
)  # fmt: skip
MODELS = tuple(
    f"{name}{tag}" for name in ("general", "deferred-general") for tag in ("", ":rc", ":deprecated")
)
"""The models of the service. `deferred-general` is cheaper, and its results may take a day."""
TRIGGERS = ("on_utterance", "on_final", "on_partial")
MOST_SUMMARIES = 16
LONGEST_NAME = 200
"""Number of characters in the name of a model."""
_FLAGS = (*TEXT_OPTIONS, "speaker_labeling", "speaker_analysis", "conversation_analysis", "external_eou")
_TIMES = ("silence_threshold", "simultaneous_silence_threshold", "simultaneous_speech_threshold", "max_pause")
_CHOICES = {
    "eou_sensitivity": ("default", "high"),
    "audio_processing_type": ("real_time", "full_data"),
}
STREAM_ONLY = ("eou_sensitivity", "max_pause", "external_eou", "audio_processing_type")


@dataclass(frozen=True, kw_only=True)
class RecognitionConfig:
    """Options of one recognition, with the names that the service uses. Times are in seconds.

    Attributes:
        model: `"general"`, `"general:rc"`, `"general:deprecated"`; for files also `"deferred-general"` with
            the same endings.
        language: code such as `"en-US"`, or several; with `"auto"` the service detects the language; empty:
            the default of the service.
        excluded_language: codes of languages that are not recognized; not together with `language`.
        normalize: whether numbers, dates and the like are written in digits in the refinement.
        literature_text: whether the refinement has punctuation and capital letters. API v3 needs `normalize`
            for this, `profanity_filter` and `phone_formatting`; v2 has it for files only. No service
            normalizes if the language is `"auto"`. An option that has no effect for these reasons is sent as
            it is, with the warning `IneffectiveOption`.
        profanity_filter: whether swear words are masked in the refinement.
        phone_formatting: whether telephone numbers are grouped, such as 212-85-06.
        speaker_labeling: whether `channel_tag` is the speaker, one of at most two, of a recording with one
            channel; a stream needs `audio_processing_type="full_data"` for it.
        classifiers: names such as `"gender"`, or a mapping of each name to its triggers:
            `"on_utterance"` (the default), `"on_final"`, `"on_partial"`.
        speaker_analysis, conversation_analysis: whether to compute statistics of each speaker, and of the
            whole dialogue.
        quantiles: levels between 0 and 1; these statistics then include the quantiles.
        silence_threshold: shortest silence of a speaker that counts as a pause.
        simultaneous_silence_threshold, simultaneous_speech_threshold: the shortest silence of all speakers,
            and the shortest speech of several speakers at once, that counts.
        summarization_model: `gpt://FOLDER/MODEL`, the language model that answers `summarization`.
        summarization: up to 16 instructions; each is a text, or a mapping with `instruction` and either
            `json_object=True` or a `json_schema`.
        eou_sensitivity: how soon an utterance ends: `"default"` or `"high"`. Streams only.
        max_pause: hint for the longest pause between words of an utterance. Streams only.
        external_eou: whether the client marks the ends of utterances. Streams only.
        audio_processing_type: `"real_time"`, or `"full_data"` for results at the end. Streams only.

    Raises:
        ConfigError: if the value of an option is not valid.

    >>> RecognitionConfig(language="EN-us", classifiers="gender").classifiers
    (('gender', ('on_utterance',)),)
    """

    model: str = "general"
    language: str | Sequence[str] = ()
    excluded_language: str | Sequence[str] = ()
    normalize: bool = False
    literature_text: bool = False
    profanity_filter: bool = False
    phone_formatting: bool = True
    speaker_labeling: bool = False
    classifiers: Any = ()
    speaker_analysis: bool = False
    conversation_analysis: bool = False
    quantiles: Sequence[float] = ()
    silence_threshold: float | None = None
    simultaneous_silence_threshold: float | None = None
    simultaneous_speech_threshold: float | None = None
    summarization_model: str = ""
    summarization: Any = ()
    eou_sensitivity: str | None = None
    max_pause: float | None = None
    external_eou: bool = False
    audio_processing_type: str | None = None

    def __post_init__(self) -> None:
        is_name = isinstance(self.model, str) and self.model.strip() and self.model.isprintable()
        if not is_name or len(self.model) > LONGEST_NAME:
            raise ConfigError(f"model={show_value(self.model)} is no name of a model, such as 'general'")
        if not isinstance(self.summarization_model, str) or len(self.summarization_model) > LONGEST_NAME:
            raise ConfigError(
                f"summarization_model={show_value(self.summarization_model)}, but it must be gpt://FOLDER/MODEL"
            )
        for option in _FLAGS:
            if not isinstance(getattr(self, option), bool):
                raise ConfigError(
                    f"{option}={show_value(getattr(self, option))}, but it must be True or False"
                )
        for option in _TIMES:
            _check_time(option, getattr(self, option))
        for option, choices in _CHOICES.items():
            check_choice(option, getattr(self, option), (None, *choices))
        self._put("language", _languages("language", self.language))
        self._put("excluded_language", _languages("excluded_language", self.excluded_language))
        self._put("classifiers", tuple(_classifiers(_as_list("classifiers", self.classifiers))))
        self._put("quantiles", tuple(_level(level) for level in _as_list("quantiles", self.quantiles)))
        self._put("summarization", tuple(_properties(self.summarization)))
        self._check_together()
        try:
            json.dumps(asdict(self), ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigError(f"the options must be texts, numbers, lists and dicts: {error}") from None

    def _put(self, option: str, value: Any) -> None:
        object.__setattr__(self, option, value)

    def _check_together(self) -> None:
        if self.language and self.excluded_language:
            raise ConfigError("give language or excluded_language, not both: one says which, one which not")
        if "auto" in self.excluded_language:
            raise ConfigError("excluded_language='auto' excludes nothing; name languages")
        if bool(self.summarization) != bool(self.summarization_model):
            raise ConfigError(
                "summarization and summarization_model go together: instructions, and the model that "
                "follows them (gpt://FOLDER/MODEL)"
            )
        if self.external_eou and (self.eou_sensitivity or self.max_pause):
            raise ConfigError(
                "with external_eou the client ends utterances; leave eou_sensitivity and max_pause"
            )

    @property
    def languages(self) -> tuple[str, ...]:
        """The language codes, in the spelling of the service."""
        return tuple(self.language)

    @property
    def for_streams_only(self) -> tuple[str, ...]:
        """The given options that have no effect for a file."""
        return tuple(option for option in STREAM_ONLY if getattr(self, option))

    def explain_ineffective(self, api: TextApi) -> str:
        """Which options have no effect on the text in `"v3"`, `"v2"` or `"v2 stream"`, and why; or empty.

        >>> RecognitionConfig(literature_text=True).explain_ineffective("v3")
        'literature_text has no effect without normalize=True: give both, or leave it out'
        """
        values = {name: getattr(self, name) for name in TEXT_OPTIONS}
        changed = {name: value for name, value in values.items() if value != (name == "phone_formatting")}
        return explain_ineffective(api, changed, self.languages)

    def check_labeling(self, name: str, n_channels: int | None, *, streams: bool = False) -> None:
        """Check that the speakers of this recording can be labeled, if they are to be.

        Args:
            name: of the recording.
            n_channels: 0 or None: not known.
            streams: whether it is streamed.

        Raises:
            ConfigError: if it has several channels, or the stream is answered while it lasts.
        """
        if not self.speaker_labeling:
            return
        if streams and self.audio_processing_type != "full_data":
            raise ConfigError(
                f"speaker_labeling needs all of {name!r}: stream it with audio_processing_type='full_data', "
                "or submit it as a file"
            )
        if n_channels and n_channels > 1:
            raise ConfigError(
                f"speaker_labeling tells the speakers of one channel apart, and {name!r} has {n_channels}: "
                "leave it out, then channel_tag is the channel; or mix the channels, as by "
                "sk.Recording(recording.read().mean(axis=0), recording.sample_rate)"
            )

    @classmethod
    def of(cls, **options: Any) -> RecognitionConfig:
        """Make a config from keywords.

        Raises:
            ConfigError: if there is no such option; the message names the most similar one.

        >>> RecognitionConfig.of(modle="general")
        Traceback (most recent call last):
            ...
        speechkit_nb.errors.ConfigError: no option 'modle'; did you mean 'model'? There are model, ...
        """
        known = [option.name for option in fields(cls)]
        for name in options:
            if name not in known:
                raise ConfigError(f"no option {show_value(name)}{suggest(name, known)}")
        return cls(**options)

    def to_dict(self) -> dict[str, Any]:
        """The options that differ from the defaults, and the model, as plain values for the journal.

        >>> RecognitionConfig(language="en-US").to_dict()
        {'model': 'general', 'language': ['en-US']}
        """
        default = asdict(RecognitionConfig())
        plain = {name: value for name, value in asdict(self).items() if value != default[name]}
        listed = {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}
        return {"model": self.model, **listed}


def _as_list(option: str, given: Any) -> Any:
    """The values of an option that takes one or several; a mapping as it is."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Iterable) or isinstance(given, (bytes, bytearray)):
        raise ConfigError(f"{option}={show_value(given)}, but it must be a text or a list")
    return given if isinstance(given, Mapping) else list(given)


def _languages(option: str, given: str | Iterable[str]) -> tuple[str, ...]:
    codes = _as_list(option, given)
    return tuple(_language(option, code) for code in codes if code)


def _language(option: str, code: Any) -> str:
    for known in LANGUAGES:
        if isinstance(code, str) and known.lower() == code.replace("_", "-").lower():
            return known
    short = str(code).partition("-")[0].lower()
    near = next((f"; did you mean {known!r}?" for known in LANGUAGES if known.startswith(f"{short}-")), "")
    raise ConfigError(f"{option}={show_value(code)} is not one of {', '.join(LANGUAGES)}{near}")


def _check_time(option: str, value: Any) -> None:
    if value is not None and not (isinstance(value, (int, float)) and 0 < value < 3600):
        raise ConfigError(f"{option}={show_value(value)}, but it must be a time in seconds, such as 0.5")


def _level(level: Any) -> float:
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 1:
        raise ConfigError(
            f"quantiles has {show_value(level)}, but a level must be between 0 and 1, such as 0.9"
        )
    return float(level)


def _classifiers(given: Any) -> Iterable[tuple[str, tuple[str, ...]]]:
    for item in given.items() if isinstance(given, Mapping) else given:
        is_pair = isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 2
        name, triggers = item if is_pair else (item, "on_utterance")
        triggers = tuple(_as_list("triggers", triggers))
        wrong = [trigger for trigger in triggers if trigger not in TRIGGERS]
        if not isinstance(name, str) or not name or wrong or not triggers:
            raise ConfigError(
                f"classifiers has {show_value(name)} with {show_value(list(triggers))}; a classifier has a "
                f"name and one or more of {', '.join(TRIGGERS)}"
            )
        yield name, triggers


def _properties(given: Any) -> Iterable[Mapping[str, Any]]:
    items = [given] if isinstance(given, Mapping) else _as_list("summarization", given)
    if len(items) > MOST_SUMMARIES:
        raise ConfigError(f"summarization has {len(items)} instructions, the service takes {MOST_SUMMARIES}")
    for item in items:
        found = dict(item) if isinstance(item, Mapping) else {"instruction": item}
        extra = found.keys() - {"instruction", "json_object", "json_schema"}
        has_text = isinstance(found.get("instruction"), str) and found["instruction"]
        if extra or not has_text or {"json_object", "json_schema"} <= found.keys():
            raise ConfigError(
                f"summarization has {show_value(item)}; give a text, or a mapping with instruction and "
                "either json_object or json_schema"
            )
        yield found


RecognitionConfig.__module__ = "speechkit_nb"  # it prints under the name that users import
