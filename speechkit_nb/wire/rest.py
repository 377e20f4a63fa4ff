"""Conversion between the JSON of the REST API and serialized messages.

An answer is a sequence of JSON objects, one per `StreamingResponse`, not an array. The objects may be
pretty-printed or one per line, with or without the wrapper `{"result": ...}`. The sequence may be empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict

from ..errors import ServiceError, TranscriptError
from .json_messages import build_message
from .messages import POOL, operation, v2, v3
from .v2_files import responses_from_v2

CODES = {
    1: "CANCELLED", 2: "UNKNOWN", 3: "INVALID_ARGUMENT", 4: "DEADLINE_EXCEEDED", 5: "NOT_FOUND",
    6: "ALREADY_EXISTS", 7: "PERMISSION_DENIED", 8: "RESOURCE_EXHAUSTED", 9: "FAILED_PRECONDITION",
    10: "ABORTED", 11: "OUT_OF_RANGE", 12: "UNIMPLEMENTED", 13: "INTERNAL", 14: "UNAVAILABLE",
    15: "DATA_LOSS", 16: "UNAUTHENTICATED",
}  # fmt: skip
CODE_OF_HTTP = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    407: "PERMISSION_DENIED", 408: "DEADLINE_EXCEEDED", 409: "ABORTED", 413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 501: "UNIMPLEMENTED", 502: "UNAVAILABLE",
    503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
ERROR_KEYS = {"code", "message", "error_code", "error_message"}
_KNOWN = {name for field in v3.StreamingResponse.DESCRIPTOR.fields for name in (field.name, field.json_name)}


def json_objects(text: str) -> Iterator[Any]:
    """Parse a sequence of JSON values, with any white space between them.

    Raises:
        TranscriptError: if the text ends inside a value or is not JSON; the message has the position.

    >>> list(json_objects('{"a": 1} {"b": 2}'))
    [{'a': 1}, {'b': 2}]
    """
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise TranscriptError(
                f"the answer is no JSON from line {error.lineno}, column {error.colno} on ({error.msg}); "
                "it may have been cut while it was saved: fetch it again"
            ) from None
        except (ValueError, RecursionError):  # an integer of thousands of digits, or thousands of levels
            raise TranscriptError(
                "the answer has numbers or levels that no answer of the service has"
            ) from None
        yield value


def responses_from_json(text: str | bytes) -> list[bytes]:
    """A recorded answer of the REST API as serialized v3 `StreamingResponse`s.

    Args:
        text: body of getRecognition (v3), or the finished operation of longRunningRecognize (v2).

    Raises:
        TranscriptError: if it is not such an answer.
        ServiceError: if it contains an error of the service.

    >>> responses_from_json('{"result": {"channelTag": "0", "eouUpdate": {"timeMs": "7400"}}}')
    [b'2\\x03\\x10\\xe89J\\x010']
    """
    if isinstance(text, bytes):
        text = _decoded(text)
    found: list[bytes] = []
    for value in json_objects(text):
        for item in value if isinstance(value, list) else [value]:
            try:
                found.extend(_responses_of(item))
            except RecursionError:
                raise TranscriptError("the answer is nested too deeply to be one of the service") from None
    return found


def _decoded(body: bytes) -> str:
    try:
        return body.decode(json.detect_encoding(body)).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise TranscriptError(
            f"the answer is no text from byte {error.start} on; it may have been damaged while it was saved: "
            "fetch it again"
        ) from None


def responses_to_json(responses: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Each message as a dict, as the REST API prints it: int64 as strings, zeros written out."""
    for response in responses:
        yield {
            "result": MessageToDict(
                v3.StreamingResponse.FromString(response),
                always_print_fields_with_no_presence=True,
                descriptor_pool=POOL,
            )
        }


def _responses_of(item: Any) -> list[bytes]:
    if not isinstance(item, dict):
        raise TranscriptError(f"the answer holds {item!r:.60} where an object with a result is expected")
    is_answer = not _KNOWN.isdisjoint(item) or item.keys() & {"result", "done"}
    if item.get("error") or (not is_answer and item.keys() & ERROR_KEYS):
        raise error_of(item)
    if "done" not in item:
        if item and not is_answer:
            raise TranscriptError(
                f"the answer holds an object of {', '.join(map(repr, item))[:60]}: none of the service's"
            )
        return [_parse(item.get("result", item), v3.StreamingResponse).SerializeToString()]
    if "response" not in item:
        raise TranscriptError(
            f"operation {item.get('id')} holds no transcript: v3 hands it out by getRecognition, "
            "v2 only when the operation is done"
        )
    return responses_from_v2(_parse(item["response"], v2.LongRunningRecognitionResponse))


def _parse(value: Any, message: Any) -> Any:
    if not isinstance(value, dict):
        raise TranscriptError(f"the answer holds {value!r:.60} where a {message.DESCRIPTOR.name} is expected")
    try:
        return build_message(message, value)
    except ValueError as error:
        raise TranscriptError(f"the answer is no {message.DESCRIPTOR.name} of the service: {error}") from None


def operation_from_json(body: dict[str, Any]) -> Any:
    """An `Operation` with the fields that the client uses: id, description, done, error, response of v2.

    Raises:
        TranscriptError: if its response cannot be parsed.

    >>> operation_from_json({"id": "f8d", "done": False, "metadata": None}).id
    'f8d'
    """
    response, error = body.get("response"), body.get("error")
    try:
        found = operation.Operation(
            id=body.get("id") or "", description=body.get("description") or "", done=bool(body.get("done"))
        )
        if error:
            failure = error_of(body)
            # 2 is UNKNOWN
            found.error.code = next((number for number, code in CODES.items() if code == failure.code), 2)
            found.error.message = failure.details
    except (TypeError, ValueError) as problem:
        raise TranscriptError(f"the answer is no Operation of the service: {problem}") from None
    kind = str(response.get("@type")) if isinstance(response, dict) else ""
    if kind.endswith(v2.LongRunningRecognitionResponse.DESCRIPTOR.full_name):
        found.response.Pack(_parse(response, v2.LongRunningRecognitionResponse))
    return found


def request_to_json(request: Any) -> bytes:
    """The JSON body of a request, with the fields that are set; bytes in base64."""
    return json.dumps(MessageToDict(request, descriptor_pool=POOL), ensure_ascii=False).encode()


def error_of(body: dict[str, Any], http_status: int | None = None) -> ServiceError:
    """The error in a JSON body, in any of the forms that the service uses.

    Args:
        body: `{"error": {"grpcCode": ...}}`, `{"code": ...}`, `{"error_code": ...}` or `{"message": ...}`.
        http_status: of the response, for a body without a code.
    """
    error: dict[str, Any] = body["error"] if isinstance(body.get("error"), dict) else body
    given = error.get("grpcCode", error.get("code"))
    by_status = _find(CODE_OF_HTTP, http_status or error.get("httpCode")) or "UNKNOWN"
    code = _find(CODES, given) or str(given or error.get("error_code") or by_status)[:40]
    if code not in CODES.values() and http_status:
        code = by_status
    words = error.get("message") or error.get("error_message") or error.get("error")
    # JSON may hold halves of surrogate pairs, which cannot be stored
    details = str(words or "no reason given").encode(errors="replace").decode()
    return ServiceError(f"the service answered {code}: {details}", code=code, details=details)


def _find(table: dict[int, str], number: Any) -> str | None:
    """The entry of a number; None for anything else that JSON may hold."""
    return next((name for known, name in table.items() if known == number), None)
