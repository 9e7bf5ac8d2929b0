"""Measure the running reader from outside: start to first reading, memory and processor when idle.

python benchmarks/device_runtime.py --out benchmarks/results/device-runtime.json
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from edge_hdr_device.bench.environment import environment as machine
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.storage import write_atomic

SAMPLE = Path(__file__).parents[1] / "tests" / "data" / "sample.jpg"
IDLE_S = 20.0
SETTLE_S = 5.0


def first_reading(state: Path, camera: list[str]) -> float:
    """Start the reader with its page on; gives the seconds until its first reading is out."""
    command = [sys.executable, "-m", "edge_hdr_device", "run", *camera, "--port", "0"]
    environment = {**os.environ, "EDGE_HDR_STATE": str(state)}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        took = time.perf_counter() - start
        assert json.loads(line)["change"] == "announced"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()
    return took


def idle(state: Path) -> dict[str, Any]:
    """Look at a picture that does not change, page on and seen once; gives memory and load."""
    port = 8631
    command = [sys.executable, "-m", "edge_hdr_device", "run", "--camera", str(SAMPLE), "--loop"]
    command += ["--port", str(port), "--stdout", "none"]
    environment = {**os.environ, "EDGE_HDR_STATE": str(state), "MALLOC_ARENA_MAX": "2"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        time.sleep(SETTLE_S)
        for path in ("/", "/api/reading", "/api/frame.jpg?overlay=1", "/metrics"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                answer.read()
        before, start = _cpu_s(process.pid), time.monotonic()
        time.sleep(IDLE_S)
        load = (_cpu_s(process.pid) - before) / (time.monotonic() - start)
        return {
            "resident_bytes": _resident_bytes(process.pid),
            "processor_share": round(load, 4),
        }
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)


def measure(runs: int) -> dict[str, Any]:
    """Take every figure."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        synthetic = ["--camera", "synthetic"]
        fresh = first_reading(state, synthetic)
        again = [first_reading(state, synthetic) for _ in range(runs)]
        return {
            "runtime": runtime_name(),
            "processor": machine()["processor"],
            "first_start_s": round(fresh, 2),
            "start_p50_s": round(float(np.median(again)), 2),
            "start_max_s": round(max(again), 2),
            "runs": runs,
            "idle": idle(state),
        }


def _resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run the measurement from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="starts after the first")
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    arguments = parser.parse_args()
    text = json.dumps(measure(arguments.runs), indent=1) + "\n"
    if arguments.out:
        write_atomic(arguments.out, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
