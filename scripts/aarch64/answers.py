"""Runs on the board: the logits of given digits and the readings of given pictures.

python answers.py QUESTION.json ANSWER.npz

The question names `digits` (a .npy of uint8 (N, 28, 28)), `models`, `delegates` and `pictures`.
"""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_hdr_device.classifier import Classifier
from edge_hdr_device.images import read_image
from edge_hdr_device.interpreter import runtime_name
from edge_hdr_device.pipeline import Reader

PACKAGES = ("ml-dtypes", "starlette", "uvicorn", "paho-mqtt", "prometheus-client")


def main() -> None:
    """Answer one question."""
    question = json.loads(Path(sys.argv[1]).read_text())
    arrays: dict[str, Any] = {}
    steps: dict[str, float] = {}
    digits = np.load(question["digits"])
    for path in question["models"]:
        for delegate in question["delegates"]:
            classifier = Classifier(Path(path), delegate=delegate)
            key = f"{name(path)} {delegate}"
            arrays[key] = classifier.logits(digits)
            steps[key] = classifier.output_spec.scale
    answer = {
        "machine": machine(),
        "versions": versions(),
        "steps": steps,
        "readings": [
            {"picture": Path(picture).name, "model": name(model)} | reading(model, picture)
            for picture in question["pictures"]
            for model in question["models"]
            if is_released(model)
        ],
    }
    np.savez(sys.argv[2], answer=np.array(json.dumps(answer)), **arrays)


def is_released(model: str) -> bool:
    """Tell a released model, `NAME/model.tflite`, from one for tests, `NAME.tflite`."""
    return Path(model).stem == "model"


def name(model: str) -> str:
    """Give a model's name."""
    return Path(model).parent.name if is_released(model) else Path(model).stem


def machine() -> dict[str, Any]:
    """Tell what this Python runs on."""
    return {
        "machine": platform.machine(),
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "libc": " ".join(platform.libc_ver()),
    }


def versions() -> dict[str, str]:
    """Give the versions that take part."""
    found = {
        "python": platform.python_version(),
        "interpreter": runtime_name(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def reading(model: str, picture: str) -> dict[str, Any]:
    """Read a picture; what is said of each digit is not rounded."""
    found = Reader(Classifier(Path(model))).read(read_image(picture))
    return {
        "lines": list(found.lines),
        "labels": [digit.label for digit in found.digits],
        "confidences": [digit.confidence for digit in found.digits],
        "boxes": [list(map(int, digit.box)) for digit in found.digits],
    }


if __name__ == "__main__":
    main()
