"""Where recordings are uploaded to: an S3 server, or a folder that replaces it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ... import errors
from ...errors import make_encodable
from ...paths import write_atomically
from ..transport.endpoints import CLOUD, LOOPBACK_HOSTS, ServiceUrl, parse_service_url
from .links import make_link

PART_SIZE = 8 * 1024 * 1024
PARTS_AT_ONCE = 4
CALL_DEADLINE = 60.0
"""Seconds for one call to the storage, with its retries."""
SLOWEST = 50_000
"""Bytes per second of the slowest upload that is waited for."""
REGIONS = {"storage.yandexcloud.net": "ru-central1", "storage.yandexcloud.kz": "kz1"}
CREDENTIALS = (
    "they must be a static key of a service account with the role {role}, in AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY or in ~/.aws/credentials"
)


class Content(NamedTuple):
    """A file and its checksums.

    Attributes:
        etags: the possible ETags in S3: the MD5 of the file, or of the MD5s of its parts.
    """

    path: Path
    media_type: str
    size: int
    sha256: str
    etags: tuple[str, str]

    @classmethod
    def read(cls, path: Path, media_type: str) -> Content:
        """Compute all checksums in one pass, in the parts of an upload."""
        whole, parts, sha256 = _md5(), [], hashlib.sha256()
        with path.open("rb") as file:
            while part := file.read(PART_SIZE):
                whole.update(part)
                sha256.update(part)
                parts.append(_md5(part).digest())
        etags = whole.hexdigest(), f"{_md5(b''.join(parts)).hexdigest()}-{len(parts)}"
        return cls(path, media_type, path.stat().st_size, sha256.hexdigest(), etags)


class StoredObject(NamedTuple):
    """The name of an object, and a text that changes with its content."""

    key: str
    version: str


class Storage(Protocol):
    """A storage of objects in buckets."""

    def link(self, bucket: str, key: str) -> str:
        """The link to an object."""

    def contains(self, content: Content, bucket: str, key: str) -> bool | None:
        """Whether the object exists with this content; None if the credentials do not allow to read it."""

    def put(self, content: Content, bucket: str, key: str, name: str | None) -> None:
        """Upload; `name` is shown with a progress bar, None shows no bar."""

    def find(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        """All objects whose names begin with `prefix`, sorted by name; they are listed as they are needed."""


class S3Storage:
    """An S3 server."""

    def __init__(self, url: ServiceUrl, endpoint: str, ca: str | os.PathLike[str] | None = None) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._files = _open_s3(self._endpoint, REGIONS.get(url.host, "ru-central1"), ca)

    def link(self, bucket: str, key: str) -> str:
        return make_link(bucket, key, self._endpoint)

    def contains(self, content: Content, bucket: str, key: str) -> bool | None:
        with self._translate_errors(bucket):
            try:
                head = self._files.call_s3("head_object", Bucket=bucket, Key=key, timeout=CALL_DEADLINE)
            except FileNotFoundError:
                return False
            except PermissionError:  # with write access only, every object is reported so
                return None
        if head.get("ContentLength") != content.size:
            return False
        if head.get("ServerSideEncryption") == "aws:kms":  # then the ETag is no MD5
            return bool(head.get("Metadata", {}).get("sha256") == content.sha256)
        return head.get("ETag", "").strip('"') in content.etags

    def put(self, content: Content, bucket: str, key: str, name: str | None) -> None:
        with self._translate_errors(bucket), _show_bar(name) as callback:
            self._files.put_file(
                str(content.path),
                f"{bucket}/{key}",
                timeout=CALL_DEADLINE + content.size / SLOWEST,  # of fsspec: for the whole upload
                callback=callback,
                chunksize=PART_SIZE,
                max_concurrency=PARTS_AT_ONCE,
                ContentType=content.media_type,
                Metadata={"sha256": content.sha256},
            )

    def find(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        page: dict[str, Any] = {"NextContinuationToken": None}
        while "NextContinuationToken" in page:  # the storage sends a thousand objects at a time
            token = page["NextContinuationToken"]
            more = {} if token is None else {"ContinuationToken": token}
            with self._translate_errors(bucket, "storage.viewer"):
                page = self._files.call_s3(
                    "list_objects_v2", Bucket=bucket, Prefix=prefix, timeout=CALL_DEADLINE, **more
                )
            for found in page.get("Contents", ()):
                yield StoredObject(found["Key"], found.get("ETag") or str(found.get("LastModified")))

    @contextmanager
    def _translate_errors(self, bucket: str, role: str = "storage.uploader") -> Iterator[None]:
        from botocore.exceptions import BotoCoreError

        try:
            yield
        except (OSError, BotoCoreError) as error:
            raise _translate(error, bucket, self._endpoint, role) from None


class LocalStorage:
    """A folder that replaces the storage, as for a local server."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = Path(root).expanduser()

    def link(self, bucket: str, key: str) -> str:
        """The link for which a server with this `--bucket-root` reads the file."""
        return make_link(bucket, key)

    def contains(self, content: Content, bucket: str, key: str) -> bool:
        path = self._root / bucket / key
        with self._translate_errors():
            return path.is_file() and Content.read(path, content.media_type).sha256 == content.sha256

    def put(self, content: Content, bucket: str, key: str, name: str | None) -> None:
        path = self._find_bucket(bucket) / key
        with self._translate_errors(), write_atomically(path) as unfinished:
            shutil.copyfile(content.path, unfinished)

    def find(self, bucket: str, prefix: str) -> Iterator[StoredObject]:
        folder = self._find_bucket(bucket)
        with self._translate_errors():
            yield from _walk(folder, "", prefix)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise errors.ServiceError(f"the folder {self._root} cannot be used: {error.strerror}") from None

    def _find_bucket(self, bucket: str) -> Path:
        folder = self._root / bucket
        if not folder.is_dir():
            raise _make_bucket_error(bucket, f"the folder {self._root}")
        return folder


def _walk(folder: Path, above: str, prefix: str) -> Iterator[StoredObject]:
    """The files below a folder whose names begin with `prefix`, in the order in which S3 lists them.

    Args:
        above: the name of the folder in its bucket, with `/` at its end.
    """
    found = {entry.name + "/" * entry.is_dir(follow_symlinks=False): entry for entry in os.scandir(folder)}
    for name in sorted(found):
        key, entry = above + name, found[name]
        if name.endswith("/"):
            if key.startswith(prefix) or prefix.startswith(key):
                yield from _walk(folder / entry.name, key, prefix)
        elif key.startswith(prefix) and entry.is_file():
            status = entry.stat()
            yield StoredObject(make_encodable(key), f"{status.st_size} {status.st_mtime_ns}")


def open_storage(
    endpoint: str | os.PathLike[str] | None, ca: str | os.PathLike[str] | None = None
) -> Storage:
    """The storage of a URL, or of a folder.

    Raises:
        ConfigError: if there is no storage.
        TargetError: if the URL is not possible, or would send plain text to another machine.
    """
    if endpoint is None:
        raise errors.ConfigError(
            "a recognizer on this machine has no buckets in the cloud: connect(..., bucket_root=DIR) names a "
            "folder, that of its --bucket-root, in which DIR/BUCKET/KEY is the object"
        )
    if not (isinstance(endpoint, str) and "://" in endpoint):
        return LocalStorage(endpoint)
    try:
        url = parse_service_url(endpoint)
    except errors.TargetError:
        url = None
    if url is None or url.grpc:
        raise errors.TargetError(
            f"{endpoint!r} is no storage to upload to; it looks like {CLOUD.storage}, with "
            f"http://HOST:PORT only for this machine ({', '.join(LOOPBACK_HOSTS)})"
        )
    return S3Storage(url, endpoint, ca)


def _open_s3(endpoint: str, region: str, ca: str | os.PathLike[str] | None) -> Any:
    """The file system of an S3 server, without the checksums that only Amazon supports."""
    try:
        import s3fs
        from aiobotocore.session import get_session
    except ImportError as error:
        raise errors.MissingExtra("the use of Object Storage", "s3fs", "s3") from error
    config = {
        "s3": {"addressing_style": "path", "payload_signing_enabled": True},
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "connect_timeout": 10,
        "retries": {"mode": "standard", "max_attempts": 3},
    }
    session = get_session()
    session.register_component("data_loader", _get_loader(session.get_config_variable("data_path")))
    options = {"region_name": session.get_config_variable("region") or region}
    if ca is not None:
        options["verify"] = os.fspath(Path(ca).expanduser())
    files = s3fs.S3FileSystem(
        endpoint_url=endpoint,
        session=session,
        client_kwargs=options,
        config_kwargs=config,
        skip_instance_cache=True,
    )
    files.retries = 1  # botocore retries already
    return files


@cache
def _get_loader(folders: str | None) -> Any:
    """Reads the description of S3, of 2 MB, once for all uploads; credentials are not shared."""
    from botocore.loaders import create_loader

    return create_loader(folders)


@contextmanager
def _show_bar(name: str | None) -> Iterator[Any]:
    """A progress bar for an upload; no bar without a name or a terminal."""
    from fsspec.callbacks import NoOpCallback, TqdmCallback
    from tqdm.auto import tqdm

    if name is None:
        yield NoOpCallback()
        return
    layout = {"desc": f"uploading {name}", "unit": "B", "unit_scale": True, "disable": None, "leave": False}
    with TqdmCallback(layout, tqdm_cls=tqdm) as callback:
        yield callback


def _translate(error: Exception, bucket: str, endpoint: str, role: str) -> Exception:
    """An error of the toolkit; messages of the storage never contain a secret key."""
    from botocore import exceptions

    needed = CREDENTIALS.format(role=role)
    storage = f"the storage {endpoint}"
    code = getattr(getattr(error, "__cause__", None), "response", {}).get("Error", {}).get("Code", "")
    if isinstance(error, FileNotFoundError):
        return _make_bucket_error(bucket, storage)
    if isinstance(error, PermissionError):
        return errors.Denied(
            f"{storage} does not allow these credentials to use the bucket {bucket!r} ({code}: {error})"
            f"; {needed}",
            code="PERMISSION_DENIED",
            details=str(error),
        )
    if isinstance(error, TimeoutError):
        return errors.NoAnswer(f"{storage} did not answer in time", code="DEADLINE_EXCEEDED")
    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
        return errors.Unreachable(f"cannot connect to {storage}: {error}", code="UNAVAILABLE")
    if isinstance(error, exceptions.BotoCoreError):
        return errors.Denied(
            f"there are no credentials for {storage} ({error}); {needed}",
            code="UNAUTHENTICATED",
        )
    return errors.ServiceError(f"{storage} answered {code or type(error).__name__}: {error}")


def _make_bucket_error(bucket: str, storage: str) -> errors.NotFound:
    return errors.NotFound(
        f"{storage} has no bucket {bucket!r}; create it there, or name one that exists", code="NOT_FOUND"
    )


def _md5(content: bytes = b"") -> Any:
    return hashlib.md5(content, usedforsecurity=False)
