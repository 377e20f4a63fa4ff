"""Links into Object Storage, and the names of objects."""

from __future__ import annotations

import glob
import os
import re
from typing import Any, TypeGuard
from urllib.parse import quote, unquote, urlsplit

import numpy as np

from ...audio import AUDIO_SUFFIXES, MAX_RATE, MIN_RATE, PCM, Recording
from ...errors import AudioError, ConfigError, check_choice, make_encodable, show_value
from ...paths import remove_signature
from ..transport.endpoints import CLOUD

CONTAINERS = {".wav": "WAV", ".ogg": "OGG_OPUS", ".opus": "OGG_OPUS", ".mp3": "MP3"}
"""Formats by the suffix of a link; the object itself cannot be read to find its format."""
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
SUFFIXES = {"WAV": ".wav", "OGG_OPUS": ".ogg", "MP3": ".mp3", "LINEAR16_PCM": ".pcm"}


def make_link(bucket: str, key: str, endpoint: str = CLOUD.storage) -> str:
    """The link to an object, quoted.

    >>> make_link("talks", "2024/первый разговор.wav")
    'https://storage.yandexcloud.net/talks/2024/%D0%BF%D0%B5%D1%80%D0%B2%D1%8B%D0%B9%20%D1%80%D0%B0%D0%B7%D0%B3%D0%BE%D0%B2%D0%BE%D1%80.wav'
    """
    return f"{endpoint}/{bucket}/{quote(key)}"


def find_container(name: str) -> str | None:
    """The format that the end of a name or path tells, also where nothing stands before the dot.

    >>> [find_container(name) for name in ("a.WAV", ".mp3", "..wav", "a.wav/b", "wav")]
    ['WAV', 'MP3', 'WAV', None, None]
    """
    _, dot, end = name.rpartition(".")
    return CONTAINERS.get(dot + end.lower())


def parse_link(link: str, endpoint: str = CLOUD.storage, container: str | None = None) -> tuple[str, str]:
    """The https form of a link into Object Storage, and the format of its object.

    The part of an https link after `?`, the signature of a private bucket, is dropped: the service has its
    own access rights. An `s3://` link contains the name of the object unquoted; it is quoted here.

    Args:
        container: the format; default: the one that the suffix names.

    Raises:
        AudioError: if it is no such link, or its format is not known.

    >>> parse_link("s3://my-bucket/calls/one two.ogg")
    ('https://storage.yandexcloud.net/my-bucket/calls/one%20two.ogg', 'OGG_OPUS')
    """
    link = remove_signature(link)
    scheme, _, rest = link.partition("://")
    bucket, _, path = rest.partition("/")
    try:
        link.encode()
        if scheme == "s3":
            plain = make_link(bucket, path, endpoint)
        else:
            bucket, path = urlsplit(link)[1:3]
            plain = f"https://{bucket}{quote(path, safe='/%~!$&()*+,;=:@')}"
    except ValueError:  # a host in wrong brackets, or characters that are not UTF-8
        bucket = path = plain = ""
    if scheme not in ("s3", "https") or not bucket or not path.strip("/") or path.endswith("/"):
        raise AudioError(
            f"{link!r} is not a link into Object Storage, which looks like s3://bucket/name.wav; "
            "client.submit_many takes patterns and folders too, such as s3://bucket/*.wav"
        )
    named = find_container(path)
    if container == PCM and named is not None:
        raise AudioError(
            f"the name of {link!r} is that of a {named} file, which has a header: leave encoding out; "
            f"encoding={PCM!r} is for samples without one, and a wrong one is recognized as noise"
        )
    found = container or named
    if found is None:
        folder = f"; if it is a folder, write it as {link + '/'!r}" if scheme == "s3" else ""
        raise AudioError(
            f"the format of {link!r} is unknown, since its name does not end in one of "
            f"{', '.join(CONTAINERS)}: name it by container='WAV', 'OGG_OPUS' or 'MP3', or, for samples "
            f"without a header, by encoding='LINEAR16_PCM' with sample_rate{folder}"
        )
    return plain, found


def check_link_format(
    container: str | None = None,
    encoding: str | None = None,
    sample_rate: int | None = None,
    n_channels: int | None = None,
) -> dict[str, Any]:
    """What is known of the format of an object that is not read here; without the missing values.

    Raises:
        ConfigError: if the values do not go together.

    >>> check_link_format(encoding="LINEAR16_PCM", sample_rate=8000)
    {'encoding': 'LINEAR16_PCM', 'sample_rate': 8000, 'n_channels': 1}
    """
    formats = tuple(dict.fromkeys(CONTAINERS.values()))
    if isinstance(encoding, str) and encoding in formats:
        raise ConfigError(
            f"encoding={encoding!r} is a format of files with a header: give container={encoding!r} for a "
            "link; the format of other recordings is read from their content"
        )
    if encoding is None:
        if sample_rate is not None or n_channels is not None:
            raise ConfigError(
                "sample_rate and n_channels of a link are for samples without a header: give "
                f"encoding={PCM!r} too, or leave them out"
            )
        check_choice("container", container, (None, *formats))
        return {} if container is None else {"container": container}
    if container is not None:
        raise ConfigError(f"container is for files with a header, encoding={encoding!r} for samples without")
    check_choice("encoding", encoding, (PCM,))
    if not is_count(sample_rate) or not MIN_RATE <= sample_rate <= MAX_RATE:
        raise ConfigError(
            f"encoding={PCM!r} needs sample_rate, {MIN_RATE} to {MAX_RATE} Hz, not {sample_rate!r}"
        )
    n_channels = 1 if n_channels is None else n_channels
    if not is_count(n_channels):
        raise ConfigError(f"n_channels must be a number of channels, 1 or more, not {n_channels!r}")
    return {"encoding": encoding, "sample_rate": int(sample_rate), "n_channels": int(n_channels)}


def is_count(value: Any) -> TypeGuard[int]:
    """Whether a value is a whole number above zero."""
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_whole and int(value) > 0


def find_link_name(link: str) -> str:
    """The name of the object of a link, without its folders.

    >>> find_link_name("s3://b/a/x?.wav"), find_link_name("https://h/b/%D0%B0.wav?X-Amz-Signature=ab")
    ('x?.wav', 'а.wav')
    """
    link = remove_signature(link)
    name = link.rstrip("/").rpartition("/")[2]
    return make_encodable(name if link.startswith("s3://") else unquote(name)) or link


def names_many(link: str) -> bool:
    """Whether an s3 link is a bucket, a folder that ends in `/`, or a pattern."""
    key = remove_signature(link).removeprefix("s3://").partition("/")[2]
    return link.startswith("s3://") and (not key or key.endswith("/") or glob.has_magic(key))


def check_bucket(bucket: Any) -> None:
    """
    Raises:
        ConfigError: if there cannot be a bucket with that name; None is no error.
    """
    if bucket is not None and not (isinstance(bucket, str) and BUCKET.fullmatch(bucket)):
        raise ConfigError(
            "bucket must be a plain name of 3 to 63 letters, digits, dots and hyphens, not "
            f"{show_value(bucket)}"
        )


def check_names(bucket: str, key: str | None) -> None:
    """
    Raises:
        ConfigError: if there cannot be a bucket or an object with that name.
    """
    check_bucket(bucket)
    is_text = isinstance(key, str) and make_encodable(key) == key and "\0" not in key
    if key is not None and not is_text:
        raise ConfigError(f"key must be the name of an object, not {show_value(key)}")
    if key is not None and any(part in ("", ".", "..") for part in key.split("/")):
        raise ConfigError(f"key must have no empty part, no '.' and no '..' between slashes, not {key!r}")


def make_object_name(recording: Recording, container: str) -> str:
    """Name of the recording with the suffix of its format, without characters that links or paths forbid.

    >>> make_object_name(Recording(b"\\0" * 16000, 8000, encoding="LINEAR16_PCM", id="talk/1.flac"), "WAV")
    'talk_1.wav'
    """
    name = make_encodable(recording.source.name if recording.source else recording.id)
    name = re.sub(r"[\x00-\x1f\x7f/\\]+", "_", name)
    if find_container(name) == container:
        return name
    stem, suffix = os.path.splitext(name)
    if suffix.lower() not in (*AUDIO_SUFFIXES, ".pcm", ".raw"):
        stem = name  # the dot is part of the name, as in "version 1.5"
    return stem + SUFFIXES[container]
