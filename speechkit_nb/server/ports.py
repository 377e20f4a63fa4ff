"""Addresses to listen at, and the check of certificates."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from pathlib import Path
from typing import NamedTuple

from ..errors import ServerError

BACKLOG = 128


class Address(NamedTuple):
    """Where to listen; its text is `HOST:PORT`, with brackets around a host that has colons.

    >>> str(Address("::1", 50051))
    '[::1]:50051'
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `HOST:PORT`.

        Raises:
            ServerError: if the text is no address.

        >>> Address.parse("127.0.0.1:0")
        Address(host='127.0.0.1', port=0)
        """
        host, _, port = text.rpartition(":")
        host = host.strip("[]")
        if not host or not port.isdecimal() or len(port) > 5 or int(port) > 65535:
            raise ServerError(
                f"{text!r} is no address; it looks like 127.0.0.1:50051, port 0 takes a free one"
            )
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def public(self) -> Address:
        """The address for callers: with the name of this machine if the server listens at all addresses."""
        return Address(socket.gethostname(), self.port) if self.host in ("0.0.0.0", "::") else self


def listen(address: Address) -> socket.socket:
    """A socket that listens at an address; for port 0 the system chooses a free port.

    Raises:
        ServerError: if the port is in use, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # asyncio switches off Nagle's delay (40 ms per answer) only if the socket names the protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # on Windows this would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except (OSError, UnicodeError) as error:  # UnicodeError: no name of a host
        listener.close()
        raise listen_error(address) from error
    return listener


def listen_error(address: Address) -> ServerError:
    """The error for an address where the server cannot listen."""
    return ServerError(
        f"cannot listen at {address}: the port is in use, or the address is not of this machine; "
        "port 0 takes a free one"
    )


def check_certificate(cert: Path, key: Path) -> None:
    """Check the files before a server uses them.

    Raises:
        ServerError: if they are no certificate and its key in PEM form.
    """
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key, password="")
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise ServerError(f"{cert} and {key} are no certificate and its key in PEM form: {error}") from error
