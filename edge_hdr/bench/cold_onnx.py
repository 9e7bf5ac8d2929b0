"""Start and first answer of an ONNX model in a fresh process; see `edge_hdr_device.bench.cold`.

python -m edge_hdr.bench.cold_onnx MODEL THREADS
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(model: str, threads: str) -> str:
    """Open a model and read a blank digit; gives the line of JSON."""
    import numpy as np  # noqa: F401 - these imports belong to the start
    import onnxruntime  # noqa: F401

    from edge_hdr.bench.onnx import OnnxSubject
    from edge_hdr_device.bench.cold import first_answer

    return first_answer(lambda: OnnxSubject(Path(model), threads=int(threads)))


if __name__ == "__main__":
    os.write(1, f"{main(*sys.argv[1:])}\n".encode())
