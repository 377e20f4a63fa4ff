"""Bodies of the REST API: JSON of requests, results and errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from http.client import responses
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...errors import ConfigError
from ...wire import message_from_json, message_to_json, v3
from ..status import Code, StatusError, invalid_argument
from .common import to_status_error

LARGEST_BODY = 64 << 20
RETRY_AFTER_SECONDS = 1
BATCH = 100


async def read_body(request: Request) -> bytes:
    """The body, whatever its Content-Type.

    Raises:
        HTTPException: 413 if it is larger than the service takes.
    """
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= LARGEST_BODY:  # the rest is read and dropped: a client that still sends reads no answer
            chunks.append(chunk)
    if size > LARGEST_BODY:
        raise HTTPException(413, f"the body has {size} bytes; at most {LARGEST_BODY} are taken")
    return b"".join(chunks)


def parse_body(body: bytes) -> Any:
    """The body as JSON.

    Raises:
        StatusError: INVALID_ARGUMENT if it is not JSON.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid_argument(f"the body is no JSON: {error}") from None


def parse_message(body: bytes, message: Any, prepare: Callable[[Any], Any] = lambda value: value) -> Any:
    """Fill a message from a body; `prepare` may first correct the JSON.

    Raises:
        StatusError: INVALID_ARGUMENT if the body does not fit the message.
    """
    try:
        return message_from_json(prepare(parse_body(body)), message)
    except ConfigError as error:
        raise invalid_argument(str(error)) from None


def accept_text_flags(body: Any) -> Any:
    """A v2 request whose `profanityFilter` may be "true" or "false": the documentation calls it a string."""
    match body:
        case {"config": {"specification": dict(spec)}}:
            for key in {"profanityFilter", "profanity_filter"} & set(spec):
                spec[key] = {"true": True, "false": False}.get(str(spec[key]).lower(), spec[key])
    return body


async def json_lines(messages: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """A result as it is sent: one JSON object per line, many lines at a time.

    Raises:
        StatusError: before the first message. A later error becomes the last line, since the HTTP status
            has been sent by then.
    """
    batch: list[bytes] = []
    is_empty = True
    try:
        async for message in messages:
            is_empty = False
            batch.append(message)
            if len(batch) == BATCH:
                yield await asyncio.to_thread(_format_lines, batch)
                batch = []
    except StatusError as error:
        if is_empty:
            raise
        yield _format_lines(batch) + json.dumps(_stream_error(error)) + "\n"
    else:
        yield await asyncio.to_thread(_format_lines, batch)


def _format_lines(messages: list[bytes]) -> str:
    results = ({"result": message_to_json(v3.StreamingResponse.FromString(m))} for m in messages)
    return "".join(f"{json.dumps(r, ensure_ascii=False, separators=(',', ':'))}\n" for r in results)


def error_response(error: Exception, *, in_stream: bool) -> Response:
    """The answer to a call that failed; its form depends on the method and the code, as in the cloud."""
    if isinstance(error, HTTPException):
        return JSONResponse(_error(Code.INVALID_ARGUMENT, error.detail), error.status_code)
    error = to_status_error(error)
    body: Mapping[str, Any] = _error(error.code, error.message)
    if error.code is Code.UNAUTHENTICATED:
        body = {"message": error.message}
    elif in_stream:
        body = _stream_error(error)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.code.http == 429 else None
    return JSONResponse(body, error.code.http, headers)


def _error(code: Code, message: str) -> dict[str, Any]:
    return {"code": int(code), "message": message, "details": []}


def _stream_error(error: StatusError) -> dict[str, Any]:
    status = error.code.http
    codes = {"grpcCode": int(error.code), "httpCode": status}
    texts = {"message": error.message, "httpStatus": responses.get(status, ""), "details": []}
    return {"error": codes | texts}


def no_such_route(_: Request, error: Exception) -> Response:
    """The answer to an unknown path or verb."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = Code.NOT_FOUND if status == 404 else Code.UNIMPLEMENTED
    return JSONResponse(_error(code, responses.get(status, "")), status)
