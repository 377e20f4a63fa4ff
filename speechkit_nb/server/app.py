"""Puts the server together and runs it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from importlib.util import find_spec
from typing import NamedTuple

from ..errors import MissingExtra, ServerError
from . import engines
from .api.auth import Gate
from .api.grpc import bind, make_server
from .engines.base import EngineSpec
from .lifetime import until_told_to_stop
from .operations.runner import Runner
from .operations.service import SpeechService
from .operations.store import Store
from .ports import listen
from .recognition.options import DEFAULT_MODEL
from .recognition.streaming import StreamService
from .settings import ServerSettings
from .testing.faults import Faults
from .testing.iam import Issuer
from .workers.pool import Pool

__all__ = ["ServerSettings", "models_from_options", "serve"]
log = logging.getLogger(__name__)
STOP_SECONDS = 0.5


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

    The line holds `grpc://HOST:PORT` and, with REST, `http://HOST:PORT`, with the real ports; with TLS
    `grpcs://` and `https://`.

    Raises:
        ServerError: if it is set up wrongly, or a port is taken.
        MissingExtra: if an engine's package is not installed, or one that REST needs.
    """
    settings.addresses()
    for spec in settings.engines().values():
        engines.check(spec)
    wanted = {"text_to_num": "text2num"}
    if settings.rest is not None:
        wanted |= {"starlette": "starlette", "uvicorn": "uvicorn"}
    for module, package in wanted.items():
        if find_spec(module) is None:
            raise MissingExtra("the local server", package, "local")
    if settings.bucket_root is not None and not settings.bucket_root.is_dir():
        raise ServerError(
            f"--bucket-root {settings.bucket_root} is no folder; it holds a folder for each bucket"
        )
    asyncio.run(_serve(settings))


async def _serve(settings: ServerSettings) -> None:
    models, faults = settings.engines(), Faults(settings.faults)
    issuer = Issuer(
        settings.iam_public_key,
        settings.oauth_token,
        for_machine=settings.vm_metadata,
        seconds=settings.token_seconds,
    )
    gate = Gate(settings.api_key, issuer)
    async with AsyncExitStack() as stack:
        store = Store(settings.data_dir, lease=settings.lease_seconds, keep=settings.keep_seconds)
        stack.callback(store.close)
        pool = Pool(settings.workers or min(2, os.cpu_count() or 1))
        stack.push_async_callback(pool.close)
        beat = settings.lease_seconds / 5
        runner = Runner(store, pool, beat, idle=faults.never_done)
        stack.push_async_callback(runner.close)
        service = SpeechService(store, runner, models, settings.bucket_root, faults)
        streams = StreamService(pool, models, faults, settings.streams)
        doors = await _open_doors(settings, stack, service, streams, Access(gate, issuer, faults))
        background = [
            asyncio.create_task(runner.tend()),
            asyncio.create_task(pool.warm_up(models[DEFAULT_MODEL])),
        ]
        stack.push_async_callback(_cancel, background)
        await until_told_to_stop(settings.stop_with_stdin, lambda: _announce(doors, models))
        log.info("stopping")


class Access(NamedTuple):
    """What the doors ask before they let a call in."""

    gate: Gate
    issuer: Issuer
    faults: Faults


async def _open_doors(
    settings: ServerSettings,
    stack: AsyncExitStack,
    service: SpeechService,
    streams: StreamService,
    access: Access,
) -> list[str]:
    """Listens for gRPC and, if that is wanted, for REST; the URLs."""
    at, rest = settings.addresses()
    tls, secure = settings.tls(), "s" if settings.tls() else ""
    server = make_server(service, streams, access.gate, lambda: str(at.public))
    stack.push_async_callback(server.stop, STOP_SECONDS)
    at = bind(server, at, tls)
    await server.start()
    doors = [f"grpc{secure}://{at}"]
    if rest is not None:
        from .api.rest import RestApi
        from .api.rest_server import serving

        listener = stack.enter_context(listen(rest))
        api = RestApi(service, *access)
        await stack.enter_async_context(serving(api.app(), listener, tls))
        doors.append(f"http{secure}://{rest._replace(port=listener.getsockname()[1])}")
    return doors


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _announce(doors: Iterable[str], models: Mapping[str, EngineSpec]) -> None:
    names = ", ".join(f"{name}={spec}" for name, spec in models.items())
    sys.stdout.write(f"speechkit-nb local server: {' '.join(doors)} (models {names}); Ctrl-C stops it\n")
    sys.stdout.flush()
