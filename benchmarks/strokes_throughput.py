"""Measure how many procedural digits a second `edge_hdr.data.strokes` makes: median of runs.

Usage: python benchmarks/strokes_throughput.py [--n N] [--workers W] [--runs R] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path

from edge_hdr.data.strokes import make_split
from edge_hdr_device.storage import write_atomic


def images_per_second(n: int, workers: int, seed: int) -> float:
    """Time one split, drawn and normalized."""
    started = time.perf_counter()
    make_split(n, seed=seed, workers=workers)
    return n / (time.perf_counter() - started)


def main() -> None:
    """Warm up, run, print and write the median and the spread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the JSON there as well")
    options = parser.parse_args()
    images_per_second(1_000, options.workers, seed=0)
    rates = [images_per_second(options.n, options.workers, run) for run in range(options.runs)]
    result = {
        "images_per_second": round(statistics.median(rates)),
        "slowest": round(min(rates)),
        "fastest": round(max(rates)),
        "n": options.n,
        "runs": options.runs,
        "workers": options.workers,
        "processors": os.cpu_count(),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if options.out:
        write_atomic(options.out, text + "\n")


if __name__ == "__main__":
    main()
