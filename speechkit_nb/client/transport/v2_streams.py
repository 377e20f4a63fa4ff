"""Streams of API v2, with the messages of v3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...wire import V2Stream, config_to_v2


class V2Streamer:
    """Opens sessions of `SttService`.

    Args:
        wire: a transport that can stream v2.
        folder_id: only for accounts of people.
    """

    def __init__(self, wire: Any, folder_id: str | None) -> None:
        self.name, self.renew = wire.name, wire.renew
        self._wire, self._folder_id = wire, folder_id

    def check(self, options: Any) -> None:
        """Raises ConfigError if `StreamingOptions` ask for something that v2 cannot do."""
        config_to_v2(options, self._folder_id)

    def stream(self, requests: Iterator[Any], request_id: str) -> V2Session:
        """Open a session with v3 `StreamingRequest`s; answers with serialized v3 messages."""
        turned = V2Stream(self._folder_id)
        return V2Session(turned, self._wire.stream_v2(turned.requests(requests), request_id))


class V2Session:
    """One session on its way."""

    def __init__(self, turned: V2Stream, call: Any) -> None:
        self._turned, self._call = turned, call
        self.cancel = call.cancel

    def __iter__(self) -> Iterator[bytes]:
        return self._turned.messages(self._call)
