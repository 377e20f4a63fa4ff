"""The engines and how they are found by name: `pocketsphinx`, `scripted:PATH`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from ...errors import MissingExtra, ServerError
from .base import Engine, EngineSpec


@dataclass(frozen=True)
class Entry:
    """How an engine is made.

    Attributes:
        module: where its `create(spec)` lives, imported only when the engine is used.
        own_process: whether it computes so much that it runs outside the server's process.
        languages: as of `Engine.languages`, known without loading it.
        package: the optional package it needs, if any.
        takes_path: whether its argument is a path.
    """

    module: str
    own_process: bool
    languages: tuple[str, ...] = ()
    package: str = ""
    takes_path: bool = False


ENGINES = {
    "pocketsphinx": Entry("pocketsphinx", own_process=True, languages=("en-US",), package="pocketsphinx"),
    "scripted": Entry("scripted", own_process=False, takes_path=True),
    "timecoded": Entry("scripted", own_process=False, takes_path=True),
}


def parse(text: str) -> EngineSpec:
    """Reads `ENGINE` or `ENGINE:ARG`; a path becomes absolute, as another process may use it.

    Raises:
        ServerError: if there is no such engine.

    >>> parse("pocketsphinx")
    EngineSpec(engine='pocketsphinx', argument='')
    """
    engine, _, argument = text.partition(":")
    spec = EngineSpec(engine, argument)
    if argument and entry(spec).takes_path:
        return EngineSpec(engine, str(spec.path.absolute()))
    return spec


def entry(spec: EngineSpec) -> Entry:
    """What is known about the engine of `spec`.

    Raises:
        ServerError: if there is no such engine.
    """
    if spec.engine not in ENGINES:
        raise ServerError(f"no engine {spec.engine!r}; there are {', '.join(sorted(ENGINES))}")
    return ENGINES[spec.engine]


def check(spec: EngineSpec) -> None:
    """Raises ServerError or MissingExtra if the engine could not be made here; loads nothing heavy."""
    found = entry(spec)
    if found.package and find_spec(found.package) is None:
        raise MissingExtra(f"the engine {spec.engine}", found.package, "local")
    if not found.own_process:
        create(spec)


def create(spec: EngineSpec) -> Engine:
    """Makes the engine, loading what it needs."""
    module = import_module(f".{entry(spec).module}", __name__)
    engine: Engine = module.create(spec)
    return engine
