"""One session of a stream over gRPC: requests go out as they are made, answers come in as bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc

from ...errors import ServiceError
from ...wire import Method


class GrpcStream:
    """Iterates over the serialized answers; made by a transport.

    Args:
        channel: of the service.
        method: which is called.
        requests: what is sent; taken by a thread of gRPC.
        metadata: of the call.
        translate: the error that a failure of gRPC is.
    """

    def __init__(
        self,
        channel: grpc.Channel,
        method: Method,
        requests: Iterator[Any],
        metadata: list[tuple[str, str]],
        translate: Callable[[grpc.RpcError], ServiceError],
    ) -> None:
        make = channel.stream_stream(method.path, method.request.SerializeToString)  # answers stay bytes
        self._call = make(requests, metadata=metadata)
        self._translate = translate

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._call
        except grpc.RpcError as error:
            raise self._translate(error) from None

    def cancel(self) -> None:
        """End it at once; what the service still has to say is lost."""
        self._call.cancel()
