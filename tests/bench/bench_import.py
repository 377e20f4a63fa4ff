"""What `import speechkit_nb` costs above `import pandas`: medians of whole processes, run in turn."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from harness import check_work, run, take_seconds

PROGRAMS = {
    "pandas": "import pandas as p; print(p.__name__)",
    "both": "import pandas, speechkit_nb as p; print(p.__name__)",
    "own": "import speechkit_nb as p; print(p.__name__)",
}
MODULES = {"pandas": "pandas", "both": "speechkit_nb", "own": "speechkit_nb"}


class Size(NamedTuple):
    rounds: int


def measure(size: Size, home: Path) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}

    def import_modules(name: str) -> None:
        command = [sys.executable, "-c", PROGRAMS[name]]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        check_work("module that was imported", done.stdout.strip(), MODULES[name])

    import_modules("both")  # reads the files into the cache of the system
    for _ in range(size.rounds):
        for name, found in times.items():
            found.append(take_seconds(lambda name=name: import_modules(name)))
    median = {name: statistics.median(found) for name, found in times.items()}
    print(", ".join(f"{name} {value:.3f} s" for name, value in median.items()))
    return {"extra_s": round(median["both"] - median["pandas"], 3)}


if __name__ == "__main__":
    run(measure, Size(15), Size(2))
