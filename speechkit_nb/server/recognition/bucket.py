"""Object Storage links as files `BUCKET/KEY` in one folder."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..status import Code, StatusError, invalid_argument

HOSTS = ("storage.yandexcloud.net", "storage.yandexcloud.kz")
FORMS = "https://storage.yandexcloud.net/BUCKET/KEY or https://BUCKET.storage.yandexcloud.net/KEY"


def resolve(uri: str, root: Path | None) -> Path:
    """The file that stands for an Object Storage link. Like the service, it ignores what follows a `?`.

    Args:
        uri: the link.
        root: the folder of buckets. No file outside it is returned, not even through a symbolic link.

    Raises:
        StatusError: INVALID_ARGUMENT if the uri is no such link or there is no root, NOT_FOUND if there is no
            such object.

    >>> resolve("https://example.com/talk.wav", Path("."))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    speechkit_nb.server.status.StatusError: the uri 'https://example.com/talk.wav' is no Object Storage link
    """
    bucket, key = split_uri(uri)
    if root is None:
        raise invalid_argument(
            f"the local server has no buckets, so the uri {uri!r} leads nowhere; "
            "start it with --bucket-root DIR, where DIR/BUCKET/KEY is the object"
        )
    root = root.resolve()
    missing = StatusError(Code.NOT_FOUND, f"no object {key!r} in the bucket {bucket!r} below --bucket-root")
    try:
        path = (root / bucket / key).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # a circle of symbolic links, a zero byte
        raise missing from None
    # A symbolic link may lead to another place in the same bucket, but not out of it.
    if not path.is_relative_to(root / bucket) or not path.is_file():
        raise missing
    return path


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an Object Storage link, with percent escapes decoded.

    >>> split_uri("https://talks.storage.yandexcloud.net/2024/a%20b.wav?X-Amz-Signature=1")
    ('talks', '2024/a b.wav')
    """
    error = invalid_argument(f"the uri {uri!r} is no Object Storage link; it looks like {FORMS}")
    try:
        parts = urlsplit(uri)
        host, path = parts.hostname or "", unquote(parts.path, errors="strict").removeprefix("/")
    except ValueError:
        raise error from None
    if parts.scheme not in ("https", "http"):
        raise error
    bucket, key = _split_host(host, path)
    names = [bucket, *key.split("/")]
    if not bucket or "/" in bucket or not key:
        raise error
    if any(name in ("", ".", "..") for name in names):
        raise invalid_argument(
            f"the uri {uri!r} names no object: a key has no empty part, no '.' and no '..'"
        )
    return bucket, key


def _split_host(host: str, path: str) -> tuple[str, str]:
    for storage in HOSTS:
        if host == storage:
            bucket, _, key = path.partition("/")
            return bucket, key
        if host.endswith("." + storage):
            return host.removesuffix("." + storage), path
    return "", ""
