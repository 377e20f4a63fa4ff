"""The public surface is a decision: every public name with its signature stands in surface.txt.

After a change that is meant, run this module with SURFACE=write in the environment, and it writes the file.
"""

import doctest
import inspect
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import speechkit_nb as sk

SURFACE = Path(__file__).parent / "surface.txt"
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
CLASSES = sorted(name for name in sk.__all__ if inspect.isclass(getattr(sk, name)))
FOREIGN = ("ipywidgets", "traitlets", "anywidget")


def signature(found: Any) -> str:
    """Parameters with their defaults; annotations are the type checker's business."""
    try:
        whole = inspect.signature(found)
    except ValueError:
        return "(...)"
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in whole.parameters.values()]
    return re.sub(r" at 0x[0-9a-f]+", "", str(inspect.Signature(bare)))


def members(cls: type) -> dict[str, Any]:
    """Public members that the class or one of our own base classes defines."""
    ours = [base for base in cls.__mro__ if base.__module__.partition(".")[0] == "speechkit_nb"]
    return {name: value for base in reversed(ours) for name, value in vars(base).items() if name[0] != "_"}


def describe() -> str:
    lines = []
    for name in sorted(sk.__all__):
        found = getattr(sk, name)
        if inspect.isclass(found):
            lines.append(f"class {name}{signature(found)}")
            for member, value in sorted(members(found).items()):
                if isinstance(value, classmethod | staticmethod):
                    value = value.__func__
                lines.append(f"    {member}{signature(value) if inspect.isfunction(value) else ''}")
        elif inspect.isfunction(found):
            lines.append(f"{name}{signature(found)}")
        else:
            lines.append(name)
    errors = [name for name, value in vars(sk.errors).items() if inspect.isclass(value) and name != "Any"]
    ours = [name for name in errors if vars(sk.errors)[name].__module__ == sk.errors.__name__]
    return "\n".join([*lines, *(f"errors.{name}" for name in sorted(ours))]) + "\n"


def test_the_public_surface_is_the_one_that_was_decided():
    """A name that appears, goes, or takes other parameters is seen in the difference of a commit."""
    now = describe()
    if os.environ.get("SURFACE") == "write":
        SURFACE.write_text(now, encoding="utf-8")
    assert now == SURFACE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CLASSES)
def test_a_type_prints_under_the_name_that_users_import(name):
    """`speechkit_nb.Job`, wherever the module lies."""
    assert repr(getattr(sk, name)) == f"<class 'speechkit_nb.{name}'>"


@pytest.mark.parametrize("name", CLASSES)
def test_the_examples_in_the_docstrings_of_public_types(name):
    """Pytest does not collect them, since the type does not name the module it lies in."""
    cls = getattr(sk, name)
    homes = [value.__module__ for value in vars(cls).values() if inspect.isfunction(value)]
    module = next((vars(sys.modules[home]) for home in homes if home != sk.__name__), {})
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for test in doctest.DocTestFinder().find(cls, name, module=False, globs=dict(module)):
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0
