"""What a request asks for, checked before anything is kept: which engine, which audio, which options.

Every refusal says what is wrong, what there would be, and if only the cloud can do it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...audio import Recording
from ...errors import AudioError
from ...wire import v3
from .. import engines
from ..engines.base import EngineSpec
from ..status import Code, Refusal, invalid
from . import bucket

DEFAULT_MODEL = "general"
AUTO = "auto"
LONGEST_HOURS = 4
LARGEST_BYTES = 1 << 30
SAMPLE_RATES = (8000, 48000)

_Containers = v3.ContainerAudio
CONTAINERS = {_Containers.WAV: "WAV", _Containers.OGG_OPUS: "OGG_OPUS", _Containers.MP3: "MP3"}


@dataclass(frozen=True)
class Options:
    """How to recognize: the engine behind the model, and how the text is written."""

    engine: EngineSpec
    language: str
    detects_language: bool
    digits: bool
    analysis: Any = None  # SpeechAnalysisOptions, if statistics are wanted


def without_content(request: Any) -> bytes:
    """The request as it is kept: the audio is kept apart from it."""
    copy = v3.RecognizeFileRequest()
    copy.CopyFrom(request)
    if copy.WhichOneof("AudioSource") == "content":
        copy.ClearField("content")
    return bytes(copy.SerializeToString())


def read_options(request: Any, spec: EngineSpec) -> Options:
    """The options of a `RecognizeFileRequest` for the engine behind its model.

    Raises:
        Refusal: INVALID_ARGUMENT or UNIMPLEMENTED.
    """
    refuse_cloud_features(request)
    model = request.recognition_model
    languages = engines.languages(spec)
    language = read_language(model.language_restriction, languages)
    normalization = model.text_normalization.text_normalization
    return Options(
        engine=spec,
        language=(languages[0] if languages else "") if language == AUTO else language,
        detects_language=language == AUTO,
        digits=normalization == v3.TextNormalizationOptions.TEXT_NORMALIZATION_ENABLED,
        analysis=request.speech_analysis if request.HasField("speech_analysis") else None,
    )


def refuse_cloud_features(request: Any) -> None:
    """Raises UNIMPLEMENTED for what this server has no means to do."""
    labeling = request.speaker_labeling.speaker_labeling
    asked = {
        "summarization": request.HasField("summarization"),
        "recognition_classifier": bool(request.recognition_classifier.classifiers),
        "speaker_labeling": labeling == v3.SpeakerLabelingOptions.SPEAKER_LABELING_ENABLED,
    }
    for feature, is_asked in asked.items():
        if is_asked:
            raise Refusal(
                Code.UNIMPLEMENTED,
                f"the local server has no {feature}, only the cloud does it; leave it out, or ask there",
            )


def find_engine(request: Any, models: Mapping[str, EngineSpec]) -> EngineSpec:
    """The engine behind the model of a request; no name means `general`.

    Raises:
        Refusal: INVALID_ARGUMENT, with the models there are.
    """
    name = request.recognition_model.model or DEFAULT_MODEL
    if name not in models:
        raise invalid(f"no model {name!r}; this server has {', '.join(sorted(models))}")
    return models[name]


def read_language(restriction: Any, known: tuple[str, ...]) -> str:
    """The language to recognize: one the engine knows, or "auto".

    Nothing asked for means the engine's own language: the cloud's default, ru-RU, would leave an engine
    that knows only English without use.
    """
    codes = list(restriction.language_code)
    own = known[0] if known else ""
    if restriction.restriction_type == v3.LanguageRestrictionOptions.BLACKLIST:
        allowed = [code for code in known if not _among(code, codes)]
        if known and not allowed:
            raise invalid(
                f"the engine of this model knows {', '.join(known)}, and the blacklist excludes all of it"
            )
        return allowed[0] if allowed else own
    if _among(AUTO, codes):
        return AUTO
    allowed = [code for code in codes if not known or _among(code, known)]
    if codes and not allowed:
        raise invalid(
            f"the engine of this model does not know the language {', '.join(codes)}; "
            f"it knows {', '.join(known)}, and takes auto"
        )
    return next((code for code in known if _among(code, allowed)), allowed[0] if allowed else own)


def _among(code: str, codes: Any) -> bool:
    return code.lower() in {other.lower() for other in codes}


def find_audio(request: Any, bucket_root: Path | None) -> Path | bytes:
    """The audio of a request: the bytes that came with it, or the file its uri leads to.

    Raises:
        Refusal: if there is none.
    """
    if request.uri:
        return bucket.resolve(request.uri, bucket_root)
    if not request.content:
        raise invalid("no audio: neither content nor uri is set, or the content is empty")
    return bytes(request.content)


def open_recording(request: Any, audio: Path | bytes) -> Recording:
    """The audio, opened as what the request says it is: the header is read, and nothing is decoded yet.

    Raises:
        Refusal: if it cannot be read, is not what the request says, or is longer than the service takes.
    """
    size = len(audio) if isinstance(audio, bytes) else audio.stat().st_size
    if size > LARGEST_BYTES:
        raise invalid(f"the audio has {size} bytes; at most {LARGEST_BYTES} (1 GB) are taken")
    recording = _open(audio, request.recognition_model.audio_format)
    hours = recording.duration * recording.n_channels / 3600
    if hours > LONGEST_HOURS:
        raise invalid(
            f"the audio lasts {hours:.2f} hours with its {recording.n_channels} channel(s) added up; "
            f"at most {LONGEST_HOURS} hours are taken"
        )
    return recording


def _open(audio: Path | bytes, audio_format: Any) -> Recording:
    id = audio.name if isinstance(audio, Path) else "content"
    try:
        if audio_format.WhichOneof("AudioFormat") == "raw_audio":
            raw = checked_raw(audio_format.raw_audio)
            return Recording(audio, raw[0], encoding="LINEAR16_PCM", n_channels=raw[1], id=id)
        recording = Recording(audio, id=id)
    except AudioError as error:
        is_raw = audio_format.WhichOneof("AudioFormat") == "raw_audio"
        hint = "; LINEAR16_PCM is samples without a header" if is_raw else ""
        raise invalid(f"Invalid audio received: {error}{hint}") from error
    _check_container(recording, audio_format.container_audio.container_audio_type)
    return recording


def checked_raw(raw: Any) -> tuple[int, int]:
    """Sample rate and number of channels of a `RawAudio`.

    Raises:
        Refusal: INVALID_ARGUMENT if it has none that are taken.
    """
    lowest, highest = SAMPLE_RATES
    if raw.audio_encoding != v3.RawAudio.LINEAR16_PCM:
        raise invalid("raw_audio needs audio_encoding LINEAR16_PCM")
    if not lowest <= raw.sample_rate_hertz <= highest:
        raise invalid(f"sample_rate_hertz is {raw.sample_rate_hertz}; it must be {lowest} to {highest}")
    if raw.audio_channel_count < 0:
        raise invalid(f"audio_channel_count is {raw.audio_channel_count}; it must be at least 1")
    return raw.sample_rate_hertz, raw.audio_channel_count or 1


def _check_container(recording: Recording, asked: int) -> None:
    taken = sorted(CONTAINERS.values())
    if asked and asked not in CONTAINERS:
        raise invalid(f"no container_audio_type {asked}; there are {', '.join(taken)}")
    if recording.container not in taken:
        raise invalid(
            f"Invalid audio received: it is {recording.container}; "
            f"{', '.join(taken)} and LINEAR16_PCM are taken"
        )
    if asked and CONTAINERS[asked] != recording.container:
        raise invalid(
            f"Invalid audio received: the request says {CONTAINERS[asked]}, "
            f"the audio is {recording.container}"
        )
