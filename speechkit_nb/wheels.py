"""The Python versions for which packages have wheels, so that nothing is compiled when they are installed."""

from __future__ import annotations

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""Versions on which speechkit-nb[local] is installed without a compiler; a test asks the package index."""


def list_pythons(package: str, extra: str) -> list[str]:
    """The Python versions for which an extra of speechkit-nb installs a package on a machine like this one.

    >>> list_pythons("pyjwt[crypto]", "auth")
    ['3.11', '3.12', '3.13', '3.14']
    """
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    name = Requirement(package).name
    found = [Requirement(line) for line in requires("speechkit-nb") or ()]
    markers = [each.marker for each in found if each.name == name and each.marker]
    return [
        python
        for python in PYTHONS
        if any(marker.evaluate({"extra": extra, "python_version": python}) for marker in markers)
    ]
