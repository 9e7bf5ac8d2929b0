"""Slim files with a packed manifest load and compute the same in every interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_hdr.data.strokes import make_split
from edge_hdr_device import released
from edge_hdr_device.classifier import Classifier

pytestmark = pytest.mark.slow

MODELS = [released.find(name) for name in released.names()]
IMAGES = make_split(200, seed=5, workers=1).images
# a kernel may round a value to the next step, and such steps add up over a dozen layers
STEPS = 4

PROGRAM = """
import sys
import numpy as np
from {module} import Interpreter
images = np.load("in.npy")
for number, model in enumerate(sys.argv[1:]):
    interpreter = Interpreter(model)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for image in images:
        stored = (image.astype(np.int16) - 128).astype(np.int8).reshape(1, 28, 28, 1)
        interpreter.set_tensor(source["index"], stored)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target["index"])[0])
    np.save(f"out{{number}}.npy", np.array(outputs))
"""


def stored_outputs(python: Path | str, module: str, folder: Path) -> dict[Path, np.ndarray]:
    """Run all models in another Python and give the int8 outputs (N, 10) of each."""
    np.save(folder / "in.npy", IMAGES)
    program = PROGRAM.format(module=module)
    arguments = [str(python), "-c", program, *map(str, MODELS)]
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(arguments, cwd=folder, env=env, check=True, capture_output=True)
    return {model: np.load(folder / f"out{number}.npy") for number, model in enumerate(MODELS)}


def expected(model: Path) -> np.ndarray:
    """Give the int8 outputs of the interpreter in use."""
    classifier = Classifier(model)
    spec = classifier.output_spec
    return np.rint(classifier.logits(IMAGES) / spec.scale + spec.zero_point)


def assert_agree(found: np.ndarray, wanted: np.ndarray) -> None:
    assert np.abs(found - wanted).max() <= STEPS
    assert np.mean(found.argmax(axis=1) == wanted.argmax(axis=1)) >= 0.99


@pytest.fixture(scope="module")
def tf_lite(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, np.ndarray]:
    """Give the outputs of TensorFlow's own interpreter."""
    module, folder = "tensorflow.lite.python.interpreter", tmp_path_factory.mktemp("tf")
    return stored_outputs(sys.executable, module, folder)


@pytest.mark.train
@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.parent.name)
def test_tf_lite_agrees(model: Path, tf_lite: dict[Path, np.ndarray]) -> None:
    assert_agree(tf_lite[model], expected(model))


@pytest.fixture(scope="module")
def tflite_runtime(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, np.ndarray]:
    """Give the outputs of tflite-runtime, which needs numpy 1 and Python ≤ 3.11."""
    if sys.version_info >= (3, 12):
        pytest.skip("tflite-runtime has no package for this Python")
    folder = tmp_path_factory.mktemp("tflite")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    wanted = ["tflite-runtime==2.14.0", "numpy<2"]
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "-q", "--retries", "1", *wanted]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"tflite-runtime cannot be installed: {done.stderr[-500:]}")
        pytest.skip("tflite-runtime cannot be installed here (no package index?)")
    return stored_outputs(folder / "bin/python", "tflite_runtime.interpreter", folder)


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.parent.name)
def test_tflite_runtime_agrees(model: Path, tflite_runtime: dict[Path, np.ndarray]) -> None:
    assert_agree(tflite_runtime[model], expected(model))
