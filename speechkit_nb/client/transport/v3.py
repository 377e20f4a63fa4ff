"""STT v3, whatever the wire: which calls are repeated, in whose turn, and how a result is found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from ...errors import NotFound, NotReady, Rejected
from ...wire import answer_of
from ..auth.credentials import Identity
from . import retry as calls
from .base import OperationStatus, Streamer
from .endpoints import Endpoints
from .rate_limit import Limiter

T = TypeVar("T")


class V3Transport(ABC):
    """STT v3, and what v2 needs of it. A wire says how each call goes out; here is what holds for both.

    Args:
        name: what the user connected to, for messages and for the journal.
        endpoints: hosts; that of v3 has to be there.
        identity: who calls.
        ca: certificates of the authorities to trust in place of the usual ones.
        hint: what to do when nobody answers there.
        limiter: gives turns to all calls but submissions.
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
        limiter: Limiter | None = None,
    ) -> None:
        self.name = name
        self._endpoints, self._identity, self._hint = endpoints, identity or Identity(), hint
        self._limiter = limiter or Limiter()
        self._open(ca)

    def check_file(self, request: Any) -> None:  # noqa: B027 (no gap to fill: nothing is refused)
        """v3 can do whatever a `RecognizeFileRequest` asks for."""

    def streamer(self) -> Streamer | None:
        """What opens streams; None if this wire has none."""
        return None

    def operation(self, operation_id: str) -> Any:
        """The `Operation` as it stands."""
        return self._repeated(lambda: self._operation(operation_id), self._limiter.check)

    def status(self, operation_id: str) -> OperationStatus:
        if self._has_operations:
            return calls.status_of(self.operation(operation_id))
        try:
            self.fetch(operation_id)
        except NotReady:
            return OperationStatus(False)
        except Rejected as error:
            return OperationStatus(True, error)
        return OperationStatus(True)

    def fetch(self, operation_id: str) -> calls.Answer:
        def ask() -> calls.Answer:
            return self._responses(operation_id)

        if not self._has_operations:  # then this is how one asks whether it is done
            return self._repeated(ask, self._limiter.check)
        try:
            return self._repeated(ask)
        except NotFound:
            answer = self._answer_inside(operation_id)
            if answer is None:
                raise
            return calls.stamped(answer)

    def cancel(self, operation_id: str) -> None:
        if not self._has_operations:
            raise Rejected(
                f"{self.name} has no operation endpoint, so a job cannot be cancelled there; it ends by "
                "itself",
                code="UNIMPLEMENTED",
            )
        self._repeated(lambda: self._cancel(operation_id))

    def delete(self, operation_id: str) -> None:
        self._repeated(lambda: self._delete(operation_id))

    def _answer_inside(self, operation_id: str) -> list[bytes] | None:
        """The messages of a job of v2, which v3 does not know: they are inside its operation."""
        try:
            return answer_of(self.operation(operation_id))
        except NotFound:
            return None

    def _submitted(self, call: Callable[[], T]) -> T:
        """The answer of a call that is never repeated, but for credentials that could be renewed."""
        return calls.submitted(self.name, lambda: calls.authorized(self._identity.renew, call))

    def _repeated(self, call: Callable[[], T], take_turn: calls.TakeTurn | None = None) -> T:
        """The answer of a call that is safe to repeat."""
        return calls.repeated(
            lambda: calls.authorized(self._identity.renew, call), take_turn or self._limiter.other
        )

    # --- how a call goes out, once

    @abstractmethod
    def submit(self, request: Any, request_id: str) -> str:
        """Send a `RecognizeFileRequest`. Returns the operation id."""

    @abstractmethod
    def submit_v2(self, request: Any, request_id: str) -> str:
        """Send a v2 `LongRunningRecognitionRequest`. Returns the operation id."""

    @abstractmethod
    def close(self) -> None:
        """Hang up."""

    @abstractmethod
    def _open(self, ca: bytes | None) -> None:
        """Make ready for calls; nothing is sent."""

    @property
    @abstractmethod
    def _has_operations(self) -> bool:
        """Whether there is a host for operations; else a job is asked after by its result."""

    @abstractmethod
    def _operation(self, operation_id: str) -> Any:
        """The `Operation`."""

    @abstractmethod
    def _responses(self, operation_id: str) -> calls.Answer:
        """The result."""

    @abstractmethod
    def _cancel(self, operation_id: str) -> object:
        """End an operation."""

    @abstractmethod
    def _delete(self, operation_id: str) -> object:
        """Drop a result."""
