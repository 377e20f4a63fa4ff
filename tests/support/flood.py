"""A flood of hostile calls for the local server: `python flood.py GRPC_ADDRESS REST_URL SECONDS [ATTACK...]`.

Each attack runs in a thread of its own until the time is over. At the end, one line says how often each was
made. They are no errors here: the test looks at the server.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count

import grpc

from speechkit_nb.wire import methods, v3

FILES = methods("speechkit.stt.v3.AsyncRecognizer")
STREAM = methods("speechkit.stt.v3.Recognizer")["RecognizeStreaming"]
KEY = "flood"
HEADERS = (("authorization", f"Api-Key {KEY}"),)
PAGE_MS = 255 * 120
UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]


def ogg_crc(page: bytes) -> int:
    """The checksum of Ogg: CRC-32 with the polynomial 0x04C11DB7, not reflected."""
    value = 0
    for byte in page:
        value = (value << 8) & 0xFFFFFFFF ^ CRC[(value >> 24) ^ byte]
    return value


def crc_entry(value: int) -> int:
    value <<= 24
    for _ in range(8):
        value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
    return value & 0xFFFFFFFF


CRC = [crc_entry(byte) for byte in range(256)]


def ogg_page(packets: list[bytes], number: int, granule: int, kind: int = 0) -> bytes:
    """One page; each packet has less than 255 bytes."""
    head = struct.pack("<4sBBqIII", b"OggS", 0, kind, granule, 1, number, 0) + bytes([len(packets)])
    page = head + bytes(map(len, packets)) + b"".join(packets)
    return page[:22] + struct.pack("<I", ogg_crc(page)) + page[26:]


def long_opus(n_pages: int) -> bytes:
    """Ogg Opus of silence in packets of two bytes: each page of 0.8 kB lasts half a minute."""
    pages = [
        ogg_page([b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48000, 0, 0)], 0, 0, kind=2),
        ogg_page([b"OpusTags" + bytes(8)], 1, 0),
    ]
    silence = [bytes([3, 6])] * 255  # 6 frames of 20 ms without content
    pages += [ogg_page(silence, 2 + n, (n + 1) * PAGE_MS * 48) for n in range(n_pages)]
    return b"".join(pages)


def raw(n_channels: int, rate: int = 48000) -> v3.AudioFormatOptions:
    kind = {"audio_encoding": 1, "sample_rate_hertz": rate, "audio_channel_count": n_channels}
    return v3.AudioFormatOptions(raw_audio=v3.RawAudio(**kind))


def session(channel: grpc.Channel, audio_format: v3.AudioFormatOptions, mode: int, *events: dict) -> None:
    """A streaming session that does not end by itself."""
    model = {"audio_format": audio_format, "audio_processing_type": mode}
    requests = [{"session_options": {"recognition_model": model}}, *events]
    call = channel.stream_stream(STREAM.path, STREAM.request.SerializeToString)
    list(call(iter([v3.StreamingRequest(**request) for request in requests]), timeout=20, metadata=HEADERS))


def submit(channel: grpc.Channel, content: bytes, audio_format: v3.AudioFormatOptions) -> None:
    method = FILES["RecognizeFile"]
    request = v3.RecognizeFileRequest(content=content, recognition_model={"audio_format": audio_format})
    channel.unary_unary(method.path, method.request.SerializeToString)(request, timeout=30, metadata=HEADERS)


def never_send(channel: grpc.Channel, path: str) -> None:
    """Twenty calls at a time that send no request."""
    never = threading.Event()
    calls = [channel.stream_unary(path).future(iter(never.wait, True), metadata=HEADERS) for _ in range(20)]
    time.sleep(1)
    for call in calls:
        call.cancel()
    never.set()


def half_open(address: tuple[str, int], start: bytes) -> None:
    """Hundreds of connections that begin a request and do not end it."""
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            connection = stack.enter_context(socket.create_connection(address, timeout=5))
            connection.sendall(start)
        time.sleep(1)


def post(address: tuple[str, int], path: str, body: bytes) -> None:
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request("POST", path, body, dict(HEADERS))
    connection.getresponse().read()
    connection.close()


def attacks(target: str, rest: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Name and function of each."""
    host, _, port = rest.removeprefix("http://").partition(":")
    address = (host, int(port))
    opus = long_opus(1200)
    nested = b"[" + b"[],[]," * (10 << 20) + b"[]]"
    padded = json.dumps({"content": "A" * (60 << 20)}).encode()
    ogg = v3.AudioFormatOptions(container_audio=v3.ContainerAudio(container_audio_type=2))
    numbers = count()

    def channel() -> grpc.Channel:
        return grpc.insecure_channel(target, [*UNLIMITED, ("flood", next(numbers))])

    one, two, three, four, five = (channel() for _ in range(5))
    silence = {"silence_chunk": {"duration_ms": 299_000}}
    yield "channels", lambda: submit(one, bytes(1000), raw(500_000))
    yield "wide silence", lambda: session(one, raw(500), 2, silence)
    yield "long silence", lambda: session(two, raw(32), 2, silence)
    yield "opus", lambda: session(two, ogg, 1, {"chunk": {"data": opus}})
    yield "large message", lambda: session(three, raw(1), 1, {"chunk": {"data": bytes(50 << 20)}})
    yield "idle streams", lambda: [session(four, raw(1), 1) for _ in range(5)]
    yield "unsent", lambda: never_send(four, FILES["RecognizeFile"].path)
    yield "upload", lambda: submit(five, bytes(50 << 20), raw(1))
    yield "upload 2", lambda: submit(channel(), bytes(50 << 20), raw(1))
    yield "tokens", lambda: post(address, "/iam/v1/tokens", nested)
    yield "nested", lambda: post(address, "/stt/v3/recognizeFileAsync", nested)
    yield "padded", lambda: post(address, "/stt/v3/recognizeFileAsync", padded)
    yield "heads", lambda: half_open(address, b"GET /operations/x HTTP/1.1\r\nHost: local")
    head = f"POST /stt/v3/recognizeFileAsync HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {KEY}\r\n"
    yield "bodies", lambda: half_open(address, f"{head}Content-Length: 9999999\r\n\r\nx".encode())


def main(target: str, rest: str, seconds: str, *names: str) -> None:
    made: Counter[str] = Counter()
    found = [(name, once) for name, once in attacks(target, rest) if not names or name in names]
    end = time.monotonic() + float(seconds)

    def attack(name: str, once: Callable[[], object]) -> None:
        while time.monotonic() < end:
            made[name] += 1
            with contextlib.suppress(grpc.RpcError, OSError, http.client.HTTPException):
                once()
            time.sleep(0.05)

    threads = [threading.Thread(target=attack, args=each, daemon=True) for each in found]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for thread in threads:
        thread.start()
    time.sleep(max(0, end - time.monotonic()))
    sys.stdout.write(json.dumps({name: made[name] for name, _ in found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
