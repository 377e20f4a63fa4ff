"""The objects of a bucket that a link with a pattern, or with `/` at its end, means."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from ...errors import AudioError, count_noun, few
from ...paths import remove_signature
from .backends import Storage
from .links import CONTAINERS, check_names, find_container


class FoundObject(NamedTuple):
    """A recording in a bucket.

    Attributes:
        link: its s3 link.
        name: its name below the last folder that the link with the pattern spells out.
        version: a text that changes with its content.
    """

    link: str
    name: str
    version: str


def list_recordings(link: str, storage: Storage, has_format: bool = False) -> Iterator[FoundObject]:
    """The recordings that an s3 link means, sorted; they are listed as they are needed.

    Args:
        link: `s3://BUCKET` or `s3://BUCKET/PREFIX/` for all recordings that begin so, also in folders below;
            or a pattern, in which `*` and `?` stay in one folder and `**` goes through folders. A pattern
            that ends in `/` means all recordings in the folders that match.
        storage: where the buckets are.
        has_format: whether the format is known, so that a recording may have any suffix.

    Raises:
        AudioError: if there are none.
        Denied, NotFound, Unreachable: wrong credentials, no such bucket, no connection.
    """
    link = remove_signature(link)
    bucket, _, key = link.removeprefix("s3://").partition("/")
    check_names(bucket, None)
    prefix = key[: next((at for at, char in enumerate(key) if char in "*?["), len(key))]
    above = prefix.rpartition("/")[0]
    pattern = f"{key}**/*" if key.endswith("/") else key
    parts = pattern.split("/") if glob.has_magic(key) else ["**"]
    n_objects, n_recordings, folders = 0, 0, dict[str, None]()
    for key_found, version in storage.find(bucket, prefix):
        if key_found.endswith("/"):  # stands for an empty folder
            continue
        n_objects += 1
        of_key = key_found.split("/")
        is_named = key_found.startswith(key) if key.endswith("/") else key_found == key
        if is_named or _matches(of_key, parts):
            if has_format or find_container(key_found):
                n_recordings += 1
                yield FoundObject(
                    f"s3://{bucket}/{key_found}",
                    key_found.removeprefix(f"{above}/" if above else ""),
                    version,
                )
        elif not n_recordings and len(folders) < 4:
            folder = of_key[: len(parts)]
            if len(folder) < len(of_key) and _matches(folder, parts):
                folders["/".join(folder)] = None
    if n_recordings:
        return
    begin = "begins" if n_objects == 1 else "begin"
    message = (
        f"no recordings match {link!r}: the storage has {count_noun(n_objects, 'object')} in the bucket "
        f"{bucket!r}{f' that {begin} with {prefix!r}' if prefix else ''}. "
    )
    if folders:
        first = next(iter(folders))
        raise AudioError(
            f"{message}The pattern matches folders ({few([*folders])}) and not what is in them: "
            f"'s3://{bucket}/{first}/' is one of them with all below, {link + '/'!r} all of them"
        )
    raise AudioError(
        f"{message}A recording ends in one of {', '.join(CONTAINERS)}, unless container= or encoding= "
        "names its format"
    )


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
