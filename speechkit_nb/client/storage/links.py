"""Links into Object Storage, and the names in them."""

from __future__ import annotations

import os
import re
from urllib.parse import quote, urlsplit

from ...audio import AUDIO_SUFFIXES, Recording
from ...errors import AudioError, ConfigError
from ..transport.endpoints import CLOUD

CONTAINERS = {".wav": "WAV", ".ogg": "OGG_OPUS", ".opus": "OGG_OPUS", ".mp3": "MP3"}
"""Formats by the ending of a link; what is behind it cannot be looked at."""
ENDINGS = {"WAV": ".wav", "OGG_OPUS": ".ogg", "MP3": ".mp3", "LINEAR16_PCM": ".pcm"}


def link_to(bucket: str, key: str, endpoint: str = CLOUD.storage) -> str:
    """The link to an object, quoted.

    >>> link_to("talks", "2024/первый разговор.wav")
    'https://storage.yandexcloud.net/talks/2024/%D0%BF%D0%B5%D1%80%D0%B2%D1%8B%D0%B9%20%D1%80%D0%B0%D0%B7%D0%B3%D0%BE%D0%B2%D0%BE%D1%80.wav'
    """
    return f"{endpoint}/{bucket}/{quote(key)}"


def parse_link(link: str, endpoint: str = CLOUD.storage) -> tuple[str, str]:
    """The https form of a link into Object Storage, and the format its name stands for.

    What follows the `?` of an https link, the signature of a private bucket, is dropped: the service reads
    with rights of its own. An `s3://` link has the bare name of the object, which is quoted here.

    Raises:
        AudioError: if it is no such link, or its format cannot be told from its name.

    >>> parse_link("s3://my-bucket/calls/one two.ogg")
    ('https://storage.yandexcloud.net/my-bucket/calls/one%20two.ogg', 'OGG_OPUS')
    """
    scheme, _, rest = link.partition("://")
    if scheme == "s3":
        bucket, _, path = rest.partition("/")
        plain = link_to(bucket, path, endpoint)
    else:
        parts = urlsplit(link)
        bucket, path = parts.netloc, parts.path.strip("/")
        plain = f"https://{bucket}{quote(parts.path, safe='/%~!$&()*+,;=:@')}"
    if scheme not in ("s3", "https") or not bucket or not path:
        raise AudioError(
            f"{_unsigned(link)} is no link into Object Storage; it looks like s3://bucket/name.wav"
        )
    ending = os.path.splitext(path)[1].lower()
    if ending not in CONTAINERS:
        raise AudioError(
            f"the format behind {_unsigned(link)} cannot be told from its name; the service takes files that "
            f"end in {', '.join(CONTAINERS)}"
        )
    return plain, CONTAINERS[ending]


def _unsigned(link: str) -> str:
    return repr(link.partition("?")[0])


def check_names(bucket: str, key: str | None) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]", bucket):
        raise ConfigError(
            f"bucket={bucket!r}, but a bucket has a plain name of 3 to 63 letters, digits, dots and hyphens"
        )
    if key is not None and any(part in ("", ".", "..") for part in key.split("/")):
        raise ConfigError(f"key={key!r}, but a key has no empty part, no '.' and no '..'")


def object_name(recording: Recording, container: str) -> str:
    """Name of the recording with the ending of its format, and nothing that a link or a path minds.

    >>> object_name(Recording(b"\\0" * 16000, 8000, encoding="LINEAR16_PCM", id="talk/1.flac"), "WAV")
    'talk_1.wav'
    """
    name = re.sub(r"[\x00-\x1f\x7f/\\]+", "_", recording.source.name if recording.source else recording.id)
    stem, ending = os.path.splitext(name)
    if CONTAINERS.get(ending.lower()) == container:
        return name
    if ending.lower() not in (*AUDIO_SUFFIXES, ".pcm", ".raw"):
        stem = name
    return stem + ENDINGS[container]
