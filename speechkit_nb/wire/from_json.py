"""JSON values as messages: `json_format.ParseDict` takes four times as long for an answer full of words.

Keys are looked up in a table made once for each message type, and whole nests of dicts are handed to the
message's constructor, which is C. The tests hold it against `ParseDict`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

Convert = Callable[[Any], Any]
INTEGERS = {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_UINT64}
FLOATS = {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}


def from_json(message: Any, value: Any) -> Any:
    """The message of class `message` that a JSON object stands for.

    Keys may be lowerCamelCase or as in the proto file; integers may be strings; null is unset; keys that
    this version does not know are skipped.

    Raises:
        ValueError: if the value is no such message.

    >>> from speechkit_nb.wire.messages import v3
    >>> from_json(v3.Word, {"text": "one", "startTimeMs": "120", "novel": 1}).start_time_ms
    120
    """
    try:
        return message(**_reader(message.DESCRIPTOR)(value))
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None


@cache
def _reader(message: Descriptor) -> Convert:
    """A function from a JSON object to keywords of the message's constructor."""
    if message.full_name == "google.protobuf.Duration":
        return _duration
    fields: dict[str, tuple[str, Convert | None]] = {}

    def read(value: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for key, inner in value.items():
            if inner is not None and key in fields:
                name, convert = fields[key]
                found[name] = inner if convert is None else convert(inner)
        return found

    for field in message.fields:
        fields[field.name] = fields[field.json_name] = (field.name, _converter(field))
    return read


def _converter(field: FieldDescriptor) -> Convert | None:
    convert: Convert | None = None
    if field.message_type is not None:
        convert = _reader(field.message_type)
    elif field.type in INTEGERS:
        convert = int
    elif field.type in FLOATS:
        convert = float
    if not field.is_repeated:
        return convert
    return list if convert is None else _each(convert)


def _each(convert: Convert) -> Convert:
    return lambda values: [convert(value) for value in values]


def _duration(text: str) -> dict[str, int]:
    """
    >>> _duration("2.780s")
    {'seconds': 2, 'nanos': 780000000}
    """
    seconds, _, fraction = text.removesuffix("s").partition(".")
    sign = -1 if seconds.startswith("-") else 1
    return {"seconds": int(seconds), "nanos": sign * int(f"{fraction:0<9}"[:9])}
