"""Many serialized messages as Arrow columns, without a Python object for each message.

`ptars` decodes a list of messages into one record batch. It gets a message type that has only the requested
fields, so that it skips all other fields instead of decoding them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import ptars
import pyarrow as pa
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from .messages import v3

AT_ONCE = 1000
"""Number of messages per batch. With small batches the allocator reuses its memory."""


def decode_columns(responses: Sequence[bytes], *paths: str) -> pa.Table:
    """The fields named by `paths` of serialized v3 `StreamingResponse`s, one row per message.

    Args:
        responses: serialized messages.
        paths: dotted field names; a path to a message selects all its fields.

    Returns:
        Table with nested structs and lists as in the messages; a struct is null if the message has no such
        event.

    Raises:
        ValueError: if a message cannot be parsed.

    >>> response = v3.StreamingResponse(channel_tag="1", eou_update={"time_ms": 700})
    >>> table = decode_columns([response.SerializeToString()], "channel_tag", "eou_update.time_ms")
    >>> table.to_pylist()
    [{'eou_update': {'time_ms': 700}, 'channel_tag': '1'}]
    """
    handler = _handler(paths)
    pieces = range(0, len(responses) or 1, AT_ONCE)
    return pa.Table.from_batches(
        [handler.list_to_record_batch(list(responses[first : first + AT_ONCE])) for first in pieces]
    )


def find_unreadable(responses: Sequence[bytes]) -> list[int]:
    """Positions of the messages that cannot be parsed as `StreamingResponse`."""
    bad = []
    for position, response in enumerate(responses):
        try:
            v3.StreamingResponse.FromString(response)
        except Exception:  # protobuf's DecodeError has a class for each implementation
            bad.append(position)
    return bad


@cache
def _handler(paths: tuple[str, ...]) -> Any:
    tree: dict[str, Any] = {}
    for path in paths:
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, {})
    file = FileDescriptorProto(name="selected.proto", package="selected", syntax="proto3")
    _select(file, "response", v3.StreamingResponse.DESCRIPTOR, tree)
    pool = DescriptorPool()
    pool.Add(file)
    selected = pool.FindMessageTypeByName("selected.response")
    config = ptars.PtarsConfig(use_large_string=True)  # the string layout of pandas: no copy later
    return ptars.HandlerPool([selected.file], config=config).get_for_message(selected)


def _select(file: FileDescriptorProto, name: str, message: Descriptor, tree: dict[str, Any]) -> None:
    """Add a message type to `file`, with the fields of `message` that are in `tree`; all if it is empty."""
    selected = file.message_type.add(name=name)
    for field in message.fields:
        if tree and field.name not in tree:
            continue
        copy = selected.field.add(name=field.name, number=field.number, type=field.type)
        copy.label = copy.LABEL_REPEATED if field.is_repeated else copy.LABEL_OPTIONAL
        if field.type == field.TYPE_ENUM:
            copy.type = copy.TYPE_INT32
        if field.type == field.TYPE_MESSAGE:
            inner = f"{name}_{field.name}"
            copy.type_name = f".selected.{inner}"
            _select(file, inner, field.message_type, tree.get(field.name, {}))
