"""What a batch would send, and what it would cost, before anything is sent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..config import RecognitionConfig
from ..errors import JobUnknown, JournalError, SpeechkitError
from ..text_options import TextApi
from .client import Client
from .jobs.batch import build_item_request, find_items
from .jobs.sources import Item
from .jobs.table import billed_seconds
from .journal.record import JobRecord

DAY = 24 * 3600.0


class Estimate(NamedTuple):
    """What happens when a recording is sent with some options.

    Attributes:
        source: the recording, opened, or the link to it; as given if it cannot be sent.
        name: of the recording.
        key: the same for the same sound with the same options, which is sent once; "" if it cannot be sent.
        duration: seconds; None if it is not known before, as for a link.
        billed: seconds of audio with two channels that are billed for it; None if not known.
        earlier: the job that is used again; if there is an error too, an unknown job. Nothing is sent then.
        error: why it cannot be sent.
    """

    source: Any
    name: str
    key: str = ""
    duration: float | None = None
    billed: float | None = None
    earlier: JobRecord | None = None
    error: str = ""


def list_items(client: Client, sources: Any, format: Mapping[str, Any]) -> list[Item]:
    """The recordings of `Client.submit_many`, with all that patterns, folders and buckets have.

    Args:
        format: `sample_rate`, `encoding`, `n_channels` and `container`, as far as they are given.
    """
    return list(find_items(sources, client._submitter, format))


def estimate_job(
    client: Client,
    item: Item,
    config: RecognitionConfig,
    *,
    reuse: bool | None,
    bucket: str | None,
    format: Mapping[str, Any],
) -> Estimate:
    """What happens when a recording is sent; reads its sound for the search in the journal."""
    try:
        request = build_item_request(item, config, bucket, format)
        record = replace(request.to_record(client.service, time.time()), state="submitted")
        key = client._submitter.reuse_key(request)
        found = Estimate(request.source, request.name, key, record.duration, billed_seconds(record))
        earlier = client._submitter.find_earlier(request, reuse)
    except JobUnknown as error:
        return found._replace(earlier=error.job.record, error=str(error))
    except JournalError:
        raise
    except SpeechkitError as error:
        return Estimate(item.source, item.name, error=str(error))
    return found if earlier is None else found._replace(earlier=earlier.record)


def sum_last_day(client: Client) -> float:
    """Billed seconds of the last 24 hours in the client's folder."""
    since, folder = time.time() - DAY, client._submitter.settings.folder
    records = client.journal.records(service=client.service)
    recent = (one for one in records if one.folder == folder and (one.submitted_at or one.created_at) > since)
    return sum(billed_seconds(record) or 0.0 for record in recent)


def api_version(client: Client) -> TextApi:
    """The API that the client uses."""
    return client._api


def hours_per_day(client: Client) -> float | None:
    """Billed hours that the quota allows per day; None if there is no limit."""
    return client._submitter.settings.hours_per_day
