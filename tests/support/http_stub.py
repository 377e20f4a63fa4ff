"""A real HTTP server that gives prepared responses, and records the requests."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Answer(NamedTuple):
    """A prepared response.

    Attributes:
        content_length: the header; None is the length of the body, -1 leaves the header out.
    """

    status: int = 200
    body: bytes | str = b"{}"
    headers: dict[str, str] = {}  # noqa: RUF012  (never changed)
    content_length: int | None = None


class Request(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class StubServer(ThreadingHTTPServer):
    """Gives the prepared responses of each path; the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, deque[Answer]] = defaultdict(deque)
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, *answers: Answer) -> None:
        self.answers[path] = deque(answers)


class _Handler(BaseHTTPRequestHandler):
    server: StubServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Request(self.command, self.path, headers, body))
        prepared = self.server.answers[self.path.partition("?")[0]]
        answer = (prepared.popleft() if len(prepared) > 1 else prepared[0]) if prepared else Answer(404)
        content = answer.body.encode() if isinstance(answer.body, str) else answer.body
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.content_length != -1:
            self.send_header("content-length", str(answer.content_length or len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def run_stub() -> Iterator[StubServer]:
    """A server that runs within the block."""
    with StubServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
