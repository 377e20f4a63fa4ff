"""Calls to a child process on its standard input, and its answers on its standard output."""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
from collections.abc import Callable
from typing import IO, Any

LENGTH = struct.Struct("<I")
"""Each message is pickled, with its length in front."""


def send(file: IO[bytes], message: Any) -> None:
    """Write one message."""
    data = pickle.dumps(message)
    file.write(LENGTH.pack(len(data)) + data)
    file.flush()


def receive(file: IO[bytes]) -> Any:
    """The next message; None if the file has ended."""
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    data = file.read(length)
    return pickle.loads(data) if len(data) == length else None


def answer_calls(answer: Callable[..., Any]) -> None:
    """In the child: answer calls until the input closes."""
    # A terminal sends these signals to all processes. The server handles them and closes the input.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    # Standard output is for answers only: what libraries print goes to standard error.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        while call := receive(sys.stdin.buffer):
            send(answers, answer(*call))
    except BrokenPipeError:  # the server is gone
        os._exit(0)
