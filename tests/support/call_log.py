"""The local server for tests, which writes down when it was called for what."""

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
        settings["faults"] = ["slow:0", *faults]  # no delay, but it switches the faults on
        super().__init__(program=LOGGED.format(log=str(log)) + local_server.RUN, **settings)

    def calls(self) -> list[tuple[float, str]]:
        """When (seconds, of a clock of this machine), and which method."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [(float(moment), method) for moment, method in (line.split() for line in lines)]

    def count(self) -> Counter[str]:
        """Calls by method."""
        return Counter(method for _, method in self.calls())


def most_within(moments: list[float], seconds: float) -> int:
    """The most moments that lie within any stretch of that length, its end not included.

    >>> most_within([0.0, 0.5, 1.0, 1.2], 1.0)
    3
    """
    moments, first, most = sorted(moments), 0, 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
