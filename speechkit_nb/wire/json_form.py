"""Messages as the JSON that the service's REST API prints and takes."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from ..errors import ConfigError
from .messages import POOL


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
    """An `Operation` as the service prints it: `done` always, `"metadata": null` while one of v3 runs.

    What v2 has no description for, and recognized nothing in, has no such keys.

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
    """Fills a message: keys in snake or camel case, enums as names; unknown keys are ignored.

    Raises:
        ConfigError: if the value is no such message; the text names the field.

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
    """Floats without a fraction as integers: the service prints 0 where Python prints 0.0."""
    if isinstance(value, dict):
        return {key: _whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
