"""Links into Object Storage, and the names of objects."""

from __future__ import annotations

import os
import re
from urllib.parse import quote, urlsplit

from ...audio import AUDIO_SUFFIXES, Recording
from ...errors import AudioError, ConfigError
from ..transport.endpoints import CLOUD

CONTAINERS = {".wav": "WAV", ".ogg": "OGG_OPUS", ".opus": "OGG_OPUS", ".mp3": "MP3"}
"""Formats by the suffix of a link; the object itself cannot be read to find its format."""
SUFFIXES = {"WAV": ".wav", "OGG_OPUS": ".ogg", "MP3": ".mp3", "LINEAR16_PCM": ".pcm"}


def make_link(bucket: str, key: str, endpoint: str = CLOUD.storage) -> str:
    """The link to an object, quoted.

    >>> make_link("talks", "2024/первый разговор.wav")
    'https://storage.yandexcloud.net/talks/2024/%D0%BF%D0%B5%D1%80%D0%B2%D1%8B%D0%B9%20%D1%80%D0%B0%D0%B7%D0%B3%D0%BE%D0%B2%D0%BE%D1%80.wav'
    """
    return f"{endpoint}/{bucket}/{quote(key)}"


def parse_link(link: str, endpoint: str = CLOUD.storage) -> tuple[str, str]:
    """The https form of a link into Object Storage, and the format that its suffix names.

    The part of an https link after `?`, the signature of a private bucket, is dropped: the service has its
    own access rights. An `s3://` link contains the name of the object unquoted; it is quoted here.

    Raises:
        AudioError: if it is no such link, or its suffix names no format.

    >>> parse_link("s3://my-bucket/calls/one two.ogg")
    ('https://storage.yandexcloud.net/my-bucket/calls/one%20two.ogg', 'OGG_OPUS')
    """
    scheme, _, rest = link.partition("://")
    if scheme == "s3":
        bucket, _, path = rest.partition("/")
        plain = make_link(bucket, path, endpoint)
    else:
        parts = urlsplit(link)
        bucket, path = parts.netloc, parts.path.strip("/")
        plain = f"https://{bucket}{quote(parts.path, safe='/%~!$&()*+,;=:@')}"
    if scheme not in ("s3", "https") or not bucket or not path:
        raise AudioError(
            f"{_remove_signature(link)} is not a link into Object Storage, which looks like s3://bucket/name.wav"
        )
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in CONTAINERS:
        raise AudioError(
            f"the format of {_remove_signature(link)} is unknown, since its name does not end in one of "
            f"{', '.join(CONTAINERS)}; the service accepts no other files"
        )
    return plain, CONTAINERS[suffix]


def _remove_signature(link: str) -> str:
    return repr(link.partition("?")[0])


def check_names(bucket: str, key: str | None) -> None:
    """
    Raises:
        ConfigError: if there cannot be a bucket or an object with that name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]", bucket):
        raise ConfigError(
            f"bucket must be a plain name of 3 to 63 letters, digits, dots and hyphens, not {bucket!r}"
        )
    if key is not None and any(part in ("", ".", "..") for part in key.split("/")):
        raise ConfigError(f"key must have no empty part, no '.' and no '..' between slashes, not {key!r}")


def make_object_name(recording: Recording, container: str) -> str:
    """Name of the recording with the suffix of its format, without characters that links or paths forbid.

    >>> make_object_name(Recording(b"\\0" * 16000, 8000, encoding="LINEAR16_PCM", id="talk/1.flac"), "WAV")
    'talk_1.wav'
    """
    name = re.sub(r"[\x00-\x1f\x7f/\\]+", "_", recording.source.name if recording.source else recording.id)
    stem, suffix = os.path.splitext(name)
    if CONTAINERS.get(suffix.lower()) == container:
        return name
    if suffix.lower() not in (*AUDIO_SUFFIXES, ".pcm", ".raw"):
        stem = name  # the dot is part of the name, as in "version 1.5"
    return stem + SUFFIXES[container]
