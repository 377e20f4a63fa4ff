"""A flood of hostile calls: the memory of the server is bounded, and other callers get their answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from flood import KEY
from local_server import Api, Server, wav

FLOOD = Path(__file__).parents[1] / "support" / "flood.py"
MEMORY = 1 << 30
PATIENCE = 1.0
CREDENTIALS = {"api_key": KEY, "oauth_token": "y0_flood"}
HEADERS = {"authorization": f"Api-Key {KEY}"}


@pytest.fixture
def server(script: Path) -> Iterator[Server]:
    """A server with every kind of call."""
    started = Server(rest="127.0.0.1:0", models={"general": f"scripted:{script}"}, **CREDENTIALS)
    yield started
    started.close()


def flood(server: Server, seconds: float) -> tuple[dict[str, int], list[float], int]:
    """How often each attack was made, how long another caller waited (s), and the most memory (bytes)."""
    command = [sys.executable, str(FLOOD), server.address, server.rest, str(seconds)]
    process = psutil.Process(server.process.pid)
    memory, waits = [0], []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as attacker:
        assert attacker.stdout is not None
        assert attacker.stdout.readline() == "ready\n"

        def watch() -> None:
            while attacker.poll() is None:
                memory[0] = max(memory[0], process.memory_info().rss)
                time.sleep(0.02)

        watcher = threading.Thread(target=watch)
        watcher.start()
        other = Api(server.address)
        no_idle = httpx.Limits(max_keepalive_connections=0)  # the server may close those when there are many
        with httpx.Client(base_url=server.rest, headers=HEADERS, timeout=30, limits=no_idle) as http:
            while attacker.poll() is None:
                began = time.monotonic()
                operation = other.submit(wav(), metadata=tuple(HEADERS.items()))
                assert http.get(f"/operations/{operation.id}").status_code == 200
                waits.append(time.monotonic() - began)
                time.sleep(0.1)
        other.channel.close()
        watcher.join()
        return json.loads(attacker.stdout.read()), waits, memory[0]


def check(server: Server, seconds: float, share: float) -> None:
    """Memory, and whether this share of the answers came soon enough."""
    # where other programs wait for the processor as well, answers take that much longer
    patience = PATIENCE * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    made, waits, memory = flood(server, seconds)

    assert all(made.values()), made
    assert memory < MEMORY, f"{memory >> 20} MB"
    assert sorted(waits)[int(len(waits) * share)] < patience, sorted(waits)
    assert server.api.submit(wav(), metadata=tuple(HEADERS.items())).id


def test_a_flood(server: Server) -> None:
    """For some seconds."""
    check(server, 8, share=0.5)  # there are few


@pytest.mark.exhaustive
def test_a_long_flood(server: Server) -> None:
    """For most of a minute: what leaks would be seen."""
    check(server, 45, share=0.5)
