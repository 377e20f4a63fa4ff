"""Connections for HTTP on which a call has a time limit as a whole.

The timeouts of HTTP libraries are for one wait each, so that a server that sends one byte per second is read
for ever. Here each wait ends with the `time_limit` of the call.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from ..clock import time_left

PIECE = 64 * 1024
"""Bytes that are sent at once, so that a server that reads slowly cannot hold a call."""


class TimedTransport(httpx.HTTPTransport):
    """The transport of httpx, over connections that keep the time limit of a call."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pool._network_backend = _TimedBackend()  # httpx has no option for it


class _TimedBackend(httpcore.SyncBackend):
    """Opens connections; of the addresses of a host the first that accepts is used."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label of the name is too long
            raise httpcore.ConnectError(str(error)) from error
        refusal = httpcore.ConnectError(f"{host} has no address")
        for *_, address in found:
            seconds = _limit(timeout, httpcore.ConnectTimeout)
            try:
                opened = super().connect_tcp(str(address[0]), port, seconds, local_address, socket_options)
            except httpcore.ConnectError as error:
                refusal = error
            else:
                return _TimedStream(opened)
        raise refusal


class _TimedStream(httpcore.NetworkStream):
    """A connection, on which each wait ends with the time limit of the call."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _limit(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for at in range(0, len(buffer), PIECE):
            self._stream.write(buffer[at : at + PIECE], _limit(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = _limit(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, seconds))


def _limit(timeout: float | None, kind: type[httpcore.TimeoutException]) -> float:
    """Seconds for one wait; raises an error of that kind if the time is up."""
    seconds = time_left(float("inf") if timeout is None else timeout)
    if seconds <= 0:
        raise kind("the time is up")
    return seconds
