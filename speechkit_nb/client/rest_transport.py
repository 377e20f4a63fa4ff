"""The service over HTTPS, for those behind a proxy that lets nothing else through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx

from .. import errors
from ..wire.rest import operation_from_json, request_to_json, responses_from_json
from . import calls
from .auth import Identity
from .endpoints import Endpoints
from .http_calls import json_of, no_answer, open_client, send
from .quota import Limiter
from .service import OperationStatus

BODY_LIMIT = 60_000_000
INLINE_LIMIT = BODY_LIMIT // 4 * 3 - 100_000
"""Base64 makes four bytes of three; a little is left for the options."""


class RestTransport:
    """STT v3 over REST, and what v2 needs of it.

    Args:
        name: what the user connected to, for messages and for the journal.
        endpoints: hosts; `stt_rest` has to be there.
        identity: who calls.
        ca: certificates of the authorities to trust in place of the usual ones.
        hint: what to do when nobody answers there.
        limiter: gives turns to all calls but submissions.
    """

    inline_limit = INLINE_LIMIT
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
        self._http = open_client(str(endpoints.stt_rest), ca)
        self._v3 = f"{endpoints.stt_rest}/stt/v3"

    def check_file(self, request: Any) -> None:
        """v3 can do whatever a `RecognizeFileRequest` asks for."""

    def submit(self, request: Any, request_id: str) -> str:
        return self._start(f"{self._v3}/recognizeFileAsync", request, request_id)

    def submit_v2(self, request: Any, request_id: str) -> str:
        """Send a v2 `LongRunningRecognitionRequest`; never repeated. Returns the operation id."""
        url = f"{self._endpoints.transcribe_rest}/speech/stt/v2/longRunningRecognize"
        return self._start(url, request, request_id)

    def operation(self, operation_id: str) -> Any:
        """The `Operation` as it stands."""
        return self._repeated(lambda: self._operation("GET", operation_id), self._limiter.check)

    def status(self, operation_id: str) -> OperationStatus:
        if self._endpoints.operation_rest is None:
            return calls.status_by_result(lambda: self.fetch(operation_id))
        return calls.status_of(self.operation(operation_id))

    def fetch(self, operation_id: str) -> list[tuple[bytes, float]]:
        def ask() -> calls.Answer:
            return self._responses(operation_id)

        if self._endpoints.operation_rest is None:  # then this is how one asks whether it is done
            return self._repeated(ask, self._limiter.check)  # type: ignore[no-any-return]
        return calls.fetched(lambda: self._repeated(ask), lambda: self.operation(operation_id))

    def cancel(self, operation_id: str) -> None:
        if self._endpoints.operation_rest is None:
            raise calls.no_operations(self.name)
        self._repeated(lambda: self._operation("GET", operation_id, ":cancel"))

    def delete(self, operation_id: str) -> None:
        url = f"{self._v3}/deleteRecognition"
        self._repeated(lambda: self._send("DELETE", url, params={"operationId": operation_id}))

    def close(self) -> None:
        self._http.close()

    def _start(self, url: str, request: Any, request_id: str) -> str:
        body = request_to_json(request)
        options: dict[str, Any] = {
            "content": body,
            "request_id": request_id,
            "deadline": calls.SUBMIT_DEADLINE,
        }

        def once() -> Any:
            return json_of(self.name, self._send("POST", url, **options))

        def submit() -> Any:
            return calls.authorized(self._identity.renew, once)

        found = calls.submitted(self.name, submit)
        if not found.get("id"):
            raise no_answer(self.name, "an answer without an operation id")
        return str(found["id"])

    def _operation(self, method: str, operation_id: str, verb: str = "") -> Any:
        url = f"{self._endpoints.operation_rest}/operations/{quote(operation_id, safe='')}{verb}"
        return operation_from_json(json_of(self.name, self._send(method, url)))

    def _responses(self, operation_id: str) -> calls.Answer:
        url = f"{self._v3}/getRecognition"
        params = {"operationId": operation_id}
        response = self._send("GET", url, params=params, deadline=calls.FETCH_DEADLINE)
        try:
            return calls.stamped(responses_from_json(response.content))
        except errors.ServiceError as error:  # in the midst of an answer that began well
            request_id = calls.request_id_of(response.headers.items())
            raise calls.service_error(error.code, error.details, request_id=request_id) from None
        except (errors.TranscriptError, UnicodeDecodeError) as error:
            raise no_answer(self.name, f"a broken answer: {error}") from None

    def _repeated(self, call: Callable[[], Any], take_turn: calls.TakeTurn | None = None) -> Any:
        """For calls that are safe to repeat."""
        return calls.repeated(
            lambda: calls.authorized(self._identity.renew, call), take_turn or self._limiter.other
        )

    def _send(
        self,
        method: str,
        url: str,
        *,
        request_id: str | None = None,
        deadline: float = calls.CALL_DEADLINE,
        content: bytes | None = None,
        **options: Any,
    ) -> httpx.Response:
        headers = self._identity.metadata(request_id)
        if content is not None:
            headers.append(("content-type", "application/json"))
        hint = self._hint
        return send(
            self._http, self.name, method, url,
            headers=headers, deadline=deadline, hint=hint, content=content, **options,
        )  # fmt: skip
