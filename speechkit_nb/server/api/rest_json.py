"""Bodies of the REST API: JSON that comes in, results and refusals that go out."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from http.client import responses
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...errors import ConfigError
from ...wire import message_from_json, message_to_json, v3
from ..status import Code, Refusal, internal, invalid

log = logging.getLogger(__name__)
LARGEST_BODY = 64 << 20
RETRY_AFTER_SECONDS = 1
BATCH = 100


async def read_body(request: Request) -> bytes:
    """The body, whatever its Content-Type.

    Raises:
        HTTPException: 413 if it is larger than the service takes.
    """
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size <= LARGEST_BODY:  # what is more is read, too, or the caller would not get to the answer
            pieces.append(piece)
    if size > LARGEST_BODY:
        raise HTTPException(413, f"the body has {size} bytes; at most {LARGEST_BODY} are taken")
    return b"".join(pieces)


def parsed(body: bytes) -> Any:
    """The body as JSON.

    Raises:
        Refusal: INVALID_ARGUMENT if it is none.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"the body is no JSON: {error}") from None


def message_of(body: bytes, message: Any, loosen: Callable[[Any], Any] = lambda value: value) -> Any:
    """Fills a message from a body; `loosen` may first put right what is no JSON of a message.

    Raises:
        Refusal: INVALID_ARGUMENT if it cannot be one.
    """
    try:
        return message_from_json(loosen(parsed(body)), message)
    except ConfigError as error:
        raise invalid(str(error)) from None


def loosened(body: Any) -> Any:
    """A v2 request whose switch `profanityFilter`, documented as a string, may be one."""
    match body:
        case {"config": {"specification": dict(spec)}}:
            for key in {"profanityFilter", "profanity_filter"} & set(spec):
                spec[key] = {"true": True, "false": False}.get(str(spec[key]).lower(), spec[key])
    return body


async def lines(messages: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """A result as it is sent: one JSON object to a line, many lines at a time.

    Raises:
        Refusal: if it comes before the first message; a later one, when the status is sent, is the last line.
    """
    batch: list[bytes] = []
    is_empty = True
    try:
        async for message in messages:
            is_empty = False
            batch.append(message)
            if len(batch) == BATCH:
                yield await asyncio.to_thread(_printed, batch)
                batch = []
    except Refusal as refusal:
        if is_empty:
            raise
        yield _printed(batch) + json.dumps(_stream_error(refusal)) + "\n"
    else:
        yield await asyncio.to_thread(_printed, batch)


def _printed(messages: list[bytes]) -> str:
    results = ({"result": message_to_json(v3.StreamingResponse.FromString(m))} for m in messages)
    return "".join(f"{json.dumps(r, ensure_ascii=False, separators=(',', ':'))}\n" for r in results)


def refused(error: Exception, *, in_stream: bool) -> Response:
    """The answer to a call that went wrong, in the form that belongs to its method and its code."""
    if isinstance(error, HTTPException):
        return JSONResponse(_error(Code.INVALID_ARGUMENT, error.detail), error.status_code)
    if not isinstance(error, Refusal):
        log.error("a call failed", exc_info=error)
        error = internal("the local server", error)
    body: Mapping[str, Any] = _error(error.code, error.message)
    if error.code is Code.UNAUTHENTICATED:
        body = {"message": error.message}
    elif in_stream:
        body = _stream_error(error)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.code.http == 429 else None
    return JSONResponse(body, error.code.http, headers)


def _error(code: Code, message: str) -> dict[str, Any]:
    return {"code": int(code), "message": message, "details": []}


def _stream_error(refusal: Refusal) -> dict[str, Any]:
    status = refusal.code.http
    codes = {"grpcCode": int(refusal.code), "httpCode": status}
    words = {"message": refusal.message, "httpStatus": responses.get(status, ""), "details": []}
    return {"error": codes | words}


def no_such_route(_: Request, error: Exception) -> Response:
    """The answer to a path or verb that is not there."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = Code.NOT_FOUND if status == 404 else Code.UNIMPLEMENTED
    return JSONResponse(_error(code, responses.get(status, "")), status)
