"""Values that no option is meant for, to try at each of them."""

from __future__ import annotations

import decimal
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from speechkit_nb.errors import SpeechkitError

HOSTILE: list[Any] = [
    *(None, True, 0, -1, 1.5, 1e300, 10**400, 10**5000, math.nan, math.inf, -math.inf, decimal.Decimal(1)),
    *("", "x", "0", "\x1b[31m", "<script>", "\ud800", b"x"),
    *([], {}, (), set(), {"a": 1}, {1, 2}, [1, 2], ["x"], range(2), lambda: 1, object()),
    *((3, 1), (1, "a"), (None, None), (math.nan, 1), (0, math.inf), (0, 10**400), (1, 2, 3)),
    *(np.float32(1), np.int64(1), np.array([1.0, 2.0]), np.bool_(True)),
    *(pd.NA, pd.NaT, pd.Timedelta(1, "s"), pd.Series([1.0]), pd.DataFrame(), pd.DataFrame({"start": ["x"]})),
]


def find_raw_errors(use: Callable[[Any], object]) -> dict[str, str]:
    """The errors of `use(value)` that are not of our own classes, by value."""
    found = {}
    for value in HOSTILE:
        try:
            use(value)
        except SpeechkitError:
            continue
        except Exception as error:
            found[f"{type(value).__name__} {_show(value)}"] = f"{type(error).__name__}: {error}"
    return found


def _show(value: Any) -> str:
    try:
        return ascii(value)[:40]
    except ValueError:  # too many digits
        return ""
