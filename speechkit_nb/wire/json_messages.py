"""Messages as the JSON of the REST API, and back.

Two functions make a message from JSON. `build_message` is for answers, which may have hundreds of thousands
of words; it is four times as fast as `json_format.ParseDict`. It looks keys up in a table that is made once
per message type, and passes nested dicts to the message's constructor, which is written in C.
`message_from_json` is for requests to the local server: it uses `ParseDict`, whose errors name the wrong
field.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from ..errors import ConfigError
from .messages import POOL

_Converter = Callable[[Any], Any]
_INTEGERS = {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_UINT64}
_FLOATS = {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}


def message_to_json(message: Any) -> dict[str, Any]:
    """A message as a dict: int64 as strings, zeros written out, unset messages left out.

    >>> from .messages import v3
    >>> message_to_json(v3.Word(text="one", end_time_ms=300))
    {'text': 'one', 'endTimeMs': '300', 'startTimeMs': '0'}
    >>> message_to_json(v3.LanguageEstimation())
    {'languageCode': '', 'probability': 0}
    """
    printed: dict[str, Any] = _whole_numbers(
        MessageToDict(message, always_print_fields_with_no_presence=True, descriptor_pool=POOL)
    )
    return printed


def operation_to_json(message: Any) -> dict[str, Any]:
    """An `Operation` as the service prints it.

    `done` is always there, and `"metadata": null` while an operation of v3 runs. An empty description and an
    empty list of chunks are left out, as v2 does.

    >>> from .messages import operation
    >>> operation_to_json(operation.Operation(id="e031"))
    {'id': 'e031', 'createdBy': '', 'done': False}
    """
    printed = message_to_json(message)
    if not printed["description"]:
        del printed["description"]
    elif not message.done:
        printed["metadata"] = None
    if "response" in printed and not printed["response"].get("chunks"):
        printed["response"].pop("chunks", None)
    return printed


def message_from_json(value: Any, message: Any) -> Any:
    """Fill a message: keys in snake or camel case, enums as names; unknown keys are ignored.

    Raises:
        ConfigError: if the value does not fit the message; the error names the field.

    >>> from .messages import v3
    >>> message_from_json({"start_time_ms": "5", "endTimeMs": 9, "new": 1}, v3.Word()).end_time_ms
    9
    """
    if not isinstance(value, dict):
        raise ConfigError(f"the body is {value!r:.60}, where an object is expected")
    try:
        return ParseDict(value, message, ignore_unknown_fields=True, descriptor_pool=POOL)
    except ParseError as error:
        raise ConfigError(f"the body is no {message.DESCRIPTOR.name}: {error}") from None


def _whole_numbers(value: Any) -> Any:
    """Convert floats without a fraction to integers: the service prints 0 where Python prints 0.0."""
    if isinstance(value, dict):
        return {key: _whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def build_message(message: Any, value: Any) -> Any:
    """Make a message of class `message` from a JSON object.

    Keys may be lowerCamelCase or as in the proto file; integers may be strings; null is unset; keys that
    this version does not know are skipped.

    Raises:
        ValueError: if the value does not fit the message.

    >>> from speechkit_nb.wire import v3
    >>> build_message(v3.Word, {"text": "one", "startTimeMs": "120", "novel": 1}).start_time_ms
    120
    """
    try:
        return message(**_reader(message.DESCRIPTOR)(value))
    except (TypeError, AttributeError, OverflowError) as error:
        raise ValueError(str(error)) from None


@cache
def _reader(message: Descriptor) -> _Converter:
    """Make a function that converts a JSON object to keywords of the message's constructor."""
    if message.full_name == "google.protobuf.Duration":
        return _duration
    fields: dict[str, tuple[str, _Converter | None]] = {}

    def read(value: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for key, inner in value.items():
            if inner is not None and key in fields:
                name, convert = fields[key]
                found[name] = inner if convert is None else convert(inner)
        return found

    for field in message.fields:
        fields[field.name] = fields[field.json_name] = (field.name, _choose_converter(field))
    return read


def _choose_converter(field: FieldDescriptor) -> _Converter | None:
    convert: _Converter | None = None
    if field.message_type is not None:
        convert = _reader(field.message_type)
    elif field.enum_type is not None:
        convert = _read_enum(field.enum_type)
    elif field.type in _INTEGERS:
        convert = int
    elif field.type in _FLOATS:
        convert = float
    if not field.is_repeated:
        return convert
    return list if convert is None else _each(convert)


def _read_enum(enum: Any) -> _Converter:
    """Make a function that converts a name or a number; a name that this version does not know becomes 0."""
    numbers = {value.name: value.number for value in enum.values}
    return lambda value: numbers.get(value, 0) if isinstance(value, str) else value


def _each(convert: _Converter) -> _Converter:
    return lambda values: [convert(value) for value in values]


def _duration(text: str) -> dict[str, int]:
    """
    >>> _duration("2.780s")
    {'seconds': 2, 'nanos': 780000000}
    """
    seconds, _, fraction = text.removesuffix("s").partition(".")
    sign = -1 if seconds.startswith("-") else 1
    return {"seconds": int(seconds), "nanos": sign * int(f"{fraction:0<9}"[:9])}
