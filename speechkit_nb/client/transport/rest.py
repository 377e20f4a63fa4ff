"""The service over REST, for networks with a proxy that allows nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from ... import errors
from ...wire import operation_from_json, request_to_json, responses_from_json
from .base import Message, TimedMessages
from .http import HttpClient, HttpResponse, read_json
from .proxies import find_proxy
from .retry import (
    CALL_DEADLINE,
    FETCH_DEADLINE,
    SUBMIT_DEADLINE,
    add_timestamps,
    find_request_id,
    make_no_answer,
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
        return self._start("stt_rest", "/stt/v3/recognizeFileAsync", request, request_id)

    def submit_v2(self, request: Message, request_id: str) -> str:
        return self._start("transcribe_rest", "/speech/stt/v2/longRunningRecognize", request, request_id)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _open(self, ca: bytes | None) -> None:
        urls = {
            name: self._endpoints.parsed(name) for name in ("stt_rest", "transcribe_rest", "operation_rest")
        }
        opened = {
            url: HttpClient(self.name, find_proxy(url), ca, self._hint)
            for url in set(urls.values())
            if url is not None
        }
        self._clients = {name: opened[url] for name, url in urls.items() if url is not None}

    @property
    def _has_operations(self) -> bool:
        return self._endpoints.operation_rest is not None

    def _operation(self, operation_id: str, verb: str = "") -> Message:
        path = f"/operations/{quote(operation_id, safe='')}{verb}"
        with self._reading():
            return operation_from_json(read_json(self.name, self._send("GET", "operation_rest", path)))

    def _cancel(self, operation_id: str) -> None:
        self._operation(operation_id, ":cancel")

    def _delete(self, operation_id: str) -> None:
        params = {"operationId": operation_id}
        self._send("DELETE", "stt_rest", "/stt/v3/deleteRecognition", params=params)

    def _responses(self, operation_id: str) -> TimedMessages:
        params = {"operationId": operation_id}
        response = self._send(
            "GET", "stt_rest", "/stt/v3/getRecognition", params=params, deadline=FETCH_DEADLINE
        )
        try:
            with self._reading():
                return add_timestamps(responses_from_json(response.content))
        except errors.NoAnswer:
            raise
        except errors.ServiceError as error:  # an error at the end of a response that began as a success
            request_id = find_request_id(response.headers.items())
            raise make_service_error(error.code, error.details, request_id=request_id) from None

    def _start(self, endpoint: str, path: str, request: Message, request_id: str) -> str:
        """The id of the operation that a request has started."""
        body = request_to_json(request)

        def submit() -> Any:
            response = self._send(
                "POST", endpoint, path, request_id=request_id, deadline=SUBMIT_DEADLINE, content=body
            )
            return read_json(self.name, response).get("id")

        return self._check_id(self._submit_once(submit))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """In this block an answer that is none of the service's is an answer that did not come."""
        try:
            yield
        except errors.TranscriptError as error:
            raise make_no_answer(self.name, f"a broken answer: {error}") from None

    def _send(
        self,
        method: str,
        endpoint: str,
        path: str,
        *,
        request_id: str | None = None,
        deadline: float = CALL_DEADLINE,
        content: bytes | None = None,
        **options: Any,
    ) -> HttpResponse:
        headers = self._identity.metadata(request_id)
        if content is not None:
            headers.append(("content-type", "application/json"))
        url = f"{getattr(self._endpoints, endpoint)}{path}"
        return self._clients[endpoint].send(
            method, url, headers=headers, deadline=deadline, content=content, **options
        )
