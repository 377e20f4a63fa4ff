"""The rules of the house: who may import whom, sizes of rooms, what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "speechkit_nb"
MAY_IMPORT = {
    "errors": set(),
    "paths": set(),
    "config": {"errors", "paths"},
    "audio": {"errors", "paths"},
    "wire": {"errors", "paths"},
    "tables": {"errors", "paths", "wire"},
    "evaluate": {"errors", "audio", "tables"},
    "views": {"errors", "paths", "audio", "tables"},
    "transcript": {"errors", "paths", "tables", "views", "wire"},
    "formats": {"errors", "paths", "tables", "transcript"},
    "client": {"errors", "paths", "audio", "config", "wire", "transcript"},
    "comparison": {"errors", "audio", "tables", "transcript", "formats", "evaluate", "views"},
    "corpus": {"errors", "tables", "formats", "evaluate"},
    "panel": {"errors", "audio", "config", "transcript", "views", "client"},
    "server": {"errors", "audio", "wire"},
}
FREE = {"cli", "__init__", "__main__"}
ONLY_WIRE_KNOWS = {"google", "ptars"}
FILES = sorted(PACKAGE.rglob("*.py"))


def _room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def _imports(path: Path) -> set[str]:
    """Full names of the modules a file imports, `speechkit_nb.audio` for `from ..audio import x`."""
    package = ["speechkit_nb", *path.relative_to(PACKAGE).parent.parts]
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return names


def _rooms_imported(path: Path) -> set[str]:
    own = {name.split(".")[1] for name in _imports(path) if name.startswith("speechkit_nb.")}
    return {room for room in own if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").exists()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_the_rooms_it_may(path):
    """Data flows in one direction; nobody imports the server."""
    room = _room(path)
    if room in FREE:
        return
    assert _rooms_imported(path) - {room} <= MAY_IMPORT[room]


def test_every_room_has_a_rule():
    """A new room is placed before it is built."""
    assert {_room(path) for path in FILES} - FREE <= set(MAY_IMPORT)


def test_only_the_wire_knows_protobuf():
    """Message classes, JSON forms and descriptors stay behind one door."""
    for path in FILES:
        roots = {name.split(".")[0] for name in _imports(path)}
        assert _room(path) == "wire" or not roots & ONLY_WIRE_KNOWS, path


def test_a_module_has_one_purpose():
    """Past 500 lines it has two."""
    sizes = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in FILES}
    assert {name: size for name, size in sizes.items() if size > 500} == {}


def test_importing_the_package_loads_nothing_heavy():
    """Names are loaded on their first use."""
    program = (
        "import sys, speechkit_nb; "
        "heavy = {'pandas', 'grpc', 'httpx', 'matplotlib', 'anywidget', 'ptars', 'google.protobuf'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_promised_name_is_there():
    """What `dir` and `__all__` name can be had; anything else is an AttributeError."""
    import speechkit_nb as sk

    assert all(getattr(sk, name) is not None for name in sk.__all__)
    assert set(sk.__all__) <= set(dir(sk))
    with pytest.raises(AttributeError, match="No speechkit_nb attribute conect"):
        _ = sk.conect
