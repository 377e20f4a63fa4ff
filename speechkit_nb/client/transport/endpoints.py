"""Where the services are: the cloud's hosts, another region's, or one's own."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from ...errors import ConfigError, TargetError

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
PLAIN = ("grpc", "http")
TLS = ("grpcs", "https")
FORMS = (
    "connect('local') starts a recognizer on this machine, "
    "connect('grpc://127.0.0.1:50051') or connect('http://127.0.0.1:8080') uses a running one, "
    "grpcs:// and https:// are for other machines, connect() is the cloud"
)


class Address(NamedTuple):
    """The parts of a service's URL."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted; plain text is for this machine only."""
        return self.scheme in TLS

    @property
    def loopback(self) -> bool:
        """Whether it is this machine."""
        return self.host in LOOPBACK_HOSTS

    @property
    def netloc(self) -> str:
        """`host:port`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(url: str) -> Address:
    """The parts of a service's URL.

    Raises:
        TargetError: if it names no service, or plain text would leave this machine.

    >>> address("grpcs://stt.example.org").netloc
    'stt.example.org:443'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise TargetError(f"{_shown(url)} names no service: {FORMS}") from None
    default = 443 if parts.scheme in TLS else None
    extra = parts.username or parts.password or parts.query or parts.fragment
    if parts.scheme.startswith("grpc"):
        extra = extra or parts.path.strip("/")
    if parts.scheme not in PLAIN + TLS or not host or not (port or default) or extra:
        raise TargetError(f"{_shown(url)} names no service: {FORMS}")
    found = Address(parts.scheme, host, port or default or 0, parts.path.rstrip("/"))
    if not found.tls and not found.loopback:
        raise TargetError(
            f"{url!r} would send audio in plain text over the network; {parts.scheme}:// is for this machine "
            f"({', '.join(LOOPBACK_HOSTS)}), use {parts.scheme}s://"
        )
    return found


def _shown(url: str) -> str:
    """The URL without what may be a password before its host or a signature after its path."""
    return repr(url.rpartition("@")[2].partition("?")[0])


def certificates(ca: str | os.PathLike[str] | None) -> bytes | None:
    """The PEM file of the authorities that are trusted in place of the usual ones.

    Raises:
        ConfigError: if it cannot be read, or holds no certificate.
    """
    if ca is None:
        return None
    try:
        found = Path(ca).expanduser().read_bytes()
    except OSError as error:
        raise ConfigError(f"ca={os.fspath(ca)!r} cannot be read: {error.strerror}") from None
    if b"-----BEGIN CERTIFICATE-----" not in found:
        raise ConfigError(f"ca={os.fspath(ca)!r} holds no certificate in PEM form")
    return found


@dataclass(frozen=True)
class Endpoints:
    """The hosts of one installation of the service, each a URL: `grpc(s)://` for gRPC, `http(s)://` for REST.

    Attributes:
        stt: v3 over gRPC.
        stt_rest: v3 over REST.
        transcribe_rest: v2 over REST.
        operation: operations over gRPC; None where there are none: then a job is asked after by its result.
        operation_rest: the same over REST.
        iam: where tokens are exchanged, with its path.
        storage: Object Storage.
        transcribe: v2 files over gRPC.

    Raises:
        TargetError: if one is no URL, or plain text would leave this machine.

    >>> Endpoints.at("http://127.0.0.1:8080").iam
    'http://127.0.0.1:8080/iam/v1/tokens'
    """

    stt: str | None = None
    stt_rest: str | None = None
    transcribe_rest: str | None = None
    operation: str | None = None
    operation_rest: str | None = None
    iam: str = "https://iam.api.cloud.yandex.net/iam/v1/tokens"
    storage: str = "https://storage.yandexcloud.net"
    transcribe: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            url = getattr(self, field.name)
            if url is None:
                continue
            grpc = field.name in ("stt", "operation", "transcribe")
            if (address(url).scheme in ("grpc", "grpcs")) != grpc:
                wanted = "grpcs://" if grpc else "https://"
                raise TargetError(f"{field.name}={url!r}, but it begins with {wanted}")

    @property
    def loopback(self) -> bool:
        """Whether recognition is on this machine."""
        return any(address(url).loopback for url in (self.stt, self.stt_rest, self.transcribe_rest) if url)

    @classmethod
    def at(cls, url: str) -> Endpoints:
        """Everything at one host, as the local server has it. Tokens are exchanged there, if it is HTTP."""
        found = address(url)
        url = f"{found.scheme}://{found.netloc}{found.path}"
        if found.scheme in ("grpc", "grpcs"):
            return cls(stt=url, operation=url, transcribe=url)
        return cls(stt_rest=url, transcribe_rest=url, operation_rest=url, iam=f"{url}/iam/v1/tokens")


CLOUD = Endpoints(
    stt="grpcs://stt.api.cloud.yandex.net:443",
    stt_rest="https://stt.api.cloud.yandex.net",
    transcribe_rest="https://transcribe.api.cloud.yandex.net",
    operation="grpcs://operation.api.cloud.yandex.net:443",
    operation_rest="https://operation.api.cloud.yandex.net",
    transcribe="grpcs://transcribe.api.cloud.yandex.net:443",
)
KAZAKHSTAN = Endpoints(
    stt="grpcs://stt.api.ml.yandexcloud.kz:443",
    stt_rest="https://stt.api.ml.yandexcloud.kz",
    iam="https://iam.api.yandexcloud.kz/iam/v1/tokens",
    storage="https://storage.yandexcloud.kz",
)
