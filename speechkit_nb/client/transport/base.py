"""What a transport is: the calls behind a job, the sessions behind a stream, and the user who calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, Protocol, TypeVar

from ...errors import ConfigError, Rejected, ServiceError

Message = Any
"""A protobuf message. Its class is made when the program runs, so that it has no type to check."""
TimedMessages = list[tuple[bytes, float]]
"""Serialized messages, each with the time when it arrived (seconds since the epoch)."""

E = TypeVar("E", bound=ServiceError)


class OperationStatus(NamedTuple):
    """The state of an operation of the service."""

    done: bool
    error: ServiceError | None = None
    cancelled: bool = False


class StreamCall(Protocol):
    """One running session of a stream."""

    def __iter__(self) -> Iterator[bytes]:
        """Serialized v3 `StreamingResponse`s; raises a `ServiceError` if the session breaks off."""

    def cancel(self) -> None:
        """End the session at once."""


class Streamer(Protocol):
    """Opens the sessions of streams."""

    name: str

    def check(self, options: Message) -> None:
        """Raises ConfigError if this API does not support some of the `StreamingOptions`."""

    def stream(self, requests: Iterator[Message], request_id: str, seconds: float) -> StreamCall:
        """Open a session with v3 `StreamingRequest`s, which ends after so many seconds at the latest."""

    def renew(self) -> bool:
        """Called once after credentials were refused; returns whether there are new ones."""


class Transport(Protocol):
    """The calls of a service over one API and protocol. Each call may raise a `ServiceError`.

    Attributes:
        name: the name of the service, as the user gave it.
        inline_limit: size in bytes of the largest recording that fits into a request.
        takes_wav_links: whether a link may lead to a WAV file; if not, samples are uploaded without a header.
    """

    name: str
    inline_limit: int
    takes_wav_links: bool

    def check_file(self, request: Message) -> None:
        """Raises ConfigError if this API does not support what a `RecognizeFileRequest` requests."""

    def submit(self, request: Message, request_id: str) -> str:
        """Send a `RecognizeFileRequest`, which is never retried. Returns the operation id."""

    def status(self, operation_id: str) -> OperationStatus:
        """The current state of an operation."""

    def fetch(self, operation_id: str) -> TimedMessages:
        """The messages of the result; raises `NotReady` if there is no result yet."""

    def cancel(self, operation_id: str) -> None:
        """Ask the service to stop an operation."""

    def delete(self, operation_id: str) -> None:
        """Ask the service to delete a result."""

    def streamer(self) -> Streamer | None:
        """Opens streams; None if this transport has no streams."""

    def close(self) -> None:
        """Close the connection."""


class Secret(str):
    """A key, a token or a password. Tracebacks and logs show `***`, and it cannot be pickled.

    >>> [Secret("AQVN-key")], "Api-Key " + Secret("AQVN-key")
    (['***'], 'Api-Key AQVN-key')
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise ConfigError("keys and tokens are not pickled or copied: connect anew where they are needed")


class Credentials(Protocol):
    """The source of the authorization header."""

    def header(self) -> Secret:
        """The value of the header, renewed if it is about to expire."""

    def renew(self) -> bool:
        """Called once after the service has refused the header; returns whether there is a new one."""


@dataclass(frozen=True)
class Identity:
    """The user data that is sent with every call.

    Attributes:
        credentials: None if the service needs none.
        folder_id: only for accounts of people; a service account has its own folder.
        data_logging: allow the service to store the audio, so that its support can look at it.
    """

    credentials: Credentials | None = None
    folder_id: str | None = None
    data_logging: bool = False

    def metadata(self, request_id: str | None = None) -> list[tuple[str, str]]:
        """Names (lower case) and values, for gRPC metadata and HTTP headers."""
        pairs = {
            "authorization": self.credentials and self.credentials.header(),
            "x-folder-id": self.folder_id,
            "x-client-request-id": request_id,
            "x-data-logging-enabled": "true" if self.data_logging else None,
        }
        return [(name, value) for name, value in pairs.items() if value]

    def renew(self) -> bool:
        """Replace credentials that were refused; returns whether there are new ones."""
        return self.credentials is not None and self.credentials.renew()


def replace_message(error: E, message: str) -> E:
    """A copy of an error of the service with another message."""
    return type(error)(message, code=error.code, details=error.details, request_id=error.request_id)


def make_closed_error(name: str) -> Rejected:
    """The error of every call after a client was closed."""
    message = f"this client of {name} was closed; connect({name!r}) opens a new one"
    return Rejected(message, code="FAILED_PRECONDITION")
