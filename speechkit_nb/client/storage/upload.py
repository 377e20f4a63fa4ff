"""Uploads to Object Storage: a recording that is too large for a request is uploaded and sent as a link."""

from __future__ import annotations

import os
from typing import Any

from ...audio import Recording, encode_to_file
from ...errors import ServiceError
from ..transport.endpoints import CLOUD
from .backends import Content, open_storage
from .links import check_names, make_object_name

CONTENT_TYPES = {
    "WAV": "audio/wav",
    "OGG_OPUS": "audio/ogg",
    "MP3": "audio/mpeg",
    "LINEAR16_PCM": "audio/x-pcm",
}


def upload_recording(
    source: Any,
    bucket: str,
    key: str | None = None,
    *,
    endpoint: str | os.PathLike[str] | None = CLOUD.storage,
    header: bool = True,
    progress: bool = True,
    ca: str | os.PathLike[str] | None = None,
) -> str:
    """Upload a recording and return its link, by which the service finds it.

    A recording that the service does not accept is converted first. An object that already has the same
    content is not sent again. Credentials are found as by every S3 program: in the variables
    AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in the profile of AWS_PROFILE in ~/.aws.

    Args:
        source: path, bytes of an audio file, or `Recording`.
        bucket: its name; it must exist.
        key: name of the object; default: made from the content and the name of the recording, so that two
            recordings never overwrite each other.
        endpoint: URL of the storage, or the folder that replaces it (`--bucket-root` of a local server).
        header: whether samples are uploaded as WAV; API v2 accepts them only without a header.
        progress: whether to show a progress bar.
        ca: PEM file of the authorities to trust in place of the usual ones.

    Raises:
        MissingExtra: if the packages of the extra `s3` are not installed.
        ConfigError: if the name of the bucket or the key is not possible.
        AudioError, LimitError: if the service would not accept the recording.
        Denied, NotFound, Unreachable: wrong credentials, no such bucket, no connection.
    """
    recording = source if isinstance(source, Recording) else Recording(source)
    check_names(bucket, key)
    storage = open_storage(endpoint, ca)
    with encode_to_file(recording, header) as (path, container):
        content = Content.read(path, CONTENT_TYPES[container])
        key = key or f"{content.sha256[:16]}/{make_object_name(recording, container)}"
        if storage.contains(content, bucket, key):
            return storage.link(bucket, key)
        storage.put(content, bucket, key, recording.id if progress else None)
        if storage.contains(content, bucket, key) is False:
            raise ServiceError(
                f"{key!r} in the bucket {bucket!r} is not what was uploaded: the checksums differ. Upload it "
                "again, and make sure that no other program writes there",
                code="DATA_LOSS",
            )
        return storage.link(bucket, key)
