"""Deprecated: import `score`, `Scores` and `write_part` from `speechkit_nb`. Removed in version 0.2."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    if name not in ("score", "Scores", "write_part"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(
        f"{__name__}.{name} has moved: use `from speechkit_nb import {name}`; the old name works until 0.2",
        DeprecationWarning,
        stacklevel=2,
    )
    return getattr(import_module("speechkit_nb"), name)
