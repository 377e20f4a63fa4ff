"""A REST answer of 30,000 words to the `words` frame, against the same answer over gRPC.

Both come from a server in a process of its own on loopback that has the bytes of the answer ready, so that
the time is the client's: fetch by the transport, turn into messages, make the frame. Rounds alternate.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from bench_tables import make_responses

from speechkit_nb import Transcript
from speechkit_nb.client.transport.endpoints import Endpoints
from speechkit_nb.client.transport.grpc import GrpcTransport
from speechkit_nb.client.transport.rest import RestTransport
from speechkit_nb.wire import methods, responses_to_json

N_WORDS = 30_000
ROUNDS = 15
GOAL = 300_000


def serve() -> None:
    """The answer by both wires, until standard input ends."""
    responses = make_responses(N_WORDS)
    lines = [json.dumps(item, ensure_ascii=False) for item in responses_to_json(responses)]
    body = "\n".join(lines).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    method = methods("speechkit.stt.v3.AsyncRecognizer")["GetRecognition"]
    handler = grpc.unary_stream_rpc_method_handler(
        lambda request, context: iter(responses), method.request.FromString, None
    )
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


def words_of(transport: GrpcTransport | RestTransport) -> float:
    """Seconds from the call to the frame."""
    began = time.perf_counter()
    responses = [message for message, _ in transport.fetch("f8d")]
    words = Transcript(responses, "bench").words
    seconds = time.perf_counter() - began
    assert len(words) == N_WORDS
    return seconds


def main() -> None:
    command = [sys.executable, __file__, "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        grpc_port, http_port, size = server.stdout.readline().split()
        urls = f"grpc://127.0.0.1:{grpc_port}", f"http://127.0.0.1:{http_port}"
        ways = [
            GrpcTransport("grpc", Endpoints.at(urls[0])),
            RestTransport("rest", Endpoints.at(urls[1])),
        ]
        times = [[words_of(way) for way in ways] for _ in range(ROUNDS)]
        for way in ways:
            way.close()
        server.stdin.close()
    by_grpc, by_rest = (min(seconds) for seconds in zip(*times, strict=True))
    rate = N_WORDS / by_rest
    print(f"{N_WORDS} words, {int(size) / 1e6:.1f} MB of JSON: REST {by_rest:.3f} s, gRPC {by_grpc:.3f} s")
    print(json.dumps({"words_per_s": round(rate), "vs_grpc": round(by_grpc / by_rest, 2), "goal": GOAL}))


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
