"""Read changed inputs in a child process, and count what came of each.

    python tests/fuzz/fuzz.py [TARGET ...] --count 10000 [--first 0] [--keep FOLDER]

Input number n of a target is always the same. Each input has 5 seconds of processor time, 60 seconds in all,
and 1 GB of memory. Allowed ends are: it was read, or it was refused with one error of the toolkit.
The program prints one JSON object per target, and exits with 1 if another end occurred.
"""

import argparse
import collections
import json
import math
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHOWN = 200
READ, REFUSED = "read", "refused"
READY = "ready\n"


@dataclass(frozen=True)
class Limits:
    """What one input may take: seconds of processor time, seconds in all, and bytes of memory."""

    cpu: float = 5
    seconds: float = 60
    memory: int = 2**30


def run_target(
    name: str, first: int, count: int, limits: Limits = Limits(), keep: Path | None = None
) -> dict[str, Any]:
    """Read `count` inputs of the target in children. Gives counts of ends, and the inputs with a bad one."""
    ends: collections.Counter[str] = collections.Counter()
    bad: list[dict[str, Any]] = []
    number, last = first, first + count
    while number < last:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            child = Child(name, number, last, Path(folder), limits)
            for end in child.ends():
                ends[end["end"]] += 1
                if end["end"] not in (READ, REFUSED):
                    bad.append(end)
                    if keep:
                        shutil.copytree(Path(folder) / "input", keep / f"{name}-{end['number']}")
                number = end["number"] + 1
    return {"target": name, "count": count, **ends, "bad": bad}


class Child:
    """One process that reads inputs in order until the last, a crash, or a limit."""

    def __init__(self, name: str, first: int, last: int, folder: Path, limits: Limits) -> None:
        command = [sys.executable, __file__, "--child", name, *map(str, [first, last, folder, limits.cpu])]
        self._limits = limits
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._number = first
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read_lines, daemon=True)
        self._reader.start()

    def ends(self) -> Iterator[dict[str, Any]]:
        """How the reading of each input ended; the last one may be a crash or a hang."""
        memory, deadline = math.inf, math.inf  # both begin with the first input
        while True:
            try:
                line = self._lines.get(timeout=0.05)
            except queue.Empty:
                is_late = time.monotonic() > deadline
                if not is_late and self._memory_in_use() < memory + self._limits.memory:
                    continue
                why = f"more than {self._limits.seconds} s" if is_late else "too much memory"
                self._process.kill()
                yield {"number": self._number, "end": "hang", "why": why}
                break
            deadline = time.monotonic() + self._limits.seconds
            if line == READY:
                memory = self._memory_in_use()
                continue
            if not line:
                if code := self._process.wait():
                    yield {"number": self._number, "end": "crash", "why": _explain_exit(code)}
                break
            end = json.loads(line)
            self._number = end["number"] + 1
            yield end
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def _memory_in_use(self) -> float:
        """Bytes; no limit before the child has begun and after it has ended."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return 0
        return 1024 * int(status.split("VmRSS:")[1].split()[0]) if "VmRSS:" in status else 0

    def _read_lines(self) -> None:
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")


def _explain_exit(code: int) -> str:
    if code == -signal.SIGPROF:
        return "too much processor time"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def read_inputs(name: str, first: int, last: int, folder: Path, cpu: float) -> None:
    """The child: read the inputs and print one line about each."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
    from targets import TARGETS, warn_only_in_own_words

    from speechkit_nb.errors import SpeechkitError

    target = next(target for target in TARGETS if target.name == name)
    out, sys.stdout = sys.stdout, sys.stderr
    if name != "broken":
        _read_one(
            target, -1, folder, SpeechkitError
        )  # what is loaded on first use does not count as an input's
    warn_only_in_own_words()
    out.write(READY)
    out.flush()
    for number in range(first, last):
        signal.setitimer(signal.ITIMER_PROF, cpu)  # SIGPROF ends the process
        end = _read_one(target, number, folder, SpeechkitError)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps({"number": number, **end}), file=out, flush=True)


def _read_one(target: Any, number: int, folder: Path, expected: type[Exception]) -> dict[str, str]:
    place = folder / "input"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        target.read(random.Random(f"{target.name} {number}"), place)
    except expected as error:
        return {"end": REFUSED} if str(error).strip() else {"end": "raw", "why": "an empty message"}
    except BaseException as error:
        where = [f for f in traceback.extract_tb(error.__traceback__) if "speechkit_nb" in f.filename]
        line = f"{Path(where[-1].filename).name}:{where[-1].lineno}" if where else "?"
        return {"end": "raw", "why": f"{type(error).__name__} at {line}: {str(error)[:200]}"}
    return {"end": READ}


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        read_inputs(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]), float(sys.argv[6]))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", nargs="*", default=["answers", "json", "audio", "words", "journal"])
    parser.add_argument("--count", type=int, default=10_000, help="inputs of each target")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs that ended badly")
    options = parser.parse_args()
    n_bad = 0
    for name in options.target:
        found = run_target(name, options.first, options.count, keep=options.keep)
        n_bad += len(found["bad"])
        print(json.dumps({**found, "bad": found["bad"][:SHOWN]}, ensure_ascii=False, indent=1), flush=True)
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
