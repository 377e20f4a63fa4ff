"""The rules of the layout: who may import whom, faces of packages, sizes of folders, what an import costs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "speechkit_nb"
FILES = sorted(PACKAGE.rglob("*.py"))
STUBS = sorted(PACKAGE.rglob("*.pyi"))

MAY_IMPORT = {
    "errors": {"wheels"},
    "wheels": set(),
    "paths": set(),
    "text_options": {"errors"},
    "config": {"errors", "paths", "text_options"},
    "audio": {"errors", "paths"},
    "wire": {"errors", "paths"},
    "tables": {"errors", "paths", "wire"},
    "evaluate": {"errors", "audio", "tables"},
    "views": {"errors", "paths", "audio", "tables"},
    "transcript": {"errors", "paths", "tables", "text_options", "views", "wire"},
    "formats": {"errors", "paths", "tables", "transcript"},
    "client": {"errors", "paths", "audio", "config", "text_options", "wire", "transcript"},
    "comparison": {"errors", "audio", "tables", "transcript", "formats", "evaluate", "views"},
    "corpus": {"errors", "paths", "tables", "formats", "evaluate"},
    "experiments": {
        "errors",
        "config",
        "tables",
        "text_options",
        "transcript",
        "views",
        "client",
        "comparison",
    },
    "panel": {"errors", "audio", "config", "transcript", "views", "client"},
    "server": {"errors", "paths", "audio", "config", "text_options", "wire"},
}
FREE = {"cli", "__init__", "__main__"}

# Inside a package a module imports from its own line and from lines below it.
# A name is a module or a sub-package; those of one line do not know each other.
LAYERS = {
    "client": [
        ["connection"],
        ["client", "local_server"],
        ["jobs"],
        ["journal", "auth", "storage", "streaming"],
        ["transport"],
        ["clock"],
    ],
    "server": [
        ["app"],
        ["api"],
        ["operations"],
        ["recognition"],
        ["workers"],
        ["engines"],
    ],
    "evaluate": [
        ["metrics"],
        ["alignment", "significance", "forced_alignment"],
        ["normalization"],
        ["schema"],
        ["arrays"],
    ],
    "views": [["widget", "report"], ["plots"], ["scene"]],
}
LARGEST_FOLDER, LARGEST_MODULE = 12, 500
OWN_TYPES = {"transcript", "recording", "job", "client", "journal", "comparison", "scene", "view"}
ONLY_WIRE_KNOWS = {"google", "ptars"}


class Import(NamedTuple):
    """`name` from `module`, as written in `path`."""

    path: Path
    module: str
    name: str


def top(path: Path) -> str:
    """The package or top-level module that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py").removesuffix(".pyi")


def dotted(path: Path) -> str:
    """The module's full name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    return (ROOT / name.replace(".", "/")).with_suffix(".py").exists()


def is_package(name: str) -> bool:
    return (ROOT / name.replace(".", "/") / "__init__.py").exists()


def imports(path: Path) -> Iterator[Import]:
    """Each name that a file imports; `import x` has no name."""
    package = ["speechkit_nb", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Import(path, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
            for alias in node.names:
                # `from .alignment import api` imports the module alignment.api
                inside = f"{module}.{alias.name}"
                if is_module(inside) or is_package(inside):
                    yield Import(path, inside, "")
                else:
                    yield Import(path, module, alias.name)


OWN = [found for path in FILES + STUBS for found in imports(path) if found.module.startswith("speechkit_nb.")]


def show(found: Import) -> str:
    return f"{found.path.relative_to(ROOT)}: {found.module} {found.name}".rstrip()


def test_a_package_imports_only_the_packages_it_may():
    """Data flows in one direction; the server is imported by no other package."""
    wrong = [
        show(found)
        for found in OWN
        if top(found.path) not in FREE
        and found.module.split(".")[1] not in MAY_IMPORT[top(found.path)] | {top(found.path)}
    ]
    assert wrong == []


def test_every_package_has_a_rule():
    """A new package is placed before it is built."""
    assert {top(path) for path in FILES} - FREE <= set(MAY_IMPORT)


def test_packages_meet_at_their_faces():
    """Another package is imported by its `__init__`, which names in `__all__` what others may use."""
    outside = [found for found in OWN if found.module.split(".")[1] != top(found.path)]
    outside = [found for found in outside if top(found.path) not in {"__init__", "__main__"}]
    deep = [show(found) for found in outside if len(found.module.split(".")) > 2 and is_module(found.module)]
    assert deep == []
    unnamed = [
        show(found)
        for found in outside
        if found.name and is_package(found.module) and found.name not in import_module(found.module).__all__
    ]
    assert unnamed == []


def test_every_name_of_a_face_is_there():
    """`__all__` of each package names what can be had."""
    for path in FILES:
        if path.name == "__init__.py":
            face = import_module(dotted(path))
            missing = [name for name in getattr(face, "__all__", []) if not hasattr(face, name)]
            assert missing == [], dotted(path)


@pytest.mark.parametrize("package", LAYERS)
def test_layers_inside_a_package(package):
    """Its parts are read from the top to the bottom, and import in that direction only."""
    level = {name: number for number, names in enumerate(LAYERS[package]) for name in names}
    wrong = []
    for found in OWN:
        parts = found.module.split(".")
        if top(found.path) != package or parts[1] != package or len(parts) < 3:
            continue
        here = found.path.relative_to(PACKAGE / package).parts[0].removesuffix(".py")
        there = parts[2]
        if here in level and there in level and here != there and level[there] <= level[here]:
            wrong.append(show(found))
    assert wrong == []
    whole = [f"speechkit_nb.{package}.{name}" for name in level]
    assert [name for name in whole if not (is_module(name) or is_package(name))] == []


def test_only_the_wire_knows_protobuf():
    """Message classes, JSON forms and descriptors stay in one package."""
    for path in FILES:
        roots = {found.module.split(".")[0] for found in imports(path)}
        assert top(path) == "wire" or not roots & ONLY_WIRE_KNOWS, path


def test_a_folder_has_one_purpose():
    """Past 12 modules it has two; a single module needs no folder."""
    folders: dict[Path, int] = {}
    for path in FILES:
        if path.name not in {"__init__.py", "__main__.py"}:
            folders[path.parent] = folders.get(path.parent, 0) + 1
    crowded = {str(folder.relative_to(ROOT)): n for folder, n in folders.items() if n > LARGEST_FOLDER}
    assert crowded == {}


def test_a_module_has_one_purpose():
    """Past 500 lines it has two."""
    sizes = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in FILES}
    assert {name: size for name, size in sizes.items() if size > LARGEST_MODULE} == {}


def test_a_module_is_not_called_like_what_it_holds():
    """The face of its package would hide it; the command line has no face."""
    for path in (path for path in FILES if top(path) != "cli"):
        defined = {
            node.name
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        assert path.stem not in defined, path


def test_a_module_is_not_called_like_a_name_of_the_face():
    """An import of the module would put it in the place of what the face promises."""
    for face in PACKAGE.rglob("__init__.pyi"):
        taken = [node for node in ast.parse(face.read_text()).body if isinstance(node, ast.ImportFrom)]
        names = {alias.name for node in taken if node.module for alias in node.names}
        assert names & {path.stem for path in face.parent.iterdir()} == set(), face


def test_our_own_types_are_named():
    """A parameter that holds one of our objects has its type, not Any.

    An error lies below everything that it can be about, so `errors` is left out.
    """
    untyped = []
    for path in set(FILES) - {PACKAGE / "errors.py"}:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.arg) and node.arg in OWN_TYPES and node.annotation is not None:
                annotation = ast.unparse(node.annotation)
                if annotation in {"Any", "Any | None"}:
                    untyped.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.arg}: {annotation}")
    assert untyped == []


def test_tests_lie_where_the_packages_lie():
    """A folder of tests has the name of a package, or is `project`, `support`, `bench`, `fuzz` or `sims`."""
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name[0] not in "._"}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders - {"bench", "fuzz", "project", "sims", "support"} <= packages


def test_importing_the_package_loads_nothing_heavy():
    """Names are loaded on their first use."""
    program = (
        "import sys, speechkit_nb; "
        "heavy = {'pandas', 'grpc', 'httpx', 'matplotlib', 'anywidget', 'ptars', 'scipy'}; "
        "heavy |= {'google.protobuf', 'soundfile'}; "
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
