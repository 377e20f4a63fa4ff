"""Kernels that are killed (SIGKILL) at a chosen write to the journal or call of the network.

As a program it imports everything once, and then forks a kernel for each order that it reads, so that
hundreds of kernels start quickly. The product is not changed for this: the child process wraps SQLite's
connection, gRPC's channel and httpx's transport. A moment is reported before the process is killed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import grpc._channel  # loaded here once, instead of on first use in each kernel
import httpcore  # noqa: F401
import httpx
import ptars  # noqa: F401
import pyarrow.compute  # noqa: F401
from answers import final
from local_server import Api

import speechkit_nb as sk
from speechkit_nb.client import connection  # noqa: F401
from speechkit_nb.client.transport import grpc as grpc_transport
from speechkit_nb.errors import JobUnknown

sk.Transcript([final(0, "warm")]).words  # noqa: B018


@dataclass
class Outcome:
    """The outcome of a kernel.

    Attributes:
        killed: whether it was killed, since it reached the chosen moment.
        moments: the moments that it reached, in order.
        result: what its function returned; None if it was killed.
    """

    killed: bool
    moments: list[str] = field(default_factory=list)
    result: Any = None


class Kernels:
    """Starts kernels; `task` is the name of a function of this module. For use in a `with` block."""

    def __init__(self) -> None:
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, task: str, where: Any, moment: str = "") -> Outcome:
        """Run `task` in a kernel, which is killed at `moment` if it gets there."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        order = {"task": task, "where": where, "moment": moment}
        stdin.write(json.dumps(order, default=str) + "\n")
        stdin.flush()
        outcome = Outcome(**json.loads(stdout.readline()))
        assert outcome.killed or outcome.result is not None, f"the kernel broke down after {outcome.moments}"
        return outcome

    def __enter__(self) -> Kernels:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        assert self._process.wait(20) == 0


# ---- functions that kernels run


def batch(client: sk.Client, api: Api, folder: Path) -> dict[str, Any]:
    """The user's cell: submit each file, check its status, get the results. Unknown jobs are sent again."""
    jobs, sent_again = [], 0
    for path in sorted(folder.glob("*.wav")):
        try:
            jobs.append(client.submit(path, reuse=True))
        except JobUnknown as error:
            jobs.append(error.job.resubmit())
            sent_again += 1
        jobs[-1].status  # noqa: B018
    wait_for(jobs, api)
    return {"texts": texts(jobs), "sent_again": sent_again}


def many(client: sk.Client, api: Api, folder: Path) -> dict[str, Any]:
    """The same with `submit_many`, in which one thread sends and another one polls."""
    jobs = client.submit_many(folder, reuse=True, progress=False)
    jobs.wait(timeout=60, progress=False)
    again = [job.resubmit() for job in jobs.unknown]
    known = [job for job in jobs if job.status != "unknown" and job.record.state != "cancelled"]
    return {"texts": texts([*known, *again]), "sent_again": len(again)}


def grid(client: sk.Client, api: Api, folder: Path) -> dict[str, Any]:
    """An experiment with two models."""
    found = sk.experiment(folder, ["general", "general:rc"], client=client, progress=False)
    return {"texts": texts(list(found.wait(timeout=60, progress=False).jobs))}


def resume(client: sk.Client, api: Api, folder: Path) -> dict[str, Any]:
    """After a crash: all results, and the unknown jobs."""
    jobs = list(client.resume())
    wait_for(jobs, api)
    unknown = [job for job in jobs if job.status == "unknown"]
    return {
        "texts": texts([job for job in jobs if job not in unknown]),
        "unknown": [job.recording for job in unknown],
    }


def settle(client: sk.Client, api: Api, folder: Path) -> dict[str, Any]:
    """Unknown jobs: send the first one again, abandon the others."""
    unknown = [job for job in client.resume() if job.status == "unknown"]
    again = [job.resubmit() for job in unknown[:1]]
    for job in unknown[1:]:
        job.abandon()
    wait_for(again, api)
    return {"texts": texts(again), "unknown": [job.recording for job in unknown]}


def submit(client: sk.Client, api: Api, folder: Path) -> dict[str, Any]:
    """Submit each file, without waiting; unknown jobs are not settled."""
    ids = []
    for path in sorted(folder.glob("*.wav")):
        with suppress(JobUnknown):
            ids.append(client.submit(path, reuse=True).operation_id)
    return {"ids": ids}


def wait_for(jobs: list[sk.Job], api: Api) -> None:
    """Wait until the server is done, without the client, so that all kernels have the same moments."""
    for job in jobs:
        if job.record.state in ("submitted", "running"):
            api.wait(str(job.operation_id))


def texts(jobs: list[sk.Job]) -> dict[str, str]:
    return {job.recording: job.result(timeout=60, progress=False).text for job in jobs}


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    task.__name__: task for task in (batch, grid, many, resume, settle, submit)
}


# ---- moments


ALIKE = 6
"""From this number on, repetitions of a write or call count as the same: polling repeats them often."""


class Life:
    """Reports each moment, and kills the process at the last one."""

    def __init__(self, pipe: int, last: str) -> None:
        self._pipe, self._last = pipe, last
        self._times: Counter[str] = Counter()

    def around(self, name: str, call: Callable[[], Any]) -> Any:
        """Make a call, with a moment before its request and one after its response."""
        self._times[name] = min(self._times[name] + 1, ALIKE)
        name = f"{name} ({self._times[name]})"
        self._moment(f"before {name}")
        try:
            return call()
        finally:
            self._moment(f"after {name}")

    def _moment(self, name: str) -> None:
        os.write(self._pipe, f"{name}\n".encode())
        if name == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


class Connection(sqlite3.Connection):
    """A connection that reports its writes: each COMMIT, with its last statement, and the switch to WAL."""

    life: Life
    _written = ""

    def execute(self, query: str, *values: Any) -> Any:  # type: ignore[override]
        call = partial(super().execute, query, *values)
        if query.startswith(("INSERT", "UPDATE", "CREATE", "ALTER")):
            self._written = " ".join(query.partition(" WHERE ")[0].split())
        if query == "COMMIT":
            return self.life.around(f"COMMIT of {self._written}", call)
        return self.life.around(query, call) if query.startswith("PRAGMA journal_mode") else call()


class Interceptor(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Reports each call of a channel. A stream is read completely before it is returned."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        def whole() -> Any:
            call = continuation(details, request)
            call.code()  # waits for it
            return call

        if details.method == grpc_transport.PROBE:  # there may be any number of them
            return whole()
        return self._life.around(details.method.rpartition("/")[2], whole)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        name = details.method.rpartition("/")[2]
        return iter(self._life.around(name, lambda: list(continuation(details, request))))


def wrap(life: Life) -> None:
    """Report the moments of this process from now on."""
    Connection.life = life
    sqlite3.connect = partial(sqlite3.connect, factory=Connection)  # type: ignore[assignment]
    opened = grpc_transport.open_channel
    grpc_transport.open_channel = lambda *given: grpc.intercept_channel(opened(*given), Interceptor(life))
    handled = httpx.HTTPTransport.handle_request

    def handle(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        def whole() -> httpx.Response:
            response = handled(self, request)
            stream = response.stream
            assert isinstance(stream, httpx.SyncByteStream)
            response.stream = httpx.ByteStream(b"".join(stream))
            stream.close()
            return response

        name = re.sub(r"/f8d\w+", "", request.url.path)
        return life.around(f"{request.method} {name}", whole)  # type: ignore[no-any-return]

    httpx.HTTPTransport.handle_request = handle  # type: ignore[method-assign]


# ---- the program


def live(order: dict[str, Any], pipe: int) -> None:
    """Run one kernel."""
    where = order["where"]
    folder = Path(where["folder"])
    wrap(Life(pipe, order["moment"]))
    with sk.connect(where["target"], journal=where["journal"]) as client:
        result = TASKS[order["task"]](client, Api(where["address"]), folder)
    os.write(pipe, f"={json.dumps(result)}\n".encode())


def fork(order: dict[str, Any]) -> Outcome:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            live(order, writing)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        lines = pipe.read().splitlines()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    result = json.loads(lines.pop()[1:]) if code == 0 else None
    return Outcome(code == -signal.SIGKILL, lines, result)


def main() -> None:
    """Read orders and write outcomes, one per line."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(vars(fork(json.loads(line)))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
