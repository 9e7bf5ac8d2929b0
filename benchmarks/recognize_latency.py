"""Time `recognize`: a 640×480 frame with 10 digits and a 12-megapixel photo, as JSON.

    python benchmarks/recognize_latency.py --model MODEL [--out FILE]

Per stage p50 and p90 in ms after warm-up, one thread; and the whole command from the shell.
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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_hdr.data.render import rasterize
from edge_hdr.data.strokes import sample_glyph
from edge_hdr_device import released
from edge_hdr_device.bench.environment import environment
from edge_hdr_device.classifier import Classifier
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.pipeline import Reader, Reading

WARM_UP = 5
STAGES = ("locate_ms", "normalize_ms", "classify_ms", "total_ms")


def page(width: int, height: int, *, rows: int, columns: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw digits on unevenly lit, noisy paper.

    Returns:
        uint8 (height, width, 3) BGR, `rows` × `columns` digits in dark ink.
    """
    rng = np.random.default_rng(seed)
    ink = np.zeros((height, width), np.uint8)
    tall, wide = height // (rows + 1), width // (columns + 1)
    for index in range(rows * columns):
        glyph = rasterize(sample_glyph(index % 10, rng), height_px=int(0.5 * min(tall, wide)))
        top = tall // 2 + index // columns * tall + (tall - glyph.shape[0]) // 2
        left = wide // 2 + index % columns * wide + (wide - glyph.shape[1]) // 2
        ink[top : top + glyph.shape[0], left : left + glyph.shape[1]] = glyph
    light = np.linspace(150, 230, width)[None, :] * np.linspace(1.0, 0.8, height)[:, None]
    grey = light * (1 - 0.75 * ink / 255.0) + rng.normal(0, 3, ink.shape)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def stages(reader: Reader, image: NDArray[np.uint8], runs: int) -> dict[str, Any]:
    """Time the stages of reading one picture."""
    readings: list[Reading] = [reader.read(image) for _ in range(WARM_UP + runs)][WARM_UP:]
    result: dict[str, Any] = {
        "width": image.shape[1],
        "height": image.shape[0],
        "digits": len(readings[0].digits),
        "runs": runs,
    }
    for stage in STAGES:
        times = [getattr(reading, stage) for reading in readings]
        p50, p90 = np.percentile(times, [50, 90])
        result[stage] = {"p50": round(float(p50), 3), "p90": round(float(p90), 3)}
    return result


def shell(photo: Path, model: Path, runs: int) -> dict[str, Any]:
    """Time the whole command in seconds, a fresh process each."""
    program = str(Path(sys.executable).with_name("edge-hdr"))
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        command = [program, "recognize", str(photo), "--model", str(model)]
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    p50, worst = np.median(times[1:]), max(times[1:])
    return {"runs": runs, "p50_s": round(float(p50), 3), "max_s": round(worst, 3)}


def measure(model: Path, runs: int) -> dict[str, Any]:
    """Time both pictures and the command."""
    import cv2

    cv2.setNumThreads(1)
    reader = Reader(Classifier(model, num_threads=1))
    large = page(4000, 3000, rows=4, columns=10)
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        cv2.imwrite(str(photo), large)
        command = shell(photo, model, max(3, runs // 10))
    return {
        "model": model.name,
        "runtime": runtime_name(),
        "processor": environment()["processor"],
        "cpus": os.cpu_count(),
        "threads": 1,
        "frame": stages(reader, page(640, 480, rows=2, columns=5), 4 * runs),
        "photo": stages(reader, large, runs),
        "command_on_photo": command,
    }


def main() -> None:
    """Run the measurement from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a .tflite file or a released model's name")
    parser.add_argument("--runs", type=int, default=50, help="timed readings of the photo")
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    arguments = parser.parse_args()
    from edge_hdr_device.storage import write_atomic

    text = json.dumps(measure(released.find(arguments.model), arguments.runs), indent=1) + "\n"
    if arguments.out:
        write_atomic(arguments.out, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
