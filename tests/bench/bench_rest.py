"""A REST answer of 30,000 words to the `words` frame, against the same answer over gRPC.

Both come from a server in another process on loopback that has the bytes of the answer ready, so that
the time is the client's: fetch by the transport, turn into messages, make the frame. Rounds alternate.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import grpc
from bench_tables import make_responses
from harness import check_work, run

from speechkit_nb import Transcript
from speechkit_nb.client.transport.endpoints import Endpoints
from speechkit_nb.client.transport.grpc import GrpcTransport
from speechkit_nb.client.transport.rest import RestTransport
from speechkit_nb.wire import methods, responses_to_json

GOAL = 300_000


class Size(NamedTuple):
    n_words: int
    rounds: int


def serve(n_words: int) -> None:
    """Answer over gRPC and HTTP until standard input ends; then print how often each was called."""
    responses = make_responses(n_words)
    calls: Counter[str] = Counter()
    lines = [json.dumps(item, ensure_ascii=False) for item in responses_to_json(responses)]
    body = "\n".join(lines).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            calls["rest"] += 1
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    method = methods("speechkit.stt.v3.AsyncRecognizer")["GetRecognition"]

    def answer(request: object, context: object) -> Iterator[bytes]:
        calls["grpc"] += 1
        return iter(responses)

    handler = grpc.unary_stream_rpc_method_handler(answer, method.request.FromString, None)
    server = grpc.server(ThreadPoolExecutor(2))
    service = "speechkit.stt.v3.AsyncRecognizer"
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {"GetRecognition": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(http.serve_forever)
        print(port, http.server_port, len(body), flush=True)
        sys.stdin.read()
        http.shutdown()
    server.stop(0)
    print(calls["grpc"], calls["rest"])


def time_fetch(transport: GrpcTransport | RestTransport, n_words: int) -> float:
    """Seconds from the call to the frame."""
    start = time.perf_counter()
    responses = [message for message, _ in transport.fetch("f8d")]
    words = Transcript(responses, "bench").words
    seconds = time.perf_counter() - start
    check_work("words in the frame", len(words), n_words)
    return seconds


def measure(size: Size, home: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "serve", str(size.n_words)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        grpc_port, http_port, n_bytes = server.stdout.readline().split()
        urls = f"grpc://127.0.0.1:{grpc_port}", f"http://127.0.0.1:{http_port}"
        transports = [
            GrpcTransport("grpc", Endpoints.at(urls[0])),
            RestTransport("rest", Endpoints.at(urls[1])),
        ]
        times = [
            [time_fetch(transport, size.n_words) for transport in transports] for _ in range(size.rounds)
        ]
        for transport in transports:
            transport.close()
        n_calls, _ = server.communicate()
    check_work("calls over gRPC and REST", n_calls.split(), [str(size.rounds)] * 2)
    by_grpc, by_rest = (min(seconds) for seconds in zip(*times, strict=True))
    print(
        f"{size.n_words} words, {int(n_bytes) / 1e6:.1f} MB of JSON: REST {by_rest:.3f} s, "
        f"gRPC {by_grpc:.3f} s (goal: {GOAL} words per second)"
    )
    return {"words_per_s": round(size.n_words / by_rest), "vs_grpc": round(by_grpc / by_rest, 2)}


if __name__ == "__main__":
    serve(int(sys.argv[2])) if sys.argv[1:2] == ["serve"] else run(measure, Size(30_000, 15), Size(3_000, 3))
