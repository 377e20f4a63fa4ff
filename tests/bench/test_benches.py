"""Each bench at a tiny size: it does its work, and each of its figures lies between a floor and a limit.

The ranges are wide, since machines differ and a tiny size has other proportions: they find figures of work
that was not done (a ratio of 0.001) and figures in a wrong unit. Goals are for the full size: `make bench`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent
RANGES = {
    "align": {
        "vs_jiwer": (0.2, 50),
        "vs_rapidfuzz": (0.2, 100),
        "vs_meeteval": (0.2, 200),
        "vs_meeteval_numba": (2, 5_000),
        "memory": (0, 1),
    },
    "corpus": {"per_s_1": (200, 1e6), "per_s_2": (100, 1e6), "peak_mb": (50, 600), "flat": (0.5, 2)},
    "envelope": {"vs_decode": (0.3, 10), "peak_mb": (0, 64)},
    "import": {"extra_s": (-1, 1)},
    "jobs": {
        "max_checks_per_s": (1, 5),
        "cpu_ms_per_check": (0.1, 100),
        "periods_late": (0, 10),
        "journal_vs_wire": (0.5, 5),
    },
    "many": {"peak_mb": (60, 250), "seconds_over_quota": (0, 0), "vs_quota": (1, 100)},
    "plot": {"seconds": (0.02, 10), "vs_artist_per_word": (0.3, 100)},
    "rest": {"words_per_s": (5_000, 1e7), "vs_grpc": (0.05, 20)},
    "server": {"vs_engine": (0.3, 20)},
    "speech": {
        "faster_whisper": (0, 20),
        "whisper_file": (0, 20),
        "whisper_stream": (0, 20),
        "pocketsphinx_file": (20, 200),
        "pocketsphinx_stream": (20, 200),
    },
    "stream": {"p99_ms": (0.05, 1_000), "x_realtime": (20, 50_000), "growth_mb": (-100, 100)},
    "tables": {
        "vs_c_parser": (0.5, 20),
        "vs_json_normalize": (2, 300),
        "vs_loop": (1.5, 100),
        "peak_vs_wire": (0.1, 40),
    },
    "timeline": {"first_ms": (5, 3_000), "frame_p95_ms": (0.5, 500), "growth_mb": (0, 200)},
    "widget_python": {"constructor_s": (0.005, 5), "bytes_per_word": (15, 60)},
}

LONG = {"speech", "timeline", "corpus", "jobs", "many", "server", "plot"}
"""Run in the exhaustive form only."""


def run(program: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program], capture_output=True, text=True, check=False, timeout=120, **options
    )


def test_every_bench_has_ranges() -> None:
    """A new bench is not forgotten here."""
    assert {path.stem.removeprefix("bench_") for path in BENCH.glob("bench_*.py")} == set(RANGES)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.exhaustive) if name in LONG else name for name in RANGES]
)
def test_figures_are_plausible(name: str) -> None:
    """A bench ends with exit code 0, and prints each of its figures on the last line."""
    done = run([str(BENCH / f"bench_{name}.py"), "--tiny"])
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert set(figures) == set(RANGES[name])
    implausible = {
        figure: figures[figure]
        for figure, (low, high) in RANGES[name].items()
        if not low <= figures[figure] <= high
    }
    assert implausible == {}


def test_a_bench_without_its_work_fails(tmp_path: Path) -> None:
    """It prints no figure, ends with exit code 1, and prints in one sentence what was not done."""
    bench = tmp_path / "bench_nothing.py"
    bench.write_text(
        "from harness import check_work, run\n"
        "def measure(size, home):\n"
        "    check_work('words that were aligned', 0, size)\n"
        "    return {'ratio': 0.001}\n"
        "run(measure, 10, 2)\n"
    )
    done = run([str(bench), "--tiny"], env={"PYTHONPATH": str(BENCH)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "words that were aligned: 0 instead of 2, so the figures would be wrong\n"
