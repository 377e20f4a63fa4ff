"""Puts the server together and runs it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tqdm import tqdm

from ..errors import MissingExtra, ServerError, check_type, show_value
from .api.auth import Authenticator
from .api.grpc import bind, make_server
from .engines.base import EngineSpec
from .engines.registry import check_engine, fetch_model
from .lifetime import wait_for_stop
from .operations.runner import Runner
from .operations.service import SpeechService
from .operations.store import Store
from .operations.store_threads import StoreThreads
from .ports import listen
from .recognition.options import DEFAULT_MODEL
from .recognition.streaming import StreamService
from .settings import ServerSettings
from .status import StatusError
from .workers.pool import Pool

if TYPE_CHECKING:  # REST needs the package, gRPC does not
    from starlette.types import ASGIApp

log = logging.getLogger(__name__)
M_ARENA_MAX = -8  # of malloc.h
STOP_SECONDS = 0.5


def parse_models(options: Iterable[str]) -> dict[str, str]:
    """`NAME=ENGINE[:ARG]` texts, as `--model` takes them, as `ServerSettings.models`.

    Raises:
        ServerError: if one has another form, or a name comes twice.

    >>> parse_models(["general:rc=scripted:a=b.csv"])
    {'general:rc': 'scripted:a=b.csv'}
    """
    if isinstance(options, str) or not isinstance(options, Iterable):
        raise ServerError(f"models must be a list of texts NAME=ENGINE, not {show_value(options)}")
    models: dict[str, str] = {}
    for option in options:
        check_type("a model", option, str, "a text such as 'general=pocketsphinx'", ServerError)
        name, equals, engine = option.partition("=")
        if not (name and equals and engine):
            raise ServerError(
                f"{option!r} names no model; it looks like general=pocketsphinx or NAME=ENGINE:ARG"
            )
        if name in models:
            raise ServerError(f"the model {name!r} is given twice, as {models[name]} and as {engine}")
        models[name] = engine
    return models


def _keep_memory_in_few_arenas() -> None:
    """Let threads share memory: with an arena each, glibc kept over 1 GB after many large calls.

    Elsewhere, where there is no such setting, nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def serve(settings: ServerSettings) -> None:
    """Run the server until SIGTERM, SIGINT or SIGHUP; print one line when it is ready.

    The line holds `grpc://HOST:PORT` and, with REST, `http://HOST:PORT`, with the real ports; with TLS
    `grpcs://` and `https://`.

    Raises:
        ServerError: if a setting is wrong, or a port is in use.
        MissingExtra: if a package is not installed that an engine or REST needs.
    """
    check_type("settings", settings, ServerSettings, "ServerSettings", ServerError)
    settings.addresses()
    _keep_memory_in_few_arenas()
    engines = sorted({spec for specs in settings.engines().values() for spec in specs}, key=str)
    for spec in engines:
        check_engine(spec)
    packages = {"text_to_num": "text2num"}
    if settings.rest is not None:
        packages |= {"starlette": "starlette", "uvicorn": "uvicorn"}
    for module, package in packages.items():
        if find_spec(module) is None:
            raise MissingExtra("the local server", package, "local")
    if settings.bucket_root is not None and not settings.bucket_root.is_dir():
        raise ServerError(
            f"--bucket-root {settings.bucket_root} is no folder; it must hold one folder per bucket"
        )
    for spec in engines:
        _fetch_model(spec, settings.stop_with_stdin)
    asyncio.run(_serve(settings))


def _fetch_model(spec: EngineSpec, is_child: bool) -> None:
    """Fetch the model of an engine. If that fails, the server starts all the same; a request tries again.

    A program that started this one reads the progress in lines of standard output; others show it in a bar.
    """
    bar = None

    def report(n_done: int, n_bytes: int) -> None:
        nonlocal bar
        if is_child:
            _tell(f"fetching {n_done} {n_bytes} {spec}")
            return
        if bar is None:
            bar = tqdm(desc=str(spec), total=n_bytes, unit="B", unit_scale=True)
        bar.update(n_done - bar.n)

    try:
        fetch_model(spec, report)
    except StatusError as error:
        log.error("%s", error)
        if is_child:
            _tell(f"problem {error}")
    finally:
        if bar is not None:
            bar.close()


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Builder:
    """Makes the parts of a server from its settings; `testing` has a subclass."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.models = settings.engines()

    def check_token(self) -> Callable[[str], bool] | None:
        """What checks tokens, see `Authenticator`; None: the server issues none."""
        return None

    def runner(self, store: StoreThreads, pool: Pool) -> Runner:
        """What works on operations."""
        return Runner(store, pool, self.settings.lease_seconds / 5)

    def service(self, store: StoreThreads, runner: Runner) -> SpeechService:
        """What answers calls about files and operations."""
        return SpeechService(store, runner, self.models, self.settings.bucket_root)

    def streams(self, pool: Pool) -> StreamService:
        """What answers streaming sessions."""
        return StreamService(pool, self.models, self.settings.streams)

    def rest(self, service: SpeechService, authenticator: Authenticator) -> ASGIApp:
        """The REST API."""
        from .api.rest import RestApi

        return RestApi(service, authenticator).app()


def _make_builder(settings: ServerSettings) -> Builder:
    if not settings.uses_testing:
        return Builder(settings)
    builder: Builder = import_module(".testing", __package__).TestingBuilder(settings)
    return builder


async def _serve(settings: ServerSettings) -> None:
    builder = _make_builder(settings)
    async with AsyncExitStack() as stack:
        store = StoreThreads(
            Store(settings.data_dir, lease=settings.lease_seconds, keep=settings.keep_seconds)
        )
        stack.push_async_callback(store.close)
        pool = Pool(settings.workers or min(2, os.cpu_count() or 1))
        stack.push_async_callback(pool.close)
        runner = builder.runner(store, pool)
        stack.push_async_callback(runner.close)
        urls = await _open_endpoints(builder, stack, builder.service(store, runner), builder.streams(pool))
        background = [
            asyncio.create_task(runner.maintain()),
            asyncio.create_task(pool.warm_up(builder.models[DEFAULT_MODEL][0])),
        ]
        stack.push_async_callback(_cancel, background)
        await wait_for_stop(settings.stop_with_stdin, lambda: _announce(urls, builder.models))
        log.info("stopping")


async def _open_endpoints(
    builder: Builder, stack: AsyncExitStack, service: SpeechService, streams: StreamService
) -> list[str]:
    """Listen for gRPC and, if the settings say so, for REST; return the URLs."""
    settings = builder.settings
    address, rest = settings.addresses()
    tls, secure = settings.tls(), "s" if settings.tls() else ""
    authenticator = Authenticator(settings.api_key, builder.check_token(), settings.bearer_token)
    server = make_server(service, streams, authenticator, lambda: str(address.public))
    stack.push_async_callback(server.stop, STOP_SECONDS)
    address = bind(server, address, tls)
    await server.start()
    urls = [f"grpc{secure}://{address}"]
    if rest is not None:
        from .api.rest import run_http

        listener = stack.enter_context(listen(rest))
        await stack.enter_async_context(run_http(builder.rest(service, authenticator), listener, tls))
        urls.append(f"http{secure}://{rest._replace(port=listener.getsockname()[1])}")
    return urls


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _announce(urls: Iterable[str], models: Mapping[str, Iterable[EngineSpec]]) -> None:
    names = ", ".join(f"{name}={' or '.join(map(str, specs))}" for name, specs in models.items())
    _tell(f"speechkit-nb local server: {' '.join(urls)} (models {names}); Ctrl-C stops it")
