"""How the server is set up, and whether that may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ServerError
from . import engines
from .engines.base import EngineSpec
from .operations.store import KEEP_SECONDS
from .ports import Address, check_certificate
from .recognition.options import DEFAULT_MODEL
from .recognition.streaming import StreamLimits

DEFAULT_MODELS = dict.fromkeys((DEFAULT_MODEL, "general:rc", "deferred-general"), "pocketsphinx")
TOKEN_SECONDS = 12 * 3600.0
PATHS = ("bucket_root", "data_dir", "tls_cert", "tls_key", "iam_public_key")


@dataclass(frozen=True)
class ServerSettings:
    """How the local server is set up.

    Attributes:
        grpc: address of the gRPC services, `HOST:PORT`; port 0 takes a free one.
        rest: address of the REST API, likewise; None for no REST.
        models: `ENGINE[:ARG]` of model names; names that are not given keep the embedded recognizer.
        bucket_root: folder of `BUCKET/KEY` behind Object Storage links.
        data_dir: where operations are kept over a restart, and may be shared by several servers; None keeps
            them in memory.
        workers: processes that recognize; None takes as many as there are processors, at most two.
        api_key: keys of a service account; with one or more every call needs a key, or a token of this
            server's own IAM endpoint.
        tls_cert, tls_key: files in PEM form; with them all doors speak TLS.
        faults: failures to show, see `faults`.
        stop_with_stdin: end when standard input does, or the process that started this one is gone.
        lease_seconds: how long after its last sign of life a server's operations are its own.
        keep_seconds: how long results are kept.
        iam_public_key: file whose private half signs requests for tokens, see `iam`.
        oauth_token: what can be exchanged for a token of a user.
        vm_metadata: whether the REST door hands out tokens to everybody, as the metadata service of a
            virtual machine does.
        token_seconds: how long a token is good for.
        streams: what a live session is held to; a mapping of its fields will do.

    Raises:
        ServerError: if a key is empty.

    >>> [name for name in ServerSettings(models={"mine": "pocketsphinx"}).engines()]
    ['general', 'general:rc', 'deferred-general', 'mine']
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
        """The same from the options of a command line: paths may be texts, and None takes the default.

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

    def engines(self) -> dict[str, EngineSpec]:
        """The engine of each model."""
        return {name: engines.parse(text) for name, text in {**DEFAULT_MODELS, **self.models}.items()}

    def addresses(self) -> tuple[Address, Address | None]:
        """Where gRPC and REST listen.

        Raises:
            ServerError: if one is no address, or other machines could reach it without TLS and a key.
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
        """The files of certificate and key; None for plain text.

        Raises:
            ServerError: if there is only one, or they are no such files.
        """
        if self.tls_cert is None and self.tls_key is None:
            return None
        if self.tls_cert is None or self.tls_key is None:
            raise ServerError("TLS needs both, --tls-cert and --tls-key")
        check_certificate(self.tls_cert, self.tls_key)
        return self.tls_cert, self.tls_key
