"""Servers whose answers are wrong: over REST by raw sockets, and over gRPC.

Over REST a part of the path, or the operation id, names the fault.
A thread serves each connection until the client closes it.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import repeat

import grpc

from speechkit_nb.wire import operation, v3

LONG = 60.0
"""Seconds for which a server that hangs stays silent; a client must give up long before."""
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
MEGABYTE = b" " * 1_000_000


def respond(body: bytes | str, status: str = "200 OK", **headers: str) -> list[bytes]:
    """A whole response; underscores in the names of headers become hyphens."""
    content = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    lines = {"content-type": "application/json", "content-length": str(len(content))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return [f"HTTP/1.1 {status}\r\n{head}\r\n".encode(), content]


def slowly(text: bytes) -> Iterator[bytes]:
    """One byte every 50 ms."""
    for letter in text:
        yield bytes([letter])
        time.sleep(0.05)


def hang() -> Iterator[bytes]:
    """Nothing."""
    time.sleep(LONG)
    yield b""


def drip_headers() -> Iterator[bytes]:
    """A header that never ends, byte by byte."""
    yield OK
    yield from slowly(b"x-waiting: " + b"a" * 2000)


def drip_body() -> Iterator[bytes]:
    """A body byte by byte, which promises to become long."""
    yield OK + b"content-length: 5000\r\n\r\n"
    yield from slowly(b" " * 5000)


def endless_body() -> Iterator[bytes]:
    """Chunks without an end."""
    yield CHUNKED
    yield from repeat(b"f4240\r\n" + MEGABYTE + b"\r\n")


def endless_headers() -> Iterator[bytes]:
    """Header lines without an end."""
    yield OK
    yield from repeat(b"x-more: " + b"a" * 1000 + b"\r\n")


def endless_continue() -> Iterator[bytes]:
    """Interim responses without an end."""
    for _ in range(2000):
        yield b"HTTP/1.1 100 Continue\r\n\r\n"
        time.sleep(0.02)


def zip_bomb() -> list[bytes]:
    """40 kB of gzip that become 40 MB."""
    packer = zlib.compressobj(wbits=31)
    body = b"".join(packer.compress(MEGABYTE) for _ in range(40)) + packer.flush()
    return respond(body, content_encoding="gzip")


def deep(levels: int) -> str:
    """JSON of so many levels."""
    return '{"a":' * levels + "1" + "}" * levels


REST: dict[str, Callable[[], Iterator[bytes] | list[bytes]]] = {
    "hang": hang,
    "drip_headers": drip_headers,
    "drip_body": drip_body,
    "endless_body": endless_body,
    "endless_headers": endless_headers,
    "endless_continue": endless_continue,
    "zip_bomb": zip_bomb,
    "close": list,
    "garbage": lambda: [b"\x16\x03\x01\x02\x00\x01 this is no HTTP\r\n\r\n"],
    "broken_chunks": lambda: [CHUNKED, b"zz\r\n{}\r\n0\r\n\r\n"],
    "half": lambda: respond('{"id": "f8d", "done": fal', content_length="300"),
    "deep_json": lambda: respond(deep(5000)),
    "huge_integer": lambda: respond('{"id": "f8d", "done": true, "error": {"code": ' + "9" * 5000 + "}}"),
    "infinity": lambda: respond('{"id": Infinity, "done": NaN, "error": {"code": -Infinity}}'),
    "list_code": lambda: respond('{"error": {"grpcCode": [1], "message": "no"}}'),
    "odd_types": lambda: respond('{"id": [1], "done": {"a": 1}, "response": [2], "error": []}'),
    "surrogates": lambda: respond('{"id": "f8d", "error": {"code": 3, "message": "bad \\ud800"}}'),
    "page": lambda: respond("<html><title>Sign in", content_type="text/html"),
    "latin1": lambda: respond(b'{"id": "\xff\xfe"}', content_type="application/json; charset=latin1"),
    "unknown_encoding": lambda: respond(b"\x0b\x02\x80{}\x03", content_encoding="br"),
    "redirect": lambda: respond("", "302 Found", location="http://[half/"),
    "wait_nan": lambda: respond("{}", "429 Too Many Requests", retry_after="nan"),
    "wait_minus": lambda: respond("{}", "429 Too Many Requests", retry_after="-1"),
    "wait_years": lambda: respond("{}", "429 Too Many Requests", retry_after="1e9"),
    "wait_date": lambda: respond("{}", "503 Unavailable", retry_after="Fri, 31 Dec 9999 23:59:59 GMT"),
    "long_refusal": lambda: respond(json.dumps({"code": 3, "message": "x" * 20_000}), "400 Bad Request"),
    "escapes": lambda: respond('{"code": 3, "message": "\\u001b[2Jgone"}', "400 Bad Request"),
}


@contextmanager
def run_faulty_rest() -> Iterator[str]:
    """The URL of a server that answers with the fault that the rest of the URL names."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _accept(listener: socket.socket) -> None:
    with suppress(OSError):  # it is closed
        while True:
            threading.Thread(target=_serve, args=(listener.accept()[0],), daemon=True).start()


def _serve(connection: socket.socket) -> None:
    with connection, suppress(OSError):  # the client has closed it
        head = b""
        while b"\r\n" not in head:
            part = connection.recv(65536)
            head += part
            if not part or head.startswith(b"\x16"):  # the client is gone, or begins with TLS
                return
        named = re.split("[/?=:]", head.split(b" ")[1].decode())
        for part in next(fault for name, fault in REST.items() if name in named)():
            connection.sendall(part)


# ---- gRPC

LONG_TEXT = "https://storage.example.org/a.wav?key=" + "k" * 20_000


def _abort(code: grpc.StatusCode, details: str) -> Callable[[grpc.ServicerContext], Iterator[bytes]]:
    def refuse(context: grpc.ServicerContext) -> Iterator[bytes]:
        context.abort(code, details)
        yield b""

    return refuse


def _hang(context: grpc.ServicerContext) -> Iterator[bytes]:
    while context.is_active():
        time.sleep(0.02)
    yield b""


def _endless(context: grpc.ServicerContext) -> Iterator[bytes]:
    message = v3.StreamingResponse(channel_tag="x" * 1_000_000).SerializeToString()
    while context.is_active():
        yield message


def _drip(context: grpc.ServicerContext) -> Iterator[bytes]:
    while context.is_active():
        yield v3.StreamingResponse().SerializeToString()
        time.sleep(0.05)


GRPC: dict[str, Callable[[grpc.ServicerContext], Iterator[bytes]]] = {
    "hang": _hang,
    "endless": _endless,
    "drip": _drip,
    "empty": lambda context: iter(()),
    "garbage": lambda context: iter([b"\xff\xff\xff"]),
    "no_id": lambda context: iter([operation.Operation().SerializeToString()]),
    "huge": lambda context: iter([bytes(70_000_000)]),
    "long_refusal": _abort(grpc.StatusCode.INVALID_ARGUMENT, LONG_TEXT),
    "endless_refusal": _abort(grpc.StatusCode.INVALID_ARGUMENT, LONG_TEXT * 200),
    "size_refusal": _abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 4)"),
    "unknown_code": _abort(grpc.StatusCode.DATA_LOSS, "oops \x1b[2J"),
}
UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 1 << 26)]


class _Faults(grpc.GenericRpcHandler):
    def __init__(self, fault: str) -> None:
        self._fault = fault

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if "Health" in details.method:
            return None
        return grpc.stream_stream_rpc_method_handler(lambda requests, context: GRPC[self._fault](context))


@contextmanager
def run_faulty_grpc(fault: str) -> Iterator[str]:
    """The URL of a server that answers every call with that fault."""
    server = grpc.server(
        ThreadPoolExecutor(20), options=[*UNLIMITED, ("grpc.absolute_max_metadata_size", 1 << 26)]
    )
    server.add_generic_rpc_handlers((_Faults(fault),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(0)


@contextmanager
def run_silent_socket() -> Iterator[str]:
    """`host:port` of a socket that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
