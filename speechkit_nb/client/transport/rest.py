"""The service over REST, for networks with a proxy that allows nothing else."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...wire import operation_from_json, request_to_json, responses_from_json
from .base import Message, TimedMessages
from .http import make_no_answer, open_client, read_json, send
from .retry import (
    CALL_DEADLINE,
    FETCH_DEADLINE,
    SUBMIT_DEADLINE,
    add_timestamps,
    find_request_id,
    make_service_error,
)
from .v3 import V3Transport

BODY_LIMIT = 60_000_000
INLINE_LIMIT = BODY_LIMIT // 4 * 3 - 100_000
"""Base64 makes four bytes of three; the rest is for the options."""


class RestTransport(V3Transport):
    """API v3 over REST, and the calls that v2 needs."""

    inline_limit = INLINE_LIMIT

    def submit(self, request: Message, request_id: str) -> str:
        return self._start(f"{self._v3}/recognizeFileAsync", request, request_id)

    def submit_v2(self, request: Message, request_id: str) -> str:
        url = f"{self._endpoints.transcribe_rest}/speech/stt/v2/longRunningRecognize"
        return self._start(url, request, request_id)

    def close(self) -> None:
        self._http.close()

    def _open(self, ca: bytes | None) -> None:
        url = self._endpoints.parsed("stt_rest")
        assert url is not None
        self._http = open_client(url, ca)
        self._v3 = f"{self._endpoints.stt_rest}/stt/v3"

    @property
    def _has_operations(self) -> bool:
        return self._endpoints.operation_rest is not None

    def _operation(self, operation_id: str, verb: str = "") -> Message:
        url = f"{self._endpoints.operation_rest}/operations/{quote(operation_id, safe='')}{verb}"
        return operation_from_json(read_json(self.name, self._send("GET", url)))

    def _cancel(self, operation_id: str) -> None:
        self._operation(operation_id, ":cancel")

    def _delete(self, operation_id: str) -> None:
        self._send("DELETE", f"{self._v3}/deleteRecognition", params={"operationId": operation_id})

    def _responses(self, operation_id: str) -> TimedMessages:
        url = f"{self._v3}/getRecognition"
        params = {"operationId": operation_id}
        response = self._send("GET", url, params=params, deadline=FETCH_DEADLINE)
        try:
            return add_timestamps(responses_from_json(response.content))
        except errors.ServiceError as error:  # an error at the end of a response that began as a success
            request_id = find_request_id(response.headers.items())
            raise make_service_error(error.code, error.details, request_id=request_id) from None
        except (errors.TranscriptError, UnicodeDecodeError) as error:
            raise make_no_answer(self.name, f"a broken answer: {error}") from None

    def _start(self, url: str, request: Message, request_id: str) -> str:
        """The id of the operation that a request has started."""
        body = request_to_json(request)

        def submit() -> dict[str, Any]:
            response = self._send("POST", url, request_id=request_id, deadline=SUBMIT_DEADLINE, content=body)
            return read_json(self.name, response)

        started = self._submit_once(submit)
        if not started.get("id"):
            raise make_no_answer(self.name, "an answer without an operation id")
        return str(started["id"])

    def _send(
        self,
        method: str,
        url: str,
        *,
        request_id: str | None = None,
        deadline: float = CALL_DEADLINE,
        content: bytes | None = None,
        **options: Any,
    ) -> httpx.Response:
        headers = self._identity.metadata(request_id)
        if content is not None:
            headers.append(("content-type", "application/json"))
        return send(
            self._http, self.name, method, url,
            headers=headers, deadline=deadline, hint=self._hint, content=content, **options,
        )  # fmt: skip
