"""One trained network in every form: Keras, TFLite float32, ONNX."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_hdr.bench.onnx import OnnxSubject
from edge_hdr.build_folder import FLOAT, STATE
from edge_hdr.errors import CheckFailedError, ConfigError, DependencyError
from edge_hdr_device.bench.subject import Subject, TfliteSubject
from edge_hdr_device.install.golden import golden_digits
from foreign.onnx_graph import to_onnx
from foreign.runtimes import FullTensorflowLite, keras_subjects, scaled

TOLERANCE = 1e-3  # of logits, from one library's float32 kernels to another's
QUICK = ("--arch", "lenet5", "--preset", "quick", "--limit", "4000", "--quantize", "float32")


@dataclass(frozen=True)
class Network:
    """One trained network in several files.

    Attributes:
        name: of its architecture.
        folder: of its build.
        model: the float Keras model.
        tflite: the same exported as float32.
        keras: the same as Keras saves it.
        onnx: the same as ONNX.
    """

    name: str
    folder: Path
    model: Any
    tflite: Path
    keras: Path
    onnx: Path


def quick_build(out: Path) -> Path:
    """Build a small network on a few digits, where no better build is at hand; gives its folder.

    Its answers take as long as a better one's; its accuracy means nothing.
    """
    command = [sys.executable, "-m", "edge_hdr", "build", *QUICK, "--out", str(out), "--json"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return out


def load_network(folder: Path, scratch: Path) -> Network:
    """Load the float network of a build and write it in the other forms.

    Args:
        folder: of a finished build.
        scratch: where the other forms are written.

    Raises:
        ConfigError: no such build, or a network that `onnx_graph` does not write.
        CheckFailedError: two of the forms answer differently.
    """
    from edge_hdr.training_phases import load_float

    model = load_float(folder, 10)
    name = str(json.loads((folder / STATE).read_text())["config"]["architecture"])
    network = Network(
        name=name,
        folder=folder,
        model=model,
        tflite=folder / FLOAT,
        keras=scratch / f"{name}.keras",
        onnx=scratch / f"{name}.onnx",
    )
    if not network.tflite.is_file():
        raise ConfigError(f"{folder} has no {FLOAT}", hint="give the folder of a finished build")
    model.save(network.keras)
    try:
        network.onnx.write_bytes(to_onnx(model))
    except ValueError as error:
        raise ConfigError(f"{folder}: {error}", hint="give a build of lenet5 or ds-cnn") from error
    except ImportError as error:
        raise DependencyError("onnx is not installed", hint="pip install onnx") from error
    return network


def subjects(network: Network) -> list[Subject]:
    """Open a network in every form; ours comes first.

    Raises:
        CheckFailedError: two of the forms answer differently, so their times do not compare.
    """
    name = network.name
    opened: list[Subject] = [
        TfliteSubject(network.tflite, name=f"{name}: ours, float32"),
        *keras_subjects(name, network.model, network.keras),
        OnnxSubject(network.onnx, name=f"{name}: onnxruntime"),
        FullTensorflowLite(f"{name}: tf.lite", network.tflite),
    ]
    digits = golden_digits()[:10]
    expected = network.model(scaled(digits), training=False).numpy()
    limit = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    for subject in opened:
        difference = float(np.abs(subject.logits(digits) - expected).max())
        if difference > limit:
            raise CheckFailedError(
                f"{subject.name} answers otherwise than Keras, by {difference:.3g}",
                hint="its time does not compare; report this with the architecture",
            )
    return opened
