"""What the benches share: sizes, a home of their own, timing, and the check that the work was done.

A figure is worth nothing if it cannot fail. So each bench counts what was really sent, recognized, aligned or
drawn, and `check_work` ends it with exit code 1 and one sentence if that is not what it should be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

BENCH = Path(__file__).parent
SUPPORT = str(BENCH.parent / "support")
"""Folder of test helpers; benches put it on `sys.path` themselves, before they import from it."""
os.environ["MPLBACKEND"] = "Agg"

Size = TypeVar("Size")

PEAK = """
import re
from pathlib import Path

def peak():  # ru_maxrss would begin with the peak of the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3

{setup}
before = peak()
n_done = {work}
print(before, peak(), n_done)
"""


class WorkNotDone(Exception):
    """The work that a figure is about was not done, or not completely."""


class Peak(NamedTuple):
    """Peak memory of a process in MB, before and after its work, and the number that the work returned."""

    before: float
    after: float
    n_done: int

    @property
    def growth(self) -> float:
        """How much the peak grew, in MB."""
        return self.after - self.before


def check_work(what: str, done: Any, expected: Any) -> None:
    """Raise `WorkNotDone` if what was done is not what was expected."""
    if done != expected:
        raise WorkNotDone(f"{what}: {done} instead of {expected}, so the figures would be wrong")


def run(measure: Callable[[Size, Path], dict[str, float]], full: Size, tiny: Size) -> None:
    """Run a bench in a temporary home and print its figures as one line of JSON.

    Args:
        measure: takes a size and the folder of the home; returns the figures.
        full: the size whose figures count.
        tiny: a size of a few seconds, with the option `--tiny`.
    """
    parser = argparse.ArgumentParser(description="Print figures as JSON on the last line.")
    parser.add_argument("--tiny", action="store_true", help="a size of a few seconds, for tests")
    size = tiny if parser.parse_args().tiny else full
    with tempfile.TemporaryDirectory() as home:
        os.environ["SPEECHKIT_NB_HOME"] = home
        try:
            figures = measure(size, Path(home))
        except WorkNotDone as error:
            sys.exit(str(error))
    print(json.dumps(figures))


def take_seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """Seconds that the work takes, the best of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def measure_peak(setup: str, work: str, *arguments: object) -> Peak:
    """Peak memory of a new process (Linux).

    Args:
        setup: statements that come before.
        work: an expression; its value is a number, how much was done.
        arguments: `sys.argv[1:]` of the process.
    """
    program = [sys.executable, "-c", PEAK.format(setup=setup, work=work), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(BENCH)}
    done = subprocess.run(program, capture_output=True, text=True, check=True, env=environment)
    before, after, n_done = done.stdout.splitlines()[-1].split()
    return Peak(float(before), float(after), int(n_done))
