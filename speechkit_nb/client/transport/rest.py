"""The service over HTTPS, for those behind a proxy that lets nothing else through."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...wire import operation_from_json, request_to_json, responses_from_json
from . import retry as calls
from .http import json_of, no_answer, open_client, send
from .v3 import V3Transport

BODY_LIMIT = 60_000_000
INLINE_LIMIT = BODY_LIMIT // 4 * 3 - 100_000
"""Base64 makes four bytes of three; a little is left for the options."""


class RestTransport(V3Transport):
    """STT v3 over REST, and what v2 needs of it."""

    inline_limit = INLINE_LIMIT

    def submit(self, request: Any, request_id: str) -> str:
        return self._started(f"{self._v3}/recognizeFileAsync", request, request_id)

    def submit_v2(self, request: Any, request_id: str) -> str:
        url = f"{self._endpoints.transcribe_rest}/speech/stt/v2/longRunningRecognize"
        return self._started(url, request, request_id)

    def close(self) -> None:
        self._http.close()

    def _open(self, ca: bytes | None) -> None:
        self._http = open_client(str(self._endpoints.stt_rest), ca)
        self._v3 = f"{self._endpoints.stt_rest}/stt/v3"

    @property
    def _has_operations(self) -> bool:
        return self._endpoints.operation_rest is not None

    def _operation(self, operation_id: str, verb: str = "") -> Any:
        url = f"{self._endpoints.operation_rest}/operations/{quote(operation_id, safe='')}{verb}"
        return operation_from_json(json_of(self.name, self._send("GET", url)))

    def _cancel(self, operation_id: str) -> None:
        self._operation(operation_id, ":cancel")

    def _delete(self, operation_id: str) -> None:
        self._send("DELETE", f"{self._v3}/deleteRecognition", params={"operationId": operation_id})

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

    def _started(self, url: str, request: Any, request_id: str) -> str:
        """The id of the operation that a request has started."""
        body, deadline = request_to_json(request), calls.SUBMIT_DEADLINE

        def once() -> dict[str, Any]:
            response = self._send("POST", url, request_id=request_id, deadline=deadline, content=body)
            return json_of(self.name, response)

        found = self._submitted(once)
        if not found.get("id"):
            raise no_answer(self.name, "an answer without an operation id")
        return str(found["id"])

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
