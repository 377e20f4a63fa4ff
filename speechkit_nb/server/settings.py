"""The settings of the server, and the check whether they are allowed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from ..config import MODELS
from ..errors import ServerError, check_number, check_type, show_value, suggest
from .engines.base import EngineSpec
from .engines.registry import is_installed, parse_engine
from .operations.store import KEEP_SECONDS
from .ports import Address, check_certificate
from .recognition.options import DEFAULT_MODEL
from .recognition.streaming import StreamLimits

TOKEN_SECONDS = 12 * 3600.0
PATHS = ("bucket_root", "data_dir", "tls_cert", "tls_key", "iam_public_key")
SECRETS = ("api_key", "bearer_token", "oauth_token")
NUMBERS = {
    "workers": (1, 1000),
    "lease_seconds": (0.01, 1e6),
    "keep_seconds": (0.01, 1e9),
    "token_seconds": (0.01, 1e9),
}
Made = TypeVar("Made")


@dataclass(frozen=True)
class ServerSettings:
    """Settings of the local server.

    Attributes:
        grpc: address of the gRPC services, `HOST:PORT`; port 0 takes a free one.
        rest: address of the REST API, likewise; None: no REST.
        models: model name -> `ENGINE[:ARG]`. Standard names that are left out have the embedded recognizer,
            pocketsphinx, and for the languages that it does not know the model of `whisper`. Where
            pocketsphinx is not installed, they have that model, the engine of `general`, or whisper.
        whisper: model of whisper: a folder, or a name such as `small`, which is fetched once.
        bucket_root: folder whose files `BUCKET/KEY` stand for Object Storage links.
        data_dir: folder where operations survive a restart; several servers may share it. None: they are
            kept in a temporary file.
        workers: number of processes that recognize; None: as many as there are processors, at most two.
        api_key: keys of a service account; with one or more, every call needs a key or a token.
        bearer_token: IAM tokens of the service account that are accepted besides those that are issued.
        tls_cert, tls_key: files in PEM form; with them gRPC and REST use TLS.
        faults: failures on demand, see `testing.faults`.
        stop_with_stdin: stop when standard input ends, or when the process that started this one is gone.
        lease_seconds: how long after its last heartbeat a server keeps its operations.
        keep_seconds: how long results are kept.
        iam: whether REST has an IAM endpoint; without a key and tokens for it, it accepts every OAuth token.
        iam_public_key: file of the public key that verifies requests for tokens, see `testing.iam`.
        oauth_token: OAuth tokens that can be exchanged for the token of a user.
        vm_metadata: whether REST issues tokens to every caller, as the metadata service of a virtual
            machine does.
        token_seconds: how long a token is valid.
        streams: limits of a streaming session.

    Raises:
        ServerError: if a setting has a wrong type, or a key is empty.

    >>> list(ServerSettings(models={"mine": "pocketsphinx"}).engines())[-2:]
    ['deferred-general:deprecated', 'mine']
    >>> [str(spec) for spec in ServerSettings(whisper="small").engines()["general"]]
    ['pocketsphinx', 'whisper:small']
    """

    grpc: str = "127.0.0.1:50051"
    rest: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    whisper: str | None = None
    bucket_root: Path | None = None
    data_dir: Path | None = None
    workers: int | None = None
    api_key: tuple[str, ...] = field(default=(), repr=False)
    bearer_token: tuple[str, ...] = field(default=(), repr=False)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    faults: tuple[str, ...] = ()
    stop_with_stdin: bool = False
    lease_seconds: float = 5.0
    keep_seconds: float = KEEP_SECONDS
    iam: bool = False
    iam_public_key: Path | None = None
    oauth_token: tuple[str, ...] = field(default=(), repr=False)
    vm_metadata: bool = False
    token_seconds: float = TOKEN_SECONDS
    streams: StreamLimits = field(default_factory=StreamLimits)

    @classmethod
    def of(cls, **options: Any) -> ServerSettings:
        """Settings from command line options; None stands for the default.

        Paths may be texts, and `streams` a mapping. A key or token `@FILE` stands for the lines of that file.

        Raises:
            ServerError: if there is no such option, or its value is wrong.

        >>> ServerSettings.of(data_dir="operations", bucket_root=None).data_dir.name
        'operations'
        >>> ServerSettings.of(api_key="one").api_key
        ('one',)
        """
        given = {name: value for name, value in options.items() if value is not None}
        for name in PATHS:
            if isinstance(given.get(name), str):
                given[name] = Path(given[name]).expanduser()
        for name in ("faults", *SECRETS):
            if isinstance(given.get(name), str | list):
                given[name] = (given[name],) if isinstance(given[name], str) else tuple(given[name])
        for name in SECRETS:
            given[name] = tuple(_read_secrets(name, given.get(name, ())))
        if isinstance(given.get("streams"), Mapping):
            given["streams"] = _make(StreamLimits, given["streams"])
        return _make(cls, given)

    def __post_init__(self) -> None:
        check_type("grpc", self.grpc, str, "a text such as '127.0.0.1:50051'", ServerError)
        if self.rest is not None:
            check_type("rest", self.rest, str, "a text such as '127.0.0.1:8080'", ServerError)
        check_type("models", self.models, Mapping, "a mapping from model names to engines", ServerError)
        for text in (*self.models, *self.models.values()):
            check_type(
                "models", text, str, "a mapping of texts, such as {'general': 'pocketsphinx'}", ServerError
            )
        if self.whisper is not None and not (isinstance(self.whisper, str) and self.whisper.strip()):
            raise ServerError(
                f"whisper must be a folder or a name such as 'small', not {show_value(self.whisper)}"
            )
        for name in ("faults", *SECRETS):
            check_type(name, getattr(self, name), tuple, "a tuple of texts", ServerError)
            if not all(isinstance(text, str) and text.strip() for text in getattr(self, name)):
                option = name.removesuffix("s").replace("_", "-")
                raise ServerError(f"a value of --{option} is empty or no text; leave the option out for none")
        check_type("streams", self.streams, StreamLimits, "StreamLimits", ServerError)
        for name in PATHS:
            if getattr(self, name) is not None:
                check_type(name, getattr(self, name), Path, "a path", ServerError)
        for name, (low, high) in NUMBERS.items():
            if name != "workers" or self.workers is not None:
                check_number(name, getattr(self, name), low, high, ServerError)

    @property
    def uses_testing(self) -> bool:
        """Whether something is switched on that only tests and demonstrations need."""
        return bool(self.faults or self.issues_tokens)

    @property
    def issues_tokens(self) -> bool:
        """Whether there is an IAM endpoint, or the metadata service of a virtual machine."""
        return bool(self.iam or self.iam_public_key or self.oauth_token or self.vm_metadata)

    @property
    def gives_tokens_to_everybody(self) -> bool:
        """Whether tokens are issued without a check."""
        return self.vm_metadata or (self.iam and not self.iam_public_key and not self.oauth_token)

    def engines(self) -> dict[str, tuple[EngineSpec, ...]]:
        """Model name -> its engines: a request gets the first one that knows its language."""
        standard = tuple(map(parse_engine, self._standard_engines()))
        given = {name: (parse_engine(text),) for name, text in self.models.items()}
        return {**dict.fromkeys(MODELS, standard), **given}

    def _standard_engines(self) -> list[str]:
        """The engines of the standard names that `models` leaves out."""
        whisper = [] if self.whisper is None else [f"whisper:{os.path.expanduser(self.whisper)}"]
        if is_installed("pocketsphinx"):
            return ["pocketsphinx", *whisper]
        default = "whisper" if is_installed("whisper") else "pocketsphinx"
        return whisper or [self.models.get(DEFAULT_MODEL, default)]

    def addresses(self) -> tuple[Address, Address | None]:
        """The addresses of gRPC and REST.

        Raises:
            ServerError: if a text is no address, if other machines could reach it without TLS and a key, or
                if there is no REST for an IAM endpoint.
        """
        grpc, rest = Address.parse(self.grpc), Address.parse(self.rest) if self.rest else None
        if rest is None and self.issues_tokens:
            raise ServerError("tokens are issued over REST; give --rest, for example --rest 127.0.0.1:8080")
        is_open = [address for address in (grpc, rest) if address and not address.is_loopback]
        if is_open and not ((self.api_key or self.bearer_token) and self.tls()):
            raise ServerError(
                f"'{is_open[0]}' can be reached from other machines, and there is no TLS and no key; give "
                "--tls-cert, --tls-key and --api-key, or use 127.0.0.1 and an SSH tunnel to it"
            )
        if is_open and self.gives_tokens_to_everybody:
            raise ServerError(
                f"'{is_open[0]}' can be reached from other machines, and everybody would get a token; "
                "leave out --vm-metadata, and give --iam a key or OAuth tokens, or use 127.0.0.1"
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


def _read_secrets(name: str, values: Any) -> Iterator[Any]:
    """The values; in place of `@FILE` the lines of that file."""
    check_type(name, values, tuple, "a text or a list of texts", ServerError)
    for value in values:
        if not isinstance(value, str) or not value.startswith("@"):
            yield value
            continue
        path = Path(value[1:]).expanduser()
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise ServerError(
                f"the file {str(path)!r} of --{name.replace('_', '-')} cannot be read: {why}"
            ) from None
        if not lines:
            raise ServerError(
                f"the file {str(path)!r} of --{name.replace('_', '-')} is empty; it holds one per line"
            )
        yield from lines


def _make(kind: type[Made], given: Mapping[str, Any]) -> Made:
    """Make settings; a name that is none of theirs is an error."""
    known = [each.name for each in fields(cast("Any", kind))]
    for name in given:
        if name not in known:
            raise ServerError(f"there is no setting {name!r}{suggest(str(name), known)}")
    return kind(**given)
