"""Puts the server together and runs it."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import MissingExtra, ServerError
from . import engines
from .engines.base import EngineSpec
from .faults import Faults
from .grpc_api import bind, make_server
from .lifetime import until_told_to_stop
from .operations import KEEP_SECONDS, Store
from .requests import DEFAULT_MODEL
from .runner import Runner
from .service import SpeechService
from .workers import Pool

log = logging.getLogger(__name__)
DEFAULT_MODELS = dict.fromkeys((DEFAULT_MODEL, "general:rc", "deferred-general"), "pocketsphinx")
STOP_SECONDS = 0.5


@dataclass(frozen=True)
class ServerSettings:
    """How the local server is set up.

    Attributes:
        grpc: address, `HOST:PORT`; port 0 takes a free one.
        models: `ENGINE[:ARG]` of model names; names that are not given keep the embedded recognizer.
        bucket_root: folder of `BUCKET/KEY` behind Object Storage links.
        data_dir: where operations are kept over a restart, and may be shared by several servers; None keeps
            them in memory.
        workers: processes that recognize; None takes as many as there are processors, at most two.
        faults: failures to show, see `faults`.
        stop_with_stdin: end when standard input does, or the process that started this one is gone.
        lease_seconds: how long after its last sign of life a server's operations are its own.
        keep_seconds: how long results are kept.

    >>> [name for name in ServerSettings(models={"mine": "pocketsphinx"}).engines()]
    ['general', 'general:rc', 'deferred-general', 'mine']
    """

    grpc: str = "127.0.0.1:50051"
    models: Mapping[str, str] = field(default_factory=dict)
    bucket_root: Path | None = None
    data_dir: Path | None = None
    workers: int | None = None
    faults: tuple[str, ...] = ()
    stop_with_stdin: bool = False
    lease_seconds: float = 5.0
    keep_seconds: float = KEEP_SECONDS

    @classmethod
    def of(cls, **options: Any) -> ServerSettings:
        """The same from the options of a command line: paths may be texts, and None takes the default.

        >>> ServerSettings.of(data_dir="operations", bucket_root=None).data_dir.name
        'operations'
        """
        given = {name: value for name, value in options.items() if value is not None}
        for name in ("bucket_root", "data_dir"):
            if name in given:
                given[name] = Path(given[name]).expanduser()
        return cls(**given)

    def engines(self) -> dict[str, EngineSpec]:
        """The engine of each model."""
        return {name: engines.parse(text) for name, text in {**DEFAULT_MODELS, **self.models}.items()}

    def address(self) -> tuple[str, int]:
        """Host and port.

        Raises:
            ServerError: if it is no address, or not of the loopback device.
        """
        host, _, port = self.grpc.rpartition(":")
        host = host.strip("[]")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ServerError(
                f"{self.grpc!r} is no address; it looks like 127.0.0.1:50051, port 0 takes a free one"
            )
        if not _is_loopback(host):
            raise ServerError(
                f"{self.grpc!r} can be reached from other machines, and there is no TLS and no key yet; "
                "use 127.0.0.1, or an SSH tunnel to it"
            )
        return host, int(port)


def models_from_options(options: Iterable[str]) -> dict[str, str]:
    """`NAME=ENGINE[:ARG]` texts, as of `--model`, as `ServerSettings.models`.

    Raises:
        ServerError: if one is written wrongly.

    >>> models_from_options(["general:rc=scripted:a=b.csv"])
    {'general:rc': 'scripted:a=b.csv'}
    """
    models = {}
    for option in options:
        name, equals, engine = option.partition("=")
        if not (name and equals and engine):
            raise ServerError(
                f"{option!r} names no model; it looks like general=pocketsphinx or NAME=ENGINE:ARG"
            )
        models[name] = engine
    return models


def serve(settings: ServerSettings) -> None:
    """Runs the server until SIGTERM, SIGINT or SIGHUP; prints one line when it is ready.

    The line holds `grpc://HOST:PORT` with the real port.

    Raises:
        ServerError: if it is set up wrongly, or the port is taken.
        MissingExtra: if an engine's package is not installed.
    """
    host, port = settings.address()
    for spec in settings.engines().values():
        engines.check(spec)
    if find_spec("text_to_num") is None:
        raise MissingExtra("the local server", "text2num", "local")
    if settings.bucket_root is not None and not settings.bucket_root.is_dir():
        raise ServerError(
            f"--bucket-root {settings.bucket_root} is no folder; it holds a folder for each bucket"
        )
    asyncio.run(_serve(settings, host, port))


async def _serve(settings: ServerSettings, host: str, port: int) -> None:
    models, faults = settings.engines(), Faults(settings.faults)
    async with AsyncExitStack() as stack:
        store = Store(settings.data_dir, lease=settings.lease_seconds, keep=settings.keep_seconds)
        stack.callback(store.close)
        pool = Pool(settings.workers or min(2, os.cpu_count() or 1))
        stack.push_async_callback(pool.close)
        beat = settings.lease_seconds / 5
        runner = Runner(store, pool, beat, idle=faults.never_done)
        stack.push_async_callback(runner.close)
        server = make_server(SpeechService(store, runner, models, settings.bucket_root, faults))
        stack.push_async_callback(server.stop, STOP_SECONDS)
        port = bind(server, host, port)
        await server.start()
        background = [
            asyncio.create_task(runner.tend()),
            asyncio.create_task(pool.warm_up(models[DEFAULT_MODEL])),
        ]
        stack.push_async_callback(_cancel, background)
        _announce(host, port, models)
        await until_told_to_stop(settings.stop_with_stdin)
        log.info("stopping")


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _announce(host: str, port: int, models: Mapping[str, EngineSpec]) -> None:
    names = ", ".join(f"{name}={spec}" for name, spec in models.items())
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    sys.stdout.write(f"speechkit-nb local server: grpc://{address} (models {names}); Ctrl-C stops it\n")
    sys.stdout.flush()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
