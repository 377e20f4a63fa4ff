"""How the local server starts and stops, and how other servers take its work over. Every wait is bounded."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from local_server import DATA, RUN, Api, Server, serving, talk, wait_until

from speechkit_nb.errors import ServerError
from speechkit_nb.server import ServerSettings, parse_models, serve

Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers and stops them after the test."""
    servers: list[Server] = []

    def start(**settings: Any) -> Server:
        servers.append(Server(**settings))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def all_gone(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids)


def workers(server: Server) -> list[int]:
    """The worker processes, once there is one."""
    process = psutil.Process(server.process.pid)
    wait_until(lambda: bool(process.children()))
    return [child.pid for child in process.children()]


def test_start_up_line(start: Start) -> None:
    """One line holds the URL with the real port, and the models."""
    server = start(models={"mine": "pocketsphinx"})
    assert server.close() == 0
    assert re.fullmatch(
        r"speechkit-nb local server: grpc://127\.0\.0\.1:[1-9]\d* \(models general=pocketsphinx, "
        r"general:rc=pocketsphinx, .*deferred-general=pocketsphinx, .*mine=pocketsphinx\); Ctrl-C stops it\n",
        server.line,
    )


@pytest.mark.parametrize(
    ("settings", "is_loaded"),
    [
        ({}, False),
        ({"faults": ["slow:0"]}, True),
        ({"vm_metadata": True}, True),
        ({"oauth_token": "y0_user"}, True),
    ],
)
def test_a_normal_server_loads_no_test_doubles(settings: dict[str, Any], is_loaded: bool) -> None:
    """`server.testing` is imported only if a setting switches something in it on."""
    listing = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); "
    options = {"grpc": "127.0.0.1:0", "rest": "127.0.0.1:0", "stop_with_stdin": True, **settings}
    command = [sys.executable, "-c", listing + RUN, json.dumps(options)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert "speechkit_nb.server.api.rest" in done.stdout.split()
    assert ("speechkit_nb.server.testing" in done.stdout) is is_loaded


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"grpc": "0.0.0.0:0"}, "can be reached from other machines, and there is no TLS and no key"),
        ({"grpc": "example.com:1"}, "can be reached from other machines"),
        ({"grpc": "127.0.0.1"}, "is no address; it looks like 127.0.0.1:50051"),
        ({"grpc": "127.0.0.1:99999"}, "is no address"),
        ({"models": {"a": "sphinx"}}, "there is no engine 'sphinx'; the engines are pocketsphinx, scripted"),
        ({"models": {"a": "scripted:gone.csv"}}, "the scripted engine finds nothing at '.*gone.csv'"),
        ({"models": {"a": "scripted"}}, "the scripted engine finds nothing at ''"),
        (
            {"models": {"a": f"scripted:{DATA / 'monologue.TextGrid'}"}},
            "the columns end, start, word are missing",
        ),
        ({"bucket_root": "gone"}, "--bucket-root gone is no folder"),
        (
            {"faults": ["explode"]},
            "there is no fault 'explode'; the faults are unavailable:METHOD:N, cut:METHOD:N",
        ),
        ({"data_dir": str(DATA / "README.md")}, "the data folder .*README.md cannot be used"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], words: str) -> None:
    """A server with wrong settings does not start, and the error names the setting."""
    with pytest.raises(ServerError, match=words):
        serve(ServerSettings.of(**{"grpc": "127.0.0.1:0", **settings}))


def test_port_in_use() -> None:
    """A port that is in use is an error with its number."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"cannot listen at 127.0.0.1:{port}: the port is in use"):
            serve(ServerSettings(grpc=f"127.0.0.1:{port}"))


def test_port_of_another_server(start: Start) -> None:
    """Two servers do not share a port."""
    first = start()
    with pytest.raises(ServerError, match=f"cannot listen at {first.address}: the port is in use"):
        serve(ServerSettings(grpc=first.address))
    assert first.close() == 0


def test_models_from_options() -> None:
    """NAME=ENGINE:ARG, where the argument may hold anything."""
    assert parse_models(["a:rc=scripted:x=y:z"]) == {"a:rc": "scripted:x=y:z"}
    with pytest.raises(ServerError, match="'general' names no model; it looks like general=pocketsphinx"):
        parse_models(["general"])
    with pytest.raises(ServerError, match="the model 'a' is given twice, as b and as c"):
        parse_models(["a=b", "a=c"])
    for wrong in (5, None, "general=pocketsphinx", [5]):
        with pytest.raises(ServerError, match=r"must be a (list of texts NAME=ENGINE|text such as)"):
            parse_models(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_signals_end_it_cleanly(start: Start, name: str) -> None:
    """Exit code 0, and no worker is left."""
    server = start()
    pids = workers(server)
    server.process.send_signal(getattr(signal, name))
    assert server.process.wait(5) == 0
    wait_until(lambda: all_gone(pids), 5)


def test_ignored_hangup_is_respected() -> None:
    """Under nohup the server outlives its terminal."""
    command = f"trap '' HUP; exec {sys.executable} -c '{RUN}' '{{\"grpc\": \"127.0.0.1:0\"}}'"
    process = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = re.search(r"grpc://(\S+:\d+)", process.stdout.readline())
    assert address
    process.send_signal(signal.SIGHUP)
    api = Api(address[1])
    assert api.submit(talk()).id
    api.channel.close()
    process.terminate()
    assert process.wait(5) == 0
    process.stdout.close()


def test_killed_server_leaves_no_worker(start: Start) -> None:
    """SIGKILL of the server, in the middle of its work."""
    server = start()
    api = server.api
    api.submit((DATA / "dialogue.wav").read_bytes())
    pids = workers(server)
    server.kill()
    wait_until(lambda: all_gone(pids), 20)  # it may be in the middle of an utterance


PARENT = """
import subprocess, sys, time
command = [sys.executable, "-c", *sys.argv[1:]]
child = subprocess.Popen(command, {stdin}stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline(), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("stdin", ["stdin=subprocess.PIPE, ", ""], ids=["pipe", "parent only"])
def test_killed_parent_takes_the_server_with_it(stdin: str) -> None:
    """SIGKILL of the process that started the server; also if something else keeps its input open."""
    options = '{"grpc": "127.0.0.1:0", "stop_with_stdin": true}'
    command = [sys.executable, "-c", PARENT.format(stdin=stdin), RUN, options]
    held = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert held.stdin is not None
    assert held.stdout is not None
    pid = int(held.stdout.readline().split()[0])
    wait_until(lambda: bool(psutil.Process(pid).children()))
    pids = [pid, *(child.pid for child in psutil.Process(pid).children())]
    held.kill()
    held.wait()
    wait_until(lambda: all_gone(pids), 10)
    held.stdin.close()
    held.stdout.close()


def test_dead_worker_fails_its_operation_and_is_replaced(start: Start) -> None:
    """INTERNAL for what it was working on; the next operation works."""
    server = start(workers=1)
    api = server.api
    (pid,) = workers(server)
    api.recognize(talk())
    process = psutil.Process(pid)
    idle = process.cpu_times().user
    running = api.submit((DATA / "monologue.wav").read_bytes())
    wait_until(lambda: process.cpu_times().user > idle + 0.2)
    os.kill(pid, signal.SIGKILL)
    error = api.wait(running.id).error
    assert (error.code, error.message) == (
        13,
        "the process of the recognition engine ended unexpectedly; submit again",
    )
    assert api.recognize(talk())
    assert server.close() == 0


@pytest.mark.parametrize("ending", ["kill", "close"])
def test_running_operation_is_taken_up_again(start: Start, tmp_path: Path, ending: str) -> None:
    """With a data folder a server that ends in mid-job, SIGKILL included, loses nothing."""
    settings = {"data_dir": tmp_path, "lease_seconds": 0.5}
    first = start(**settings)
    api = first.api
    running = api.submit(talk(), metadata=[("x-client-request-id", "mine")])
    assert not api.operation(running.id).done
    getattr(first, ending)()
    with serving(**settings) as api:
        done = api.wait(running.id)
        assert not done.HasField("error")
        assert done.created_at == running.created_at
        kept = api.messages(running.id)
    with serving(**settings) as api:
        assert api.messages(running.id) == kept
        assert kept


def test_servers_share_a_data_folder(tmp_path: Path) -> None:
    """Each answers for the operations of both, and works only on its own; cancelling reaches the other."""
    settings = {"data_dir": tmp_path, "lease_seconds": 0.5}
    with serving(**settings, faults=["never-done"]) as busy, serving(**settings) as other:
        running = busy.submit(talk())
        own = other.submit(talk())
        assert busy.wait(own.id).done
        assert busy.messages(own.id) == other.messages(own.id)
        assert not other.operation(running.id).done
        assert other.cancel(running.id).error.code == 1
        assert busy.operation(running.id).done
