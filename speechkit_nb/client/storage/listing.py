"""The objects of a bucket that a link with a pattern, or with `/` at its end, means."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from fnmatch import fnmatchcase

from ...errors import AudioError, count_noun
from .backends import Storage
from .links import CONTAINERS, check_names, find_container


def list_recordings(link: str, storage: Storage, has_format: bool = False) -> list[str]:
    """The links to the recordings that an s3 link means, sorted.

    Args:
        link: `s3://BUCKET` or `s3://BUCKET/PREFIX/` for all recordings that begin so, also in folders below;
            or a pattern, in which `*` and `?` stay in one folder and `**` goes through folders.
        storage: where the buckets are.
        has_format: whether the format is known, so that a recording may have any suffix.

    Raises:
        AudioError: if there are none.
        Denied, NotFound, Unreachable: wrong credentials, no such bucket, no connection.
    """
    bucket, _, key = link.removeprefix("s3://").partition("/")
    check_names(bucket, None)
    prefix = key[: next((at for at, char in enumerate(key) if char in "*?["), len(key))]
    keys = sorted(found for found in storage.keys(bucket, prefix) if not found.endswith("/"))
    if glob.has_magic(key):
        chosen = [found for found in keys if found == key or _matches(found.split("/"), key.split("/"))]
    else:
        chosen = keys
    chosen = [found for found in chosen if has_format or find_container(found)]
    if not chosen:
        among = count_noun(len(keys), "object")
        raise AudioError(
            f"no recordings match {link!r}: the storage has {among} in the bucket {bucket!r} that begin with "
            f"{prefix!r}. A recording ends in one of {', '.join(CONTAINERS)}, unless container= or encoding= "
            "names its format"
        )
    return [f"s3://{bucket}/{found}" for found in chosen]


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the folders and the name of an object match a pattern.

    >>> [_matches(["x", "y", "c.wav"], p.split("/")) for p in ("x/*.wav", "x/*/c.*", "**/*.wav", "**")]
    [False, True, True, True]
    """
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[first:], pattern[1:]) for first in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])
