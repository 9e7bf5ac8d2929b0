"""Measure one call of each released model, side by side in one run.

The models take turns (A B A B …) so that a change of the machine's speed hits all alike. One
thread, XNNPACK, batch 1, the interpreter that devices use.

Usage: python benchmarks/model_latency.py [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np

from edge_hdr_device import released
from edge_hdr_device.interpreter import open_interpreter, runtime_name

RESULTS = Path(__file__).parent / "results"
ROUNDS, CALLS, WARM_UP = 50, 200, 500


def call_times(interpreter: object, calls: int) -> np.ndarray:
    """Time `invoke` alone, in µs float64 (calls,)."""
    invoke, clock = interpreter.invoke, time.perf_counter_ns  # type: ignore[attr-defined]
    times = np.empty(calls)
    for index in range(calls):
        started = clock()
        invoke()
        times[index] = (clock() - started) / 1000
    return times


def processor() -> str:
    """Name the processor from /proc/cpuinfo."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main() -> None:
    """Run the rounds and write the percentiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS / "model-latency.json")
    options = parser.parse_args()
    models = {name: open_interpreter(released.find(name)) for name in released.names()}
    for interpreter in models.values():
        call_times(interpreter, WARM_UP)
    times: dict[str, list[np.ndarray]] = {name: [] for name in models}
    for _ in range(ROUNDS):
        for name, interpreter in models.items():
            times[name].append(call_times(interpreter, CALLS))
    result = {
        "models": {
            name: {
                f"p{share}_us": round(float(np.percentile(np.concatenate(parts), share)), 2)
                for share in (50, 90, 99)
            }
            for name, parts in times.items()
        },
        "method": f"{ROUNDS} interleaved rounds of {CALLS} calls, one thread, XNNPACK, batch 1",
        "machine": {"processor": processor(), "interpreter": runtime_name()},
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
