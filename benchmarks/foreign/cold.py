"""Start another library in this fresh process, open a model with it and read one digit.

    python benchmarks/foreign/cold.py keras|tf-lite FILE

prints what `python -m edge_hdr_device.bench.cold` prints for ours, taken in the same way.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))


def import_keras() -> Callable[[Path], Callable[[Any], Any]]:
    """Import TensorFlow and Keras; gives what opens a saved model."""
    import tensorflow as tf  # noqa: F401  what `import tf_keras` brings along in any case
    import tf_keras

    def open_model(path: Path) -> Callable[[Any], Any]:
        from edge_hdr.architectures.layers import SpaceToDepth

        known = {"SpaceToDepth": SpaceToDepth}
        model = tf_keras.models.load_model(path, custom_objects=known, compile=False)
        return lambda digit: model.predict(digit, verbose=0)

    return open_model


def import_tflite() -> Callable[[Path], Callable[[Any], Any]]:
    """Import TensorFlow; gives what opens a TFLite file with its interpreter."""
    import tensorflow as tf  # noqa: F401  its import is what is timed

    def open_model(path: Path) -> Callable[[Any], Any]:
        from foreign.runtimes import asker, tensorflow_interpreter

        return asker(tensorflow_interpreter(path))

    return open_model


def main(kind: str, file: str) -> None:
    """Take the times and print them."""
    from edge_hdr_device.bench.cold import STARTED, resident_bytes

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    open_model = {"keras": import_keras, "tf-lite": import_tflite}[kind]()
    imported_ns = time.monotonic_ns()
    started_ns = int(os.environ.get(STARTED, imported_ns))
    base, digit = resident_bytes(), np.zeros((1, 28, 28, 1), np.float32)
    began_ns = time.perf_counter_ns()
    answer = open_model(Path(file))
    opened_ns = time.perf_counter_ns()
    answer(digit)
    answered_ns = time.perf_counter_ns()
    figures = {
        "start_ms": (imported_ns - started_ns) / 1e6,
        "open_ms": (opened_ns - began_ns) / 1e6,
        "first_ms": (answered_ns - opened_ns) / 1e6,
        "resident_bytes": resident_bytes(),
        "resident_base_bytes": base,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
