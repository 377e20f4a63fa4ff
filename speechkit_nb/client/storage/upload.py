"""Object Storage: what is too large to be sent in a request is uploaded and sent as a link."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ... import errors
from ...audio import Recording, encode_to_file
from ..transport.endpoints import CLOUD, LOOPBACK_HOSTS
from .links import check_names, link_to, object_name

PART = 8 * 1024 * 1024
PARTS_AT_ONCE = 4
REGIONS = {"storage.yandexcloud.net": "ru-central1", "storage.yandexcloud.kz": "kz1"}
CONTENT_TYPES = {
    "WAV": "audio/wav",
    "OGG_OPUS": "audio/ogg",
    "MP3": "audio/mpeg",
    "LINEAR16_PCM": "audio/x-pcm",
}
KEYS = (
    "a static key of a service account with the role storage.uploader, in AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY or in ~/.aws/credentials"
)


def upload(
    source: Any,
    bucket: str,
    key: str | None = None,
    *,
    endpoint: str | os.PathLike[str] = CLOUD.storage,
    header: bool = True,
    progress: bool = True,
    ca: str | os.PathLike[str] | None = None,
) -> str:
    """Upload a recording and return the link by which the service finds it.

    What the service does not take is converted first. What lies there already is not sent again. The
    credentials are those of every S3 program: the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or
    the profile of AWS_PROFILE in ~/.aws.

    Args:
        source: path, bytes of an audio file, or `Recording`.
        bucket: its name; it must exist.
        key: name of the object; by default made from the content and the name of the recording, so that
            two recordings never overwrite each other.
        endpoint: URL of the storage, or the folder that stands for it (`--bucket-root` of a local server).
        header: whether samples go in WAV; API v2 takes them without a header only.
        progress: whether to show a bar.
        ca: PEM file of the authorities to trust in place of the usual ones.

    Raises:
        MissingExtra: without the packages of the extra `s3`.
        ConfigError: if there can be no such bucket or key.
        AudioError, LimitError: if the service would not take the recording.
        Denied, NotFound, Unreachable: wrong credentials, no such bucket, no such host.
    """
    recording = source if isinstance(source, Recording) else Recording(source)
    check_names(bucket, key)
    shelf = _shelf(endpoint, ca)
    with encode_to_file(recording, header) as (path, container):
        content = Content.of(path, CONTENT_TYPES[container])
        key = key or f"{content.sha256[:16]}/{object_name(recording, container)}"
        if shelf.holds(content, bucket, key):
            return shelf.link(bucket, key)
        shelf.put(content, bucket, key, recording.id if progress else None)
        if shelf.holds(content, bucket, key) is False:
            raise errors.ServiceError(
                f"{key!r} in the bucket {bucket!r} is not what was uploaded: the checksums differ. Upload it "
                "again, and see that nobody else writes there",
                code="DATA_LOSS",
            )
        return shelf.link(bucket, key)


class Content(NamedTuple):
    """A file and its checksums.

    Attributes:
        etags: what S3 calls an object with these bytes: the MD5 of all, or of the MD5s of its parts.
    """

    path: Path
    media_type: str
    size: int
    sha256: str
    etags: tuple[str, str]

    @classmethod
    def of(cls, path: Path, media_type: str) -> Content:
        """Read once, in the parts of an upload."""
        whole, parts, sha256 = _md5(), [], hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(PART):
                whole.update(piece)
                sha256.update(piece)
                parts.append(_md5(piece).digest())
        etags = whole.hexdigest(), f"{_md5(b''.join(parts)).hexdigest()}-{len(parts)}"
        return cls(path, media_type, path.stat().st_size, sha256.hexdigest(), etags)


class S3Shelf:
    """An S3 server."""

    def __init__(self, endpoint: str, ca: str | os.PathLike[str] | None = None) -> None:
        host = _host(endpoint)
        self._endpoint = endpoint.rstrip("/")
        self._files = _s3(self._endpoint, REGIONS.get(host, "ru-central1"), ca)

    def link(self, bucket: str, key: str) -> str:
        """The link to an object."""
        return link_to(bucket, key, self._endpoint)

    def holds(self, content: Content, bucket: str, key: str) -> bool | None:
        """Whether the object has these bytes; None if that may not be looked at."""
        with self._errors(bucket):
            try:
                found = self._files.call_s3("head_object", Bucket=bucket, Key=key)
            except FileNotFoundError:
                return False
            except PermissionError:  # who may only write is told so of everything
                return None
        if found["ContentLength"] != content.size:
            return False
        if found.get("ServerSideEncryption") == "aws:kms":  # then the ETag is no MD5
            return bool(found.get("Metadata", {}).get("sha256") == content.sha256)
        return found.get("ETag", "").strip('"') in content.etags

    def put(self, content: Content, bucket: str, key: str, shown: str | None) -> None:
        """Upload, in parts if it is large."""
        with self._errors(bucket), _bar(shown) as callback:
            self._files.put_file(
                str(content.path),
                f"{bucket}/{key}",
                callback=callback,
                chunksize=PART,
                max_concurrency=PARTS_AT_ONCE,
                ContentType=content.media_type,
                Metadata={"sha256": content.sha256},
            )

    @contextmanager
    def _errors(self, bucket: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError

        try:
            yield
        except (OSError, BotoCoreError) as error:
            raise _translated(error, bucket, self._endpoint) from None


class FolderShelf:
    """A folder that stands for the storage, as a local server has it."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = Path(root).expanduser()

    def link(self, bucket: str, key: str) -> str:
        """The link a server with this `--bucket-root` resolves to the file."""
        return link_to(bucket, key)

    def holds(self, content: Content, bucket: str, key: str) -> bool:
        """Whether the file has these bytes."""
        path = self._root / bucket / key
        return path.is_file() and Content.of(path, content.media_type).sha256 == content.sha256

    def put(self, content: Content, bucket: str, key: str, shown: str | None) -> None:
        """Copy, and appear at once as a whole."""
        import shutil

        if not (self._root / bucket).is_dir():
            raise _no_bucket(bucket, f"the folder {self._root}")
        path = self._root / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{content.sha256[:16]}-{os.getpid()}")
        shutil.copyfile(content.path, partial)
        partial.replace(path)


def _shelf(
    endpoint: str | os.PathLike[str], ca: str | os.PathLike[str] | None = None
) -> S3Shelf | FolderShelf:
    if isinstance(endpoint, str) and "://" in endpoint:
        return S3Shelf(endpoint, ca)
    return FolderShelf(endpoint)


def _host(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK_HOSTS):
        raise errors.TargetError(
            f"{endpoint!r} is no storage to upload to; it looks like {CLOUD.storage}, with http:// only for "
            f"this machine ({', '.join(LOOPBACK_HOSTS)})"
        )
    return host


def _s3(endpoint: str, region: str, ca: str | os.PathLike[str] | None) -> Any:
    """The file system of an S3 server, without the checksums that only Amazon knows."""
    try:
        import s3fs
        from aiobotocore.session import get_session
    except ImportError as error:
        raise errors.MissingExtra("uploading to Object Storage", "s3fs", "s3") from error
    config = {
        "s3": {"addressing_style": "path", "payload_signing_enabled": True},
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "connect_timeout": 10,
        "retries": {"mode": "standard", "max_attempts": 3},
    }
    options = {"region_name": get_session().get_config_variable("region") or region}
    if ca is not None:
        options["verify"] = os.fspath(Path(ca).expanduser())
    files = s3fs.S3FileSystem(
        endpoint_url=endpoint,
        client_kwargs=options,
        config_kwargs=config,
        skip_instance_cache=True,
    )
    files.retries = 1  # botocore's own are enough
    return files


@contextmanager
def _bar(name: str | None) -> Iterator[Any]:
    """A bar for an upload; none without a name or a terminal."""
    from fsspec.callbacks import NoOpCallback, TqdmCallback
    from tqdm.auto import tqdm

    if name is None:
        yield NoOpCallback()
        return
    layout = {"desc": f"uploading {name}", "unit": "B", "unit_scale": True, "disable": None, "leave": False}
    with TqdmCallback(layout, tqdm_cls=tqdm) as callback:
        yield callback


def _translated(error: Exception, bucket: str, endpoint: str) -> Exception:
    """The same in our words; what the storage says never holds a secret key."""
    from botocore import exceptions

    place = f"the storage {endpoint}"
    code = getattr(getattr(error, "__cause__", None), "response", {}).get("Error", {}).get("Code", "")
    if isinstance(error, FileNotFoundError):
        return _no_bucket(bucket, place)
    if isinstance(error, PermissionError):
        return errors.Denied(
            f"{place} lets nobody write to the bucket {bucket!r} with these credentials ({code}: {error}); "
            f"needed is {KEYS}",
            code="PERMISSION_DENIED",
            details=str(error),
        )
    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
        return errors.Unreachable(f"nobody answers at {place}: {error}", code="UNAVAILABLE")
    if isinstance(error, exceptions.BotoCoreError):
        return errors.Denied(
            f"there are no credentials for {place} ({error}); needed is {KEYS}", code="UNAUTHENTICATED"
        )
    return errors.ServiceError(f"{place} answered {code or type(error).__name__}: {error}")


def _no_bucket(bucket: str, place: str) -> errors.NotFound:
    return errors.NotFound(
        f"{place} has no bucket {bucket!r}; make it there, or name one that exists", code="NOT_FOUND"
    )


def _md5(content: bytes = b"") -> Any:
    return hashlib.md5(content, usedforsecurity=False)
