"""What a transport offers, whatever the wire: the five calls behind a job, and sessions of streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

from ...errors import Rejected, ServiceError

E = TypeVar("E", bound=ServiceError)


class OperationStatus(NamedTuple):
    """Where an operation of the service stands."""

    done: bool
    error: ServiceError | None = None
    cancelled: bool = False


class Call(Protocol):
    """One session of a stream on its way."""

    def __iter__(self) -> Iterator[bytes]:
        """Serialized v3 `StreamingResponse`s; raises a `ServiceError` if it breaks off."""

    def cancel(self) -> None:
        """End it at once."""


class Streamer(Protocol):
    """What opens sessions of streams."""

    name: str

    def check(self, options: Any) -> None:
        """Raises ConfigError if `StreamingOptions` ask for something that this way cannot do."""

    def stream(self, requests: Iterator[Any], request_id: str) -> Call:
        """Open a session with v3 `StreamingRequest`s."""

    def renew(self) -> bool:
        """Called once after credentials were refused; whether there are others now."""


class Transport(Protocol):
    """One way to the service. Every call may raise a `ServiceError`.

    Attributes:
        name: what the user connected to.
        inline_limit: largest recording in bytes that fits into a request.
        takes_wav_links: whether a link may lead to WAV, or samples go without a header.
    """

    name: str
    inline_limit: int
    takes_wav_links: bool

    def check_file(self, request: Any) -> None:
        """Raises ConfigError if a `RecognizeFileRequest` asks for something that this way cannot do."""

    def submit(self, request: Any, request_id: str) -> str:
        """Send a `RecognizeFileRequest`; never repeated. Returns the operation id."""

    def status(self, operation_id: str) -> OperationStatus:
        """Ask how far it is."""

    def fetch(self, operation_id: str) -> list[tuple[bytes, float]]:
        """Its messages and when each arrived; raises `NotReady` while there are none."""

    def cancel(self, operation_id: str) -> None:
        """Ask the service to stop."""

    def delete(self, operation_id: str) -> None:
        """Ask the service to forget the result."""

    def streamer(self) -> Streamer | None:
        """What opens streams; None if this way has none."""

    def close(self) -> None:
        """Hang up."""


def reworded(error: E, message: str) -> E:
    """The same refusal of the service, in words that say more."""
    return type(error)(message, code=error.code, details=error.details, request_id=error.request_id)


def closed(name: str) -> Rejected:
    """What a client answers that was closed."""
    message = f"this client of {name} was closed; connect({name!r}) makes another one"
    return Rejected(message, code="FAILED_PRECONDITION")
