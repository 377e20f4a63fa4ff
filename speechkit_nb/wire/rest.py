"""The JSON of the REST API, turned into the bytes of the messages it stands for.

An answer is a sequence of JSON objects, one for each `StreamingResponse`, not an array; it may come
pretty-printed or one to a line, with or without the wrapper `{"result": ...}`, and may be empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from ..errors import ServiceError, TranscriptError
from .messages import POOL, v2, v3
from .v2 import responses_from_v2

CODES = {
    1: "CANCELLED", 2: "UNKNOWN", 3: "INVALID_ARGUMENT", 4: "DEADLINE_EXCEEDED", 5: "NOT_FOUND",
    6: "ALREADY_EXISTS", 7: "PERMISSION_DENIED", 8: "RESOURCE_EXHAUSTED", 9: "FAILED_PRECONDITION",
    10: "ABORTED", 11: "OUT_OF_RANGE", 12: "UNIMPLEMENTED", 13: "INTERNAL", 14: "UNAVAILABLE",
    15: "DATA_LOSS", 16: "UNAUTHENTICATED",
}  # fmt: skip


def json_objects(text: str) -> Iterator[Any]:
    """The JSON values that follow one another in `text`, with any white space between them.

    Raises:
        TranscriptError: if the text ends inside a value or is no JSON; it says where.

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
        yield value


def responses_from_json(text: str | bytes) -> list[bytes]:
    """A recorded answer of the REST API as serialized v3 `StreamingResponse`s.

    Args:
        text: body of getRecognition (v3), or the finished operation of longRunningRecognize (v2).

    Raises:
        TranscriptError: if it is no such answer.
        ServiceError: if it holds an error of the service.

    >>> responses_from_json('{"result": {"channelTag": "0", "eouUpdate": {"timeMs": "7400"}}}')
    [b'2\\x03\\x10\\xe89J\\x010']
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    found: list[bytes] = []
    for value in json_objects(text):
        for item in value if isinstance(value, list) else [value]:
            found.extend(_responses_of(item))
    return found


def responses_to_json(responses: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Each message as the dict that REST prints for it: int64 as strings, zeros written out."""
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
    if "error" in item:
        raise error_of(item)
    if "done" not in item:
        return [_parse(item.get("result", item), v3.StreamingResponse()).SerializeToString()]
    if "response" not in item:
        raise TranscriptError(
            f"operation {item.get('id')} holds no transcript: v3 hands it out by getRecognition, "
            "v2 only when the operation is done"
        )
    return responses_from_v2(_parse(item["response"], v2.LongRunningRecognitionResponse()))


def _parse(value: Any, message: Any) -> Any:
    value = {key: inner for key, inner in value.items() if key != "@type"}
    try:
        return ParseDict(value, message, ignore_unknown_fields=True, descriptor_pool=POOL)
    except ParseError as error:
        raise TranscriptError(f"the answer is no {message.DESCRIPTOR.name} of the service: {error}") from None


def error_of(body: dict[str, Any]) -> ServiceError:
    """The error that a JSON body describes, in whichever of the service's shapes it comes."""
    error: dict[str, Any] = body["error"] if isinstance(body.get("error"), dict) else body
    number = int(error.get("grpcCode", error.get("code", 2)))
    code = str(error.get("error_code") or CODES.get(number, "UNKNOWN"))
    details = str(error.get("message") or error.get("error_message") or "no reason given")
    return ServiceError(f"the service answered {code}: {details}", code=code, details=details)
