"""Starts the local server for tests as a process, and calls it by plain gRPC."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import soundfile

from speechkit_nb.wire import methods, operation, v3

DATA = Path(__file__).parents[2] / "data"
RUN = (
    "import json, sys; from speechkit_nb.server import ServerSettings, serve; "
    "serve(ServerSettings.of(**json.loads(sys.argv[1])))"
)
RECOGNIZER = "speechkit.stt.v3.AsyncRecognizer"
OPERATIONS = "yandex.cloud.operation.OperationService"
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Server:
    """A server process. `settings` are those of `ServerSettings.of`; the port is free unless given."""

    def __init__(self, *, program: str = RUN, **settings: Any) -> None:
        options = {"grpc": "127.0.0.1:0", "stop_with_stdin": True, **settings}
        texts = json.dumps(options, default=str)
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, texts], stdin=pipe, stdout=pipe, text=True
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        found = re.search(r"grpcs?://(\S+:\d+)(?: (https?://\S+))?", self.line)
        assert found, "the server did not start; its error is on standard error"
        self.address = found[1]
        self.rest = found[2] or ""
        self.api = Api(self.address)

    def kill(self) -> None:
        """End the process with SIGKILL."""
        self.process.kill()
        self.close()

    def close(self) -> int:
        """Close its standard input, which ends it; return its exit code. May be called again."""
        self.api.channel.close()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        return self.process.wait(20)


class Api:
    """The calls of one server, by name."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.channel = grpc.insecure_channel(address, UNLIMITED)

    def call(self, service: str, name: str, request: Any, **options: Any) -> Any:
        """The answer; for a stream the list of its messages as bytes."""
        method = methods(service)[name]
        make = self.channel.unary_stream if method.response_streaming else self.channel.unary_unary
        parse = None if method.response_streaming else method.response.FromString
        answer = make(method.path, method.request.SerializeToString, parse)(request, timeout=30, **options)
        return list(answer) if method.response_streaming else answer

    def submit(self, content: bytes = b"", metadata: Any = (), **options: Any) -> Any:
        """RecognizeFile of `content` with the fields of `options`; the operation."""
        request = v3.RecognizeFileRequest(**({"content": content} if content else {}), **options)
        return self.call(RECOGNIZER, "RecognizeFile", request, metadata=metadata)

    def operation(self, operation_id: str) -> Any:
        """OperationService.Get."""
        return self.call(OPERATIONS, "Get", operation.GetOperationRequest(operation_id=operation_id))

    def cancel(self, operation_id: str) -> Any:
        """OperationService.Cancel."""
        return self.call(OPERATIONS, "Cancel", operation.CancelOperationRequest(operation_id=operation_id))

    def messages(self, operation_id: str) -> list[bytes]:
        """GetRecognition."""
        request = v3.GetRecognitionRequest(operation_id=operation_id)
        return list(self.call(RECOGNIZER, "GetRecognition", request))

    def delete(self, operation_id: str) -> None:
        """DeleteRecognition."""
        self.call(RECOGNIZER, "DeleteRecognition", v3.DeleteRecognitionRequest(operation_id=operation_id))

    def wait(self, operation_id: str) -> Any:
        """The operation when it is done."""
        wait_until(lambda: self.operation(operation_id).done)
        return self.operation(operation_id)

    def recognize(self, content: bytes = b"", **options: Any) -> list[Any]:
        """Submits, waits, and fetches; the parsed messages."""
        done = self.wait(self.submit(content, **options).id)
        assert not done.HasField("error"), done.error.message
        return [v3.StreamingResponse.FromString(message) for message in self.messages(done.id)]


@contextmanager
def serving(**settings: Any) -> Iterator[Api]:
    """A server that runs while the block does."""
    server = Server(**settings)
    try:
        yield server.api
    finally:
        server.close()


def wait_until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    """Check again and again, for a limited time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.05)


def wav(seconds: float = 1.0, n_channels: int = 1, sample_rate: int = 8000) -> bytes:
    """A WAV file of silence."""
    return sound(np.zeros((n_channels, round(seconds * sample_rate)), np.float32), sample_rate)


def talk(seconds: float = 4.6) -> bytes:
    """The start of data/monologue.wav, with the words good morning, as a WAV file."""
    samples, rate = soundfile.read(DATA / "monologue.wav", dtype="float32", frames=round(seconds * 16000))
    return sound(samples[np.newaxis], rate)


def sound(samples: Any, sample_rate: int, **options: Any) -> bytes:
    """Samples (n_channels, n_samples) as a file; WAV unless `options` of soundfile say otherwise."""
    file = io.BytesIO()
    soundfile.write(file, samples.T, sample_rate, **{"format": "WAV", "subtype": "PCM_16", **options})
    return file.getvalue()
