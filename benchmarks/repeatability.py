"""Run `edge-hdr bench` again and again and show how far the ratio of two models' medians moves.

Each run is the real command in a fresh process; the ratio is that of the first model's median time
of a call to each other model's. Beside it, the wall time of measuring one model on the full test
split, cold.

Usage: python benchmarks/repeatability.py [--runs 10] [--models lenet5.tflite,…] [--out FILE]
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from edge_hdr_device import released

RESULTS = Path(__file__).parent / "results"
KINDS = ("invoke", "call", "ten")


def bench(models: list[str]) -> tuple[dict[str, Any], float]:
    """Run the command; gives its document and how long it took in seconds."""
    started = time.monotonic()
    argv = [sys.executable, "-m", "edge_hdr", "bench", *models, "--json"]
    done = subprocess.run(argv, check=True, capture_output=True)
    return json.loads(done.stdout)["data"], time.monotonic() - started


def ratios(document: dict[str, Any]) -> dict[str, float]:
    """Give each model's median over the first one's, by kind and name."""
    first, *others = (entry["latency"] for entry in document["models"])
    return {
        f"{kind} {entry['name']} / {first['name']}": entry[kind]["p50_ms"] / first[kind]["p50_ms"]
        for kind in KINDS
        for entry in others
    }


def summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Sum up a ratio over runs: values, and the largest change from one run to the next."""
    found = {}
    for name in runs[0]:
        values = [run[name] for run in runs]
        steps = [abs(after / before - 1) for before, after in itertools.pairwise(values)]
        found[name] = {
            "values": [round(value, 4) for value in values],
            "median": round(statistics.median(values), 4),
            "largest_step": round(max(steps), 4),
            "steps_over_5_percent": sum(step > 0.05 for step in steps),
        }
    return found


def main() -> None:
    """Run, sum up, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--models", default=",".join(released.names()))
    parser.add_argument("--out", type=Path, default=RESULTS / "repeatability.json")
    options = parser.parse_args()
    models = options.models.split(",")
    documents = [bench(models)[0] for _ in range(options.runs)]
    alone = [bench(models[-1:])[1] for _ in range(3)]
    result = {
        "models": models,
        "runs": options.runs,
        "ratios": summary([ratios(document) for document in documents]),
        "busy_share": [document["measurement"]["busy_share"] for document in documents],
        "marks": [document["measurement"]["marks"] for document in documents],
        "one_model_cold_s": [round(seconds, 1) for seconds in alone],
        "test_n": documents[0]["data"]["n"],
        "environment": documents[0]["measurement"]["environment"],
        "method": documents[0]["measurement"]["method"],
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["ratios"], indent=1), result["one_model_cold_s"])


if __name__ == "__main__":
    main()
