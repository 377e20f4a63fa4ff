"""From the string a user gives to a client of the service behind it."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from ..errors import TargetError
from .client import Client
from .grpc_transport import GrpcTransport
from .journal import Journal
from .waiting import LOOPBACK

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
FORMS = (
    "connect('local') starts a recognizer on this machine, "
    "connect('grpc://127.0.0.1:50051') uses a running one"
)


def connect(target: str, *, journal: str | os.PathLike[str] | None = None, **options: Any) -> Client:
    """Connect to a recognition service.

    Args:
        target: `"local"` starts the embedded recognizer in a process of its own, which ends with the
            client or the kernel; `"grpc://HOST:PORT"` is one that runs already.
        journal: file of the job ledger; by default the one of this user, see `journal.home`.
        options: of the local server, for `"local"`: `models`, `bucket_root`, `data_dir`.

    Raises:
        TargetError: if the string names no service.
        ServerError: if the local server does not start.
        JournalError: if the ledger cannot be used.
    """
    if target == "local":
        return _connect_local(Journal(journal), options)
    address = _address(target)
    if options:
        raise TargetError(f"{', '.join(options)} can be set for connect('local') only, not for {target!r}")
    hint = f". Is it running? speechkit-nb serve --grpc {address}"
    return Client(GrpcTransport(target, address, hint=hint), Journal(journal), pace=LOOPBACK)


def _connect_local(journal: Journal, options: dict[str, Any]) -> Client:
    from .local import LocalServer

    server = LocalServer(**options)
    transport = GrpcTransport("local", _address(server.target), hint=server.hint)
    return Client(transport, journal, pace=LOOPBACK, on_close=server.stop)


def _address(target: str) -> str:
    """`host:port` of a target.

    >>> _address("grpc://127.0.0.1:50051")
    '127.0.0.1:50051'
    """
    try:
        parts = urlsplit(target)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if parts.scheme != "grpc" or not host or not port or parts.path.strip("/"):
        raise TargetError(f"{target!r} names no service: {FORMS}")
    if host not in LOOPBACK_HOSTS:
        raise TargetError(
            f"{target!r} would send audio in plain text over the network; grpc:// is for this machine "
            f"({', '.join(LOOPBACK_HOSTS)})"
        )
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
