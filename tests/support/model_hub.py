"""A hub of models on this machine, with the calls of huggingface_hub: it serves one folder as one model."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class ModelHub(ThreadingHTTPServer):
    """Serves `folder` as the model `name`; what is wrong with it is set by a test.

    Attributes:
        cut: names of files that break off in the middle.
        damaged: names of files that arrive once with another byte at the end.
        served: path and number of the first byte of each file that was asked for.
    """

    daemon_threads = True

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.folder = name, folder
        self.cut: set[str] = set()
        self.damaged: list[str] = []
        self.served: list[tuple[str, int]] = []
        self.digests: dict[str, str] = {}

    @property
    def url(self) -> str:
        """The address for HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def digest(self, path: Path) -> str:
        """The SHA-256 of a file."""
        if path.name not in self.digests:
            self.digests[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self.digests[path.name]


class _Handler(BaseHTTPRequestHandler):
    server: ModelHub

    def do_GET(self) -> None:
        hub, path = self.server, self.path.partition("?")[0]
        files = sorted(hub.folder.iterdir())
        if path.startswith(f"/api/models/{hub.name}/tree/"):
            self._send_json(
                [{"type": "file", "path": file.name, **self._describe(file, "oid")} for file in files]
            )
        elif path.startswith(f"/api/models/{hub.name}"):
            siblings = [{"rfilename": file.name, **self._describe(file, "sha256")} for file in files]
            self._send_json({"id": hub.name, "sha": COMMIT, "siblings": siblings})
        elif path.startswith(f"/{hub.name}/resolve/"):
            self._send_file(hub.folder / path.rpartition("/")[2])
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815

    def _describe(self, file: Path, digest: str) -> dict[str, Any]:
        size, oid = file.stat().st_size, self.server.digest(file)
        large = {"lfs": {digest: oid, "size": size, "pointerSize": 135}} if file.suffix == ".bin" else {}
        return {"size": size, "oid": oid[:40], "blobId": oid[:40], **large}

    def _send_json(self, value: Any) -> None:
        self._send(json.dumps(value).encode(), {"content-type": "application/json"})

    def _send_file(self, file: Path) -> None:
        hub, digest = self.server, self.server.digest(file)
        content = file.read_bytes()
        if self.command == "GET" and file.name in hub.damaged:
            hub.damaged.remove(file.name)
            content = content[:-1] + bytes([content[-1] ^ 1])
        size, first = len(content), int(self.headers.get("range", "bytes=0-")[6:].partition("-")[0])
        headers = {"etag": f'"{digest}"', "x-repo-commit": COMMIT, "accept-ranges": "bytes"}
        if first:
            headers["content-range"] = f"bytes {first}-{size - 1}/{size}"
        if self.command == "GET":
            hub.served.append((file.name, first))
        half = (size - first) // 2 if file.name in hub.cut else size
        self._send(content[first:], headers, 206 if first else 200, half)

    def _send(self, content: bytes, headers: dict[str, str], status: int = 200, most: int = 1 << 40) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[:most])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def run_hub(name: str, folder: Path) -> Iterator[ModelHub]:
    """A hub that runs within the block."""
    with ModelHub(name, folder) as hub:
        thread = threading.Thread(target=hub.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
