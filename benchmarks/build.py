"""Measure a build on full MNIST as a user runs it: accuracy, minutes, peak memory.

Usage: EDGE_HDR_DATA=… python benchmarks/build.py --preset quick|default [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run the command once and write what it reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=("quick", "default"), default="default")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = ["build", "--quantize", "int8", "--data", "mnist", "--preset", options.preset]
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "edge_hdr", *command, "--out", f"{folder}/model", "--json"],
            stdout=subprocess.PIPE,
            check=True,
        )
        seconds = time.monotonic() - started
    metrics = json.loads(done.stdout)["data"]["metrics"]
    result = {
        "command": "edge-hdr " + " ".join(command),
        "cores": len(os.sched_getaffinity(0)),
        "minutes": round(seconds / 60, 2),
        "seconds_by_step": metrics["seconds"],
        "peak_memory_gb": round(metrics["peak_memory_bytes"] / 1e9, 2),
        "accuracy": metrics["test"]["accuracy"],
        "interval": metrics["test"]["interval"],
        "n": metrics["test"]["n"],
        "errors": metrics["test"]["errors"],
        "float_errors": metrics["float_test"]["errors"],
        "file_bytes": metrics["footprint"]["file_bytes"],
        "libraries": metrics["libraries"],
        "load_average_at_end": os.getloadavg()[0],
    }
    out = options.out or RESULTS / f"build-{options.preset}.json"
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
