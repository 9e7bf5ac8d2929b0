"""Time the reading of a 640×480 grey frame with 1, 10 and 50 digits, by stage, as JSON.

    python benchmarks/frame_latency.py [--model MODEL] [--runs N] [--windows N] [--out FILE]

One thread. The frames take turns (1, 10, 50, 1, …), so that a change of the machine's speed hits
all alike. A window is a stretch of the measurement: the p50 of each shows how steady it was.
`cpu_ms` is the time on the processor, which other programs do not take part in.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.sheet import write_sheet
from edge_hdr_device import released
from edge_hdr_device.bench.environment import environment
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.pipeline import Reader
from edge_hdr_device.storage import write_atomic
from edge_hdr_device.tracking.gate import Gate

WIDTH, HEIGHT, DIGIT_PX = 640, 480, 50
PAGES = {
    1: ("", "", "   7", "", ""),
    10: ("", "31415", "", "92653", ""),
    50: ("3141592653", "5897932384", "6264338327", "9502884197", "1693993751"),
}
WARM_UP = 20
STAGES = ("locate_ms", "normalize_ms", "classify_ms", "total_ms", "cpu_ms")
SHARES = (50, 90, 99)


def frame(digits: int) -> NDArray[np.uint8]:
    """Write a page of so many digits, uint8 (480, 640), as the Y plane of a camera shows it."""
    lines = list(PAGES[digits])
    sheet = write_sheet(lines, seed=0, width_px=WIDTH, digit_px=DIGIT_PX, grey=True)
    assert sheet.image.shape[:2] == (HEIGHT, WIDTH)
    return np.ascontiguousarray(sheet.image[:, :, 0])


def read(reader: Reader, image: NDArray[np.uint8], digits: int) -> list[float]:
    """Read a frame once; gives its `STAGES` in ms."""
    started = time.thread_time()
    reading = reader.read(image)
    cpu_ms = 1e3 * (time.thread_time() - started)
    assert len(reading.digits) == digits, f"{len(reading.digits)} of {digits} digits were found"
    return [*(getattr(reading, stage) for stage in STAGES[:-1]), cpu_ms]


def times(reader: Reader, runs: int, windows: int) -> dict[int, NDArray[np.float64]]:
    """Read the frames in turn; gives ms (windows, runs, stages) for each number of digits."""
    frames = {digits: frame(digits) for digits in PAGES}
    taken: dict[int, list[list[float]]] = {digits: [] for digits in PAGES}
    for _ in range(WARM_UP + windows * runs):
        for digits, image in frames.items():
            taken[digits].append(read(reader, image, digits))
    shape = (windows, runs, len(STAGES))
    return {digits: np.reshape(rows[WARM_UP:], shape) for digits, rows in taken.items()}


def unchanged(image: NDArray[np.uint8], runs: int) -> dict[str, float]:
    """Time the gate on a frame that equals the last one read; percentiles in ms."""
    gate, taken = Gate(refresh_s=0), []
    gate.decide(image, settled=True, monotonic_s=0.0)
    for _ in range(WARM_UP + runs):
        start = time.perf_counter()
        assert not gate.decide(image, settled=True, monotonic_s=1.0)
        taken.append(1e3 * (time.perf_counter() - start))
    levels = np.percentile(taken[WARM_UP:], SHARES)
    return {
        f"p{share}": round(float(level), 4) for share, level in zip(SHARES, levels, strict=True)
    }


def percentiles(taken: NDArray[np.float64]) -> dict[str, Any]:
    """Sum up ms (windows, runs, stages): percentiles by stage, and each window's p50 in all."""
    result: dict[str, Any] = {}
    for stage, values in zip(STAGES, np.moveaxis(taken, -1, 0), strict=True):
        levels = np.percentile(values, SHARES)
        result[stage] = {
            f"p{share}": round(float(level), 3) for share, level in zip(SHARES, levels, strict=True)
        }
    total = taken[:, :, STAGES.index("total_ms")]
    result["windows_p50_ms"] = [round(float(value), 3) for value in np.median(total, axis=1)]
    return result


def cost(taken: dict[int, NDArray[np.float64]]) -> dict[str, dict[str, float]]:
    """Fit p50 = fixed + digits · each, by stage; the residual is the largest."""
    digits = np.array(list(taken), np.float64)
    result = {}
    for index, stage in enumerate(STAGES):
        middle = np.array([np.median(values[:, :, index]) for values in taken.values()])
        each, fixed = np.polyfit(digits, middle, 1)
        residual = np.abs(fixed + each * digits - middle).max()
        result[stage] = {
            "fixed": round(float(fixed), 3),
            "each_digit": round(float(each), 4),
            "residual": round(float(residual), 3),
        }
    return result


def measure(model: Path, runs: int, windows: int) -> dict[str, Any]:
    """Time the frames and name the machine."""
    import cv2

    cv2.setNumThreads(1)
    before = os.getloadavg()[0]
    taken = times(Reader(Classifier(model, num_threads=1)), runs, windows)
    return {
        "model": model.parent.name,
        "runtime": runtime_name(),
        "opencv": cv2.__version__,
        "numpy": np.__version__,
        "processor": environment()["processor"],
        "cpus": os.cpu_count(),
        "threads": 1,
        "load_average": [round(before, 2), round(os.getloadavg()[0], 2)],
        "width": WIDTH,
        "height": HEIGHT,
        "windows": windows,
        "runs_a_window": runs,
        "digits": {str(digits): percentiles(values) for digits, values in taken.items()},
        "cost_ms": cost(taken),
        "unchanged_ms": {
            "grey": unchanged(frame(10), runs * windows),
            "bgr": unchanged(np.dstack([frame(10)] * 3), runs * windows),
        },
    }


def main() -> None:
    """Run the measurement from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a .tflite file or a released model's name")
    parser.add_argument("--runs", type=int, default=100, help="timed readings a window")
    parser.add_argument("--windows", type=int, default=5, help="stretches of the measurement")
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    arguments = parser.parse_args()
    model = released.find(arguments.model)
    text = json.dumps(measure(model, arguments.runs, arguments.windows), indent=1) + "\n"
    if arguments.out:
        write_atomic(arguments.out, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
