"""Bodies of the REST API: JSON of requests, results and errors."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from http.client import responses
from tempfile import SpooledTemporaryFile
from typing import IO, Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...errors import ConfigError
from ...wire import message_from_json, message_to_json, v3
from ..status import Code, StatusError, invalid_argument
from .common import to_status_error

LARGEST_BODY = 64 << 20
SMALL_BODY = 1 << 20
BODY_SECONDS = 120.0
GAP_SECONDS = 10.0
MOST_VALUES = 100_000
SURROGATE = re.compile(r"\\u[dD]")
RETRY_AFTER_SECONDS = 1
BATCH = 100
Parsed = TypeVar("Parsed")


class BodyReader:
    """Reads bodies: into a file, since slow clients must not fill memory, then large ones one at a time."""

    def __init__(self) -> None:
        self._one_large = asyncio.Lock()

    @asynccontextmanager
    async def read(
        self, request: Request, parse: Callable[[bytes], Parsed], largest: int = LARGEST_BODY
    ) -> AsyncIterator[Parsed]:
        """What `parse` makes of the body, whatever its Content-Type; a large body waits for the one before.

        Raises:
            HTTPException: 413 if the body is larger than `largest` bytes, 408 if it comes too slowly.
        """
        with SpooledTemporaryFile(max_size=SMALL_BODY) as file:
            size = await _copy_body(request, file, largest)
            async with self._one_large if size > SMALL_BODY else nullcontext():
                yield await asyncio.to_thread(lambda: parse(_read_all(file)))


async def _copy_body(request: Request, file: IO[bytes], largest: int) -> int:
    size, chunks = 0, aiter(request.stream())
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                async with asyncio.timeout(GAP_SECONDS):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    break
                size += len(chunk)
                if size <= largest:  # the rest is dropped: a client that still sends reads no answer
                    file.write(chunk)
    except TimeoutError:
        raise HTTPException(408, f"the body came too slowly; {size} bytes of it were received") from None
    if size > largest:
        raise HTTPException(413, f"the body has {size} bytes; at most {largest} are taken")
    return size


def _read_all(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def parse_body(body: bytes) -> Any:
    """The body as JSON.

    Raises:
        StatusError: INVALID_ARGUMENT if it is not JSON, or has more parts than a request can have.
    """
    # The JSON parser of Python stops all threads, and needs up to 60 times the size of the body.
    if sum(map(body.count, (b"[", b"{", b","))) > MOST_VALUES:
        raise invalid_argument(f"the body has more than {MOST_VALUES} values")
    try:
        text = body.decode(json.detect_encoding(body))
        value = json.loads(text, object_pairs_hook=_make_object)
        if SURROGATE.search(text):  # half of a pair cannot be in a message, and neither in an answer
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except (ValueError, RecursionError) as error:
        raise invalid_argument(f"the body is no JSON: {error}") from None


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(n for n in names if names.count(n) > 1)!r} is in it twice")
    return found


def parse_message(body: bytes, message: Any, prepare: Callable[[Any], Any] = lambda value: value) -> Any:
    """Fill a message from a body; `prepare` may first correct the JSON.

    Raises:
        StatusError: INVALID_ARGUMENT if the body does not fit the message.
    """
    value = prepare(parse_body(body))
    del body  # up to 64 MB, and the next step needs a lot of memory
    try:
        return message_from_json(value, message)
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
