"""The engines and how they are found by name: `pocketsphinx`, `scripted:PATH`, `whisper`."""

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
        packages: the modules it needs of optional packages.
        extra: which of our extras holds these.
        takes_path: whether its argument is a path.
        takes_name: whether an argument that is no path is a name.
        models: module that finds the engine's model and says its languages, if it has several.
    """

    module: str
    own_process: bool
    languages: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    extra: str = "local"
    takes_path: bool = False
    takes_name: bool = False
    models: str = ""


ENGINES = {
    "pocketsphinx": Entry("pocketsphinx", own_process=True, languages=("en-US",), packages=("pocketsphinx",)),
    "scripted": Entry("scripted", own_process=False, takes_path=True),
    "timecoded": Entry("scripted", own_process=False, takes_path=True),
    "whisper": Entry(
        "whisper",
        own_process=True,
        packages=("faster_whisper", "pocketsphinx"),
        extra="whisper",
        takes_path=True,
        takes_name=True,
        models="whisper_models",
    ),
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
    found = entry(spec) if argument else None
    if found and found.takes_path and (spec.path.exists() or not found.takes_name):
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


def languages(spec: EngineSpec) -> tuple[str, ...]:
    """The codes that the engine of `spec` knows, its own first; empty if any will do. Loads nothing heavy.

    >>> languages(parse("whisper:small.en")), languages(parse("whisper:small"))
    (('en-US',), ())
    """
    found = entry(spec)
    if not found.models:
        return found.languages
    known: tuple[str, ...] = import_module(f".{found.models}", __name__).languages(spec)
    return known


def check(spec: EngineSpec) -> None:
    """Raises ServerError or MissingExtra if the engine could not be made here; loads nothing heavy."""
    found = entry(spec)
    for package in found.packages:
        if find_spec(package) is None:
            raise MissingExtra(f"the engine {spec.engine}", package.replace("_", "-"), found.extra)
    if found.models:
        import_module(f".{found.models}", __name__).find_model(spec)
    if not found.own_process:
        create(spec)


def create(spec: EngineSpec) -> Engine:
    """Makes the engine, loading what it needs."""
    module = import_module(f".{entry(spec).module}", __name__)
    engine: Engine = module.create(spec)
    return engine
