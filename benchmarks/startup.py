"""Measure how long `edge-hdr --help` takes: median of fresh processes.

Usage: python benchmarks/startup.py [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
RUNS = 11


def seconds(arguments: list[str]) -> float:
    """Time one fresh process."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "edge_hdr", *arguments]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Run, take the median, write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS / "startup.json")
    options = parser.parse_args()
    seconds(["--help"])
    times = sorted(seconds(["--help"]) for _ in range(RUNS))
    result = {"help_s": round(statistics.median(times), 3), "runs": RUNS, "worst_s": times[-1]}
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
