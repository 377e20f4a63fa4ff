"""Message classes and methods of the service, from a private descriptor pool.

The vendor's packages register the same names in protobuf's default pool, and registering a name twice is an
error. With a private pool, all of them can be imported in one process.

>>> v3.Word(text="hello", start_time_ms=120).SerializeToString()
b'\\n\\x05hello\\x10x'
>>> methods("speechkit.stt.v3.AsyncRecognizer")["GetRecognition"].path
'/speechkit.stt.v3.AsyncRecognizer/GetRecognition'
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass


def _load_pool() -> DescriptorPool:
    pool = DescriptorPool()
    compiled = files(__package__).joinpath("descriptors.binpb").read_bytes()
    for file in FileDescriptorSet.FromString(compiled).file:
        pool.Add(file)
    return pool


POOL = _load_pool()


class Package:
    """The message classes of one proto package, as attributes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, message: str) -> Any:
        try:
            found = GetMessageClass(POOL.FindMessageTypeByName(f"{self._name}.{message}"))
        except KeyError:
            raise AttributeError(f"proto package {self._name} has no message {message}") from None
        setattr(self, message, found)
        return found


v3 = Package("speechkit.stt.v3")
v2 = Package("yandex.cloud.ai.stt.v2")
operation = Package("yandex.cloud.operation")
endpoint = Package("yandex.cloud.endpoint")
rpc = Package("google.rpc")
protobuf = Package("google.protobuf")


class Method(NamedTuple):
    """One RPC method: its path and its message classes."""

    path: str
    request: Any
    response: Any
    request_streaming: bool
    response_streaming: bool


@cache
def methods(service: str) -> dict[str, Method]:
    """The methods of a service by name. `service` is the full name in the proto file."""
    return {
        method.name: Method(
            f"/{service}/{method.name}",
            GetMessageClass(method.input_type),
            GetMessageClass(method.output_type),
            method.client_streaming,
            method.server_streaming,
        )
        for method in POOL.FindServiceByName(service).methods
    }
