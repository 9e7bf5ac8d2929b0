"""Start and first answer of an ONNX model in a fresh process; see `edge_hdr_device.bench.cold`.

python -m edge_hdr.bench.cold_onnx MODEL THREADS
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main(model: str, threads: str) -> str:
    """Open a model and read a blank digit; gives the line of JSON."""
    import numpy as np
    import onnxruntime  # noqa: F401 - its import belongs to the start

    from edge_hdr.bench.onnx import OnnxSubject
    from edge_hdr_device.bench.cold import STARTED, resident_bytes
    from edge_hdr_device.normalize import SIDE_PX

    imported_ns = time.monotonic_ns()
    started_ns = int(os.environ.get(STARTED, imported_ns))
    base = resident_bytes()
    digit = np.zeros((1, SIDE_PX, SIDE_PX), np.uint8)
    began_ns = time.perf_counter_ns()
    subject = OnnxSubject(Path(model), threads=int(threads))
    opened_ns = time.perf_counter_ns()
    subject.logits(digit)
    answered_ns = time.perf_counter_ns()
    return json.dumps(
        {
            "start_ms": (imported_ns - started_ns) / 1e6,
            "open_ms": (opened_ns - began_ns) / 1e6,
            "first_ms": (answered_ns - opened_ns) / 1e6,
            "resident_bytes": resident_bytes(),
            "resident_base_bytes": base,
        }
    )


if __name__ == "__main__":
    os.write(1, f"{main(*sys.argv[1:])}\n".encode())
