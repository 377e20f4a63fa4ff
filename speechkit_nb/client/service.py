"""What a transport offers: the five calls behind a job, whatever the wire."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from ..errors import ServiceError


class OperationStatus(NamedTuple):
    """Where an operation of the service stands."""

    done: bool
    error: ServiceError | None = None
    cancelled: bool = False


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

    def close(self) -> None:
        """Hang up."""
