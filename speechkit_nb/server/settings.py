"""The settings of the server, and the check whether they are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import MODELS
from ..errors import ServerError
from .engines.base import EngineSpec
from .engines.registry import parse_engine
from .operations.store import KEEP_SECONDS
from .ports import Address, check_certificate
from .recognition.streaming import StreamLimits

DEFAULT_MODELS = dict.fromkeys(MODELS, "pocketsphinx")
TOKEN_SECONDS = 12 * 3600.0
PATHS = ("bucket_root", "data_dir", "tls_cert", "tls_key", "iam_public_key")


@dataclass(frozen=True)
class ServerSettings:
    """Settings of the local server.

    Attributes:
        grpc: address of the gRPC services, `HOST:PORT`; port 0 takes a free one.
        rest: address of the REST API, likewise; None: no REST.
        models: model name -> `ENGINE[:ARG]`; standard names that are left out keep the embedded recognizer.
        bucket_root: folder whose files `BUCKET/KEY` stand for Object Storage links.
        data_dir: folder where operations survive a restart; several servers may share it. None: they are kept
            in memory.
        workers: number of processes that recognize; None: as many as there are processors, at most two.
        api_key: keys of a service account; with one or more, every call needs a key, or a token that this
            server issued.
        tls_cert, tls_key: files in PEM form; with them gRPC and REST use TLS.
        faults: failures on demand, see `testing.faults`.
        stop_with_stdin: stop when standard input ends, or when the process that started this one is gone.
        lease_seconds: how long after its last heartbeat a server keeps its operations.
        keep_seconds: how long results are kept.
        iam_public_key: file of the public key that verifies requests for tokens, see `testing.iam`.
        oauth_token: OAuth tokens that can be exchanged for the token of a user.
        vm_metadata: whether REST issues tokens to every caller, as the metadata service of a virtual
            machine does.
        token_seconds: how long a token is valid.
        streams: limits of a streaming session.

    Raises:
        ServerError: if a key is empty.

    >>> list(ServerSettings(models={"mine": "pocketsphinx"}).engines())[-2:]
    ['deferred-general:deprecated', 'mine']
    """

    grpc: str = "127.0.0.1:50051"
    rest: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    bucket_root: Path | None = None
    data_dir: Path | None = None
    workers: int | None = None
    api_key: tuple[str, ...] = field(default=(), repr=False)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    faults: tuple[str, ...] = ()
    stop_with_stdin: bool = False
    lease_seconds: float = 5.0
    keep_seconds: float = KEEP_SECONDS
    iam_public_key: Path | None = None
    oauth_token: tuple[str, ...] = field(default=(), repr=False)
    vm_metadata: bool = False
    token_seconds: float = TOKEN_SECONDS
    streams: StreamLimits = field(default_factory=StreamLimits)

    @classmethod
    def of(cls, **options: Any) -> ServerSettings:
        """Settings from command line options: paths may be texts, `streams` a mapping; None: default.

        >>> ServerSettings.of(data_dir="operations", bucket_root=None).data_dir.name
        'operations'
        >>> ServerSettings.of(api_key="one").api_key
        ('one',)
        """
        given = {name: value for name, value in options.items() if value is not None}
        for name in PATHS:
            if name in given:
                given[name] = Path(given[name]).expanduser()
        for name in ("api_key", "oauth_token"):
            if name in given:
                given[name] = (given[name],) if isinstance(given[name], str) else tuple(given[name])
        if isinstance(given.get("streams"), Mapping):
            given["streams"] = StreamLimits(**given["streams"])
        return cls(**given)

    def __post_init__(self) -> None:
        if not all(key.strip() for key in self.api_key):
            raise ServerError("an --api-key is empty; leave the option out for a server without keys")

    @property
    def uses_testing(self) -> bool:
        """Whether something is switched on that only tests and demonstrations need."""
        return bool(self.faults or self.iam_public_key or self.oauth_token or self.vm_metadata)

    def engines(self) -> dict[str, EngineSpec]:
        """Model name -> engine."""
        return {name: parse_engine(text) for name, text in {**DEFAULT_MODELS, **self.models}.items()}

    def addresses(self) -> tuple[Address, Address | None]:
        """The addresses of gRPC and REST.

        Raises:
            ServerError: if a text is no address, or other machines could reach it without TLS and a key.
        """
        grpc, rest = Address.parse(self.grpc), Address.parse(self.rest) if self.rest else None
        for address in (grpc, rest):
            if address and not address.is_loopback and not (self.api_key and self.tls()):
                raise ServerError(
                    f"'{address}' can be reached from other machines, and there is no TLS and no key; give "
                    "--tls-cert, --tls-key and --api-key, or use 127.0.0.1 and an SSH tunnel to it"
                )
        return grpc, rest

    def tls(self) -> tuple[Path, Path] | None:
        """The files of certificate and key; None: no TLS.

        Raises:
            ServerError: if there is only one of them, or they are no certificate and its key.
        """
        if self.tls_cert is None and self.tls_key is None:
            return None
        if self.tls_cert is None or self.tls_key is None:
            raise ServerError("TLS needs both, --tls-cert and --tls-key")
        check_certificate(self.tls_cert, self.tls_key)
        return self.tls_cert, self.tls_key
