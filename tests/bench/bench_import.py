"""What `import speechkit_nb` costs above `import pandas`: medians of whole processes, run in turn."""

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 15


def seconds(program: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - began


def main() -> None:
    programs = {
        "pandas": "import pandas",
        "both": "import pandas, speechkit_nb",
        "own": "import speechkit_nb",
    }
    times = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, program in programs.items():
            times[name].append(seconds(program))
    median = {name: statistics.median(found) for name, found in times.items()}
    print(", ".join(f"{name} {value:.3f} s" for name, value in median.items()))
    print(json.dumps({"extra_s": round(median["both"] - median["pandas"], 3)}))


if __name__ == "__main__":
    main()
