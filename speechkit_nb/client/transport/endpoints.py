"""Addresses of the service: the hosts of the cloud, of another region, or of another installation."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from ...errors import ConfigError, TargetError, check_type, show_value

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
PLAIN = ("grpc", "http")
TLS = ("grpcs", "https")
FORMS = (
    "connect('local') starts a recognizer on this machine, "
    "connect('grpc://127.0.0.1:50051') or connect('http://127.0.0.1:8080') uses a running one, "
    "grpcs:// and https:// are for other machines, connect() is the cloud"
)


class ServiceUrl(NamedTuple):
    """The parts of the URL of a service. No other code splits such a URL again."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted; plain text is allowed on this machine only."""
        return self.scheme in TLS

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine."""
        return self.host in LOOPBACK_HOSTS

    @property
    def grpc(self) -> bool:
        """Whether the protocol is gRPC; else it is HTTP."""
        return self.scheme in ("grpc", "grpcs")

    @property
    def netloc(self) -> str:
        """`host:port`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"


def parse_service_url(url: str) -> ServiceUrl:
    """The parts of the URL of a service.

    Raises:
        TargetError: if it is no such URL, or would send plain text to another machine.

    >>> str(parse_service_url("grpcs://STT.example.org/"))
    'grpcs://stt.example.org:443'
    """
    check_type("the address of a service", url, str, "a text", TargetError)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _make_target_error(url) from None
    default = 443 if parts.scheme in TLS else None
    extra = parts.username or parts.password or parts.query or parts.fragment
    if parts.scheme.startswith("grpc"):
        extra = extra or parts.path.strip("/")
    is_known = parts.scheme in PLAIN + TLS and url.isprintable()
    if not is_known or not host or not (port or default) or extra:
        raise _make_target_error(url)
    parsed = ServiceUrl(parts.scheme, host, port or default or 0, parts.path.rstrip("/"))
    if not parsed.tls and not parsed.loopback:
        raise TargetError(
            f"{url!r} would send audio in plain text over the network; {parts.scheme}:// is for this machine "
            f"({', '.join(LOOPBACK_HOSTS)}), use {parts.scheme}s://"
        )
    return parsed


def _make_target_error(url: str) -> TargetError:
    """The message leaves out what may be a password before the host or a signature after the path."""
    shown = url.rpartition("@")[2].partition("?")[0]
    return TargetError(f"{show_value(shown)} is not the address of a service: {FORMS}")


def read_certificates(ca: str | os.PathLike[str] | None) -> bytes | None:
    """The content of a PEM file of certificate authorities to trust in place of the usual ones.

    Raises:
        ConfigError: if it cannot be read, or contains no certificate.
    """
    if ca is None:
        return None
    check_type("ca", ca, (str, os.PathLike), "the path of a file")
    try:
        content = Path(ca).expanduser().read_bytes()
    except (OSError, ValueError) as error:  # ValueError: it is no name of a file
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"ca={show_value(os.fspath(ca))} cannot be read: {reason}") from None
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise ConfigError(f"ca={os.fspath(ca)!r} contains no certificate in PEM format")
    return content


@dataclass(frozen=True)
class Endpoints:
    """The hosts of one installation of the service, each a URL: `grpc(s)://` for gRPC, `http(s)://` for REST.

    Attributes:
        stt: v3 over gRPC.
        stt_rest: v3 over REST.
        transcribe_rest: v2 over REST.
        operation: operations over gRPC; None if there are none: then a job is polled by fetching its result.
        operation_rest: the same over REST.
        iam: the URL, with its path, where tokens are exchanged.
        storage: Object Storage.
        transcribe: v2 files over gRPC.

    Raises:
        TargetError: if one is no URL of its kind, or would send plain text to another machine.

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
        for name in (field.name for field in fields(self)):
            url = self.parsed(name)
            is_grpc = name in ("stt", "operation", "transcribe")
            if url is not None and url.grpc != is_grpc:
                scheme = "grpcs" if is_grpc else "https"
                raise TargetError(f"{name} must begin with {scheme}://, not {getattr(self, name)!r}")

    def parsed(self, name: str) -> ServiceUrl | None:
        """The endpoint of that name in its parts; None if there is none."""
        url: str | None = getattr(self, name)
        return None if url is None else parse_service_url(url)

    @property
    def loopback(self) -> bool:
        """Whether recognition runs on this machine."""
        urls = (self.parsed(name) for name in ("stt", "stt_rest", "transcribe_rest"))
        return any(url.loopback for url in urls if url)

    @classmethod
    def at(cls, url: str | ServiceUrl) -> Endpoints:
        """Everything at one host, as in the local server. Tokens are exchanged there if it is HTTP."""
        parsed = url if isinstance(url, ServiceUrl) else parse_service_url(url)
        url = str(parsed)
        if parsed.grpc:
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


Endpoints.__module__ = "speechkit_nb"  # it prints under the name that users import
