"""A real HTTP server that answers what a test has written down, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Answer(NamedTuple):
    """What is answered to one request.

    Attributes:
        promised: the Content-Length; None is that of the body, -1 leaves it out.
    """

    status: int = 200
    body: bytes | str = b"{}"
    headers: dict[str, str] = {}  # noqa: RUF012  (never changed)
    promised: int | None = None


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Canned(ThreadingHTTPServer):
    """Answers each path with what was put there, the last of it again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, deque[Answer]] = defaultdict(deque)
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, *answers: Answer) -> None:
        self.answers[path] = deque(answers)


class _Handler(BaseHTTPRequestHandler):
    server: Canned

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(self.command, self.path, headers, body))
        prepared = self.server.answers[self.path.partition("?")[0]]
        answer = (prepared.popleft() if len(prepared) > 1 else prepared[0]) if prepared else Answer(404)
        content = answer.body.encode() if isinstance(answer.body, str) else answer.body
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.promised != -1:
            self.send_header("content-length", str(answer.promised or len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@contextmanager
def canned() -> Iterator[Canned]:
    """A server that runs within the block."""
    with Canned() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
