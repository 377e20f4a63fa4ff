"""Reads the options of a request and checks them before anything is stored: engine, audio, language.

Each error message names the wrong value and the values that are possible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...audio import Recording
from ...config import MOST_SUMMARIES
from ...errors import AudioError, count_noun, join_names
from ...text_options import AUTO, TextApi, find_effects
from ...wire import v3
from ..engines.base import EngineSpec, ListenRequest
from ..engines.registry import advise_engine, knows_language, list_languages
from ..engines.whisper_models import CODES
from ..status import StatusError, invalid_argument
from ..workers import decoding
from . import bucket
from .classifiers import check_classifiers

DEFAULT_MODEL = "general"
LONGEST_HOURS = 4
LARGEST_BYTES = 1 << 30
SAMPLE_RATES = (8000, 48000)
MOST_CHANNELS = 32
MOST_QUANTILES = 100
MOST_LANGUAGES = 100
OWN_MEANS = {
    "speaker_labeling": "clusters of similar sound",
    "recognition_classifier": "short lists of words",
    "summarization": "a stub without a language model",
}
"""What the local server does in place of what the service does."""

_Containers = v3.ContainerAudio
CONTAINERS = {_Containers.WAV: "WAV", _Containers.OGG_OPUS: "OGG_OPUS", _Containers.MP3: "MP3"}


@dataclass(frozen=True)
class Options:
    """How to recognize: the engine of the model for the language, and how to write the refinement."""

    engine: EngineSpec
    language: str  # empty: the default of the engine, or the one that it detects
    detects_language: bool
    candidates: tuple[str, ...] = ()  # languages among which the engine detects one; empty: all
    effects: frozenset[str] = frozenset()  # on the text of the refinement, see `text_options`
    analysis: Any = None  # SpeechAnalysisOptions if the request wants statistics
    labels_speakers: bool = False
    classifiers: tuple[Any, ...] = ()  # RecognitionClassifiers
    summarization: Any = None  # SummarizationOptions if the request wants summaries

    def complete(self, request: ListenRequest) -> ListenRequest:
        """The request with the languages."""
        language = "" if self.candidates else self.language
        return replace(request, language=language, candidates=self.candidates)

    @property
    def warning(self) -> str:
        """Which results are not computed as at the service; empty if none."""
        wanted = {
            "speaker_labeling": self.labels_speakers,
            "recognition_classifier": self.classifiers,
            "summarization": self.summarization,
        }
        own = [f"{name} is {OWN_MEANS[name]}" for name, is_wanted in wanted.items() if is_wanted]
        computed = f"computed by the local server, not as the service does: {'; '.join(own)}" if own else ""
        known = list_languages(self.engine) if self.detects_language else ()
        only = f"{self.engine} knows {known[0]} only, so no language is detected" if len(known) == 1 else ""
        return "; ".join(filter(None, (computed, only)))


def read_options(request: Any, spec: EngineSpec, api: TextApi = "v3") -> Options:
    """The options of a `RecognizeFileRequest` for the engine of its model.

    Args:
        request: the request; one of v2 in terms of v3.
        spec: the engine.
        api: in which API it was made.

    Raises:
        StatusError: INVALID_ARGUMENT for a wrong value, UNIMPLEMENTED for what only the cloud can do.
    """
    check_classifiers(request.recognition_classifier.classifiers)
    _check_analysis(request.speech_analysis)
    has_summaries = request.HasField("summarization")
    if has_summaries:
        _check_summarization(request.summarization)
    model = request.recognition_model
    language = match_language(model.language_restriction, spec)
    if language is None:  # the engine was chosen by a server with another model under its name
        raise _unknown_language(model.model or DEFAULT_MODEL, model.language_restriction, [spec])
    return Options(
        engine=spec,
        language="" if language == AUTO else language,
        detects_language=language == AUTO,
        candidates=_list_candidates(model.language_restriction, spec),
        effects=find_effects(api, read_text_options(model.text_normalization), [language]),
        analysis=request.speech_analysis if request.HasField("speech_analysis") else None,
        labels_speakers=wants_speakers(request),
        classifiers=tuple(request.recognition_classifier.classifiers),
        summarization=request.summarization if has_summaries else None,
    )


def read_text_options(given: Any) -> set[str]:
    """The names of the options in a `TextNormalizationOptions` that are on."""
    options = v3.TextNormalizationOptions
    switches = {
        "normalize": given.text_normalization == options.TEXT_NORMALIZATION_ENABLED,
        "phone_formatting": given.phone_formatting_mode != options.PHONE_FORMATTING_MODE_DISABLED,
        "profanity_filter": given.profanity_filter,
        "literature_text": given.literature_text,
    }
    return {name for name, is_on in switches.items() if is_on}


def _check_analysis(options: Any) -> None:
    """Raise INVALID_ARGUMENT for a number with which no statistics can be computed."""
    levels = options.descriptive_statistics_quantiles
    if len(levels) > MOST_QUANTILES or not all(0 <= level <= 1 for level in levels):
        raise invalid_argument(
            f"descriptive_statistics_quantiles must be at most {MOST_QUANTILES} numbers from 0 to 1"
        )
    dialogue = options.converstation_options
    thresholds = {
        "silence_threshold_ms": options.speaker_options.silence_threshold_ms,
        "simultaneous_silence_threshold_ms": dialogue.simultaneous_silence_threshold_ms,
        "simultaneous_speech_threshold_ms": dialogue.simultaneous_speech_threshold_ms,
    }
    for name, value in thresholds.items():
        if value < 0:
            raise invalid_argument(f"{name} is {value}; it must be 0 or more")


def check_channels(name: str, n_channels: int) -> None:
    """Raise INVALID_ARGUMENT for a number of channels that is not supported."""
    if not 1 <= n_channels <= MOST_CHANNELS:
        raise invalid_argument(f"{name} is {n_channels}; it must be 1 to {MOST_CHANNELS}")


def _check_summarization(options: Any) -> None:
    """Raise INVALID_ARGUMENT for a request that the service refuses as well."""
    n = len(options.properties)
    if not 1 <= n <= MOST_SUMMARIES or not all(each.instruction for each in options.properties):
        raise invalid_argument(
            f"summarization has {count_noun(n, 'property', 'properties')}; it takes 1 to {MOST_SUMMARIES}, "
            "each with an instruction"
        )
    if not re.fullmatch(r"gpt://[^/]+/.+", options.model_uri):
        raise invalid_argument(f"model_uri is {options.model_uri!r}; it must be gpt://FOLDER/MODEL")


def wants_speakers(request: Any) -> bool:
    """Whether a request wants its speakers to be labeled."""
    wanted = request.speaker_labeling.speaker_labeling
    return bool(wanted == v3.SpeakerLabelingOptions.SPEAKER_LABELING_ENABLED)


def check_labeling(n_channels: int) -> None:
    """Raise INVALID_ARGUMENT for audio of which the speakers cannot be labeled."""
    if n_channels != 1:
        raise invalid_argument(
            f"speaker_labeling tells the speakers of one channel apart, and the audio has {n_channels}: "
            "leave it out, since every channel is a speaker then, or mix the channels"
        )


def choose_engine(request: Any, models: Mapping[str, Sequence[EngineSpec]]) -> EngineSpec:
    """The engine for the model and the language of a request; without a name the model is `general`.

    It is the first engine of the model that knows all languages of the request, or else one of them. An
    engine for one language cannot detect which of them it is, nor which one of those that are not excluded.

    Raises:
        StatusError: INVALID_ARGUMENT if there is no such model, or no engine of it knows the language.
    """
    name = request.recognition_model.model or DEFAULT_MODEL
    if name not in models:
        raise invalid_argument(f"no model {name!r}; this server has {', '.join(sorted(models))}")
    restriction = request.recognition_model.language_restriction
    if len(restriction.language_code) > MOST_LANGUAGES:
        raise invalid_argument(
            f"language_code has {len(restriction.language_code)} codes; at most {MOST_LANGUAGES} are taken"
        )
    possible = [spec for spec in models[name] if match_language(restriction, spec) is not None]
    if not possible:
        raise _unknown_language(name, restriction, models[name])
    return next((spec for spec in possible if _knows_all(spec, restriction)), possible[0])


def match_language(restriction: Any, spec: EngineSpec) -> str | None:
    """The language that an engine recognizes: a code, "auto", or "" for any; None if it knows none of them.

    Without a restriction it is the default of the engine. The default of the cloud, ru-RU, would make an
    engine for English useless.
    """
    codes, known = restriction.language_code, list_languages(spec)
    if restriction.restriction_type == v3.LanguageRestrictionOptions.BLACKLIST:
        allowed = [code for code in known if not _contains(codes, code)] if known else [""]
    elif _contains(codes, AUTO):
        return AUTO
    elif codes:
        asked = [code for code in codes if knows_language(spec, code)]
        allowed = [code for code in known if _contains(asked, code)] or asked
    else:
        allowed = [*known, ""]
    return allowed[0] if allowed else None


def _list_candidates(restriction: Any, spec: EngineSpec) -> tuple[str, ...]:
    """The languages among which an engine for several detects one, if the request names or excludes some."""
    codes = restriction.language_code
    if list_languages(spec) or not codes or _contains(codes, AUTO):
        return ()
    if restriction.restriction_type == v3.LanguageRestrictionOptions.BLACKLIST:
        return tuple(code for code in CODES.values() if not _contains(codes, code))
    known = tuple(code for code in codes if knows_language(spec, code))
    return known if len(known) > 1 else ()


def _knows_all(spec: EngineSpec, restriction: Any) -> bool:
    is_detector = len(list_languages(spec)) != 1
    if restriction.restriction_type == v3.LanguageRestrictionOptions.BLACKLIST:
        return is_detector
    return all(
        is_detector if code.lower() == AUTO else knows_language(spec, code)
        for code in restriction.language_code
    )


def _unknown_language(name: str, restriction: Any, engines: Iterable[EngineSpec]) -> StatusError:
    codes = list(restriction.language_code)
    known = ", ".join(
        dict.fromkeys(code for spec in engines for code in list_languages(spec) or CODES.values())
    )
    if restriction.restriction_type == v3.LanguageRestrictionOptions.BLACKLIST:
        return invalid_argument(f"the model {name!r} knows {known}, and the blacklist excludes all of it")
    asked = join_names([code or "''" for code in codes], "or")
    advice = next(filter(None, map(advise_engine, codes)), "")
    return invalid_argument(
        f"the model {name!r} does not know the language {asked}; it knows {known}, and takes auto{advice}"
    )


def _contains(codes: Any, code: str) -> bool:
    return code.lower() in {other.lower() for other in codes}


def find_audio(request: Any, bucket_root: Path | None) -> Path | bytes:
    """The audio of a request: its bytes, or the file of its uri.

    Raises:
        StatusError: if there is no audio.
    """
    if request.uri:
        return bucket.resolve(request.uri, bucket_root)
    content = bytes(request.content)  # each access makes a copy
    if not content:
        raise invalid_argument("no audio: neither content nor uri is set, or the content is empty")
    return content


def open_recording(request: Any, audio: Path | bytes) -> Recording:
    """Open the audio in the format that the request names. Only the header is read.

    Raises:
        StatusError: if it cannot be read, has another format, or is longer than the service takes.
    """
    size = len(audio) if isinstance(audio, bytes) else audio.stat().st_size
    if size > LARGEST_BYTES:
        raise invalid_argument(f"the audio has {size} bytes; at most {LARGEST_BYTES} (1 GB) are taken")
    recording = _open(audio, request.recognition_model.audio_format)
    check_channels("the number of channels", recording.n_channels)
    if wants_speakers(request):
        check_labeling(recording.n_channels)
    hours = recording.duration * recording.n_channels / 3600
    if hours > LONGEST_HOURS:
        raise invalid_argument(
            f"the audio lasts {hours:.2f} hours with its {recording.n_channels} channel(s) added up; "
            f"at most {LONGEST_HOURS} hours are taken"
        )
    return recording


def _open(audio: Path | bytes, audio_format: Any) -> Recording:
    id = audio.name if isinstance(audio, Path) else "content"
    try:
        if audio_format.WhichOneof("AudioFormat") == "raw_audio":
            raw = read_raw_format(audio_format.raw_audio)
            return decoding.open_recording(audio, raw[0], encoding="LINEAR16_PCM", n_channels=raw[1], id=id)
        recording = decoding.open_recording(audio, id=id)
    except AudioError as error:
        is_raw = audio_format.WhichOneof("AudioFormat") == "raw_audio"
        hint = "; LINEAR16_PCM is samples without a header" if is_raw else ""
        raise invalid_argument(f"Invalid audio received: {error}{hint}") from error
    _check_container(recording, audio_format.container_audio.container_audio_type)
    return recording


def read_raw_format(raw: Any) -> tuple[int, int]:
    """Sample rate and number of channels of a `RawAudio`.

    Raises:
        StatusError: INVALID_ARGUMENT for an encoding, rate or number that is not supported.
    """
    lowest, highest = SAMPLE_RATES
    if raw.audio_encoding != v3.RawAudio.LINEAR16_PCM:
        raise invalid_argument("raw_audio needs audio_encoding LINEAR16_PCM")
    if not lowest <= raw.sample_rate_hertz <= highest:
        raise invalid_argument(
            f"sample_rate_hertz is {raw.sample_rate_hertz}; it must be {lowest} to {highest}"
        )
    n_channels = raw.audio_channel_count or 1
    check_channels("audio_channel_count", n_channels)
    return raw.sample_rate_hertz, n_channels


def _check_container(recording: Recording, wanted: int) -> None:
    taken = sorted(CONTAINERS.values())
    if wanted and wanted not in CONTAINERS:
        raise invalid_argument(f"no container_audio_type {wanted}; there are {', '.join(taken)}")
    if recording.container not in taken:
        raise invalid_argument(
            f"Invalid audio received: it is {recording.container}; "
            f"{', '.join(taken)} and LINEAR16_PCM are taken"
        )
    if wanted and CONTAINERS[wanted] != recording.container:
        raise invalid_argument(
            f"Invalid audio received: the request names {CONTAINERS[wanted]}, "
            f"the audio is {recording.container}"
        )
