"""API v3 without its protocol: which calls are retried, with which permits, and where results are found."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol, TypeVar

from ...errors import NotFound, NotReady, Rejected
from ...wire import answer_of
from .base import Identity, Message, OperationStatus, StreamCall, Streamer, TimedMessages
from .endpoints import Endpoints
from .rate_limit import CallLimiter, Kind
from .retry import add_timestamps, call_with_reauth, make_no_answer, read_status, retry_call, submit_once

T = TypeVar("T")


class BothStreamer(Streamer, Protocol):
    """Opens the sessions of streams of both APIs."""

    def stream_v2(self, requests: Iterator[Message], request_id: str, seconds: float) -> StreamCall:
        """Open a session with v2 `StreamingRequest`s; its messages are those of v2."""


class V3Transport(ABC):
    """API v3, and the calls that v2 needs. Subclasses send the calls over one protocol each.

    Args:
        name: the name of the service, for messages and for the journal.
        endpoints: hosts; the one of v3 is required.
        identity: the user data to send with every call.
        ca: certificates of the authorities to trust in place of the usual ones.
        hint: what to do if the connection fails, for the message.
        limiter: grants permits to all calls but submissions.
    """

    inline_limit: int
    takes_wav_links = True

    def __init__(
        self,
        name: str,
        endpoints: Endpoints,
        *,
        identity: Identity | None = None,
        ca: bytes | None = None,
        hint: str = "",
        limiter: CallLimiter | None = None,
    ) -> None:
        self.name = name
        self._endpoints, self._identity, self._hint = endpoints, identity or Identity(), hint
        self._limiter = limiter or CallLimiter()
        self._open(ca)

    def check_file(self, request: Message) -> None:  # noqa: B027 (no gap to fill: nothing is refused)
        """v3 supports everything that a `RecognizeFileRequest` may contain."""

    def streamer(self) -> BothStreamer | None:
        """Opens streams; None if this protocol has no streams."""
        return None

    def operation(self, operation_id: str) -> Message:
        """The `Operation` in its current state."""
        return self._retry(lambda: self._operation(operation_id), "check")

    def status(self, operation_id: str) -> OperationStatus:
        if self._has_operations:
            return read_status(self.operation(operation_id))
        try:
            self.fetch(operation_id)
        except NotReady:
            return OperationStatus(False)
        except Rejected as error:
            return OperationStatus(True, error)
        return OperationStatus(True)

    def fetch(self, operation_id: str) -> TimedMessages:
        # without operations, fetching the result is the only way to check whether a job is done
        kind: Kind = "other" if self._has_operations else "check"
        try:
            return self._retry(lambda: self._responses(operation_id), kind)
        except NotFound:
            messages = self._messages_in_operation(operation_id) if self._has_operations else None
            if messages is None:
                raise
            return add_timestamps(messages)

    def cancel(self, operation_id: str) -> None:
        if not self._has_operations:
            raise Rejected(
                f"{self.name} has no operation endpoint, so a job cannot be cancelled there; it ends by "
                "itself",
                code="UNIMPLEMENTED",
            )
        self._retry(lambda: self._cancel(operation_id))

    def delete(self, operation_id: str) -> None:
        self._retry(lambda: self._delete(operation_id))

    def _messages_in_operation(self, operation_id: str) -> list[bytes] | None:
        """The messages of a job of v2, which are inside its operation; None if there are none."""
        try:
            return answer_of(self.operation(operation_id))
        except NotFound:
            return None

    def _submit_once(self, call: Callable[[], T]) -> T:
        """The result of a call that is repeated only after its credentials were refused and renewed."""
        return submit_once(self.name, lambda: call_with_reauth(self._identity.renew, call))

    def _check_id(self, operation_id: Any) -> str:
        """The id of a new operation; raises NoAnswer if it is none."""
        if isinstance(operation_id, str) and re.fullmatch(r"[\x21-\x7e]{1,200}", operation_id):
            return operation_id
        raise make_no_answer(self.name, "an answer without an operation id")

    def _retry(self, call: Callable[[], T], kind: Kind = "other") -> T:
        """The result of a call that is safe to repeat."""
        acquire = partial(self._limiter.acquire, kind)
        return retry_call(lambda: call_with_reauth(self._identity.renew, call), acquire)

    # --- the calls of one protocol, each sent once

    @abstractmethod
    def submit(self, request: Message, request_id: str) -> str:
        """Send a `RecognizeFileRequest`. Returns the operation id."""

    @abstractmethod
    def submit_v2(self, request: Message, request_id: str) -> str:
        """Send a v2 `LongRunningRecognitionRequest`. Returns the operation id."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def _open(self, ca: bytes | None) -> None:
        """Prepare for calls; nothing is sent."""

    @property
    @abstractmethod
    def _has_operations(self) -> bool:
        """Whether there is a host for operations; if not, a job is polled by fetching its result."""

    @abstractmethod
    def _operation(self, operation_id: str) -> Message:
        """The `Operation`."""

    @abstractmethod
    def _responses(self, operation_id: str) -> TimedMessages:
        """The messages of the result."""

    @abstractmethod
    def _cancel(self, operation_id: str) -> object:
        """Cancel an operation."""

    @abstractmethod
    def _delete(self, operation_id: str) -> object:
        """Delete a result."""
