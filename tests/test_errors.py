"""Warnings show the line of the user's code."""

from __future__ import annotations

import linecache
from contextlib import contextmanager

import pytest

from speechkit_nb import errors


def run_inside_toolkit(source: str, **names: object) -> None:
    """Run Python code as if it stood in a module of the toolkit."""
    exec(compile(source, f"{errors.PACKAGE}client/anything.py", "exec"), names)


def test_a_warning_shows_the_line_that_called_the_toolkit():
    """Though the toolkit calls other libraries in between."""

    @contextmanager
    def library():
        yield

    source = (
        "def inner():\n  with library():\n    errors.warn(errors.Untimed('again'))\n"
        "def outer():\n  list(map(lambda _: inner(), [0]))\n"
        "call(outer)"
    )
    with pytest.warns(errors.Untimed, match="again") as caught:
        run_inside_toolkit(source, errors=errors, library=library, call=lambda function: function())
    assert caught[0].filename == __file__
    assert "exec(compile(" in linecache.getline(__file__, caught[0].lineno)


def test_a_warning_from_outside_the_toolkit():
    """It shows the line of the call itself."""
    with pytest.warns(errors.Untimed, match="no times") as caught:
        errors.warn(errors.Untimed("no times"))
    assert caught[0].filename == __file__
