"""The local server for tests, with a log of its calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import local_server

LOGGED = """
import time
from speechkit_nb.server.testing.faults import Faults
calls, before = open({log!r}, "a", buffering=1), Faults.before

async def noted(self, method):
    calls.write(f"{{time.monotonic()}} {{method}}\\n")
    await before(self, method)

Faults.before = noted
"""


class CountedServer(local_server.Server):
    """A server whose calls are written to `log`; it may be started again with the same log."""

    def __init__(self, log: Path, *, faults: Sequence[str] = (), **settings: object) -> None:
        self.log = log
        settings["faults"] = ["slow:0", *faults]  # no delay, but it enables faults
        super().__init__(program=LOGGED.format(log=str(log)) + local_server.RUN, **settings)

    def calls(self) -> list[tuple[float, str]]:
        """Time (seconds, of a clock of this machine) and method of each call."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [(float(moment), method) for moment, method in (line.split() for line in lines)]

    def count(self) -> Counter[str]:
        """Number of calls per method."""
        return Counter(method for _, method in self.calls())


def most_within(moments: list[float], seconds: float) -> int:
    """The largest number of moments within any interval of that length, without its end.

    >>> most_within([0.0, 0.5, 1.0, 1.2], 1.0)
    3
    """
    moments, first, most = sorted(moments), 0, 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
